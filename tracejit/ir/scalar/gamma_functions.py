"""Gamma, its logarithm and its derivatives, and erfc. All is computed in float64.

Gamma is ``L(x) y**(x - 1/2) e**-y`` with ``y = x + g - 1/2`` and a rational function ``L`` (Lanczos
1964; Pugh 2004). Its coefficients are those of Boost, which Python's ``math`` has, too. Negative
numbers are reflected [DLMF 5.5.3]. Polygamma is an asymptotic series [5.11.2, 5.15.8] of a number
that recurrence [5.15.5] makes large enough.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from tracejit.ir.scalar.elementary.exponential import exp_of_sum
from tracejit.ir.scalar.elementary.num import (
    DOUBLE,
    INF,
    NAN,
    Num,
    elementary,
    fma,
    poly,
    two_product,
    where,
)
from tracejit.ir.scalar.elementary.power import erf, pow
from tracejit.ir.scalar.elementary.trigonometric import of_half_turns
from tracejit.ir.scalar.emit import F64, I64
from tracejit.ir.scalar.incomplete_gamma import (
    BERNOULLI,
    LARGE,
    exp_of,
    log_of,
    psi_tail,
    repeat,
    rising,
)

_G = 6.024680040776729583740234375
_LANCZOS = (
    23531376880.41076,
    42919803642.6491,
    35711959237.355670,
    17921034426.03721,
    6039542586.352028,
    1439720407.3117216,
    248874557.86205417,
    31426415.585400194,
    2876370.628935372,
    186056.26539522350,
    8071.672002365816,
    210.82427775157935,
    2.5066282746310002,
)
#: The coefficients of x (x + 1) ... (x + 11).
_RISING = (
    *(0.0, 39916800.0, 120543840.0, 150917976.0, 105258076.0, 45995730.0, 13339535.0, 2637558.0),
    *(357423.0, 32670.0, 1925.0, 66.0, 1.0),
)
_FACTORIALS = tuple(float(math.factorial(n)) for n in range(23))
#: Below it, gamma is 1/x.
_TINY = 1e-20
#: From here on gamma is infinite, and that of minus it zero.
_GONE = 200.0
#: A power of more than this is taken in two steps.
_HALVED = 140.0
#: The recurrence of a polygamma of at most this order is written out.
_WRITTEN_OUT = 3


def in_double(code: Callable[..., Num]) -> Callable[..., Any]:
    """A lowering that computes in float64, whatever float it is given."""

    def whole(x: Num, **attrs: Any) -> Num:
        return code(x.to_float(F64), **attrs).to_float(x.dtype)

    return elementary(whole)


def _of(lower: Callable[..., Any], *operands: Num) -> Num:
    e = operands[0].e
    return Num(e, lower(e, *(x.v for x in operands)))


def _lanczos(x: Num) -> Num:
    """L(x) for x > 0; in powers of 1/x where those of x would overflow."""
    small = x < 5.0
    t = where(small, x, 1.0 / x)

    def side(low_first: tuple[float, ...]) -> Num:
        pairs = [
            where(small, x.const(up), x.const(down)) if up != down else x.const(up)
            for up, down in zip(reversed(low_first), low_first, strict=True)
        ]
        total = pairs[0]
        for c in pairs[1:]:
            total = fma(total, t, c)
        return total

    return side(_LANCZOS) / side(_RISING)


def _sine_of_half_turns(x: Num) -> Num:
    """sin(pi x) for x >= 0."""
    nearest = x.rint()
    r, _ = of_half_turns(x - nearest)
    odd = (0.5 * nearest).trunc().ne(0.5 * nearest)
    return where(odd, -r, r)


def gamma(x: Num) -> Num:
    """Gamma; exact for 1 to 23, nan where it has poles, and at minus infinity."""
    a = x.abs()
    inside = (a > _TINY) & (a < _GONE)
    b = where(inside, a, 1.0)
    y = b + (_G - 0.5)
    larger = b > _G - 0.5
    z = where(larger, (y - b) - (_G - 0.5), (y - (_G - 0.5)) - b) * _G / y
    halved = b > _HALVED
    power = _of(pow, y, where(halved, 0.5 * b - 0.25, b - 0.5))
    total, e = _lanczos(b), exp_of(y)
    up = total / e
    up = (up + z * up) * power
    up = where(halved, up * power, up)
    down = -math.pi / _sine_of_half_turns(b) / b * e / total
    down = (down - z * down) / power
    down = where(halved, down / power, down)
    whole = x.trunc().eq(x)
    few = whole & (x > 0.0) & (x < len(_FACTORIALS) + 0.5)
    index = where(few, x - 1.0, 0.0).to_int(I64)
    exact = Num(x.e, x.e.lookup(_FACTORIALS, index.v, F64))
    r = where(few, exact, where(x < 0.0, down, up))
    beyond = where(x > 0.0, INF, -0.0 * _sine_of_half_turns(where(a < 2.0**53, a, 0.0)))
    r = where(inside, r, where(a > 1.0, beyond, 1.0 / x))
    return where(x.isnan() | ((x < 0.0) & (whole | x.eq(-INF))), NAN, r)


def lgamma(x: Num) -> Num:
    """The logarithm of the absolute value of gamma; infinite where that has poles."""
    a = x.abs()
    tiny = a < _TINY
    b = where(tiny | a.eq(INF), 1.5, a)
    up = log_of(_lanczos(b)) - _G + (b - 0.5) * (log_of(b + (_G - 0.5)) - 1.0)
    turns = _sine_of_half_turns(b).abs()
    down = math.log(math.pi) - log_of(turns) - log_of(b) - up
    r = where(x < 0.0, down, up)
    r = where(x.eq(1.0) | x.eq(2.0), 0.0, r)
    r = where(tiny, -log_of(a), where(a.eq(INF), INF, r))
    return where(x.isnan(), x, r)


def erfc(x: Num) -> Num:
    """1 - erf(x), to full relative precision where that is small."""
    f = DOUBLE
    a = where(x > 0.5, x, 0.5)
    a = where(a > 28.0, 28.0, a)
    square, low = two_product(a, a)
    e = exp_of_sum(-square, -low)
    far = a > 3.0
    t = where(far, 1.0, a - 2.0) / where(far, square, a + 2.0)
    middle, tail = poly(t, f.table("ERFC_MIDDLE")), poly(t, f.table("ERFC_FAR"))
    return where(x > 0.5, where(far, e * tail / a, e * middle), 1.0 - _of(erf, x))


@cache
def _cotangent(order: int) -> tuple[float, ...]:
    """The derivative of this order of ``cot``, as a polynomial of ``cot``."""
    found = np.polynomial.Polynomial([0.0, 1.0])
    for _ in range(order):
        found = np.polynomial.Polynomial([-1.0, 0.0, -1.0]) * found.deriv()
    return tuple(map(float, found.coef))


def polygamma(x: Num, n: int = 0) -> Num:
    """The derivative of order ``n`` of digamma; nan at its poles."""
    negative = x < 0.0
    a = where(negative, 1.0 - x, x)
    up = _digamma(a) if n == 0 else _polygamma(a, n)
    part = x - x.rint()
    sine, cosine = of_half_turns(where(negative & part.ne(0.0), part, 0.25))
    turned = cosine / sine
    mirrored = math.pi ** (n + 1) * poly(turned, _cotangent(n))
    r = where(negative, (up if n % 2 == 0 else -up) - mirrored, up)
    pole = (x <= 0.0) & part.eq(0.0)
    return where(pole | x.isnan() | x.eq(-INF), NAN, r)


def _digamma(x: Num) -> Num:
    large = x >= LARGE
    small = where(large, 1.0, x)
    z = where(large, x, small + LARGE)
    _, below = rising(small)
    r = log_of(z) - 0.5 / z - psi_tail(z) - where(large, 0.0, below)
    return where(x.eq(INF), INF, r)


def _polygamma(x: Num, n: int) -> Num:
    size, limit = float(math.factorial(n)), LARGE + n

    def step(z: Num, total: Num) -> tuple[Num, Num]:
        below = z < limit
        term = 1.0 / _whole_power(where(below, z, 1.0), n + 1)
        return where(below, z + 1.0, z), where(below, total + size * term, total)

    z, total = x, x.const(0.0)
    if n <= _WRITTEN_OUT:
        for _ in range(int(limit)):
            z, total = step(z, total)
    else:
        z, total = repeat(lambda z, total: z < limit, step, z, total)
    inverse = 1.0 / z
    square = inverse * inverse
    terms = [
        b * math.factorial(2 * k + n - 1) / math.factorial(2 * k)
        for k, b in enumerate(BERNOULLI, 1)
    ]
    series = poly(square, terms) * square + 0.5 * size * inverse + size / n
    r = total + series * _whole_power(inverse, n)
    return r if n % 2 else -r


def _whole_power(x: Num, n: int) -> Num:
    result = x if n % 2 else x.const(1.0)
    rest = n // 2
    while rest:
        x = x * x
        result = result * x if rest % 2 else result
        rest //= 2
    return result
