"""Integers divided by a divisor that is known, without a division.

By a power of two it is a shift. LLVM makes a product by an inverse of other divisors, but no vector
code where that takes the upper half of a product of 64 by 64 bits; so loops that become vector code
build it of four products of 32 by 32 bits. The inverse is that of T. Granlund and P. Montgomery,
"Division by invariant integers using multiplication", PLDI 1994.
"""

from __future__ import annotations

from tracejit.dtypes import is_signed
from tracejit.ir.scalar.elementary.num import Num, where
from tracejit.ir.scalar.emit import I64, U64

_LOW = (1 << 32) - 1


def floor_divide(x: Num, divisor: Num) -> Num | None:
    """``x // divisor`` rounded down; None where LLVM is to do it."""
    d = divisor.known()
    if not isinstance(d, int) or d in (0, -1):
        return None
    if d > 0 and not d & (d - 1):
        return x >> (d.bit_length() - 1)
    if x.dtype.itemsize < 8 or not x.e.many:
        return None
    if not is_signed(x.dtype):
        return _quotient(x, d, (1 << 64) - 1)
    # ~u is -u - 1: what is rounded towards zero for ~u is rounded down for u.
    mirrored = x < 0 if d > 0 else x > 0
    flipped = ~x if d > 0 else x - 1
    magnitude = where(mirrored, flipped, x if d > 0 else -x).to_int(U64)
    quotient = _quotient(magnitude, abs(d), (1 << 63) - (d > 0))
    return where(mirrored, ~quotient.to_int(I64), quotient.to_int(I64))


def _quotient(x: Num, d: int, most: int) -> Num:
    """``x // d`` of numbers up to ``most``, where d is no power of two."""
    bits = (d - 1).bit_length()
    for shift in range(bits + 1):
        inverse = (1 << (64 + shift)) // d + 1
        # Right for all x if it is for the last one that leaves d - 1.
        last = most - (most + 1) % d
        if inverse < 1 << 64 and inverse * last >> (64 + shift) == last // d:
            return _upper_half(x, inverse) >> shift
    inverse = (1 << (64 + bits)) // d + 1 - (1 << 64)
    part = _upper_half(x, inverse)
    return (((x - part) >> 1) + part) >> (bits - 1)


def _upper_half(x: Num, factor: int) -> Num:
    """The upper 64 bits of a product of unsigned numbers."""
    (low, high), (a, b) = (x & _LOW, x >> 32), (factor & _LOW, factor >> 32)
    middle = high * a + (low * a >> 32)
    other = (middle & _LOW) + low * b
    return high * b + (middle >> 32) + (other >> 32)
