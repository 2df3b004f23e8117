"""floor_divide, remainder, fmod: integers with NumPy's zeros, floats as NumPy's npy_divmod."""

from __future__ import annotations

from typing import Any

from tracejit.dtypes import is_signed, is_unsigned
from tracejit.ir.scalar.elementary.num import (
    INF,
    NAN,
    Num,
    choose,
    elementary,
    fma,
    format_of,
    rarely,
    where,
)
from tracejit.ir.scalar.emit import Emitter
from tracejit.ir.scalar.lowering import known_divisors
from tracejit.ir.scalar.lowering.rule import by_kind


def _truncating(e: Emitter, a: Any, b: Any) -> tuple[Num, Num, Num]:
    """Quotient and remainder towards zero, and whether b is zero (then both are of a / 1).

    minimum / -1 divides by 1 too, which gives the wrapped quotient and remainder 0.
    """
    x, y = Num(e, a), Num(e, b)
    zero = y.eq(0)
    if is_unsigned(x.dtype):
        safe = where(zero, 1, y)
        return Num(e, e.udiv(x.v, safe.v)), Num(e, e.urem(x.v, safe.v)), zero
    minimum = -(1 << (8 * x.dtype.itemsize - 1))
    safe = where(zero | (y.eq(-1) & x.eq(minimum)), 1, y)
    quotient = Num(e, e.sdiv(x.v, safe.v))
    return quotient, x - quotient * safe, zero


def _floor_divide_int(e: Emitter, a: Any, b: Any) -> Any:
    known = known_divisors.floor_divide(Num(e, a), Num(e, b))
    if known is not None:
        return known.v
    q, r, zero = _truncating(e, a, b)
    if is_signed(q.dtype):
        q = q - choose(r.ne(0) & ((r < 0) ^ (Num(e, b) < 0)), 1, 0, q)
    return where(zero, 0, q).v


def _remainder_int(e: Emitter, a: Any, b: Any) -> Any:
    x, y = Num(e, a), Num(e, b)
    known = known_divisors.floor_divide(x, y)
    if known is not None:
        return (x - known * y).v
    _, r, zero = _truncating(e, a, b)
    if is_signed(r.dtype):
        r = where(r.ne(0) & ((r < 0) ^ (y < 0)), r + y, r)
    return where(zero, 0, r).v


def _fmod_int(e: Emitter, a: Any, b: Any) -> Any:
    _, r, zero = _truncating(e, a, b)
    return where(zero, 0, r).v


def _exponent(x: Num) -> Num:
    """Biased exponent, below 1 for subnormals."""
    f = format_of(x)
    small = x < f.min_normal
    lift = f.mantissa + 1
    lifted = where(small, x * 2.0**lift, x).bits() >> f.mantissa
    return lifted - choose(small, lift, 0, lifted)


def _fmod_step(r: Num, y: Num) -> Num:
    """r minus a multiple of y 2**k with a quotient below 2**(mantissa - 1), exactly."""
    f = format_of(r)
    k = _exponent(r) - _exponent(y) - (f.mantissa - 3)
    most = 2 * f.bias  # only beyond 2**2046 apart: then y has few bits and q stays exact
    k = where(k > most, most, where(k > 0, k, 0))
    half = k >> 1  # 2**k itself may overflow when y is subnormal
    scaled = y * ((half + f.bias) << f.mantissa).floats()
    scaled = scaled * ((k - half + f.bias) << f.mantissa).floats()
    q = (r / scaled).trunc()
    rest = fma(-q, scaled, r)
    return where(rest < 0.0, rest + scaled, where(rest >= scaled, rest - scaled, rest))


def _by_steps(ax: Num, ay: Num) -> Num:
    """The remainder of finite ax >= 0 and ay > 0; one step serves quotients below 2**50."""
    e = ax.e

    def more(values: tuple[Any, ...]) -> Any:
        return e.fcmp("oge", values[0], ay.v)

    def step(values: tuple[Any, ...]) -> tuple[Any, ...]:
        return (_fmod_step(Num(e, values[0]), ay).v,)

    return Num(e, e.while_loop((ax.v,), more, step)[0])


