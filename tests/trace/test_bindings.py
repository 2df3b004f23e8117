"""What names are bound to through loops and branches: swaps, moving views, breaks, closures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.trace.running import assert_same

A = np.arange(6.0)


def while_swap(a, b, n):
    k = 0
    while k < n:
        b[1:-1] = 0.5 * (a[:-2] + a[2:])
        a, b = (b, a)
        k += 1
    return a


def while_swap_local(x, n):
    a = x.copy()
    b = np.zeros_like(x)
    k = 0
    while k < n:
        b[1:-1] = 0.5 * (a[:-2] + a[2:])
        a, b = (b, a)
        k += 1
    return (a, b)


def for_break_swap(x, n):
    a = x.copy()
    b = np.zeros_like(x)
    for k in range(10):
        b[1:-1] = 0.5 * (a[:-2] + a[2:])
        a, b = (b, a)
        if k == n:
            break
    return (a, b)


def alias_loop(x, n):
    z = x
    w = x
    for i in range(n):
        z = z + 1
        w[0] += 1
    return (z, w)


def cond_in_loop(x, n):
    for i in range(n):
        if i % 2 == 0:
            x = x * 2
        else:
            x[0] = -1
    return x


def rot3(a, b, c, n):
    for i in range(n):
        a[0] += 1
        a, b, c = (b, c, a)
    return (a, b, c)


def dyn(x, n):
    out = []
    for i in range(3):
        out.append(x[: i + 1].sum())
    return np.array(out)


def nested_break(x, n):
    hits = 0
    for i in range(5):
        for j in range(5):
            if x[i] * x[j] > n:
                break
            hits += 1
        else:
            hits += 100
        if hits > 200:
            break
    return hits


def try_it(x, n):
    try:
        y = x[0] / 2
    except ValueError:
        y = 0.0
    return y


def printing(x, n):
    print("n is", n, x[0])
    return x


def ret_in_while(x, n):
    i = 0
    while True:
        if x[i] > n:
            return i
        i += 1
        if i == 6:
            return None if False else -1


def fstring(x, n):
    f"{x.shape[0]}"
    if n > 1:
        raise ValueError(f"bad {n:d} and {x[0]}")
    return x


def chain(x, n):
    return x.copy().reshape(2, 3).T.ravel()[1:] + np.arange(5)


def gauss(a, n):
    m = a.shape[0]
    for k in range(m):
        p = k
        for i in range(k + 1, m):
            if abs(a[i, k]) > abs(a[p, k]):
                p = i
        if p != k:
            a[[k, p]] = a[[p, k]]
        for i in range(k + 1, m):
            f = a[i, k] / a[k, k]
            a[i, k:] -= f * a[k, k:]
    return a


def newton(x, n):
    for it in range(100):
        fx = x * x - n
        if np.abs(fx).max() < 1e-12:
            break
        x = x - fx / (2 * x)
    return (x, it)


def dd(x, n):
    d = {}
    for k in ("a", "b"):
        d[k] = x * len(d)
    return d


def wh(x, n):
    while n > 0:
        x = x[:-1]
        n -= 1
    x[0] = 77
    return x


def kwargs(x, n):

    def g(*a, scale=1, **k):
        return a[0] * scale + k.get("z", 0)

    return (g(x, scale=n, z=x[0]), g(*[x], z=2))


def gen(x, n):
    return sum((v * v for v in x[:3]))


def star(x, n):
    a, *b = x
    return (a, b)


def intdiv(x, n):
    return (x[: n // 2], x[n % 3 :], (n + 1) // 2, n << 2, n | 1, -n // 2)


def cellwrite(x, n):

    def setit(i):
        x[i] = n

    for i in range(3):
        setit(i)
    return x


CASES: list[tuple[Any, Any]] = [
    (while_swap, lambda n: [A.copy(), A * 2, n]),
    (while_swap_local, None),
    (for_break_swap, None),
    (alias_loop, None),
    (cond_in_loop, None),
    (rot3, lambda n: [A.copy(), A * 2, A * 3, n]),
    (dyn, None),
    (nested_break, None),
    (try_it, None),
    (printing, None),
    (ret_in_while, None),
    (fstring, None),
    (chain, None),
    (gauss, lambda n: [np.random.default_rng(n).random((4, 5)), n]),
    (newton, lambda n: [A + 1, n + 1]),
    (dd, None),
    (wh, None),
    (kwargs, None),
    (gen, None),
    (star, None),
    (intdiv, None),
    (cellwrite, None),
]


@pytest.mark.parametrize("symbolic", [False, True], ids=["static", "symbolic"])
@pytest.mark.parametrize("n", [0, 1, 2, 3])
@pytest.mark.parametrize(("fn", "make"), CASES, ids=[f.__name__ for f, _ in CASES])
def test_bindings(fn: Any, make: Any, n: int, symbolic: bool) -> None:
    assert_same(fn, lambda: make(n) if make else [A.copy(), n], symbolic=symbolic)
