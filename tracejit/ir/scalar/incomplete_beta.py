"""Derivatives of the regularized incomplete beta function by its parameters, and Student's.

``I_x(a, b) = x**a (1-x)**b / (a beta(a, b)) K``, where ``K`` is the continued fraction of DLMF
8.17.22, is differentiated step by step (Boik and Robison-Cox 1998, *Derivatives of the incomplete
beta function*), with Taylor polynomials in the parameters in place of numbers. Above the mean it is
``1 - I_(1-x)(b, a)``, so that the fraction settles quickly. Everything is computed in float64.
"""

from __future__ import annotations

import math

from tracejit.ir.scalar.elementary.num import INF, NAN, Num, elementary, where
from tracejit.ir.scalar.emit import F64
from tracejit.ir.scalar.incomplete_gamma import (
    LARGE,
    MOST_STEPS,
    SETTLED,
    exp_of,
    log1p_of,
    log_gamma_of_large,
    log_of,
    psi_tail_jet,
    repeat,
    rising,
    stirling,
)
from tracejit.ir.scalar.jets import Fraction, Jet, choose_jet, exponential


def _psi_apart(z: Jet, h: Jet) -> Jet:
    """``psi(z + h) - psi(z)`` without cancellation, for z and z + h above 0 and h from -1."""
    small, one = z.value < LARGE + 1.0, z.value.const(1.0)
    low = choose_jet(small, z, Jet.of(one, z.orders))
    total = h * (low * (low + h)).inverse()
    for k in range(1, int(LARGE)):
        total = total + h * ((low + float(k)) * (low + h + float(k))).inverse()
    z = choose_jet(small, z + LARGE, z)
    top, ratio = z + h, h * z.inverse()
    apart = (ratio + 1.0).log(log1p_of(ratio.value)) + ratio * top.inverse() * 0.5
    apart = apart - (psi_tail_jet(top) - psi_tail_jet(z))
    return apart + choose_jet(small, total, Jet.of(one - one, z.orders))


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


def _fraction(p: Jet, q: Jet, u: Jet, weights: Jet, inside: Num) -> tuple[Jet, Num]:
    """``K``, and how many steps it took; ``weights`` are what it is multiplied with."""
    orders, zero, one = p.orders, u.value.const(0.0), u.value.const(1.0)

    def going(n: Num, more: Num, *state: Num) -> Num:
        return inside & (more > 0.0) & (n < MOST_STEPS)

    def step(n: Num, more: Num, *state: Num) -> list[Num]:
        n = n + 1.0
        twice = p + (n + n)
        even = (q - n) * u * n * ((twice - 1.0) * twice).inverse()
        found, first = Fraction.of(orders, state).advanced(even, 1.0, weights, SETTLED)
        odd = -((p + n) * (p + q + n) * u * (twice * (twice + 1.0)).inverse())
        found, second = found.advanced(odd, 1.0, weights, SETTLED)
        return [n, where(first | second, one, 0.0), *found.nums()]

    d = (1.0 - (p + q) * u * (p + 1.0).inverse()).inverse()
    start = Fraction(d, Jet.of(one, orders), d)
    n, _, *state = repeat(going, step, zero, one, *start.nums())
    return Fraction.of(orders, state).convergent, n


