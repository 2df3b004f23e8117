"""exp, exp2, expm1, and the cores that power and hyperbolic functions share.

x = n ln 2 + r with |r| <= ln 2 / 2 (Cody and Waite, exact thanks to fma), exp(r) by polynomial,
and a scaling by 2**n in two steps, so that subnormal results and the last binade come out.

n is kept as the bits of a float to which it was added: the lowest ones are n plus twice the bias of
the format, and a shift into the exponent leaves nothing of the rest.
"""

from __future__ import annotations

from tracejit.ir.scalar.elementary.num import (
    DOUBLE,
    Format,
    Num,
    elementary,
    fast_two_sum,
    fma,
    format_of,
    larger,
    poly,
    poly_by_halves,
    smaller,
    two_sum,
    where,
)


def shifted(x: Num, factor: float = 1.0) -> tuple[Num, Num]:
    """n = ``x * factor`` rounded, and a float whose lowest bits are n and twice the bias."""
    f = format_of(x)
    magic = f.magic + 2 * f.bias
    found = x + magic if factor == 1.0 else fma(x, factor, magic)
    return found - magic, found


def low_bits(x: Num) -> Num:
    """The bits of what was shifted, in which n is the lowest ones."""
    return x.bits().unsigned()


def reduce(x: Num) -> tuple[Num, Num, Num]:
    """What n was shifted to, and r = rh + rl with x = n ln 2 + r."""
    ln2 = format_of(x).table("LN2")
    n, found = shifted(x, format_of(x).table("INV_LN2")[0])
    r = fma(n, -ln2[0], x)  # exact: n ln2[0] and x share their last bit
    rh = fma(n, -ln2[1], r)
    return found, rh, fma(n, -ln2[1], r - rh)


def power_of_two(f: Format, n: Num, more: int = 0) -> Num:
    """2**(n + more), in range, for n in low bits."""
    return ((n + (more - f.bias)) << f.mantissa).floats()


def _scaled(q: Num, n: Num) -> Num:
    """(1 + q) * 2**n for n in low bits, within twice the exponent range: rounded, and then
    rounded again where it is subnormal."""
    f = format_of(q)
    half = n >> 1
    first = (half << f.mantissa).floats()
    return fma(q, first, first) * ((n - half) << f.mantissa).floats()


def exp_of_sum(x: Num, low: Num | None = None) -> Num:
    """exp(x + low), |low| below an ulp of x, for x where the result is finite or underflows."""
    found, rh, rl = reduce(x)
    if low is not None:  # an ulp of x is many ulps of r
        rh, rl = two_sum(rh, rl + low)
    return _scaled(_less_one(rh, rl), low_bits(found))


def exp2_of_sum(x: Num, low: Num) -> tuple[Num, Num]:
    """n and r with 2**(x + low) = r 2**n, r between 0.7 and 1.42; |low| below some ulps of x."""
    f = format_of(x)
    shifted = x + f.magic
    r = (x - (shifted - f.magic)) + low
    n = shifted.bits() - x.const(f.magic).bits()
    return n, fma(r, fma(r, poly(r, f.table("EXP2")), f.table("LN2")[0]), 1.0)


def exp_less_one(x: Num) -> tuple[Num, Num]:
    """n in low bits, and q with exp(x) = (1 + q) 2**n to an ulp, |q| below a half."""
    f = format_of(x)
    ln2 = f.table("LN2")
    n, found = shifted(x, f.table("INV_LN2")[0])
    r = fma(n, -ln2[1], fma(n, -ln2[0], x))
    z = r * r
    return low_bits(found), fma(z, poly_by_halves(r, z, f.table("EXP")), r)


def _less_one(rh: Num, rl: Num) -> Num:
    """exp(rh + rl) - 1."""
    z = rh * rh
    return rh + fma(z, poly_by_halves(rh, z, format_of(rh).table("EXP")), rl)


def expm1_quarter(x: Num) -> tuple[Num, Num]:
    """(exp(x) - 1) / 4 as a sum of two; x is clamped to where that is finite."""
    f = format_of(x)
    top = 710.5 if f is DOUBLE else 89.5
    x = larger(smaller(x, top), -50.0)
    found, rh, rl = reduce(x)
    z = rh * rh
    q, ql = fast_two_sum(rh, z * poly_by_halves(rh, z, f.table("EXP")))
    scale = power_of_two(f, low_bits(found), -2)
    h, low = two_sum(scale - 0.25, scale * q)
    return h, fma(scale, ql + rl, low)


@elementary
def exp(x: Num) -> Num:
    """e**x."""
    return _exp(x)


def _exp(x: Num) -> Num:
    return exp_of_negative(smaller(x, 710.0 if format_of(x) is DOUBLE else 89.0))


def exp_of_negative(x: Num) -> Num:
    """exp(x) for x up to where it is infinite."""
    return exp_of_sum(larger(x, -746.0 if format_of(x) is DOUBLE else -104.5))


@elementary
def exp2(x: Num) -> Num:
    """2**x, exact for integers."""
    f = format_of(x)
    low, high = (-1076.0, 1025.0) if f is DOUBLE else (-151.0, 129.0)
    x = larger(smaller(x, high), low)
    n, found = shifted(x)
    r = x - n
    ln2 = f.table("LN2")
    q = fma(r, ln2[0], r * fma(r, poly_by_halves(r, r * r, f.table("EXP2")), ln2[1]))
    return _scaled(q, low_bits(found))


@elementary
def logistic(x: Num) -> Num:
    """1 / (1 + e**-x)."""
    one: Num = x.const(1.0) / (_exp(-x) + 1.0)
    return one


@elementary
def expm1(x: Num) -> Num:
    """e**x - 1, to full relative precision near zero."""
    h, low = expm1_quarter(x)
    tiny = 2.0 ** -(format_of(x).mantissa + 2)
    return where(x.abs() < tiny, x, 4.0 * (h + low))
