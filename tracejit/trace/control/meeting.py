"""Where bindings of one name meet: the least plan that holds what each edge leaves.

There is one rule for each kind of binding, whatever meets: the sides of a branch, or what a loop
begins with and what its iterations leave. A branch is one such step. A loop takes steps until its
plans hold what an iteration leaves. What each decides by itself are numbers, arrays, and what it
notes of containers that are made anew.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from tracejit.records import dataclass
from tracejit.trace.control.array_plans import SelectPlan
from tracejit.trace.control.chosen_plans import ChosenPlan, chosen_plan
from tracejit.trace.control.grown_texts import plan_of_value
from tracejit.trace.control.list_plans import RefPlan, list_plan, wider_list
from tracejit.trace.control.number_plans import is_any_number
from tracejit.trace.control.objects import has_parts, parts_of, read_parts
from tracejit.trace.control.plans import (
    BindingPlan,
    Lost,
    LostFunction,
    Maybe,
    Structure,
    Unbound,
    is_same,
    maker_of,
)
from tracejit.trace.control.text_plans import plan_of_text, text_plan
from tracejit.trace.control.tuple_plans import are_of_run, items_of, tuple_plan
from tracejit.trace.convert import UNDEFINED
from tracejit.trace.values.all import Array
from tracejit.trace.values.chosen_constants import ChosenConstant, is_choice
from tracejit.trace.values.grown_texts import GrownText
from tracejit.trace.values.list_heap_sites import one_heap
from tracejit.trace.values.marked_texts import is_marked, is_text
from tracejit.trace.values.maybe_unbound import MaybeNone, MaybeUnbound


@dataclass(frozen=True)
class Ends:
    """What a name is bound to: on the first edge, where what is between begins (as the plan has
    it), and on the second edge. Nothing is between the sides of a branch."""

    entry: Any
    start: Any
    end: Any

    def each(self, inner: Callable[[Any], Any]) -> Ends:
        return Ends(inner(self.entry), inner(self.start), inner(self.end))

    @property
    def both(self) -> tuple[Any, Any]:
        return self.entry, self.end


class Meeting(ABC):
    """Two edges that meet, 0 and 1."""

    def met(self, name: str, plan: BindingPlan, x: Ends) -> BindingPlan:
        """The plan that holds what ``plan`` does, and what the second edge leaves."""
        if isinstance(plan, Unbound) or (x.end is x.start and not isinstance(plan, SelectPlan)):
            return plan
        if any(v is UNDEFINED for v in x.both):
            return self.half_bound(name, plan, x)
        unbound = isinstance(plan, Maybe) and not plan.none
        if unbound or any(isinstance(v, MaybeUnbound) for v in x.both):
            inner = plan.plan if isinstance(plan, Maybe) and not plan.none else plan
            return Maybe(name, self.met(name, inner, x.each(bound)))
        if isinstance(plan, Maybe) or any(v is None or isinstance(v, MaybeNone) for v in x.both):
            return self.optional(name, plan, x)
        return self._of_kind(name, plan, x)

    def _of_kind(self, name: str, plan: BindingPlan, x: Ends) -> BindingPlan:
        a, b = x.both
        if is_any_number(a) and is_any_number(b):
            return self.numbers(name, plan, x)
        if isinstance(a, Array) and isinstance(b, Array):
            if a.dtype != b.dtype or a.ndim != b.ndim:
                self.refuse(name, a, b, "give both one dtype and rank")
            return self.arrays_met(name, plan, x)
        if isinstance(a, GrownText) and isinstance(b, GrownText):
            return plan_of_value(a, b) or self.refuse(name, a, b, "join both in one way")
        found = list_plan(b)
        if found is not None and type(a) is type(b):
            if isinstance(found, RefPlan) and a.heap is not b.heap:
                one_heap(a.heap, b.heap)
            wider = wider_list(plan, a, found)
            if wider is None:
                self.refuse(name, a, b, "let all items be of one kind")
            return plan if plan == wider else wider
        if (is_marked(a) or is_marked(b)) and is_text(a) and is_text(b) and a is not b:
            return self.texts(name, plan, x)
        if is_choice(a) and is_choice(b) and not is_same(a, b):
            chosen = chosen_plan(plan, a, b)
            if chosen is not None:
                return chosen
        if are_of_run(a, b):
            return self.tuples(name, plan, x)
        if has_parts(a) and has_parts(b) and maker_of(a) == maker_of(b):
            if isinstance(a, slice) and _given(a) != _given(b):
                self.refuse(name, a, b, "give both of them the same of start, stop and step")
            if factory_of(a) is not factory_of(b):
                self.refuse(name, a, b, "give both one default_factory")
            return self.structures(name, plan, x)
        if is_same(a, b):
            return plan
        if isinstance(a, Lost) or isinstance(b, Lost):
            return LostFunction(name)
        self.refuse(name, a, b, "make both the same kind")

    def tuples(self, name: str, plan: BindingPlan, x: Ends) -> BindingPlan:
        """The plan of a tuple of which the run decides the length."""
        held = [self.held_in(items_of(v), k) for k, v in enumerate(x.both)]
        start = [] if x.start is UNDEFINED or x.start is x.entry else [items_of(x.start)]
        found = tuple_plan(*held, *start)
        if found is None:
            self.refuse(name, *x.both, "make both as long, or let all items be of one kind")
        return plan if plan == found else found

    def texts(self, name: str, plan: BindingPlan, x: Ends) -> BindingPlan:
        """The plan of a text with values of the run in it."""

        def met(known: BindingPlan | None, first: Any, start: Any, last: Any) -> BindingPlan:
            if known is None and first is not UNDEFINED:
                known, start = self.alone(name, first, 0), first
            if known is None or last is UNDEFINED:
                return known or self.alone(name, last)
            return self.met(name, known, Ends(first, start, last))

        found = text_plan(plan, x.entry, x.start, x.end, met)
        if found is None:
            self.refuse(name, *x.both, "collect what they are made of, and make the text outside")
        return plan if plan == found else found

    def parts_met(
        self, name: str, plan: BindingPlan, x: Ends, begins: Callable[[Any], BindingPlan]
    ) -> dict[Any, BindingPlan]:
        """The plans of parts, which have the same keys. ``begins``: the plan of what one begins
        with."""
        known: Mapping[Any, BindingPlan] = {}
        if isinstance(plan, Structure):
            known = dict(zip(plan.keys, plan.parts, strict=True))
        had, has = read_parts(self.held_in(x.entry, 0)), read_parts(self.held_in(x.end, 1))
        starts = parts_of(x.start) if known else had
        return {
            k: self.met(
                part_name(name, x.end, k), known.get(k) or begins(v), Ends(v, starts[k], has[k])
            )
            for k, v in had.items()
        }

    def alone(self, name: str, x: Any, edge: int = 1) -> BindingPlan:
        """The plan of a binding that one edge alone has."""
        if is_any_number(x):
            return self.number(x, edge)
        if isinstance(x, Array):
            return self.array(x, edge)
        if isinstance(x, GrownText):
            of_value = plan_of_value(x)
            assert of_value is not None
            return of_value
        if is_marked(x):
            return plan_of_text(x, lambda value: self.alone(name, value, edge))
        if isinstance(x, ChosenConstant):
            return ChosenPlan(x.choices)
        found = list_plan(x)
        if found is not None:
            return found
        if isinstance(x, MaybeUnbound):
            return Maybe(x.name, self.alone(name, x.value, edge))
        if isinstance(x, MaybeNone):
            return Maybe("", self.alone(name, x.value, edge), none=True)
        if has_parts(x) and self.is_made_anew(x, edge):
            held = read_parts(self.held_in(x, edge))
            parts = {k: self.alone(part_name(name, x, k), v, edge) for k, v in held.items()}
            return self.structure(name, x, parts)
        return self.known(name, x)

    def held_in(self, x: Any, edge: int) -> Any:
        """What a list, dict or object holds on an edge."""
        return x

    # What each meeting decides by itself ----------------------------------------------------------

    @abstractmethod
    def half_bound(self, name: str, plan: BindingPlan, x: Ends) -> BindingPlan:
        """The plan of a name that is unbound on one edge."""

    @abstractmethod
    def optional(self, name: str, plan: BindingPlan, x: Ends) -> BindingPlan:
        """The plan of a name that may be None."""

    @abstractmethod
    def numbers(self, name: str, plan: BindingPlan, x: Ends) -> BindingPlan:
        """The plan of a name that is a number on both edges."""

    @abstractmethod
    def arrays_met(self, name: str, plan: BindingPlan, x: Ends) -> BindingPlan:
        """The plan of a name that is an array on both edges, of one dtype and rank."""

    @abstractmethod
    def structures(self, name: str, plan: BindingPlan, x: Ends) -> BindingPlan:
        """The plan of a name that is a structure of one class on both edges."""

    @abstractmethod
    def refuse(self, name: str, a: Any, b: Any, fix: str) -> NoReturn:
        """Nothing holds both."""

    @abstractmethod
    def number(self, x: Any, edge: int) -> BindingPlan:
        """The plan of a number that one edge alone has."""

    @abstractmethod
    def array(self, x: Array, edge: int) -> BindingPlan:
        """The plan of an array that one edge alone has."""

    @abstractmethod
    def known(self, name: str, x: Any) -> BindingPlan:
        """The plan of what has no parts that are passed."""

    @abstractmethod
    def is_made_anew(self, x: Any, edge: int) -> bool:
        """Whether what one edge alone has is made anew of its parts."""

    @abstractmethod
    def structure(self, name: str, x: Any, parts: Mapping[Any, BindingPlan]) -> Structure:
        """The plan of a structure like ``x`` of these parts."""


def bound(x: Any) -> Any:
    """What a name is bound to where it is."""
    return x.value if isinstance(x, MaybeUnbound) else x


def factory_of(x: Any) -> Any:
    """What makes the values of a defaultdict."""
    return getattr(x, "default_factory", None) if isinstance(x, dict) else None


def _given(x: slice) -> list[bool]:
    """Which of its numbers a slice has."""
    return [v is not None for v in parts_of(x).values()]


def part_name(name: str, x: Any, key: Any) -> str:
    """The name of a part, for messages."""
    if not name:
        return f"item {key!r}"
    return f"{name}[{key!r}]" if isinstance(x, list | tuple | dict) else f"{name}.{key}"
