"""What the items of a list are whose length the run decides: numbers of one kind, arrays of one
dtype and shape, or tuples or lists of these.

Arrays and lists are items by value. So they must not be changed once they are: neither what was
appended nor what is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tracejit.errors import UnsupportedError
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.ir.types import TensorType, dtype_of
from tracejit.trace.session.registry import LIST_ROWS
from tracejit.trace.session.session import current, where
from tracejit.trace.session.storage import Cell
from tracejit.trace.values.arrays import Array
from tracejit.trace.values.scalar_join import is_number, number_value
from tracejit.trace.values.scalars import (
    KIND_DTYPE,
    MixedScalar,
    PyScalar,
    Scalar,
    WeakKind,
    python_int,
    weak_kind,
)
from tracejit.trace.values.selected_storage import Select


class Kind:
    """What one part of each item is: a Python kind or a NumPy dtype; of an array its shape, too,
    and of a list (``row``) its length."""

    __slots__ = ("dtype", "exact", "row", "shape", "weak")

    def __init__(
        self,
        kind: WeakKind | np.dtype[Any],
        *,
        exact: bool = False,
        shape: tuple[Dim, ...] | None = None,
        row: bool = False,
    ) -> None:
        """``exact``: of a list of the caller's, which gets back the very kinds that Python has."""
        self.exact = exact
        self.weak: WeakKind | None = kind if isinstance(kind, str) else None
        self.dtype = dtype_of(KIND_DTYPE[kind] if isinstance(kind, str) else kind)
        self.shape = shape
        self.row = row

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Kind):
            return NotImplemented
        mine, theirs = (self.weak, self.dtype, self.row), (other.weak, other.dtype, other.row)
        return mine == theirs and self.shape == other.shape

    def __hash__(self) -> int:
        return hash((self.weak, self.dtype))

    def of_caller(self) -> Kind:
        """The same, of a list of the caller's."""
        return Kind(self.joined, exact=True, shape=self.shape, row=self.row)

    @property
    def joined(self) -> WeakKind | np.dtype[Any]:
        """As ``joined_number`` has it."""
        return self.weak or self.dtype

    @property
    def shown(self) -> str | None:
        """As ``ListOut`` has it."""
        return "list" if self.row and self.weak is None else self.weak

    def column(self, room: Dim) -> tuple[Dim, ...]:
        """The shape of a buffer with room for so many."""
        return (room, *(self.shape or ()))

    def value(self, x: Any) -> Value:
        """A part as a value of the dtype."""
        if self.shape is None:
            return number_value(x, self.joined)
        keep_as_it_is(x)
        found: Value = LIST_ROWS["value"](x, self) if self.row else x.read()
        return found

    def part(self, value: Value) -> Any:
        """A traced number, array or list of this kind."""
        if self.row:
            row = LIST_ROWS["made"](value, self)
            current().kept[id(row)] = row, _reason("read from")
            return row
        if self.shape is not None:
            cell = Cell(value)
            cell.kept = _reason("read from")
            return Array(cell)
        if self.weak == "int":
            return python_int(value)
        return Scalar(value) if self.weak is None else PyScalar(self.weak, value)

    def example(self) -> Any:
        """A part of which nothing else is known."""
        value = Value(TensorType(self.dtype, self.shape or ()))
        if self.row:
            return LIST_ROWS["made"](value, self)
        if self.shape is not None:
            return Array(Cell(value))
        return Scalar(value) if self.weak is None else PyScalar(self.weak, value)


#: What the items are: the kinds of their parts, and tuple or list where they are such.
ElementKinds = tuple[tuple[Kind, ...], "type | None"]


def kind_of(x: Any, *, exact: bool = False) -> Kind:
    if type(x) is list:
        found: Kind = LIST_ROWS["kind"](x)
        return found
    if isinstance(x, Array):
        return Kind(x.dtype, exact=exact, shape=x.dims)
    return Kind(weak_kind(x) or x.dtype, exact=exact)


def is_part(x: Any) -> bool:
    """Whether something can be an item, or a part of one."""
    if type(x) is list:
        return LIST_ROWS["kind"](x) is not None
    return isinstance(x, Array) or is_number(x)


def is_of_one_kind(x: Any) -> bool:
    return is_part(x) and not isinstance(x, MixedScalar)


def parts_of_item(item: Any) -> tuple[list[Any], type | None]:
    """An item in its parts, and what puts them together again."""
    if type(item) is list and item and LIST_ROWS["kind"](item) is not None:
        return [item], None
    if type(item) in (tuple, list) and item:
        return list(item), type(item)
    return [item], None


def _reason(what: str) -> str:
    return (
        f"{where()}: an array or list that is {what} a list whose length is known at run time only "
        "is changed: put a copy there (x.copy(), list(x)), or make an array of all with np.array"
    )


def keep_as_it_is(x: Any) -> None:
    """An array or list becomes an item by value: UnsupportedError if it is changed from here on, or
    was in a loop under way that will change it again."""
    session = current()
    if id(x) in session.rows:
        x = session.rows[id(x)].owner
    if isinstance(x, list):
        reason = _reason("put into")
        frames = session.frames[made_at(x) + 1 :]
        if any(f.kind == "loop" and id(x) in f.containers for f in frames):
            raise UnsupportedError(reason)
        session.kept.setdefault(id(x), (x, reason))
        return
    for cell in _cells(x):
        reason = cell.kept or _reason("put into")
        if _changes_in_loop(cell):
            raise UnsupportedError(reason)
        cell.kept = reason
        if cell.arg is not None:
            session.given_to_list = session.given_to_list or reason


def made_at(obj: Any) -> int:
    """How deep the region is that made an object; 0 where that is not known."""
    frames = current().frames
    return next((f.depth for f in reversed(frames) if id(obj) in f.made), 0)


def _cells(x: Array) -> Iterator[Cell]:
    if isinstance(x.cell, Select):
        yield from _cells(x.cell.then)
        yield from _cells(x.cell.other)
    else:
        yield x.cell


def _changes_in_loop(cell: Cell) -> bool:
    frames = current().frames
    now = cell.value
    for frame in reversed(frames[cell.depth + 1 :]):
        if cell not in frame.touched:
            continue
        if frame.kind == "loop" and now is not frame.placeholders[cell]:
            return True
        now = frame.touched[cell]
    return False
