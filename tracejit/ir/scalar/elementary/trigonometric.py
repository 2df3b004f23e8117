"""sin, cos, tan over the full range.

|x| = q pi/2 + r with r = rh + rl, |r| <= pi/4. Below 2**28 (2**14 in float32) multiples of pi/2
held in three floats are subtracted. Larger arguments are rare and multiply by a window of the bits
of 2/pi (Payne and Hanek 1983) read from a table by exponent; those of float32 reduce in float64.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from tracejit.ir.scalar.elementary import coefficients as k
from tracejit.ir.scalar.elementary.num import (
    DOUBLE,
    INF,
    NAN,
    Num,
    elementary,
    fast_two_sum,
    fma,
    format_of,
    poly,
    poly_by_halves,
    rarely,
    rough_inverse,
    two_product,
    two_sum,
    where,
)
from tracejit.ir.scalar.emit import F32, F64, I32

_SMALL = 2.0**28
#: Up to where the usual reduction is good: the nearest n is right, n pi/2 has bits to spare.
_BOUND = {32: 2.0**14, 64: _SMALL}
_PIO2 = k.PIO2_64
_TABLE_64 = (k.TWO_OVER_PI_64_0, k.TWO_OVER_PI_64_1, k.TWO_OVER_PI_64_2, k.TWO_OVER_PI_64_3)
_TABLE_32 = (k.TWO_OVER_PI_32_0, k.TWO_OVER_PI_32_1)


def _quarter_turns(x: Num) -> tuple[Num, Num]:
    """The nearest integer to 2x/pi as a float, and as an integer right modulo 4; |x| < 2**50."""
    shifted = fma(x, k.INV_PIO2_64[0], DOUBLE.magic)
    return shifted - DOUBLE.magic, shifted.bits()


def _nearest(x: Num) -> tuple[Num, Num]:
    """The same for x itself."""
    shifted = x + DOUBLE.magic
    return shifted - DOUBLE.magic, shifted.bits()


def _modulo_4(x: Num) -> Num:
    """x minus a multiple of 4, exactly, in [-2, 2]."""
    return x - 4.0 * (0.25 * x).rint()


def _window(x: Num, tables: tuple[tuple[float, ...], ...], mantissa: int) -> tuple[Num, list[Num]]:
    """|x| as an integer M 2**j with j < 16, and the window of 2/pi that goes with it.

    x is float64; `mantissa` is the number of fraction bits its value can have.
    """
    bits = x.bits()
    exponent = ((bits >> 52) & 0x7FF) - 1023
    fraction = bits & 0x000FFFFFFFFFFFFF
    whole = (fraction | (((exponent & 15) + (1023 + mantissa)) << 52)).floats()
    index = (exponent - 16) >> 4
    index = where(index < 0, 0, where(index > len(tables[0]) - 1, len(tables[0]) - 1, index))
    index = index.to_int(I32)
    return whole, [Num(x.e, x.e.lookup(t, index.v, F64)) for t in tables]


def _reduce_large(x: Num) -> tuple[Num, Num, Num]:
    """|x| >= 2**28, float64: r as a sum of two, and the quadrant. See the module's docstring.

    Windows are four floats wide, good for 2**-196 of a quarter turn: the closest that a float64
    comes to a multiple of pi/2 is about 2**-62.
    """
    m, c = _window(x, _TABLE_64, 52)
    p0, e0 = two_product(m, c[0])
    p1, e1 = two_product(m, c[1])
    p2, e2 = two_product(m, c[2])
    a, al = two_sum(_modulo_4(p0), _modulo_4(e0))
    b, bl = two_sum(a, _modulo_4(p1))
    n, quadrant = _nearest(b)
    g, gl = two_sum(e1, p2)
    h, t1 = two_sum(b - n, al)
    h, t2 = two_sum(h, bl)
    h, t3 = two_sum(h, g)
    h, low = two_sum(h, t1 + t2 + t3 + (gl + e2 + m * c[3]))
    rh, rl = two_product(h, h.const(_PIO2[0]))
    rl = rl + fma(h, _PIO2[1], low * _PIO2[0])
    return rh, rl, quadrant


def _reduce_usual(a: Num) -> tuple[Num, Num, Num]:
    """r as a sum of two and q modulo 4, for 0 <= a below the format's bound.

    The first product cancels exactly: its bits and those of `a` are multiples of one unit. That
    is a multiple of the last bit of the second, so the short sum is exact whichever is larger.
    """
    f = format_of(a)
    pio2 = f.table("PIO2")
    shifted = fma(a, f.table("INV_PIO2")[0], f.magic)
    n = shifted - f.magic
    near = fma(n, -pio2[0], a)
    p = n * pio2[1]
    low = fma(n, pio2[2], fma(n, pio2[1], -p))
    rh, rl = fast_two_sum(near, -p)
    return rh, rl - low, shifted.bits()


def _reduce_single(x: Num) -> tuple[Num, Num, Num]:
    """The same for any finite float32, by way of float64."""
    wide = x.to_float(F64)
    large = wide > _SMALL
    n, q = _quarter_turns(where(large, 0.0, wide))
    r = fma(n, -_PIO2[1], fma(n, -_PIO2[0], wide))
    m, c = _window(wide, _TABLE_32, 23)
    p, e = two_product(m, c[0])
    turns, tail = _modulo_4(p), fma(m, c[1], e)
    n, quadrant = _nearest(turns + tail)
    far = ((turns - n) + tail) * _PIO2[0]
    r = where(large, far, r)
    rh = r.to_float(F32)
    rl = (r - rh.to_float(F64)).to_float(F32)
    return rh, rl, where(large, quadrant, q).to_int(I32)


def reduce(a: Num) -> tuple[Num, Num, Num]:
    """r = rh + rl and q modulo 4 (an integer of a's width) with a = q pi/2 + r; a >= 0.

    nan for inf.
    """
    usual = _reduce_usual(a)

    def rare() -> Sequence[Num]:
        rh, rl, q = _reduce_single(a) if a.dtype == F32 else _reduce_large(a)
        return where(a < INF, rh, NAN), rl, q

    rh, rl, q = rarely(a > _BOUND[format_of(a).bits], usual, rare)
    return rh, rl, q


def _kernels(rh: Num, rl: Num) -> tuple[Num, Num, Num, Num]:
    """sin(rh + rl) and cos(rh + rl), each as a sum of two, |rh| <= pi/4 (fdlibm's k_sin, k_cos)."""
    f = format_of(rh)
    z = rh * rh
    half = 0.5 * z
    sin_low = fma(rh * z, poly(z, f.table("SIN")), fma(-rl, half, rl))
    c = 1.0 - half
    rounding = (1.0 - c) - half
    cos_low = rounding + fma(z * z, poly(z, f.table("COS")), -(rh * rl))
    return rh, sin_low, c, cos_low


def of_half_turns(x: Num) -> tuple[Num, Num]:
    """sin(pi x) and cos(pi x) for |x| <= 1/2."""
    a = x.abs()
    near = a <= 0.25
    r = math.pi * where(near, a, 0.5 - a)
    s, sl, c, cl = _kernels(r, r.const(0.0))
    sine, cosine = s + sl, c + cl
    return where(near, sine, cosine).copysign(x), where(near, cosine, sine)


def _odd(q: Num) -> Num:
    """Bit 0 of q, asked as a sign: what vector registers choose by."""
    return (q << (8 * q.dtype.itemsize - 1)) < 0


def _signed(r: Num, turns: Num) -> Num:
    """`r` with its sign changed where the top bit of `turns` is set."""
    return (r.bits() ^ (turns & turns.const(-1 << (8 * turns.dtype.itemsize - 1)))).floats()


def _half_turn(q: Num) -> Num:
    """Bit 1 of q on top."""
    return q << (8 * q.dtype.itemsize - 2)


@elementary
def sin(x: Num) -> Num:
    """Sine of x radians."""
    rh, rl, q = reduce(x.abs())
    s, sl, c, cl = _kernels(rh, rl)
    odd = _odd(q)
    r = where(odd, c, s) + where(odd, cl, sl)
    return _signed(r, _half_turn(q) ^ x.bits())


@elementary
def cos(x: Num) -> Num:
    """Cosine of x radians."""
    rh, rl, q = reduce(x.abs())
    s, sl, c, cl = _kernels(rh, rl)
    odd = _odd(q)
    r = where(odd, s, c) + where(odd, sl, cl)
    return _signed(r, _half_turn(q + 1))


@elementary
def tan(x: Num) -> Num:
    """Tangent of x radians: t = tan r by one polynomial, or -1/t."""
    rh, rl, q = reduce(x.abs())
    f = format_of(x)
    z = rh * rh
    square = z * z
    low = fma(rl, z + square, rl)  # the slope is 1 + t*t, and z + z*z nearly t*t
    low = fma(rh * z, poly_by_halves(z, square, f.table("TAN")), low)
    t, tl = fast_two_sum(rh, low)
    inv = rough_inverse(t)
    turned = fma(fma(tl, inv, fma(t, inv, -1.0)), inv, -inv)
    return _signed(where(_odd(q), turned, t), x.bits())
