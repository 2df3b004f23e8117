"""Storage that is one of two views, as the run decides."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tracejit.ir.core import Value
from tracejit.ir.extent import Dim, product
from tracejit.trace.session.session import current
from tracejit.trace.session.storage import Cell
from tracejit.trace.values.view_transforms import Part, ReadOnly, Reshape, Slice, Transpose

if TYPE_CHECKING:
    from tracejit.trace.values.all import Array


class Select:
    """Storage that is one of two views, known at run time only (``pred``: the first).

    ``both``: whether the elements of either may be read in a run that chose the other. Where
    nothing is said, they may if the extents are the same and the views lie in their storage
    whatever was chosen: a view may have extents that its storage has in the run that chose it.
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
        if both is None:
            both = then.dims == other.dims and _lies_within(then) and _lies_within(other)
        self.both = both
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

    def between(
        self, then: Array, other: Array, contents: Value | None = None, pred: Value | None = None
    ) -> Select:
        """The choice between what is made of the one view and of the other.

        What is made of the other may say extents that only the chosen one has. So nothing of
        it is read where nothing of the other may be, whatever its extents are said to be.
        """
        return Select(pred or self.pred, then, other, contents, self.both)

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
        pairs = zip(self.then.element_strides, self.other.element_strides, strict=True)
        return tuple(a if a == b else None for a, b in pairs)


def holds(x: Array, test: Callable[[Array], bool | Value]) -> bool | Value:
    """Whether a binding is to a view that passes, found at run time where it must be."""
    if not isinstance(x.cell, Select):
        return test(x)
    then, other = (holds(side, test) for side in x.sides())
    if isinstance(then, bool) and then is other:
        return then
    b = current().b
    sides = (b.const(v, "bool") if isinstance(v, bool) else v for v in (then, other))
    return b.op("select", x.cell.pred, *sides)  # type: ignore[no-any-return]


def _lies_within(x: Array) -> bool:
    """Whether the view is proved to be one of elements that its storage has, in every run."""
    if isinstance(x.cell, Select) and not x.cell.both:
        return False
    dims = tuple(x.cell.shape)
    for layer in x.layers:
        if isinstance(layer, Slice):
            if not all(map(_in_extent, dims, layer.starts, layer.steps, layer.shape)):
                return False
            dims = layer.shape
        elif isinstance(layer, Transpose):
            dims = tuple(dims[axis] for axis in layer.perm)
        elif isinstance(layer, Reshape):
            if product(layer.shape) != product(dims):
                return False
            dims = layer.shape
        elif not isinstance(layer, ReadOnly | Part):
            return False
    return True


def _in_extent(extent: Dim, start: Dim, step: Dim, count: Dim) -> bool:
    if (start, step, count) == (0, 1, extent):
        return True
    proved = current().ranges.at_least
    last = start + (count - 1) * step
    if proved(step, 0):
        return proved(start, 0) and proved(extent - 1, last)
    return proved(0, step) and proved(last, 0) and proved(extent - 1, start)


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
    rest = [x]
    while rest:
        cell = rest.pop().cell
        if isinstance(cell, Select):
            rest += (cell.other, cell.then)
        else:
            yield cell
