"""Strided windows of stored tensors as buffers, so that BLAS and loop bodies read them in place."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from tracejit.ir.core import Instr, Value, window_of
from tracejit.ir.extent import Dim
from tracejit.ir.traits import Trait
from tracejit.ir.types import BufferType, dense_strides
from tracejit.lower.storage import Storage

if TYPE_CHECKING:
    from tracejit.lower.body import Body

Layout = tuple[Storage, Value, Dim, tuple[Dim, ...], tuple[Dim, ...]]


def view_of(body: Body, value: Value) -> tuple[Storage, Value] | None:
    """The storage and a buffer over it that reads as ``value``, when one exists."""
    layout = _layout(body, value)
    if layout is None:
        return None
    storage, base, offset, shape, strides = layout
    scope = body.scope
    type_ = BufferType(
        value.dtype,
        tuple(scope.dim(d) for d in shape),
        tuple(scope.dim(d) for d in strides),
    )
    buffer = scope.b.op("view", scope.use(base), scope.index(offset), type=type_)
    return storage, scope.own(buffer)


def _layout(body: Body, value: Value) -> Layout | None:
    """Base buffer, byte offset, extents and byte strides of a window of stored memory."""
    storage = body.storage.get(value)
    if storage is not None:
        buffer = storage.values[value]
        assert isinstance(buffer.type, BufferType)
        return storage, buffer, 0, buffer.type.shape, buffer.type.strides
    instr = body.inlining.defs.get(value)
    step = None if instr is None else _STEPS.get(instr.name)
    inner = None if instr is None or step is None else _layout(body, instr.operands[0])
    if instr is None or step is None or inner is None:
        return None
    storage, base, offset, shape, strides = inner
    found = step(body, instr, shape, strides)
    if found is None:
        return None
    return storage, base, found[0] + offset, body.type(value).shape, found[1]


Dims = tuple[Dim, ...]
Step = tuple[Dim, Dims]
"""How far from its operand an index map begins, in bytes, and its byte strides."""


def _slice(body: Body, instr: Instr, shape: Dims, strides: Dims) -> Step:
    rank, total = len(shape), cast(Dim, 0)
    bounds = [body.dim(v.dim) for v in window_of(instr)[0]]
    for start, stride in zip(bounds[:rank], strides, strict=True):
        total = start * stride + total
    return total, tuple(s * k for s, k in zip(strides, bounds[rank:], strict=True))


def _transpose(body: Body, instr: Instr, shape: Dims, strides: Dims) -> Step:
    return 0, tuple(strides[p] for p in instr.attrs["perm"])


def _cast_shape(body: Body, instr: Instr, shape: Dims, strides: Dims) -> Step:
    return 0, strides


def _reshape(body: Body, instr: Instr, shape: Dims, strides: Dims) -> Step | None:
    """Dense memory is dense under any shape; axes of one element come and go in any memory."""
    dtype, made = instr.result.dtype, body.type(instr.result).shape
    if strides == dense_strides(dtype, shape):
        return 0, dense_strides(dtype, made)
    kept = [s for s, n in zip(strides, shape, strict=True) if n != 1]
    if [n for n in shape if n != 1] != [n for n in made if n != 1]:
        return None
    if kept and kept[-1] != dtype.itemsize and _is_read_again(body, instr.result):
        return None
    steps = iter(kept)
    return 0, tuple(dtype.itemsize if n == 1 else next(steps) for n in made)


def _is_read_again(body: Body, value: Value) -> bool:
    """Whether a loop takes a value, or several instructions do: then it is worth a copy whose
    elements lie side by side."""
    users = [i for i in body.function.instrs if value in i.operands]
    return len(users) > 1 or any(i.has(Trait.REPEATS_REGION) for i in users)


_STEPS: dict[str, Callable[[Body, Instr, Dims, Dims], Step | None]] = {
    "slice": _slice,
    "transpose": _transpose,
    "reshape": _reshape,
    "cast_shape": _cast_shape,
}