def _usual_quotient(x: Num, y: Num) -> tuple[Num, Num, Num]:
    """trunc(|x| / |y|) and the remainder, both exact, and whether they are not to be used.

    The quotient that is tried is off by one at most, and the remainder then has few enough bits.
    """
    f = format_of(x)
    ax, divisor = x.abs(), abs(y.known() or 0.0)
    if f.min_normal < divisor < 0.25 / f.min_normal:  # the inverse is a normal number
        ay = y.const(divisor)
        q = (ax * (1.0 / divisor)).trunc()
    else:
        ay = y.abs()
        q = (ax / ay).trunc()
    rest = fma(-q, ay, ax)
    over, under = rest >= ay, rest < 0.0
    rest = where(under, rest + ay, where(over, rest - ay, rest))
    rare = (q >= 2.0 ** (f.mantissa - 2)) | ay.eq(INF)
    return where(under, q - 1.0, where(over, q + 1.0, q)), rest, rare


def _fmod_in_steps(x: Num, y: Num) -> Num:
    """C's fmod of any operands: exact, with the sign of x."""
    ax, ay = x.abs(), y.abs()
    usual = (ax < INF) & (ay < INF) & (ay > 0.0)
    r = _by_steps(where(usual, ax, 0.0), where(usual, ay, 1.0))
    edge = where((ax < INF) & ay.eq(INF), x, where(x.isnan() | y.isnan(), x + y, NAN))
    return where(usual, r.copysign(x), edge)


@elementary
def _fmod_float(x: Num, y: Num) -> Num:
    _, rest, rare = _usual_quotient(x, y)
    return rarely(rare, [rest.copysign(x)], lambda: [_fmod_in_steps(x, y)])[0]


def _divmod(x: Num, y: Num) -> tuple[Num, Num]:
    """NumPy's npy_divmod; for y = 0 the quotient is x / y and the remainder nan."""
    q, rest, rare = _usual_quotient(x, y)
    mod = rest.copysign(x)
    opposite = x.signbit() ^ y.signbit()
    borrow = mod.ne(0.0) & opposite
    quotient = q.copysign((x.bits() ^ y.bits()).floats())
    usual = (
        where(borrow, quotient - 1.0, quotient),
        where(rest.eq(0.0), rest.copysign(y), where(borrow, mod + y, mod)),
    )
    low, mod = rarely(rare, usual, lambda: _divmod_in_steps(x, y))
    return low, mod


def _divmod_in_steps(x: Num, y: Num) -> tuple[Num, Num]:
    mod = _fmod_in_steps(x, y)
    quotient = (x - mod) / y
    nonzero = mod.ne(0.0)
    borrow = nonzero & ((y < 0.0) ^ (mod < 0.0))
    quotient = where(borrow, quotient - 1.0, quotient)
    mod = where(nonzero, where(borrow, mod + y, mod), mod.const(0.0).copysign(y))
    low = quotient.floor()
    low = where(quotient - low > 0.5, low + 1.0, low)
    zero = quotient.const(0.0).copysign(x / y)
    low = where(quotient.ne(0.0), low, zero)
    return where(y.eq(0.0), x / y, low), where(y.eq(0.0), NAN, mod)


@elementary
def _floor_divide_float(x: Num, y: Num) -> Num:
    return _divmod(x, y)[0]


@elementary
def _remainder_float(x: Num, y: Num) -> Num:
    return _divmod(x, y)[1]


floor_divide = by_kind(n=_floor_divide_int, f=_floor_divide_float)
remainder = by_kind(n=_remainder_int, f=_remainder_float)
fmod = by_kind(n=_fmod_int, f=_fmod_float)
