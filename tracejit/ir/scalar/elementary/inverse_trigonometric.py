"""arctan, arctan2, arcsin, arccos.

The quotient whose arc tangent is taken, and the sum with multiples of pi/4, are carried in two
floats.
"""

from __future__ import annotations

from tracejit.ir.scalar.elementary.num import (
    DOUBLE,
    INF,
    Num,
    choose,
    elementary,
    fast_two_sum,
    fma,
    format_of,
    half_inverse_root,
    poly,
    smaller,
    two_sum,
    where,
)


def _angle(n: Num, d: Num, p: Num) -> tuple[Num, Num]:
    """arctan(n/d) as a sum of two; 0 <= n, 0 < d, finite. `p` is 0.0 where n > 2d, else 1.0.

    It is k pi/4 + arctan(t), t = (p n - q d) / (q n + p d) and k = q - p + 1, |t| <= 1/2. The
    numerator is exact, and so is what the denominator's rounding takes away if n <= d or d = 1.
    """
    f = format_of(n)
    pio4 = f.table("PIO4")
    q = choose(n + n > d, 1.0, 0.0, n)
    num, den = fma(p, n, -(q * d)), fma(q, n, p * d)
    inv = 1.0 / den
    t = num * inv
    tl = fma(-t, fma(q, n, p * d - den), fma(-t, den, num)) * inv
    z = t * t
    low = fma(t * z, poly(z, f.table("ATAN")), fma(-tl, z, tl))
    k = (q - p) + 1.0
    s = fma(k, pio4[0], t)
    rounding = t - fma(k, -pio4[0], s)
    return s, fma(k, pio4[1], rounding + low)


@elementary
def arctan(x: Num) -> Num:
    """Inverse tangent, in [-pi/2, pi/2]."""
    a = smaller(x.abs(), 2.0**100)
    s, low = _angle(a, a.const(1.0), choose(a > 2.0, 0.0, 1.0, a))
    return (s + low).copysign(x)


@elementary
def arctan2(y: Num, x: Num) -> Num:
    """Angle of the point (x, y), in [-pi, pi], with C99's signed zeros and infinities."""
    f = format_of(x)
    pio2, pi = f.table("PIO2"), f.table("PI")
    ay, ax = y.abs(), x.abs()
    swap = ay > ax
    n, d = where(swap, ax, ay), where(swap, ay, ax)
    infinite = d.eq(INF)
    n = where(infinite, choose(n.eq(INF), 1.0, 0.0, n), n)
    d = where(infinite | d.eq(0.0), 1.0, d)
    far, near = (2.0**1000, 2.0**-900) if f is DOUBLE else (2.0**100, 2.0**-90)
    scale = where(d > far, d.const(2.0**-60), choose(d < near, 2.0**60, 1.0, d))
    h, low = _angle(n * scale, d * scale, d.const(1.0))
    left = x.signbit()
    flip = swap ^ left
    base = where(swap, x.const(pio2[0]), choose(left, pi[0], 0.0, x))
    base_low = where(swap, x.const(pio2[1]), choose(left, pi[1], 0.0, x))
    s, rounding = fast_two_sum(base, where(flip, -h, h))
    r = s + (rounding + (where(flip, -low, low) + base_low))
    return where(x.isnan() | y.isnan(), x + y, r.copysign(y))


def _arcsine_parts(x: Num) -> tuple[Num, Num, Num, Num]:
    """upper = |x| > 1/2; s + low with |arcsin| = s + low below, pi/2 - 2 (s + low) above."""
    f = format_of(x)
    a = x.abs()
    upper = a > 0.5
    z = where(upper, 0.5 * (1.0 - a), a * a)
    root = z.sqrt()
    s = where(upper, root, a)
    p = z * poly(z, f.table("ASIN"))
    residual = fma(-root, root, z) * half_inverse_root(z)
    return upper, s, fma(s, p, where(upper, residual, 0.0)), a


@elementary
def arcsin(x: Num) -> Num:
    """Inverse sine, in [-pi/2, pi/2]; nan outside [-1, 1]."""
    pio2 = format_of(x).table("PIO2")
    upper, s, low, _ = _arcsine_parts(x)
    h, rounding = two_sum(x.const(pio2[0]), -2.0 * s)
    r = where(upper, h + (rounding + (pio2[1] - 2.0 * low)), s + low)
    return r.copysign(x)


@elementary
def arccos(x: Num) -> Num:
    """Inverse cosine, in [0, pi]; nan outside [-1, 1]."""
    f = format_of(x)
    pio2, pi = f.table("PIO2"), f.table("PI")
    upper, s, low, _ = _arcsine_parts(x)
    left = x < 0.0
    base = where(upper, choose(left, pi[0], 0.0, x), pio2[0])
    base_low = where(upper, choose(left, pi[1], 0.0, x), pio2[1])
    factor = where(upper, choose(left, -2.0, 2.0, x), choose(left, 1.0, -1.0, x))
    h, rounding = two_sum(base, factor * s)
    return h + (rounding + (base_low + factor * low))
