"""The derivatives of the regularized incomplete beta function by its parameters, and Student's.

``I_x(a, b) = x**a (1-x)**b / (a beta(a, b)) K``, where ``K`` is the continued fraction of DLMF
8.17.22, is differentiated step by step (Boik and Robison-Cox 1998, *Derivatives of the incomplete
beta function*). Above the mean it is ``1 - I_(1-x)(b, a)``, so that the fraction settles quickly.
Everything is computed in float64.
"""

from __future__ import annotations

import math
from typing import Any

from tracejit.ir.scalar.elementary.num import INF, NAN, Num, elementary, where
from tracejit.ir.scalar.emit import F64
from tracejit.ir.scalar.incomplete_gamma import (
    LARGE,
    MOST_STEPS,
    SETTLED,
    exp_of,
    inverse,
    log1p_of,
    log_gamma_of_large,
    log_of,
    psi_tail,
    repeat,
    rising,
    stirling,
)


def _psi_apart(z: Num, h: Num) -> Num:
    """``psi(z + h) - psi(z)`` without cancellation, for z and z + h above 0 and h from -1."""
    small = z < LARGE + 1.0
    total = z.const(0.0)
    low = where(small, z, 1.0)
    for k in range(int(LARGE)):
        total = total + h / ((low + float(k)) * (low + h + float(k)))
    z = where(small, z + LARGE, z)
    top = z + h
    apart = log1p_of(h / z) + 0.5 * h / (z * top) - (psi_tail(top) - psi_tail(z))
    return apart + where(small, total, 0.0)


def _log_gamma(z: Num) -> tuple[Num, Num]:
    """``log gamma(z + 1)`` as a number less the logarithm of another."""
    small = z < LARGE
    product, _ = rising(where(small, z, 1.0) + 1.0)
    return log_gamma_of_large(where(small, z + LARGE, z) + 1.0), where(small, product, 1.0)


def _weight(p: Num, q: Num, u: Num, v: Num, log_u: Num, log_v: Num) -> Num:
    """``u**p v**q / (p q beta(p, q))``; both parameters large: relative to its maximum."""
    large = (p >= LARGE) & (q >= LARGE)
    a, b = where(large, p, LARGE), where(large, q, LARGE)
    s, t = a + b, u * b - v * a
    of_u = _log_ratio(t / a, log_u + log_of(s / a))
    of_v = _log_ratio(-(t / b), log_v + log_of(s / b))
    power = a * of_u + b * of_v + (stirling(s) - stirling(a) - stirling(b))
    of_large = exp_of(power) * (s / (a * b * (2 * math.pi))).sqrt() / s
    (of_p, less_p), (of_q, less_q), (of_s, less_s) = map(_log_gamma, (p, q, p + q))
    power = p * log_u + q * log_v + (of_s - of_p - of_q)
    return where(large, of_large, exp_of(power) * (less_p * less_q / less_s) / (p + q))


def _log_ratio(apart: Num, far: Num) -> Num:
    """``log(1 + apart)``, which is ``far``."""
    near = apart.abs() < 0.5
    return where(near, log1p_of(where(near, apart, 0.0)), far)


def _fraction(
    p: Num, q: Num, u: Num, P: Num, Q: Num, U: Num, lead: Num, inside: Num
) -> tuple[Num, Num, Num]:
    """``K``, its derivative along ``(P, Q, U)``, and how many steps they took, by Lentz's method.

    As in ``incomplete_gamma``; what is wanted is ``lead K + q K'``.
    """

    def going(n: Num, d: Num, D: Num, e: Num, E: Num, h: Num, H: Num, more: Num) -> Num:
        return inside & (more > 0.0) & (n < MOST_STEPS)

    def advance(state: tuple[Num, ...], r: Num, R: Num) -> tuple[tuple[Num, ...], Num]:
        """One convergent more, by the partial numerator r."""
        d, D, e, E, h, H = state
        d, D = inverse(r * d + 1.0, R * d + r * D)
        c, C = r * e + 1.0, R * e + r * E
        ratio, change = c * d, C * d + c * D
        h, H = h * ratio, H * ratio + h * change
        size = (lead * h).abs() + (q * H).abs()
        moved = ((ratio - 1.0).abs() > SETTLED) | ((q * h * change).abs() > size * SETTLED)
        return (d, D, *inverse(c, C), h, H), moved

    def step(n: Num, *state: Num) -> list[Num]:
        n = n + 1.0
        twice = p + n + n
        below = twice - 1.0
        share = 1.0 / (below * twice)
        even = n * (q - n) * u * share
        even_slope = n * (Q * u + (q - n) * U) * share - even * P * (1.0 / below + 1.0 / twice)
        found, first = advance(state[:-1], even, even_slope)
        top, share = (p + n) * (p + q + n), 1.0 / (twice * (twice + 1.0))
        top_slope = P * (p + q + n) + (p + n) * (P + Q)
        odd = -(top * u * share)
        odd_slope = (top * share * P * (twice + twice + 1.0) - top_slope) * u * share
        odd_slope = odd_slope - top * U * share
        found, second = advance(found, odd, odd_slope)
        return [n, *found, where(first | second, n.const(1.0), 0.0)]

    one, zero = u.const(1.0), u.const(0.0)
    share = 1.0 / (p + 1.0)
    slope = ((p + q) * share * P - (P + Q)) * u - (p + q) * U
    d, D = inverse(1.0 - (p + q) * u * share, slope * share)
    found = repeat(going, step, zero, d, D, one, zero, d, D, one)
    return found[5], found[6], found[0]


