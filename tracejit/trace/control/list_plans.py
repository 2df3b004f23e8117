"""Plans of lists of which the run decides the length, and of dicts and sets of which it decides the
keys: see ``plans``."""

from __future__ import annotations

from typing import Any

from tracejit.ir.core import Value
from tracejit.ir.types import INDEX
from tracejit.records import dataclass
from tracejit.trace.control.carried_storage import EndStorage
from tracejit.trace.control.plans import Arrivals, Plan
from tracejit.trace.convert import UNDEFINED
from tracejit.trace.session.session import current
from tracejit.trace.values import table_buffers
from tracejit.trace.values.dynamic_list import ListBuffer, ListRef, empty_run, of_one_size
from tracejit.trace.values.list_kinds import ElementKinds
from tracejit.trace.values.table_buffers import TableBuffer
from tracejit.trace.values.table_forms import TableForm


@dataclass(frozen=True)
class ListPlan(Plan):
    """The items of a list or deque of which the run decides how long it is."""

    form: ElementKinds
    is_deque: bool = False

    def flatten(self, x: Any, storage: EndStorage | None = None) -> list[Value]:
        b = current().b
        run = (empty_run(self.form) if x is UNDEFINED else x).of_deque(self.is_deque)
        size, columns = run.columns[0].shape[0], run.columns
        places = [b.index(run.count), *([b.index(run.begin)] if self.is_deque else [])]
        if any(c.shape[0] != size for c in columns):
            return [*of_one_size(columns), *places]
        return [b.index(size), *columns, *places]

    def opened(self, entry: Any, given: Arrivals) -> ListBuffer:
        size = given.extent()
        types = [t for kind in self.form[0] for t in kind.types(kind.column(size))]
        columns = [given.take(t) for t in types]
        count = given.extent()
        return ListBuffer(columns, count, self.form, given.extent() if self.is_deque else None)

    def keeps(self, entry: Any) -> bool:
        return isinstance(entry, ListBuffer)


@dataclass(frozen=True)
class RefPlan(Plan):
    """A list of a heap: which one changes."""

    heap: Any

    def flatten(self, x: Any, storage: EndStorage | None = None) -> list[Value]:
        return [current().b.const(0, "i64") if x is UNDEFINED else x.number]

    def opened(self, entry: Any, given: Arrivals) -> ListRef:
        return ListRef(self.heap, given.take(INDEX))

    def keeps(self, entry: Any) -> bool:
        return entry is not UNDEFINED


@dataclass(frozen=True)
class TablePlan(Plan):
    """The entries of a dict or set of which the run decides the keys."""

    form: TableForm

    def flatten(self, x: Any, storage: EndStorage | None = None) -> list[Value]:
        return table_buffers.parts(table_buffers.empty_table(self.form) if x is UNDEFINED else x)

    def opened(self, entry: Any, given: Arrivals) -> TableBuffer:
        return table_buffers.opened(self.form, given.take)

    def keeps(self, entry: Any) -> bool:
        return isinstance(entry, TableBuffer)
