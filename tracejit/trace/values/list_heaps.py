"""Lists that lists and dicts of the run hold by reference: what is changed through one name shows
through every other.

A *heap* holds the lists that became items at one place of the program. ``rows`` says of each where
its items begin in ``pool``, how many there are, and how many there is room for. A list that is full
moves to the end of the pool, to twice the room. A reference is the number of its row.

What the items of all lists in a heap are is decided for a whole trace: where another kind comes, or
lists of two heaps meet, the trace begins again knowing that.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tracejit.errors import UnsupportedError
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.trace.session.frames import Restart
from tracejit.trace.session.regions import emit_cond
from tracejit.trace.session.registry import LIST_HEAPS
from tracejit.trace.session.session import Session, current, user_lines, where
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
from tracejit.trace.values.list_kinds import ElementKinds, Kind, ListsOf, joined, with_kinds_of
from tracejit.trace.values.list_room import of_one_size, put_rows, with_room

#: Of each list: where it begins in the pool, how many items it has, and room for how many.
_FIELDS: ElementKinds = ((Kind(np.dtype(np.int64), shape=(3,)),), None)
_START, _COUNT, _ROOM = range(3)


class Heap:
    """Lists whose items are of one form (None: none has had an item yet)."""

    def __init__(self, site: Any) -> None:
        self.site = site
        self.form: ElementKinds | None = None
        self.rows: list[Any] = [_outermost(_FIELDS)]
        self.pool: list[Any] = []
        #: Why no list of it may be changed any more, if none may be. Others may still come.
        self.frozen: str | None = None

    def must_hold(self, form: ElementKinds | None) -> None:
        """Items of a form are put into a list."""
        if form is None or form == self.form:
            return
        self.must_change()
        form = by_reference(form)
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

    def pass_in(self, items: ListBuffer, starts: Value, counts: Value) -> None:
        """The first lists, which an argument holds: where each begins in ``items``, and how many it
        has of them."""
        self.form, self.pool = items.form, [items]
        (many,) = counts.shape
        self._set_rows(_row_fields(starts, counts), many)

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
        self.must_hold(form_of([item]))
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
        self.must_hold(form_of([item]))
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
        if self.frozen is not None:
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


# Which heap -------------------------------------------------------------------------------------


def heap_at(site: Any) -> Heap:
    """The heap of the lists that became items at a place."""
    session = current()
    if site not in session.heaps:
        first = _first(session, site)
        if first != site:
            session.heaps[site] = heap_at(first)
        else:
            heap = session.heaps[site] = Heap(site)
            heap.must_hold(_known_form(session, site))
    found: Heap = session.heaps[site]
    return found


def _first(session: Session, site: Any) -> Any:
    """Of the places of which lists met in an earlier trace, the first."""
    group, pending = {site}, [site]
    pairs = [key[1] for key, how in session.loops if how == "lists" and key[0] == "one"]
    while pending:
        place = pending.pop()
        more = {p for pair in pairs if place in pair for p in pair} - group
        group |= more
        pending += more
    return min(group)


def _known_form(session: Session, site: Any) -> ElementKinds | None:
    """What holds all items that an earlier trace found in the lists of a heap."""
    found: ElementKinds | None = None
    for key, how in session.loops:
        if how == "lists" and key[0] == "lists" and _first(session, key[1]) == site:
            form = _with_first(session, key[2])
            found = form if found is None else joined_forms(found, form)
    return found


def _with_first(session: Session, form: ElementKinds) -> ElementKinds:
    """A form that an earlier trace found, with the heaps as they are in this one."""
    kinds = [
        k if k.lists is None else reference_kind(ListsOf(_first(session, k.lists.site)))
        for k in form[0]
    ]
    return tuple(kinds), form[1]


def one_heap(a: Heap, b: Heap) -> None:
    """Lists of two heaps are in one list."""
    if a is not b:
        for heap in (a, b):
            heap.must_change()
        reason = f"{where()}: lists of several kinds meet"
        raise Restart(("one", tuple(sorted((a.site, b.site)))), "lists", reason)


def resolved(form: ElementKinds) -> ElementKinds:
    """A form in which each kind of lists has its heap."""
    return tuple(map(_resolved, form[0])), form[1]


def _resolved(kind: Kind) -> Kind:
    if kind.lists is None or kind.lists.site is not None:
        return kind
    site = tuple((code.co_name, line) for code, line in user_lines())
    heap = heap_at(site)
    heap.must_hold(kind.lists.items)
    return reference_kind(ListsOf(heap.site))


def by_reference(form: ElementKinds, *, every: bool = False) -> ElementKinds:
    """A form in which lists are by reference, those of a length that is known only if ``every``."""
    kinds, make = form
    lists = _as_lists(form) if make is list else None
    if lists is not None:
        return resolved(((reference_kind(lists),), None))
    return resolved((tuple(_by_reference(k, every) for k in kinds), make))


def _by_reference(kind: Kind, every: bool) -> Kind:
    known = all(type(n) is int for n in kind.shape or ())
    return reference_kind(_as_lists(((kind,), None))) if kind.row and (every or not known) else kind


def reference_kind(lists: ListsOf | None) -> Kind:
    return Kind("int", shape=(), lists=lists)


def _as_lists(form: ElementKinds) -> ListsOf | None:
    """What the lists are that items of a form are; None where they are no lists, or none holds
    their items."""
    kinds, make = form
    if make is list:
        items: Kind | None = kinds[0]
        for kind in kinds[1:]:
            items = None if items is None else joined(items, kind)
        return None if items is None else ListsOf(None, ((items,), None))
    if make is not None:
        return None
    (kind,) = kinds
    if kind.row:
        return ListsOf(None, ((Kind(*kind.kinds),), None))
    return kind.lists


def _joined(a: Kind, b: Kind) -> Kind | None:
    """What holds two kinds that differ, of which one is of lists."""
    if a.row and b.row and a.shape == b.shape:
        return with_kinds_of(a, b)
    return _joined_lists(*(_as_lists(((k,), None)) for k in (a, b)))


def _joined_lists(a: ListsOf | None, b: ListsOf | None) -> Kind | None:
    if a is None or b is None:
        return None
    if a.site is not None and b.site is not None:
        one_heap(heap_at(a.site), heap_at(b.site))
        return reference_kind(a)
    for one, other in ((a, b), (b, a)):
        if one.site is not None:
            heap_at(one.site).must_hold(other.items)
            return reference_kind(one)
    if a.items is None or b.items is None:
        return reference_kind(b if a.items is None else a)
    items = joined_forms(a.items, b.items)
    return None if items is None else reference_kind(ListsOf(None, items))


def _joined_as_lists(a: ElementKinds, b: ElementKinds) -> ElementKinds | None:
    """What holds items of two forms that are lists otherwise."""
    kind = _joined_lists(_as_lists(a), _as_lists(b))
    return None if kind is None else ((kind,), None)


def can_hold(form: ElementKinds) -> bool:
    """Whether lists of a heap can have such items: arrays in them are of a shape that is known."""
    return all(type(n) is int for k in form[0] if not k.row for n in k.shape or ())


LIST_HEAPS.update(joined=_joined, as_lists=_joined_as_lists, resolved=resolved)
