"""Room for more rows in the columns of lists that grow, and rows put there."""

from __future__ import annotations

from collections.abc import Sequence

from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.trace.session.regions import emit_cond
from tracejit.trace.session.session import current

#: How many rows there is room for at first.
ROOM = 8


def with_room(columns: Sequence[Value], count: Dim, more: Dim = 1) -> Sequence[Value]:
    """Buffers with room for so many more, of twice the size where there was none."""
    session = current()
    b = session.b
    size = columns[0].shape[0]
    end = count + more
    if isinstance(size, int) and isinstance(end, int) and end <= size:
        return columns

    def larger() -> list[Value]:
        return of_one_size([_grown(c, more) for c in columns])

    if more == 1:
        fits = b.op("lt", b.index(count), b.index(size))
    else:
        fits = b.op("le", b.index(end), b.index(size))
    found, *grown = emit_cond(fits, lambda: of_one_size(columns), larger)
    session.ranges.extent(found, 1)
    return grown


def _grown(column: Value, more: Dim) -> Value:
    b = current().b
    size, *rest = column.shape
    room = size + ROOM if more == 1 else size + more + ROOM
    empty = b.op("empty", dtype=column.dtype, shape=(room, *rest))
    return b.op("concatenate", column, empty, axis=0)  # type: ignore[no-any-return]


def of_one_size(columns: Sequence[Value]) -> list[Value]:
    """The columns of a run after their extent, the same for all, as a value of its own."""
    session = current()
    b = session.b
    size = session.ranges.extent(b.op("copy", b.index(columns[0].shape[0])))
    message = "an extent changed between a value and itself"
    found = [
        b.op(
            "cast_shape",
            column,
            shape=(size.dim, *column.shape[1:]),
            exc="AssertionError",
            message=message,
        )
        for column in columns
    ]
    return [size, *found]


def put_rows(columns: Sequence[Value], at: Dim, rows: Sequence[Value]) -> list[Value]:
    """The columns with rows from a place on, for which there is room. They are copied before: they
    may lie in the columns themselves, which would be copied then."""
    b = current().b
    return [
        b.op("put_slice", c, b.op("copy", r), *b.bounds((at, *(0 for _ in c.shape[1:])), None))
        for c, r in zip(columns, rows, strict=True)
    ]
