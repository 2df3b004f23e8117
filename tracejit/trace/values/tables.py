"""Dicts and sets of which the run decides the keys: entries in columns, and slots to find them by.

While it is traced such a dict or set holds one thing (``entries`` says how), a ``TableBuffer``:
all of its entries in the order in which they came. It is a value: what changes the dict makes
another. ``ir/ops/tables.py`` says how a key is found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tracejit.dtypes import is_complex, is_inexact, is_integer, is_signed
from tracejit.errors import UnsupportedError
from tracejit.ir import extent as ex
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.ir.ops.tables import GONE
from tracejit.ir.types import INDEX, TensorType
from tracejit.trace.session.plain import is_plain_value
from tracejit.trace.session.regions import emit_cond
from tracejit.trace.session.session import current, where
from tracejit.trace.session.tracer import Tracer
from tracejit.trace.values.all import lift
from tracejit.trace.values.dynamic_list import ListBuffer, item_at, put_item
from tracejit.trace.values.entries import AllEntries, is_table, refuse, table_in
from tracejit.trace.values.list_kinds import Kind, by_part, parts_of_item
from tracejit.trace.values.scalar_join import is_number
from tracejit.trace.values.scalars import TaggedScalar
from tracejit.trace.values.table_forms import (
    NOTHING,
    TableForm,
    entries_of,
    form_of_entries,
    must_hash,
)

#: How many entries a new table has room for: a power of two.
_ROOM = 8


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


# Making -------------------------------------------------------------------------------------------


def empty_table(form: TableForm, room: int = _ROOM) -> TableBuffer:
    """No entries yet."""
    b = current().b
    columns = [b.op("empty", dtype=t.dtype, shape=t.shape) for t in form.columns(room)]
    slots = b.full(-1, TensorType(INDEX.dtype, (2 * room,)))
    return TableBuffer(form, slots, columns, 0, 0)


def as_table(contents: Any, form: TableForm) -> TableBuffer:
    """A dict or set, plain or not, as a table of a form that holds its entries."""
    if is_table(contents):
        return converted(table_in(contents), form)
    keys, values = entries_of(contents)
    room = _ROOM
    while room < len(keys):
        room *= 2
    table = empty_table(form, room)
    for key, value in zip(keys, values, strict=True):
        table = with_item(table, key, value)
    return table


def converted(table: TableBuffer, form: TableForm) -> TableBuffer:
    """The same entries as numbers of other kinds."""
    if table.form == form:
        return table
    b = current().b
    others = table.form.keys != form.keys
    if others:
        table = compacted(table)
    columns: list[Value] = []
    kinds = [*form.keys[0], *form.values[0]]
    for (kind, mine), new in zip(table.by_part(), kinds, strict=True):
        columns += kind.converted(mine, new)
    if form.removes:
        here = TensorType(np.dtype(bool), (table.room,))
        columns.append(table.live if table.form.removes else b.full(True, here))
    slots = table.slots
    if others:
        slots = b.op("key_slots", b.index(table.count), *columns[: len(form.keys[0])])
    return TableBuffer(form, slots, columns, table.count, table.used)


# What loops and branches carry --------------------------------------------------------------------


def opened(form: TableForm, make: Callable[[TensorType], Value]) -> TableBuffer:
    """A table of values that ``make`` makes, extents first."""
    extent = current().ranges.extent
    room = extent(make(INDEX), _ROOM).dim
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
    """The same for the end of a branch: the room is a value of its own there."""
    session = current()
    b = session.b
    size = session.ranges.extent(b.op("copy", b.index(table.room)), _ROOM)
    message = "an extent changed between a value and itself"

    def sized(value: Value, n: Dim) -> Value:
        shape = (n, *value.shape[1:])
        found: Value = b.op("cast_shape", value, shape=shape, exc="AssertionError", message=message)
        return found

    _, slots, *rest = parts(table)
    split = len(table.columns)
    columns = [sized(c, size.dim) for c in rest[:split]]
    counts = [b.op("copy", n) for n in rest[split:]]
    return [size, sized(slots, size.dim * 2), *columns, *counts]


def either(
    pred: Value, form: TableForm, then: Callable[[], TableBuffer], other: Callable[[], TableBuffer]
) -> TableBuffer:
    """One of two tables."""
    found = iter(emit_cond(pred, lambda: own_parts(then()), lambda: own_parts(other())))
    return opened(form, lambda _: next(found))


# Keys ---------------------------------------------------------------------------------------------


def sought(table: TableBuffer, key: Any) -> tuple[list[Value], bool | Value]:
    """The parts of a key in the kinds of the columns, and whether it can be there at all."""
    parts, make = parts_of_item(key)
    must_hash(key)
    for part in parts:
        _must_be_known(part)
    kinds, mine = table.form.keys
    if make != mine or len(parts) != len(kinds) or not all(map(is_number, parts)):
        return [], False
    b = current().b
    found: list[Value] = []
    possible: bool | Value = True
    for part, kind in zip(parts, kinds, strict=True):
        value, exact = _exactly(part, kind)
        found.append(value)
        if exact is False:
            return [], False
        if isinstance(exact, Value):
            if isinstance(possible, Value):
                exact = b.op("bitwise_and", possible, exact)
            possible = exact
    return found, possible


def _must_be_known(x: Any) -> None:
    """UnsupportedError for what may be several things."""
    if isinstance(x, TaggedScalar) or not (is_number(x) or is_plain_value(x) or type(x) is tuple):
        refuse("a key that is not known to be one number, or a tuple of numbers,")


def _exactly(x: Any, kind: Kind) -> tuple[Value, bool | Value]:
    """A number as one of another kind, and whether it is equal to it."""
    if not isinstance(x, Tracer):
        return _constant(x, kind)
    b = current().b
    value = lift(x).value
    if is_complex(value.dtype):
        raise UnsupportedError(f"{where()}: a complex number is looked for among keys")
    if value.dtype == kind.dtype:
        return value, True
    other = b.convert(value, kind.dtype)
    same = b.op("eq", b.convert(other, value.dtype), value)
    signs = {v.dtype: is_signed(v.dtype) for v in (value, other) if is_integer(v.dtype)}
    if len(set(signs.values())) == 2:
        for each in (value, other):
            if is_signed(each.dtype):
                same = b.op("bitwise_and", same, b.op("ge", each, b.const(0, each.dtype)))
    return other, same


def _constant(x: Any, kind: Kind) -> tuple[Value, bool]:
    b = current().b
    with np.errstate(all="ignore"):
        try:
            found = np.asarray(x).astype(kind.dtype)
        except OverflowError:
            return b.const(0, kind.dtype), False
    return b.const(found, kind.dtype), bool(found.item() == x)


@dataclass(frozen=True)
class KeyPlace:
    """Where a key is in a table, if it is ``there``. ``slot``: None where nobody looked for it."""

    place: Value
    slot: Value | None
    there: bool | Value


def find(table: TableBuffer, key: Any) -> KeyPlace:
    """Where a key is in a table."""
    parts, possible = sought(table, key)
    if possible is False or table.count == 0:
        nowhere = current().b.const(-1, "i64")
        return KeyPlace(nowhere, nowhere, False)
    found = _found(table, parts)
    if isinstance(possible, bool) or isinstance(found.there, bool):
        return found if possible is True else replace(found, there=found.there and possible)
    return replace(found, there=current().b.op("bitwise_and", found.there, possible))


def _found(table: TableBuffer, parts: Sequence[Value]) -> KeyPlace:
    """What ``find_key`` says, or has said of these values."""
    session = current()
    b = session.b
    key = (table.slots, *parts)
    for frame in reversed(session.frames):
        if key in frame.found:
            known: KeyPlace = frame.found[key]
            truth = None if isinstance(known.there, bool) else session.truth_of(known.there)
            return known if truth is None else replace(known, there=truth)
    place, slot = b.op("find_key", table.slots, *table.key_columns, *parts)
    return _note(table, parts, KeyPlace(place, slot, b.op("ge", place, b.const(0, "i64"))))


def _note(table: TableBuffer, parts: Sequence[Value], found: KeyPlace) -> KeyPlace:
    current().frame.found[table.slots, *parts] = found
    return found


# Entries ------------------------------------------------------------------------------------------


def value_at(table: TableBuffer, place: Dim) -> Any:
    """The value of the entry at a place; None where all are."""
    return None if table.form.values == NOTHING else item_at(table.values, place)


def key_at(table: TableBuffer, place: Dim) -> Any:
    """The key of the entry at a place."""
    b = current().b
    key = item_at(table.keys, place)
    parts, _ = parts_of_item(key)
    _note(table, [lift(x).value for x in parts], KeyPlace(b.index(place), None, True))
    return key


def with_item(table: TableBuffer, key: Any, value: Any) -> TableBuffer:
    """With an entry: a new one at the end where there is none of that key."""
    table = converted(table, form_of_entries([key], [value], table.form))
    parts = _as_they_are(table, key)
    found = _found(table, parts)
    if found.there is True:
        return with_value(table, found.place.dim, value)
    table, place, slot = _with_room(table, parts, found)
    b = current().b
    absent = b.op("lt", place, b.const(0, "i64"))
    count = b.index(table.count)
    at = b.op("select", absent, count, place)
    slots = _put(table.slots, slot, at)
    columns = []
    for column, part in zip(table.key_columns, parts, strict=True):
        if is_inexact(column.dtype):  # the key stays the zero that it is
            was = b.reshape(b.slice(column, (at.dim,), (1,)), ())
            part = b.op("select", absent, part, was)
        columns.append(_put(column, at, part))
    columns += put_item(table.values, at.dim, value)
    new = b.convert(absent, "i64")
    extent = current().ranges.extent
    counts = {"count": extent(b.op("add", count, new)).dim}
    if table.form.removes:
        columns.append(_put(table.live, at, b.const(True, "bool")))
        counts["used"] = extent(b.op("add", b.index(table.used), new)).dim
    made = table.with_columns(columns, slots, **counts)
    _note(made, parts, KeyPlace(at, slot, True))
    return made


def _as_they_are(table: TableBuffer, key: Any) -> list[Value]:
    """The parts of a key that a table's form holds."""
    parts, _ = parts_of_item(key)
    pairs = zip(parts, table.form.keys[0], strict=True)
    return [v for part, kind in pairs for v in kind.values(part)]


