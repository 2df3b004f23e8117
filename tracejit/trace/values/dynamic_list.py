"""Lists of which the run decides how long they are: buffers with room to grow, and a count; and
deques (``deque_runs``).

Such a list holds one object while it is traced, a ``ListBuffer``, which stands for all of its
items (``list_kinds`` says what they can be). It is a value: what changes the list makes another.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any, NoReturn, TypeGuard

import numpy as np

from tracejit.errors import UnsupportedError
from tracejit.ir import extent as ex
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.ir.types import dtype_of
from tracejit.trace.session.registry import LIST_HEAPS, LIST_ROWS
from tracejit.trace.session.session import current, where
from tracejit.trace.session.tracer import Steps, Tracer
from tracejit.trace.values import containers
from tracejit.trace.values.list_kinds import (
    ElementKinds,
    Kind,
    by_part,
    is_part,
    joined,
    keep_as_it_is,
    kind_of,
    parts_of_item,
)
from tracejit.trace.values.list_room import ROOM, put_rows, with_room

_NOTHING = object()
_PLAIN = (bool, int, float, complex)


class AllItems(Tracer):
    """What stands for all items of a list."""

    __slots__ = ()

    def read(self) -> NoReturn:
        refuse("this")

    def __iter__(self) -> NoReturn:
        refuse("this")

    def __bool__(self) -> NoReturn:
        refuse("this")

    def __repr__(self) -> str:
        return "<items of a list>"

    __str__ = __repr__


class ListBuffer(AllItems):
    """All items of a list: ``columns`` have room for the parts of at least ``count`` items.
    ``first``: where those of a deque begin."""

    __slots__ = ("columns", "count", "first", "form")

    def __init__(
        self, columns: Sequence[Value], count: Dim, form: ElementKinds, first: Dim | None = None
    ) -> None:
        self.columns = tuple(columns)
        self.count = count
        self.form = form
        self.first = first

    @property
    def begin(self) -> Dim:
        """Where the items begin in the columns."""
        return 0 if self.first is None else self.first

    def of_deque(self, is_deque: bool) -> ListBuffer:
        """The same items as those of a deque, or of a list."""
        if is_deque == (self.first is not None):
            return self
        if is_deque:
            return ListBuffer(self.columns, self.count, self.form, 0)
        return ListBuffer(parts_of(self), self.count, self.form)

    def steps(self) -> Steps:
        known = current().ranges.at_least(self.count, 0)
        count = self.count if known else ex.emax(self.count, 0)
        return Steps(count, lambda i: item_at(self, i))


class ListRef(AllItems):
    """All items of a list that is item of another: those of list ``number`` in a ``Heap``."""

    __slots__ = ("heap", "number")

    def __init__(self, heap: Any, number: Value) -> None:
        self.heap = heap
        self.number = number

    def items(self) -> ListBuffer:
        """The items as they are now."""
        found: ListBuffer = self.heap.items(self.number)
        return found


def refuse(what: str) -> NoReturn:
    """Something cannot be done with a list of which the run decides how long it is."""
    raise UnsupportedError(
        f"{where()}: {what} of a list whose length is known at run time only: use a `for` "
        "statement, or make an array of it with np.array"
    )


def is_grown(x: Any) -> TypeGuard[list[Any]]:
    """Whether ``x`` is a list or deque of which the run decides how long it is."""
    return type(x) in (list, deque) and any(isinstance(i, AllItems) for i in x)


def is_ref(x: Any) -> TypeGuard[list[Any]]:
    """Whether ``x`` is a list that a heap holds."""
    return type(x) is list and len(x) == 1 and type(x[0]) is ListRef


def by_value(x: Any) -> Any:
    """Of a list that a heap holds another with its items; other things as they are."""
    return [x[0].items()] if is_ref(x) else x


def length_of(x: list[Any]) -> Dim:
    """How many items a grown list has."""
    if is_ref(x):
        found: Dim = x[0].heap.count(x[0].number)
        return found
    return run_of(x).count


def run_of(x: list[Any]) -> ListBuffer:
    """The items of a grown list. What ``+`` of lists put beside one another becomes one."""
    if is_ref(x):
        items: ListBuffer = x[0].items()
        return items
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


def replace_items(x: Any, run: ListBuffer) -> None:
    """Other items for a list."""
    if is_ref(x):
        x[0].heap.must_hold(run.form)
        x[0].heap.write(x[0].number, converted(run, x[0].heap.form))
        return
    row = _row_of(x)
    if row is not None:
        LIST_ROWS["write"](row, run)
        return
    session = current()
    kinds = run.form[0]
    by_value = run.form[1] is list or any(k.shape is not None and not k.lists for k in kinds)
    path = session.outside.path_of(x) if by_value else None
    if path is not None:
        session.outside.lend_list((*path, 0))
        raise UnsupportedError(
            f"{where()}: a list of arrays or lists that is an argument changes in a loop or branch "
            "that is decided at run time: build a new list, and return it"
        )
    containers.touch(session, x)
    containers.restore(x, [run.of_deque(type(x) is deque)])


def become_buffer(x: list[Any], form: ElementKinds) -> None:
    """Make the items of a list a buffer that holds them as they are."""
    before = list(x)
    containers.touch(current(), x)  # before the lists in it
    run = run_of_items(before, form)
    replace_items(x, run)
    current().outside.same_items(run, before)


# Forms --------------------------------------------------------------------------------------------


def form_of(*lists: Iterable[Any], resolve: bool = True) -> ElementKinds | None:
    """What holds all items of some lists as they are; None where nothing does, or there are
    none. ``resolve``: it is about to do so, lists among them in a heap that is found."""
    found: ElementKinds | None = None
    empty: ElementKinds | None = None
    last: Any = _NOTHING
    for item in (i for items in lists for i in items):
        if item is last or (type(item) in _PLAIN and type(item) is type(last)):
            continue
        last = item
        if type(item) is ListRef:
            if item.heap.form is None:
                continue
            form: ElementKinds | None = item.heap.form
        elif type(item) is ListBuffer:
            if item.count == 0:
                empty = item.form
                continue
            form = item.form
        else:
            form = _form_of_item(item)
        found = form if found is None else joined_forms(found, form)
        if found is None:
            return None
    found = empty if found is None else found
    if resolve and found is not None and any(k.lists is not None for k in found[0]):
        found = LIST_HEAPS["resolved"](found)
    return found


def _form_of_item(item: Any) -> ElementKinds | None:
    parts, make = parts_of_item(item)
    return (tuple(map(kind_of, parts)), make) if all(map(is_part, parts)) else None


def joined_forms(a: ElementKinds, b: ElementKinds | None) -> ElementKinds | None:
    """What holds items of two forms as they are."""
    if b is None:
        return None
    if (len(a[0]), a[1]) != (len(b[0]), b[1]):
        found: ElementKinds | None = LIST_HEAPS["as_lists"](a, b)
        return found
    kinds = [joined(x, y) for x, y in zip(a[0], b[0], strict=True)]
    return None if None in kinds else (tuple(k for k in kinds if k is not None), a[1])


def empty_run(form: ElementKinds, room: int = ROOM) -> ListBuffer:
    """No items yet."""
    b = current().b
    types = [t for k in form[0] for t in k.types(k.column(room))]
    columns = [b.op("empty", dtype=t.dtype, shape=t.shape) for t in types]
    return ListBuffer(columns, 0, form)


def laid_out(items: Sequence[Any], form: ElementKinds) -> ListBuffer:
    """Items, no runs among them, one after the other."""
    rows = [_parts(x, form) for x in items]
    columns: list[Value] = []
    for k, kind in enumerate(form[0]):
        columns += _stacked([row[k] for row in rows], kind)
    return ListBuffer(columns, len(items), form)


def _stacked(parts: Sequence[Any], kind: Kind) -> list[Value]:
    """The columns of one part of each item."""
    b = current().b
    if kind.lists is not None:
        return [LIST_HEAPS["numbers"](parts, kind)]
    found: list[list[Value]] = [] if parts else [kind.constants(())]
    for is_known, group in groupby(parts, lambda x: not isinstance(x, Tracer | list)):
        together = list(group)
        if is_known and kind.can_hold(together):
            found.append(kind.constants(together))
        else:
            found += [[b.reshape(v, kind.column(1)) for v in kind.values(x)] for x in together]
    return list(map(_concatenated, zip(*found, strict=True)))


def _concatenated(values: Sequence[Value]) -> Value:
    b = current().b
    return b.op("concatenate", *values, axis=0) if len(values) > 1 else values[0]


def repeated(run: ListBuffer, times: Dim) -> ListBuffer:
    """The items so many times."""
    b, n = current().b, run.count
    columns = []
    for column in parts_of(run):
        every = b.broadcast(column, (times, *column.shape), range(1, column.rank + 1))
        columns.append(b.reshape(every, (times * n, *column.shape[1:])))
    return ListBuffer(columns, times * n, run.form)


def run_of_items(items: Sequence[Any], form: ElementKinds) -> ListBuffer:
    """The items of an ordinary list, Runs among them, in a form that holds them all."""
    items = [x.items() if type(x) is ListRef else x for x in items]
    if items and not any(type(x) is ListBuffer for x in items):
        return laid_out(items, form)
    first, *rest = items or [None]
    if type(first) is ListBuffer:
        run = converted(first, form)
        run = run.of_deque(False) if rest else run
    else:
        run, rest = empty_run(form, max(ROOM, len(items))), list(items)
    for item in rest:
        if type(item) is ListBuffer:
            run = extended(run, converted(item, form))
        else:
            run = _put_last(run, item, form)
    return run


def alike(before: Any, after: Any) -> Any:
    """What a name is bound to at the end of a loop's body, as a run where it is at the start."""
    if not is_grown(before) or type(after) is not list:
        return after
    form = form_of(before, after)
    if form is None:
        return after
    if not is_grown(after):
        return [run_of_items(after, form)]
    run = run_of(after)
    return after if run.form == form else [converted(run, form)]


