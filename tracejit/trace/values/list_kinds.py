"""What the items of a list are whose length the run decides: numbers, texts (``text_kinds``),
arrays of one dtype and shape, or tuples or lists of these.

Numbers may be of several kinds: a column beside theirs says of which each is. Arrays, and lists of
one length, are items by value. So they must not be changed once they are: neither what was appended
nor what is read. Other lists are items by reference (``list_heaps``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from tracejit.errors import UnsupportedError
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.ir.types import TensorType
from tracejit.records import dataclass
from tracejit.trace.session.frames import EVERY_LIST, Restart
from tracejit.trace.session.registry import LIST_HEAPS, LIST_ROWS, LIST_TEXTS
from tracejit.trace.session.session import current, where
from tracejit.trace.session.storage import Cell
from tracejit.trace.values import number_tags
from tracejit.trace.values.arrays import Array
from tracejit.trace.values.marked_texts import is_text
from tracejit.trace.values.number_tags import AnyKind
from tracejit.trace.values.program_names import known_objects
from tracejit.trace.values.scalar_join import is_number, number_value
from tracejit.trace.values.scalars import PyScalar, Scalar, TaggedScalar, WeakKind, python_int
from tracejit.trace.values.selected_storage import Select


@dataclass(frozen=True)
class ListsOf:
    """What lists are that are items by reference. ``site``: names the heap that they are in; None
    before that is decided, where ``items`` is what they hold (None of empty ones)."""

    site: Any
    items: ElementKinds | None = None


class Kind:
    """What one part of each item is: a number of Python's or NumPy's, of one of some kinds; of an
    array its shape, too, and of a list by value (``row``) its length; or a reference to a list
    (``lists``), an integer.

    It has one column, or two: of numbers of several kinds the second says of which each is."""

    __slots__ = ("dtype", "kinds", "lists", "row", "shape")

    def __init__(
        self,
        *kinds: AnyKind,
        shape: tuple[Dim, ...] | None = None,
        row: bool = False,
        lists: ListsOf | None = None,
    ) -> None:
        self.kinds = number_tags.in_order(kinds)
        self.dtype = number_tags.storage(self.kinds)
        self.shape = shape
        self.row = row
        self.lists = lists

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Kind):
            return NotImplemented
        mine, theirs = (number_tags.named(k.kinds) for k in (self, other))
        return mine == theirs and (self.row, self.shape, self.lists) == (
            other.row, other.shape, other.lists,
        )  # fmt: skip

    def __hash__(self) -> int:
        return hash((number_tags.named(self.kinds), self.lists))

    @property
    def weak(self) -> WeakKind | None:
        """The kind of Python's that all are."""
        (kind,) = self.kinds if len(self.kinds) == 1 else (None,)
        return kind if isinstance(kind, str) else None

    @property
    def is_tagged(self) -> bool:
        return len(self.kinds) > 1

    @property
    def width(self) -> int:
        """How many columns it has."""
        return 2 if self.is_tagged else 1

    def column(self, room: Dim) -> tuple[Dim, ...]:
        """The shape of a column with room for so many."""
        return (room, *(self.shape or ()))

    def types(self, shape: tuple[Dim, ...]) -> list[TensorType]:
        """The types of its columns, or of parts of them."""
        return [TensorType(d, shape) for d in (self.dtype, number_tags.TAG)[: self.width]]

    def values(self, x: Any) -> list[Value]:
        """A part as values of these types."""
        if self.shape is None:
            if self.is_tagged:
                return list(number_tags.encoded(x, self.kinds, self.dtype))
            return [number_value(x, self.kinds[0])]
        if self.lists is not None:
            return [LIST_HEAPS["number"](x, self)]
        keep_as_it_is(x)
        if self.row:
            found: list[Value] = LIST_ROWS["values"](x, self)
            return found
        return [x.read()]

    def can_hold(self, numbers: Sequence[Any]) -> bool:
        """Whether the dtype has room for known numbers; ``values`` says which it has none for."""
        try:
            np.array(numbers, self.dtype)
        except OverflowError:
            return False
        return True

    def constants(self, numbers: Sequence[Any]) -> list[Value]:
        """The columns of known numbers."""
        if self.is_tagged:
            return list(number_tags.encoded_constants(numbers, self.kinds, self.dtype))
        return [current().b.const(np.array(numbers, self.dtype), self.dtype)]

    def part(self, values: Sequence[Value]) -> Any:
        """A traced number, array or list of this kind."""
        if self.lists is not None:
            return LIST_HEAPS["list"](values[0], self)
        if self.row:
            row = LIST_ROWS["made"](values, self)
            current().kept[id(row)] = row, _reason("read from")
            return row
        if self.shape is not None:
            cell = Cell(values[0])
            cell.kept = _reason("read from")
            return Array(cell)
        if self.is_tagged:
            return number_tags.decoded(values[0], values[1], self.kinds)
        if self.weak == "int":
            return python_int(values[0])
        return Scalar(values[0]) if self.weak is None else PyScalar(self.weak, values[0])

    def converted(
        self, columns: Sequence[Value], kind: Kind, count: Dim, live: Value | None = None
    ) -> list[Value]:
        """Its columns as those of another kind that has all of these kinds. OverflowError at run
        time where one of the first ``count`` items, if it is ``live``, is an int that would be
        rounded."""
        if kind == self:
            return list(columns)
        b = current().b
        if kind.lists is not None:
            return [columns[0] if self.lists else LIST_HEAPS["of_rows"](columns, self, kind, count)]
        number_tags.must_hold(columns[0], kind.dtype, count, live)
        found = [b.convert(columns[0], kind.dtype)]
        if kind.is_tagged:
            if self.is_tagged:
                found.append(number_tags.renumbered(columns[1], self.kinds, kind.kinds))
            else:
                tag = number_tags.tag_of(self.kinds[0], kind.kinds)
                found.append(b.full(tag, TensorType(number_tags.TAG, columns[0].shape)))
        return found


