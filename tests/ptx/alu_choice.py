"""Choice, comparison and conversion: the rows of the instruction table that `alu.py` lacks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tests.ptx.alu import OPS, PRED, U16, U32, Array, Src, dtype_of, op
from tests.ptx.parse import DTYPES, PtxError
from tests.ptx.rounding import cast, from_bfloat, to_bfloat

__all__ = ["OPS"]


@op("selp")
def selp(m: tuple[str, ...], src: Src) -> Array:
    t = dtype_of(m)
    return np.where(src(3, PRED), src(1, t), src(2, t))


@op("slct", "f32 s32 b16 b32 b64 u16 u32 u64 s16 s64 f64")
def slct(m: tuple[str, ...], src: Src) -> Array:
    t = DTYPES[m[0]]
    return np.where(src(3, DTYPES[m[1]]) >= 0, src(1, t), src(2, t))


_ORDERED: dict[str, Callable[[Array, Array], Array]] = {
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "lo": np.less,
    "ls": np.less_equal,
    "hi": np.greater,
    "hs": np.greater_equal,
}
_UNORDERED = {"equ": "eq", "neu": "ne", "ltu": "lt", "leu": "le", "gtu": "gt", "geu": "ge"}
COMPARISONS = " ".join([*_ORDERED, *_UNORDERED, "num", "nan", "and", "or", "xor"])


def compare(comparison: str, a: Array, b: Array) -> Array:
    nan = np.isnan(a) | np.isnan(b) if a.dtype.kind == "f" else np.zeros(1, np.bool_)
    if comparison == "nan":
        return nan
    if comparison == "num":
        return ~nan
    if comparison in _UNORDERED:
        return _ORDERED[_UNORDERED[comparison]](a, b) | nan
    return _ORDERED[comparison](a, b) & ~nan


def _combined(m: tuple[str, ...], src: Src, t: np.dtype) -> tuple[Array, Array]:
    """The comparison (and its complement) after `.and`, `.or` or `.xor` with operand 3."""
    result = compare(m[0], src(1, t), src(2, t))
    functions = {"and": np.logical_and, "or": np.logical_or, "xor": np.logical_xor}
    if m[1] in functions:
        other = src(3, PRED)
        return functions[m[1]](result, other), functions[m[1]](~result, other)
    return result, ~result


@op("setp", COMPARISONS)
def setp(m: tuple[str, ...], src: Src) -> tuple[Array, Array]:
    return _combined(m, src, dtype_of(m))


@op("set", COMPARISONS + " u32 s32 f32")
def set_(m: tuple[str, ...], src: Src) -> Array:
    result, t = _combined(m, src, dtype_of(m))[0], DTYPES[m[-2]]
    one = t.type(1) if t.kind == "f" else np.array(-1).astype(t)
    return np.where(result, one, t.type(0)).astype(t)


_INTEGRAL = {"rni": np.rint, "rzi": np.trunc, "rmi": np.floor, "rpi": np.ceil}


@op("cvt", "rn rz rm rp rni rzi rmi rpi sat bf16 bf16x2 f16x2 " + " ".join(DTYPES))
def cvt(m: tuple[str, ...], src: Src) -> Array:
    if m[-2] in ("bf16x2", "f16x2"):
        return _packed_pair(m, src)
    if m[-1] == "bf16":
        value = from_bfloat(src(1, U16))
    else:
        value = src(1, dtype_of(m))
    if m[-2] == "bf16":
        return to_bfloat(value.astype(np.float32))
    return _converted(m, value, DTYPES[m[-2]])


def _packed_pair(m: tuple[str, ...], src: Src) -> Array:
    high, low = src(1, DTYPES["f32"]), src(2, DTYPES["f32"])
    if m[-2] == "bf16x2":
        halves = [to_bfloat(x) for x in (high, low)]
    else:
        halves = [x.astype(np.float16).view(U16) for x in (high, low)]
    return (halves[0].astype(U32) << np.uint32(16)) | halves[1].astype(U32)


def _converted(m: tuple[str, ...], value: Array, t: np.dtype) -> Array:
    for mode, function in _INTEGRAL.items():
        if mode in m:
            value = function(value)
    if t.kind == "f":
        if value.dtype.kind == "f":
            mode = next((x for x in m if x in ("rn", "rz", "rm", "rp")), "rn")
            result = cast(value, t, mode)
            return (
                np.where(result > 0, np.minimum(result, 1), 0).astype(t) if "sat" in m else result
            )
        if "rn" not in m:
            raise PtxError("only .rn is supported for an integer-to-float conversion")
        return value.astype(t)
    if value.dtype.kind == "f":
        return _float_to_int(value, t)
    if "sat" in m:
        value = _clamped(value, t)
    return value.astype(t)


def _clamped(value: Array, t: np.dtype) -> Array:
    info, own = np.iinfo(t), np.iinfo(value.dtype)
    return np.clip(value, max(info.min, own.min), min(info.max, own.max))


def _float_to_int(value: Array, t: np.dtype) -> Array:
    """Saturates; nan gives zero, or the top bit when a 64-bit type takes part (as the ISA says)."""
    info = np.iinfo(t)
    top, bottom = value >= 2.0 ** (8 * t.itemsize - (t.kind == "i")), value <= float(info.min)
    nan = np.isnan(value)
    inside = np.where(top | bottom | nan, value.dtype.type(0), value).astype(t)
    wide = value.dtype.itemsize == 8 or t.itemsize == 8
    of_nan = np.array(1 << (8 * t.itemsize - 1) if wide else 0, f"u{t.itemsize}").view(t)
    choices = [of_nan, t.type(info.max), t.type(info.min)]
    return np.select([nan, top, bottom], choices, inside).astype(t)
