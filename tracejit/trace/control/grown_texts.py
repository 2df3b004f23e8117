"""Plans of texts that a loop makes longer, and what shows that it does."""

from __future__ import annotations

from typing import Any

from tracejit.ir.core import Value
from tracejit.records import dataclass
from tracejit.trace.control.edges import Edge
from tracejit.trace.control.list_plans import ListPlan
from tracejit.trace.control.plans import Arrivals, BindingPlan
from tracejit.trace.convert import UNDEFINED
from tracejit.trace.values.chosen_constants import ChosenConstant
from tracejit.trace.values.dynamic_list import form_of
from tracejit.trace.values.grown_texts import GrownText, grown_in, pieces_of
from tracejit.trace.values.marked_texts import apart, chosen_text, texts_of, together


@dataclass(frozen=True)
class GrownPlan(BindingPlan):
    """A text of as many parts as the run says."""

    items: ListPlan
    backwards: bool

    def flatten(self, x: Any, edge: Edge | None = None) -> list[Value]:
        held = x if x is UNDEFINED else pieces_of(x, backwards=self.backwards)
        return self.items.flatten(held, edge)

    def opened(self, entry: Any, given: Arrivals) -> Any:
        items = self.items.opened(UNDEFINED, given)
        return GrownText(items, backwards=self.backwards).as_text()


@dataclass(frozen=True)
class GrownValuePlan(BindingPlan):
    """Such a text as the value that a mark stands for."""

    items: ListPlan
    between: str
    backwards: bool

    def flatten(self, x: Any, edge: Edge | None = None) -> list[Value]:
        return self.items.flatten(x if x is UNDEFINED else x.items, edge)

    def opened(self, entry: Any, given: Arrivals) -> Any:
        items = self.items.opened(UNDEFINED, given)
        return GrownText(items, self.between, backwards=self.backwards)


def plan_of_value(*values: GrownText) -> GrownValuePlan | None:
    """The plan of values of marks that are such texts; None where nothing holds them."""
    form = form_of([x.items for x in values])
    how = {(x.between, x.backwards) for x in values}
    return None if form is None or len(how) > 1 else GrownValuePlan(ListPlan(form), *how.pop())


def shows(x: Any, value: Any) -> bool:
    """Whether a text shows a value, which another text is."""
    return any(v is value for values in texts_of(x).values() for v in values)


def grown_plan(plan: BindingPlan, entry: Any, start: Any, end: Any) -> BindingPlan | None:
    """The plan of a text that the iterations make longer at one end; None where they do not."""
    found = (grown_in(x) for x in (start, end, entry))
    grown = next((x for x in found if x is not None), None)
    if grown is not None:
        backwards = grown.backwards
    elif isinstance(start, ChosenConstant) and shows(end, start):
        longer = _side(start, end)
        if longer is None:
            return None
        backwards, end = longer
    else:
        return None
    pieces = [pieces_of(x, backwards=backwards) for x in (entry, end)]
    runs = [[grown.items]] if grown is not None else []
    form = form_of(*runs, *(p for p in pieces if p is not None))  # those that are known first
    if None in pieces or form is None or form[1] is not None:
        return None
    made = GrownPlan(ListPlan(form), backwards)
    return plan if plan == made else made


def _side(start: ChosenConstant, end: Any) -> tuple[bool, Any] | None:
    """At which end what an iteration begins with is made longer, and by what: backwards, or not."""
    choices = end.choices if isinstance(end, ChosenConstant) else (end,)
    for backwards in (False, True):
        rest = [_rest(start, text, backwards) for text in choices]
        if None not in rest:
            texts = [text for text in rest if text is not None]
            which = end.which if isinstance(end, ChosenConstant) else None
            return backwards, texts[0] if which is None else chosen_text(texts, which)
    return None


def _rest(start: ChosenConstant, text: str, backwards: bool) -> str | None:
    """What a text shows beside the one that it begins or ends with."""
    (texts, hows), values = apart(text)
    at = -1 if backwards else 0
    if not values or values[at] is not start or hows[at] or texts[at]:
        return None
    part = slice(0, -1) if backwards else slice(1, None)
    return together((texts[part], hows[part]), values[part])
