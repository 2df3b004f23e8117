"""Windows of arrays that start at values of the run: which elements two of them share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from tracejit.ir.builder import Builder
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.ir.types import INDEX
from tracejit.records import dataclass

Shape: TypeAlias = "tuple[Dim, ...]"
#: Starts along all axes, then steps.
Bounds: TypeAlias = "Sequence[Value]"
Place: TypeAlias = "tuple[Bounds, Shape]"


def within(b: Builder, one: Place, other: Place) -> Value | bool | None:
    """Which elements of a window are in another one: all, none, a value, or None: not compared.

    Along each axis that follows from where the windows begin, how long they are, and their steps.
    """
    (bounds, shape), (others, extents) = one, other
    rank = len(shape)
    found: Value | None = None
    unknown = False
    for a in range(rank):
        near = _Line(bounds[a], bounds[rank + a], shape[a])
        far = _Line(others[a], others[rank + a], extents[a])
        inside = near.within(far)
        if inside is False:
            return False
        unknown = unknown or (inside is None and not near.comparable(far))
        if inside is None and not unknown:
            here = near.compared(b, far, shape, a)
            found = here if found is None else b.op("bitwise_and", found, here)
    return None if unknown else (True if found is None else found)


@dataclass(frozen=True)
class _Line:
    """A window along one axis."""

    start: Value
    step: Value
    size: Dim

    @property
    def by(self) -> int | None:
        """Its step, where that is a known number of elements ahead."""
        known = 1 if self.size == 1 else self.step.expr
        return known if isinstance(known, int) and known > 0 else None

    def comparable(self, other: _Line) -> bool:
        """Whether a distance between the starts says which elements are in both."""
        return self.by is not None and other.by is not None

    def within(self, other: _Line) -> bool | None:
        """Whether all of this is in another one, or nothing; None: only the run says, or a part."""
        ahead = self.start.dim - other.start.dim
        if self.by is None or other.by is None:
            return None
        room, length = self._length(other.by, other.size), self._length(self.by, self.size)
        if _holds(ahead - room) or _holds(-1 * (ahead + length)):
            return False
        if other.by != 1:
            if self.by % other.by or not isinstance(ahead, int):
                return None
            if ahead % other.by:
                return False
        return True if _holds(ahead) and _holds(room - ahead - length) else None

    @staticmethod
    def _length(step: int, size: Dim) -> Dim:
        """From the first element to after the last one."""
        return (size - 1) * step + 1

    def compared(self, b: Builder, other: _Line, shape: Shape, axis: int) -> Value:
        """The same for each element, where the run says."""
        assert self.by is not None
        assert other.by is not None
        place = b.index(self.start.dim - other.start.dim)
        if self.size != 1:
            line = b.op("iota", shape=shape, axis=axis, dtype=INDEX.dtype)
            if self.by != 1:
                line = b.op("mul", line, b.broadcast(b.index(self.by), shape, ()))
            place = b.op("add", line, b.broadcast(place, shape, ()))
        end = b.broadcast(b.index(self._length(other.by, other.size)), place.shape, ())
        inside = b.op("bitwise_and", b.op("ge", place, b.zeros_like(place)), b.op("lt", place, end))
        if other.by != 1:
            rest = b.op("remainder", place, b.broadcast(b.index(other.by), place.shape, ()))
            inside = b.op("bitwise_and", inside, b.op("eq", rest, b.zeros_like(place)))
        return b.broadcast(inside, shape, ()) if inside.rank == 0 else inside


def _holds(excess: Dim) -> bool:
    """Whether an extent is known not to be negative."""
    return isinstance(excess, int) and excess >= 0
