"""What a compiled core expects and gives: parameters, results and the slots they travel in.

A core is `i32 core(ptr ctx, ptr slots)`. `Signature` says what Python passes and gets; `layout`
says which slot of the flat i64 array holds what. The compiler, the native entry and the portable
entry all read this file, and nothing else, to agree. Nothing here emits code.

Slots, in order:
* array parameter: data pointer, the extents that are `None`, the strides (bytes) that are `None`;
* an object's address: one slot;
* scalar parameter: its bits (floats as IEEE bits in the low end, signed ints sign-extended);
  a complex one takes two slots, real and imaginary part;
* `ArrayResult`: data pointer, then the extents that are `None`. With every extent known the entry
  allocates and fills the pointer in before the call; otherwise the core stores a `tj_alloc`ed
  pointer and the extents;
* `ScalarResult`: bits as above (bool: 0 or 1), stored by the core.
"""

from __future__ import annotations

from collections.abc import Callable
from types import CellType, FunctionType
from typing import Any, Literal, TypeAlias

import numpy as np

from tracejit.dtypes import is_complex
from tracejit.ir.results import Out
from tracejit.ir.static_values import distinguishing
from tracejit.records import dataclass

DType: TypeAlias = "np.dtype[Any]"
Kind: TypeAlias = Literal["bool", "int", "float", "complex"]

# The context block that a core gets, in i64 words.
CTX_ERROR = 0  # 0 none, > 0 row of the error table, or one of the two below
CTX_PAYLOAD = 1  # eight words for the message
CTX_OWNED = 9  # head of the list of allocations that are still the call's own
CTX_DEADLINE = 10  # when `tj_poll` next looks for signals, in ns of the monotonic clock
CTX_HOST = 11  # PyObject*: host(call, slots_address), see `runtime.HostTable`
CTX_THREAD = 12  # PyThreadState* while the GIL is released, else 0
CTX_HELD = 13  # head of the list of generators whose locks are held, see `holding_text`
CTX_STREAM = 14  # the CUDA stream that the work of a call goes to
CTX_LIVE = 15  # bytes of those allocations, see `tj_peak_taken`
CTX_ALLOCATE = 16  # PyObject*: makes device memory; 0: `tj_device_alloc` does
CTX_MEMORY = 17  # PyObject*: a list of what that made and the call still owns, or 0
CTX_WORDS = 18
PAYLOAD_WORDS = 8
ERROR_PYTHON = -1  # a Python exception is set already (interrupt, host call)
ERROR_MEMORY = -2  # an allocation failed


@dataclass(frozen=True)
class AxisLength:
    """Run-time length of one axis of an array parameter."""

    param: int
    axis: int


@dataclass(frozen=True)
class Stride:
    """Run-time stride, in bytes, of one axis of an array parameter."""

    param: int
    axis: int


@dataclass(frozen=True)
class ScalarOf:
    """Value of an integer scalar parameter."""

    param: int


@dataclass(frozen=True)
class ResultOf:
    """Value of an integer scalar result, once the core has run."""

    result: int


@dataclass(frozen=True)
class ResultExtent:
    """Length of one axis of an array result that the core allocates, once it has run."""

    result: int
    axis: int


@dataclass(frozen=True)
class BinOp:
    """Integer arithmetic with Python's meaning; divisors are positive by construction."""

    op: Literal["add", "sub", "mul", "floordiv", "mod", "min", "max"]
    left: Expr
    right: Expr


Expr: TypeAlias = int | AxisLength | Stride | ScalarOf | ResultOf | ResultExtent | BinOp


@dataclass(frozen=True)
class ArrayParam:
    """An exact `numpy.ndarray`, native byte order, aligned.

    `shape`: an extent, or None for one found at run time. `strides`: bytes per axis, None for
    run-time, or "C" / "F": contiguous, so that the strides follow from the extents.
    `frozen`: only a read-only array will do (the code raises where it would write to it).
    """

    dtype: DType
    shape: tuple[int | None, ...]
    strides: tuple[int | None, ...] | Literal["C", "F"] = "C"
    writable: bool = False
    frozen: bool = False

    def stride_axes(self) -> tuple[int | None, ...]:
        """Strides by axis, with None only where a slot holds it."""
        if isinstance(self.strides, tuple):
            return self.strides
        return (0,) * len(self.shape)