def share_all(reason: str) -> None:
    """Begin the trace again with every list that is an item by reference, if it is not so yet."""
    if not current().loop_is(*EVERY_LIST):
        raise Restart(*EVERY_LIST, reason)


def must_not_be_kept() -> None:
    """A list that is an item is about to be changed. Lists that became items by value do not show
    that: if the program knows one by another name, begin again with all by reference."""
    session = current()
    if session.rows_shared is not None:
        share_all(session.rows_shared)
        raise UnsupportedError(session.rows_shared)
    known = known_objects(session) if session.kept else ()
    for x, reason in session.kept.values():
        if id(x) in known:
            share_all(reason)
            raise UnsupportedError(reason)


#: What the items are: the kinds of their parts, and tuple or list where they are such.
ElementKinds = tuple[tuple[Kind, ...], "type | None"]


def kind_of(x: Any) -> Kind:
    """What holds a part as it is."""
    if type(x) is list:
        found: Kind = LIST_ROWS["kind"](x)
        return found
    if is_text(x):
        of_text: Kind = LIST_TEXTS["kind"](x)
        return of_text
    if isinstance(x, Array):
        return Kind(x.dtype, shape=x.dims)
    return Kind(*number_tags.kinds_of(x))


def joined(a: Kind, b: Kind) -> Kind | None:
    """What holds parts of either kind as they are; None where nothing does."""
    if a == b:
        return a
    if any(k.row or k.lists is not None for k in (a, b)):
        found: Kind | None = LIST_HEAPS["joined"](a, b)
        return found
    if a.shape is not None or b.shape is not None:
        both: Kind | None = LIST_TEXTS["joined"](a, b)
        return both
    return with_kinds_of(a, b)


def with_kinds_of(a: Kind, b: Kind) -> Kind | None:
    """``a``, of numbers of the kinds of either."""
    try:
        return Kind(*a.kinds, *b.kinds, shape=a.shape, row=a.row)
    except TypeError:  # a dtype of another library's that NumPy has no common one for
        return None


def is_part(x: Any) -> bool:
    """Whether something can be an item, or a part of one."""
    if type(x) is list:
        return LIST_ROWS["kind"](x) is not None
    if is_text(x):
        return LIST_TEXTS["kind"](x) is not None
    return isinstance(x, Array | TaggedScalar) or is_number(x)


def by_part(kinds: Iterable[Kind], columns: Sequence[Value]) -> Iterator[tuple[Kind, list[Value]]]:
    """Each kind with its columns."""
    rest = iter(columns)
    for kind in kinds:
        yield kind, [next(rest) for _ in range(kind.width)]


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
            share_all(reason)
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
