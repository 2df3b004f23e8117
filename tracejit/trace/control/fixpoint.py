"""Finding what a loop carries: plans are widened until they fit the end of an iteration too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tracejit.ir import extent as ex
from tracejit.ir.extent import Dim
from tracejit.records import dataclass
from tracejit.trace.control.array_plans import ArrayPlan, Like, SelectPlan, ViewPlan
from tracejit.trace.control.carried_storage import (
    EndStorage,
    Option,
    Outer,
    SlotName,
    SlotView,
    binding,
    pieces,
)
from tracejit.trace.control.join_arrays import storage_of
from tracejit.trace.control.list_plans import ListPlan, RefPlan, TablePlan
from tracejit.trace.control.number_fixpoint import wider_plan
from tracejit.trace.control.number_plans import Number, Tagged, is_any_number, number_plan
from tracejit.trace.control.objects import is_object, parts_of
from tracejit.trace.control.passed_on import is_passed_on
from tracejit.trace.control.plans import (
    Invariant,
    KnownValue,
    Maybe,
    Plan,
    Structure,
    Unbound,
    is_known,
    maker_of,
)
from tracejit.trace.convert import UNDEFINED
from tracejit.trace.session.frames import Frame
from tracejit.trace.values.all import Array, Cell, TaggedScalar
from tracejit.trace.values.dynamic_list import (
    ListBuffer,
    ListRef,
    form_of,
    is_grown,
    is_ref,
    run_of,
)
from tracejit.trace.values.entries import is_table, table_in
from tracejit.trace.values.maybe_unbound import MaybeNone, MaybeUnbound
from tracejit.trace.values.scalar_join import is_number
from tracejit.trace.values.structured_arrays import StructuredArray
from tracejit.trace.values.table_buffers import TableBuffer
from tracejit.trace.values.table_forms import are_keyed, common_form
from tracejit.trace.values.view_transforms import Gather
from tracejit.trace.views.parameters import aligned, skeleton, view_numbers
from tracejit.trace.views.views import writeability

_MOST_OPTIONS = 6


@dataclass(frozen=True)
class Ending:
    """The end of a traced iteration. ``exact``: names may share storage that is written, so arrays
    are not carried by value but with what they are bound to. ``start``, ``end``: what all variables
    are bound to."""

    frame: Frame
    storage: EndStorage
    exact: bool
    peeled: bool
    start: Sequence[Any]
    end: Sequence[Any]


class NotConverged(Exception):  # noqa: N818
    """No plan fits all iterations: the first one differs. Peel it, or report ``reason``."""


class Resized(NotConverged):
    """A list or dict has another number of items at the end of an iteration."""


class Growing(Resized):
    """A list that is to be one of which the run decides how long it is, or one of a heap, before
    the loop; or a dict or set of which it decides the keys."""

    def __init__(self, name: str, entry: Any, form: Any, proved: bool) -> None:
        super().__init__(name)
        self.entry = entry
        self.form = form
        self.proved = proved


class Escapes(Exception):  # noqa: N818
    """A name is bound to existing storage or to an iteration's own: the loop must be exact."""


# Finding the steady plan --------------------------------------------------------------------------


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


