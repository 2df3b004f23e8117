"""What a loop carries: one *plan* per variable, found by tracing the body until it is steady.

A plan says what a name is bound to at the start of every iteration: the same object as before the
loop (``Keep``), a number (``Number``), an array carried by value (``ArrayPlan``), or a tuple, list
or dict of plans.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from tracejit.ir import extent as ex
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.ir.types import INDEX, TensorType, dtype_of
from tracejit.trace.convert import UNDEFINED
from tracejit.trace.definedness import MaybeUndefined
from tracejit.trace.joining import is_number, joined_number, number_value
from tracejit.trace.session import Frame, current
from tracejit.trace.values import (
    KIND_DTYPE,
    Array,
    Cell,
    Choice,
    PyScalar,
    Scalar,
    WeakKind,
    python_int,
    weak_kind,
)
from tracejit.trace.view_numbers import aligned, sliced_first, view_numbers, with_numbers


class Unsteady(Exception):  # noqa: N818
    """No plan fits all iterations: the first one differs. Peel it, or report ``reason``."""


class Resized(Unsteady):
    """A list or dict has another number of items at the end of an iteration."""


@dataclass(frozen=True)
class Keep:
    """Bound to the same object throughout; UNDEFINED when it is bound anew before it is read."""


@dataclass(frozen=True)
class Unbound:
    """Not carried: unbound at the start of each iteration."""


@dataclass(frozen=True, eq=False)
class Number:
    """A scalar of a Python kind or a NumPy dtype."""

    kind: WeakKind | np.dtype[Any]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Number) and same_kind(self.kind, other.kind)

    def __hash__(self) -> int:
        return hash(str(self.kind))


def same_kind(a: WeakKind | np.dtype[Any], b: WeakKind | np.dtype[Any]) -> bool:
    """Equality that does not take the Python kind "float" for the dtype float64."""
    return isinstance(a, str) == isinstance(b, str) and a == b


@dataclass(frozen=True)
class ArrayPlan:
    """An array carried by value; None for an extent that changes."""

    dtype: np.dtype[Any]
    dims: tuple[Dim | None, ...]


@dataclass(frozen=True)
class ViewPlan:
    """A view of the same storage throughout, whose bounds and extents move: of its ``numbers``
    (the layers' and its own), None for those that change. ``sliced``: taken as a slice, even
    where it is the whole."""

    numbers: tuple[Dim | None, ...]
    sliced: bool


@dataclass(frozen=True)
class PickPlan:
    """One of two views of existing storage, which one being carried (a run-time swap)."""

    keys: tuple[Any, ...]
    options: tuple[Array, ...] = field(compare=False)

    def which(self, x: Array) -> Value:
        """Whether a binding is the first option."""
        b = current().b
        if isinstance(x.cell, Choice) and not x.layers:
            then, other = self.which(x.cell.then), self.which(x.cell.other)
            return b.op("select", x.cell.pred, then, other)  # type: ignore[no-any-return]
        return b.const(binding(x) == self.keys[0], "bool")

    def chosen(self, flag: Value) -> Array:
        """The binding that a flag says."""
        return Array(Choice(flag, self.options[0], self.options[1]))


@dataclass(frozen=True)
class Structure:
    """A tuple, list or dict of plans."""

    make: Any
    keys: tuple[Any, ...]
    parts: tuple[Plan, ...]


@dataclass(frozen=True)
class Maybe:
    """A variable that may be unbound, with its plan."""

    name: str
    plan: Plan


Plan: TypeAlias = Keep | Unbound | Number | ArrayPlan | ViewPlan | PickPlan | Structure | Maybe


@dataclass
class Opened:
    """The placeholders of one trace of the body."""

    values: list[Value] = field(default_factory=list)
    cells: list[tuple[Cell, Value, Array | None]] = field(default_factory=list)


def first_plan(x: Any) -> Plan:
    """A guess from the binding at entry: numbers change, arrays stay."""
    if is_number(x):
        kind = weak_kind(x)
        return Number(kind if kind is not None else dtype_of(x.dtype))
    if isinstance(x, tuple) and any(is_number(i) for i in x):
        return Structure(_maker(x), tuple(range(len(x))), tuple(first_plan(i) for i in x))
    if isinstance(x, MaybeUndefined):
        return Maybe(x.name, first_plan(x.value))
    return Keep()


def _maker(x: Any) -> Any:
    return type(x)


# Bindings at the start of an iteration ------------------------------------------------------------


def opened(plan: Plan, entry: Any, out: Opened) -> Any:
    """The binding at the start of an iteration, made of new placeholders."""
    if isinstance(plan, Keep):
        return entry
    if isinstance(plan, Unbound):
        return UNDEFINED
    if isinstance(plan, Number):
        dtype = KIND_DTYPE[plan.kind] if isinstance(plan.kind, str) else plan.kind
        value = _placeholder(TensorType(dtype_of(dtype)), out)
        return PyScalar(plan.kind, value) if isinstance(plan.kind, str) else Scalar(value)
    if isinstance(plan, ArrayPlan):
        return _opened_array(plan, entry, out)
    if isinstance(plan, ViewPlan):
        return _opened_view(plan, entry, out)
    if isinstance(plan, PickPlan):
        return plan.chosen(_placeholder(TensorType(dtype_of("bool")), out))
    if isinstance(plan, Maybe):
        flag = _placeholder(TensorType(dtype_of("bool")), out)
        inner = entry.value if isinstance(entry, MaybeUndefined) else entry
        return MaybeUndefined(plan.name, flag, opened(plan.plan, inner, out))
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
    cell = Cell(value)
    out.cells.append((cell, value, entry if isinstance(entry, Array) else None))
    return Array(cell)


def _opened_view(plan: ViewPlan, entry: Array, out: Opened) -> Array:
    ranges = current().ranges
    numbers = [
        ranges.bound(_placeholder(INDEX, out), 0, None).dim if n is None else n
        for n in plan.numbers
    ]
    return with_numbers(sliced_first(entry) if plan.sliced else entry, numbers)


def _assembled(plan: Structure, items: Sequence[Any]) -> Any:
    if plan.make is dict:
        return dict(zip(plan.keys, items, strict=True))
    return plan.make(*items) if hasattr(plan.make, "_fields") else plan.make(items)


def _matched(plan: Structure, x: Any) -> Iterator[tuple[Plan, Any]]:
    """Plans with the parts of ``x``; UNDEFINED parts where ``x`` has another structure."""
    if x is UNDEFINED:
        yield from ((p, UNDEFINED) for p in plan.parts)
        return
    yield from ((p, x[k]) for k, p in zip(plan.keys, plan.parts, strict=True))


# Values carried -----------------------------------------------------------------------------------


def carried_values(plan: Plan, x: Any) -> list[Value]:
    """The IR values of a binding under its plan, in the order of the placeholders.

    UNDEFINED gives zeros (the variable is bound anew before it is read)."""
    b = current().b
    if isinstance(plan, Keep | Unbound):
        return []
    if isinstance(plan, Number):
        if x is UNDEFINED:
            dtype = KIND_DTYPE[plan.kind] if isinstance(plan.kind, str) else plan.kind
            return [b.const(0, dtype)]
        return [number_value(x, plan.kind)]
    if isinstance(plan, ArrayPlan):
        return _array_values(plan, x)
    if isinstance(plan, ViewPlan):
        view = sliced_first(x) if plan.sliced else x
        pairs = zip(view_numbers(view), plan.numbers, strict=True)
        return [b.index(have) for have, n in pairs if n is None]
    if isinstance(plan, PickPlan):
        return [plan.which(x)]
    if isinstance(plan, Maybe):
        if isinstance(x, MaybeUndefined):
            return [x.flag, *carried_values(plan.plan, x.value)]
        return [b.const(x is not UNDEFINED, "bool"), *carried_values(plan.plan, x)]
    return [v for p, part in _matched(plan, x) for v in carried_values(p, part)]


def _array_values(plan: ArrayPlan, x: Any) -> list[Value]:
    b = current().b
    if x is UNDEFINED:
        shape = tuple(0 if d is None else d for d in plan.dims)
        return [
            *(b.const(0, "i64") for d in plan.dims if d is None),
            b.full(0, TensorType(plan.dtype, shape)),
        ]
    extents = [b.index(have) for have, d in zip(x.dims, plan.dims, strict=True) if d is None]
    return [*extents, x.read()]


def rebound(plan: Plan, entry: Any, results: Iterator[tuple[Value, bool]]) -> Any:
    """The binding after the loop; ``results`` are (value, whether it changed)."""
    if isinstance(plan, Keep):
        return entry
    if isinstance(plan, Unbound):
        return UNDEFINED
    if isinstance(plan, Number):
        value, changed = next(results)
        if not changed and entry is not UNDEFINED:
            return entry
        if isinstance(plan.kind, str):
            return python_int(value) if plan.kind == "int" else PyScalar(plan.kind, value)
        return Scalar(value)
    if isinstance(plan, ArrayPlan):
        for d in plan.dims:
            if d is None:
                current().ranges.extent(next(results)[0])
        value, changed = next(results)
        return entry if not changed and isinstance(entry, Array) else Array(Cell(value))
    if isinstance(plan, ViewPlan):
        ranges = current().ranges
        numbers = [
            ranges.bound(next(results)[0], 0, None).dim if n is None else n for n in plan.numbers
        ]
        return with_numbers(sliced_first(entry) if plan.sliced else entry, numbers)
    if isinstance(plan, PickPlan):
        value, changed = next(results)
        return plan.chosen(value) if changed else entry
    if isinstance(plan, Maybe):
        flag, _ = next(results)
        inner = entry.value if isinstance(entry, MaybeUndefined) else entry
        return MaybeUndefined(plan.name, flag, rebound(plan.plan, inner, results))
    items = [rebound(p, e, results) for p, e in _matched(plan, entry)]
    return _assembled(plan, items)


# Finding the steady plan --------------------------------------------------------------------------


def improved(plan: Plan, entry: Any, start: Any, end: Any, frame: Frame, name: str) -> Plan:
    """The plan that also fits the binding at the end of an iteration. Unsteady if none does."""
    if isinstance(plan, Unbound) or end is start:
        return plan
    if isinstance(plan, Maybe):
        return _improved_maybe(plan, entry, start, end, frame, name)
    if entry is UNDEFINED:
        return plan if _fits(plan, end, frame) else steady_plan(end, frame)
    if isinstance(plan, Number):
        return _improved_number(plan, entry, end, name)
    if isinstance(end, Array):
        return _improved_array(plan, entry, start, end, frame, name)
    if isinstance(end, tuple | list | dict):
        return _improved_structure(plan, entry, start, end, frame, name)
    if isinstance(end, MaybeUndefined):
        return Maybe(name, improved(plan, entry, start, end.value, frame, name))
    raise Unsteady(name)


def _fits(plan: Plan, end: Any, frame: Frame) -> bool:
    try:
        return not isinstance(plan, Keep) and steady_plan(end, frame) == plan
    except Unsteady:
        return False


def steady_plan(end: Any, frame: Frame) -> Plan:
    """A plan from the binding at the end alone."""
    if is_number(end):
        return first_plan(end)
    if isinstance(end, Array):
        return ArrayPlan(end.dtype, tuple(_steady_dim(d, frame) for d in end.dims))
    if isinstance(end, tuple | list):
        parts = tuple(steady_plan(i, frame) for i in end)
        return Structure(_maker(end), tuple(range(len(end))), parts)
    if isinstance(end, dict):
        return Structure(dict, tuple(end), tuple(steady_plan(i, frame) for i in end.values()))
    if isinstance(end, MaybeUndefined):
        return Maybe(end.name, steady_plan(end.value, frame))
    return Keep()


def _steady_dim(dim: Dim, frame: Frame) -> Dim | None:
    return dim if outer_dim(dim, frame) else None


def outer_dim(dim: Dim, frame: Frame) -> bool:
    """Whether an extent does not depend on what the loop's body makes."""
    made = {r for i in frame.builder.instrs for r in i.results}
    inner = frame.own
    return not any(leaf in made or leaf in inner for leaf in ex.leaves(dim))


def _improved_maybe(plan: Maybe, entry: Any, start: Any, end: Any, frame: Frame, name: str) -> Plan:
    inner = [x.value if isinstance(x, MaybeUndefined) else x for x in (entry, start, end)]
    if inner[2] is UNDEFINED:
        return plan
    return Maybe(name, improved(plan.plan, inner[0], inner[1], inner[2], frame, name))


def _improved_number(plan: Number, entry: Any, end: Any, name: str) -> Plan:
    if isinstance(end, MaybeUndefined):
        return Maybe(name, _improved_number(plan, entry, end.value, name))
    if not is_number(end):
        raise Unsteady(name)
    kind = weak_kind(end)
    have = kind if kind is not None else end.dtype
    if same_kind(have, plan.kind):
        return plan
    joined = joined_number(entry, end)
    if joined is None:
        raise Unsteady(name)
    wider = Number(joined)
    if wider == plan:
        steady = joined_number(_as_start(plan), end)
        if steady is None or not same_kind(steady, plan.kind):
            raise Unsteady(name)
        return plan
    return wider


def _as_start(plan: Number) -> Any:
    """A traced number of the plan's type."""
    dtype = KIND_DTYPE[plan.kind] if isinstance(plan.kind, str) else plan.kind
    value = Value(TensorType(dtype_of(dtype)))
    return PyScalar(plan.kind, value) if isinstance(plan.kind, str) else Scalar(value)


def _improved_array(
    plan: Plan, entry: Any, start: Any, end: Array, frame: Frame, name: str
) -> Plan:
    if not isinstance(entry, Array) or entry.dtype != end.dtype or entry.ndim != end.ndim:
        raise Unsteady(name)
    if isinstance(start, Array) and start.cell is end.cell and start.layers == end.layers:
        return plan
    if not isinstance(plan, ArrayPlan):
        picked = _picked(plan, entry, end, frame)
        if picked is not None:
            return picked
    if end.cell is entry.cell and not isinstance(plan, ArrayPlan):
        return _improved_view(plan, entry, end, frame, name)
    known = plan.dims if isinstance(plan, ArrayPlan) else entry.dims
    dims = tuple(
        None if d is None or d != e or not outer_dim(e, frame) else d
        for d, e in zip(known, end.dims, strict=True)
    )
    return ArrayPlan(end.dtype, dims)


def _picked(plan: Plan, entry: Array, end: Array, frame: Frame) -> Plan | None:
    """A plan for a name that moves between two pieces of the caller's storage."""
    known = list(plan.options) if isinstance(plan, PickPlan) else _pieces(entry)
    for x in _pieces(end):
        if not any(binding(x) == binding(k) for k in known):
            known.append(x)
    outer = all(isinstance(x.cell, Cell) and x.cell.depth < frame.depth for x in known)
    inner = any(not outer_dim(n, frame) for x in known for n in view_numbers(x))
    args = any(isinstance(x.cell, Cell) and x.cell.arg is not None for x in known)
    cells = {id(x.cell) for x in known}
    if len(cells) == 1 or not outer or not args:
        return None
    if len(known) != 2 or inner:
        raise Unsteady("an array name")
    return PickPlan(tuple(binding(x) for x in known), tuple(known))


def _pieces(x: Array) -> list[Array]:
    """The views that a binding may be."""
    if isinstance(x.cell, Choice) and not x.layers:
        found = _pieces(x.cell.then)
        known = {binding(f) for f in found}
        return found + [p for p in _pieces(x.cell.other) if binding(p) not in known]
    return [x]


def _improved_view(plan: Plan, entry: Array, end: Array, frame: Frame, name: str) -> Plan:
    views = aligned(entry, end)
    if views is None:
        raise Unsteady(name)
    first, last = views
    sliced = first.layers != entry.layers
    known = plan.numbers if isinstance(plan, ViewPlan) else tuple(view_numbers(first))
    if len(known) != len(view_numbers(last)):
        known = tuple(view_numbers(first))
    return ViewPlan(
        tuple(
            None if d is None or d != e or not outer_dim(e, frame) else d
            for d, e in zip(known, view_numbers(last), strict=True)
        ),
        sliced,
    )


def _improved_structure(
    plan: Plan, entry: Any, start: Any, end: Any, frame: Frame, name: str
) -> Plan:
    if type(entry) is not type(end):
        raise Unsteady(name)
    keys = tuple(end) if isinstance(end, dict) else tuple(range(len(end)))
    have = tuple(entry) if isinstance(entry, dict) else tuple(range(len(entry)))
    if keys != have:
        raise Resized(name)
    parts = plan.parts if isinstance(plan, Structure) else tuple(first_plan(entry[k]) for k in keys)
    starts = start if isinstance(plan, Structure) else entry
    new = tuple(
        improved(p, entry[k], starts[k], end[k], frame, f"{name}[{k!r}]")
        if isinstance(plan, Structure)
        else _from_entry(entry[k], end[k], frame, f"{name}[{k!r}]")
        for k, p in zip(keys, parts, strict=True)
    )
    return Structure(dict if isinstance(end, dict) else _maker(end), keys, new)


def _from_entry(entry: Any, end: Any, frame: Frame, name: str) -> Plan:
    plan = first_plan(entry)
    return improved(plan, entry, entry, end, frame, name)


def binding(x: Any) -> Any:
    """What identifies an array binding: its storage and layers."""
    return (id(x.cell), x.layers) if isinstance(x, Array) else None
