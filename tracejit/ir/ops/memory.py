"""Program-level rows: buffers, loads and stores, kernels, BLAS.

At the Program level a function holds only scalars and buffers. Host statements touch host scalars
only: every buffer access is in a kernel (a region of ``launch``), except ``fetch``.
"""

from __future__ import annotations

from tracejit.ir.core import Primitive, Value, row
from tracejit.ir.ops.control import _check_params
from tracejit.ir.ops.rules import Attrs, Operands, Regions, arity, indices, require
from tracejit.ir.types import BufferType, TensorType, Type


def _buffer(value: Value) -> BufferType:
    require(isinstance(value.type, BufferType), "operand is not a buffer", value.type)
    assert isinstance(value.type, BufferType)
    return value.type


def _alloc(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    arity(operands, 0)
    return (attrs["type"],)


def _load(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    type_ = _buffer(operands[0])
    arity(operands, 1 + type_.rank)
    indices(operands[1:])
    return (TensorType(type_.dtype),)


def _store(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    type_ = _buffer(operands[0])
    arity(operands, 2 + type_.rank)
    require(operands[1].type == TensorType(type_.dtype), "stored scalar has another type")
    indices(operands[2:])
    return ()


def _free(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    arity(operands, 1)
    _buffer(operands[0])
    return ()


def _view(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    arity(operands, 2)
    _buffer(operands[0])
    indices(operands[1:])
    return (attrs["type"],)


def _launch(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    (kernel,) = regions
    _check_params(kernel, operands, "kernel")
    for result in kernel.results:
        require(result.rank == 0, "a kernel yields scalars only", result.type)
    return tuple(r.type for r in kernel.results)


def _blas(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    return ()


def _same_as_first(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    return (operands[0].type,)


row(
    Primitive(
        "copy",
        "index_map",
        _same_as_first,
        lambda x: x.copy(),
        doc="The same tensor in storage of its own (destinations inserts it; explain() lists it).",
    )
)
row(
    Primitive(
        "alloc",
        "memory",
        _alloc,
        effect="ordered",
        differentiable=False,
        doc="alloc() {type}: uninitialised memory owned by the call until freed or returned.",
    )
)
row(
    Primitive(
        "free",
        "memory",
        _free,
        effect="ordered",
        differentiable=False,
        doc="free(buf): gives back what alloc made.",
    )
)
row(
    Primitive(
        "view",
        "memory",
        _view,
        effect="none",
        differentiable=False,
        doc="view(buf, offset_bytes) {type}: another shape and strides over the same memory.",
    )
)
row(
    Primitive(
        "load",
        "memory",
        _load,
        effect="ordered",
        differentiable=False,
        doc="load(buf, *index): one element; in kernels only.",
    )
)
row(
    Primitive(
        "store",
        "memory",
        _store,
        effect="ordered",
        differentiable=False,
        doc="store(buf, value, *index): one element; in kernels only.",
    )
)
row(
    Primitive(
        "fetch",
        "memory",
        _load,
        effect="ordered",
        differentiable=False,
        doc="fetch(buf, *index): the only buffer-to-host read.",
    )
)
row(
    Primitive(
        "launch",
        "memory",
        _launch,
        effect="ordered",
        differentiable=False,
        doc="launch(*operands) kernel: runs a kernel; results are host scalars.",
    )
)
row(
    Primitive(
        "gemm",
        "extern",
        _blas,
        effect="ordered",
        differentiable=False,
        doc="gemm(a, b, c): c[m, n] = a[m, k] @ b[k, n] on rank-2 buffers, by BLAS; beta adds into c.",
    )
)
