"""Finding what a loop carries: plans are widened until they fit the end of an iteration too."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, replace
from types import FunctionType
from typing import Any, NoReturn

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
)
from tracejit.trace.control.choices import binding, pieces
from tracejit.trace.control.chosen_plans import ChosenPlan
from tracejit.trace.control.grown_texts import GrownPlan, grown_plan, shows
from tracejit.trace.control.held_contents import (
    Target,
    common_target,
    holds_texts_of,
    is_held,
    refers_below,
)
from tracejit.trace.control.list_plans import list_plan
from tracejit.trace.control.meeting import Ends, Meeting, bound
from tracejit.trace.control.number_fixpoint import wider_plan
from tracejit.trace.control.number_plans import Number, Tagged, is_any_number, number_plan
from tracejit.trace.control.objects import parts_of
from tracejit.trace.control.passed_on import is_passed_on
from tracejit.trace.control.plans import (
    BindingPlan,
    Invariant,
    KnownValue,
    Lost,
    LostFunction,
    Maybe,
    Older,
    Structure,
    carried_on,
    is_known,
    maker_of,
)
from tracejit.trace.convert import UNDEFINED
from tracejit.trace.session.frames import Frame
from tracejit.trace.session.registry import LIST_HEAPS
from tracejit.trace.session.session import current
from tracejit.trace.values import containers
from tracejit.trace.values.all import Array, Cell
from tracejit.trace.values.chosen_constants import ChosenConstant
from tracejit.trace.values.dynamic_list import is_grown, is_ref
from tracejit.trace.values.entries import is_table
from tracejit.trace.values.list_kinds import ElementKinds
from tracejit.trace.values.marked_texts import is_marked
from tracejit.trace.values.maybe_unbound import MaybeNone, MaybeUnbound
from tracejit.trace.values.program_names import held_by_caller, known_elsewhere
from tracejit.trace.values.scalar_join import is_number
from tracejit.trace.values.selected_storage import storage_of
from tracejit.trace.values.table_forms import TableForm
from tracejit.trace.values.view_transforms import Gather
from tracejit.trace.views.parameters import aligned, skeleton, view_numbers
from tracejit.trace.views.views import writeability

_MOST_OPTIONS = 6


class NotConverged(Exception):  # noqa: N818
    """No plan fits all iterations: the first one differs. Peel it, or report ``reason``."""


class Resized(NotConverged):
    """A list or dict, ``entry`` before the loop, has another number of items at the end of an
    iteration."""

    def __init__(self, name: str, entry: Any = None) -> None:
        super().__init__(name)
        self.entry = entry


class TextGrows(NotConverged):
    """An iteration makes a text of what it begins with that is not only longer at one end."""


class Growing(Resized):
    """A list that is to be one of which the run decides how long it is, or one of a heap, before
    the loop; or a dict or set of which it decides the keys. ``others``: more of them."""

    def __init__(self, name: str, entry: Any, target: Target | None, proved: bool) -> None:
        super().__init__(name, entry)
        self.target = target
        self.proved = proved
        self.held = parts_of(entry)
        self.others: list[Growing] = []

    def is_as_found(self) -> bool:
        """Whether it may still be made so: it holds what it did, and no list is among that."""
        now = parts_of(self.entry)
        kept = list(now) == list(self.held) and all(now[k] is x for k, x in self.held.items())
        return kept and self.target is not None and not refers_below(self.target)


class Escapes(Exception):  # noqa: N818
    """A name is bound to existing storage or to an iteration's own: the loop must be exact."""


def first_plan(x: Any) -> BindingPlan:
    """An initial plan from the binding at entry: numbers change, arrays stay."""
    if is_any_number(x):
        return number_plan(x)
    if isinstance(x, ChosenConstant) and not is_marked(x):
        return ChosenPlan(x.choices)
    if isinstance(x, tuple) and any(is_number(i) for i in x):
        parts = tuple(first_plan(i) for i in x)
        return Structure(type(x), tuple(range(len(x))), parts, like=x)
    if isinstance(x, MaybeUnbound):
        return Maybe(x.name, first_plan(x.value))
    if isinstance(x, MaybeNone):
        return Maybe("", first_plan(x.value), none=True)
    return list_plan(x) or Invariant()


