"""Lists of which the run decides how long they are: buffers with room to grow, and a count.

Such a list holds one object while it is traced, a ``ListBuffer``, which stands for all of its
items (``list_kinds`` says what they can be). It is a value: what changes the list makes another.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NoReturn, TypeGuard

import numpy as np

from tracejit.errors import UnsupportedError
from tracejit.ir import extent as ex
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.ir.types import dtype_of
from tracejit.trace.session.regions import emit_cond
from tracejit.trace.session.registry import LIST_ROWS
from tracejit.trace.session.session import current, where
from tracejit.trace.session.tracer import Steps, Tracer
from tracejit.trace.values import containers
from tracejit.trace.values.arrays import Array
from tracejit.trace.values.list_kinds import (
    ElementKinds,
    Kind,
    is_of_one_kind,
    is_part,
    keep_as_it_is,
    kind_of,
    parts_of_item,
)
from tracejit.trace.values.scalar_join import joined_number, meeting_kind

_ROOM = 8
_NOTHING = object()


class ListBuffer(Tracer):
    """All items of a list: ``columns`` have room for the parts of at least ``count`` items.
    ``constant``: the parts of a constant that all items are, where that is known (``[0] * n``)."""

    __slots__ = ("columns", "constant", "count", "form")

    def __init__(
        self,
        columns: Sequence[Value],
        count: Dim,
        form: ElementKinds,
        constant: tuple[Any, ...] | None = None,
    ) -> None:
        self.columns = tuple(columns)
        self.count = count
        self.form = form
        self.constant = constant

    @property
    def examples(self) -> list[Any]:
        """Parts that an item may have."""
        return list(self.constant or (k.example() for k in self.form[0]))

    def read(self) -> NoReturn:
        refuse("this")

    def steps(self) -> Steps:
        known = current().ranges.at_least(self.count, 0)
        count = self.count if known else ex.emax(self.count, 0)
        return Steps(count, lambda i: item_at(self, i))

    def __iter__(self) -> NoReturn:
        refuse("this")

    def __bool__(self) -> NoReturn:
        refuse("this")

    def __repr__(self) -> str:
        return "<items of a list>"

    __str__ = __repr__


def refuse(what: str) -> NoReturn:
    """Something cannot be done with a list of which the run decides how long it is."""
    raise UnsupportedError(
        f"{where()}: {what} of a list whose length is known at run time only: use a `for` "
        "statement, or make an array of it with np.array"
    )


def is_grown(x: Any) -> TypeGuard[list[Any]]:
    """Whether ``x`` is a list of which the run decides how long it is."""
    return type(x) is list and any(type(i) is ListBuffer for i in x)


def run_of(x: list[Any]) -> ListBuffer:
    """The items of a grown list. What ``+`` of lists put beside one another becomes one."""
    if len(x) > 1:
        for run in x:
            if type(run) is ListBuffer:
                share_rows(run)
        form = form_of(x)
        if form is None:
            refuse("items of unlike kinds")
        replace_items(x, run_of_items(x, form))
    _row_of(x)
    found: ListBuffer = x[0]
    return found


def _row_of(x: list[Any]) -> Any:
    """Where a list is from that is a row of a list of lists; it must still be there."""
    return LIST_ROWS["found"](x) if id(x) in current().rows else None


def replace_items(x: list[Any], run: ListBuffer) -> None:
    """Other items for a list."""
    row = _row_of(x)
    if row is not None:
        LIST_ROWS["write"](row, run)
        return
    session = current()
    by_value = run.form[1] is list or any(k.shape is not None for k in run.form[0])
    if by_value and session.outside.path_of(x) is not None:
        raise UnsupportedError(
            f"{where()}: a list of arrays or lists that is an argument changes in a loop or branch "
            "that is decided at run time: build a new list, and return it"
        )
    containers.touch(session, x)
    x[:] = [run]


# Forms --------------------------------------------------------------------------------------------


def form_of(*lists: Iterable[Any]) -> ElementKinds | None:
    """What holds all items of some lists; None where nothing does, or there are none."""
    found: tuple[list[Any], type | None] | None = None
    empty: ElementKinds | None = None
    runs = [i for items in lists for i in items if type(i) is ListBuffer]
    exact = any(kind.exact for run in runs for kind in run.form[0])
    last: Any = _NOTHING
    for item in (i for items in lists for i in items):
        if item is last:
            continue
        last = item
        if type(item) is ListBuffer:
            if item.count == 0:
                empty = item.form
                continue
            parts, make = item.examples, item.form[1]
        else:
            parts, make = parts_of_item(item)
        if not all(map(is_part, parts)):
            return None
        if found is None:
            found = parts, make
            continue
        if (len(parts), make) != (len(found[0]), found[1]):
            return None
        for k, (a, b) in enumerate(zip(found[0], parts, strict=True)):
            if kind_of(a) != kind_of(b):
                if exact:
                    refuse("an item of another kind")
                both = _joined(a, b)
                if both is None:
                    return None
                found[0][k] = both.example()
    if found is None:
        return empty
    return tuple(kind_of(x, exact=exact) for x in found[0]), found[1]


def _joined(a: Any, b: Any) -> Kind | None:
    """What holds two parts of unlike kinds."""
    if type(a) is list and type(b) is list:
        mine, theirs = kind_of(a), kind_of(b)
        examples = (Kind(k.joined).example() for k in (mine, theirs))
        kind = joined_number(*examples) if mine.shape == theirs.shape else None
        return None if kind is None else Kind(kind, shape=mine.shape, row=True)
    if isinstance(a, Array | list) or isinstance(b, Array | list):
        return None
    kind = joined_number(a, b)
    return None if kind is None else Kind(kind)


def empty_run(form: ElementKinds, room: int = _ROOM) -> ListBuffer:
    """No items yet."""
    b = current().b
    columns = [b.op("empty", dtype=k.dtype, shape=k.column(room)) for k in form[0]]
    return ListBuffer(columns, 0, form)


def form_alike(items: Sequence[Any]) -> ElementKinds | None:
    """The form of the items as they are, if one holds them all without a conversion."""
    if not items:
        return None
    first, make = parts_of_item(items[0])
    for k, item in enumerate(items):
        if k and item is items[k - 1]:
            continue
        parts, other = parts_of_item(item)
        if (len(parts), other) != (len(first), make) or not all(map(is_of_one_kind, parts)):
            return None
        if any(kind_of(a) != kind_of(b) for a, b in zip(first, parts, strict=True)):
            return None
    return tuple(map(kind_of, first)), make


def laid_out(items: Sequence[Any], form: ElementKinds) -> ListBuffer:
    """Items, no runs among them, one after the other."""
    b = current().b
    rows = [_parts(x, form) for x in items]
    if not any(isinstance(x, Tracer | list) for row in rows for x in row):
        columns = []
        for k, kind in enumerate(form[0]):
            values = [row[k] for row in rows]
            try:
                columns.append(b.const(np.array(values, kind.dtype), kind.dtype))
            except OverflowError:
                columns.append(_joined_parts(values, kind))
        same = all(repr(row) == repr(rows[0]) for row in rows)
        return ListBuffer(columns, len(items), form, tuple(rows[0]) if same else None)
    columns = [_joined_parts([row[k] for row in rows], kind) for k, kind in enumerate(form[0])]
    return ListBuffer(columns, len(items), form)


def _joined_parts(parts: Sequence[Any], kind: Kind) -> Value:
    b = current().b
    values = [b.reshape(kind.value(x), kind.column(1)) for x in parts]
    return b.op("concatenate", *values, axis=0) if len(values) > 1 else values[0]


def repeated(items: Sequence[Any], form: ElementKinds, times: Dim) -> ListBuffer:
    """The items, no runs among them, so many times."""
    b = current().b
    run = laid_out(items, form)
    n = len(items)
    columns = []
    for kind, column in zip(form[0], run.columns, strict=True):
        shape = kind.column(n)
        every = b.broadcast(column, (times, *shape), range(1, len(shape) + 1))
        columns.append(b.reshape(every, kind.column(times * n)))
    return ListBuffer(columns, times * n, form, run.constant)


def run_of_items(items: Sequence[Any], form: ElementKinds) -> ListBuffer:
    """The items of an ordinary list, Runs among them, in a form that holds them all."""
    if items and not any(type(x) is ListBuffer for x in items):
        return laid_out(items, form)
    first, *rest = items or [None]
    if type(first) is ListBuffer:
        run = converted(first, form)
    else:
        run, rest = empty_run(form, max(_ROOM, len(items))), list(items)
    for item in rest:
        if type(item) is ListBuffer:
            run = extended(run, converted(item, form))
        else:
            run = _put_last(run, item, form)
    return run


def alike(before: Any, after: Any) -> Any:
    """What a name is bound to at the end of a loop's body, as a run where it is at the start."""
    if not is_grown(before) or type(after) is not list or is_grown(after):
        return after
    form = form_of(before, after)
    return after if form is None else [run_of_items(after, form)]


