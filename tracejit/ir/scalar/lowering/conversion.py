"""convert{dtype} and bitcast{dtype}: NumPy's unsafe casts.

A float outside an integer's range gives what NumPy gives on x86-64: the signed minimum for i64 and
i32; narrower types are the low bits of the i32; u64 and u32 convert below half their range as the
signed type does and above it after subtracting half, which makes out-of-range values 0 or half.
(For u32 NumPy's own vector and scalar loops differ out of range; these are its vector loop's.)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tracejit.dtypes import computed_in, is_complex, is_float, is_narrow, is_signed, part_of
from tracejit.ir.scalar.elementary.num import Num, choose, where
from tracejit.ir.scalar.emit import BOOL, F32, F64, I32, I64, ComplexPair, DType, Emitter


def _float_to_signed(x: Num, dtype: DType) -> Num:
    """i32 or i64; the minimum where out of range or nan."""
    limit = 2.0 ** (8 * dtype.itemsize - 1)
    low = x >= -limit
    if dtype == I32 and x.dtype.itemsize == 8:
        low = x > -limit - 1.0
    inside = low & (x < limit)
    minimum = -(1 << (8 * dtype.itemsize - 1))
    return where(inside, where(inside, x, 0.0).to_int(dtype), minimum)


def _float_to_int(x: Num, dtype: DType) -> Num:
    if dtype.itemsize < 4:
        return _float_to_signed(x, I32).to_int(dtype)
    signed = I32 if dtype.itemsize == 4 else I64
    if is_signed(dtype):
        return _float_to_signed(x, signed)
    half = 2.0 ** (8 * dtype.itemsize - 1)
    upper = x >= half
    r = _float_to_signed(where(upper, x - half, x), signed)
    flipped = r ^ -(1 << (8 * dtype.itemsize - 1))
    return where(upper, flipped, r).to_int(dtype)


def _to_odd(x: Num) -> Num:
    """A float64 as float32, rounded so that to round again is as good as to round once.

    Where float32 does not hold it, it is the neighbour whose last bit is 1 (Boldo and Melquiond,
    "When double rounding is odd", 2005).
    """
    near = x.to_float(F32)
    back, bits = near.to_float(F64), near.bits()
    inexact = (x < back) | (x > back)
    outward = bits + choose(x.abs() > back.abs(), 1, -1, bits)
    return where(inexact & (bits & 1).eq(0), outward, bits).floats()


def _real(e: Emitter, a: Any, dtype: DType) -> Any:
    x, source = Num(e, a).computed(), a.dtype
    if source == dtype:
        return a
    if is_narrow(dtype):
        near = _to_odd(x) if x.dtype == F64 else x.to_float(computed_in(dtype))
        return near.to_float(dtype).v
    source = x.dtype
    if dtype == BOOL:
        return x.ne(0.0 if is_float(source) else 0).v
    if is_float(dtype):
        return x.to_float(dtype).v
    return (_float_to_int(x, dtype) if is_float(source) else x.to_int(dtype)).v


def convert(e: Emitter, a: Any, *, dtype: DType) -> Any:
    dtype = np.dtype(dtype)
    if isinstance(a, ComplexPair):
        if dtype == BOOL:
            return e.ior(_real(e, a.re, BOOL), _real(e, a.im, BOOL))
        if not is_complex(dtype):
            return _real(e, a.re, dtype)
    if is_complex(dtype):
        part = part_of(dtype)
        if isinstance(a, ComplexPair):
            return ComplexPair(_real(e, a.re, part), _real(e, a.im, part))
        return ComplexPair(_real(e, a, part), e.const(0.0, part))
    return _real(e, a, dtype)


def bitcast(e: Emitter, a: Any, *, dtype: DType) -> Any:
    dtype = np.dtype(dtype)
    if a.dtype == BOOL or dtype == BOOL:  # one bit in a register, one byte as bits
        return a if a.dtype == dtype else _real(e, a, dtype)
    return a if a.dtype == dtype else e.bitcast(a, dtype)
