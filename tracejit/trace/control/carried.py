"""What a loop carries: one *plan* per variable.

A plan says what a name is bound to at the start of every iteration: the same object as before
the loop (``Invariant``), a number (``Number``), an array carried by value (``ArrayPlan``), a view
of the same storage that moves (``ViewPlan``), one of several storages (``SelectPlan``), what
tracing knows (``KnownValue``), or a tuple, list or dict of plans.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import field
from typing import Any, TypeAlias

import numpy as np

from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.ir.types import INDEX, TensorType, dtype_of
from tracejit.records import dataclass
from tracejit.trace.control.carried_storage import EndStorage, Option, SlotName
from tracejit.trace.control.join_arrays import storage_of
from tracejit.trace.control.known_values import KnownValue
from tracejit.trace.control.number_plans import (
    Number,
    Tagged,
    dtypes_of,
    is_any_number,
    number_of,
    number_plan,
    number_values,
)
from tracejit.trace.control.objects import choose_among, made_object, parts_of
from tracejit.trace.convert import UNDEFINED
from tracejit.trace.session.session import current
from tracejit.trace.values import containers, table_buffers
from tracejit.trace.values.all import (
    Array,
    Cell,
    Select,
)
from tracejit.trace.values.dynamic_list import ListBuffer, ListRef, empty_run, of_one_size
from tracejit.trace.values.list_kinds import ElementKinds
from tracejit.trace.values.maybe_unbound import MaybeNone, MaybeUnbound
from tracejit.trace.values.record_layouts import RecordLayout
from tracejit.trace.values.scalar_join import is_number
from tracejit.trace.values.structured_arrays import StructuredArray
from tracejit.trace.values.table_buffers import TableBuffer
from tracejit.trace.values.table_forms import TableForm
from tracejit.trace.views.parameters import empty_numbers, sliced_first, view_numbers, with_numbers


@dataclass(frozen=True)
class Invariant:
    """Bound to the same object throughout; UNDEFINED when it is bound anew before it is read."""


@dataclass(frozen=True)
class Unbound:
    """Not carried: unbound at the start of each iteration."""


@dataclass(frozen=True)
class ArrayPlan:
    """An array carried by value; None for an extent that changes. ``slot``: no name's own, but
    storage that ``SelectPlan``s speak of. ``order``: axes from slowest to fastest in memory, None
    where iterations differ; and so ``writeable``."""

    dtype: np.dtype[Any]
    dims: tuple[Dim | None, ...]
    slot: SlotName | None = None
    order: tuple[int, ...] | None = None
    writeable: bool | None = True


@dataclass(frozen=True)
class Like:
    """A view, equal to any of the same storage by the same layers, whatever their numbers."""

    view: Array = field(compare=False)
    storage: Any
    layers: Any


@dataclass(frozen=True)
class ViewPlan:
    """A view of the same storage throughout, whose bounds and extents move: of its ``numbers``
    (the layers' and its own), None for those that change. ``sliced``: taken as a slice, even
    where it is the whole. ``like``: one of them, if there is none before the loop."""

    numbers: tuple[Dim | None, ...]
    sliced: bool
    like: Like | None = None

    def view(self, entry: Any) -> Array:
        """A view of that storage, with numbers of its own."""
        found: Array = entry if self.like is None else self.like.view
        return sliced_first(found) if self.sliced else found


@dataclass(frozen=True)
class SelectPlan:
    """One of several storages, which one being carried: existing ones, or what iterations made."""

    options: tuple[Option, ...]

    def values(self, x: Any, storage: EndStorage | None) -> list[Value]:
        """For each option but the last: whether a binding is that option."""
        b = current().b
        known = storage or EndStorage([], current().frame.depth + 1)
        flags = [x is not UNDEFINED and known.is_at(x, option) for option in self.options[:-1]]
        return [b.const(flag, "bool") if isinstance(flag, bool) else flag for flag in flags]

    def chosen(self, flags: Sequence[Value], slots: dict[SlotName, Cell]) -> Array:
        """The binding that the flags say."""
        *most, found = [option.array(slots) for option in self.options]
        for option, flag in zip(reversed(most), reversed(flags), strict=True):
            found = Array(Select(flag, option, found))
        return found


@dataclass(frozen=True)
class Structure:
    """A tuple, list or dict of plans, or an object with its attributes' plans.

    ``make`` is the class, or of a structured array what its parts do not say."""

    make: type | RecordLayout
    keys: tuple[Any, ...]
    parts: tuple[Plan, ...]


@dataclass(frozen=True)
class ListPlan:
    """The items of a list or deque of which the run decides how long it is."""

    form: ElementKinds
    is_deque: bool = False


@dataclass(frozen=True)
class RefPlan:
    """A list of a heap: which one changes."""

    heap: Any


@dataclass(frozen=True)
class TablePlan:
    """The entries of a dict or set of which the run decides the keys."""

    form: TableForm


@dataclass(frozen=True)
class Maybe:
    """A variable that may be unbound, or None if ``none``, with its plan where it is not."""

    name: str
    plan: Plan
    none: bool = False

    def inner(self, x: Any) -> Any:
        """What a binding is if it is bound, or a value; UNDEFINED where it surely is not."""
        if isinstance(x, MaybeNone if self.none else MaybeUnbound):
            return x.value
        return UNDEFINED if self.none and x is None else x

    def wrapped(self, flag: Value, x: Any) -> Any:
        """A binding that is ``x`` where the flag says so."""
        return MaybeNone(flag, x) if self.none else MaybeUnbound(self.name, flag, x)


Plan: TypeAlias = (
    Invariant
    | KnownValue
    | Unbound
    | Number
    | Tagged
    | ArrayPlan
    | ViewPlan
    | SelectPlan
    | Structure
    | ListPlan
    | RefPlan
    | TablePlan
    | Maybe
)


@dataclass
class Opened:
    """The placeholders of one trace of the body."""

    values: list[Value] = field(default_factory=list)
    cells: list[tuple[Cell, Value, Array | None]] = field(default_factory=list)
    slots: dict[SlotName, Cell] = field(default_factory=dict)


def first_plan(x: Any) -> Plan:
    """An initial plan from the binding at entry: numbers change, arrays stay."""
    if is_any_number(x):
        return number_plan(x)
    if isinstance(x, ListBuffer):
        return ListPlan(x.form, x.first is not None)
    if isinstance(x, ListRef):
        return RefPlan(x.heap)
    if isinstance(x, TableBuffer):
        return TablePlan(x.form)
    if isinstance(x, tuple) and any(is_number(i) for i in x):
        return Structure(type(x), tuple(range(len(x))), tuple(first_plan(i) for i in x))
    if isinstance(x, MaybeUnbound):
        return Maybe(x.name, first_plan(x.value))
    if isinstance(x, MaybeNone):
        return Maybe("", first_plan(x.value), none=True)
    return Invariant()


# Bindings at the start of an iteration ------------------------------------------------------------


def opened(plan: Plan, entry: Any, out: Opened) -> Any:
    """The binding at the start of an iteration, made of new placeholders."""
    if isinstance(plan, Invariant):
        return entry
    if isinstance(plan, KnownValue):
        return plan.value
    if isinstance(plan, Unbound):
        return UNDEFINED
    if isinstance(plan, Number | Tagged):
        return number_of(plan, [_placeholder(TensorType(d), out) for d in dtypes_of(plan)])
    if isinstance(plan, ArrayPlan):
        return _opened_array(plan, entry, out)
    if isinstance(plan, ViewPlan):
        return _opened_view(plan, entry, out)
    if isinstance(plan, SelectPlan):
        flags = [_placeholder(TensorType(dtype_of("bool")), out) for _ in plan.options[1:]]
        return plan.chosen(flags, out.slots)
    if isinstance(plan, ListPlan):
        return _opened_run(plan, out)
    if isinstance(plan, RefPlan):
        return ListRef(plan.heap, _placeholder(INDEX, out))
    if isinstance(plan, TablePlan):
        return table_buffers.opened(plan.form, lambda type_: _placeholder(type_, out))
    if isinstance(plan, Maybe):
        flag = _placeholder(TensorType(dtype_of("bool")), out)
        return plan.wrapped(flag, opened(plan.plan, plan.inner(entry), out))
    return _assembled(plan, [opened(p, e, out) for p, e in _matched(plan, entry)])


def _placeholder(type_: TensorType, out: Opened) -> Value:
    value = Value(type_)
    out.values.append(value)
    return value


def _opened_array(plan: ArrayPlan, entry: Any, out: Opened) -> Array:
    session = current()
    dims = tuple(
        session.ranges.extent(_placeholder(INDEX, out)).dim if d is None else d for d in plan.dims
    )
    value = _placeholder(TensorType(plan.dtype, dims), out)
    cell = Cell(value, plan.order, writeable=plan.writeable)
    cell.kept = _kept(entry) if isinstance(entry, Array) else None
    if plan.slot is not None:
        out.slots[plan.slot] = cell
    else:
        out.cells.append((cell, value, entry if isinstance(entry, Array) else None))
    return Array(cell)


def _kept(x: Array) -> str | None:
    """Why an array must not be written, if it must not."""
    return next((cell.kept for cell in storage_of(x) if cell.kept is not None), None)


def _opened_run(plan: ListPlan, out: Opened) -> ListBuffer:
    ranges = current().ranges
    size = ranges.extent(_placeholder(INDEX, out)).dim
    types = [t for kind in plan.form[0] for t in kind.types(kind.column(size))]
    columns = [_placeholder(t, out) for t in types]
    count = ranges.extent(_placeholder(INDEX, out)).dim
    first = ranges.extent(_placeholder(INDEX, out)).dim if plan.is_deque else None
    return ListBuffer(columns, count, plan.form, first)


def _opened_view(plan: ViewPlan, entry: Array, out: Opened) -> Array:
    ranges = current().ranges
    numbers = [
        ranges.bound(_placeholder(INDEX, out), 0, None).dim if n is None else n
        for n in plan.numbers
    ]
    return with_numbers(plan.view(entry), numbers)


def maker_of(x: Any) -> type | RecordLayout:
    """What says how to make another structure like ``x`` of other parts."""
    if isinstance(x, StructuredArray):
        layout: RecordLayout = x.layout
        return layout
    found: type = dict if isinstance(x, dict) else type(x)
    return found


def _assembled(plan: Structure, items: Sequence[Any]) -> Any:
    if isinstance(plan.make, RecordLayout):
        return StructuredArray(items, plan.make)
    session = current()
    if plan.make is dict:
        return containers.put_together(session, dict(zip(plan.keys, items, strict=True)))
    if issubclass(plan.make, tuple | list):
        made = plan.make(*items) if hasattr(plan.make, "_fields") else plan.make(items)
        return containers.put_together(session, made)
    made = made_object(session, plan.make, dict(zip(plan.keys, items, strict=True)))
    choose_among(session, made)  # after no iteration it is the object from before the loop
    return made


def _matched(plan: Structure, x: Any) -> Iterator[tuple[Plan, Any]]:
    """Plans with the parts of ``x``; UNDEFINED parts where ``x`` has another structure."""
    if x is UNDEFINED:
        yield from ((p, UNDEFINED) for p in plan.parts)
        return
    parts = parts_of(x)
    yield from ((p, parts[k]) for k, p in zip(plan.keys, plan.parts, strict=True))


# Values carried -----------------------------------------------------------------------------------


def carried_values(plan: Plan, x: Any, storage: EndStorage | None = None) -> list[Value]:
    """The IR values of a binding under its plan, in the order of the placeholders.

    UNDEFINED gives zeros (the variable is bound anew before it is read). ``storage``: who shares
    what at the end of an iteration (None: before the loop)."""
    b = current().b
    if isinstance(plan, KnownValue):
        plan.require(x)
    if isinstance(plan, Invariant | KnownValue | Unbound):
        return []
    if isinstance(plan, Number | Tagged):
        return number_values(plan, x)
    if isinstance(plan, ArrayPlan):
        return _array_values(plan, x)
    if isinstance(plan, ViewPlan):
        if x is UNDEFINED:
            have: Sequence[Dim] = empty_numbers(plan.view(x))
        else:
            have = view_numbers(sliced_first(x) if plan.sliced else x)
        return [b.index(h) for h, n in zip(have, plan.numbers, strict=True) if n is None]
    if isinstance(plan, SelectPlan):
        return plan.values(x, storage)
    if isinstance(plan, ListPlan):
        run = (empty_run(plan.form) if x is UNDEFINED else x).of_deque(plan.is_deque)
        size = run.columns[0].shape[0]
        columns = run.columns
        places = [b.index(run.count), *([b.index(run.begin)] if plan.is_deque else [])]
        if any(c.shape[0] != size for c in columns):
            return [*of_one_size(columns), *places]
        return [b.index(size), *columns, *places]
    if isinstance(plan, RefPlan):
        return [b.const(0, "i64") if x is UNDEFINED else x.number]
    if isinstance(plan, TablePlan):
        return table_buffers.parts(table_buffers.empty_table(plan.form) if x is UNDEFINED else x)
    if isinstance(plan, Maybe):
        inner = plan.inner(x)
        flag = b.const(inner is not UNDEFINED, "bool") if inner is x or x is None else x.flag
        return [flag, *carried_values(plan.plan, inner, storage)]
    return [v for p, part in _matched(plan, x) for v in carried_values(p, part, storage)]


def _array_values(plan: ArrayPlan, x: Any) -> list[Value]:
    b = current().b
    if x is UNDEFINED:
        shape = tuple(0 if d is None else d for d in plan.dims)
        return [
            *(b.const(0, "i64") for d in plan.dims if d is None),
            b.full(0, TensorType(plan.dtype, shape)),
        ]
    # A view that moves has its extents twice, in its layers and of its own: those of the value.
    value = x.read()
    extents = [b.index(have) for have, d in zip(value.shape, plan.dims, strict=True) if d is None]
    return [*extents, value]


def rebound(
    plan: Plan,
    entry: Any,
    results: Iterator[tuple[Value, bool]],
    slots: dict[SlotName, Cell],
) -> Any:
    """The binding after the loop; ``results`` are (value, whether it changed)."""
    if isinstance(plan, Invariant):
        return entry
    if isinstance(plan, KnownValue):
        return plan.value
    if isinstance(plan, Unbound):
        return UNDEFINED
    if isinstance(plan, Number | Tagged):
        found = [next(results) for _ in dtypes_of(plan)]
        kept = not any(changed for _, changed in found)
        if kept and is_any_number(entry) and number_plan(entry) == plan:
            return entry
        return number_of(plan, [value for value, _ in found])
    if isinstance(plan, ArrayPlan):
        for d in plan.dims:
            if d is None:
                current().ranges.extent(next(results)[0])
        value, changed = next(results)
        if not changed and isinstance(entry, Array):
            return entry
        cell = Cell(value, plan.order, writeable=plan.writeable)
        if plan.slot is not None:
            slots[plan.slot] = cell
        return Array(cell)
    if isinstance(plan, ViewPlan):
        ranges = current().ranges
        numbers = [
            ranges.bound(next(results)[0], 0, None).dim if n is None else n for n in plan.numbers
        ]
        return with_numbers(plan.view(entry), numbers)
    if isinstance(plan, SelectPlan):
        picks = [next(results) for _ in plan.options[1:]]
        if isinstance(entry, Array) and not any(changed for _, changed in picks):
            return entry
        return plan.chosen([flag for flag, _ in picks], slots)
    if isinstance(plan, ListPlan):
        return _rebound_run(plan, entry, results)
    if isinstance(plan, RefPlan):
        number, changed = next(results)
        return ListRef(plan.heap, number) if changed or entry is UNDEFINED else entry
    if isinstance(plan, TablePlan):
        return _rebound_table(plan, entry, results)
    if isinstance(plan, Maybe):
        flag, _ = next(results)
        return plan.wrapped(flag, rebound(plan.plan, plan.inner(entry), results, slots))
    items = [rebound(p, e, results, slots) for p, e in _matched(plan, entry)]
    return _assembled(plan, items)


def _rebound_run(plan: ListPlan, entry: Any, results: Iterator[tuple[Value, bool]]) -> ListBuffer:
    ranges = current().ranges
    width = sum(kind.width for kind in plan.form[0])
    found = [next(results) for _ in range(width + 2 + plan.is_deque)]
    if isinstance(entry, ListBuffer) and not any(changed for _, changed in found):
        return entry
    size, *columns = (value for value, _ in found[: width + 1])
    places = [ranges.extent(value).dim for value, _ in found[width + 1 :]]
    ranges.extent(size)
    return ListBuffer(columns, places[0], plan.form, places[1] if plan.is_deque else None)


def _rebound_table(plan: TablePlan, entry: Any, results: Iterator[tuple[Value, bool]]) -> Any:
    seen: list[bool] = []

    def following(_: Any) -> Value:
        value, changed = next(results)
        seen.append(changed)
        return value

    found = table_buffers.opened(plan.form, following)
    return found if any(seen) or not isinstance(entry, TableBuffer) else entry