@dataclass(frozen=True)
class ScalarParam:
    """A scalar. `kind`: an exact Python scalar of that type; None: an exact NumPy scalar."""

    dtype: DType
    kind: Kind | None = None


@dataclass(frozen=True)
class IdentityParam:
    """An object that must be `value` itself (static arguments, functions, modules), and still of
    the class `kind`, where there is one. No slots."""

    value: Any
    kind: type | None = None


@dataclass(frozen=True)
class EqualParam:
    """An object that must be `value`, or one that nothing tells from it: see `told_by_value`. No
    slots."""

    value: Any


@dataclass(frozen=True)
class TypeParam:
    """An object of exactly this class. No slots."""

    cls: type


@dataclass(frozen=True)
class AddressParam:
    """An object of exactly this class, whose address the core gets."""

    cls: type


@dataclass(frozen=True)
class AnyParam:
    """An object that the code does not look at. No slots, no guard."""


Param: TypeAlias = (
    ArrayParam | ScalarParam | IdentityParam | EqualParam | TypeParam | AddressParam | AnyParam
)


def told_by_value(value: Any) -> bool:
    """Whether there may be others that nothing tells from this one: equal texts and slices of
    ints, and functions without attributes that are made of the same."""
    if type(value) is slice:
        parts = (value.start, value.stop, value.step)
        return all(part is None or type(part) is int for part in parts)
    if type(value) is FunctionType:
        return not value.__dict__
    return type(value) is str


def alike(value: Any, other: Any) -> bool:
    """Whether `other` is `value`, or another that is the same where `told_by_value`."""
    if value is other:
        return True
    if type(value) is not type(other) or not told_by_value(other):
        return False
    return bool(distinguishing(value) == distinguishing(other))


@dataclass(frozen=True)
class GlobalSource:
    """`namespace[name]`, else what is built in under that name, read at each call."""

    namespace: dict[str, Any]
    name: str


@dataclass(frozen=True)
class CellSource:
    """A closure cell's contents, read at each call."""

    cell: CellType


@dataclass(frozen=True)
class FunctionSource:
    """The code, or the defaults, that a Python function has now."""

    function: FunctionType
    field: Literal["Code", "Defaults"]


@dataclass(frozen=True)
class ClassSource:
    """What a class or the first of its bases that has it holds under ``name``, else ``absent``."""

    cls: type
    name: str
    absent: Any


@dataclass(frozen=True)
class AttributeSource:
    """An attribute of an attribute … of what a source finds, or of an explicit parameter."""

    start: GlobalSource | CellSource | int
    names: tuple[str, ...]


@dataclass(frozen=True)
class CallSource:
    """`read()`, called at each call: whatever the other sources cannot say."""

    read: Callable[[], Any]


@dataclass(frozen=True)
class ArgSource:
    """`read(argument)` of an explicit parameter, called at each call."""

    read: Callable[[Any], Any]
    param: int


Source: TypeAlias = (
    GlobalSource
    | CellSource
    | FunctionSource
    | ClassSource
    | AttributeSource
    | CallSource
    | ArgSource
)


@dataclass(frozen=True)
class Hidden:
    """A parameter that the caller does not pass; numbered after the explicit ones."""

    source: Source
    param: Param


@dataclass(frozen=True)
class ArrayResult:
    """Memory in C order. A None extent is found by the core, which then owns the memory."""

    dtype: DType
    shape: tuple[Expr | None, ...]

    @property
    def core_allocates(self) -> bool:
        """Whether the core, not the entry, provides the memory."""
        return None in self.shape


@dataclass(frozen=True)
class ScalarResult:
    """A number of which the core stores the bits."""

    dtype: DType


Result: TypeAlias = ArrayResult | ScalarResult


@dataclass(frozen=True)
class Container:
    """A tuple, list, dict (with `keys`) or object with attributes (a record) of structures.

    `cls`: the class where it is not the plain one of that name; among results only of a record or
    a named tuple.
    """

    kind: Literal["tuple", "list", "dict", "record"]
    children: tuple[Structure, ...]
    keys: tuple[Any, ...] = ()
    cls: type | None = None


@dataclass(frozen=True)
class Unflatten:
    """Any other pytree: `build(leaves)` is called with the tuple of all leaves, in order; or of
    `parts` that are made of them. An entry whose environment lacks `build` returns the tuple."""

    build: Callable[[tuple[Any, ...]], Any]
    parts: tuple[Structure, ...] | None = None


