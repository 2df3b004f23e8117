"""log, log2, log10, log1p, and the cores that power and inverse hyperbolic functions share.

x = 2**e m, f = m - 1. In float32 m is in [3/4, 3/2) and log m a polynomial of f. In float64 m is in
[sqrt(1/2), sqrt(2)) and log m is 2 atanh(s), s = f/(f+2): the series of fdlibm's e_log.c. For
powers there is a form carried in two floats (relative error about 2**-64 in float64).
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

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

ROOT_OF_HALF = 0.5**0.5


def split(x: Num, least: float | None = None) -> tuple[Num, Num]:
    """Integer e and m with x = 2**e m, for finite x > 0, subnormals included. m is from `least`
    on, or from where the logarithms of the format want it to be."""
    f = format_of(x)
    low = x < f.min_normal
    shift = f.mantissa + 2
    e, m = split_normal(where(low, x * 2.0**shift, x), least)
    return e - choose(low, shift, 0, e), m


def split_normal(x: Num, least: float | None = None) -> tuple[Num, Num]:
    """The same for x that is not subnormal."""
    f = format_of(x)
    e = _above(x, least) >> f.mantissa
    return e, (x.bits() - (e << f.mantissa)).floats()


def _above(x: Num, least: float | None = None) -> Num:
    """A number whose bits from those of the exponent on are e."""
    if least is None:
        least = 0.75 if format_of(x) is SINGLE else ROOT_OF_HALF
    return x.bits() - x.const(least).bits()


def exponent_of_normal(x: Num) -> tuple[Num, Num]:
    """e, and 2**-e: the exponent's bits of e with all but the first of them changed."""
    f = format_of(x)
    above = _above(x)
    exponent = x.const(INF).bits()
    scale = ((above & exponent) ^ x.const(1.0).bits()).floats()
    return above >> f.mantissa, scale


def _finish(x: Num, r: Num) -> Num:
    """The values outside (0, inf)."""
    special = where(x.eq(0.0), -INF, where(x < 0.0, NAN, x))
    return where((x > 0.0) & (x < INF), r, special)


def log_of_split(e: Num, f: Num, low: Num | None = None) -> Num:
    """e ln 2 + log(1 + f) + low, within an ulp; |low| some ulps of 1 + f at most."""
    fmt = format_of(f)
    ef = e.to_float(f.dtype)
    if fmt is SINGLE:  # what this ln 2 lacks is a tenth of an ulp of the least sum with it
        return fma(ef, fmt.table("LN2")[0], f + _less_f(f, low))
    ln2, ln2_low = fmt.table("LN2_SHORT")
    low = ef * ln2_low if low is None else fma(ef, ln2_low, low)
    return fma(ef, ln2, f + _less_f(f, low))


def moves_log(fl: Num, f: Num) -> Num:
    """What fl, below an ulp of 1 + f, adds to log(1 + f): fl / (1 + f), of which few bits count."""
    return fma(-fl, f, fl)


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


def log2_times(e: Num, f: Num, y: float) -> tuple[Num, Num]:
    """y (e + log2(1 + f)) as a sum of two float32, for a float32 y that is 3 at most.

    Right to about 2**-25: what is beyond the first term of the logarithm is carried in one. The
    first 16 bits of y times e are exact.
    """
    exact = Fraction(y) * sum(Fraction(part) for part in SINGLE.table("INV_LN2")[:2])
    first = float(np.float32(float(exact)))
    beyond = [first * c for c in (-0.5, *SINGLE.table("LOG1P"))]
    low = f * fma(f, poly(f, beyond), float(exact - Fraction(first)))
    g = fma(f, first, low)
    low = fma(f, first, -g) + low
    ef = e.to_float(f.dtype)
    m, exponent = np.frexp(y)
    short = float(np.ldexp(np.rint(np.ldexp(m, 16)), int(exponent) - 16))
    h, rounding = fast_two_sum(ef * short, g)
    return h, rounding + fma(ef, y - short, low)


def _half_inverse(f: Num) -> Num:
    """1 / (2 + f) for f between sqrt(1/2) - 1 and sqrt(2) - 1, nearly to the last bit."""
    fmt = format_of(f)
    if fmt is not SINGLE:
        return 1.0 / (f + 2.0)
    first = poly(f, fmt.table("HALF_INVERSE"))
    return fma(first, fma(-first, f + 2.0, 1.0), first)


def log_of_sum(uh: Num, ul: Num) -> Num:
    """log(uh + ul); uh is normal."""
    fmt = format_of(uh)
    e, m = split_normal(uh)
    top = 1000 if fmt.bias == 1023 else 100
    capped = where(e > top, top, e)  # beyond, `ul` is zero or lost
    scale = ((fmt.bias - capped) << fmt.mantissa).floats()
    f = m - 1.0
    return log_of_split(e, f, moves_log(ul * scale, f))


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
