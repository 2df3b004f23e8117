"""Phrases of ``math``: values, types and errors are those of Python's functions; the values of
gamma and its kin within some units in the last place."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tests.programs.phrase import Phrases

MATHEMATICS = Phrases()
REALS = ((0.5,), (2.5,), (-7.25,), (0.0,), (-0.0,), (1e-310,), (1e300,), (math.inf,), (math.nan,))
PAIRS = ((7.5, 2.0), (-7.5, 2.0), (5.0, 2.0), (7.0, 2.0), (1e300, 3.0), (2.5, math.inf), (0.3, 0.1))
INTS = ((0,), (1,), (5,), (20,), (99,), (2**53 + 1,), (3037000500**2 - 1,), (2**63 - 1,))
CHOICES = ((5, 2), (20, 10), (62, 31), (3, 5), (7, 0), (0, 0))


@MATHEMATICS(*REALS)
def parts_of_floats(v: float) -> Any:
    return math.modf(v), math.frexp(v)


@MATHEMATICS((0.5, 3), (-1.5, -1080), (1.0, 1023), (0.0, 5000), (math.inf, 3))
def scaled(v: float, n: int) -> Any:
    return math.ldexp(v, n)


@MATHEMATICS(*PAIRS)
def nearest_remainder(v: float, w: float) -> Any:
    return math.remainder(v, w), math.isclose(v, w), math.isclose(v, w + v, rel_tol=0.5)


@MATHEMATICS((7.5, 2.0), (-7.5, 2.0), (1.0, 0.0), (np.inf, 2.0), (2.0, np.inf), (np.nan, 0.0))
def remainder_of_c(v: float, w: float) -> Any:
    return math.fmod(v, w)


@MATHEMATICS((0.5,), (2.5,), (5.0,), (-1.5,), rtol=2e-15)
def special_functions(v: float) -> Any:
    return math.gamma(v), math.lgamma(v), math.erfc(v), math.erfc(-v)


@MATHEMATICS((0.0,))
def gamma_at_a_pole(v: float) -> Any:
    return math.gamma(v)


@MATHEMATICS((1e3,))
def gamma_beyond_all(v: float) -> Any:
    return math.gamma(v)


@MATHEMATICS(*INTS)
def roots_of_ints(n: int) -> Any:
    return math.isqrt(n), math.gcd(n, 12), math.gcd(n, 12, 8), math.gcd(n)


@MATHEMATICS((0,), (1,), (12,), (20,))
def factorials(n: int) -> Any:
    return math.factorial(n), math.lcm(n, 18), math.lcm(-n, 4, 6), math.perm(n)


@MATHEMATICS(*CHOICES)
def choices(n: int, k: int) -> Any:
    return math.comb(n, k), math.perm(n, min(k, 6))


@MATHEMATICS((-3,))
def factorial_of_what_has_none(n: int) -> Any:
    return math.factorial(n)


@MATHEMATICS((np.array([0.1, 0.2, 0.3, 1e16, -1e16]),), (np.array([1.0, 2.0, 4.0]),))
def of_many(x: Any) -> Any:
    return math.fsum(x), math.prod(x), math.prod([2, x[1]], start=3), math.fsum([x[0], 1, x[1]])


@MATHEMATICS((5,), (7,))
def of_known_ints(n: int) -> Any:
    z = 0.0
    for i in range(3):
        z = np.sqrt(2 * n + 1) if i == 0 else z * 2
    return z, math.sqrt(n), math.floor(n), math.log2(n), math.hypot(n, 3), np.sqrt(n)


@MATHEMATICS(*REALS, (5e-324,), (-math.inf,), (-1.7976931348623157e308,), (1.0,))
def units_in_the_last_place(v: float) -> Any:
    return math.ulp(v), math.ulp(np.float64(v)), math.ulp(v > 0), math.nextafter(v, math.inf)


@MATHEMATICS((np.array([3.0, 1.0, 0.0]),), (np.array([-2.0, 5.0, math.nan]),), rtol=3e-16)
def distances(x: Any) -> Any:
    near = math.dist(x[:2], [0, 5]), math.dist((x[0], 2), (int(x[1]), x[1]))
    return (
        near,
        math.dist([x[0]], [x[1]]),
        math.dist((), ()),
        math.dist(x, x[::-1]),
        math.dist(x, x * 0),
    )


@MATHEMATICS((np.array([3.0, 1.0]),), (np.array([-2.0, 5.0]),))
def points_of_other_dimensions(x: Any) -> Any:
    return math.dist(x, [1.0])
