"""Lists of numbers as items of a list whose length the run decides: the rows of ``g[i][j]``.

All rows have one length. The one that is read of ``g`` is a list that knows where it is from, and
what is written to it is written to ``g``. It can be used as long as ``g`` is as it was then but for
that: after any other change it must be indexed anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tracejit.errors import UnsupportedError
from tracejit.ir import extent as ex
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.records import dataclass
from tracejit.trace.session.frames import EVERY_LIST
from tracejit.trace.session.registry import LIST_HEAPS, LIST_ROWS
from tracejit.trace.session.session import current, where
from tracejit.trace.values import containers
from tracejit.trace.values.dynamic_list import (
    ListBuffer,
    ListRef,
    array_of,
    converted,
    form_of,
    is_grown,
    laid_out,
    parts_of,
    run_of,
)
from tracejit.trace.values.list_kinds import (
    ElementKinds,
    Kind,
    kind_of,
    must_not_be_kept,
    share_all,
)
from tracejit.trace.values.scalar_join import is_number
from tracejit.trace.values.scalars import TaggedScalar


@dataclass
class TableRow:
    """A list ``row`` that is item ``at`` of ``owner`` while that holds ``run``."""

    row: list[Any]
    owner: list[Any]
    at: Dim
    run: ListBuffer

    def must_hold(self) -> None:
        """UnsupportedError where the owner was changed since."""
        if self.owner[0] is not self.run:
            reason = (
                f"{where()}: a row of a list of lists is used after the list was changed, or in a "
                "loop that changes it: index it anew (g[i][j]), or use an array"
            )
            share_all(reason)
            raise UnsupportedError(reason)


_PLAIN = (bool, int, float, complex)


def _kind(x: list[Any]) -> Kind | None:
    """The kind of a list as an item; None of what is an item in its parts, or none."""
    if x and not current().loop_is(*EVERY_LIST):
        found = _kind_by_value(x)
        if found is not None:
            return found
    if _is_of_parts(x):
        return None
    by_reference: Kind | None = LIST_HEAPS["kind"](x)
    return by_reference


def _is_of_parts(x: list[Any]) -> bool:
    """Whether a list is of a few numbers, not all of one kind: each is a part then."""
    some = bool(x) and not is_grown(x) and not current().loop_is(*EVERY_LIST)
    return some and all(is_number(i) or isinstance(i, TaggedScalar) for i in x)


def _kind_by_value(x: list[Any]) -> Kind | None:
    """The kind of a list of numbers of one kind, as many as is known; None of anything else."""
    first = x[0]
    if type(first) is ListRef:
        return None
    if type(first) is ListBuffer:
        kinds, make = first.form
        if len(x) > 1 or make is not None or kinds[0].shape is not None or _varies(first.count):
            return None
        return Kind(*kinds[0].kinds, shape=(first.count,), row=True)
    if type(first) in _PLAIN and len(set(map(type, x))) == 1:
        return Kind(*kind_of(first).kinds, shape=(len(x),), row=True)
    if not all(is_number(i) or isinstance(i, TaggedScalar) for i in x):
        return None
    kind = kind_of(first)
    if any(i is not first and kind_of(i) != kind for i in x):
        return None  # each is a part of its own kind
    return Kind(*kind.kinds, shape=(len(x),), row=True)


def _varies(count: Dim) -> bool:
    """Whether a loop under way may make lists of another length in another turn."""
    if isinstance(count, int):
        return False
    leaves = set(ex.leaves(count))
    frames = current().frames
    first = next((k for k, f in enumerate(frames) if f.kind == "loop"), len(frames))
    return any(
        not leaves.isdisjoint(f.own)
        or any(not leaves.isdisjoint(i.results) for i in f.builder.instrs)
        for f in frames[first:]
    )


def _form(kind: Kind) -> ElementKinds:
    """What the items of rows of a kind are."""
    return (Kind(*kind.kinds),), None


def _values(x: list[Any], kind: Kind) -> list[Value]:
    form = _form(kind)
    return parts_of(converted(x[0], form) if type(x[0]) is ListBuffer else laid_out(x, form))


def _made(values: Sequence[Value], kind: Kind) -> list[Any]:
    assert kind.shape is not None
    run = ListBuffer(values, kind.shape[0], _form(kind))
    made: list[Any] = containers.made(current(), [run])
    return made


def note(row: Any, owner: list[Any], at: Dim) -> Any:
    """An item that was read: if it is a row, what is written to it is written to the owner."""
    run = owner[0]
    if type(run) is not ListBuffer:
        return row
    if type(row) is list and run.form[1] is None and run.form[0][0].row:
        session = current()
        session.kept.pop(id(row), None)
        session.rows[id(row)] = TableRow(row, owner, at, run)
    return row


def found(x: Any) -> TableRow | None:
    """Where a list is from, if it is a row that can still be used."""
    link: TableRow | None = current().rows.get(id(x))
    if link is None or link.row is not x:
        return None
    link.must_hold()
    return link


def write_item(link: TableRow, at: Dim, item: Any) -> None:
    """``row[at] = item``, in range."""
    session = current()
    kind = link.run.form[0][0]
    both = form_of([ListBuffer((), 1, _form(kind))], [item])
    if both is None:
        share_all(f"{where()}: a row of a list of lists becomes one of other things")
        raise UnsupportedError(
            f"{where()}: what is no number is put into a row of a list of lists: use a tuple, or "
            "an array"
        )
    new = Kind(*both[0][0].kinds, shape=kind.shape, row=True)
    b = session.b
    columns = []
    rows = kind.converted(link.run.columns, new, link.run.count)
    pairs = zip(rows, both[0][0].values(item), strict=True)
    for column, value in pairs:
        part = b.reshape(value, (1, 1))
        columns.append(b.op("put_slice", column, part, *b.bounds((link.at, at), None)))
    _replace(link, columns, new)


def write_row(link: TableRow, run: ListBuffer) -> None:
    """Other items for a row, as many."""
    kind = link.run.form[0][0]
    if run.count != link.row[0].count or run.form != link.row[0].form:
        reason = (
            f"{where()}: a row of a list of lists changes its length or kind: make a list of each, "
            "or use an array"
        )
        share_all(reason)
        raise UnsupportedError(reason)
    b = current().b
    columns = []
    for column, value in zip(link.run.columns, parts_of(run), strict=True):
        part = b.reshape(value, kind.column(1))
        columns.append(b.op("put_slice", column, part, *b.bounds((link.at, 0), None)))
    _replace(link, columns, kind)


def share() -> None:
    """Rows are in two lists from here on: none can be written any more."""
    session = current()
    reason = (
        f"{where()}: rows of a list of lists are written that are in another list, too (a slice, a "
        "copy): copy each ([list(row) for row in g]), or use an array"
    )
    if any(frame in session.rows_written for frame in session.frames if frame.kind == "loop"):
        share_all(reason)
        raise UnsupportedError(reason)
    session.rows_shared = session.rows_shared or reason


def _row_run(link: TableRow) -> ListBuffer:
    """The items of a row as they are in the list around."""
    kind = link.run.form[0][0]
    b = current().b
    assert kind.shape is not None
    rows = [b.slice(c, (link.at, 0), kind.column(1), (1, 1)) for c in link.run.columns]
    values = [b.reshape(row, kind.shape) for row in rows]
    return ListBuffer(values, kind.shape[0], _form(kind))


def _replace(link: TableRow, columns: Sequence[Value], kind: Kind) -> None:
    session = current()
    must_not_be_kept()
    session.rows_written += [f for f in session.frames if f not in session.rows_written]
    containers.must_be_known(session, link.owner)
    containers.touch(session, link.owner)
    run = ListBuffer(columns, link.run.count, ((kind,), None))
    link.owner[:] = [run]
    link.run = run
    link.row[:] = [_row_run(link)]


def whole(x: Any) -> Value:
    """``np.array`` of a list of which the run decides how long it is."""
    run = run_of(x)
    by_reference = run.form[1] is None and run.form[0][0].lists is not None
    found: Value = LIST_HEAPS["array"](run) if by_reference else array_of(run)
    return found


def _whole(x: Any) -> Value | None:
    """``whole``; None of other things."""
    return whole(x) if is_grown(x) else None


LIST_ROWS.update(kind=_kind, values=_values, made=_made, whole=_whole)
LIST_ROWS.update(note=note, found=found, write=write_row, share=share)
