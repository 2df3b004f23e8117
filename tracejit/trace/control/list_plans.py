"""Plans of lists of which the run decides the length, and of dicts and sets of which it decides the
keys: see ``plans``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field, replace
from typing import Any

from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.ir.types import INDEX
from tracejit.records import dataclass
from tracejit.trace.control.edges import Edge
from tracejit.trace.control.plans import Arrivals, BindingPlan, passed
from tracejit.trace.convert import UNDEFINED
from tracejit.trace.session.session import current
from tracejit.trace.values import containers, table_buffers
from tracejit.trace.values.dynamic_list import (
    ListBuffer,
    ListRef,
    empty_run,
    joined_forms,
    run_of_items,
)
from tracejit.trace.values.list_kinds import ElementKinds
from tracejit.trace.values.list_room import ROOM, of_one_size
from tracejit.trace.values.table_buffers import TableBuffer
from tracejit.trace.values.table_forms import TableForm, common_form
from tracejit.trace.values.tables import as_table
from tracejit.trees import Entries


def list_plan(x: Any) -> BindingPlan | None:
    """The plan of what a list or dict of the run holds; None of anything else. Of a list that has
    items, and it is known how many, it is taken that it keeps as many (see ``wider_list``)."""
    if isinstance(x, ListBuffer):
        is_deque = x.first is not None
        known = type(x.count) is int and x.count > 0 and not is_deque
        return ListPlan(x.form, is_deque, x.count if known else None)
    if isinstance(x, ListRef):
        return RefPlan(x.heap)
    return TablePlan(x.form) if isinstance(x, TableBuffer) else None


def wider_list(plan: BindingPlan, entry: Any, found: BindingPlan) -> BindingPlan | None:
    """``found``, the plan of the items at the end, for those at entry, and of an earlier ``plan``,
    too: how many there are stays known only where that is the same for all. None where nothing
    holds both as they are."""
    if isinstance(found, TablePlan):
        form = common_form({Entries: entry}, {Entries: table_buffers.empty_table(found.form)})
        return found if form == found.form else replace(found, form=form)
    if not isinstance(found, ListPlan):
        return found
    both = found.form if entry.count == 0 else joined_forms(entry.form, found.form)
    if both is None:
        return None
    found = found if both == found.form else replace(found, form=both)
    if found.count is None:
        return found
    before = plan.count if isinstance(plan, ListPlan) else found.count
    alike = before == found.count and entry.count == found.count
    return found if alike else replace(found, count=None)


@dataclass(frozen=True)
class ListPlan(BindingPlan):
    """The items of a list or deque of which the run decides how long it is. ``count``: how long,
    where that is the same on each edge."""

    form: ElementKinds
    is_deque: bool = False
    count: Dim | None = None

    def flatten(self, x: Any, edge: Edge | None = None) -> list[Value]:
        b = current().b
        if x is UNDEFINED:
            run = empty_run(self.form, max(ROOM, self.count) if type(self.count) is int else ROOM)
        else:
            run = run_of_items([x] if isinstance(x, ListBuffer) else x, self.form)
        run = run.of_deque(self.is_deque)
        size, columns = run.columns[0].shape[0], run.columns
        places = [b.index(run.count)] if self.count is None else []
        places += [b.index(run.begin)] if self.is_deque else []
        if any(c.shape[0] != size for c in columns):
            return passed(self, [*of_one_size(columns), *places], edge)
        return passed(self, [b.index(size), *columns, *places], edge)

    def opened(self, entry: Any, given: Arrivals) -> ListBuffer:
        size = given.extent()
        types = [t for kind in self.form[0] for t in kind.types(kind.column(size))]
        columns = [given.take(t) for t in types]
        count = given.extent() if self.count is None else self.count
        return ListBuffer(columns, count, self.form, given.extent() if self.is_deque else None)

    def keeps(self, entry: Any) -> bool:
        return isinstance(entry, ListBuffer)

    def holds(self, x: Any) -> bool:
        """Whether it is a plan for these items, of which no shape is of an earlier trace."""
        known = all(type(n) is int for kind in self.form[0] for n in kind.shape or ())
        if not (known and isinstance(x, ListBuffer)) or self.is_deque != (x.first is not None):
            return False
        return x.form == self.form and self.count in (None, x.count)


@dataclass(frozen=True)
class RefPlan(BindingPlan):
    """A list of a heap: which one changes."""

    heap: Any

    def flatten(self, x: Any, edge: Edge | None = None) -> list[Value]:
        return [current().b.const(0, "i64") if x is UNDEFINED else x.number]

    def opened(self, entry: Any, given: Arrivals) -> ListRef:
        return ListRef(self.heap, given.take(INDEX))

    def keeps(self, entry: Any) -> bool:
        return entry is not UNDEFINED


@dataclass(frozen=True)
class TablePlan(BindingPlan):
    """The entries of a dict or set of which the run decides the keys."""

    form: TableForm

    def flatten(self, x: Any, edge: Edge | None = None) -> list[Value]:
        if x is UNDEFINED:
            table = table_buffers.empty_table(self.form)
        else:
            table = as_table({Entries: x} if isinstance(x, TableBuffer) else x, self.form)
        return passed(self, table_buffers.parts(table), edge)

    def opened(self, entry: Any, given: Arrivals) -> TableBuffer:
        return table_buffers.opened(self.form, given.take)

    def keeps(self, entry: Any) -> bool:
        return isinstance(entry, TableBuffer)


@dataclass(frozen=True)
class AllOf(BindingPlan):
    """All that a list, dict or set like ``like`` holds, ordinary or of the run, as one. ``note`` is
    asked what to keep in mind of each that is made."""

    plan: ListPlan | TablePlan
    like: Any = field(compare=False)
    note: Callable[[Any, Any], Any] = field(compare=False)

    def flatten(self, x: Any, edge: Edge | None = None) -> list[Value]:
        held = x if edge is None else edge.held_in(x)
        return self.plan.flatten(held, edge)

    def opened(self, entry: Any, given: Arrivals) -> Any:
        found = self.plan.opened(UNDEFINED, given)
        contents = {Entries: found} if isinstance(found, TableBuffer) else [found]
        return self.note(containers.like(self.like, contents), UNDEFINED)
