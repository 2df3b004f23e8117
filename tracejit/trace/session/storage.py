"""Storage: cells that hold one SSA value at a time."""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from typing import Any

from tracejit.errors import UnsupportedError
from tracejit.ir.arguments import Packing
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.trace.session.frames import Restart
from tracejit.trace.session.session import current
from tracejit.trace.session.stride_classes import order_in, strides_in


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
        #: Why it must not be written, where it is an item of a list by value.
        self.kept: str | None = None

    def look(self) -> None:
        """How the elements lie in memory decides whether something is a view or a copy."""
        self.layout_matters = True

    def must_be_known(self) -> None:
        """Before a write: if what a loop carried by value may be this storage, or this what the
        loop carried, trace again with that loop exact."""
        if self.kept is not None:
            raise UnsupportedError(self.kept)
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
        self.kept = self.kept or old.kept

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