def _by(a: Num, b: Num, x: Num, along_a: float) -> Num:
    """The derivative by a or by b."""
    given = x.dtype
    a, b, x = (v.to_float(F64) for v in (a, b, x))
    defined = (a >= 0.0) & (b >= 0.0) & (x >= 0.0) & (x <= 1.0)
    inside = defined & (a < INF) & (b < INF) & (a + b > 0.0) & (x > 0.0) & (x < 1.0)
    finite = (a < INF) & (b < INF) & ((x.eq(0.0) & (a > 0.0)) | (x.eq(1.0) & (b > 0.0)))
    at_end = defined & (finite | (a.eq(INF) & (b < INF)) | (b.eq(INF) & (a < INF)))
    outside = where(at_end, x.const(0.0), NAN)
    a, b, x = (where(inside, v, number) for v, number in ((a, 1.0), (b, 1.0), (x, 0.5)))
    direct = x <= (a + 1.0) / (a + b + 2.0)

    def turned(one: Any, other: Any) -> tuple[Num, Num]:
        one, other = (v if isinstance(v, Num) else x.const(v) for v in (one, other))
        return where(direct, one, other), where(direct, other, one)

    p, q = turned(a, b)
    u, v = turned(x, 1.0 - x)
    log_u, log_v = turned(log_of(x), log1p_of(-x))
    P, Q = turned(along_a, 1.0 - along_a)
    by_p = q * (log_u + _psi_apart(p + 1.0, q - 1.0))
    by_q = q * (log_v + _psi_apart(q + 1.0, p - 1.0)) + 1.0
    lead = P * by_p + Q * by_q
    value, slope, steps = _fraction(p, q, u, P, Q, x.const(0.0), lead, inside)
    slope = _weight(p, q, u, v, log_u, log_v) * (lead * value + q * slope)
    slope = where(steps < MOST_STEPS, where(direct, slope, -slope), NAN)
    return where(inside, slope, outside).to_float(given)


@elementary
def betainc_by_a(a: Num, b: Num, x: Num) -> Num:
    """The derivative of ``I_x(a, b)`` by a; from above where a is 0."""
    return _by(a, b, x, 1.0)


@elementary
def betainc_by_b(a: Num, b: Num, x: Num) -> Num:
    """The derivative of ``I_x(a, b)`` by b; from above where b is 0."""
    return _by(a, b, x, 0.0)


@elementary
def stdtr_by_df(df: Num, t: Num) -> Num:
    """The derivative of Student's distribution function by its degrees of freedom.

    ``1/2 + I_w(1/2, df/2) / 2`` for t above 0, ``w = t**2 / (df + t**2)``; in the tail
    ``1 - I_z(df/2, 1/2) / 2``, ``z = 1 - w``. Along df at t: by a parameter and z together, as
    their shares cancel for large df.
    """
    given = t.dtype
    df, t = df.to_float(F64), t.to_float(F64)
    inside = (df > 0.0) & (df < INF) & (t.abs() > 0.0) & (t.abs() < INF)
    at_end = ((df > 0.0) & (t.eq(0.0) | t.abs().eq(INF))) | (df.eq(INF) & ~t.isnan())
    outside = where(at_end, t.const(0.0), NAN)
    df, t = where(inside, df, 1.0), where(inside, t, 1.0)
    size, half = t.abs(), df * 0.5
    s = size / df * size
    w, z = where(s < 1.0, s / (s + 1.0), 1.0 / (1.0 / s + 1.0)), 1.0 / (s + 1.0)
    far = s > 1e300
    log_z = -where(far, 2.0 * log_of(size) - log_of(df), log1p_of(where(far, 1.0, s)))
    log_w = where(s < 1.0, 2.0 * log_of(size) - log_of(df) + log_z, log1p_of(-z))
    near = w <= 1.5 / (half + 2.5)
    move = w * z / df
    p, q = where(near, 0.5, half), where(near, half, 0.5)
    P, Q = where(near, t.const(0.0), 0.5), where(near, t.const(0.5), 0.0)
    apart = _psi_apart(where(near, half, half + 1.0), where(near, t.const(0.5), -0.5))
    lead = q * 0.5 * (w + log_z - z / df + apart)
    u, v = where(near, w, z), where(near, z, w)
    log_u, log_v = where(near, log_w, log_z), where(near, log_z, log_w)
    value, slope, steps = _fraction(p, q, u, P, Q, where(near, -move, move), lead, inside)
    slope = _weight(p, q, u, v, log_u, log_v) * (lead * value + q * slope) * 0.5
    slope = where(steps < MOST_STEPS, where(near, slope, -slope), NAN)
    return where(inside, where(t < 0.0, -slope, slope), outside).to_float(given)
