"""add sub mul div neg abs sign, real imag conj complex, checked i64 arithmetic."""

from __future__ import annotations

from typing import Any

from tracejit.dtypes import is_from_outside, is_signed
from tracejit.ir.scalar.elementary import hypot
from tracejit.ir.scalar.elementary.complex_num import Pair, complex_function, divide
from tracejit.ir.scalar.elementary.num import INF, NAN, Num, choose, where
from tracejit.ir.scalar.emit import ComplexPair, Emitter
from tracejit.ir.scalar.lowering.rule import both_parts, by_kind


def _add(e: Emitter, a: Any, b: Any) -> Any:
    return e.fadd(a, b)


def _sub(e: Emitter, a: Any, b: Any) -> Any:
    return e.fsub(a, b)


def _neg(e: Emitter, a: Any) -> Any:
    return e.fneg(a)


def _mul_complex(e: Emitter, a: ComplexPair, b: ComplexPair) -> ComplexPair:
    """(ac - bd, ad + bc), each product rounded."""
    return ComplexPair(
        e.fsub(e.fmul(a.re, b.re), e.fmul(a.im, b.im)),
        e.fadd(e.fmul(a.re, b.im), e.fmul(a.im, b.re)),
    )


@complex_function
def _div_complex(a: Pair, b: Pair) -> Pair:
    return divide(a, b)


def _abs_int(e: Emitter, a: Any) -> Any:
    x = Num(e, a)
    return where(x < 0, -x, x).v


def _sign_int(e: Emitter, a: Any) -> Any:
    x = Num(e, a)
    positive = choose(x > 0, 1, 0, x)
    return (where(x < 0, -1, positive) if is_signed(x.dtype) else positive).v


def _sign_float(e: Emitter, a: Any) -> Any:
    x = Num(e, a).computed()
    zero = x if is_from_outside(a.dtype) else 0.0  # ml_dtypes keeps its sign
    found = where(x > 0.0, 1.0, where(x < 0.0, -1.0, where(x.eq(0.0), zero, x)))
    return found.to_float(a.dtype).v


def _sign_complex(e: Emitter, z: ComplexPair) -> ComplexPair:
    """z / |z|; 0 at 0; a unit on the axis of a single infinite part."""
    re, im = Num(e, z.re), Num(e, z.im)
    size = Num(e, hypot(e, z.re, z.im))
    re_inf, im_inf = re.abs().eq(INF), im.abs().eq(INF)
    infinite = re_inf | im_inf
    undefined = size.isnan() | (re_inf & im_inf)
    divisor = where(size.eq(0.0), 1.0, size)

    def part(x: Num, x_inf: Num) -> Any:
        unit = where(x_inf, x.const(1.0).copysign(x), 0.0)
        value = where(infinite, unit, where(size.eq(0.0), 0.0, x / divisor))
        return where(undefined, NAN, value).v

    return ComplexPair(part(re, re_inf), part(im, im_inf))


def _imag(e: Emitter, a: Any) -> Any:
    return e.const(0, a.dtype)


def _conj(e: Emitter, z: ComplexPair) -> ComplexPair:
    return ComplexPair(z.re, e.fneg(z.im))


def _same(e: Emitter, a: Any) -> Any:
    return a


add = by_kind(n=lambda e, a, b: e.iadd(a, b), f=_add, c=both_parts(_add))
sub = by_kind(n=lambda e, a, b: e.isub(a, b), f=_sub, c=both_parts(_sub))
mul = by_kind(n=lambda e, a, b: e.imul(a, b), f=lambda e, a, b: e.fmul(a, b), c=_mul_complex)
div = by_kind(f=lambda e, a, b: e.fdiv(a, b), c=_div_complex)
neg = by_kind(n=lambda e, a: e.isub(e.const(0, a.dtype), a), f=_neg, c=both_parts(_neg))
absolute = by_kind(
    b=_same,
    u=_same,
    i=_abs_int,
    f=lambda e, a: e.fabs(a),
    c=lambda e, z: hypot(e, z.re, z.im),
)
sign = by_kind(n=_sign_int, f=_sign_float, c=_sign_complex)
real = by_kind(b=_same, n=_same, f=_same, c=lambda e, z: z.re)
imag = by_kind(b=_imag, n=_imag, f=_imag, c=lambda e, z: z.im)
conj = by_kind(b=_same, n=_same, f=_same, c=_conj)


def complex_of(e: Emitter, re: Any, im: Any) -> ComplexPair:
    return ComplexPair(re, im)
