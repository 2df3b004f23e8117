"""Bitwise operations, shifts, bit_count, gcd, lcm, and integer power."""

from __future__ import annotations

from typing import Any

import numpy as np

from tracejit.dtypes import is_signed, unsigned_like
from tracejit.ir.scalar.elementary.num import Num, choose, where
from tracejit.ir.scalar.emit import Emitter
from tracejit.ir.scalar.lowering.rule import Lower, by_kind


def _invert(e: Emitter, a: Any) -> Any:
    return (~Num(e, a)).v


def _magnitude(x: Num) -> Num:
    """|x| as the unsigned type of the same size (right for the minimum too)."""
    unsigned = unsigned_like(x.dtype)
    return (where(x < 0, -x, x) if is_signed(x.dtype) else x).to_int(unsigned)


def _bit_count(e: Emitter, a: Any) -> Any:
    """Ones in the magnitude, as u8."""
    return e.int_cast(e.ctpop(_magnitude(Num(e, a)).v), np.dtype(np.uint8))


def _count_in_range(b: Num) -> tuple[Num, Num]:
    """Whether 0 <= b < width, and b or 0."""
    inside = b.to_int(unsigned_like(b.dtype)) < 8 * b.dtype.itemsize
    return inside, where(inside, b, 0)


def _shift_left(e: Emitter, a: Any, b: Any) -> Any:
    """0 once everything is shifted out; a negative count counts as a large one."""
    inside, count = _count_in_range(Num(e, b))
    return where(inside, Num(e, a) << count, 0).v


def _shift_right(e: Emitter, a: Any, b: Any) -> Any:
    """Fills with the sign once everything is shifted out."""
    x = Num(e, a)
    inside, count = _count_in_range(Num(e, b))
    fill = choose(x < 0, -1, 0, x) if is_signed(x.dtype) else x.const(0)
    return where(inside, x >> count, fill).v


def _gcd_of_magnitudes(x: Num, y: Num) -> Num:
    e = x.e
    zero = e.const(0, x.dtype)

    def more(values: tuple[Any, ...]) -> Any:
        return e.icmp("ne", values[1], zero)

    def step(values: tuple[Any, ...]) -> tuple[Any, ...]:
        divisor = Num(e, values[1])
        return values[1], e.urem(values[0], where(divisor.eq(0), 1, divisor).v)

    return Num(e, e.while_loop((x.v, y.v), more, step)[0])


def _gcd(e: Emitter, a: Any, b: Any) -> Any:
    return _gcd_of_magnitudes(_magnitude(Num(e, a)), _magnitude(Num(e, b))).to_int(a.dtype).v


def _lcm(e: Emitter, a: Any, b: Any) -> Any:
    x, y = _magnitude(Num(e, a)), _magnitude(Num(e, b))
    gcd = _gcd_of_magnitudes(x, y)
    quotient = Num(e, e.udiv(x.v, where(gcd.eq(0), 1, gcd).v))
    return (quotient * y).to_int(a.dtype).v


def _power_by_products(x: Num, exponent: int) -> Num:
    product: Num | None = None
    while exponent:
        if exponent & 1:
            product = x if product is None else product * x
        exponent >>= 1
        if exponent:
            x = x * x
    return x.const(1) if product is None else product


def power(e: Emitter, a: Any, b: Any) -> Any:
    """Wrapping a**b by squaring; 1 for a negative b, which is checked elsewhere."""
    exponent = e.known(b)
    if exponent is not None and exponent <= 64:
        return _power_by_products(Num(e, a), max(int(exponent), 0)).v
    zero = e.const(0, b.dtype)

    def more(values: tuple[Any, ...]) -> Any:
        return e.icmp("gt", values[2], zero)

    def step(values: tuple[Any, ...]) -> tuple[Any, ...]:
        product, base, count = (Num(e, v) for v in values)
        product = where((count & 1).ne(0), product * base, product)
        return product.v, (base * base).v, (count >> 1).v

    return e.while_loop((e.const(1, a.dtype), a, b), more, step)[0]


def bits(method: str) -> Lower:
    def lower(e: Emitter, a: Any, b: Any) -> Any:
        return getattr(e, method)(a, b)

    return by_kind(b=lower, n=lower)


invert = by_kind(b=_invert, n=_invert)
bit_count = by_kind(n=_bit_count)
shift_left = by_kind(n=_shift_left)
shift_right = by_kind(n=_shift_right)
gcd = by_kind(n=_gcd)
lcm = by_kind(n=_lcm)
