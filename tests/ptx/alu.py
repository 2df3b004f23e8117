"""What each arithmetic PTX instruction computes, on whole arrays of lanes.

`OPS[opcode]` holds the modifiers an instruction may carry and a function `(m, src) -> array`,
where `m` are its modifiers (the last ones name types) and `src(i, dtype)` reads operand `i` (0 is
the destination). Approximate instructions (`ex2.approx` ...) are in `approximate.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.ptx.approximate import APPROXIMATIONS, approximate
from tests.ptx.parse import DTYPES, PtxError
from tests.ptx.rounding import fma

Array = NDArray[Any]
Src = Callable[[int, np.dtype], Array]
Semantics = Callable[[tuple[str, ...], Src], Any]

OPS: dict[str, tuple[frozenset[str], Semantics]] = {}

U16, U32, U64, I64, PRED = (np.dtype(t) for t in ("u2", "u4", "u8", "i8", "?"))


def op(names: str, modifiers: str = "") -> Callable[[Semantics], Semantics]:
    def add(semantics: Semantics) -> Semantics:
        for name in names.split():
            OPS[name] = (frozenset(modifiers.split()), semantics)
        return semantics

    return add


def dtype_of(m: tuple[str, ...]) -> np.dtype:
    if not m or m[-1] not in DTYPES:
        raise PtxError(f"unsupported type .{m[-1] if m else ''}")
    return DTYPES[m[-1]]


#: Two numbers in one register.
PAIRS = {"s16x2": np.dtype("i2"), "u16x2": U16}


def binary(
    name: str, modifiers: str, function: Callable[[Array, Array], Array], pairs: bool = False
) -> None:
    """`pairs`: PTX has it of two 16-bit integers at once."""

    def semantics(m: tuple[str, ...], src: Src) -> Array:
        if pairs and m and m[-1] in PAIRS:
            a, b = (np.ascontiguousarray(src(k, U32)).view(PAIRS[m[-1]]) for k in (1, 2))
            return function(a, b).view(U32)
        t = dtype_of(m)
        return function(src(1, t), src(2, t))

    op(name, modifiers)(semantics)


def unary(name: str, modifiers: str, function: Callable[[Array], Array]) -> None:
    op(name, modifiers)(lambda m, src: function(src(1, dtype_of(m))))


binary("add", "rn", np.add, pairs=True)
binary("sub", "rn", np.subtract)
binary("and", "", np.bitwise_and)
binary("or", "", np.bitwise_or)
binary("xor", "", np.bitwise_xor)
unary("neg", "", np.negative)
unary("abs", "", np.abs)
unary("not", "", lambda x: ~x)
unary("cnot", "", lambda x: (x == 0).astype(x.dtype))


def _function(name: str) -> None:
    """A function of float32 that is approximate, or (`rn`) a root or reciprocal to the last bit."""
    rounded = {"sqrt": np.sqrt, "rcp": lambda x: (x.dtype.type(1) / x).astype(x.dtype)}

    def semantics(m: tuple[str, ...], src: Src) -> Array:
        x = src(1, dtype_of(m))
        if "approx" in m:
            return approximate(name, m, x)
        if m[0] != "rn" or "ftz" in m:
            raise PtxError(f"{name}.{'.'.join(m)} is not modelled")
        return rounded[name](x)

    op(name, "rn approx ftz")(semantics)


for _name in APPROXIMATIONS:
    _function(_name)


@op("mul", "lo hi wide rn")
def mul(m: tuple[str, ...], src: Src) -> Array:
    t = dtype_of(m)
    return _product(m, src(1, t), src(2, t))


@op("mad", "lo hi wide rn")
def mad(m: tuple[str, ...], src: Src) -> Array:
    t = dtype_of(m)
    if t.kind == "f":
        return fma(src(1, t), src(2, t), src(3, t))
    product = _product(m, src(1, t), src(2, t))
    return product + src(3, product.dtype)


def _product(m: tuple[str, ...], a: Array, b: Array) -> Array:
    if "wide" in m:
        wide = np.dtype(f"{a.dtype.kind}{2 * a.dtype.itemsize}")
        return a.astype(wide) * b.astype(wide)
    if "hi" in m:
        return multiply_high(a, b)
    if a.dtype.kind != "f" and "lo" not in m:
        raise PtxError("an integer multiplication must say .lo, .hi or .wide")
    return a * b


def multiply_high(a: Array, b: Array) -> Array:
    """The upper half of the double-width integer product."""
    t = a.dtype
    if t.itemsize < 8:
        wide = np.dtype(f"{t.kind}{2 * t.itemsize}")
        return ((a.astype(wide) * b.astype(wide)) >> wide.type(8 * t.itemsize)).astype(t)
    ua, ub = a.astype(U64), b.astype(U64)
    half, mask = np.uint64(32), np.uint64(0xFFFFFFFF)
    al, ah, bl, bh = ua & mask, ua >> half, ub & mask, ub >> half
    low, cross, cross2 = al * bl, ah * bl, al * bh
    middle = (low >> half) + (cross & mask) + (cross2 & mask)
    high = ah * bh + (cross >> half) + (cross2 >> half) + (middle >> half)
    if t.kind == "i":
        high = high - np.where(a < 0, ub, 0).astype(U64) - np.where(b < 0, ua, 0).astype(U64)
    return high.astype(t)


@op("fma", "rn")
def fused(m: tuple[str, ...], src: Src) -> Array:
    t = dtype_of(m)
    return fma(src(1, t), src(2, t), src(3, t))


@op("div", "rn full approx")
def div(m: tuple[str, ...], src: Src) -> Array:
    a, b = (src(i, dtype_of(m)) for i in (1, 2))
    return a / b if a.dtype.kind == "f" else _int_div(a, b)[0]


@op("rem")
def rem(m: tuple[str, ...], src: Src) -> Array:
    return _int_div(src(1, dtype_of(m)), src(2, dtype_of(m)))[1]


def _int_div(a: Array, b: Array) -> tuple[Array, Array]:
    """Quotient truncated towards zero, and remainder with the dividend's sign."""
    if (b == 0).any():
        raise PtxError("integer division by zero")
    q = a // b
    q = q + ((q < 0) & (q * b != a)).astype(a.dtype) if a.dtype.kind == "i" else q
    return q, a - q * b