@dataclass(frozen=True)
class Ending(Meeting):
    """The end of a traced iteration, which meets what the loop begins with. ``exact``: names may
    share storage that is written, so arrays are not carried by value but with what they are bound
    to. ``start``, ``ends``: what all variables are bound to. ``key``: the loop's. ``unrolls``: that
    is done where a list or tuple becomes longer. ``growing``: what is to hold what the run decides
    (a list, a dict), for which there is no plan yet. ``box``: the list or dict of which these are
    the contents, if they are no variable's. ``before``: what the variables are bound to and hold
    before the loop, by identity. ``anew``: names that iterations bind, each to something else than
    any other before the loop. ``left``: what an end is in the program, by identity, where it was
    put in another form."""

    frame: Frame
    storage: EndStorage
    exact: bool
    peeled: bool
    start: Sequence[Any]
    ends: Sequence[Any]
    key: Any
    unrolls: bool
    growing: list[Growing] = field(default_factory=list)
    box: Any = None
    before: frozenset[int] = frozenset()
    anew: frozenset[str] = frozenset()
    left: Mapping[int, Any] = field(default_factory=dict)

    def half_bound(self, name: str, plan: BindingPlan, x: Ends) -> BindingPlan:
        if x.end is UNDEFINED:
            return plan if isinstance(plan, Maybe) and not plan.none else Maybe(name, plan)
        if isinstance(plan, Maybe) and not plan.none:
            inner = Ends(UNDEFINED, bound(x.start), bound(x.end))
            return Maybe(plan.name, self.half_bound(name, plan.plan, inner))
        if isinstance(plan, SelectPlan) and isinstance(x.end, Array):
            return _exact_plan(plan, x.end, x.end, self)
        found = self.alone(name, x.end)
        return plan if found == plan else found

    def optional(self, name: str, plan: BindingPlan, x: Ends) -> BindingPlan:
        if isinstance(plan, Maybe):
            inner = x.each(plan.inner)
            return plan if inner.end is UNDEFINED else self._some(name, plan.plan, inner)
        if x.entry is None and not isinstance(x.end, MaybeNone):
            raise NotConverged(name)
        if x.entry is None or isinstance(x.entry, MaybeNone):
            return Maybe(name, self.alone(name, x.end.value), none=True)
        if x.end is None:
            return Maybe(name, plan, none=True)
        return self._some(name, plan, Ends(x.entry, x.start, x.end.value))

    def _some(self, name: str, plan: BindingPlan, x: Ends) -> BindingPlan:
        return Maybe(name, self.met(name, plan, x), none=True)

    def numbers(self, name: str, plan: BindingPlan, x: Ends) -> BindingPlan:
        if not isinstance(plan, Number | Tagged):
            return number_plan(x.entry)

        def passed_on() -> bool:
            return is_passed_on(x.start, self.start, self.ends, self.frame)

        found = wider_plan(plan, x.entry, x.end, passed_on, peeled=self.peeled)
        if found is None:
            raise NotConverged(name)
        return found

    def arrays_met(self, name: str, plan: BindingPlan, x: Ends) -> BindingPlan:
        return _improved_array(plan, x.entry, x.start, x.end, self, name)

    def structures(self, name: str, plan: BindingPlan, x: Ends) -> BindingPlan:
        entry, end = x.both
        if current().loop_is(self.key, "shared") and self._becomes_shared(name, entry):
            return self._noted(plan, Growing(name, entry, None, proved=True))
        held, last = (parts_of(v) if isinstance(v, set) else v for v in x.both)
        target = common_target(held, last) if _grows(end) else None
        table = is_table(entry) or is_table(end)
        if isinstance(target, TableForm) and not (table or self.peeled):
            target = None  # the first iteration by itself first
        if isinstance(target, tuple) and not self._has_shapes(target):
            target = LIST_HEAPS["by_reference"](target)
            target = target if self._has_shapes(target) else None
        if target is not None and holds_texts_of(held, target):
            target = held[0].form
        if target is not None and not is_held(held, target):
            return self._noted(plan, Growing(name, entry, target, table or is_grown(end)))
        if tuple(parts_of(entry)) != tuple(parts_of(end)):
            raise Resized(name, entry)
        found = self.structure(name, end, self.parts_met(name, plan, x, first_plan))
        known = plan.older if isinstance(plan, Structure) else Older()
        return replace(found, older=known.with_all(found.older.of.values()))

    def texts(self, name: str, plan: BindingPlan, x: Ends) -> BindingPlan:
        found = grown_plan(plan, x.entry, x.start, x.end)
        if found is not None:
            return found
        if isinstance(plan, GrownPlan) or (
            isinstance(x.start, ChosenConstant) and shows(x.end, x.start)
        ):
            raise TextGrows(name)
        return super().texts(name, plan, x)

    def tuples(self, name: str, plan: BindingPlan, x: Ends) -> BindingPlan:
        if self.unrolls and all(type(v) is tuple for v in x.both):
            raise Resized(name)
        return super().tuples(name, plan, x)

    def _noted(self, plan: BindingPlan, found: Growing) -> BindingPlan:
        self.growing.append(found)
        return plan

    def _becomes_shared(self, name: str, entry: Any) -> bool:
        """Whether a list that the loop begins with is one that others know: so they share it."""
        return (
            type(entry) is list
            and not is_ref(entry)
            and _is_known_elsewhere(name, entry, self.box, self.anew)
        )

    def _has_shapes(self, form: ElementKinds) -> bool:
        """Whether arrays in a list have shapes that are the same in all iterations."""
        return all(outer_dim(d, self) for kind in form[0] for d in kind.shape or ())

    def refuse(self, name: str, a: Any, b: Any, fix: str) -> NoReturn:
        raise NotConverged(name)

    def number(self, x: Any, edge: int) -> BindingPlan:
        return number_plan(x)

    def array(self, x: Array, edge: int) -> BindingPlan:
        return _plan_of_array(x, self)

    def known(self, name: str, x: Any) -> BindingPlan:
        if is_known(x):
            return KnownValue(x)
        if isinstance(x, FunctionType | Lost):
            return LostFunction(name)
        raise NotConverged(name)

    def is_made_anew(self, x: Any, edge: int) -> bool:
        return True

    def structure(self, name: str, x: Any, parts: Mapping[Any, BindingPlan]) -> Structure:
        left = self.left.get(id(x), x)
        found = structure_plan(name, x, parts, self.key, self.box, left, self.anew)
        return replace(found, older=Older().with_all(self._older(name, x)))

    def _older(self, name: str, x: Any) -> Iterator[Any]:
        """What was there before the loop of what the end of an iteration may leave."""
        session = current()
        for one in containers.stands_for(session, self.left.get(id(x), x)).values():
            if id(one) in self.before or _is_known_elsewhere(name, one, self.box, self.anew):
                yield one


