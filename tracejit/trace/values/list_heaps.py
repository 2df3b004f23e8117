"""Lists that lists and dicts of the run hold by reference: what is changed through one name shows
through every other.

A *heap* holds the lists that became items at one place of the program. ``rows`` says of each where
its items begin in ``pool``, how many there are, and how many there is room for. A list that is full
moves to the end of the pool, to twice the room. A reference is the number of its row.

What the items of all lists in a heap are is decided for a whole trace: where another kind comes, or
lists of two heaps meet, the trace begins again knowing that.
"""

from __future__ import annotations

from operator import is_not
from typing import Any

import numpy as np

from tracejit.errors import UnsupportedError
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.ir.results import Lent
from tracejit.records import dataclass
from tracejit.trace.session.frames import EVERY_LIST, Restart
from tracejit.trace.session.regions import emit_cond
from tracejit.trace.session.registry import LIST_HEAPS
from tracejit.trace.session.session import current, where
from tracejit.trace.values import containers
from tracejit.trace.values.dynamic_list import (
    ListBuffer,
    empty_run,
    form_of,
    item_at,
    joined_forms,
    parts_of,
    put_item,
    rows_of,
)
from tracejit.trace.values.list_kinds import ElementKinds, Kind, must_not_be_kept
from tracejit.trace.values.list_room import of_one_size, put_rows, with_room

#: Of each list: where it begins in the pool, how many items it has, and room for how many.
_FIELDS: ElementKinds = ((Kind(np.dtype(np.int64), shape=(3,)),), None)
_START, _COUNT, _ROOM = range(3)


@dataclass(eq=False)
class CallersLists:
    """Lists of a container of the caller's that a heap has: from which number on, and how many.
    ``lent``: what they are, where they may be changed."""

    start: Dim
    count: Dim
    lent: Lent | None = None

    def numbers(self) -> Value:
        """The number of each."""
        b = current().b
        found: Value = b.op("iota", shape=(self.count,), axis=0, dtype=np.dtype(np.int64))
        if type(self.start) is int and not self.start:
            return found
        numbers: Value = b.op("add", found, repeated_index(self.start, self.count))
        return numbers


