"""References to lists that are items of others: how a list becomes one of a heap, and which."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from tracejit.errors import UnsupportedError
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.trace.session.concretize import name_of
from tracejit.trace.session.registry import LIST_HEAPS
from tracejit.trace.session.session import current, where
from tracejit.trace.values import containers
from tracejit.trace.values.arrays import fresh
from tracejit.trace.values.dynamic_list import (
    ListBuffer,
    ListRef,
    converted,
    form_of,
    is_grown,
    is_ref,
    parts_of,
    refuse,
    rows_of,
    run_of_items,
)
from tracejit.trace.values.list_heap_sites import heap_at, one_heap, reference_kind, resolved
from tracejit.trace.values.list_heaps import Heap, can_hold, repeated_index
from tracejit.trace.values.list_kinds import (
    Kind,
    ListsOf,
    by_part,
    joined,
    share_all,
)


def kind_of_list(x: list[Any]) -> Kind | None:
    """The kind of a list as an item by reference; None where no heap can hold it."""
    if is_ref(x):
        return reference_kind(ListsOf(x[0].heap.site))
    items = form_of(x, resolve=False)
    held = items is None if not x else items is not None and can_hold(items)
    return reference_kind(ListsOf(None, items)) if held else None


def refer(x: list[Any], heap: Heap) -> None:
    """Make a list, wherever it is known, one of a heap."""
    if is_ref(x):
        one_heap(x[0].heap, heap)
        return
    _becomes_item(x)
    heap.must_hold(form_of(x, resolve=False))
    items = None if heap.form is None or not x else run_of_items(list(x), heap.form)
    x[:] = [ListRef(heap, heap.new(items))]


def put_where_lists_are(x: Any, *, lend: bool = False) -> bool:
    """Make a list one of a heap, whichever holds its items; False where none does. ``lend``: begin
    again where that is an argument."""
    outside = current().outside
    if lend:
        outside.lend_list(outside.path_of(x) or ())
    if type(x) is not list or outside.path_of(x) is not None or outside.is_outside(x):
        return False
    kind = kind_of_list(x)
    if kind is None:
        return False
    (kind,), _ = resolved(((kind,), None))
    _number(x, kind)
    return True


def _becomes_item(x: list[Any]) -> None:
    session = current()
    path = session.outside.path_of(x)
    if path is not None:
        session.outside.lend_list(path)
    if path is not None or session.outside.is_outside(x):
        raise UnsupportedError(
            f"{where()}: a list that is an argument, or from outside, becomes an item of a list or "
            "dict: put a copy there (list(x))"
        )
    if id(x) in session.rows:
        share_all(f"{where()}: a row of a list of lists is put into another list or dict")
    containers.must_be_known(session, x)
    containers.touch(session, x)


def _refer_all(lists: Sequence[list[Any]], heap: Heap) -> None:
    """Several lists of known lengths at once."""
    for x in lists:
        _becomes_item(x)
    heap.must_hold(form_of(*lists, resolve=False))
    every = [item for x in lists for item in x]
    items = None if heap.form is None or not every else run_of_items(every, heap.form)
    counts = [len(x) for x in lists]
    starts = [0, *accumulate(counts)][:-1]
    b = current().b
    first = heap.rows[0].count
    heap.several(items, *(b.const(np.array(v), "i64") for v in (starts, counts)))
    for k, x in enumerate(lists):
        x[:] = [ListRef(heap, b.index(first + k))]


def _numbers(lists: Sequence[list[Any]], kind: Kind) -> Value:
    """The references to lists that become items."""
    assert kind.lists is not None
    heap = heap_at(kind.lists.site)
    new = list({id(x): x for x in lists if not is_grown(x)}.values())
    first = heap.rows[0].count
    if len(new) > 1:
        _refer_all(new, heap)
    b = current().b
    if len(new) == len(lists) > 1:
        order = b.op("iota", shape=(len(new),), axis=0, dtype=np.dtype(np.int64))
        found: Value = b.op("add", order, repeated_index(first, len(new)))
        return found
    numbers = [b.reshape(_number(x, kind), (1,)) for x in lists]
    return numbers[0] if len(numbers) == 1 else b.op("concatenate", *numbers, axis=0)


def _number(x: list[Any], kind: Kind) -> Value:
    """The reference to a list that becomes an item."""
    assert kind.lists is not None
    refer(x, heap_at(kind.lists.site))
    found: Value = x[0].number
    return found


def _of_rows(columns: Sequence[Value], rows: Kind, kind: Kind, count: Dim) -> Value:
    """References to new lists, one for each of the first rows of some columns."""
    assert rows.shape is not None
    n = rows.shape[0]
    b = current().b
    flat = [b.reshape(rows_of(c, 0, count, 1), (count * n,)) for c in columns]
    return _of_one_length(ListBuffer(flat, count * n, ((Kind(*rows.kinds),), None)), n, kind, count)


def _of_parts(run: ListBuffer, kind: Kind) -> Value:
    """The same of lists that are held as a column for each of their places."""
    kinds, _ = run.form
    item: Kind | None = kinds[0]
    for other in kinds[1:]:
        item = None if item is None else joined(item, other)
    assert item is not None
    b, n, count = current().b, len(kinds), run.count
    parts = [k.converted(mine, item, count) for k, mine in by_part(kinds, parts_of(run))]
    flat = []
    for places in zip(*parts, strict=True):
        rest = places[0].shape[1:]
        beside = [b.reshape(c, (count, 1, *rest)) for c in places]
        flat.append(b.reshape(b.op("concatenate", *beside, axis=1), (count * n, *rest)))
    return _of_one_length(ListBuffer(flat, count * n, ((item,), None)), n, kind, count)


def _of_one_length(items: ListBuffer, n: Dim, kind: Kind, count: Dim) -> Value:
    """References to so many new lists of ``n`` items each."""
    assert kind.lists is not None
    heap = heap_at(kind.lists.site)
    heap.must_hold(items.form)
    assert heap.form is not None
    run = converted(items, heap.form)
    heap.has_copies = True
    b = current().b
    order = b.op("iota", shape=(count,), axis=0, dtype=np.dtype(np.int64))
    return heap.several(run, b.op("mul", order, repeated_index(n, count)), repeated_index(n, count))


def _list(number: Value, kind: Kind) -> list[Any]:
    """The list of a reference."""
    assert kind.lists is not None
    ref = ListRef(heap_at(kind.lists.site), number)
    made: list[Any] = containers.made(current(), [ref])
    return made


def _array(run: ListBuffer, shape: tuple[Dim, ...] = ()) -> Value:
    """``np.array`` of lists: a row for each. ValueError at run time where their lengths differ.
    ``shape``: of an array of these lists, where they are items of others."""
    b = current().b
    n = run.count
    around = shape or (n,)
    ((kind,), _) = run.form
    assert kind.lists is not None
    heap = heap_at(kind.lists.site)
    if heap.form is None:
        return b.op("empty", shape=(n, 0), dtype=np.dtype(np.float64))  # type: ignore[no-any-return]
    ((item, *_), make) = heap.form
    if make is not None:
        refuse("an array of lists of tuples in it")
    starts, counts = heap.places(parts_of(run)[0])
    most = name_of(np.max)(fresh(counts), initial=0).read()
    m = current().ranges.extent(most).dim
    alike = name_of(np.all)(name_of(np.equal)(fresh(counts), fresh(most))).read()
    shown = ", ".join(f"{{{k}}}" for k in range(len(around))) + "," * (len(around) == 1)
    message = (
        "setting an array element with a sequence. The requested array has an inhomogeneous shape "
        f"after {len(around)} dimensions. The detected shape was ({shown}) + inhomogeneous part."
    )
    current().check(alike, ValueError, message, *around)
    columns = [b.op("iota", shape=(n, m), axis=1, dtype=np.dtype(np.int64))]
    columns.append(b.broadcast(starts, (n, m), (0,)))
    places = b.reshape(b.op("add", *columns), (n * m,))
    items = b.op("gather", heap.pool[0].columns[0], places, axes=(0,))
    if item.lists is not None:
        items = _array(ListBuffer([items], n * m, heap.form), (*around, m))
    return b.reshape(items, (n, m, *items.shape[1:]))


LIST_HEAPS.update(number=_number, numbers=_numbers, list=_list, kind=kind_of_list, of_rows=_of_rows)
LIST_HEAPS.update(of_parts=_of_parts, array=_array)
