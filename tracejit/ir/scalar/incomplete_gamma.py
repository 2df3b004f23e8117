"""Derivatives of the regularized incomplete gamma function by its parameter.

``P(a, x) = x**a e**-x / gamma(a+1) S``, ``S = sum x**n / ((a+1)…(a+n))`` [DLMF 8.11.4], is
differentiated term by term where x is below a, and Legendre's continued fraction of the complement
[8.9.2] above, step by step (Moore 1982, Algorithm AS 187, for the first two derivatives), with
Taylor polynomials in ``a`` in place of numbers. In both what is added has one sign, so that nothing
cancels. Everything is computed in float64.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from tracejit.ir.scalar.elementary.exponential import exp
from tracejit.ir.scalar.elementary.logarithm import log, log1p
from tracejit.ir.scalar.elementary.num import INF, NAN, Num, elementary, poly, where
from tracejit.ir.scalar.emit import F64
from tracejit.ir.scalar.jets import Fraction, Jet, choose_jet, exponential, indices, poly_jet

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


def psi_tail_jet(z: Jet) -> Jet:
    square = (z * z).inverse()
    return poly_jet(square, _DIGAMMA) * square


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
    """``x**a e**-x / gamma(a+1)``, and ``log (x / a)`` where a is large."""
    large = a >= LARGE
    big, small = where(large, a, LARGE), where(large, 1.0, a)
    apart = (x - big) / big
    near = apart.abs() < 0.5
    log_ratio = where(near, log1p_of(where(near, apart, 0.0)), log_of(x / big))
    of_big = exp_of(big * (log_ratio - apart) - stirling(big)) / (big * (2 * math.pi)).sqrt()
    product, _ = rising(small + 1.0)
    top = small + (LARGE + 1.0)
    of_small = exp_of(small * log_of(x) - x - log_gamma_of_large(top)) * product
    return where(large, of_big, of_small), log_ratio


def _level(a: Jet, x: Num, log_ratio: Num) -> Jet:
    """``log x - psi(a+1)``: the derivative of the weight's logarithm."""
    large = a.value >= LARGE
    big = choose_jet(large, a, Jet.of(x.const(LARGE), a.orders))
    small = choose_jet(large, Jet.of(x.const(1.0), a.orders), a)
    by_big = -big.log(-log_ratio) - big.inverse() * 0.5 + psi_tail_jet(big)
    top = small + (LARGE + 1.0)
    by_small = -top.log(log_of(top.value)) + log_of(x) + top.inverse() * 0.5 + psi_tail_jet(top)
    for k in range(1, int(LARGE) + 1):
        by_small = by_small + (small + float(k)).inverse()
    return choose_jet(large, by_big, by_small)


def _series(a: Jet, x: Num, below: Num) -> tuple[Jet, Num]:
    """``S``, and how many terms it took; none where not ``below``."""
    orders, size = a.orders, len(indices(a.orders))

    def going(n: Num, *state: Num) -> Num:
        more = below & (n < MOST_STEPS)
        left = [t.abs() > s.abs() * SETTLED for t, s in zip(state, state[size:], strict=False)]
        return more & _any(left)

    def step(n: Num, *state: Num) -> list[Num]:
        n = n + 1.0
        term, total = Jet(orders, state[:size]), Jet(orders, state[size:])
        term = term * (a + n).inverse() * x
        return [n, *term.nums(), *(total + term).nums()]

    one = Jet.of(x.const(1.0), orders)
    n, *state = repeat(going, step, x.const(0.0), *one.nums(), *one.nums())
    return Jet(orders, state[size:]), n


def _any(conditions: Sequence[Num]) -> Num:
    found = conditions[0]
    for c in conditions[1:]:
        found = found | c
    return found


def _fraction(a: Jet, x: Num, weights: Jet, above: Num) -> tuple[Jet, Num]:
    """``x**-a e**x Gamma(a, x)`` likewise."""
    orders = a.orders

    def going(n: Num, more: Num, *state: Num) -> Num:
        return above & (more > 0.0) & (n < MOST_STEPS)

    def step(n: Num, more: Num, *state: Num) -> list[Num]:
        n = n + 1.0
        r, b = (a - n) * n, -a + (x + (n + n + 1.0))
        found, moved = Fraction.of(orders, state).advanced(r, b, weights, SETTLED)
        return [n, where(moved, n.const(1.0), 0.0), *found.nums()]

    zero, one = x.const(0.0), x.const(1.0)
    d = (-a + (x + 1.0)).inverse()
    start = Fraction(d, Jet.of(zero, orders), d)
    n, _, *state = repeat(going, step, zero, one, *start.nums())
    return Fraction.of(orders, state).convergent, n


@elementary
def gammainc_by(a: Num, x: Num, n: int = 1) -> Num:
    """The derivative of order ``n`` of ``P(a, x)`` by a; from above where a is 0."""
    given = x.dtype
    a, x = a.to_float(F64), x.to_float(F64)
    inside = (x > 0.0) & (x < INF) & (a >= 0.0) & (a < INF)
    at_end = (x.eq(0.0) & (a > 0.0)) | (x.eq(INF) & (a >= 0.0) & (a < INF))
    at_end = at_end | (a.eq(INF) & (x >= 0.0) & (x < INF))
    outside = where(at_end, 0.0, where(inside, x, NAN))
    a, x = where(inside, a, 1.0), where(inside, x, 1.0)
    below = (x <= a + 0.5) | (x <= 1.0)
    weight, log_ratio = _weight(a, x)
    along = Jet.of(a, (n,), [1.0])
    shape = exponential(x.const(1.0), [_level(along, x, log_ratio)])
    total, terms = _series(along, x, below & inside)
    value, steps = _fraction(along, x, shape * along, ~below)
    slope = weight * choose_jet(below, shape * total, -(shape * along * value)).derivative()
    slope = where((terms < MOST_STEPS) & (steps < MOST_STEPS), slope, NAN)
    return where(inside, slope, outside).to_float(given)
