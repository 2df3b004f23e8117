"""The plan of a text with values of the run in it, of which the run may choose one of several."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tracejit.ir.core import Value
from tracejit.ir.types import TensorType, dtype_of
from tracejit.records import dataclass
from tracejit.trace.control.edges import Edge
from tracejit.trace.control.plans import Arrivals, BindingPlan, Placeholders
from tracejit.trace.convert import UNDEFINED
from tracejit.trace.session.session import current
from tracejit.trace.values.chosen_constants import MOST_CHOICES
from tracejit.trace.values.marked_texts import (
    Between,
    as_text,
    chosen_text,
    place_of_text,
    texts_of,
    together,
)

#: The plan of a value: what is known of it, and its name on the first edge, where what is between
#: begins, and on the second.
Met = Callable[[BindingPlan | None, Any, Any, Any], BindingPlan]


@dataclass(frozen=True)
class TextPlan(BindingPlan):
    """One of some texts, passed as its place among them and the values in each of them."""

    texts: tuple[tuple[Between, tuple[BindingPlan, ...]], ...]

    def flatten(self, x: Any, edge: Edge | None = None) -> list[Value]:
        held = _texts_of(x)
        places = [between for between, _ in self.texts]
        if any(between not in places for between in held):  # as it was, where it was made longer
            x = as_text(x)
            held = texts_of(x)
        found = [] if len(places) == 1 else [_place(x, places)]
        for between, plans in self.texts:
            values = held.get(between, (UNDEFINED,) * len(plans))
            for plan, value in zip(plans, values, strict=True):
                found += plan.flatten(value, edge)
        return found

    def opened(self, entry: Any, given: Arrivals) -> Any:
        which = None if len(self.texts) == 1 else given.take(TensorType(dtype_of("i64")))
        made = [
            together(between, [plan.rebuild(UNDEFINED, given) for plan in plans])
            for between, plans in self.texts
        ]
        if which is None:
            return made[0]
        return chosen_text(made, which, carried=isinstance(given, Placeholders))


def text_plan(plan: BindingPlan, entry: Any, start: Any, end: Any, met: Met) -> TextPlan | None:
    """The plan of what is a text on two edges, and holds what ``plan`` does; None where these are
    too many. ``met``: see ``Met``."""
    known = dict(plan.texts) if isinstance(plan, TextPlan) else {}
    first, begun, last = (_texts_of(x) for x in (entry, start, end))
    found: list[tuple[Between, tuple[BindingPlan, ...]]] = []
    for between in dict.fromkeys([*known, *first, *last]):
        nothing = (UNDEFINED,) * len(between[1])
        plans = known.get(between, (None,) * len(between[1]))
        rows = (x.get(between, nothing) for x in (first, begun if known else first, last))
        found.append((between, tuple(map(met, plans, *rows))))
    return TextPlan(tuple(found)) if len(found) <= MOST_CHOICES else None


def plan_of_text(x: Any, alone: Callable[[Any], BindingPlan]) -> TextPlan:
    """The plan of what is such a text on one edge. ``alone``: the plan of a value of it."""
    return TextPlan(tuple((k, tuple(map(alone, values))) for k, values in texts_of(x).items()))


def _texts_of(x: Any) -> dict[Between, tuple[Any, ...]]:
    return {} if x is UNDEFINED else texts_of(x)


def _place(x: Any, places: list[Between]) -> Value:
    return current().b.const(0, "i64") if x is UNDEFINED else place_of_text(x, places)
