"""What holds the entries of a dict or set of which the run decides the keys (see ``tables``), and
what loops, branches and lists take of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tracejit.ir import extent as ex
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.ir.types import INDEX, TensorType
from tracejit.trace.session.regions import emit_cond, yielded
from tracejit.trace.session.session import current
from tracejit.trace.values.dynamic_list import ListBuffer
from tracejit.trace.values.entries import AllEntries, refuse
from tracejit.trace.values.list_kinds import Kind, by_part
from tracejit.trace.values.table_forms import TableForm

#: How many entries a new table has room for: a power of two.
ROOM = 8


class TableBuffer(AllEntries):
    """All entries: ``columns`` have ``room`` for the parts of keys, then of values, of at least
    ``count`` entries, of which ``used`` are not gone."""

    __slots__ = ("columns", "count", "form", "slots", "used")

    def __init__(
        self,
        form: TableForm,
        slots: Value,
        columns: Sequence[Value],
        count: Dim,
        used: Dim | None = None,
    ) -> None:
        self.form = form
        self.slots = slots
        self.columns = tuple(columns)
        self.count = count
        self.used = count if used is None else used

    @property
    def room(self) -> Dim:
        return self.columns[0].shape[0]

    @property
    def _split(self) -> int:
        return len(self.form.keys[0])

    @property
    def key_columns(self) -> tuple[Value, ...]:
        return self.columns[: self._split]

    @property
    def value_columns(self) -> tuple[Value, ...]:
        return self.columns[self._split : len(self.columns) - self.form.removes]

    def by_part(self) -> Iterator[tuple[Kind, list[Value]]]:
        """The kind of each part of keys and values, with its columns."""
        columns = (*self.key_columns, *self.value_columns)
        return by_part((*self.form.keys[0], *self.form.values[0]), columns)

    @property
    def keys(self) -> ListBuffer:
        """The keys, those that are gone, too."""
        return ListBuffer(self.key_columns, self.count, self.form.keys)

    @property
    def values(self) -> ListBuffer:
        """The values, those that are gone, too."""
        return ListBuffer(self.value_columns, self.count, self.form.values)

    @property
    def live(self) -> Value:
        """Whether each entry is there."""
        assert self.form.removes
        return self.columns[-1]

    def with_columns(
        self, columns: Sequence[Value], slots: Value | None = None, **counts: Dim
    ) -> TableBuffer:
        """The same table with other contents."""
        count = counts.get("count", self.count)
        used = counts.get("used", self.used if self.form.removes else count)
        return TableBuffer(self.form, self.slots if slots is None else slots, columns, count, used)


def empty_table(form: TableForm, room: int = ROOM) -> TableBuffer:
    """No entries yet."""
    b = current().b
    columns = [b.op("empty", dtype=t.dtype, shape=t.shape) for t in form.columns(room)]
    slots = b.full(-1, TensorType(INDEX.dtype, (2 * room,)))
    return TableBuffer(form, slots, columns, 0, 0)


# What loops and branches carry --------------------------------------------------------------------


def opened(form: TableForm, make: Callable[[TensorType], Value]) -> TableBuffer:
    """A table of values that ``make`` makes, extents first."""
    extent = current().ranges.extent
    room = extent(make(INDEX), ROOM).dim
    slots = make(TensorType(INDEX.dtype, (room * 2,)))
    columns = [make(t) for t in form.columns(room)]
    count = extent(make(INDEX)).dim
    return TableBuffer(
        form, slots, columns, count, extent(make(INDEX)).dim if form.removes else count
    )


def parts(table: TableBuffer) -> list[Value]:
    """The values of a table, in the order of ``opened``."""
    b = current().b
    counts = [table.count, table.used] if table.form.removes else [table.count]
    return [b.index(table.room), table.slots, *table.columns, *map(b.index, counts)]


def own_parts(table: TableBuffer) -> list[Value]:
    """The same for the end of a branch."""
    stand_ins: list[Value] = []

    def stand_in(type_: TensorType) -> Value:
        stand_ins.append(Value(type_))
        return stand_ins[-1]

    opened(table.form, stand_in)
    return yielded(stand_ins, parts(table))


def either(
    pred: Value, form: TableForm, then: Callable[[], TableBuffer], other: Callable[[], TableBuffer]
) -> TableBuffer:
    """One of two tables."""
    found = iter(emit_cond(pred, lambda: own_parts(then()), lambda: own_parts(other())))
    return opened(form, lambda _: next(found))


# Entries in order ---------------------------------------------------------------------------------


def places(table: TableBuffer) -> Value | None:
    """Where the entries are that are not gone; None where all are there."""
    if not table.form.removes:
        return None
    b = current().b
    live = b.slice(table.live, (0,), (table.count,))
    return b.op("nonzero", live, b.index(table.used))[1]  # type: ignore[no-any-return]


def compacted(table: TableBuffer, room: Dim | None = None) -> TableBuffer:
    """Without the entries that are gone; with room for so many, if other than before."""
    order = places(table)
    if order is None and room is None:
        return table
    b = current().b
    room = table.room if room is None else room
    columns = []
    for column in table.columns:
        kept = column if order is None else b.op("gather", column, order, axes=(0,))
        rest = b.op("sub", b.index(room), b.index(kept.shape[0])).dim
        more = b.op("empty", dtype=column.dtype, shape=(rest, *column.shape[1:]))
        whole = b.op("concatenate", kept, more, axis=0)
        columns.append(b.reshape(whole, (room, *column.shape[1:])))
    slots = b.op("key_slots", b.index(table.used), *columns[: len(table.key_columns)])
    return TableBuffer(table.form, slots, columns, table.used, table.used)


def listed(table: TableBuffer, which: str) -> list[Any]:
    """The keys, values or items in order, as what a list holds whose length the run decides."""
    columns = {
        "keys": table.key_columns,
        "values": table.value_columns,
        "items": (*table.key_columns, *table.value_columns),
    }[which]
    order = places(table)
    b = current().b
    if order is not None:
        columns = tuple(b.op("gather", c, order, axes=(0,)) for c in columns)
    form = {"keys": table.form.keys, "values": table.form.values}.get(which)
    if form is None:
        parts = [f[0] for f in (table.form.keys, table.form.values)]
        makes = [f[1] for f in (table.form.keys, table.form.values)]
        if makes != [None, None]:
            refuse("a list of the items, of which some are tuples,")
        form = (*parts[0], *parts[1]), tuple
    return [ListBuffer(columns, table.used, form)]


def entry_count(table: TableBuffer) -> Dim:
    """How many entries there are."""
    return ex.emax(table.used, 0) if isinstance(table.used, int) else table.used