def structure_plan(
    name: str,
    x: Any,
    parts: Mapping[Any, BindingPlan],
    key: Any,
    box: Any,
    left: Any,
    anew: frozenset[str] = frozenset(),
) -> Structure:
    """A list, dict or object that the loop at ``key`` puts together of ``parts``. ``x``: what an
    iteration leaves, and ``left`` what that is in the program, which may be what another variable
    began with. ``box``: the list or dict that they are in, if it is not bound anew. ``anew``: names
    that are bound to other things than before the loop."""

    def noted(made: Any, *older: Any) -> Any:
        session = current()
        each = [one for y in (*older, left) for one in containers.stands_for(session, y).values()]
        for one in each:
            if not is_ref(one) and _is_known_elsewhere(name, one, box, anew):
                containers.joined(session, made, (one, one), key)
        return carried_on(made, *each)

    return Structure(maker_of(x), tuple(parts), tuple(parts.values()), noted, x)


def _is_known_elsewhere(name: str, x: Any, box: Any, anew: frozenset[str]) -> bool:
    """Whether another name than the one that it is bound to, or to a part of, knows a list."""
    root = name.partition("[")[0]
    session, changes = current(), isinstance(x, list | deque | dict | set)
    return changes and (known_elsewhere(session, x, root, anew) or held_by_caller(session, x, box))


def _grows(x: Any) -> bool:
    """Whether it may hold what the run decides: no list of a class of the program's."""
    return type(x) in (list, deque) or isinstance(x, dict | set)


# Arrays -------------------------------------------------------------------------------------------


def _plan_of_array(end: Array, at: Ending) -> BindingPlan:
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


def slot_plan(
    plan: ArrayPlan | None, end: Array, at: Ending, slot: SlotName | None = None
) -> BindingPlan:
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
    for d, s in zip(reversed(x.dims), reversed(x.element_strides), strict=True):
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


def _improved_array(
    plan: BindingPlan, entry: Any, start: Any, end: Array, at: Ending, name: str
) -> BindingPlan:
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


def _exact_plan(plan: BindingPlan, entry: Array, end: Array, at: Ending) -> SelectPlan:
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


def _improved_view(
    plan: BindingPlan, entry: Array, end: Array, at: Ending, name: str
) -> BindingPlan:
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
