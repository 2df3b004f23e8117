"""exp, exp2, expm1, and the cores that power and hyperbolic functions share.

x = n ln 2 + r with |r| <= ln 2 / 2 (Cody and Waite, exact thanks to fma), exp(r) by polynomial,
and a scaling by 2**n in two steps, so that subnormal results and the last binade come out.
"""

from __future__ import annotations

from tracejit.ir.scalar.elementary.num import (
    DOUBLE,
    INF,
    Num,
    elementary,
    fast_two_sum,
    fma,
    format_of,
    poly,
    scale_by_power,
    two_sum,
    where,
)


def reduce(x: Num) -> tuple[Num, Num, Num]:
    """Integer n (as an integer), and r = rh + rl with x = n ln 2 + r."""
    f = format_of(x)
    ln2 = f.table("LN2")
    shifted = fma(x, f.table("INV_LN2")[0], f.magic)
    n = shifted - f.magic
    r = fma(n, -ln2[0], x)  # exact: n ln2[0] and x share their last bit
    rh = fma(n, -ln2[1], r)
    rl = fma(n, -ln2[1], r - rh)
    return shifted.bits() - x.const(f.magic).bits(), rh, rl


def exp_of_sum(x: Num, low: Num | None = None) -> Num:
    """exp(x + low), |low| below an ulp of x, for x where the result is finite or underflows."""
    n, rh, rl = reduce(x)
    if low is not None:  # an ulp of x is many ulps of r
        rh, rl = two_sum(rh, rl + low)
    return scale_by_power(_less_one(rh, rl) + 1.0, n)


def exp2_of_sum(x: Num, low: Num) -> tuple[Num, Num]:
    """n and r with 2**(x + low) = r 2**n, r between 0.7 and 1.42; |low| below some ulps of x."""
    f = format_of(x)
    shifted = x + f.magic
    r = (x - (shifted - f.magic)) + low
    n = shifted.bits() - x.const(f.magic).bits()
    return n, fma(r, fma(r, poly(r, f.table("EXP2")), f.table("LN2")[0]), 1.0)


def exp_less_one(x: Num) -> tuple[Num, Num]:
    """n and q with exp(x) = (1 + q) 2**n, |q| below a half."""
    n, rh, rl = reduce(x)
    return n, _less_one(rh, rl)


def _less_one(rh: Num, rl: Num) -> Num:
    """exp(rh + rl) - 1."""
    return rh + fma(rh * rh, poly(rh, format_of(rh).table("EXP")), rl)


def expm1_quarter(x: Num) -> tuple[Num, Num]:
    """(exp(x) - 1) / 4 as a sum of two; x is clamped to where that is finite."""
    f = format_of(x)
    top = 710.5 if f is DOUBLE else 89.5
    x = where(x > top, top, where(x < -50.0, -50.0, x))
    n, rh, rl = reduce(x)
    q, ql = fast_two_sum(rh, rh * rh * poly(rh, f.table("EXP")))
    scale = ((n + (f.bias - 2)) << f.mantissa).floats()
    h, low = two_sum(scale - 0.25, scale * q)
    return h, fma(scale, ql + rl, low)


@elementary
def exp(x: Num) -> Num:
    """e**x."""
    return _exp(x)


def _exp(x: Num) -> Num:
    low, high = (-745.14, 709.7827128933841) if format_of(x) is DOUBLE else (-103.98, 88.72284)
    r = exp_of_sum(x)
    return where(x > high, INF, where(x < low, 0.0, r))


@elementary
def exp2(x: Num) -> Num:
    """2**x, exact for integers."""
    f = format_of(x)
    low, high = (-1075.0, 1024.0) if f is DOUBLE else (-150.0, 128.0)
    shifted = x + f.magic
    n = shifted.bits() - x.const(f.magic).bits()
    r = x - (shifted - f.magic)
    ln2 = f.table("LN2")
    q = fma(r, ln2[0], r * fma(r, poly(r, f.table("EXP2")), ln2[1]))
    result = scale_by_power(q + 1.0, n)
    return where(x >= high, INF, where(x <= low, 0.0, result))


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
