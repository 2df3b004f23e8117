"""Values, instructions, functions and the row type of the op table. All frozen; identity equality.

A ``Function`` is a straight line of instructions; control flow are instructions that hold closed
``Function`` regions with explicit operands. Two levels use these classes: tensors, and the
Program level (scalars and buffers only), see ``docs/ir.md``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeAlias
from typing import Literal as Lit

import numpy as np

from tracejit.ir.extent import Dim, Extent, ResultRef, atom_dim, leaves
from tracejit.ir.samples import EVERYWHERE, Samples
from tracejit.ir.traits import NOTHING_LED, Passing, Trait
from tracejit.ir.types import BufferType, TensorType, Type
from tracejit.records import dataclass

Kind: TypeAlias = Lit[
    "create",
    "elementwise",
    "index_map",
    "update",
    "reduction",
    "scan",
    "contraction",
    "dynamic",
    "search",
    "control",
    "effect",
    "tape",
    "memory",
    "extern",
]
Effect: TypeAlias = Lit["none", "check", "ordered"]


@dataclass(frozen=True)
class Loc:
    """A place in the user's source."""

    filename: str
    line: int
    function: str = ""

    @property
    def shown(self) -> str:
        """As errors show it."""
        return f"{os.path.basename(self.filename)}:{self.line}"


@dataclass(frozen=True, eq=False, slots=True)
class Value:
    """One SSA value. ``hint`` is a readable name for pictures and errors, never for identity.

    ``expr`` is set by the builder on rank-0 i64 values that are integer arithmetic of others: the
    extent in normal form. It is how ``f64[%c]`` with ``%c = constant 8`` is the type ``f64[8]``.
    """

    type: Type
    hint: str = ""
    expr: Dim | None = None

    @property
    def dim(self) -> Dim:
        """This rank-0 i64 value as an extent."""
        return atom_dim(self) if self.expr is None else self.expr

    @property
    def tensor(self) -> TensorType:
        """The type, known to be a tensor."""
        assert isinstance(self.type, TensorType), self.type
        return self.type

    @property
    def dtype(self) -> np.dtype[np.generic]:
        assert isinstance(self.type, TensorType | BufferType), self.type
        return self.type.dtype

    @property
    def shape(self) -> tuple[Dim, ...]:
        assert isinstance(self.type, TensorType | BufferType), self.type
        return self.type.shape

    @property
    def rank(self) -> int:
        return len(self.shape)


class Constant:
    """An immutable array as an attribute, compared by dtype, shape and bytes (so nan == nan)."""

    __slots__ = ("array", "key")

    def __init__(self, array: Any, dtype: np.dtype[np.generic] | None = None) -> None:
        value = np.array(array, dtype=dtype, order="C")
        value.flags.writeable = False
        self.array: np.ndarray[Any, Any] = value
        self.key = (value.dtype.str, value.shape, value.tobytes())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Constant) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __repr__(self) -> str:
        return f"Constant({self.array!r})"


@dataclass(frozen=True, eq=False)
class Instr:
    """``results = prim(operands) {attrs} regions``."""

    prim: Primitive
    operands: tuple[Value, ...]
    attrs: Mapping[str, Any]
    regions: tuple[Function, ...]
    results: tuple[Value, ...]
    loc: Loc | None = None

    @property
    def name(self) -> str:
        return self.prim.name

    @property
    def result(self) -> Value:
        (value,) = self.results
        return value

    def has(self, trait: Trait) -> bool:
        """Whether the row has a trait."""
        return trait in self.prim.traits


@dataclass(frozen=True, eq=False)
class Function:
    """A closed function: every value used is a parameter or defined above its use."""

    name: str
    params: tuple[Value, ...]
    instrs: tuple[Instr, ...]
    results: tuple[Value, ...]

    @property
    def diverges(self) -> bool:
        """Whether the function always raises; then it has no results and joins with anything."""
        return bool(self.instrs) and self.instrs[-1].has(Trait.ENDS)


#: What an elementary function costs (``Primitive.cost``); at least this is worth remembering.
ELEMENTARY_COST = 20

InferRule: TypeAlias = Callable[
    [Sequence[Value], Mapping[str, Any], Sequence[Function]], Sequence[Type]
]


