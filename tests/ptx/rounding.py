"""Exactly rounded arithmetic that NumPy does not offer: fused multiply-add, directed casts."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]


def fma(a: Floats, b: Floats, c: Floats) -> Floats:
    """round(a * b + c), rounded once, for float16, float32 and float64 arrays of one dtype."""
    with np.errstate(all="ignore"):
        if a.dtype == np.float64:
            return _fma64(*np.broadcast_arrays(a, b, c))
        wide = np.float64
        product = a.astype(wide) * b.astype(wide)  # exact: at most 48 bits
        return _add_to_odd(product, c.astype(wide)).astype(a.dtype)


def _two_sum(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    total = a + b
    back = total - a
    return total, (a - (total - back)) + (b - back)


def _two_product(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    def split(x: Floats) -> tuple[Floats, Floats]:
        scaled = x * 134217729.0
        high = scaled - (scaled - x)
        return high, x - high

    product = a * b
    (ah, al), (bh, bl) = split(a), split(b)
    return product, ((ah * bh - product) + ah * bl + al * bh) + al * bl


def _add_to_odd(a: Floats, b: Floats) -> Floats:
    """a + b rounded to odd: a later rounding to fewer bits is then as if done once."""
    total, error = _two_sum(a, b)
    bits = total.view(np.int64)
    up = (error > 0) == (total > 0)  # away from zero
    odd = np.where(bits & 1, bits, np.where(up, bits + 1, bits - 1))
    inexact = np.isfinite(total) & (error != 0)
    return np.where(inexact, odd, bits).view(np.float64)


def _fma64(a: Floats, b: Floats, c: Floats) -> Floats:
    # Boldo and Melquiond, "Emulation of a FMA and correctly rounded sums", IEEE TC 57(4), 2008.
    high, low = _two_product(a, b)
    sum_high, sum_low = _two_sum(c, low)
    top, rest = _two_sum(high, sum_high)
    result = np.array(top + _add_to_odd(rest, sum_low))
    hard = ~_safe(a, b, c)
    special = ~(np.isfinite(a) & np.isfinite(b) & np.isfinite(c)) | (a == 0) | (b == 0)
    special |= (c == 0) & (high != 0)
    result[special] = (a * b + c)[special]
    for i in np.flatnonzero(hard & ~special):
        result[i] = _fma_by_fractions(float(a[i]), float(b[i]), float(c[i]))
    return result


def _safe(a: Floats, b: Floats, c: Floats) -> NDArray[np.bool_]:
    """Where no intermediate of the error-free transforms can overflow or lose bits."""

    def exponent(x: Floats) -> NDArray[np.int64]:
        return np.frexp(x)[1].astype(np.int64)

    ea, eb, ec = exponent(a), exponent(b), exponent(c)
    product_ok = (abs(ea + eb) < 800) & (abs(ea) < 900) & (abs(eb) < 900)
    return product_ok & (abs(ec) < 800) & (c != 0)


def _fma_by_fractions(a: float, b: float, c: float) -> float:
    exact = Fraction(a) * Fraction(b) + Fraction(c)
    if exact == 0:
        return a * b + c  # only the sign of zero is left to decide, and this sum is exact
    try:
        return float(exact)
    except OverflowError:
        return float("inf") if exact > 0 else float("-inf")


def cast(x: Floats, dtype: np.dtype, mode: str) -> Floats:
    """A float cast rounded to nearest even (rn), to zero (rz), down (rm) or up (rp)."""
    near = x.astype(dtype)
    if mode == "rn" or np.dtype(dtype).itemsize >= x.dtype.itemsize:
        return near
    back = near.astype(x.dtype)
    too_big, too_small = back > x, back < x
    step_down = too_big & ((mode == "rm") | ((mode == "rz") & (x > 0)))
    step_up = too_small & ((mode == "rp") | ((mode == "rz") & (x < 0)))
    down = np.nextafter(near, dtype.type(-np.inf))
    return np.where(
        step_down, down, np.where(step_up, np.nextafter(near, dtype.type(np.inf)), near)
    )


def to_bfloat(x: NDArray[np.float32]) -> NDArray[np.uint16]:
    """The bits of float32 values rounded to bfloat16, nearest even; nan becomes 0x7FFF."""
    bits = np.ascontiguousarray(x, np.float32).view(np.uint32)
    rounded = (bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16)
    return np.where(np.isnan(x), np.uint32(0x7FFF), rounded).astype(np.uint16)


def from_bfloat(bits: NDArray[np.uint16]) -> NDArray[np.float32]:
    return (bits.astype(np.uint32) << np.uint32(16)).view(np.float32)
