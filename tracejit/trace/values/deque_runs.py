"""The items of a deque of which the run decides how long it is: a buffer with room on both sides.

A ``ListBuffer`` that begins at a place ``first`` of its columns. What is taken from the left moves
that place. Where the room on a side is used up, the items move to the middle of another buffer,
with room on both sides for as many as there are: so each is moved a few times on average.
"""

from __future__ import annotations

from typing import Any

from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.trace.session.regions import emit_cond
from tracejit.trace.session.session import current
from tracejit.trace.values.dynamic_list import (
    ListBuffer,
    converted,
    form_with,
    put_item,
    rows_of,
)
from tracejit.trace.values.list_room import ROOM, of_one_size


def added(run: ListBuffer, item: Any, *, left: bool) -> ListBuffer:
    """With another item at an end."""
    run = _with_room(converted(run, form_with(run, item)), left)
    count = run.count + 1
    longer = ListBuffer(run.columns, count, run.form, run.begin - 1 if left else run.begin)
    columns = put_item(longer, 0 if left else run.count, item)
    return ListBuffer(columns, count, run.form, longer.begin)


def shortened(run: ListBuffer, most: int, *, left: bool) -> ListBuffer:
    """Of a deque that has ``most`` items all but that at an end; as it is if it has fewer."""
    session = current()
    b = session.b
    full = b.convert(b.op("ge", b.index(run.count), b.const(most, "i64")), "i64")
    count = session.ranges.extent(b.op("sub", b.index(run.count), full)).dim
    if not left:
        return ListBuffer(run.columns, count, run.form, run.begin)
    first = session.ranges.extent(b.op("add", b.index(run.begin), full)).dim
    return ListBuffer(run.columns, count, run.form, first)


def _with_room(run: ListBuffer, left: bool) -> ListBuffer:
    """With room for one more item at an end."""
    session = current()
    b = session.b
    first, count = run.begin, run.count
    if left:
        fits = b.op("gt", b.index(first), b.const(0, "i64"))
    else:
        fits = b.op("lt", b.index(first + count), b.index(run.columns[0].shape[0]))

    def same() -> list[Value]:
        return [*of_one_size(run.columns), session.b.op("copy", session.b.index(first))]

    def moved() -> list[Value]:
        room = count + ROOM
        columns = [_in_the_middle(c, first, count, room) for c in run.columns]
        return [*of_one_size(columns), session.b.op("copy", session.b.index(room))]

    size, *columns, begin = emit_cond(fits, same, moved)
    session.ranges.extent(size, 1)
    return ListBuffer(columns, count, run.form, session.ranges.extent(begin).dim)


def _in_the_middle(column: Value, first: Dim, count: Dim, room: Dim) -> Value:
    """The items of a column in another one with so much room on either side."""
    b = current().b
    rest = column.shape[1:]
    empty = b.op("empty", dtype=column.dtype, shape=(count + room + room, *rest))
    starts = (room, *(0 for _ in rest))
    found: Value = b.op(
        "put_slice", empty, rows_of(column, first, count, 1), *b.bounds(starts, None)
    )
    return found
