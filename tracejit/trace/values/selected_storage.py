"""Storage that is one of two views, as the run decides."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.trace.session.session import current
from tracejit.trace.session.storage import Cell

if TYPE_CHECKING:
    from tracejit.trace.values.all import Array


class Select:
    """Storage that is one of two views, known at run time only (``pred``: the first).

    ``both``: whether the elements of either may be read in a run that chose the other.
    """

    arg: ClassVar[None] = None

    def __init__(
        self,
        pred: Value,
        then: Array,
        other: Array,
        contents: Value | None = None,
        both: bool | None = None,
    ) -> None:
        self.both = then.dims == other.dims if both is None else both
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


def _held(x: Array) -> tuple[Value, ...]:
    """What the storage under a view holds now, as the innermost region sees it."""
    if isinstance(x.cell, Cell):
        return (current().read_cell(x.cell),)
    return _held(x.cell.then) + _held(x.cell.other)


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


def storage_of(x: Array) -> Iterator[Cell]:
    """The cells that an array may lie in."""
    if isinstance(x.cell, Select):
        yield from storage_of(x.cell.then)
        yield from storage_of(x.cell.other)
    else:
        yield x.cell
