"""Program-level rows: buffers, loads and stores, kernels, BLAS.

At the Program level a function holds only scalars and buffers. Host statements touch host scalars
only: every buffer access is in a kernel (a region of ``launch``), except ``fetch``.
"""

from __future__ import annotations

from tracejit.dtypes import is_inexact
from tracejit.ir.core import Primitive, Value, row
from tracejit.ir.ops.control import check_params
from tracejit.ir.ops.derivatives_linear import linear, maps, same_map
from tracejit.ir.ops.rules import Attrs, Operands, Regions, arity, indices, require
from tracejit.ir.traits import Passing, Trait
from tracejit.ir.types import BufferType, TapeType, TensorType, Type, dense_buffer, dtype_of


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
    check_params(kernel, operands, "kernel")
    for result in kernel.results:
        require(result.rank == 0, "a kernel yields scalars only", result.type)
    return tuple(r.type for r in kernel.results)


def _sum_pairwise(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    (element,) = regions
    indices(operands[:1])
    check_params(element, operands, "summed element")
    for result in element.results:
        require(result.rank == 0 and is_inexact(result.dtype), "only inexact scalars are summed")
    return tuple(r.type for r in element.results)


def _const_buffer(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    arity(operands, 0)
    array = attrs["value"].array
    return (dense_buffer(TensorType(dtype_of(array.dtype), array.shape)),)


def _tape_push(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    require(isinstance(operands[0].type, TapeType), "tape_push needs a tape", operands[0].type)
    return (TapeType(),)


def _tape_pop(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    require(isinstance(operands[0].type, TapeType), "tape_pop needs a tape", operands[0].type)
    for v in operands[1:]:
        _buffer(v)
    return (TapeType(), *attrs["types"])


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
        **linear((0,), maps(same_map)),
        traits=frozenset([Trait.STEADY, Trait.DISTINCT, Trait.KEPT, Trait.INDEXES]),
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
        traits=frozenset([Trait.ALLOCATES]),
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
        traits=frozenset([Trait.FREES]),
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
        traits=frozenset([Trait.VIEWS]),
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
        traits=frozenset([Trait.LOADS]),
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
        traits=frozenset([Trait.STORES]),
        doc="store(buf, value, *index): one element; in kernels only. "
        "sums: it ends one step of a sum whose order is free.",
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
        traits=frozenset([Trait.LAUNCHES]),
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
        traits=frozenset([Trait.HEAVY]),
        doc="gemm(a, b, c): c[m, n] = a[m, k] @ b[k, n], or a stack of such, by BLAS; beta: c +=.",
    )
)
row(
    Primitive(
        "sum_pairwise",
        "memory",
        _sum_pairwise,
        effect="ordered",
        differentiable=False,
        traits=frozenset([Trait.REPEATS_REGION, Trait.SUMS]),
        passing=Passing(lead=1, counted=True),
        doc="sum_pairwise(n, *consts) element(i, *consts): sums of its results in NumPy's order.",
    )
)
row(
    Primitive(
        "const_buffer",
        "memory",
        _const_buffer,
        differentiable=False,
        traits=frozenset([Trait.ALLOCATES]),
        doc="const_buffer() {value}: read-only memory that holds a literal array.",
    )
)
row(
    Primitive(
        "tape_push",
        "memory",
        _tape_push,
        effect="ordered",
        differentiable=False,
        doc="tape_push(tape, *scalars_and_dense_buffers): contents on top, first deepest.",
    )
)
row(
    Primitive(
        "tape_pop",
        "memory",
        _tape_pop,
        effect="ordered",
        differentiable=False,
        doc="%t, *scalars = tape_pop(tape, *dense_buffers) {types, order}: inverse of a push.",
    )
)
