"""Branches and loops staged at run time, mutation and bindings through them, against NumPy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tests.trace.running import assert_same, run_traced

A = np.arange(6.0)


def branch_rebinds(x, c):
    if c > 0:
        y = x * 2
    else:
        y = x + 1
    return y


def branch_mutates(x, c):
    if c > 0:
        x[0] = 9
    else:
        x[1:] *= 2
    return x.sum()


def branch_aliases(x, c):
    y = x
    if c > 0:
        y = x * 2
    y[0] = 100
    return y


def branch_two_arguments(x, z, c):
    y = x if c > 0 else z
    y[1] = -1
    y += 1
    return y


def branch_unbound(x, c):
    if c > 0:
        y = x.sum()
    return y


def branch_raises(x, c):
    x[0] = 1
    if c < 0:
        raise ValueError("negative")
    x[1] = 2
    return x


def both_raise(x, c):
    if c > 0:
        raise ValueError("positive")
    else:
        raise KeyError("other")


def early_return(x, c):
    if c > 0:
        return x.sum()
    x[0] = 5
    return x.mean()


def nested(x, c):
    if c > 0:
        if x[0] > 1:
            z = 1
        else:
            z = 2
    elif c < -1:
        z = 3
    else:
        z = 4
    return z + x[0]


def logic(x, c):
    return (c > 0 and x[0] > 0) or c == -2, not c, 0 < c < 3


def conditional(x, c):
    return x[0] if c else -x[1]


def accumulate(x, n):
    s = 0.0
    for i in range(n):
        s += x[i % 6] * i
    return s


def count(x, n):
    k = 0
    for v in x:
        if v > n:
            k += 1
    return k


def rebind_array(x, n):
    for _ in range(n):
        x = x * 0.5 + 1
    return x


def write_then_rebind(x, n):
    for _ in range(n):
        x[0] += 1
        x = x * 2
    return x


def swap_local(x, n):
    u = x.copy()
    v = np.zeros_like(u)
    for _ in range(n):
        v[1:] = u[:-1]
        u, v = v, u
    return u, v


def nested_loops(x, n):
    total = np.zeros((6, 6))
    for i in range(6):
        for j in range(i, n):
            total[i, j] = x[i] * x[j]
    return total


def triangular(x, n):
    for i in range(1, n):
        for j in range(i):
            x[i] -= x[j] * 0.1
    return x


def while_loop(x, n):
    steps = 0
    while x.sum() < 100:
        x += 1
        steps += 1
        if steps > n:
            break
    return steps, x


def while_true(x, n):
    i = 0
    while True:
        i += 1
        if x[i % 6] > 3 or i > n:
            break
    return i


def while_int(n):
    k = 0
    while n > 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        k += 1
    return k


def find(x, n):
    for i in range(len(x)):
        if x[i] > n:
            return i
    return -1


def skip(x, n):
    s = 0.0
    for i in range(6):
        if i == n:
            continue
        s += x[i]
    return s


def loop_else_found(x, n):
    for i in range(6):
        if x[i] == n:
            found = True
            break
    else:
        found = False
    return i, found


def rows(m):
    out = []
    for row in m:
        out.append(row.sum())
    return out


def enumerated(x):
    s = 0.0
    for i, v in enumerate(x):
        s += i * v
    return s


def zipped(x, y):
    s = 0.0
    for a, b in zip(x, y):
        s += a * b
    return s


def backwards(x):
    s = 0.0
    for v in reversed(x):
        s = s * 0.5 + v
    for i in range(5, -1, -2):
        s += x[i]
    return s


def tuple_state(x, n):
    state = (0.0, x)
    for _ in range(n):
        s, v = state
        state = (s + v.sum(), v * 0.5)
    return state


def list_items(x, params):
    for i in range(3):
        params[0] = params[0] - 0.1 * x
        params[1] = params[1] * 2
    return params[0].sum()


def dict_state(x, n):
    d = {"a": x, "k": 0}
    for _ in range(n):
        d["a"] = d["a"] + 1
        d["k"] = d["k"] + 2
    return d


def none_first(x, n):
    best = None
    for i in range(6):
        if best is None or x[i] > best:
            best = x[i]
    return best


def growing(x, n):
    y = x
    for _ in range(n):
        y = np.concatenate([y, x])
    return y


def moving_view(x):
    y = x
    for _ in range(3):
        y = y[1:]
    y[0] = 50
    return y


def dtype_change(x, n):
    s = 1
    for _ in range(n):
        s = s * 0.5
    return s


def int_overflow(n):
    p, q = 0, 1
    for _ in range(n):
        p, q = q, p + q
    return p


def python_math(a, b):
    return a // b, a % b, a / b, a**2, -a, abs(a), divmod(a, b), round(a * 1.0), min(a, b, 0)


def floats(a, b):
    return a // b, a % b, a / b, abs(a), int(a), round(a), math.floor(a), math.sqrt(abs(a)), a**2


def inner(v):
    if v.sum() > 3:
        return v * 2
    return v - 1


def calls(x, n):
    def local(y, scale=2.0):
        return inner(y) * scale

    return local(x), (lambda z: z + n)(x), max(x), sum(x)


def assertion(x, n):
    x[0] = 7
    assert x[1] < n, "too small"
    return x


def comprehension(x):
    return sum([x[i] ** 2 for i in range(3)]), [v + 1 for v in x]


def power_loop(m, n):
    r = np.eye(2)
    while n > 0:
        if n & 1:
            r = r @ m
        m = m @ m
        n >>= 1
    return r


def escape(c, n):
    z = 0j
    for i in range(n):
        z = z * z + c
        if abs(z) > 2:
            return i
    return n


def fractal(xs, ys, n):
    out = np.zeros((len(ys), len(xs)), dtype=np.int64)
    for i in range(len(ys)):
        for j in range(len(xs)):
            out[i, j] = escape(complex(xs[j], ys[i]), n)
    return out


def smooth(img, steps):
    for _ in range(steps):
        gx = np.diff(img, axis=1, append=img[:, -1:])
        gy = np.diff(img, axis=0, append=img[-1:, :])
        w = 1.0 / np.sqrt(1.0 + gx * gx + gy * gy)
        img[1:-1, 1:-1] += 0.2 * (w * (gx + gy))[1:-1, 1:-1]
        if img.max() > 1.0:
            img /= img.max()
    return img


def one(*extra):
    return lambda: [A.copy(), *extra]


CASES: list[tuple[Any, Any]] = [
    *((f, one(c)) for f in (branch_rebinds, branch_mutates, branch_aliases, branch_unbound,
                            branch_raises, both_raise, early_return, nested, logic, conditional)
      for c in (1, 0, -1, -2)),
    *((branch_two_arguments, lambda c=c: [A.copy(), A * 3, c]) for c in (1, -1)),
    *((f, one(n)) for f in (accumulate, count, rebind_array, write_then_rebind, swap_local,
                            nested_loops, triangular, while_loop, while_true, find, skip,
                            loop_else_found, tuple_state, dict_state, none_first, growing)
      for n in (0, 1, 2, 5)),
    *((dtype_change, one(n)) for n in (1, 4)),
    *((while_int, lambda n=n: [n]) for n in (1, 7, 27)),
    (rows, lambda: [np.arange(6.0).reshape(2, 3)]),
    (enumerated, one()),
    (zipped, lambda: [A.copy(), A * 2]),
    (backwards, one()),
    (list_items, lambda: [A.copy(), [A * 1.0, 3.0]]),
    (moving_view, one()),
    *((int_overflow, lambda n=n: [n]) for n in (3, 90)),
    *((python_math, lambda a=a, b=b: [a, b]) for a, b in ((7, 2), (-7, 2), (7, -3), (5, 0))),
    *((floats, lambda a=a, b=b: [a, b]) for a, b in ((7.5, 2.0), (-7.5, 2.0), (0.5, 0.0))),
    (calls, one(2)),
    (calls, one(2.5)),
    (assertion, one(5)),
    (assertion, one(0)),
    (comprehension, one()),
    *((power_loop, lambda n=n: [np.array([[1.0, 1.0], [1.0, 0.0]]), n]) for n in (0, 1, 10)),
    (fractal, lambda: [np.linspace(-2, 1, 5), np.linspace(-1, 1, 4), 9]),
    (smooth, lambda: [np.random.default_rng(0).random((5, 6)) * 1.2, 3]),
]  # fmt: skip


@pytest.mark.parametrize("symbolic", [False, True], ids=["static", "symbolic"])
@pytest.mark.parametrize(
    ("fn", "make"), CASES, ids=[f"{f.__name__}-{k}" for k, (f, _) in enumerate(CASES)]
)
def test_staged(fn: Any, make: Any, symbolic: bool) -> None:
    assert_same(fn, make, symbolic=symbolic)


@pytest.mark.parametrize(
    ("fn", "make"), CASES, ids=[f"{f.__name__}-{k}" for k, (f, _) in enumerate(CASES)]
)
def test_static_ints(fn: Any, make: Any) -> None:
    assert_same(fn, make, static_ints=True)


def test_int_overflow_raises() -> None:
    with pytest.raises(OverflowError):
        run_traced(int_overflow, [100])
