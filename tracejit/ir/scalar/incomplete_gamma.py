"""The derivative of the regularized incomplete gamma function by its parameter.

``P(a, x) = x**a e**-x / gamma(a+1) S``, ``S = sum x**n / ((a+1)…(a+n))`` [DLMF 8.11.4], is
differentiated term by term where x is below a, and Legendre's continued fraction of the complement
[8.9.2] above, step by step (Moore 1982, Algorithm AS 187). In both what is added has one sign, so
that nothing cancels. Everything is computed in float64.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from tracejit.ir.scalar.elementary.exponential import exp
from tracejit.ir.scalar.elementary.logarithm import log, log1p
from tracejit.ir.scalar.elementary.num import INF, NAN, Num, elementary, poly, where
from tracejit.ir.scalar.emit import F64

#: After so many steps the result is nan: near ``x == a`` from about ``a == 2e5`` on.
MOST_STEPS = 5000.0
#: A step that changes less than this, relative to the whole, is the last.
SETTLED = 2.0**-51
#: Bernoulli numbers in the asymptotic series of log-gamma and digamma [DLMF 5.11.1, 5.11.2].
BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)
_LOG_GAMMA = tuple(b / (2 * k * (2 * k - 1)) for k, b in enumerate(BERNOULLI[:7], 1))
_DIGAMMA = tuple(b / (2 * k) for k, b in enumerate(BERNOULLI[:7], 1))
#: From here on these series are exact to the last place; smaller numbers are moved up by as much.
LARGE = 10.0


def exp_of(x: Num) -> Num:
    return Num(x.e, exp(x.e, x.v))


def log_of(x: Num) -> Num:
    return Num(x.e, log(x.e, x.v))


def log1p_of(x: Num) -> Num:
    return Num(x.e, log1p(x.e, x.v))


def stirling(z: Num) -> Num:
    """``log gamma(z) - ((z - 1/2) log z - z + log(2 pi) / 2)`` for z of at least `LARGE`."""
    return poly(1.0 / (z * z), _LOG_GAMMA) / z


def psi_tail(z: Num) -> Num:
    """``log z - 1 / (2 z) - psi(z)`` for z of at least `LARGE`."""
    square = 1.0 / (z * z)
    return poly(square, _DIGAMMA) * square


def log_gamma_of_large(z: Num) -> Num:
    return (z - 0.5) * log_of(z) - z + (0.5 * math.log(2 * math.pi)) + stirling(z)


def rising(z: Num) -> tuple[Num, Num]:
    """``gamma(z + 10) / gamma(z)`` and ``psi(z + 10) - psi(z)``, for z from 0 to 20."""
    product, slope = z, z.const(1.0)
    for k in range(1, int(LARGE)):
        product, slope = product * (z + float(k)), slope * (z + float(k)) + product
    return product, slope / product


def repeat(
    going: Callable[..., Num], step: Callable[..., Sequence[Num]], *start: Num
) -> tuple[Num, ...]:
    """``while going(*values): values = step(*values)``."""
    e = start[0].e

    def numbers(values: Sequence[object]) -> list[Num]:
        return [Num(e, v) for v in values]

    found = e.while_loop(
        [s.v for s in start],
        lambda values: going(*numbers(values)).v,
        lambda values: [s.v for s in step(*numbers(values))],
    )
    return tuple(numbers(found))


def _weight(a: Num, x: Num) -> tuple[Num, Num]:
    """``x**a e**-x / gamma(a+1)`` and ``log x - psi(a+1)``."""
    large = a >= LARGE
    big, small = where(large, a, LARGE), where(large, 1.0, a)
    apart = (x - big) / big
    near = apart.abs() < 0.5
    log_ratio = where(near, log1p_of(where(near, apart, 0.0)), log_of(x / big))
    of_big = exp_of(big * (log_ratio - apart) - stirling(big)) / (big * (2 * math.pi)).sqrt()
    product, harmonic = rising(small + 1.0)
    top, log_x = small + (LARGE + 1.0), log_of(x)
    of_small = exp_of(small * log_x - x - log_gamma_of_large(top)) * product
    by_big = log_ratio - 0.5 / big + psi_tail(big)
    by_small = log_x - log_of(top) + 0.5 / top + psi_tail(top) + harmonic
    return where(large, of_big, of_small), where(large, by_big, by_small)


def _series(a: Num, x: Num, below: Num) -> tuple[Num, Num, Num]:
    """``S``, its derivative by a, and how many terms they took; none where not ``below``."""

    def going(n: Num, term: Num, total: Num, harmonic: Num, slope: Num) -> Num:
        return below & (term > total * SETTLED) & (n < MOST_STEPS)

    def step(n: Num, term: Num, total: Num, harmonic: Num, slope: Num) -> list[Num]:
        n = n + 1.0
        share = 1.0 / (a + n)
        term, harmonic = term * x * share, harmonic + share
        return [n, term, total + term, harmonic, slope - term * harmonic]

    one, zero = x.const(1.0), x.const(0.0)
    n, _, total, _, slope = repeat(going, step, zero, one, one, zero, zero)
    return total, slope, n


def _fraction(a: Num, x: Num, above: Num) -> tuple[Num, Num, Num]:
    """``x**-a e**x Gamma(a, x)`` likewise, by Lentz's method.

    The convergents ``h`` are products of ``c d``, ``c = b + p / c'`` and ``d = 1 / (b + p d')`` of
    the primed ones before; ``e`` is ``1 / c``. Names in capitals are derivatives by a.
    """

    def going(n: Num, b: Num, d: Num, D: Num, e: Num, E: Num, h: Num, H: Num, more: Num) -> Num:
        return above & (more > 0.0) & (n < MOST_STEPS)

    def step(
        n: Num, b: Num, d: Num, D: Num, e: Num, E: Num, h: Num, H: Num, more: Num
    ) -> list[Num]:
        n, b = n + 1.0, b + 2.0
        p = n * (a - n)
        d, D = inverse(p * d + b, n * d + p * D - 1.0)
        c, C = p * e + b, n * e + p * E - 1.0
        ratio, change = c * d, C * d + c * D
        h, H = h * ratio, H * ratio + h * change
        moved = ((ratio - 1.0).abs() > SETTLED) | ((h * change).abs() > H.abs() * SETTLED)
        return [n, b, d, D, *inverse(c, C), h, H, where(moved, x.const(1.0), 0.0)]

    b = x + 1.0 - a
    d, D = inverse(b, x.const(-1.0))
    one, zero = x.const(1.0), x.const(0.0)
    found = repeat(going, step, zero, b, d, D, zero, zero, d, D, one)
    return found[6], found[7], found[0]


def inverse(x: Num, slope: Num) -> tuple[Num, Num]:
    """``1 / x``, and its derivative."""
    y = 1.0 / x
    return y, -(slope * y) * y


@elementary
def gammainc_by_a(a: Num, x: Num) -> Num:
    """The derivative of ``P(a, x)`` by a; from above where a is 0."""
    given = x.dtype
    a, x = a.to_float(F64), x.to_float(F64)
    inside = (x > 0.0) & (x < INF) & (a >= 0.0) & (a < INF)
    at_end = (x.eq(0.0) & (a > 0.0)) | (x.eq(INF) & (a >= 0.0) & (a < INF))
    at_end = at_end | (a.eq(INF) & (x >= 0.0) & (x < INF))
    outside = where(at_end, 0.0, where(inside, x, NAN))
    a, x = where(inside, a, 1.0), where(inside, x, 1.0)
    below = (x <= a + 0.5) | (x <= 1.0)
    weight, level = _weight(a, x)
    total, total_slope, terms = _series(a, x, below & inside)
    value, value_slope, steps = _fraction(a, x, ~below)
    by_series = weight * (level * total + total_slope)
    by_fraction = -(weight * ((a * level + 1.0) * value + a * value_slope))
    slope = where(below, by_series, by_fraction)
    slope = where((terms < MOST_STEPS) & (steps < MOST_STEPS), slope, NAN)
    return where(inside, slope, outside).to_float(given)