def converted(run: ListBuffer, form: ElementKinds) -> ListBuffer:
    """The same items in a form that has their kinds, too."""
    if run.form == form:
        return run
    if run.first is not None:
        return converted(run.of_deque(False), form).of_deque(True)
    if run.count == 0:
        return empty_run(form)
    if run.form[1] is list and form[1] is None:
        return ListBuffer([LIST_HEAPS["of_parts"](run, form[0][0])], run.count, form)
    columns: list[Value] = []
    for (kind, mine), new in zip(by_part(run.form[0], run.columns), form[0], strict=True):
        columns += kind.converted(mine, new, run.count)
    return ListBuffer(columns, run.count, form)


# Items --------------------------------------------------------------------------------------------


def appended(run: ListBuffer, item: Any) -> ListBuffer:
    """With another item at the end."""
    form = form_with(run, item)
    return _put_last(converted(run, form), item, form)


def _put_last(run: ListBuffer, item: Any, form: ElementKinds) -> ListBuffer:
    roomy = ListBuffer(with_room(run.columns, run.count), run.count, form)
    return ListBuffer(put_item(roomy, run.count, item), run.count + 1, form)


def _parts(item: Any, form: ElementKinds) -> Sequence[Any]:
    if form[1] is list:
        keep_as_it_is(item)
    return item if form[1] else (item,)


