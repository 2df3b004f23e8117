"""log, log2, log10, log1p, and the cores that power and inverse hyperbolic functions share.

x = 2**e m with m in [sqrt(1/2), sqrt(2)), f = m - 1. In float32 log m is a polynomial of f; in
float64 2 atanh(s), s = f/(f+2): the series of fdlibm's e_log.c. For powers there is a form
carried in two floats (relative error about 2**-64 in float64).
"""

from __future__ import annotations

from tracejit.ir.scalar.elementary.num import (
    INF,
    NAN,
    SINGLE,
    Num,
    choose,
    elementary,
    fast_two_sum,
    fma,
    format_of,
    poly,
    two_product,
    where,
)


def split(x: Num) -> tuple[Num, Num]:
    """Integer e and m with x = 2**e m, for finite x > 0, subnormals included."""
    f = format_of(x)
    low = x < f.min_normal
    shift = f.mantissa + 2
    e, m = split_normal(where(low, x * 2.0**shift, x))
    return e - choose(low, shift, 0, e), m


def split_normal(x: Num) -> tuple[Num, Num]:
    """The same for x that is not subnormal."""
    f = format_of(x)
    bits = x.bits()
    e = (bits - x.const(0.5**0.5).bits()) >> f.mantissa
    return e, (bits - (e << f.mantissa)).floats()


def _finish(x: Num, r: Num) -> Num:
    """The values outside (0, inf)."""
    special = where(x.eq(0.0), -INF, where(x < 0.0, NAN, x))
    return where((x > 0.0) & (x < INF), r, special)


def log_of_split(e: Num, f: Num, fl: Num | None = None) -> Num:
    """e ln 2 + log(1 + f + fl), within an ulp; |fl| below an ulp of 1 + f."""
    fmt = format_of(f)
    ef = e.to_float(f.dtype)
    ln2, ln2_low = fmt.table("LN2_SHORT")
    low = ef * ln2_low
    if fl is not None:  # divided by 1 + f: a few bits do, the fewer the larger f
        low = low + fma(fl * f, f - 1.0, fl)
    return fma(ef, ln2, f + _less_f(f, low))


def _less_f(f: Num, low: Num | None = None) -> Num:
    """log(1 + f) - f + low: by a polynomial in f, or by one in s with a quotient."""
    fmt = format_of(f)
    z = f * f
    if fmt is SINGLE:
        rest = fma(f, poly(f, fmt.table("LOG1P")), -0.5)
        return z * rest if low is None else fma(z, rest, low)
    s = f / (f + 2.0)
    y = s * s
    half = 0.5 * z
    r = half + y * fma(y, poly(y, fmt.table("LOG")), fmt.table("TWO_THIRDS")[0])
    return (s * r if low is None else fma(s, r, low)) - half


def _in_base(e: Num, f: Num, unit: tuple[float, ...], inverse: tuple[float, ...]) -> Num:
    """e unit + log(1 + f) inverse, both factors in two floats (unit's first has spare bits)."""
    ef = e.to_float(f.dtype)
    p, low = two_product(f, f.const(inverse[0]))
    if format_of(f) is SINGLE:
        beyond = (-0.5, *SINGLE.table("LOG1P"))
        low = fma(f, fma(f, poly(f, [c * inverse[0] for c in beyond]), inverse[1]), low)
    else:
        low = fma(_less_f(f), inverse[0], fma(f, inverse[1], low))
    if unit[1]:
        low = fma(ef, unit[1], low)
        ef = ef * unit[0]
    h, rest = fast_two_sum(ef, p)
    return h + (rest + low)


def log2_in_two(e: Num, f: Num) -> tuple[Num, Num]:
    """e + log2(1 + f) as a sum of two floats, the second below some ulps of the first.

    (2s + s z (2/3 + z P(z))) / ln 2, s = f/(f+2), z = s*s. What rounding takes away from s counts
    (2 + 2z/(1-z)) / ln 2 times: the second part is 3 to 3.036 times that of z (2/3 + z P(z)).
    """
    fmt = format_of(f)
    slope, third = fmt.table("TWO_BY_LN2"), fmt.table("TWO_THIRDS_BY_LN2")
    inv = _half_inverse(f)
    s = f * inv
    rest = fma(-s, f, fma(s, -2.0, f)) * inv
    z = s * s
    p = poly(z, fmt.table("LOG2"))
    u = fma(z, p, third[0])
    ul = fma(z, p, (third[0] - u) + third[1])
    w = z * u
    wl = fma(fma(s, s, -z), u, fma(z, ul, fma(z, u, -w)))
    first = s * slope[0]
    low = fma(s, slope[1], fma(s, slope[0], -first))
    low = fma(rest, fma(w, 3.03, slope[0]), fma(s, wl, low))
    lh = fma(s, w, first)
    ef = e.to_float(f.dtype)
    h = ef + lh
    return h, (lh - (h - ef)) + (fma(s, w, first - lh) + low)


def _half_inverse(f: Num) -> Num:
    """1 / (2 + f) for f between sqrt(1/2) - 1 and sqrt(2) - 1, nearly to the last bit."""
    fmt = format_of(f)
    if fmt is not SINGLE:
        return 1.0 / (f + 2.0)
    first = poly(f, fmt.table("HALF_INVERSE"))
    return fma(first, fma(-first, f + 2.0, 1.0), first)


def log_of_sum(uh: Num, ul: Num, double: Num | None = None) -> Num:
    """log(uh + ul), or log(2 (uh + ul)) where the bool `double` holds; uh is normal."""
    f = format_of(uh)
    e, m = split_normal(uh)
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


def log1p_of_unit(x: Num) -> Num:
    """log(1 + x) for x between 0 and 1, or nan."""
    return log_of_sum(*fast_two_sum(x.const(1.0), x))


@elementary
def log1p(x: Num) -> Num:
    """log(1 + x), to full relative precision near zero."""
    large = x > 1.0
    uh, ul = fast_two_sum(where(large, x, 1.0), where(large, 1.0, x))
    r = log_of_sum(uh, ul)
    special = where(x.eq(-1.0), -INF, where(x < -1.0, NAN, x))
    usual = (x > -1.0) & (x < INF) & (x.abs() >= 2.0 ** -(format_of(x).mantissa + 2))
    return where(usual, r, special)
