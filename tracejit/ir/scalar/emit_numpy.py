"""`NumpyEmitter`: the abstract scalar emitter evaluated on whole NumPy arrays.

Bit for bit what the hardware does, including `fma`, so that lowerings can be tested and the
interpreter can double-check them without LLVM. `apply` runs a lowering on arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from fractions import Fraction
from typing import Any

import numpy as np

from tracejit.dtypes import is_complex, is_integer, part_of, signed_like, unsigned_like
from tracejit.ir.scalar.emit import F32, F64, ComplexPair, DType

Array = Any  # np.ndarray or NumPy scalar; both carry a dtype

_FCMP: dict[str, Callable[[Array, Array], Array]] = {
    "oeq": lambda a, b: a == b,
    "one": lambda a, b: (a < b) | (a > b),
    "olt": lambda a, b: a < b,
    "ole": lambda a, b: a <= b,
    "ogt": lambda a, b: a > b,
    "oge": lambda a, b: a >= b,
    "ueq": lambda a, b: ~((a < b) | (a > b)),
    "une": lambda a, b: a != b,
    "ult": lambda a, b: ~(a >= b),
    "ule": lambda a, b: ~(a > b),
    "ugt": lambda a, b: ~(a <= b),
    "uge": lambda a, b: ~(a < b),
    "uno": lambda a, b: (a != a) | (b != b),
    "ord": lambda a, b: (a == a) & (b == b),
}
_ICMP: dict[str, Callable[[Array, Array], Array]] = {
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
}


def apply(lower: Callable[..., Any], *arrays: Any, **attrs: Any) -> Any:
    """`lower` evaluated on arrays (complex arrays allowed); a tuple if it returns one."""
    with np.errstate(all="ignore"):
        result = lower(NumpyEmitter(), *(_enter(np.asarray(a)) for a in arrays), **attrs)
        if isinstance(result, tuple):
            return tuple(_leave(r) for r in result)
        return _leave(result)


def _enter(a: Array) -> Any:
    return ComplexPair(a.real.copy(), a.imag.copy()) if is_complex(a.dtype) else a


def _leave(r: Any) -> Array:
    if not isinstance(r, ComplexPair):
        return r
    out = np.empty(np.broadcast(r.re, r.im).shape, r.dtype)
    out.real, out.imag = r.re, r.im
    return out


def two_sum(a: Array, b: Array) -> tuple[Array, Array]:
    """`a + b` as rounded sum and error (Knuth)."""
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


def _sum_to_odd(a: Array, b: Array) -> Array:
    """`a + b` in float64, rounded to odd: safe to round once more (Boldo and Melquiond 2008)."""
    s, err = two_sum(a, b)
    bits = np.asarray(s).view(np.int64)
    toward_zero = (err > 0) != (s > 0)
    odd = np.where(toward_zero, bits - 1, bits + 1)
    fix = (err != 0) & (bits & 1 == 0) & np.isfinite(s)
    return np.where(fix, odd, bits).view(np.float64)


def fma32(a: Array, b: Array, c: Array) -> Array:
    """The product is exact in float64; a sum rounded to odd rounds correctly to float32."""
    return _sum_to_odd(a.astype(F64) * b.astype(F64), c.astype(F64)).astype(F32)


def fma64(a: Array, b: Array, c: Array) -> Array:
    """Error-free product and sum away from the ends of the range, exact rationals near them."""
    a, b, c = (np.array(v, F64) for v in np.broadcast_arrays(a, b, c))
    p = a * b
    result = p + c  # right where an operand or the sum is not finite
    with_c = np.maximum(np.abs(p), np.abs(c))
    inside = (np.abs(p) > 1e-200) & (with_c < 1e290) & ((np.abs(c) > 1e-200) | (c == 0))
    for v in (a, b):
        inside &= (np.abs(v) < 1e290) & (np.abs(v) > 1e-290)
    fast = _fma64_inside(a, b, c)
    # A tiny result of a big cancellation is exact; elsewhere a sum this small cannot arise.
    result = np.where(inside, fast, result)
    finite = np.isfinite(a) & np.isfinite(b) & np.isfinite(c)
    slow = np.flatnonzero((finite & ~inside & (a != 0) & (b != 0)).ravel())
    flat = result.reshape(-1)
    for k in slow:
        flat[k] = _fma_exact(float(a.flat[k]), float(b.flat[k]), float(c.flat[k]))
    return flat.reshape(result.shape)


def _fma64_inside(a: Array, b: Array, c: Array) -> Array:
    uh = a * b
    ul = _product_error(a, b, uh)
    th, tl = two_sum(c, ul)
    vh, vl = two_sum(uh, th)
    return vh + _sum_to_odd(tl, vl)


def _product_error(a: Array, b: Array, p: Array) -> Array:
    """`a*b - p` exactly (Dekker), on mantissas scaled to [0.5, 1) so that splitting is safe."""
    (ma, ea), (mb, eb) = np.frexp(a), np.frexp(b)
    ah, al = _split(ma)
    bh, bl = _split(mb)
    mp = np.ldexp(p, -(ea + eb))
    return np.ldexp(((ah * bh - mp) + ah * bl + al * bh) + al * bl, ea + eb)


def _split(a: Array) -> tuple[Array, Array]:
    t = a * 134217729.0  # 2**27 + 1 (Veltkamp)
    high = t - (t - a)
    return high, a - high


def _fma_exact(a: float, b: float, c: float) -> float:
    exact = Fraction(a) * Fraction(b) + Fraction(c)
    if exact == 0:
        return a * b + c if c == 0 else 0.0
    try:
        return float(exact)  # correctly rounded, subnormals included
    except OverflowError:
        return float("inf") if exact > 0 else float("-inf")


class NumpyEmitter:
    """Scalars are NumPy arrays (or NumPy scalars); complex ones `ComplexPair`s of them."""

    many = True
    rounds_quotients = True

    def const(self, value: Any, dtype: DType) -> Any:
        if is_complex(dtype):
            part = part_of(dtype)
            z = complex(value)
            return ComplexPair(self.const(z.real, part), self.const(z.imag, part))
        if is_integer(dtype):
            made = np.asarray(int(value) & (2 ** (8 * dtype.itemsize) - 1)).astype(dtype)
        else:
            made = np.array(value, dtype)
        made.flags.writeable = False  # what `known` knows them by
        return made

    def known(self, a: Array) -> float | int | None:
        constant = type(a) is np.ndarray and a.ndim == 0 and not a.flags.writeable
        return a.item() if constant else None

    def strict(self) -> AbstractContextManager[None]:
        return nullcontext()

    def fadd(self, a: Array, b: Array) -> Array:
        return a + b

    def fsub(self, a: Array, b: Array) -> Array:
        return a - b

    def fmul(self, a: Array, b: Array) -> Array:
        return a * b

    def fdiv(self, a: Array, b: Array) -> Array:
        return np.divide(a, b)

    def fma(self, a: Array, b: Array, c: Array) -> Array:
        return fma32(a, b, c) if a.dtype == F32 else fma64(a, b, c)

    def fneg(self, a: Array) -> Array:
        return -a

    def fabs(self, a: Array) -> Array:
        return np.abs(a)

    def copysign(self, a: Array, b: Array) -> Array:
        return np.copysign(a, b)

    def sqrt(self, a: Array) -> Array:
        return np.sqrt(a)

    def floor(self, a: Array) -> Array:
        return np.floor(a)

    def ceil(self, a: Array) -> Array:
        return np.ceil(a)

    def trunc(self, a: Array) -> Array:
        return np.trunc(a)

    def rint(self, a: Array) -> Array:
        return np.rint(a)

    def fcmp(self, pred: str, a: Array, b: Array) -> Array:
        return _FCMP[pred](a, b)

    def iadd(self, a: Array, b: Array) -> Array:
        return a + b

    def isub(self, a: Array, b: Array) -> Array:
        return a - b

    def imul(self, a: Array, b: Array) -> Array:
        return a * b

    def sdiv(self, a: Array, b: Array) -> Array:
        q = np.floor_divide(a, b)  # rounds down; C rounds to zero
        return np.where((q < 0) & (q * b != a), q + 1, q).astype(a.dtype)

    def udiv(self, a: Array, b: Array) -> Array:
        return np.floor_divide(a, b)

    def urem(self, a: Array, b: Array) -> Array:
        return np.remainder(a, b)

    def iand(self, a: Array, b: Array) -> Array:
        return a & b

    def ior(self, a: Array, b: Array) -> Array:
        return a | b

    def ixor(self, a: Array, b: Array) -> Array:
        return a ^ b

    def shl(self, a: Array, b: Array) -> Array:
        return np.left_shift(a, b)

    def lshr(self, a: Array, b: Array) -> Array:
        unsigned = unsigned_like(a.dtype)
        return (a.astype(unsigned) >> b.astype(unsigned)).astype(a.dtype)

    def ashr(self, a: Array, b: Array) -> Array:
        signed = signed_like(a.dtype)
        return (a.astype(signed) >> b.astype(signed)).astype(a.dtype)

    def ctpop(self, a: Array) -> Array:
        return np.bitwise_count(a.astype(f"u{a.dtype.itemsize}")).astype(a.dtype)

    def icmp(self, pred: str, a: Array, b: Array) -> Array:
        return _ICMP[pred](a, b)

    def sadd_overflow(self, a: Array, b: Array) -> tuple[Array, Array]:
        r = a + b
        return r, ((a ^ r) & (b ^ r)) < 0

    def ssub_overflow(self, a: Array, b: Array) -> tuple[Array, Array]:
        r = a - b
        return r, ((a ^ b) & (a ^ r)) < 0

    def smul_overflow(self, a: Array, b: Array) -> tuple[Array, Array]:
        wide = np.multiply(np.asarray(a, object), np.asarray(b, object))
        r = a * b
        return r, np.not_equal(np.asarray(r, object), wide).astype(bool)

    def select(self, c: Array, a: Array, b: Array) -> Array:
        return np.where(c, a, b)

    def int_to_float(self, a: Array, dtype: DType) -> Array:
        return a.astype(dtype)

    def float_to_int(self, a: Array, dtype: DType) -> Array:
        return a.astype(dtype)

    def int_cast(self, a: Array, dtype: DType) -> Array:
        return a.astype(dtype)

    def float_cast(self, a: Array, dtype: DType) -> Array:
        return a.astype(dtype)

    def bitcast(self, a: Array, dtype: DType) -> Array:
        return np.ascontiguousarray(a).view(dtype).reshape(np.shape(a))

    def lookup(self, table: Sequence[float], index: Array, dtype: DType) -> Array:
        return np.asarray(table, dtype)[index]

    def rarely(
        self, c: Array, usual: Sequence[Array], otherwise: Callable[[], Sequence[Array]]
    ) -> tuple[Array, ...]:
        if not np.any(c):
            return tuple(usual)
        return tuple(np.where(c, r, u) for r, u in zip(otherwise(), usual, strict=True))

    def shortcut(
        self, quick: Callable[[], tuple[Array, Array]], full: Callable[[], Array]
    ) -> Array:
        return full()

    def while_loop(
        self,
        init: Sequence[Array],
        cond: Callable[[tuple[Array, ...]], Array],
        body: Callable[[tuple[Array, ...]], Sequence[Array]],
    ) -> tuple[Array, ...]:
        values = tuple(np.broadcast_arrays(*init))
        active = cond(values)
        while np.any(active):
            stepped = body(values)
            values = tuple(np.where(active, s, v) for s, v in zip(stepped, values, strict=True))
            active = active & cond(values)
        return values
