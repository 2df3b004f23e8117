"""Signature strings, as Numba writes them: ``"f8[:](f8[:], f8)"``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tracejit.dtypes import short_name
from tracejit.ir.arguments import ArgType, ArrayArg, ObjectArg, ScalarArg, SymDim
from tracejit.ir.types import dtype_of
from tracejit.records import dataclass
from tracejit.trace.session.assumption_sets import AssumptionSite

_NAMES = {
    "b1": "bool", "bool": "bool", "boolean": "bool",
    "i1": "i8", "i2": "i16", "i4": "i32", "i8": "i64",
    "u1": "u8", "u2": "u16", "u4": "u32", "u8": "u64",
    "f4": "f32", "f8": "f64", "c8": "c64", "c16": "c128",
    "int8": "i8", "int16": "i16", "int32": "i32", "int64": "i64", "intp": "i64",
    "uint8": "u8", "uint16": "u16", "uint32": "u32", "uint64": "u64",
    "float32": "f32", "float64": "f64", "double": "f64", "complex64": "c64", "complex128": "c128",
}  # fmt: skip
_TYPE = re.compile(r"\s*(\w+)\s*(\[[^\]]*\])?\s*")
_PYTHON = {"bool": bool, "i64": int, "f64": float, "c128": complex}


def example_of(arg: ArrayArg | ScalarArg) -> Any:
    """A value of this type: extents of 2 and more, Python scalars where there are."""
    if isinstance(arg, ArrayArg):
        shape = tuple(range(2, 2 + arg.rank))
        return np.zeros(shape, arg.dtype, "F" if arg.layout == "F" else "C")
    kind = _PYTHON.get(short_name(arg.dtype))
    if arg.dtype == np.bool_:
        return True
    return arg.dtype.type(2) if kind is None else kind(2)


@dataclass(frozen=True)
class ParsedSignature:
    """Argument types and, when stated, the result's type (None: unstated; "void": no result)."""

    text: str
    args: tuple[ArrayArg | ScalarArg, ...]
    result: ArrayArg | ScalarArg | str | None

    def examples(self) -> list[Any]:
        """Arguments to compile for."""
        return [example_of(a) for a in self.args]

    def fits(self, traced: Any) -> bool:
        """Whether the function returns what the signature states."""
        if self.result is None or traced.function.diverges:
            return True
        found = [_type_of(out, traced) for out in traced.outs]
        want: list[Any] = [None]
        if isinstance(self.result, ArrayArg | ScalarArg):
            want = [_dtype_and_rank(self.result)]
        return found == want or ... in found

    def check_result(self, traced: Any) -> None:
        """Raise TypeError when the function does not return what the signature states."""
        if not self.fits(traced):
            found = [_type_of(out, traced) for out in traced.outs]
            shown = ", ".join("None" if t is None else _shown(*t) for t in found)
            raise TypeError(f"signature {self.text!r} states another result than {shown}")


def _type_of(out: Any, traced: Any) -> Any:
    """Dtype and rank of a result leaf; None for None, ``...`` where only the call decides."""
    if hasattr(out, "index"):
        value = traced.function.results[out.index]
        return (value.dtype, value.rank)
    if hasattr(out, "arg"):
        return _dtype_and_rank(traced.all_args[out.arg])
    return None if getattr(out, "value", ...) is None else ...


def _dtype_and_rank(arg: ArrayArg | ScalarArg) -> tuple[np.dtype[Any], int]:
    return dtype_of(arg.dtype), arg.rank if isinstance(arg, ArrayArg) else 0


def _shown(dtype: np.dtype[Any], rank: int) -> str:
    return short_name(dtype) + (f"[{', '.join(':' * rank)}]" if rank else "")


def parse_signature(text: str, *, extents: bool = False) -> ParsedSignature:
    """Parse ``"result(args)"`` or ``"(args)"``. Raises ValueError showing what is not understood.

    ``[:]``, ``[:, :]``, ``[::1]`` and ``[:, ::1]`` are C-contiguous arrays of any extents,
    ``[::1, :]`` is Fortran order; other arrays are compiled for when they come. ``extents``:
    numbers and names of extents may stand there too, as in ``"(f8[n, 3], f8[n])"``.
    """
    match = re.fullmatch(r"\s*([^()]*?)\s*\((.*)\)\s*", text, re.S)
    if match is None:
        raise ValueError(f'a signature looks like "f8[:](f8[:], f8)", not {text!r}')
    result, inside = match.groups()
    parsed: ArrayArg | ScalarArg | str | None = None
    if result:
        parsed = "void" if result in ("void", "none") else parse_type(result, text, extents=extents)
    args = tuple(parse_type(t, text, extents=extents) for t in _split(inside))
    return ParsedSignature(text, args, parsed)


def _split(inside: str) -> list[str]:
    parts = re.split(r",(?![^\[]*\])", inside)
    return [p for p in parts if p.strip()]


def parse_type(part: str, text: str, *, extents: bool = False) -> ArrayArg | ScalarArg:
    """One type of a signature; see ``parse_signature``."""
    match = _TYPE.fullmatch(part)
    if match is None or match.group(1) not in _NAMES:
        raise ValueError(f"{part.strip()!r} in signature {text!r} is no type that is known")
    dtype = dtype_of(_NAMES[match.group(1)])
    if match.group(2) is None:
        return ScalarArg(dtype)
    axes = [a.strip().replace(" ", "") for a in match.group(2)[1:-1].split(",")]
    if extents:
        free = [re.fullmatch(r"\d+|[A-Za-z_]\w*", a) is None for a in axes]
        shape = tuple(None if f else _extent(a) for f, a in zip(free, axes, strict=True))
        axes = [a if f else ":" for f, a in zip(free, axes, strict=True)]
    else:
        shape = (None,) * len(axes)
    if any(a not in (":", "::1") for a in axes) or axes.count("::1") > 1:
        raise ValueError(f"{part.strip()!r} in signature {text!r}: axes are ':' or one '::1'")
    return ArrayArg(dtype, shape, "F" if "::1" in axes[:-1] else "C")


def _extent(axis: str) -> int | SymDim:
    return int(axis) if axis.isdigit() else SymDim(axis, low=0)


def describe(
    args: Sequence[ArgType],
    count: int | None = None,
    sites: Mapping[AssumptionSite, bool | None] | None = None,
) -> str:
    """The leaves of a version: ``(f8[:, :] C, int64)``; what follows the first ``count`` is about
    memory that they share, ``sites`` what the version assumes of values."""
    parts = []
    for arg in args[:count]:
        if isinstance(arg, ArrayArg):
            axes = ", ".join(str(d) if d in (0, 1) else ":" for d in arg.shape)
            parts.append(f"{short_name(arg.dtype)}[{axes}] {arg.layout}")
        elif isinstance(arg, ScalarArg):
            parts.append(arg.kind or short_name(arg.dtype))
        elif isinstance(arg, ObjectArg):
            parts.append(arg.kind.__qualname__)
        else:
            parts.append(repr(arg.value)[:40])
    shared = " overlapping" if count is not None and count < len(args) else ""
    assumed = "; ".join(
        f"{'not ' * (not holds)}{site.what} (line {site.line})"
        for site, holds in (sites or {}).items()
        if holds is not None
    )
    return f"({', '.join(parts)}){shared}{' if ' * bool(assumed)}{assumed}"