class Heap:
    """Lists whose items are of one form (None: none has had an item yet)."""

    def __init__(self, site: Any) -> None:
        self.site = site
        self.form: ElementKinds | None = None
        self.rows: list[Any] = [_outermost(_FIELDS)]
        self.pool: list[Any] = []
        #: Why no list of it may be changed any more, if none may be. Others may still come.
        self.frozen: str | None = None
        #: What names the container that may be lent then, so that they may be.
        self.lendable: Any = None
        #: Whether some of its lists are new ones with the items of lists that were items by value.
        self.has_copies = False
        #: Its first lists, in order, and all as it was when the last of them were lent.
        self.callers: list[CallersLists] = []
        self._as_lent: tuple[Any, ...] | None = None

    def lend(self, group: CallersLists, lent: Lent) -> None:
        """Some of its lists are the caller's."""
        group.lent = lent
        self._as_lent = (*self.rows, *self.pool)

    @property
    def is_changed(self) -> bool:
        """Whether lists of the caller's may hold something else than they did."""
        now = (*self.rows, *self.pool)
        if self._as_lent is None:
            return False
        return len(now) != len(self._as_lent) or any(map(is_not, now, self._as_lent))

    def must_hold(self, form: ElementKinds | None) -> None:
        """Items of a form are put into a list."""
        if form is None or form == self.form:
            return
        self.must_change()
        form = LIST_HEAPS["by_reference"](form, within=self.site)
        both = form if self.form is None else joined_forms(self.form, form)
        if both is None or not can_hold(both):
            raise UnsupportedError(
                f"{where()}: lists that are items of a list or dict hold numbers, arrays of one "
                "dtype and shape, or tuples or lists of these: convert what is put there, or keep "
                "several"
            )
        if self.form is None:
            self.form = both
            self.pool = [_outermost(both)]
        elif both != self.form:
            raise Restart(
                ("lists", self.site, both), "lists", f"{where()}: lists hold items of unlike kinds"
            )

    # Lists ----------------------------------------------------------------------------------------

    def new(self, items: ListBuffer | None) -> Value:
        """The number of a new list."""
        b = current().b
        run: ListBuffer = self.rows[0]
        start: Dim = 0
        count: Dim = 0
        if items is not None:
            pool: ListBuffer = self.pool[0]
            start, count = pool.count, items.count
            columns = with_room(pool.columns, start, count)
            self._set_pool(put_rows(columns, start, parts_of(items)), start + count)
        (column,) = with_room(run.columns, run.count)
        for field, n in ((_START, start), (_COUNT, count), (_ROOM, count)):
            column = _put(column, run.count, field, n)
        self._set_rows(column, run.count + 1)
        return b.index(run.count)

    def several(self, items: ListBuffer | None, starts: Value, counts: Value) -> Value:
        """The numbers of new lists: where each begins in ``items``, and how many it has of them."""
        b = current().b
        run: ListBuffer = self.rows[0]
        many = starts.shape[0]
        if items is not None:
            pool: ListBuffer = self.pool[0]
            columns = with_room(pool.columns, pool.count, items.count)
            columns = put_rows(columns, pool.count, parts_of(items))
            self._set_pool(columns, pool.count + items.count)
            starts = b.op("add", starts, repeated_index(pool.count, many))
        order = b.op("iota", shape=(many,), axis=0, dtype=np.dtype(np.int64))
        rows = ListBuffer([_row_fields(starts, counts)], many, _FIELDS)
        (column,) = with_room(run.columns, run.count, many)
        (column,) = put_rows([column], run.count, rows.columns)
        self._set_rows(column, run.count + many)
        found: Value = b.op("add", order, repeated_index(run.count, many))
        return found

    def pass_in(self, items: ListBuffer | None, starts: Value, counts: Value) -> CallersLists:
        """The lists of a container of the caller's: where each begins in ``items``, and how many it
        has of them."""
        (many,) = counts.shape
        group = CallersLists(self.rows[0].count if self.callers else 0, many)
        if self.callers or items is None:
            self.several(items, starts, counts)
        else:
            self.pool[:] = [items]
            self._set_rows(_row_fields(starts, counts), many)
        self.callers.append(group)
        return group

    def items(self, number: Value) -> ListBuffer:
        """The items of a list as they are now."""
        if self.form is None:
            return _nothing()
        start, count = self._get(number, _START), self.count(number)
        pool: ListBuffer = self.pool[0]
        return ListBuffer([rows_of(c, start, count, 1) for c in pool.columns], count, pool.form)

    def count(self, number: Value) -> Dim:
        """How many items a list has."""
        b = current().b
        found: Dim = current().ranges.extent(b.index(self._get(number, _COUNT))).dim
        return found

    def places(self, numbers: Value) -> tuple[Value, Value]:
        """Where each of some lists begins in the pool, and how many items it has."""
        b = current().b
        (many,) = numbers.shape
        rows = b.op("gather", self.rows[0].columns[0], numbers, axes=(0,))
        starts, counts = (
            b.reshape(b.slice(rows, (0, field), (many, 1)), (many,)) for field in (_START, _COUNT)
        )
        return starts, counts

    def append(self, number: Value, item: Any) -> None:
        self.must_hold(form_of([item], resolve=False))
        start, count = self._with_room(number, 1)
        pool: ListBuffer = self.pool[0]
        self._set_pool(put_item(pool, start + count, item), pool.count)
        self._set_count(number, count + 1)

    def extend(self, number: Value, items: ListBuffer) -> None:
        """With the items of a run of the heap's form."""
        start, count = self._with_room(number, items.count)
        pool: ListBuffer = self.pool[0]
        self._set_pool(put_rows(pool.columns, start + count, parts_of(items)), pool.count)
        self._set_count(number, count + items.count)

    def write(self, number: Value, items: ListBuffer) -> None:
        """Other items for a list."""
        self._set_count(number, 0)
        self.extend(number, items)

    def item(self, number: Value, at: Dim) -> Any:
        """An item in range."""
        return item_at(self.pool[0], self._get(number, _START) + at)

    def put(self, number: Value, at: Dim, item: Any) -> None:
        """Another item at a place, in range."""
        self.must_change()
        self.must_hold(form_of([item], resolve=False))
        pool: ListBuffer = self.pool[0]
        self._set_pool(put_item(pool, self._get(number, _START) + at, item), pool.count)

    def shorten(self, number: Value, count: Dim) -> None:
        """Without the items from a place on."""
        self._set_count(number, count)

    def _with_room(self, number: Value, more: Dim) -> tuple[Dim, Dim]:
        """Room for further items in a list: where it begins then, and how many there are."""
        self.must_change()
        session = current()
        b = session.b
        start, count, room = (b.index(self._get(number, field)) for field in range(3))
        pool: ListBuffer = self.pool[0]
        needed = b.op("add", count, b.index(more))

        def same() -> list[Value]:
            values = of_one_size(pool.columns)
            b = session.b
            return [*values, *(b.op("copy", v) for v in (b.index(pool.count), start, room))]

        def moved() -> list[Value]:
            b = session.b
            twice = b.op("add", b.op("add", needed, needed), b.const(2, "i64"))
            items = [b.op("copy", rows_of(c, start.dim, count.dim, 1)) for c in pool.columns]
            moved = []
            for column, part in zip(
                with_room(pool.columns, pool.count, twice.dim), items, strict=True
            ):
                starts = (pool.count, *(0 for _ in column.shape[1:]))
                moved.append(b.op("put_slice", column, part, *b.bounds(starts, None)))
            values = of_one_size(moved)
            end = b.op("add", b.index(pool.count), twice)
            return [*values, end, b.op("copy", b.index(pool.count)), twice]

        found = emit_cond(b.op("le", needed, room), same, moved)
        extent = session.ranges.extent
        for value in (found[0], *found[-3:]):
            extent(value)
        columns = found[1:-3]
        self._set_pool(columns, found[-3].dim)
        run: ListBuffer = self.rows[0]
        column = run.columns[0]
        for field, value in ((_START, found[-2]), (_ROOM, found[-1])):
            column = _put(column, number.dim, field, value.dim)
        self._set_rows(column, run.count)
        return found[-2].dim, extent(count).dim

    def _get(self, number: Value, field: int) -> Dim:
        b = current().b
        (column,) = self.rows[0].columns
        found: Dim = b.reshape(b.slice(column, (number.dim, field), (1, 1)), ()).dim
        return found

    def _set_count(self, number: Value, count: Dim) -> None:
        self.must_change()
        run: ListBuffer = self.rows[0]
        self._set_rows(_put(run.columns[0], number.dim, _COUNT, count), run.count)

    def must_change(self) -> None:
        """UnsupportedError where no list may be changed."""
        if self.has_copies and not current().loop_is(*EVERY_LIST):
            must_not_be_kept()
        if self.frozen is not None:
            if current().may_lend(self.lendable):
                raise Restart(self.lendable, "lists", self.frozen)
            raise UnsupportedError(self.frozen)

    def _set_rows(self, column: Value, count: Dim) -> None:
        containers.touch(current(), self.rows)
        self.rows[:] = [ListBuffer([column], count, _FIELDS)]

    def _set_pool(self, columns: Any, count: Dim) -> None:
        containers.touch(current(), self.pool)
        self.pool[:] = [ListBuffer(columns, count, self.pool[0].form)]


