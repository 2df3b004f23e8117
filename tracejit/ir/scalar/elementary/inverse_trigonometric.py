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
    shortcut,
    smaller,
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
    far, near = (2.0**1000, 2.0**-900) if format_of(x) is DOUBLE else (2.0**100, 2.0**-90)
    ay, ax = y.abs(), x.abs()
    swap = ay > ax
    n, d = where(swap, ax, ay), where(swap, ay, ax)
    one = d.const(1.0)

    def quick() -> tuple[Num, Num]:
        least = d.const(near).bits()
        inside = (d.bits() - least).unsigned() < (d.const(far).bits() - least).unsigned()
        return inside & (n <= d), _of_octant(*_angle(n, d, one), swap, x).copysign(y)

    def full() -> Num:
        infinite = d.eq(INF)
        a = where(infinite, choose(n.eq(INF), 1.0, 0.0, n), n)
        b = where(infinite | d.eq(0.0), 1.0, d)
        scale = where(b > far, b.const(2.0**-60), choose(b < near, 2.0**60, 1.0, b))
        r = _of_octant(*_angle(a * scale, b * scale, one), swap, x)
        return where(x.isnan() | y.isnan(), x + y, r.copysign(y))

    return shortcut(x.e, quick, full)


def _of_octant(h: Num, low: Num, swap: Num, x: Num) -> Num:
    """The angle between 0 and pi of which h + low is what is between it and an axis."""
    pio2, pi = format_of(x).table("PIO2"), format_of(x).table("PI")
    left = x.signbit()
    flip = swap ^ left
    base = where(swap, x.const(pio2[0]), choose(left, pi[0], 0.0, x))
    base_low = where(swap, x.const(pio2[1]), choose(left, pi[1], 0.0, x))
    s, rounding = fast_two_sum(base, where(flip, -h, h))
    return s + (rounding + (where(flip, -low, low) + base_low))


def _arcsine_parts(x: Num) -> tuple[Num, Num, Num]:
    """upper = |x| > 1/2; s + low with |arcsin| = s + low below, pi/2 - 2 (s + low) above."""
    f = format_of(x)
    a = x.abs()
    upper = a > 0.5
    z = where(upper, 0.5 * (1.0 - a), a * a)
    root = z.sqrt()
    s = where(upper, root, a)
    p = z * poly(z, f.table("ASIN"))
    residual = fma(-root, root, z) * half_inverse_root(z)
    return upper, s, fma(s, p, where(upper, residual, 0.0))


@elementary
def arcsin(x: Num) -> Num:
    """Inverse sine, in [-pi/2, pi/2]; nan outside [-1, 1]."""
    pio2 = format_of(x).table("PIO2")
    upper, s, low = _arcsine_parts(x)
    h = fma(s, -2.0, pio2[0])
    rounding = fma(s, -2.0, pio2[0] - h)
    r = where(upper, h + fma(low, -2.0, rounding + pio2[1]), s + low)
    return r.copysign(x)


@elementary
def arccos(x: Num) -> Num:
    """Inverse cosine, in [0, pi]; nan outside [-1, 1]."""
    pio2 = format_of(x).table("PIO2")
    upper, s, low = _arcsine_parts(x)
    base = pio2[0] - where(upper, x.const(pio2[0]).copysign(x), 0.0)  # pi/2, or 0 or pi: exact
    factor = choose(upper, 2.0, -1.0, x)
    factor = (factor.bits() ^ (x.bits() & x.const(-0.0).bits())).floats()
    h = fma(factor, s, base)
    rounding = fma(factor, s, base - h)
    return h + fma(factor, low, fma(base, pio2[1] / pio2[0], rounding))