def converted(run: ListBuffer, form: ElementKinds) -> ListBuffer:
    """The same items as numbers of other kinds."""
    if run.form == form:
        return run
    if run.count == 0:
        return empty_run(form)
    b = current().b
    columns = [b.convert(c, k.dtype) for c, k in zip(run.columns, form[0], strict=True)]
    return ListBuffer(columns, run.count, form, run.constant)


# Items --------------------------------------------------------------------------------------------


def appended(run: ListBuffer, item: Any) -> ListBuffer:
    """With another item at the end."""
    form = form_of([run], [item]) or _form_for_now(run, item)
    return _put_last(converted(run, form), item, form)


def _put_last(run: ListBuffer, item: Any, form: ElementKinds) -> ListBuffer:
    roomy = ListBuffer([_with_room(c, run.count) for c in run.columns], run.count, form)
    return ListBuffer(put_item(roomy, run.count, item), run.count + 1, form)


def _parts(item: Any, form: ElementKinds) -> Sequence[Any]:
    if form[1] is list:
        keep_as_it_is(item)
    return item if form[1] else (item,)


def _put(column: Value, at: Dim, part: Any, kind: Kind) -> Value:
    b = current().b
    value = b.reshape(kind.value(part), kind.column(1))
    starts = (at, *(0 for _ in kind.shape or ()))
    return b.op("put_slice", column, value, *b.bounds(starts, None))  # type: ignore[no-any-return]


