"""Phrases of names that are Python numbers at first and NumPy's later, and of run-time steps."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tests.programs.phrase import Phrases

NUMBERS = Phrases()
STEPS = Phrases()
X = np.array([1.5, -2.0, 3.0, 0.25, 2.0])
OF_EACH = tuple((X.astype(k),) for k in ("f8", "f4", "i8", "i1"))
MANY = (*OF_EACH, (X > 0,), (X + 1j,))


@NUMBERS((X, 0), (X, 2), (X, 4), (X.astype("f4"), 0), (X.astype("f4"), 3))
def an_int_or_a_float(x: Any, k: int) -> Any:
    """A number is of the type that it has in Python where it is returned, printed or asked for."""
    r, s, t = 0, 1, 2
    if k > 0:
        r = x[k]
        s = float(x[1])
    if k > 3:
        r = 7
    if x[0] > k:
        t = 0.5
    print(r, s, t, sep="|")
    kept = [r, {"s": s}]
    return r, s, t, kept, isinstance(r, int), isinstance(s, float), r if k > 2 else 3, -2 < t


@NUMBERS(([1.5, 0.5, 3.5], 1), ([1.5, 0.5, 3.5], 2), ([1.5, 0.5, 3.5], 0))
def computed_with_an_int_or_a_float(x: Any, k: int) -> Any:
    """Sums, differences, products and signs of ints are ints, of either a float."""
    y = 0 if x[k] > 2 else x[k]
    z = k if x[k] > 2 else x[k]
    w = z * 3 if x[k] > 1 else z
    signs = -y, +y, abs(y), abs(-w), math.copysign(1.0, -y * 3)
    mixed = y + 0.5, y * 1.0, z + y, z * True, (w - 1) * 2, 1 - y, y * y, z + k
    return y + 1, y * 2, y - 1, 3 - w, signs, mixed, isinstance(w + 1, int), w / 2


ARRAYS = [np.array([1.5, 0.5, 3.5], dtype) for dtype in ("f8", "f4", "f2", "c16")]


@NUMBERS(*((x, k) for x in ARRAYS[:2] for k in (1, 2, 0)))
def computed_with_an_int_or_a_numpy_scalar(x: Any, k: int) -> Any:
    y = 0 if x[k] > 2 else x[k]
    z = k if x[k] > 2 else x[k] * 2
    signs = -y, +y, abs(y), abs(-z)
    mixed = z + y, z * True, (z * 3 - 1) * 2, 1 - y, y * y, y + x[0], y + x[0] * x
    return y + 1, y * 2, y - 1, 3 - z, signs, mixed, isinstance(z + 1, int)


@NUMBERS(*((x, k) for x in ARRAYS[2:] for k in (1, 2)))
def an_int_or_a_narrow_or_a_complex(x: Any, k: int) -> Any:
    y = k if x[k].real > 2 else x[k]
    return y + 1, -y, y * 2 - 5, +y


@NUMBERS(([1.5, 0.5, 3.5], 2), ([1.5, 0.5, 3.5], 1))
def a_large_int_or_a_float(x: Any, k: int) -> Any:
    y = k if x[k] > 2 else x[k]
    return y * 2**50 + 1, y * 2**50 * 2 - 1


@NUMBERS((2.5, 4), (-2.5, 4), (7.0, 4), (4.0, 4))
def the_larger_of_two_kinds(a: float, k: int) -> Any:
    return max(a, 0), min(a, k), max(k, a), a if a > 0 else 0, (a or 3), (k and a)


@NUMBERS(*MANY)
def summed(x: Any) -> Any:
    s = 0
    for v in x:
        s += v
    return s


@NUMBERS(*OF_EACH)
def summed_where(x: Any) -> Any:
    s = 0
    for v in x:
        if v > 1:
            s += v
    return s


@NUMBERS(*OF_EACH)
def counted_or_summed(x: Any) -> Any:
    s = 0
    for i in range(len(x)):
        if i % 2 == 0:
            s += x[i]
        elif x[i] > 0:
            s -= 1
        else:
            s += 0.5
    return s


@NUMBERS(*OF_EACH)
def greatest(x: Any) -> Any:
    best, place = -1, -1
    for i, v in enumerate(x):
        if v > best:
            best, place = v, i
    return best, place


@NUMBERS(*OF_EACH[:2])
def least(x: Any) -> Any:
    m = float("inf")
    for v in x:
        m = min(m, v)
    return m


@NUMBERS(*OF_EACH)
def greatest_by_max(x: Any) -> Any:
    m = 0
    for v in x:
        m = max(m, v)
    return m


@NUMBERS(*OF_EACH)
def differences(x: Any) -> Any:
    last = total = 0
    for v in x:
        total += abs(v - last)
        last = v
    return total


@NUMBERS(*OF_EACH)
def nested(x: Any) -> Any:
    total = 0
    for i in range(3):
        for v in x:
            if v > i:
                total = total + v
            else:
                total -= 1
        if total > 4:
            total = 0
    return total


@NUMBERS(*OF_EACH)
def in_a_while(x: Any) -> Any:
    i = s = 0
    while i < x.shape[0]:
        if x[i] > 0:
            s = s + x[i] * x[i]
        i += np.argmin(x[i:]) + 1
    return s, i


@NUMBERS((X.astype("f4"),), (X,))
def halves_or_elements(x: Any) -> Any:
    value = 0.5 if x[0] > 9 else x[1]
    return value * x


LONG = np.arange(24.0)
SIGNED = [(LONG, k) for k in (1, 2, -1, -3, 100, -100, 2**62, -(2**63), 2**63 - 1, 0)]


@STEPS((30,), (100,), (2,))
def sieve(n: Any) -> Any:
    is_prime = np.ones(n + 1, dtype=bool)
    is_prime[:2] = False
    for i in range(2, int(n**0.5) + 1):
        if is_prime[i]:
            is_prime[i * i :: i] = False
    return np.nonzero(is_prime)[0]


@STEPS(*SIGNED)
def read(x: Any, k: Any) -> Any:
    return x[::k], x[:0][::k], x[3::k], x[:5:k], x[::k].sum()


@STEPS(*SIGNED)
def written(x: Any, k: Any) -> Any:
    x[20::k] = 7.0
    x[::k] *= 2
    view = x[3:17:k]
    view += 1
    view[::-1][:1] = 99
    return view, x[::k][::k]


@STEPS(*((LONG, a, b, s) for a, b in ((2, 20), (20, 2), (-100, 100), (5, 5)) for s in (3, -3)))
def bounds(x: Any, a: Any, b: Any, s: Any) -> Any:
    t = 0
    for i in range(a, b, s):
        t = (3 * t + i) % 1009
    return x[a:b:s], t, len(range(a, b, s)), np.arange(a, b, s)


@STEPS(*((LONG.reshape(4, 6), s, t) for s, t in ((2, 3), (-2, 1), (1, -1), (7, -7))))
def two_axes(m: Any, s: Any, t: Any) -> Any:
    view = m[::s, ::t]
    view *= 2
    return view, view.T, view.sum(axis=0), view[0], m[..., ::t].ravel() + 1


@STEPS(*SIGNED[:6])
def raveled(x: Any, k: Any) -> Any:
    line = x[::k].ravel()
    line[0] = 50.0
    return line


@STEPS((LONG, 5))
def in_loops(x: Any, n: Any) -> Any:
    total = 0.0
    for s in range(1, n):
        total += x[::s].sum() + x[::-s][0] + np.arange(10, -10, -s).sum()
        x[::s] += 1
    return total


@STEPS((0, 10, 0), (0, 10, 3), (10, 0, -4))
def arange_of(a: Any, b: Any, s: Any) -> Any:
    return np.arange(a, b, s)


@STEPS((0.0, 1.0, 0.0), (0.0, 1.0, 0.25))
def arange_of_floats(a: Any, b: Any, s: Any) -> Any:
    return np.arange(a, b, s)


@NUMBERS((np.zeros(2, int), 4), (np.array([1, 0]), 4), (np.array([0, 2]), 4), (np.zeros(0, int), 4))
def sum_of_elements_or_an_int(x: Any, m: int) -> Any:
    total = 0
    for i in range(len(x)):
        total += m if x[i] == 0 else x[i]
    return total
