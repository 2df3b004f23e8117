"""Storage: cells that hold one SSA value at a time, and choices between two views at run time."""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.trace.session.session import Restart, current
from tracejit.trace.session.stride_classes import Packing, order_in, strides_in

if TYPE_CHECKING:
    from tracejit.trace.values.all import Array


class Cell:
    """Storage that holds one SSA value at a time. ``order``: axes from slowest to fastest in
    memory, None when unknown (an argument of any strides). ``users``: how many arrays lie in it
    now. ``writeable`` is None where only the run decides."""

    def __init__(
        self,
        value: Value,
        order: tuple[int, ...] | None = None,
        *,
        arg: int | None = None,
        writeable: bool | None = True,
        strided: bool = False,
        packing: Packing | None = None,
    ) -> None:
        session = current()
        self.value = value
        self.dtype = value.dtype
        self.shape = value.shape
        rank = len(value.shape)
        self.order = None if strided else (order or tuple(range(rank)))
        self.packing = packing
        if packing is not None:
            self.order = order_in(packing, rank)
        self.depth = session.frame.depth
        self.arg = arg
        self.writeable = writeable
        self.users = 0
        self.layout_matters = False
        self.links: list[Link] = []
        #: In a loop's body: the key of the loop, where that carries this by value.
        self.carried: Any = None
        self.session = weakref.ref(session)

    def look(self) -> None:
        """How the elements lie in memory decides whether something is a view or a copy."""
        self.layout_matters = True

    def must_be_known(self) -> None:
        """Before a write: if what a loop carried by value may be this storage, or this what the
        loop carried, trace again with that loop exact."""
        for link in self.links:
            if link.others(self):
                raise Restart(link.key, "exact", "a loop decides which storage this writes to")

    def may_be(self) -> set[Cell]:
        """Other storage that this may be one with."""
        return {c for link in self.links for c in link.others(self)}

    def replaces(self, old: Cell) -> None:
        """What ``old`` may be, this may be."""
        for link in old.links:
            link.add(self)

    def strides(self) -> tuple[Dim | None, ...]:
        """Strides in elements; None where unknown."""
        if self.packing is not None:
            return strides_in(self.packing, self.shape)
        if self.order is None:
            return (None,) * len(self.shape)
        found: list[Dim | None] = [None] * len(self.shape)
        step: Dim = 1
        for axis in reversed(self.order):
            found[axis] = step
            step = self.shape[axis] * step
        return tuple(found)


class Link:
    """Storage that may be one and the same after the loop at ``key``."""

    def __init__(self, key: Any, cells: Iterable[Cell]) -> None:
        self.key = key
        self.cells: weakref.WeakSet[Cell] = weakref.WeakSet()
        for cell in cells:
            self.add(cell)

    def add(self, cell: Cell) -> None:
        if cell not in self.cells:
            self.cells.add(cell)
            cell.links.append(self)

    def others(self, cell: Cell) -> list[Cell]:
        """The storage among it that something still refers to."""
        found = [c for c in self.cells if c is not cell]
        return [c for c in found if c.users or c.arg is not None]


class Choice:
    """Storage that is one of two views, known at run time only (``pred``: the first)."""

    arg: ClassVar[None] = None

    def __init__(
        self, pred: Value, then: Array, other: Array, contents: Value | None = None
    ) -> None:
        self.pred = pred
        self.then = then
        self.other = other
        self.dtype: np.dtype[Any] = then.dtype
        self.shape: tuple[Dim, ...] = (
            _chosen_dims(pred, then.dims, other.dims) if contents is None else contents.shape
        )
        self.users = 0
        self._known = None if contents is None else (_held(then), _held(other), contents)
        self.depth = current().frame.depth
        sides = (then.cell.writeable, other.cell.writeable)
        self.writeable: bool | None = sides[0] if sides[0] == sides[1] else None

    def look(self) -> None:
        """As for cells."""
        self.then.cell.look()
        self.other.cell.look()

    def contents(self) -> Value | None:
        """What both views hold, where that is known and neither was written since."""
        if self._known is None or (_held(self.then), _held(self.other)) != self._known[:2]:
            return None
        return self._known[2]

    def strides(self) -> tuple[Dim | None, ...]:
        pairs = zip(self.then.strides, self.other.strides, strict=True)
        return tuple(a if a == b else None for a, b in pairs)


def _held(x: Array) -> Value | None:
    """What the storage under a view holds now, as the innermost region sees it."""
    return current().read_cell(x.cell) if isinstance(x.cell, Cell) else None


def _chosen_dims(pred: Value, a: tuple[Dim, ...], b: tuple[Dim, ...]) -> tuple[Dim, ...]:
    """Extents of one of two views."""
    builder, ranges = current().b, current().ranges
    dims: list[Dim] = []
    for x, y in zip(a, b, strict=True):
        if x == y:
            dims.append(x)
        else:
            chosen = builder.op("select", pred, builder.index(x), builder.index(y))
            dims.append(ranges.extent(chosen).dim)
    return tuple(dims)
