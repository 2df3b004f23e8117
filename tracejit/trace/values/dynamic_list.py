"""Lists of which the run decides how long they are: buffers with room to grow, and a count.

Such a list holds one object while it is traced, a ``ListBuffer``, which stands for all of its
items: numbers of one kind, or tuples of them. It is a value: what changes the list makes another.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NoReturn, TypeGuard

import numpy as np

from tracejit.errors import UnsupportedError
from tracejit.ir import extent as ex
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.ir.types import TensorType, dtype_of
from tracejit.trace.session.regions import emit_cond
from tracejit.trace.session.session import current, where
from tracejit.trace.session.tracer import Steps, Tracer
from tracejit.trace.values import containers
from tracejit.trace.values.scalar_join import is_number, joined_number, meeting_kind, number_value
from tracejit.trace.values.scalars import (
    KIND_DTYPE,
    MixedScalar,
    PyScalar,
    Scalar,
    WeakKind,
    python_int,
    weak_kind,
)

_ROOM = 8
_NOTHING = object()


class Kind:
    """What one part of each item is: a Python kind or a NumPy dtype."""

    __slots__ = ("dtype", "exact", "weak")

    def __init__(self, kind: WeakKind | np.dtype[Any], *, exact: bool = False) -> None:
        """``exact``: of a list of the caller's, which gets back the very kinds that Python has."""
        self.exact = exact
        self.weak: WeakKind | None = kind if isinstance(kind, str) else None
        self.dtype = dtype_of(KIND_DTYPE[kind] if isinstance(kind, str) else kind)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Kind):
            return NotImplemented
        return self.weak == other.weak and self.dtype == other.dtype

    def __hash__(self) -> int:
        return hash((self.weak, self.dtype))

    def of_caller(self) -> Kind:
        """The same, of a list of the caller's."""
        return Kind(self.joined, exact=True)

    @property
    def joined(self) -> WeakKind | np.dtype[Any]:
        """As ``joined_number`` has it."""
        return self.weak or self.dtype

    def number(self, value: Value) -> Any:
        """A traced number of this kind."""
        if self.weak == "int":
            return python_int(value)
        return Scalar(value) if self.weak is None else PyScalar(self.weak, value)


#: What the items are: the kinds of their parts, and whether they are tuples.
ElementKinds = tuple[tuple[Kind, ...], bool]


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
        return list(self.constant or map(_example, self.form[0]))

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
        form = form_of(x)
        if form is None:
            refuse("items of unlike kinds")
        replace_items(x, run_of_items(x, form))
    found: ListBuffer = x[0]
    return found


def replace_items(x: list[Any], run: ListBuffer) -> None:
    """Other items for a list."""
    containers.touch(current(), x)
    x[:] = [run]


# Forms --------------------------------------------------------------------------------------------


def form_of(*lists: Iterable[Any]) -> ElementKinds | None:
    """What holds all items of some lists; None where nothing does, or there are none."""
    found: tuple[list[Any], bool] | None = None
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
            parts, is_tuple = item.examples, item.form[1]
        else:
            is_tuple = type(item) is tuple and len(item) > 0
            parts = list(item) if is_tuple else [item]
        if not all(map(is_number, parts)):
            return None
        if found is None:
            found = parts, is_tuple
            continue
        if (len(parts), is_tuple) != (len(found[0]), found[1]):
            return None
        for k, (a, b) in enumerate(zip(found[0], parts, strict=True)):
            if _kind(a) != _kind(b):
                if exact:
                    refuse("an item of another kind")
                kind = joined_number(a, b)
                if kind is None:
                    return None
                found[0][k] = _example(Kind(kind))
    if found is None:
        return empty
    return tuple(_kind(x, exact=exact) for x in found[0]), found[1]


def _kind(x: Any, *, exact: bool = False) -> Kind:
    return Kind(weak_kind(x) or x.dtype, exact=exact)


def _example(kind: Kind) -> Any:
    """A traced number of a kind, of which nothing else is known."""
    value = Value(TensorType(kind.dtype))
    return Scalar(value) if kind.weak is None else PyScalar(kind.weak, value)


def empty_run(form: ElementKinds, room: int = _ROOM) -> ListBuffer:
    """No items yet."""
    b = current().b
    columns = [b.op("empty", dtype=k.dtype, shape=(room,)) for k in form[0]]
    return ListBuffer(columns, 0, form)


def form_alike(items: Sequence[Any]) -> ElementKinds | None:
    """The form of the items as they are, if one holds them all without a conversion."""
    rows = [x if type(x) is tuple else (x,) for x in items]
    first = rows[0] if rows else ()
    if not first or not all(is_number(x) and not _is_of_two_kinds(x) for x in first):
        return None
    for k, (item, row) in enumerate(zip(items, rows, strict=True)):
        if k and item is items[k - 1]:
            continue
        if type(item) is not type(items[0]) and tuple in (type(item), type(items[0])):
            return None
        if len(row) != len(first) or not all(map(is_number, row)):
            return None
        if any(_is_of_two_kinds(b) or _kind(a) != _kind(b) for a, b in zip(first, row)):
            return None
    return tuple(map(_kind, first)), type(items[0]) is tuple


