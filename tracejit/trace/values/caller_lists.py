"""Lists of many numbers, of lists, and dicts of lists that are arguments, as the run reads them.
Lists in others are a heap of what they held when the call began.

The caller's lists stay what they are, so the heap stands for them only as long as none of them is
changed, and what is read of it cannot be changed, returned, or put into another list. Where the
program does that, lists in others are lent instead (``lent_lists``).
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any, TypeVar

import numpy as np

from tracejit import trees
from tracejit.dtypes import is_complex, is_signed
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.trace.session.session import current, where
from tracejit.trace.values import table_forms
from tracejit.trace.values.arrays import Array
from tracejit.trace.values.dynamic_list import (
    ListBuffer,
    converted,
    form_of,
    is_grown,
    is_ref,
    laid_out,
    length_of,
    run_of_items,
)
from tracejit.trace.values.list_heap_sites import heap_at
from tracejit.trace.values.list_heaps import CallersLists, Heap
from tracejit.trace.values.list_kinds import Kind, ListsOf
from tracejit.trace.values.table_buffers import ROOM, TableBuffer

T = TypeVar("T", ListBuffer, TableBuffer)

#: A list of more items than this is gone through by a loop of the run.
FEW = 64
#: And one of as many where its body is much code.
SOME = 16


def as_list(x: Any) -> Any:
    """A list of many numbers, or of lists of them, as the program sees it: how long it is only the
    run says. Other things as they are."""
    if isinstance(x, trees.Numbers):
        return [ListBuffer((x.array.read(),), x.array.dims[0], (_numbers_of(x.array), None))]
    if isinstance(x, trees.Rows):
        return _list_of_lists(x.array, (x.counts,))
    return _list_of_lists(x.array, x.counts) if isinstance(x, trees.Nested) else x


def _numbers_of(x: Array) -> tuple[Kind]:
    return (Kind("int" if is_signed(x.dtype) else "complex" if is_complex(x.dtype) else "float"),)


def _list_of_lists(array: Array, counts: Sequence[Array]) -> list[Any]:
    """A heap for each level: its lists hold those of the one below in order, and the last ones the
    numbers. ``counts``: how many items each list has, from the outermost level."""
    session = current()
    number = len(session.heaps)
    sites = [("argument", "packed", number + k) for k in range(len(counts))]
    key = lent_key(sites[0])
    items = ListBuffer((array.read(),), array.dims[0], (_numbers_of(array), None))
    levels: list[tuple[Heap, CallersLists]] = []
    for site, level in zip(reversed(sites), reversed(counts), strict=True):
        heap = heap_at(site)
        heap.frozen = None  # more lists may come
        heap.must_hold(items.form)
        assert heap.form is not None
        lengths, (n,) = level.read(), level.dims
        b = session.b
        starts = b.op("sub", b.op("cumsum", lengths, axis=0), lengths)
        group = heap.pass_in(converted(items, heap.form), starts, lengths)
        levels.insert(0, (heap, group))
        kind = Kind("int", shape=(), lists=ListsOf(heap.site))
        items = ListBuffer([group.numbers()], n, ((kind,), None))
    made = [items]
    reason = _reason(made)
    for heap, _ in levels:
        heap.frozen, heap.lendable = reason, key
    session.passed_in[id(made)] = levels
    session.kept[id(made)] = made, reason
    session.lendable[id(made)] = key
    return made


def lent_key(place: Any) -> tuple[str, Any]:
    """Names a container at a path in the arguments, or the heap of one, as one to lend."""
    return "lent", place


def itself_key(path: Any) -> tuple[str, Any]:
    """Names a list at a path in the arguments as one to lend itself, not what it holds."""
    return "itself", path


def table_of(x: Any) -> ListBuffer | None:
    """The items of a list, for reading, which cannot be changed then; None where no table holds
    them, or it is an argument and was changed since the call began."""
    if type(x) is not list or is_grown(x) or not x:
        return None
    path = current().outside.path_of(x)
    if path is None:
        return _table_of_own(x)
    rows = [row for row in x if type(row) is list]
    of_lists = len(rows) == len(x)
    if rows and not of_lists:
        return None
    return _kept(x, rows, path, lambda: _table_of_lists(rows, path) if of_lists else _table(x))


def table_of_dict(x: Any) -> TableBuffer | None:
    """The entries of a dict that is an argument, and whose values are lists, for reading; None
    where no table holds them, or it was changed since the call began."""
    path = None if type(x) not in _DICTS else current().outside.path_of(x)
    if path is None or not all(type(row) is list for row in x.values()):
        return None
    rows = list(x.values())
    return _kept(x, rows, path, lambda: _table_of_entries(list(x), rows, path))


_DICTS = (dict, OrderedDict, defaultdict)


def _kept(x: Any, rows: Sequence[list[Any]], path: Any, make: Callable[[], T | None]) -> T | None:
    """What stands for a container, made once; neither that nor its lists can be changed then."""
    session = current()
    known = session.caller_lists.get(id(x))
    if known is not None:
        found: T = known[1]
        return found
    if not all(map(session.outside.is_as_passed, (x, *rows))):
        return None
    frames = session.frames
    session.frames = frames[:1]  # made before all else, where the arguments are known
    try:
        made = make()
    finally:
        session.frames = frames
    if made is not None:
        reason = _reason(x)
        session.kept.update({id(y): (y, reason) for y in (x, *rows)})
        session.lendable.update({id(y): lent_key(path) for y in (x, *rows) if rows})
        session.caller_lists[id(x)] = x, made
    return made


def release(x: list[Any]) -> None:
    """A loop over a list has ended: it may be changed again, if it holds no lists."""
    if type(x[0]) is not list:
        session = current()
        session.kept.pop(id(x), None)
        session.caller_lists.pop(id(x), None)


def _reason(x: Any) -> str:
    of_dict = isinstance(x, dict)
    kind, places = ("dict", "keys") if of_dict else ("list", "places")
    copied = "{k: list(v) for k, v in x.items()}" if of_dict else "[list(row) for row in x]"
    return (
        f"{where()}: a {kind} of lists that is an argument, and read at run-time {places}, is "
        f"changed, returned, or put into another list: copy it first ({copied}), or take a copy of "
        f"the list that is read (list(x[{places[0]}]))"
    )


def _table(x: list[Any]) -> ListBuffer | None:
    """Items that are tuples of numbers."""
    form = form_of(x, resolve=False)
    if form is None or form[1] is not tuple or any(k.shape is not None for k in form[0]):
        return None
    return laid_out(x, form)


def _table_of_own(x: list[Any]) -> ListBuffer | None:
    """The same of a list that the program has made."""
    session = current()
    if session.outside.is_outside(x) or id(x) in session.kept or is_ref(x):
        return None
    found = _table(x)
    if found is not None:
        session.kept[id(x)] = x, f"{where()}: a list is changed in a loop over its many items"
    return found


def _table_of_lists(rows: Sequence[list[Any]], path: Any) -> ListBuffer | None:
    """References to copies of the lists."""
    found = _references(rows, path, _reason(rows))
    if found is None:
        return None
    numbers, kind = found
    return ListBuffer([numbers], len(rows), ((kind,), None))


def _table_of_entries(
    keys: Sequence[Any], rows: Sequence[list[Any]], path: Any
) -> TableBuffer | None:
    """Keys of one kind, and references to copies of the lists."""
    if not table_forms.are_keyed(dict.fromkeys(keys)):
        return None
    found = _references(rows, path, _reason({}))
    return None if found is None else entries_laid_out(keys, *found)


def entries_laid_out(keys: Sequence[Any], numbers: Value, kind: Kind) -> TableBuffer:
    """A table of keys of one kind, and of references of a kind."""
    form = table_forms.form_of_entries(keys, [()]).keys
    b = current().b
    n = len(keys)
    room = max(ROOM, 1 << (n - 1).bit_length())
    columns = []
    for column in (*laid_out(keys, form).columns, numbers):
        rest = b.op("empty", dtype=column.dtype, shape=(room - n,))
        columns.append(b.op("concatenate", column, rest, axis=0))
    slots = b.op("key_slots", b.index(n), *columns[:-1])
    return TableBuffer(table_forms.TableForm(form, ((kind,), None)), slots, columns, n)


def _references(rows: Sequence[list[Any]], path: Any, reason: str) -> tuple[Value, Kind] | None:
    """The numbers of copies of the lists in a heap of their own, and what these are."""
    form = form_of(*rows, resolve=False)
    items = [item for row in rows for item in row]
    if items and (form is None or form[1] is list or any(k.shape is not None for k in form[0])):
        return None
    session = current()
    site = "argument", *path
    heap = session.heaps[site] = Heap(site)
    heap.must_hold(form)
    counts = [length_of(row) if is_grown(row) else len(row) for row in rows]
    starts: list[Dim] = [0, *accumulate(counts)][:-1]
    run = run_of_items(items, heap.form) if heap.form is not None else None
    numbers = heap.several(run, column_of(starts), column_of(counts))
    heap.frozen, heap.lendable = reason, lent_key(path)
    return numbers, Kind("int", shape=(), lists=ListsOf(site))


def column_of(dims: Sequence[Dim]) -> Value:
    """Integers in an array."""
    b = current().b
    if all(type(d) is int for d in dims):
        found: Value = b.const(np.array(dims, np.int64), "i64")
        return found
    parts = [b.reshape(b.index(d), (1,)) for d in dims]
    return parts[0] if len(parts) == 1 else b.op("concatenate", *parts, axis=0)