def improved(plan: Plan, entry: Any, start: Any, end: Any, at: Ending, name: str) -> Plan:
    """The plan that also fits the binding at the end of an iteration. NotConverged if none does."""
    if isinstance(plan, Unbound) or (end is start and not isinstance(plan, SelectPlan)):
        return plan
    if isinstance(plan, Maybe) and plan.none is not isinstance(end, MaybeUnbound):
        return _improved_maybe(plan, entry, start, end, at, name)
    if isinstance(end, MaybeNone) or (end is None and entry is not UNDEFINED):
        first = None if end is None else steady_plan(end.value, at)
        if isinstance(first, KnownValue) and entry is not None and not isinstance(entry, MaybeNone):
            first = None  # it is the entry's
        return Maybe(name, first_plan(entry) if first is None else first, none=True)
    if entry is UNDEFINED and isinstance(plan, SelectPlan) and isinstance(end, Array):
        return _exact_plan(plan, end, end, at)
    if entry is UNDEFINED:
        return plan if _fits(plan, end, at) else steady_plan(end, at)
    if isinstance(plan, Invariant) and isinstance(entry, bool):
        return first_plan(entry)
    if isinstance(plan, Number | Tagged) or isinstance(end, TaggedScalar):
        return _improved_number(plan, entry, start, end, at, name)
    if isinstance(end, ListBuffer):
        found = ListPlan(end.form, end.first is not None)
        return plan if plan == found else found
    if isinstance(end, ListRef):
        return RefPlan(end.heap)
    if isinstance(end, TableBuffer):
        return (
            plan if isinstance(plan, TablePlan) and plan.form == end.form else TablePlan(end.form)
        )
    if isinstance(end, Array):
        return _improved_array(plan, entry, start, end, at, name)
    if isinstance(end, tuple | list | dict | StructuredArray) or is_object(end):
        return _improved_structure(plan, entry, start, end, at, name)
    if isinstance(end, MaybeUnbound):
        return Maybe(name, improved(plan, entry, start, end.value, at, name))
    raise NotConverged(name)


def _fits(plan: Plan, end: Any, at: Ending) -> bool:
    try:
        return not isinstance(plan, Invariant) and steady_plan(end, at) == plan
    except NotConverged:
        return False


def steady_plan(end: Any, at: Ending) -> Plan:
    """A plan from the binding at the end alone."""
    if is_any_number(end):
        return first_plan(end)
    if isinstance(end, Array):
        return _plan_of_array(end, at)
    if isinstance(end, ListBuffer):
        return ListPlan(end.form, end.first is not None)
    if isinstance(end, ListRef):
        return RefPlan(end.heap)
    if isinstance(end, TableBuffer):
        return TablePlan(end.form)
    if isinstance(end, tuple | list | dict | StructuredArray) or is_object(end):
        parts = parts_of(end)
        kind = maker_of(end)
        return Structure(kind, tuple(parts), tuple(steady_plan(i, at) for i in parts.values()))
    if isinstance(end, MaybeUnbound):
        return Maybe(end.name, steady_plan(end.value, at))
    if isinstance(end, MaybeNone):
        return Maybe("", steady_plan(end.value, at), none=True)
    return KnownValue(end) if is_known(end) else Invariant()


def _plan_of_array(end: Array, at: Ending) -> Plan:
    """An array is carried by value, unless it may be the caller's: that stays the object it is."""
    cells = {cell for x in pieces(end) for cell in storage_of(x)}
    callers = any(c.arg is not None and not at.storage.made_here(c) for c in cells)
    if at.exact or callers:
        try:
            return _exact_plan(Invariant(), end, end, at)
        except NotConverged:
            gathers = any(isinstance(layer, Gather) for layer in end.layers)
            if callers and isinstance(end.cell, Cell) and not gathers:
                return _moving_view(end, at)
            if at.exact:
                raise
    return slot_plan(None, end, at)


def _moving_view(end: Array, at: Ending) -> ViewPlan:
    """A view that each iteration takes anew of the same storage."""
    numbers = tuple(d if outer_dim(d, at) else None for d in view_numbers(end))
    return ViewPlan(numbers, sliced=False, like=Like(end, end.cell, skeleton(end)))


def slot_plan(plan: ArrayPlan | None, end: Array, at: Ending, slot: SlotName | None = None) -> Plan:
    """An array carried by value, from what it is at the end."""
    known = end.dims if plan is None else plan.dims
    order = layout(end)
    if plan is not None and plan.order != order:
        order = None
    dims = tuple(
        None if d is None or d != e or not outer_dim(e, at) else d
        for d, e in zip(known, end.dims, strict=True)
    )
    if slot is not None and slot.whole and None in dims:
        raise NotConverged("array names that share their storage")  # views of it would not fit
    writeable = writeability(end)
    if plan is not None and plan.writeable != writeable:
        writeable = None
    return ArrayPlan(end.dtype, dims, slot, order, writeable)