@dataclass(frozen=True, eq=False)
class Primitive:
    """A row of the op table: all that any stage knows about one operation.

    ``infer(operands, attrs, regions)`` gives result types, raising ``TypeError`` on misuse.
    ``eval(*arrays, **attrs)`` is the NumPy reference (None for control: the interpreter's).
    Derivative: ``jvp`` or ``linear`` + ``transpose`` (or both, as for ``div``), or neither when
    ``differentiable`` is False: then it is zero, or there is no rule for it.
    ``opaque(results)``: whether results like these depend on the operands in a way that no rule
    describes, so that differentiating through them is an error and not zero.
    ``linear`` lists groups of operand positions; the op is linear in each group jointly.
    ``jvp(b, operands, tangents, results, attrs) -> tangents of results``; None is a zero.
    ``transpose(b, cts, operands, accs, attrs)`` adds into ``accs[i]`` (None where not linear).
    ``lower(e, *scalars, **attrs)`` emits scalar code against the abstract emitter.
    ``cost``: machine operations of one element of the result, about; every pass that weighs work
    asks for it. 0 is an index map, whose elements are read where they are.
    ``traits``: what passes ask besides. ``passing``: which operands go into regions.
    ``arity``: the number of operands, None where that differs. ``ufunc``: NumPy's own of which this
    is the loop. ``samples``: where elementwise rows are tested.
    """

    name: str
    kind: Kind
    infer: InferRule
    eval: Callable[..., Any] | None = None
    effect: Effect = "none"
    jvp: Callable[..., Any] | None = None
    linear: tuple[tuple[int, ...], ...] = ()
    transpose: Callable[..., None] | None = None
    differentiable: bool = True
    opaque: Callable[[Sequence[Value]], bool] | None = None
    lower: Callable[..., Any] | None = None
    cost: int = 1
    traits: frozenset[Trait] = frozenset()
    passing: Passing = NOTHING_LED
    arity: int | None = None
    ufunc: np.ufunc | None = None
    samples: Samples = EVERYWHERE
    doc: str = ""

    def __repr__(self) -> str:
        return f"<{self.name}>"

    @property
    def elementwise(self) -> bool:
        """Whether each element of the result is scalar code of one element of each operand."""
        return self.kind == "elementwise"

    @property
    def dear(self) -> bool:
        """Whether it takes longer than its operands are large: products of matrices, LAPACK."""
        return self.kind in ("contraction", "extern")

    @property
    def updates(self) -> bool:
        """Whether the result is operand 0 with other elements in places."""
        return self.kind == "update"

    @property
    def maps_index(self) -> bool:
        """Whether each element of the result is one of an operand, found by its place."""
        return self.kind == "index_map"

    @property
    def loops(self) -> bool:
        """Whether an element of the result takes a loop over elements of the operands."""
        return self.kind in ("reduction", "scan", "contraction")

    @property
    def reduces(self) -> bool:
        """Whether each element of the result is made of elements along axes of operand 0."""
        return self.kind == "reduction"

    @property
    def contracts(self) -> bool:
        """Whether the result is a product of two tensors summed over paired axes."""
        return self.kind == "contraction"

    @property
    def external(self) -> bool:
        """Whether a library computes the results."""
        return self.kind == "extern"

    @property
    def finds_size(self) -> bool:
        """Whether the first result is an extent that only the run knows."""
        return self.kind == "dynamic"

    @property
    def computes(self) -> bool:
        """Whether the results are tensors that loops of our own compute from the operands."""
        return self.elementwise or self.updates or self.loops or self.maps_index


def is_array(value: Value) -> bool:
    """Whether a value is a tensor with axes."""
    return isinstance(value.type, TensorType) and value.type.rank > 0


def is_splat(instr: Instr) -> bool:
    """A broadcast scalar: needs no memory whoever reads it."""
    return instr.has(Trait.REPEATS) and instr.operands[0].rank == 0


def is_reshape(instr: Instr) -> bool:
    """The same elements under another shape, nothing being checked."""
    return instr.has(Trait.SAME_ELEMENTS) and not instr.has(Trait.KEPT)


def window_of(instr: Instr) -> tuple[tuple[Value, ...], tuple[Dim, ...]]:
    """Bounds (starts, then steps) and extents of the window that an instruction reads or writes."""
    if instr.prim.updates:
        return instr.operands[2:], instr.operands[1].shape
    return instr.operands[1:], instr.result.shape


def element_of(instr: Instr) -> tuple[Value, tuple[Value, ...]]:
    """The buffer that one element is loaded from or stored to, and where."""
    return instr.operands[0], instr.operands[1 + instr.has(Trait.STORES) :]


TABLE: dict[str, Primitive] = {}


def row(prim: Primitive) -> Primitive:
    """Enter a primitive into the table; names are unique."""
    if prim.name in TABLE:
        raise ValueError(f"primitive {prim.name!r} is defined twice")
    TABLE[prim.name] = prim
    return prim


_NO_ATTRS: Mapping[str, Any] = MappingProxyType({})


def frozen_attrs(attrs: Mapping[str, Any]) -> Mapping[str, Any]:
    """Attributes sorted by name, read-only."""
    return MappingProxyType(dict(sorted(attrs.items()))) if attrs else _NO_ATTRS


def attr_dims(attrs: Mapping[str, Any]) -> list[Extent]:
    """Symbolic extents mentioned in attributes (at any depth of tuples and types)."""
    return _dims_in(*attrs.values()) if attrs else []


def _dims_in(*values: Any) -> list[Extent]:
    """The extents in values, in order. (Most have none: no generator is made for each.)"""
    found: list[Extent] = []
    pending = [*reversed(values)]
    while pending:
        value = pending.pop()
        kind = type(value)
        if kind is Extent:
            found.append(value)
        elif kind is TensorType:
            pending += reversed(value.shape)
        elif kind is BufferType:
            pending += reversed((*value.shape, *value.strides))
        elif isinstance(value, tuple):
            pending += reversed(value)
    return found


def type_uses(type_: Type) -> Iterator[Value]:
    """SSA values that a type mentions in its extents."""
    for dim in _dims_in(type_):
        for leaf in leaves(dim):
            if not isinstance(leaf, ResultRef):
                yield leaf


def uses(instr: Instr) -> Iterator[Value]:
    """Everything an instruction depends on: operands, and values in attrs and result types.

    A pass that reorders, drops or clones must use this, not ``operands`` alone.
    """
    yield from instr.operands
    for dim in attr_dims(instr.attrs):
        for leaf in leaves(dim):
            if not isinstance(leaf, ResultRef):
                yield leaf
    own = set(instr.results)
    for result in instr.results:
        for value in type_uses(result.type):
            if value not in own:
                yield value


def instr_effect(instr: Instr) -> Effect:
    """The effect of an instruction, regions included (ordered > check > none)."""
    rank = {"none": 0, "check": 1, "ordered": 2}
    effect = instr.prim.effect
    for region in instr.regions:
        for inner in region.instrs:
            inner_effect = instr_effect(inner)
            if rank[inner_effect] > rank[effect]:
                effect = inner_effect
    return effect
