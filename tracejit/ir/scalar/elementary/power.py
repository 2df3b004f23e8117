"""pow, cbrt, hypot, erf, logaddexp, logaddexp2."""

from __future__ import annotations

from collections.abc import Callable

from tracejit.ir.scalar.elementary import exponential, logarithm
from tracejit.ir.scalar.elementary.exponential import exp2_of_sum, exp_of_sum
from tracejit.ir.scalar.elementary.logarithm import log2_in_two, log2_times
from tracejit.ir.scalar.elementary.num import (
    DOUBLE,
    INF,
    NAN,
    SINGLE,
    Num,
    choose,
    elementary,
    fma,
    format_of,
    poly,
    rough_inverse,
    scale_by_power,
    shortcut,
    smaller,
    two_product,
    two_sum,
    where,
)


def _root(x: Num) -> Num:
    """x**0.5: +0 for -0, inf for -inf."""
    return where(x.eq(-INF), INF, (x + 0.0).sqrt())


#: Powers by constants as products, quotients and roots, within 2 ulp. (1/x)**2 and not 1/x**2:
#: the square of what is nearly subnormal has few bits. 0.5 is a root rounded once.
_BY_PRODUCTS: dict[float, Callable[[Num], Num]] = {
    0.0: lambda x: x.const(1.0),
    0.5: _root,
    1.0: lambda x: x,
    1.5: lambda x: where(x.eq(-INF), INF, x * x.sqrt()),
    2.0: lambda x: x * x,
    3.0: lambda x: x * x * x,
    4.0: lambda x: (x * x) * (x * x),
    -0.5: lambda x: 1.0 / _root(x),
    -1.0: lambda x: 1.0 / x,
    -2.0: lambda x: (1.0 / x) * (1.0 / x),
}


@elementary
def pow(x: Num, y: Num) -> Num:
    """x**y = 2**(y log2 x), log2 x and the product in two floats; C99 Annex F at the edges.

    Small whole and half powers that are known are products and roots.
    """
    exponent = y.known()
    if exponent in _BY_PRODUCTS:
        return _BY_PRODUCTS[exponent](x)
    return shortcut(x.e, lambda: _pow_of_normal(x, y), lambda: _pow(x, y))


def _pow_of_normal(x: Num, y: Num) -> tuple[Num, Num]:
    """Whether x is positive and normal and the result is far from being otherwise; the result."""
    f = format_of(x)
    ph, pl = _exponent(x, y, logarithm.split_normal)
    n, r = exp2_of_sum(ph, pl)
    above = x.bits() - x.const(f.min_normal).bits()
    normal = above.unsigned() < (2 * f.bias) << f.mantissa
    return normal & (ph.abs() < f.bias - 2.0), (r.bits() + (n << f.mantissa)).floats()


def _pow(x: Num, y: Num) -> Num:
    f = format_of(x)
    high, low = f.bias + 1.0, -float(f.bias + f.mantissa - 1)
    ax = x.abs()
    usual = (ax > 0.0) & (ax < INF)
    ph, pl = _exponent(where(usual, ax, 1.0), y, logarithm.split)
    inside = ph.abs() < f.bias + f.mantissa + 8.0
    ends = ph.const(f.bias + f.mantissa + 8.0).copysign(ph)
    n, r = exp2_of_sum(where(inside, ph, ends), where(inside, pl, 0.0))
    r = scale_by_power(r, n)
    r = where(ph > high + 1.0, INF, where(ph < low - 1.0, 0.0, r))
    return _pow_edges(x, y, ax, usual, r)


def _exponent(x: Num, y: Num, split: Callable[..., tuple[Num, Num]]) -> tuple[Num, Num]:
    """y log2 x for positive x as a sum of two, the second below some ulps of the first.

    Where y is known and small, an error of the logarithm counts little, however small that is.
    """
    known = y.known()
    if known is not None and abs(known) <= 3.0 and format_of(x) is SINGLE:
        e, m = split(x)
        return log2_times(e, m - 1.0, float(known))
    e, m = split(x, logarithm.ROOT_OF_HALF)
    lh, ll = log2_in_two(e, m - 1.0)
    ph, pl = two_product(y, lh)
    return ph, fma(y, ll, pl)


