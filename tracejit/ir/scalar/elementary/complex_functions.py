"""Complex elementary functions from the real ones, with C99's branch cuts and limits.

Branch cuts lie where NumPy's do; signed zeros choose the side. The inverse functions are those of
Hull, Fairgrieve and Tang (1997) and Kahan (1987), written without branches.
"""

from __future__ import annotations

from tracejit.ir.scalar import elementary as real
from tracejit.ir.scalar.elementary.complex_inverse import arccos_parts, arcsinh_parts, arctanh_parts
from tracejit.ir.scalar.elementary.complex_num import (
    Pair,
    call,
    complex_function,
    divide,
    exp_polar,
    hyperbolic,
    multiply,
)
from tracejit.ir.scalar.elementary.logarithm import log_of_split, moves_log, split
from tracejit.ir.scalar.elementary.num import (
    DOUBLE,
    INF,
    NAN,
    Num,
    choose,
    format_of,
    two_product,
    two_sum,
    where,
)
from tracejit.ir.scalar.emit import I32


@complex_function
def exp(z: Pair) -> Pair:
    """exp(x) (cos y + i sin y)."""
    return exp_polar(*z)


@complex_function
def exp2(z: Pair) -> Pair:
    """2**z."""
    ln2 = format_of(z[0]).table("LN2")[0]
    return exp_polar(z[0] * ln2, z[1] * ln2)


@complex_function
def expm1(z: Pair) -> Pair:
    """expm1(x) cos y - 2 sin(y/2)**2 + i exp(x) sin y."""
    x, y = z
    half = call(real.sin, 0.5 * y)
    re = call(real.expm1, x) * call(real.cos, y) - 2.0 * half * half
    return re, call(real.exp, x) * call(real.sin, y)


def _log_of_size(x: Num, y: Num) -> Num:
    """log|x + iy| from the sum of squares in two floats, on a scale where it is safe."""
    f = format_of(x)
    ax, ay = x.abs(), y.abs()
    big = where(ax > ay, ax, ay)
    small = where(ax > ay, ay, ax)
    usual = (big > 0.0) & (big < INF) & ~small.isnan() & ~big.isnan()
    far, down, up = (2.0**500, 600, 600) if f is DOUBLE else (2.0**50, 80, 110)
    high, low = big > far, big < 1.0 / far
    scale = where(high, big.const(2.0**-down), choose(low, 2.0**up, 1.0, big))
    big = where(usual, big, 1.0) * scale
    small = where(usual, small, 0.0) * scale
    bh, bl = two_product(big, big)
    sh, sl = two_product(small, small)
    h, hl = two_sum(bh, sh)
    # 1 is taken out before the small terms come in: near the unit circle all else cancels.
    e, m = split(h)
    # On this scale |e| is below 1010 and 125: 2**-e is a normal number.
    unit = ((f.bias - e) << f.mantissa).floats()
    rest = (hl + (bl + sl)) * unit
    fh, fl = two_sum(m - 1.0, rest)
    powers = e + where(high, e.const(2 * down), choose(low, -2 * up, 0, e))
    r = 0.5 * log_of_split(powers, fh, moves_log(fl, fh))
    infinite = ax.eq(INF) | ay.eq(INF)
    zero = ax.eq(0.0) & ay.eq(0.0)
    edge = where(infinite, INF, where(zero, -INF, x.const(NAN)))
    return where(usual, r, edge)


@complex_function
def log(z: Pair) -> Pair:
    """log|z| + i arg z, cut along the negative reals."""
    return _log_of_size(*z), call(real.arctan2, z[1], z[0])


def _scaled_log(z: Pair, name: str) -> Pair:
    factor = format_of(z[0]).table(name)[0]
    return _log_of_size(*z) * factor, call(real.arctan2, z[1], z[0]) * factor


@complex_function
def log2(z: Pair) -> Pair:
    """log z / log 2."""
    return _scaled_log(z, "INV_LN2")


@complex_function
def log10(z: Pair) -> Pair:
    """log z / log 10."""
    return _scaled_log(z, "INV_LN10")


@complex_function
def log1p(z: Pair) -> Pair:
    """log(1 + z); near zero the modulus is 1 + t with t = 2x + x*x + y*y."""
    x, y = z
    size = _log_of_size(x + 1.0, y)
    near = (x.abs() < 0.25) & (y.abs() < 0.25)
    xn, yn = where(near, x, 0.0), where(near, y, 0.0)
    t = 0.5 * call(real.log1p, xn * (xn + 2.0) + yn * yn)
    return where(near, t, size), call(real.arctan2, y, x + 1.0)


