"""Dicts and sets of which the run decides the keys: entries in columns, and slots to find them by.

While it is traced such a dict or set holds one thing (``entries`` says how), a ``TableBuffer``:
all of its entries in the order in which they came. It is a value: what changes the dict makes
another. ``ir/ops/tables.py`` says how a key is found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tracejit.dtypes import is_inexact
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.ir.ops.tables import GONE
from tracejit.ir.types import TensorType
from tracejit.trace.session.regions import emit_cond
from tracejit.trace.session.session import current
from tracejit.trace.values.all import lift
from tracejit.trace.values.dynamic_list import item_at, put_item
from tracejit.trace.values.entries import is_table, table_in
from tracejit.trace.values.list_kinds import parts_of_item
from tracejit.trace.values.table_buffers import (
    ROOM,
    TableBuffer,
    compacted,
    empty_table,
    opened,
    own_parts,
)
from tracejit.trace.values.table_forms import (
    NOTHING,
    TableForm,
    entries_of,
    form_of_entries,
)
from tracejit.trace.values.table_keys import KeyPlace, note, place_of, sought


def as_table(contents: Any, form: TableForm) -> TableBuffer:
    """A dict or set, plain or not, as a table of a form that holds its entries."""
    if is_table(contents):
        return converted(table_in(contents), form)
    keys, values = entries_of(contents)
    room = ROOM
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
    live = table.live if table.form.removes else None
    for (kind, mine), new in zip(table.by_part(), kinds, strict=True):
        columns += kind.converted(mine, new, table.count, live)
    if form.removes:
        here = TensorType(np.dtype(bool), (table.room,))
        columns.append(table.live if table.form.removes else b.full(True, here))
    slots = table.slots
    if others:
        slots = b.op("key_slots", b.index(table.count), *columns[: len(form.keys[0])])
    return TableBuffer(form, slots, columns, table.count, table.used)


# Entries ------------------------------------------------------------------------------------------


def value_at(table: TableBuffer, place: Dim) -> Any:
    """The value of the entry at a place; None where all are."""
    return None if table.form.values == NOTHING else item_at(table.values, place)


def key_at(table: TableBuffer, place: Dim) -> Any:
    """The key of the entry at a place."""
    b = current().b
    key = item_at(table.keys, place)
    parts, _ = parts_of_item(key)
    note(table, [lift(x).value for x in parts], KeyPlace(b.index(place), None, True))
    return key


def with_item(table: TableBuffer, key: Any, value: Any) -> TableBuffer:
    """With an entry: a new one at the end where there is none of that key."""
    table = converted(table, form_of_entries([key], [value], table.form))
    parts = _as_they_are(table, key)
    found = place_of(table, parts)
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
    note(made, parts, KeyPlace(at, slot, True))
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
        room = current().ranges.extent(found, ROOM).dim
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
