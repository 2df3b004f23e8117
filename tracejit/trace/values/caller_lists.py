"""Lists of lists that are arguments, as the run reads them: a heap of what they held when the call
began.

The caller's lists stay what they are, so the heap stands for them only as long as none of them is
changed, and what is read of it cannot be changed, returned, or put into another list.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.trace.session.session import current, where
from tracejit.trace.values.dynamic_list import (
    ListBuffer,
    form_of,
    is_grown,
    laid_out,
    length_of,
    run_of_items,
)
from tracejit.trace.values.list_heaps import Heap
from tracejit.trace.values.list_kinds import Kind, ListsOf

#: A list of more items than this is gone through by a loop of the run.
FEW = 64


def table_of(x: Any) -> ListBuffer | None:
    """The items of a list that is an argument, for reading; None where no table holds them, or it
    was changed since the call began."""
    session = current()
    path = None if type(x) is not list else session.outside.path_of(x)
    if path is None or is_grown(x) or not x:
        return None
    known = session.caller_lists.get(id(x))
    if known is not None:
        found: ListBuffer = known[1]
        return found
    rows = [row for row in x if type(row) is list]
    of_lists = len(rows) == len(x)
    if (rows and not of_lists) or not all(map(session.outside.is_as_passed, (x, *rows))):
        return None
    frames = session.frames
    session.frames = frames[:1]  # made before all else, where the arguments are known
    try:
        made = _table_of_lists(rows, path) if of_lists else _table(x)
    finally:
        session.frames = frames
    if made is not None:
        reason = _reason()
        session.kept.update({id(y): (y, reason) for y in (x, *rows)})
        session.caller_lists[id(x)] = x, made
    return made


def release(x: list[Any]) -> None:
    """A loop over a list has ended: it may be changed again, if it holds no lists."""
    if type(x[0]) is not list:
        session = current()
        session.kept.pop(id(x), None)
        session.caller_lists.pop(id(x), None)


def _reason() -> str:
    return (
        f"{where()}: a list of lists that is an argument, and read at run-time places, is changed, "
        "returned, or put into another list: copy it first ([list(row) for row in x]), or take a "
        "copy of the one that is read (list(x[i]))"
    )


def _table(x: list[Any]) -> ListBuffer | None:
    """Items that are tuples of numbers."""
    form = form_of(x, resolve=False)
    if form is None or form[1] is not tuple or any(k.shape is not None for k in form[0]):
        return None
    return laid_out(x, form)


def _table_of_lists(rows: Sequence[list[Any]], path: Any) -> ListBuffer | None:
    """References to copies of the lists."""
    form = form_of(*rows, resolve=False)
    if form is None or form[1] is list or any(k.shape is not None for k in form[0]):
        return None
    session = current()
    site = "argument", *path
    heap = session.heaps[site] = Heap(site)
    heap.must_hold(form)
    assert heap.form is not None
    items = [item for row in rows for item in row]
    counts = [length_of(row) if is_grown(row) else len(row) for row in rows]
    starts: list[Dim] = [0, *accumulate(counts)][:-1]
    run = run_of_items(items, heap.form) if items else None
    numbers = heap.several(run, _column(starts), _column(counts))
    heap.frozen = _reason()
    return ListBuffer([numbers], len(rows), ((Kind("int", shape=(), lists=ListsOf(site)),), None))


def _column(dims: Sequence[Dim]) -> Value:
    b = current().b
    if all(type(d) is int for d in dims):
        found: Value = b.const(np.array(dims), "i64")
        return found
    parts = [b.reshape(b.index(d), (1,)) for d in dims]
    return parts[0] if len(parts) == 1 else b.op("concatenate", *parts, axis=0)