def _row_fields(starts: Value, counts: Value) -> Value:
    b = current().b
    fields = [b.reshape(v, (*v.shape, 1)) for v in (starts, counts, counts)]
    found: Value = b.op("concatenate", *fields, axis=1)
    return found


def repeated_index(n: Dim, many: Dim) -> Value:
    b = current().b
    found: Value = b.broadcast(b.index(n), (many,), ())
    return found


def _put(column: Value, row: Dim, field: int, n: Dim) -> Value:
    b = current().b
    found: Value = b.op(
        "put_slice", column, b.reshape(b.index(n), (1, 1)), *b.bounds((row, field), None)
    )
    return found


def _outermost(form: ElementKinds) -> ListBuffer:
    """No items, as if they had been made before anything else."""
    session = current()
    frames = session.frames
    session.frames = frames[:1]
    try:
        return empty_run(form)
    finally:
        session.frames = frames


def _nothing() -> ListBuffer:
    """The items of a list in a heap in which no list has had one yet: none, of whatever kind.
    Where a loop puts some there later on, its body is traced again."""
    return empty_run(((Kind("float"),), None))


def can_hold(form: ElementKinds) -> bool:
    """Whether lists of a heap can have such items: arrays in them are of a shape that is known."""
    return all(type(n) is int for k in form[0] if not k.row for n in k.shape or ())
