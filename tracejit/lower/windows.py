"""Strided windows of stored tensors as buffers, so that BLAS and loop bodies read them in place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
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
    if instr is None or instr.name not in ("slice", "transpose", "reshape", "cast_shape"):
        return None
    inner = _layout(body, instr.operands[0])
    if inner is None:
        return None
    base_storage, base, offset, shape, strides = inner
    target = body.type(value).shape
    if instr.name == "slice":
        rank = len(shape)
        bounds = [body.dim(v.dim) for v in instr.operands[1:]]
        for start, stride in zip(bounds[:rank], strides, strict=True):
            offset = start * stride + offset
        moved = tuple(s * k for s, k in zip(strides, bounds[rank:], strict=True))
        return base_storage, base, offset, target, moved
    if instr.name == "transpose":
        return base_storage, base, offset, target, tuple(strides[p] for p in instr.attrs["perm"])
    if instr.name == "cast_shape":
        return base_storage, base, offset, target, strides
    if strides != dense_strides(value.dtype, shape):
        return None
    return base_storage, base, offset, target, dense_strides(value.dtype, target)
