"""Rounding, sqrt, and what reads or writes the fields of a float: signbit copysign nextafter
spacing ldexp frexp."""

from __future__ import annotations

from typing import Any

from tracejit.dtypes import is_from_outside
from tracejit.ir.scalar.elementary import complex_functions
from tracejit.ir.scalar.elementary.num import (
    INF,
    NAN,
    Num,
    choose,
    elementary,
    format_of,
    scale_by_power,
    where,
)
from tracejit.ir.scalar.emit import F16, I32, Emitter
from tracejit.ir.scalar.lowering.rule import Lower, both_parts, by_kind
from tracejit.versions import HALF_NEXTAFTER_TURNS_ZEROS


def _frexp(x: Num) -> tuple[Num, Num]:
    """Mantissa in [1/2, 1) and exponent; (x, 0) for zeros, infinities and nan."""
    f = format_of(x)
    small = x.abs() < f.min_normal
    shift = f.mantissa + 1
    bits = where(small, x * 2.0**shift, x).bits()
    exponent = ((bits >> f.mantissa) & (2 * f.bias + 1)) - (f.bias - 1)
    exponent = exponent - choose(small, shift, 0, exponent)
    field = (2 * f.bias + 1) << f.mantissa
    mantissa = ((bits & ~field) | ((f.bias - 1) << f.mantissa)).floats()
    usual = x.ne(0.0) & (x.abs() < INF)
    return where(usual, mantissa, x), where(usual, exponent, 0)


@elementary
def _frexp_mantissa(x: Num) -> Num:
    return _frexp(x)[0]


@elementary
def _frexp_exponent(x: Num) -> Num:
    return _frexp(x)[1].to_int(I32)


@elementary
def ldexp(x: Num, n: Num) -> Num:
    """x 2**n rounded once: the mantissa is scaled, so that no step but the last is subnormal."""
    mantissa, exponent = _frexp(x)
    bound = 5000  # beyond it every finite x is 0 or inf
    n = where(n > bound, bound, where(n < -bound, -bound, n)).to_int(exponent.dtype)
    total, limit = n + exponent, 3 * format_of(x).bias // 2
    total = where(total > limit, limit, where(total < -limit, -limit, total))
    return where(x.ne(0.0) & (x.abs() < INF), scale_by_power(mantissa, total), x)


@elementary
def _nextafter(x: Num, y: Num) -> Num:
    """Of equal zeros the second; of float16 the first where NumPy has it so."""
    bits, wide, target = x.bits(), x.computed(), y.computed()
    turns = HALF_NEXTAFTER_TURNS_ZEROS or x.dtype != F16
    away = (wide < target) ^ x.signbit()
    least = y.bits() & (-1 << (8 * x.dtype.itemsize - 1)) | 1
    moved = where(wide.eq(0.0), least, bits + choose(away, 1, -1, bits)).floats(x.dtype)
    moved = where(wide.eq(target), y if turns else x, moved)
    return where(wide.isnan() | target.isnan(), (wide + target).to_float(x.dtype), moved)


@elementary
def _spacing(x: Num) -> Num:
    """Distance to the next float away from zero, signed as x (+ at zeros); nan at infinity.

    Of float16 it is the distance to the next greater number, as in NumPy.
    """
    wide = x.computed()
    bits = x.bits() if is_from_outside(x.dtype) else where(wide.eq(0.0), 0, x.bits())
    step = choose(bits < 0, -1, 1, bits) if x.dtype == F16 else 1
    stepped = (bits + step).floats(x.dtype).computed() - wide
    stepped = where(wide.abs() < INF, stepped, where(wide.isnan(), wide, NAN))
    return stepped.to_float(x.dtype)


def _method(name: str) -> Lower:
    def lower(e: Emitter, *operands: Any) -> Any:
        return getattr(e, name)(*operands)

    return lower


copysign = by_kind(f=_method("copysign"))
signbit = by_kind(f=lambda e, a: Num(e, a).signbit().v)
nextafter = by_kind(f=_nextafter)
spacing = by_kind(f=_spacing)
frexp_mantissa = by_kind(f=_frexp_mantissa)
frexp_exponent = by_kind(f=_frexp_exponent)
floor = by_kind(f=_method("floor"))
ceil = by_kind(f=_method("ceil"))
trunc = by_kind(f=_method("trunc"))
rint = by_kind(f=_method("rint"), c=both_parts(_method("rint")))
sqrt = by_kind(f=_method("sqrt"), c=complex_functions.sqrt)