def _form_for_now(run: ListBuffer, item: Any) -> ElementKinds:
    """What holds the items where another kind comes. A loop's body may be traced again with the
    kind that its numbers settle on; otherwise this is refused."""
    error = UnsupportedError(
        f"{where()}: a list whose length is known at run time only holds numbers of one kind, "
        "arrays of one dtype and shape, or tuples or lists of these: convert what is appended, or "
        "keep several lists"
    )
    other = form_of([item])
    if other is None or (len(other[0]), other[1]) != (len(run.form[0]), run.form[1]):
        raise error
    pairs = zip(run.form[0], other[0], strict=True)
    kinds = [_meeting(a, b) for a, b in pairs]
    if any(k is None for k in kinds):
        raise error
    current().refuse_later(error)
    return tuple(k for k in kinds if k is not None), run.form[1]


def _meeting(a: Kind, b: Kind) -> Kind | None:
    if a == b or a.shape is not None or b.shape is not None:
        return a if a == b else None
    kind = meeting_kind(a.example(), b.example())
    return None if kind is None else Kind(kind)


def _with_room(column: Value, count: Dim) -> Value:
    """A buffer with room for one more, of twice the size where there was none."""
    session = current()
    b = session.b
    size = column.shape[0]
    if isinstance(size, int) and isinstance(count, int) and count < size:
        return column

    def same() -> list[Value]:
        return _sized(column)

    def larger() -> list[Value]:
        b = session.b
        more = b.op("empty", dtype=column.dtype, shape=(size + _ROOM, *column.shape[1:]))
        return _sized(b.op("concatenate", column, more, axis=0))

    fits = b.op("lt", b.index(count), b.index(size))
    found, grown = emit_cond(fits, same, larger)
    session.ranges.extent(found, 1)
    return grown