def with_value(table: TableBuffer, place: Dim, value: Any) -> TableBuffer:
    """With another value for the entry at a place."""
    form = form_of_entries([], [value], table.form)
    table = converted(table, form)
    columns = [*table.key_columns, *put_item(table.values, place, value)]
    return table.with_columns([*columns, table.live] if table.form.removes else columns)


def _put(column: Value, at: Value, part: Value) -> Value:
    b = current().b
    found: Value = b.op("put_slice", column, b.reshape(part, (1,)), *b.bounds((at,), None))
    return found


def _with_room(
    table: TableBuffer, parts: Sequence[Value], found: KeyPlace
) -> tuple[TableBuffer, Value, Value]:
    """With room for one more entry, twice as much where there was none; and where the key is then,
    or the slot where it will be."""
    session = current()
    b = session.b
    assert found.slot is not None
    slot = found.slot
    if session.ranges.at_least(table.room, table.count + 1):
        return table, found.place, slot
    fits = b.op("lt", b.index(table.count), b.index(table.room))
    if isinstance(found.there, Value):
        fits = b.op("bitwise_or", fits, found.there)

    def same() -> list[Value]:
        return [*own_parts(table), found.place, slot]

    def larger() -> list[Value]:
        more = _larger(table)
        where = session.b.op("find_key", more.slots, *more.key_columns, *parts)
        return [*own_parts(more), *where]

    results = iter(emit_cond(fits, same, larger))
    made = opened(table.form, lambda _: next(results))
    return made, next(results), next(results)


def _larger(table: TableBuffer) -> TableBuffer:
    b = current().b
    room: Dim = table.room * 2
    if table.form.removes:  # twice as much where more than half of it is used
        many = b.op("gt", b.index(table.used * 2), b.index(table.room))
        found = b.op("select", many, b.index(room), b.index(table.room))
        room = current().ranges.extent(found, _ROOM).dim
    return compacted(table, room)


# Entries that go ----------------------------------------------------------------------------------


def removing(table: TableBuffer) -> TableBuffer:
    """A table whose entries may be gone."""
    return converted(table, replace(table.form, removes=True))


def without(table: TableBuffer, place: Value, slot: Value) -> TableBuffer:
    """Without the entry at a place, in a table whose entries may be gone."""
    b = current().b
    slots = _put(table.slots, slot, b.const(GONE, "i64"))
    columns = [*table.columns[:-1], _put(table.live, place, b.const(False, "bool"))]
    return table.with_columns(columns, slots, used=table.used - 1)


def slot_of(table: TableBuffer, key: Any) -> Value:
    """The slot of a key that is there."""
    parts, _ = sought(table, key)
    found: Value = current().b.op("find_key", table.slots, *table.key_columns, *parts)[1]
    return found


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