def _is_of_two_kinds(x: Any) -> bool:
    return isinstance(x, MixedScalar)


def laid_out(items: Sequence[Any], form: ElementKinds) -> ListBuffer:
    """Items, no runs among them, one after the other."""
    b = current().b
    rows = [x if form[1] else (x,) for x in items]
    if not any(isinstance(x, Tracer) for row in rows for x in row):
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
    values = [b.reshape(number_value(x, kind.joined), (1,)) for x in parts]
    return b.op("concatenate", *values, axis=0) if len(values) > 1 else values[0]


def repeated(items: Sequence[Any], form: ElementKinds, times: Dim) -> ListBuffer:
    """The items, no runs among them, so many times."""
    b = current().b
    run = laid_out(items, form)
    n = len(items)
    columns = [
        b.reshape(b.op("broadcast", c, shape=(times, n), axes=(1,)), (times * n,))
        for c in run.columns
    ]
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
    parts = item if form[1] else (item,)
    b = current().b
    columns = []
    for column, part, kind in zip(run.columns, parts, form[0], strict=True):
        value = b.reshape(number_value(part, kind.joined), (1,))
        column = _with_room(column, run.count)
        columns.append(b.op("put_slice", column, value, *b.bounds((run.count,), (1,))))
    return ListBuffer(columns, run.count + 1, form)


def _form_for_now(run: ListBuffer, item: Any) -> ElementKinds:
    """What holds the items where another kind comes. A loop's body may be traced again with the
    kind that its numbers settle on; otherwise this is refused."""
    error = UnsupportedError(
        f"{where()}: a list whose length is known at run time only holds numbers of one kind, or "
        "tuples of them: convert what is appended, or keep several lists"
    )
    other = form_of([item])
    if other is None or (len(other[0]), other[1]) != (len(run.form[0]), run.form[1]):
        raise error
    pairs = zip(run.form[0], other[0], strict=True)
    kinds = [meeting_kind(_example(a), _example(b)) if a != b else a.joined for a, b in pairs]
    if any(k is None for k in kinds):
        raise error
    current().refuse_later(error)
    return tuple(Kind(k) for k in kinds if k is not None), run.form[1]


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
        more = b.op("empty", dtype=column.dtype, shape=(size + _ROOM,))
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
    found = b.op("cast_shape", column, shape=(size.dim,), exc="AssertionError", message=message)
    return [size, found]


def extended(run: ListBuffer, other: ListBuffer) -> ListBuffer:
    """The items of two runs of one form."""
    assert run.form == other.form
    pairs = zip(parts_of(run), parts_of(other), strict=True)
    columns = [current().b.op("concatenate", a, z, axis=0) for a, z in pairs]
    return ListBuffer(columns, run.count + other.count, run.form)


def parts_of(run: ListBuffer) -> list[Value]:
    """The columns without the room that is left."""
    b = current().b
    return [b.slice(c, (0,), (run.count,), (1,)) for c in run.columns]


def window(run: ListBuffer, start: Dim, step: Dim, count: Dim) -> ListBuffer:
    """Some of the items, in range."""
    b = current().b
    columns = [b.slice(c, (start,), (count,), (step,)) for c in run.columns]
    return ListBuffer(columns, count, run.form, run.constant)


def item_at(run: ListBuffer, i: Dim) -> Any:
    """One item, in range."""
    b = current().b
    values = [b.reshape(b.slice(c, (i,), (1,), (1,)), ()) for c in run.columns]
    parts = [k.number(v) for k, v in zip(run.form[0], values, strict=True)]
    return tuple(parts) if run.form[1] else parts[0]


def with_item(run: ListBuffer, i: Dim, item: Any) -> ListBuffer:
    """With another item at a place, in range."""
    form = form_of([run], [item]) or _form_for_now(run, item)
    run = converted(run, form)
    b = current().b
    columns = []
    for column, part, kind in zip(run.columns, item if form[1] else (item,), form[0], strict=True):
        value = b.reshape(number_value(part, kind.joined), (1,))
        columns.append(b.op("put_slice", column, value, *b.bounds((i,), (1,))))
    return ListBuffer(columns, run.count, form)


def array_of(run: ListBuffer) -> Value:
    """``np.array`` of the list: one row for each tuple."""
    kinds, is_tuple = run.form
    columns = parts_of(run)
    if not is_tuple:
        return columns[0]
    b = current().b
    dtype = dtype_of(np.result_type(*(k.dtype for k in kinds)))
    rows = [b.reshape(b.convert(c, dtype), (run.count, 1)) for c in columns]
    return rows[0] if len(rows) == 1 else b.op("concatenate", *rows, axis=1)