def layout(x: Array) -> tuple[int, ...] | None:
    """Axes from slowest to fastest where the elements lie densely, else None."""
    dense = tuple(range(x.ndim))
    step: Dim = 1
    for d, s in zip(reversed(x.dims), reversed(x.strides), strict=True):
        if d != 1 and s != step:
            return x.cell.order if isinstance(x.cell, Cell) and _dense(x) else None
        step = d * step
    return dense


def _dense(x: Array) -> bool:
    return not x.layers and isinstance(x.cell, Cell) and x.cell.packing is None


def outer_dim(dim: Dim, at: Ending) -> bool:
    """Whether an extent does not depend on what the loop's body makes."""
    made = {r for i in at.frame.builder.instrs for r in i.results}
    inner = at.frame.own
    return not any(leaf in made or leaf in inner for leaf in ex.leaves(dim))


def _improved_maybe(plan: Maybe, entry: Any, start: Any, end: Any, at: Ending, name: str) -> Plan:
    inner = [plan.inner(x) for x in (entry, start, end)]
    if inner[2] is UNDEFINED:
        return plan
    return Maybe(name, improved(plan.plan, inner[0], inner[1], inner[2], at, name), plan.none)


def _improved_number(plan: Plan, entry: Any, start: Any, end: Any, at: Ending, name: str) -> Plan:
    if isinstance(end, MaybeUnbound):
        return Maybe(name, _improved_number(plan, entry, start, end.value, at, name))
    if not (isinstance(plan, Number | Tagged | Invariant) and is_any_number(end)):
        raise NotConverged(name)
    if isinstance(plan, Invariant):
        return first_plan(end)

    def passed_on() -> bool:
        return is_passed_on(start, at.start, at.end, at.frame)

    found = wider_plan(plan, entry, end, passed_on, peeled=at.peeled)
    if found is None:
        raise NotConverged(name)
    return found


def _improved_array(plan: Plan, entry: Any, start: Any, end: Array, at: Ending, name: str) -> Plan:
    if not isinstance(entry, Array) or entry.dtype != end.dtype or entry.ndim != end.ndim:
        raise NotConverged(name)
    same = isinstance(start, Array) and binding(start) == binding(end)
    if same and not isinstance(plan, SelectPlan):
        return plan
    if at.exact or isinstance(plan, SelectPlan):
        moved = not isinstance(plan, SelectPlan) and end.cell is entry.cell
        return (
            _improved_view(plan, entry, end, at, name)
            if moved and isinstance(end.cell, Cell)
            else _exact_plan(plan, entry, end, at)
        )
    if not isinstance(plan, ArrayPlan):
        if _picks(entry, end, at):
            return _exact_plan(plan, entry, end, at)
        if end.cell is entry.cell:
            return _improved_view(plan, entry, end, at, name)
    known = (
        plan
        if isinstance(plan, ArrayPlan)
        else ArrayPlan(entry.dtype, entry.dims, order=layout(end), writeable=writeability(entry))
    )
    if not at.peeled and known.writeable != writeability(end):
        raise NotConverged(name)
    return slot_plan(known, end, at)


def _picks(entry: Array, end: Array, at: Ending) -> bool:
    """Whether a name moves between pieces of existing storage, the caller's among them."""
    found = [*pieces(entry), *pieces(end)]
    cells = {cell for x in found for cell in storage_of(x)}
    outer = not any(at.storage.made_here(c) for c in cells)
    return outer and len(cells) > 1 and any(c.arg is not None for c in cells)


