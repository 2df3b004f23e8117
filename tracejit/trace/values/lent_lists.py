"""Lists of lists, and dicts of lists, that are arguments and are changed: while the call runs their
lists are the first ones of a heap. When it has ended these hold what is there then.

What is only read stands for itself (``caller_lists``). A change begins the trace again, which then
lends the lists before all else.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any, NoReturn

import numpy as np

from tracejit.errors import UnsupportedError
from tracejit.ir.core import Value
from tracejit.ir.results import Lent
from tracejit.trace.session.session import Session, current
from tracejit.trace.values import entries
from tracejit.trace.values.caller_lists import column_of, entries_laid_out, itself_key, lent_key
from tracejit.trace.values.dynamic_list import ListBuffer, ListRef, form_of, is_ref, run_of_items
from tracejit.trace.values.list_heap_sites import heap_at, one_heap, reference_kind
from tracejit.trace.values.list_kinds import Kind, ListsOf

Path = tuple[Any, ...]


def lend(session: Session) -> None:
    """Lend what an earlier trace found to be changed."""
    for path, obj, _ in session.outside.containers():
        if session.loop_is(lent_key(path), "lists"):
            _lend(obj, path)
        elif session.loop_is(itself_key(path), "lists") and not is_ref(obj):
            _lend_itself(obj, path)
        key = session.lendable.get(id(obj))
        if id(obj) in session.passed_in and session.loop_is(key, "lists"):
            session.kept.pop(id(obj), None)
            for depth, (heap, group) in enumerate(session.passed_in[id(obj)], 1):
                heap.frozen = None
                heap.lend(group, Lent(path, ((),) * depth))


def _lend(x: Any, path: Path) -> None:
    rows = list(x.values() if isinstance(x, dict) else x)
    numbers, kind = _lists(rows, Lent(path, ()), ("argument", *path))
    held: Any
    if isinstance(x, dict):
        held = entries_laid_out(list(x), numbers, kind)
        entries.put_table(x, held)
    else:
        held = ListBuffer([numbers], len(rows), ((kind,), None))
        x[:] = [held]
    current().outside.same_items(held, rows)


def _lend_itself(x: list[Any], path: Path) -> None:
    """The list at a path, of numbers or tuples of numbers, is one of a heap."""
    session, held = current(), list(x)
    form = form_of(held, resolve=False)
    if form is None:
        _refuse("holds what is no number, or tuple of numbers")
    heap = heap_at(("argument", *path))
    heap.must_hold(form)
    assert heap.form is not None
    run, b = run_of_items(held, heap.form), session.b
    start = b.const(np.zeros(1, np.int64), "i64")
    group = heap.pass_in(run, start, b.op("reshape", b.index(run.count), shape=(1,)))
    ref = ListRef(heap, b.index(group.start))
    x[:] = [ref]
    session.outside.same_items(ref, held)
    heap.lend(group, Lent(path, ()))


def _lists(rows: Sequence[list[Any]], lent: Lent, site: Path) -> tuple[Value, Kind]:
    """The numbers of lists in a heap, and what these are. One in several places is one of it, also
    where another container has it that was lent before. ``lent``: what these are items of."""
    session = current()
    places = {id(row): row for row in rows}
    several, rows = rows, list(places.values())
    heap = heap_at(site)
    for ref in (row[0] for row in rows if is_ref(row)):
        one_heap(ref.heap, heap)
    lent = Lent(lent.path, (*lent.but, tuple(k for k, row in enumerate(rows) if is_ref(row))))
    rows = [row for row in rows if not is_ref(row)]
    before = list(map(list, rows))
    items = [item for row in before for item in row]
    run = None
    if any(type(item) is list for item in items):
        if not all(type(item) is list for item in items):
            _refuse("holds lists and other things in one list")
        numbers, kind = _lists(items, lent, (("items", 0), *site))
        run = ListBuffer([numbers], len(items), ((kind,), None))
        heap.must_hold(run.form)
    elif items:
        form = form_of(*before, resolve=False)
        if form is None or any(k.shape is not None for k in form[0]):
            _refuse("holds lists of what is no number, or tuple of numbers")
        heap.must_hold(form)
        assert heap.form is not None
        run = run_of_items(items, heap.form)
    b = session.b
    counts = list(map(len, before))
    starts = [0, *accumulate(counts)][: len(counts)]
    begin = (b.const(np.array(v, np.int64), "i64") for v in (starts, counts))
    group = heap.pass_in(run, *begin)
    for number, (row, held) in enumerate(zip(rows, before, strict=True)):
        ref = ListRef(heap, b.index(group.start + number))
        row[:] = [ref]
        session.outside.same_items(ref, held)
    heap.lend(group, lent)
    found = column_of([row[0].number.dim for row in several])
    return found, reference_kind(ListsOf(heap.site))


def _refuse(what: str) -> NoReturn:
    raise UnsupportedError(
        f"a list or dict of lists that is an argument, of which the run chooses one, {what}: make "
        "it of lists of numbers, or of tuples of numbers, or keep several"
    )