def _pow_edges(x: Num, y: Num, ax: Num, usual: Num, r: Num) -> Num:
    limit = choose((ax > 1.0) ^ (y < 0.0), INF, 0.0, r)
    unit = ax.eq(1.0)
    y_infinite = y.abs().eq(INF)
    r = where(usual & ~y_infinite, r, where(unit, 1.0, limit))
    half = 0.5 * y
    whole = y.trunc().eq(y)
    odd = whole & half.trunc().ne(half)
    r = where((x < 0.0) & ~whole & (ax < INF), NAN, r)
    r = where(x.signbit() & odd, -r, r)
    r = where(x.isnan() | y.isnan(), x + y, r)
    return where(x.eq(1.0) | y.eq(0.0), 1.0, r)


@elementary
def cbrt(x: Num) -> Num:
    """Cube root: a polynomial on the mantissa, then one Halley step with an exact residual."""
    f = format_of(x)
    a = x.abs()
    low = a < f.min_normal
    bits = where(low, a * 2.0**54, a).bits()
    above = 3072 - f.bias
    e = (bits >> f.mantissa) + choose(low, above - 54, above, bits)
    third = (e * 21846) >> 16  # floor(e / 3) for e in [0, 6144], of which 1024 are from `above`
    rest = e - third * 3
    bits = (bits & ((1 << f.mantissa) - 1)) | (f.bias << f.mantissa)
    m, a = bits.floats(), (bits + (rest << f.mantissa)).floats()
    k = rest.to_float(m.dtype)
    root = fma(fma(k, 0.03378, 0.22614), k, k.const(1.0))  # 2**(k / 3), nearly
    y = root * poly(m, f.table("CBRT"))
    sh, sl = two_product(y, y)
    ch, cl = two_product(sh, y)
    residual = (ch - a) + fma(sl, y, cl)
    y = fma(y * residual, -rough_inverse(fma(ch, 2.0, a)), y)
    y = (y.bits() + ((third - 1024) << f.mantissa)).floats().copysign(x)
    return where((x.abs() > 0.0) & (x.abs() < INF), y, x)


@elementary
def hypot(x: Num, y: Num) -> Num:
    """sqrt(x*x + y*y) without spurious overflow or underflow; inf wins over nan."""
    f = format_of(x)
    ax, ay = x.abs(), y.abs()
    big, small = where(ax > ay, ax, ay), where(ax > ay, ay, ax)
    far, down, up = (2.0**500, 2.0**-600, 2.0**600) if f is DOUBLE else (2.0**60, 2.0**-80, 2.0**90)
    high, low = big > far, big < 1.0 / far
    scale = where(high, big.const(down), choose(low, up, 1.0, big))
    back = where(high, big.const(1.0 / down), choose(low, 1.0 / up, 1.0, big))
    big, small = big * scale, small * scale
    bh, bl = two_product(big, big)
    sh, sl = two_product(small, small)
    h, hl = two_sum(bh, sh)
    root = h.sqrt()
    fix = (fma(-root, root, h) + (hl + bl + sl)) / where(h.eq(0.0), 1.0, root + root)
    infinite = ax.eq(INF) | ay.eq(INF)
    return where(infinite, INF, (root + fix) * back)


@elementary
def erf(x: Num) -> Num:
    """The error function: a polynomial below 1, 1 - exp(-x*x) P((x-2)/(x+2)) above."""
    f = format_of(x)
    a = smaller(x.abs(), 6.0)
    z = a * a
    slope = f.table("ERF_SLOPE")[0]
    near = fma(a, fma(z, poly(z, f.table("ERF")), slope), a)
    t = (a - 2.0) / (a + 2.0)
    far = 1.0 - exp_of_sum(-z) * poly(t, f.table("ERFC"))
    return where(a > 1.0, far, near).copysign(x)


def _log_add(x: Num, y: Num, beyond: Num, same: float) -> Num:
    """The larger plus `beyond`; x + `same` where both are equal (equal infinities too)."""
    larger = where(x > y, x, y)
    r = where(x.isnan() | y.isnan(), x + y, larger + beyond)
    return where(x.eq(y), x + same, r)


@elementary
def logaddexp(x: Num, y: Num) -> Num:
    """log(exp(x) + exp(y)), by NumPy's formula."""
    p = exponential.exp_of_negative(-(x - y).abs())
    return _log_add(x, y, logarithm.log1p_of_unit(p), 0.6931471805599453)


@elementary
def logaddexp2(x: Num, y: Num) -> Num:
    """log2(2**x + 2**y), by NumPy's formula."""
    e = x.e
    p = Num(e, exponential.exp2(e, (-(x - y).abs()).v))
    q = logarithm.log1p_of_unit(p) * format_of(x).table("INV_LN2")[0]
    return _log_add(x, y, q, 1.0)
