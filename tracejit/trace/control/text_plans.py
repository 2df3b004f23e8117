"""The plan of a text with values of the run in it, of which the run may choose one of several."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tracejit.ir.core import Value
from tracejit.ir.types import TensorType, dtype_of
from tracejit.records import dataclass
from tracejit.trace.control.edges import Edge
from tracejit.trace.control.plans import Arrivals, BindingPlan
from tracejit.trace.convert import UNDEFINED
from tracejit.trace.session.session import current
from tracejit.trace.values.chosen_constants import MOST_CHOICES, ChosenConstant
from tracejit.trace.values.marked_texts import Between, apart, chosen_text, together

#: The values of each of the texts that one may be.
Texts = dict[Between, tuple[Any, ...]]
#: The plan of a value: what is known of it, and its name on the first edge, where what is between
#: begins, and on the second.
Met = Callable[[BindingPlan | None, Any, Any, Any], BindingPlan]


@dataclass(frozen=True)
class TextPlan(BindingPlan):
    """One of some texts, passed as its place among them and the values in each of them."""

    texts: tuple[tuple[Between, tuple[BindingPlan, ...]], ...]

    def flatten(self, x: Any, edge: Edge | None = None) -> list[Value]:
        held = texts_of(x)
        places = [between for between, _ in self.texts]
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
        return made[0] if which is None else chosen_text(made, which)


def text_plan(plan: BindingPlan, entry: Any, start: Any, end: Any, met: Met) -> TextPlan | None:
    """The plan of what is a text on two edges, and holds what ``plan`` does; None where these are
    too many. ``met``: see ``Met``."""
    known = dict(plan.texts) if isinstance(plan, TextPlan) else {}
    first, begun, last = (texts_of(x) for x in (entry, start, end))
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


def texts_of(x: Any) -> Texts:
    """The texts that one may be."""
    if x is UNDEFINED:
        return {}
    return dict(map(apart, x.choices if isinstance(x, ChosenConstant) else (x,)))


def _place(x: Any, places: list[Between]) -> Value:
    """Which of these texts it is."""
    b = current().b
    if x is UNDEFINED:
        return b.const(0, "i64")
    if not isinstance(x, ChosenConstant):
        return b.const(places.index(apart(x)[0]), "i64")
    found = [b.const(places.index(apart(text)[0]), "i64") for text in x.choices]
    *most, place = found
    for flag, other in zip(reversed(x.flags), reversed(most), strict=True):
        place = b.op("select", flag, other, place)
    return place
