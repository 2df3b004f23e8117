"""The plan of a text, or a member of an enumeration, that the run chooses among known ones."""

from __future__ import annotations

from typing import Any

from tracejit.ir.core import Value
from tracejit.ir.types import TensorType, dtype_of
from tracejit.records import dataclass
from tracejit.trace.control.edges import Edge
from tracejit.trace.control.plans import Arrivals, BindingPlan, KnownValue, Placeholders
from tracejit.trace.convert import UNDEFINED
from tracejit.trace.session.session import current
from tracejit.trace.values.chosen_constants import (
    ChosenConstant,
    is_choice,
    place_among,
    united,
)


@dataclass(frozen=True)
class ChosenPlan(BindingPlan):
    """One of ``choices``, passed as its place among them."""

    choices: tuple[Any, ...]

    def has(self, x: Any) -> bool:
        """Whether a binding is one of them, in each run."""
        return is_choice(x) and united(*self.choices, x) == self.choices

    def flatten(self, x: Any, edge: Edge | None = None) -> list[Value]:
        if x is UNDEFINED:
            return [current().b.const(0, "i64")]
        return [place_among(x, self.choices)]

    def opened(self, entry: Any, given: Arrivals) -> Any:
        which = given.take(TensorType(dtype_of("i64")))
        return ChosenConstant(self.choices, which, carried=isinstance(given, Placeholders))


def chosen_plan(plan: BindingPlan, *values: Any) -> BindingPlan | None:
    """The plan of what is one of some constants, and holds what ``plan`` does; None where they are
    not of one class, or too many."""
    before: tuple[Any, ...] = ()
    if isinstance(plan, ChosenPlan):
        before = plan.choices
    elif isinstance(plan, KnownValue):
        before = (plan.value,)
    found = united(*before, *(x for x in values if x is not UNDEFINED))
    if found is None:
        return None
    made = ChosenPlan(found)
    return plan if made == plan else made