@dataclass(frozen=True)
class Packed:
    """Among arguments, a list of many numbers as one leaf, or a list of such lists as two: all of
    the numbers, and how many each list has."""

    leaves: tuple[int, ...]


# An int is a leaf: a number of `Signature.outs`. One number twice is one object twice.
Structure: TypeAlias = int | Container | Packed | Unflatten | None


@dataclass(frozen=True)
class IntegerGuard:
    """A comparison of run-time integers that must hold for the code to apply."""

    relation: Literal["eq", "ne", "lt", "le", "gt", "ge"]
    left: Expr
    right: Expr


@dataclass(frozen=True)
class WorkAbove:
    """Release the GIL where `work` (elements, say) is at least `minimum`."""

    work: Expr
    minimum: int


@dataclass(frozen=True)
class Rollback:
    """What is put back where the core ends with an error that says that it is not for these values.

    `save(*objects)` is called before the core, on these parameters; then `restore` on its answer.
    """

    params: tuple[int, ...]
    save: Callable[..., Any]
    restore: Callable[[Any], None]


@dataclass(frozen=True)
class Signature:
    """Everything that a caller of a core must know.

    `results`: what the core stores; `outs`: the leaves that are made of them and of the arguments
    (those that `python_entry/views.py` says are made natively), around which `structure` is.
    `disjoint`: pairs of array parameters whose byte ranges must not meet (as
    `np.may_share_memory`); `identical`: pairs that must be the same memory, shape and strides;
    `same` and `distinct`: pairs of parameters that must be, or not be, one object.
    """

    params: tuple[Param, ...]
    results: tuple[Result, ...] = ()
    outs: tuple[Out, ...] = ()
    structure: Structure = None
    hidden: tuple[Hidden, ...] = ()
    guards: tuple[IntegerGuard, ...] = ()
    disjoint: tuple[tuple[int, int], ...] = ()
    identical: tuple[tuple[int, int], ...] = ()
    same: tuple[tuple[int, int], ...] = ()
    distinct: tuple[tuple[int, int], ...] = ()
    release_gil: bool | WorkAbove = False
    rollback: Rollback | None = None

    @property
    def all_params(self) -> tuple[Param, ...]:
        """Explicit, then hidden parameters: the numbering used everywhere."""
        return self.params + tuple(h.param for h in self.hidden)


@dataclass(frozen=True)
class Slots:
    """Slot numbers of one parameter or result.

    `data`: pointer, address, or a scalar's bits (the first slot of a complex one).
    """

    data: int | None
    extents: tuple[int | None, ...] = ()
    strides: tuple[int | None, ...] = ()


@dataclass(frozen=True)
class SlotLayout:
    """Where everything is in the slot array, and how many slots there are."""

    params: tuple[Slots, ...]
    results: tuple[Slots, ...]
    count: int


class _Counter:
    def __init__(self) -> None:
        self.next = 0

    def take(self, number: int = 1) -> int:
        first = self.next
        self.next += number
        return first

    def take_unknown(self, values: tuple[Any, ...]) -> tuple[int | None, ...]:
        return tuple(self.take() if v is None else None for v in values)


def _param_slots(param: Param, counter: _Counter) -> Slots:
    if isinstance(param, ArrayParam):
        data = counter.take()
        extents = counter.take_unknown(param.shape)
        return Slots(data, extents, counter.take_unknown(param.stride_axes()))
    if isinstance(param, ScalarParam):
        return Slots(counter.take(2 if is_complex(param.dtype) else 1))
    return Slots(counter.take()) if isinstance(param, AddressParam) else Slots(None)


def _result_slots(result: Result, counter: _Counter) -> Slots:
    if isinstance(result, ArrayResult):
        data = counter.take()
        return Slots(data, counter.take_unknown(result.shape))
    return Slots(counter.take(2 if is_complex(result.dtype) else 1))


def layout(signature: Signature) -> SlotLayout:
    """Number the slots of `signature`."""
    counter = _Counter()
    params = tuple(_param_slots(p, counter) for p in signature.all_params)
    results = tuple(_result_slots(r, counter) for r in signature.results)
    return SlotLayout(params, results, counter.next)
