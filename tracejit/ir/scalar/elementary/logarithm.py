"""log, log2, log10, log1p, and the cores that power and inverse hyperbolic functions share.

x = 2**e m with m in [sqrt(1/2), sqrt(2)), then log m = 2 atanh(s), s = (m-1)/(m+1): the series of
fdlibm's e_log.c, and a form carried in two floats (relative error about 2**-64 in float64).
"""

from __future__ import annotations

from tracejit.ir.scalar.elementary.num import (
    INF,
    NAN,
    Num,
    choose,
    elementary,
    fast_two_sum,
    fma,
    format_of,
    poly,
    two_product,
    two_sum,
    where,
)


def split(x: Num) -> tuple[Num, Num]:
    """Integer e and m with x = 2**e m, for finite x > 0, subnormals included."""
    f = format_of(x)
    low = x < f.min_normal
    shift = f.mantissa + 2
    bits = where(low, x * 2.0**shift, x).bits()
    e = (bits - x.const(0.5**0.5).bits()) >> f.mantissa
    m = (bits - (e << f.mantissa)).floats()
    return e - choose(low, shift, 0, e), m


def _finish(x: Num, r: Num) -> Num:
    """The values outside (0, inf)."""
    special = where(x.eq(0.0), -INF, where(x < 0.0, NAN, x))
    return where((x > 0.0) & (x < INF), r, special)


def log_of_split(e: Num, f: Num, fl: Num | None = None) -> Num:
    """e ln 2 + log(1 + f + fl), within an ulp; |fl| below an ulp of 1 + f."""
    fmt = format_of(f)
    ef = e.to_float(f.dtype)
    ln2, ln2_low = fmt.table("LN2_SHORT")
    s = f / (f + 2.0)
    z = s * s
    r = z * fma(z, poly(z, fmt.table("LOG")), fmt.table("TWO_THIRDS")[0])
    half = 0.5 * f * f
    low = s * (half + r)
    if fl is not None:
        low = low + fl / (f + 1.0)
    low = fma(ef, ln2_low, low)
    return fma(ef, ln2, f - (half - low))


def _log_near_one(f: Num) -> tuple[Num, Num]:
    """log(1 + f) as a sum of two, the second right to some bits: f - f*f/2 is carried exactly."""
    fmt = format_of(f)
    s = f / (f + 2.0)
    z = s * s
    r = z * fma(z, poly(z, fmt.table("LOG")), fmt.table("TWO_THIRDS")[0])
    half = 0.5 * f * f
    h = f - half
    return h, fma(s, half + r, (f - h) - half)


def _in_base(e: Num, f: Num, unit: tuple[float, ...], inverse: tuple[float, ...]) -> Num:
    """e unit + log(1 + f) inverse, both factors in two floats (unit's first has spare bits)."""
    lh, ll = _log_near_one(f)
    ph = lh * inverse[0]
    pl = fma(lh, inverse[0], -ph) + fma(lh, inverse[1], ll * inverse[0])
    ef = e.to_float(f.dtype)
    h, low = two_sum(ef * unit[0], ph)
    if unit[1]:
        low = fma(ef, unit[1], low)
    return h + (low + pl)


def log_in_two(e: Num, f: Num) -> tuple[Num, Num]:
    """e ln 2 + log(1 + f) as a sum of two floats."""
    fmt = format_of(f)
    two_thirds = fmt.table("TWO_THIRDS")
    dh, dl = fast_two_sum(f.const(2.0), f)
    inv = 1.0 / dh
    sh = f * inv
    sl = (fma(-sh, dh, f) - sh * dl) * inv
    zh, zl = two_product(sh, sh)
    zl = fma(sh + sh, sl, zl)
    p = poly(zh, fmt.table("LOG"))
    w, wl = two_product(zh, p)
    uh, ul = fast_two_sum(f.const(two_thirds[0]), w)
    ul = ul + (fma(zl, p, wl) + two_thirds[1])
    th, tl = two_product(zh, uh)
    tl = fma(zh, ul, fma(zl, uh, tl))
    vh, vl = two_product(sh, th)
    vl = fma(sh, tl, fma(sl, th, vl))
    lh, ll = fast_two_sum(2.0 * sh, vh)
    ll = ll + fma(sl, 2.0, vl)
    ef = e.to_float(f.dtype)
    ln2, ln2_low = fmt.table("LN2_SHORT")
    h, low = two_sum(ef * ln2, lh)
    return fast_two_sum(h, fma(ef, ln2_low, low + ll))


def log_of_sum(uh: Num, ul: Num, double: Num | None = None) -> Num:
    """log(uh + ul), or log(2 (uh + ul)) where the bool `double` holds; 0 < uh < inf."""
    f = format_of(uh)
    e, m = split(uh)
    top = 1000 if f.bias == 1023 else 100
    capped = where(e > top, top, e)  # beyond, `ul` is zero or lost
    scale = ((f.bias - capped) << f.mantissa).floats()
    if double is not None:
        e = e + choose(double, 1, 0, e)
    return log_of_split(e, m - 1.0, ul * scale)


@elementary
def log(x: Num) -> Num:
    """Natural logarithm."""
    e, m = split(x)
    return _finish(x, log_of_split(e, m - 1.0))


@elementary
def log2(x: Num) -> Num:
    """Logarithm to base 2, exact for powers of two."""
    e, m = split(x)
    return _finish(x, _in_base(e, m - 1.0, (1.0, 0.0), format_of(x).table("INV_LN2")))


@elementary
def log10(x: Num) -> Num:
    """Logarithm to base 10."""
    f = format_of(x)
    e, m = split(x)
    return _finish(x, _in_base(e, m - 1.0, f.table("LOG10_2_SHORT"), f.table("INV_LN10")))


@elementary
def log1p(x: Num) -> Num:
    """log(1 + x), to full relative precision near zero."""
    uh, ul = two_sum(x.const(1.0), x)
    r = log_of_sum(uh, ul)
    special = where(x.eq(-1.0), -INF, where(x < -1.0, NAN, x))
    usual = (x > -1.0) & (x < INF) & (x.abs() >= 2.0 ** -(format_of(x).mantissa + 2))
    return where(usual, r, special)