def form_with(run: ListBuffer, item: Any) -> ElementKinds:
    """What holds the items of a run and another one. UnsupportedError where nothing does."""
    form = form_of([run], [item])
    if form is None:
        raise UnsupportedError(
            f"{where()}: a list whose length is known at run time only holds numbers, arrays of "
            "one dtype and shape, or tuples or lists of these: convert what is appended, or keep "
            "several lists"
        )
    return form


def extended(run: ListBuffer, other: ListBuffer) -> ListBuffer:
    """The items of two runs of one form."""
    assert run.form == other.form
    share_rows(run)
    pairs = zip(parts_of(run), parts_of(other), strict=True)
    columns = [current().b.op("concatenate", a, z, axis=0) for a, z in pairs]
    return ListBuffer(columns, run.count + other.count, run.form)


def made_longer(run: ListBuffer, other: ListBuffer) -> ListBuffer:
    """``extended`` of what is no longer used without the others: so it is not copied each time."""
    if run.first is not None:
        return extended(run, other)
    assert run.form == other.form
    share_rows(run)
    columns = with_room(run.columns, run.count, other.count)
    columns = put_rows(columns, run.count, parts_of(other))
    return ListBuffer(columns, run.count + other.count, run.form)


def parts_of(run: ListBuffer) -> list[Value]:
    """The columns without the room that is left."""
    return [rows_of(c, run.begin, run.count, 1) for c in run.columns]