def _sized(column: Value) -> list[Value]:
    """A buffer after its extent, which is a value of its own."""
    session = current()
    b = session.b
    size = session.ranges.extent(b.op("copy", b.index(column.shape[0])))
    message = "an extent changed between a value and itself"
    shape = (size.dim, *column.shape[1:])
    found = b.op("cast_shape", column, shape=shape, exc="AssertionError", message=message)
    return [size, found]


def extended(run: ListBuffer, other: ListBuffer) -> ListBuffer:
    """The items of two runs of one form."""
    assert run.form == other.form
    share_rows(run)
    pairs = zip(parts_of(run), parts_of(other), strict=True)
    columns = [current().b.op("concatenate", a, z, axis=0) for a, z in pairs]
    return ListBuffer(columns, run.count + other.count, run.form)


def parts_of(run: ListBuffer) -> list[Value]:
    """The columns without the room that is left."""
    return [_rows(c, 0, run.count, 1) for c in run.columns]


def _rows(column: Value, start: Dim, count: Dim, step: Dim) -> Value:
    rest = column.shape[1:]
    zeros, ones = [0 for _ in rest], [1 for _ in rest]
    return current().b.slice(column, (start, *zeros), (count, *rest), (step, *ones))


def share_rows(run: ListBuffer) -> None:
    """Lists that are items are in another list as well."""
    if any(k.row for k in run.form[0]):
        LIST_ROWS["share"]()


def window(run: ListBuffer, start: Dim, step: Dim, count: Dim) -> ListBuffer:
    """Some of the items, in range."""
    share_rows(run)
    columns = [_rows(c, start, count, step) for c in run.columns]
    return ListBuffer(columns, count, run.form, run.constant)


def item_at(run: ListBuffer, i: Dim) -> Any:
    """One item, in range."""
    b = current().b
    values = [b.reshape(_rows(c, i, 1, 1), c.shape[1:]) for c in run.columns]
    parts = [k.part(v) for k, v in zip(run.form[0], values, strict=True)]
    if run.form[1] is None:
        return parts[0]
    item = run.form[1](parts)
    if run.form[1] is list:
        keep_as_it_is(containers.made(current(), item))
    return item


def with_item(run: ListBuffer, i: Dim, item: Any) -> ListBuffer:
    """With another item at a place, in range."""
    form = form_of([run], [item]) or _form_for_now(run, item)
    run = converted(run, form)
    return ListBuffer(put_item(run, i, item), run.count, form)


def put_item(run: ListBuffer, i: Dim, item: Any) -> list[Value]:
    """The columns with an item at a place, which the form holds."""
    parts = zip(run.columns, _parts(item, run.form), run.form[0], strict=True)
    return [_put(column, i, part, kind) for column, part, kind in parts]


def array_of(run: ListBuffer) -> Value:
    """``np.array`` of the list: one row for each array, tuple or list."""
    kinds, make = run.form
    columns = parts_of(run)
    if make is None:
        return columns[0]
    if any(k.shape is not None for k in kinds):
        refuse("an array of tuples that hold arrays")
    b = current().b
    dtype = dtype_of(np.result_type(*(k.dtype for k in kinds)))
    rows = [b.reshape(b.convert(c, dtype), (run.count, 1)) for c in columns]
    return rows[0] if len(rows) == 1 else b.op("concatenate", *rows, axis=1)