def _extremum(name: str, least: bool) -> None:
    @op(name, "NaN")
    def semantics(m: tuple[str, ...], src: Src) -> Array:
        t = dtype_of(m)
        a, b = np.broadcast_arrays(src(1, t), src(2, t))
        if t.kind != "f":
            return np.minimum(a, b) if least else np.maximum(a, b)
        if "NaN" in m:
            r = np.minimum(a, b) if least else np.maximum(a, b)
        else:
            r = np.fmin(a, b) if least else np.fmax(a, b)
        zeros = (a == 0) & (b == 0)  # -0.0 is below +0.0
        signs = np.signbit(a) | np.signbit(b) if least else np.signbit(a) & np.signbit(b)
        return np.where(zeros, np.where(signs, t.type(-0.0), t.type(0.0)), r)


_extremum("min", True)
_extremum("max", False)


@op("copysign")
def copysign(m: tuple[str, ...], src: Src) -> Array:
    return np.copysign(src(2, dtype_of(m)), src(1, dtype_of(m)))


@op("testp", "finite infinite number notanumber normal subnormal")
def testp(m: tuple[str, ...], src: Src) -> Array:
    x = src(1, dtype_of(m))
    tiny = np.finfo(x.dtype).tiny
    tests: dict[str, Callable[[], Array]] = {
        "finite": lambda: np.isfinite(x),
        "infinite": lambda: np.isinf(x),
        "number": lambda: ~np.isnan(x),
        "notanumber": lambda: np.isnan(x),
        "normal": lambda: np.isfinite(x) & (abs(x) >= tiny),
        "subnormal": lambda: (x != 0) & (abs(x) < tiny),
    }
    return tests[m[0]]()


# Bits


def _amount(src: Src, i: int) -> Array:
    return src(i, U32).astype(np.int64)


@op("shl")
def shl(m: tuple[str, ...], src: Src) -> Array:
    x, n = src(1, dtype_of(m)), _amount(src, 2)
    width = 8 * x.dtype.itemsize
    return np.where(n < width, x << np.minimum(n, width - 1).astype(x.dtype), x.dtype.type(0))


@op("shr")
def shr(m: tuple[str, ...], src: Src) -> Array:
    x, n = src(1, dtype_of(m)), _amount(src, 2)
    width = 8 * x.dtype.itemsize
    shifted = x >> np.minimum(n, width - 1).astype(x.dtype)
    return shifted if x.dtype.kind == "i" else np.where(n < width, shifted, x.dtype.type(0))


@op("shf", "l r wrap clamp")
def shf(m: tuple[str, ...], src: Src) -> Array:
    low, high, n = src(1, U32).astype(U64), src(2, U32).astype(U64), _amount(src, 3)
    n = (n & 31 if "wrap" in m else np.minimum(n, 32)).astype(U64)
    both = (high << np.uint64(32)) | low
    return ((both << n) >> np.uint64(32) if "l" in m else both >> n).astype(U32)


