"""Derivatives of Hurwitz' zeta function ``sum (k + q)**-s`` by s.

The sum of ten terms and the Euler-Maclaurin formula for the rest [DLMF 25.11.5, 2.10.1], with
Taylor polynomials in s in place of numbers. Everything is computed in float64.
"""

from __future__ import annotations

import math

from tracejit.ir.scalar.elementary.num import INF, NAN, Num, elementary, where
from tracejit.ir.scalar.elementary.power import pow as power
from tracejit.ir.scalar.emit import F64
from tracejit.ir.scalar.incomplete_gamma import BERNOULLI, log_of, repeat
from tracejit.ir.scalar.jets import Jet, exponential

TERMS = 10.0


@elementary
def zeta_by(s: Num, q: Num, n: int = 1) -> Num:
    """The derivative of order n by s, also of the continuation to s from 0 to 1; q above 0."""
    given = s.dtype
    s, q = s.to_float(F64), q.to_float(F64)
    inside = (s >= 0.0) & (s < INF) & (q > 0.0) & (q < INF)
    at_end = (s.eq(INF) & (q > 1.0)) | (q.eq(INF) & (s > 1.0))
    outside = where(at_end, 0.0 * s.const(1.0), NAN)
    s, q = where(inside, s, 2.0), where(inside, q, 1.0)

    def step(k: Num, total: Num) -> list[Num]:
        z = q + k
        return [k + 1.0, total + _power(z, s) * _whole(-log_of(z), n)]

    zero = s.const(0.0)
    _, total = repeat(lambda k, total: k < TERMS, step, zero, zero)
    along, top = Jet.of(s, (n,), [1.0]), q + TERMS
    inverse, bottom = 1.0 / top, -log_of(top)
    rest = (along - 1.0).inverse() * top + 0.5
    rising, scale = along * inverse, 1.0
    for k, number in enumerate(BERNOULLI, 1):
        scale = number / math.factorial(2 * k)
        rest = rest + rising * scale
        rising = rising * (along + (2.0 * k - 1.0)) * (along + 2.0 * k) * (inverse * inverse)
    shape = exponential(s.const(1.0), [Jet.of(bottom, (n,))])
    total = total + _power(top, s) * (shape * rest).derivative()
    return where(inside, total, outside).to_float(given)


def _power(z: Num, s: Num) -> Num:
    return Num(z.e, power(z.e, z.v, (-s).v))


def _whole(x: Num, n: int) -> Num:
    found = x
    for _ in range(n - 1):
        found = found * x
    return found