@complex_function
def sqrt(z: Pair) -> Pair:
    """The root with non-negative real part; C99's limits at infinity."""
    f = format_of(z[0])
    ax, ay = z[0].abs(), z[1].abs()
    big = where(ax > ay, ax, ay)
    high, low = big > f.max / 8.0, big < f.min_normal * 2.0 ** (f.mantissa + 4)
    up = f.mantissa + 4 + f.mantissa % 2
    scale = where(high, big.const(2.0**-4), choose(low, 2.0**up, 1.0, big))
    back = where(high, big.const(4.0), choose(low, 2.0 ** (-up // 2), 1.0, big))
    sx, sy = ax * scale, ay * scale
    t = (0.5 * (sx + call(real.hypot, sx, sy))).sqrt()
    zero = ax.eq(0.0) & ay.eq(0.0)
    other = sy / where(zero, 1.0, t + t)
    t, other = t * back, other * back
    left = z[0].signbit()
    re, im = where(left, other, t), where(left, t, other)
    re, im = where(zero, 0.0, re), where(zero, ay, im)
    x_inf, y_inf = ax.eq(INF), ay.eq(INF)
    nan = z[1].isnan()
    re = where(x_inf, where(left, where(nan, NAN, re.const(0.0)), INF), re)
    im = where(x_inf, where(left, INF, where(nan, NAN, im.const(0.0))), im)
    return where(y_inf, INF, re), where(y_inf, INF, im).copysign(z[1])


@complex_function
def sinh(z: Pair) -> Pair:
    """sinh x cos y + i cosh x sin y."""
    return hyperbolic(*z)[0]


@complex_function
def cosh(z: Pair) -> Pair:
    """cosh x cos y + i sinh x sin y."""
    return hyperbolic(*z)[1]


@complex_function
def sin(z: Pair) -> Pair:
    """-i sinh(iz), but of two infinities the imaginary part is +infinity."""
    re, im = hyperbolic(-z[1], z[0])[0]
    grown = z[1].abs().eq(INF) & ~(z[0].abs() < INF)
    return im, where(grown, INF, -re)


@complex_function
def cos(z: Pair) -> Pair:
    """cosh(iz)."""
    return hyperbolic(-z[1], z[0])[1]


def _tanh(x: Num, y: Num) -> Pair:
    """Kahan's form with t = tan y, s = sinh x: no cancellation, no overflow."""
    ax = x.abs()
    far = ax > (22.0 if format_of(x) is DOUBLE else 11.0)
    s = call(real.sinh, where(far, 1.0, ax))
    sin, cos = call(real.sin, y), call(real.cos, y)
    t = call(real.tan, y)
    beta = 1.0 + t * t
    d = 1.0 + beta * s * s
    rho = (1.0 + s * s).sqrt()
    decay = call(real.exp, -(where(far, ax, 100.0)))
    re = where(far, 1.0, beta * rho * s / d)
    im = where(far, 4.0 * sin * cos * decay * decay, t / d)
    limit = ax.eq(INF)
    loose = ~(y.abs() < INF)
    side = where(loose, y, sin * cos)
    im = where(limit, im.const(0.0).copysign(side), im)
    im = where(y.eq(0.0), y, im)
    # As C99: tanh(0 + i inf) is 0 + i nan.
    re = where(ax.eq(0.0) & loose, 0.0, re)
    # Far out too: the sign of cos y is not known, and the limit is not reached.
    re = where(far & ~limit & loose, NAN, re)
    return re.copysign(x), im


@complex_function
def tanh(z: Pair) -> Pair:
    """Hyperbolic tangent."""
    return _tanh(*z)


@complex_function
def tan(z: Pair) -> Pair:
    """-i tanh(iz)."""
    re, im = _tanh(-z[1], z[0])
    return im, -re


@complex_function
def arcsinh(z: Pair) -> Pair:
    """Cut along the imaginary axis beyond ±i."""
    return arcsinh_parts(*z)


@complex_function
def arcsin(z: Pair) -> Pair:
    """-i arcsinh(iz)."""
    re, im = arcsinh_parts(-z[1], z[0])
    return im, -re


@complex_function
def arccos(z: Pair) -> Pair:
    """Cut along the reals beyond ±1."""
    return arccos_parts(*z)


@complex_function
def arccosh(z: Pair) -> Pair:
    """±i arccos(z), whichever has a non-negative real part."""
    re, im = arccos_parts(*z)
    return im.abs(), re.copysign(z[1])


@complex_function
def arctanh(z: Pair) -> Pair:
    """Cut along the reals beyond ±1."""
    return arctanh_parts(*z)


@complex_function
def arctan(z: Pair) -> Pair:
    """-i arctanh(iz)."""
    re, im = arctanh_parts(-z[1], z[0])
    return im, -re


@complex_function
def pow(z: Pair, w: Pair) -> Pair:
    """NumPy's: repeated products for integer exponents below 100, else exp(w log z)."""
    x, y = w
    integer = y.eq(0.0) & (x.abs() < 100.0) & x.trunc().eq(x)
    whole = _integer_power(z, where(integer, x, 0.0))
    size = _log_of_size(*z)
    angle = call(real.arctan2, z[1], z[0])
    general = exp_polar(*multiply((size, angle), w))
    base_zero = z[0].eq(0.0) & z[1].eq(0.0)
    zero = where(x > 0.0, 0.0, x.const(NAN))
    exponent_zero = x.eq(0.0) & y.eq(0.0)

    def pick(k: int, one: float) -> Num:
        usual = where(base_zero, zero, where(integer, whole[k], general[k]))
        return where(exponent_zero, one, usual)

    return pick(0, 1.0), pick(1, 0.0)


def _integer_power(z: Pair, n: Num) -> Pair:
    """z**n for a whole n with |n| < 100, in NumPy's order of products."""
    count = n.abs().to_int(I32)
    one = z[0].const(1.0), z[0].const(0.0)
    direct = (n > 0.0) & (n < 4.0)  # NumPy multiplies by the initial 1 only beyond
    product, power = one, z
    for bit in range(7):
        used = (count & (1 << bit)).ne(0)
        first = (count & ((1 << bit) - 1)).eq(0) & direct
        stepped = multiply(product, power)
        product = _where(used, _where(first, power, stepped), product)
        power = multiply(power, power)
    return _where(n < 0.0, divide(one, product), product)


def _where(c: Num, a: Pair, b: Pair) -> Pair:
    return where(c, a[0], b[0]), where(c, a[1], b[1])
