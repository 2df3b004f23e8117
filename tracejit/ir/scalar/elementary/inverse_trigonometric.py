"""arctan, arctan2, arcsin, arccos.

The arc tangent of n/d with 0 <= n <= d is pi/4 plus that of (n-d)/(n+d) above tan(pi/8); the
quotient and the sum are carried in two floats.
"""

from __future__ import annotations

from tracejit.ir.scalar.elementary.num import (
    DOUBLE,
    INF,
    Num,
    choose,
    elementary,
    fma,
    format_of,
    poly,
    smaller,
    two_sum,
    where,
)


def _arctan_of_quotient(n: Num, d: Num) -> tuple[Num, Num]:
    """arctan(n/d) as a sum of two, for 0 <= n <= d, d > 0, both finite."""
    f = format_of(n)
    pio4 = f.table("PIO4")
    upper = n > d * 0.4142135623730951
    dh, dl = two_sum(n, -d)
    sh, sl = two_sum(n, d)
    num, num_low = where(upper, dh, n), where(upper, dl, 0.0)
    den, den_low = where(upper, sh, d), where(upper, sl, 0.0)
    inv = 1.0 / den
    t = num * inv
    tl = (fma(-t, den, num) + (num_low - t * den_low)) * inv
    z = t * t
    low = fma(t * z, poly(z, f.table("ATAN")), fma(-tl, z, tl))
    h, rounding = two_sum(choose(upper, pio4[0], 0.0, t), t)
    return h, rounding + (low + choose(upper, pio4[1], 0.0, t))


@elementary
def arctan(x: Num) -> Num:
    """Inverse tangent, in [-pi/2, pi/2]."""
    pio2 = format_of(x).table("PIO2")
    a = smaller(x.abs(), 2.0**100)
    steep = a > 1.0
    h, low = _arctan_of_quotient(where(steep, 1.0, a), where(steep, a, 1.0))
    flipped, rounding = two_sum(h.const(pio2[0]), -h)
    r = where(steep, flipped + (rounding - low + pio2[1]), h + low)
    return r.copysign(x)


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
    h, low = _arctan_of_quotient(n * scale, d * scale)
    left = x.signbit()
    flip = swap ^ left
    base = where(swap, x.const(pio2[0]), choose(left, pi[0], 0.0, x))
    base_low = where(swap, x.const(pio2[1]), choose(left, pi[1], 0.0, x))
    s, rounding = two_sum(base, where(flip, -h, h))
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
    residual = fma(-root, root, z) / where(z.eq(0.0), 1.0, root + root)
    return upper, s, where(upper, fma(s, p, residual), s * p), a


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