@op("lop3")
def lop3(m: tuple[str, ...], src: Src) -> Array:
    t = dtype_of(m)
    a, b, c = src(1, t), src(2, t), src(3, t)
    table = int(src(4, U32)[0])
    result = a & t.type(0)
    for i in range(8):
        if table >> i & 1:
            result = result | ((a if i & 4 else ~a) & (b if i & 2 else ~b) & (c if i & 1 else ~c))
    return result


@op("prmt")
def prmt(m: tuple[str, ...], src: Src) -> Array:
    both = src(1, U32).astype(U64) | (src(2, U32).astype(U64) << np.uint64(32))
    selector = src(3, U32).astype(U64)
    result = np.zeros(np.broadcast(both, selector).shape, U64)
    for i in range(4):
        pick = (selector >> np.uint64(4 * i)) & np.uint64(15)
        byte = (both >> ((pick & np.uint64(7)) * np.uint64(8))) & np.uint64(255)
        sign = np.where(byte & np.uint64(128), np.uint64(255), np.uint64(0))
        result |= np.where(pick & np.uint64(8), sign, byte) << np.uint64(8 * i)
    return result.astype(U32)


@op("bfe")
def bfe(m: tuple[str, ...], src: Src) -> Array:
    t = dtype_of(m)
    width = 8 * t.itemsize
    x = src(1, t)
    start, count = _amount(src, 2) & 255, _amount(src, 3) & 255
    bits = x.view(f"u{t.itemsize}").astype(U64)
    count = np.minimum(count, 64)
    mask = np.where(
        count < 64, (U64.type(1) << (count % 64).astype(U64)) - U64.type(1), ~U64.type(0)
    )
    field = np.where(start < width, bits >> np.minimum(start, 63).astype(U64), 0).astype(U64) & mask
    if t.kind == "i":
        top = np.minimum(start + count - 1, width - 1)
        sign = (bits >> np.maximum(top, 0).astype(U64)) & U64.type(1)
        missing = np.minimum(width - start, count)  # bits of the field that x does not have
        keep = np.where(missing > 0, missing, 0)
        kept = np.where(
            keep < 64, (U64.type(1) << (keep % 64).astype(U64)) - U64.type(1), ~U64.type(0)
        )
        field = np.where((sign == 1) & (count > 0), field | ~kept, field)
    return field.astype(f"u{t.itemsize}").view(t)


@op("bfi")
def bfi(m: tuple[str, ...], src: Src) -> Array:
    t = dtype_of(m)
    width = 8 * t.itemsize
    a, b = src(1, t).astype(U64), src(2, t).astype(U64)
    start, count = _amount(src, 3) & 255, np.minimum(_amount(src, 4) & 255, 64)
    ones = np.where(
        count < 64, (U64.type(1) << (count % 64).astype(U64)) - U64.type(1), ~U64.type(0)
    )
    shift = np.minimum(start, 63).astype(U64)
    mask = np.where(start < width, ones << shift, U64.type(0))
    return ((b & ~mask) | ((a << shift) & mask)).astype(t)


@op("popc")
def popc(m: tuple[str, ...], src: Src) -> Array:
    return np.bitwise_count(src(1, dtype_of(m))).astype(U32)


def _highest(x: Array) -> NDArray[np.int64]:
    """The position of the highest set bit of unsigned values, -1 for zero."""
    position = np.full(x.shape, -1, np.int64)
    for i in range(8 * x.dtype.itemsize):
        position = np.where(x >> x.dtype.type(i) & x.dtype.type(1), i, position)
    return position


@op("clz")
def clz(m: tuple[str, ...], src: Src) -> Array:
    x = src(1, dtype_of(m))
    return (8 * x.dtype.itemsize - 1 - _highest(x)).astype(U32)


@op("bfind", "shiftamt")
def bfind(m: tuple[str, ...], src: Src) -> Array:
    x = src(1, dtype_of(m))
    if x.dtype.kind == "i":
        x = np.where(x < 0, ~x, x).view(f"u{x.dtype.itemsize}")
    position = _highest(x)
    if "shiftamt" in m:
        position = np.where(position >= 0, 8 * x.dtype.itemsize - 1 - position, -1)
    return position.astype(np.int32).view(U32)


@op("brev")
def brev(m: tuple[str, ...], src: Src) -> Array:
    x = src(1, dtype_of(m))
    width = 8 * x.dtype.itemsize
    result = np.zeros_like(x)
    for i in range(width):
        result |= (x >> x.dtype.type(i) & x.dtype.type(1)) << x.dtype.type(width - 1 - i)
    return result