def rows_of(column: Value, start: Dim, count: Dim, step: Dim) -> Value:
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
    columns = [rows_of(c, run.begin + start, count, step) for c in run.columns]
    return ListBuffer(columns, count, run.form)


def item_at(run: ListBuffer, i: Dim) -> Any:
    """One item, in range."""
    b = current().b
    values = [b.reshape(rows_of(c, run.begin + i, 1, 1), c.shape[1:]) for c in run.columns]
    parts = [kind.part(mine) for kind, mine in by_part(run.form[0], values)]
    if run.form[1] is None:
        return parts[0]
    item = run.form[1](parts)
    if run.form[1] is list:
        keep_as_it_is(containers.made(current(), item))
    return item


def with_item(run: ListBuffer, i: Dim, item: Any) -> ListBuffer:
    """With another item at a place, in range."""
    run = converted(run, form_with(run, item))
    return ListBuffer(put_item(run, i, item), run.count, run.form, run.first)


def put_item(run: ListBuffer, i: Dim, item: Any) -> list[Value]:
    """The columns with an item at a place, which the form holds."""
    b = current().b
    pairs = zip(run.form[0], _parts(item, run.form), strict=True)
    values = [v for kind, part in pairs for v in kind.values(part)]
    columns = []
    for column, value in zip(run.columns, values, strict=True):
        row = b.reshape(value, (1, *column.shape[1:]))
        starts = (run.begin + i, *(0 for _ in column.shape[1:]))
        columns.append(b.op("put_slice", column, row, *b.bounds(starts, None)))
    return columns


def numbers_of(run: ListBuffer) -> Value:
    """The values of items that are numbers, without what says of which kinds they are."""
    return parts_of(run)[0]


def array_of(run: ListBuffer) -> Value:
    """``np.array`` of the list: one row for each array, tuple or list."""
    kinds, make = run.form
    if any(k.lists is not None for k in kinds):
        refuse("an array of tuples with lists in them, or a comparison with the lists in it,")
    if any(k.kinds == ("text",) for k in kinds):
        refuse("an array of the texts in it, or a comparison with them,")
    columns = [mine[0] for _, mine in by_part(kinds, parts_of(run))]
    if make is None:
        return columns[0]
    if any(k.shape is not None for k in kinds):
        refuse("an array of tuples that hold arrays")
    b = current().b
    dtype = dtype_of(np.result_type(*(k.dtype for k in kinds)))
    rows = [b.reshape(b.convert(c, dtype), (run.count, 1)) for c in columns]
    return rows[0] if len(rows) == 1 else b.op("concatenate", *rows, axis=1)