def _exact_plan(plan: Plan, entry: Array, end: Array, at: Ending) -> SelectPlan:
    """A plan for a name that is bound to one of several storages."""
    known = list(plan.options) if isinstance(plan, SelectPlan) else []
    if not known and entry is not end:
        known = [Outer(binding(x), x) for x in pieces(entry)]
    for option in (o for x in pieces(end) for o in at.storage.options(x)):
        if isinstance(option, SlotView) and not at.exact:
            raise Escapes
        if option not in known:
            known.append(option)
    for option in known:
        _must_be_steady(option, at)
    if len(known) > _MOST_OPTIONS:
        raise NotConverged("an array name")
    names = list(at.storage.arrays)
    slots = [o for o in known if isinstance(o, SlotView)]
    outer = [o for o in known if isinstance(o, Outer)]
    return SelectPlan((*sorted(slots, key=lambda o: names.index(o.slot.name)), *outer))


def _must_be_steady(option: Option, at: Ending) -> None:
    """Which part of its storage a name is bound to must not depend on the iteration."""
    view = option.view
    if isinstance(option, SlotView) and not option.layers:
        return
    moves = any(not outer_dim(n, at) for n in view_numbers(view))
    if moves or any(isinstance(layer, Gather) for layer in option.view.layers):
        raise NotConverged("an array name")


def _improved_view(plan: Plan, entry: Array, end: Array, at: Ending, name: str) -> Plan:
    views = aligned(entry, end)
    if views is None:
        raise NotConverged(name)
    first, last = views
    sliced = (first.layers, last.layers) != (entry.layers, end.layers)
    known = plan.numbers if isinstance(plan, ViewPlan) else tuple(view_numbers(first))
    if len(known) != len(view_numbers(last)):
        known = tuple(view_numbers(first))
    return ViewPlan(
        tuple(
            None if d is None or d != e or not outer_dim(e, at) else d
            for d, e in zip(known, view_numbers(last), strict=True)
        ),
        sliced,
    )


def _improved_structure(
    plan: Plan, entry: Any, start: Any, end: Any, at: Ending, name: str
) -> Plan:
    kind = maker_of(end)
    if type(entry) is not type(end) or maker_of(entry) != kind:
        raise NotConverged(name)
    _must_not_grow(entry, end, name, at)
    had, has = parts_of(entry), parts_of(end)
    if tuple(had) != tuple(has):
        raise Resized(name)
    if not isinstance(plan, Structure):
        new = (_from_entry(x, has[k], at, f"{name}[{k!r}]") for k, x in had.items())
        return Structure(kind, tuple(has), tuple(new))
    starts = parts_of(start)
    parts = tuple(
        improved(p, had[k], starts[k], has[k], at, f"{name}[{k!r}]")
        for k, p in zip(has, plan.parts, strict=True)
    )
    return Structure(kind, tuple(has), parts)


def _must_not_grow(entry: Any, end: Any, name: str, at: Ending) -> None:
    """Growing for a list of which iterations change the length, or the form; or a table."""
    other_keys = isinstance(end, dict) and at.peeled and list(entry) != list(end)
    if isinstance(end, dict) and other_keys and not (is_table(entry) or is_table(end)):
        if are_keyed(entry, end):
            raise Growing(name, entry, common_form(entry, end), proved=False)
    elif isinstance(end, dict) and (is_table(entry) or is_table(end)):
        table_form = common_form(entry, end)
        if not (is_table(entry) and table_in(entry).form == table_form):
            raise Growing(name, entry, table_form, proved=True)
        return
    if type(end) is not list:
        return
    if is_ref(end) and not is_ref(entry):
        raise Growing(name, entry, end[0].heap, proved=True)
    if is_ref(end):
        return
    forms = [run_of(x).form if is_grown(x) else None for x in (entry, end)]
    if forms[0] == forms[1] and (forms[0] is not None or len(entry) == len(end)):
        return
    form = form_of(entry, end)
    if form is not None and not all(outer_dim(d, at) for k in form[0] for d in k.shape or ()):
        form = None  # iterations make arrays of other shapes
    if form is not None and form != forms[0]:
        raise Growing(name, entry, form, is_grown(end))


def _from_entry(entry: Any, end: Any, at: Ending, name: str) -> Plan:
    plan = first_plan(entry)
    return improved(plan, entry, entry, end, at, name)
