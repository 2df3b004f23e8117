"""The plan of a tuple that is longer on one edge than on another: the run decides how long."""

from __future__ import annotations

from typing import Any

from tracejit.ir.core import Value
from tracejit.records import dataclass
from tracejit.trace.control.edges import Edge
from tracejit.trace.control.list_plans import ListPlan
from tracejit.trace.control.objects import made_object
from tracejit.trace.control.plans import Arrivals, BindingPlan
from tracejit.trace.convert import UNDEFINED
from tracejit.trace.session.session import current
from tracejit.trace.values import containers
from tracejit.trace.values.dynamic_list import form_of
from tracejit.trace.values.run_tuples import RunTuple


@dataclass(frozen=True)
class TuplePlan(BindingPlan):
    """All items of a tuple, as of a list."""

    items: ListPlan

    def flatten(self, x: Any, edge: Edge | None = None) -> list[Value]:
        return self.items.flatten(x if x is UNDEFINED else items_of(x, edge), edge)

    def opened(self, entry: Any, given: Arrivals) -> Any:
        session = current()
        items = containers.made(session, [self.items.opened(UNDEFINED, given)])
        return made_object(session, RunTuple, {"items": items})


def are_of_run(a: Any, b: Any) -> bool:
    """Whether two tuples are so that only the run knows how long what is one of them is."""
    both = (type(a), type(b))
    return set(both) <= {tuple, RunTuple} and (RunTuple in both or len(a) != len(b))


def items_of(x: Any, edge: Edge | None = None) -> list[Any]:
    """The items of a tuple."""
    if not isinstance(x, RunTuple):
        return list(x)
    items: list[Any] = x.items
    return items if edge is None else edge.held_in(items)


def tuple_plan(*items: list[Any]) -> TuplePlan | None:
    """The plan that holds the items of several tuples; None where nothing does."""
    form = form_of(*items)
    if form is None or any(kind.lists is not None for kind in form[0]):
        return None
    return TuplePlan(ListPlan(form))