@elementary
def betainc_by(a: Num, b: Num, x: Num, m: int = 1, n: int = 0) -> Num:
    """``I_x(a, b)`` differentiated m times by a and n times by b; from above where one is 0."""
    given = x.dtype
    a, b, x = (v.to_float(F64) for v in (a, b, x))
    defined = (a >= 0.0) & (b >= 0.0) & (x >= 0.0) & (x <= 1.0)
    inside = defined & (a < INF) & (b < INF) & (a + b > 0.0) & (x > 0.0) & (x < 1.0)
    finite = (a < INF) & (b < INF) & ((x.eq(0.0) & (a > 0.0)) | (x.eq(1.0) & (b > 0.0)))
    at_end = defined & (finite | (a.eq(INF) & (b < INF)) | (b.eq(INF) & (a < INF)))
    outside = where(at_end, x.const(0.0), NAN)
    a, b, x = (where(inside, v, number) for v, number in ((a, 1.0), (b, 1.0), (x, 0.5)))
    direct = x <= (a + 1.0) / (a + b + 2.0)

    def turned(one: Num, other: Num) -> tuple[Num, Num]:
        return where(direct, one, other), where(direct, other, one)

    one, other = turned(x.const(1.0), x.const(0.0))
    along = [(one, other)] * (m > 0) + [(other, one)] * (n > 0)
    orders = tuple(k for k in (m, n) if k)
    (p, q), (u, v) = turned(a, b), turned(x, 1.0 - x)
    log_u, log_v = turned(log_of(x), log1p_of(-x))
    by_p, by_q = zip(*along, strict=True)
    of_p, of_q = Jet.of(p, orders, by_p), Jet.of(q, orders, by_q)
    level_p = _psi_apart(of_p + 1.0, of_q - 1.0) + log_u
    level_q = _psi_apart(of_q + 1.0, of_p - 1.0) + log_v
    shape = exponential(x.const(1.0), [level_p * s + level_q * t for s, t in along]) * of_q
    value, steps = _fraction(of_p, of_q, Jet.of(u, orders), shape, inside)
    slope = (shape * value).derivative() * _weight(p, q, u, v, log_u, log_v)
    slope = where(steps < MOST_STEPS, where(direct, slope, -slope), NAN)
    return where(inside, slope, outside).to_float(given)


@elementary
def stdtr_by(df: Num, t: Num, n: int = 1) -> Num:
    """The derivative of order n of Student's distribution function by its degrees of freedom.

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
    orders, middle = (n,), t.const(0.5)
    p, q = where(near, middle, half), where(near, half, middle)
    moving = where(near, t.const(0.0), 0.5)
    of_p, of_q = Jet.of(p, orders, [moving]), Jet.of(q, orders, [0.5 - moving])
    of_w, of_z, of_log_z = _along_df(df, w, z, log_z, n)
    inverse, halves = Jet.of(df, orders, [1.0]).inverse(), Jet.of(half, orders, [0.5])
    step = Jet.of(where(near, middle, -0.5), orders)
    apart = _psi_apart(choose_jet(near, halves, halves + 1.0), step)
    shape = exponential(q, [(of_w - of_z * inverse + of_log_z + apart) * 0.5])
    u, v = where(near, w, z), where(near, z, w)
    log_u, log_v = where(near, log_w, log_z), where(near, log_z, log_w)
    value, steps = _fraction(of_p, of_q, choose_jet(near, of_w, of_z), shape, inside)
    slope = (shape * value).derivative() * (_weight(p, q, u, v, log_u, log_v) * 0.5)
    slope = where(steps < MOST_STEPS, where(near, slope, -slope), NAN)
    return where(inside, where(t < 0.0, -slope, slope), outside).to_float(given)


def _along_df(df: Num, w: Num, z: Num, log_z: Num, n: int) -> tuple[Jet, Jet, Jet]:
    """``w``, ``z`` and ``log z`` as functions of df."""
    of_w, of_z, of_log = [w], [z], [log_z]
    power, share, geometric = w, -z / df, w.const(0.0)
    of_z_power, of_df_power = w.const(1.0), w.const(1.0)
    for k in range(1, n + 1):
        power = power * share
        of_w.append(power)
        of_z.append(-power)
        geometric, of_z_power = geometric + of_z_power, of_z_power * z
        of_df_power = of_df_power * (-1.0 / df)
        of_log.append(of_df_power * w * geometric * (-1.0 / k))
    return Jet((n,), of_w), Jet((n,), of_z), Jet((n,), of_log)
