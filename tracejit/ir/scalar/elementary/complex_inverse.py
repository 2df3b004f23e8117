"""Inverse trigonometric and hyperbolic functions of a complex number, in parts.

arcsin, arccos: Hull, Fairgrieve and Tang, "Implementing the complex arcsine and arccosine
functions using exception handling" (1997), all of their cases computed and selected.
"""

from __future__ import annotations

from tracejit.ir.scalar import elementary as real
from tracejit.ir.scalar.elementary.complex_num import Pair, call
from tracejit.ir.scalar.elementary.num import INF, NAN, Num, choose, format_of, where


def _hull(x: Num, y: Num) -> tuple[Num, Num, Num]:
    """For x, y >= 0, finite: the real parts of arcsin and arccos, and |imaginary part|."""
    f = format_of(x)
    size = where(x > y, x, y)
    large = size > f.huge
    xs, ys = where(large, 1.0, x), where(large, 1.0, y)
    r = call(real.hypot, xs + 1.0, ys)
    s = call(real.hypot, xs - 1.0, ys)
    a = 0.5 * (r + s)
    b = xs / a
    apx = a + xs
    below = xs <= 1.0
    yy = ys * ys
    gap = where(below, s + (1.0 - xs), yy / where(s + (xs - 1.0) > 0.0, s + (xs - 1.0), 1.0))
    under = (0.5 * apx * (yy / (r + xs + 1.0) + gap)).sqrt()
    beyond = s + (xs - 1.0)
    over = ys * (0.5 * (apx / (r + xs + 1.0) + apx / where(beyond > 0.0, beyond, 1.0))).sqrt()
    adjacent = where(below, under, over)
    crossover = b > 0.6417
    bounded = where(b > 1.0, 1.0, b)
    arcsin = where(crossover, call(real.arctan2, xs, adjacent), call(real.arcsin, bounded))
    arccos = where(crossover, call(real.arctan2, adjacent, xs), call(real.arccos, bounded))
    # The imaginary part is log(a + sqrt(a*a - 1)), by a - 1 where a is near 1.
    short = s + (1.0 - xs)
    am1_under = 0.5 * (yy / (r + xs + 1.0) + yy / where(short > 0.0, short, 1.0))
    am1_over = 0.5 * (yy / (r + xs + 1.0) + beyond)
    am1 = where(xs < 1.0, am1_under, am1_over)
    near = call(real.log1p, am1 + (am1 * (a + 1.0)).sqrt())
    far = call(real.log, a + (a * a - 1.0).sqrt())
    height = where(a <= 1.5, near, far)
    # Where y*y underflows the imaginary part is linear in y.
    thin = (ys < 2.0 ** (-f.bias // 2 + f.mantissa)) & (xs < 1.0)
    slope = ((1.0 - xs) * (1.0 + xs)).sqrt()
    height = where(thin, ys / where(thin, slope, 1.0), height)
    log_size = call(
        real.log, call(real.hypot, where(large, x, 1.0) * 0.5, where(large, y, 0.0) * 0.5)
    )
    huge_height = log_size + 2.0 * f.table("LN2")[0]
    return (
        where(large, call(real.arctan2, x, y), arcsin),
        where(large, call(real.arctan2, y, x), arccos),
        where(large, huge_height, height),
    )


def _finite_parts(x: Num, y: Num) -> tuple[Num, Num, Num, Num, Num]:
    ax, ay = x.abs(), y.abs()
    infinite = ax.eq(INF) | ay.eq(INF)
    nan = x.isnan() | y.isnan()
    safe_x, safe_y = where(infinite | nan, 0.0, ax), where(infinite | nan, 0.0, ay)
    return ax, ay, infinite, safe_x, safe_y


def arcsinh_parts(x: Num, y: Num) -> Pair:
    """arcsinh(x + iy): arcsin of the exchanged parts."""
    ax, ay, infinite, sx, sy = _finite_parts(x, y)
    im, _, re = _hull(sy, sx)
    tiny = (ax < format_of(x).tiny) & (ay < format_of(x).tiny)
    re, im = where(tiny, sx, re), where(tiny, sy, im)
    angle = call(real.arctan2, ay, ax)
    x_nan, y_nan = x.isnan(), y.isnan()
    re = where(infinite, INF, where(x_nan | y_nan, NAN, re))
    flat = y.eq(0.0)
    im = where(infinite, angle, where(y_nan | (x_nan & ~flat), NAN, im))
    return re.copysign(x), im.copysign(y)


def arccos_parts(x: Num, y: Num) -> Pair:
    """arccos(x + iy): for x < 0 by arccos(-z) = pi - arccos(z)."""
    _, ay, infinite, sx, sy = _finite_parts(x, y)
    _, re, im = _hull(sx, sy)
    pi = format_of(x).table("PI")
    left = x.signbit()
    re = where(left, (pi[0] - re) + pi[1], re)
    angle = call(real.arctan2, ay, x)
    nan = x.isnan() | y.isnan()
    half_pi = format_of(x).table("PIO2")[0]
    re = where(infinite, angle, where(nan, where(x.eq(0.0), half_pi, x.const(NAN)), re))
    im = where(infinite, INF, where(nan, NAN, im))
    return re, im.copysign(-y)


def arctanh_parts(x: Num, y: Num) -> Pair:
    """re = log1p(4x / ((1-x)**2 + y*y)) / 4, im = atan2(2y, (1-x)(1+x) - y*y) / 2."""
    f = format_of(x)
    ax, ay, infinite, sx, sy = _finite_parts(x, y)
    big = where(sx > sy, sx, sy)
    large = big > f.huge
    mx, my = where(large, 0.0, sx), where(large, 0.0, sy)
    d = 1.0 - mx
    below = 2.0 ** (-f.bias // 2 + f.mantissa)
    squares = d * d + where(my < below, 0.0, my * my)
    pole = squares.eq(0.0)
    on_pole = call(real.log, where(pole & (my > 0.0), my, 1.0))  # (log 4 - 2 log y) / 4
    quotient = 4.0 * mx / where(pole, 1.0, squares)
    re = 0.25 * call(real.log1p, quotient)
    half_ln2 = 0.5 * f.table("LN2")[0]
    at_pole = where(my.eq(0.0), INF, half_ln2 - 0.5 * on_pole)
    re = where(pole, at_pole, re)
    im = 0.5 * call(real.arctan2, my + my, d * (1.0 + mx) - my * my)
    ratio = where(sx > sy, sy, sx) / where(large, big, 1.0)
    inverse = 1.0 / (where(large, big, 1.0) * (1.0 + ratio * ratio))
    wide = sx > sy
    half_pi = f.table("PIO2")[0]
    # Far out arctanh(z) is 1/z ± i pi/2 up to 1/z**3.
    re = where(large, where(wide, inverse, inverse * ratio), re)
    im = where(large, half_pi - where(wide, inverse * ratio, inverse), im)
    tiny = (ax < f.tiny) & (ay < f.tiny)
    re, im = where(tiny, sx, re), where(tiny, sy, im)
    x_nan, y_nan = x.isnan(), y.isnan()
    re = where(infinite, 0.0, where(x_nan | y_nan, where(x.eq(0.0), ax, NAN), re))
    im = where(infinite, choose(y_nan, NAN, half_pi, x), where(x_nan | y_nan, NAN, im))
    return re.copysign(x), im.copysign(y)
