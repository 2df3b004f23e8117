"""Plans of arrays (see ``plans``): carried by value, as a view of the same storage that moves, or
as one of several storages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from typing import Any

import numpy as np

from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.ir.types import BOOL, INDEX, TensorType
from tracejit.records import dataclass
from tracejit.trace.control.carried_storage import EndStorage, Option, SlotName
from tracejit.trace.control.edges import Edge
from tracejit.trace.control.plans import Arrivals, BindingPlan
from tracejit.trace.convert import UNDEFINED
from tracejit.trace.session.session import current
from tracejit.trace.values.all import Array, Cell, Select
from tracejit.trace.views.parameters import empty_numbers, sliced_first, view_numbers, with_numbers


@dataclass(frozen=True)
class ArrayPlan(BindingPlan):
    """An array carried by value; None for an extent that changes. ``slot``: no name's own, but
    storage that ``SelectPlan``s speak of. ``order``: axes from slowest to fastest in memory, None
    where iterations differ; and so ``writeable``."""

    dtype: np.dtype[Any]
    dims: tuple[Dim | None, ...]
    slot: SlotName | None = None
    order: tuple[int, ...] | None = None
    writeable: bool | None = True

    def flatten(self, x: Any, edge: Edge | None = None) -> list[Value]:
        b = current().b
        moving = [k for k, d in enumerate(self.dims) if d is None]
        if x is UNDEFINED:
            shape = tuple(0 if d is None else d for d in self.dims)
            empty = b.full(0, TensorType(self.dtype, shape))
            return [*(b.const(0, "i64") for _ in moving), empty]
        # A view that moves has its extents twice, in its layers and of its own: those of the value.
        value = x.read()
        return [*(b.index(value.shape[k]) for k in moving), value]

    def opened(self, entry: Any, given: Arrivals) -> Array:
        dims = tuple(given.extent() if d is None else d for d in self.dims)
        value = given.take(TensorType(self.dtype, dims))
        cell = Cell(value, self.order, writeable=self.writeable)
        given.new_cell(cell, value, self.slot, entry)
        return Array(cell)

    def keeps(self, entry: Any) -> bool:
        return isinstance(entry, Array)


@dataclass(frozen=True)
class Like:
    """A view, equal to any of the same storage by the same layers, whatever their numbers."""

    view: Array = field(compare=False)
    storage: Any
    layers: Any


@dataclass(frozen=True)
class ViewPlan(BindingPlan):
    """A view of the same storage throughout, whose bounds and extents move: of its ``numbers``
    (the layers' and its own), None for those that change. ``sliced``: taken as a slice, even
    where it is the whole. ``like``: one of them, if there is none before the loop."""

    numbers: tuple[Dim | None, ...]
    sliced: bool
    like: Like | None = None

    def flatten(self, x: Any, edge: Edge | None = None) -> list[Value]:
        if x is UNDEFINED:
            have: Sequence[Dim] = empty_numbers(self._view(x))
        else:
            have = view_numbers(sliced_first(x) if self.sliced else x)
        b = current().b
        return [b.index(h) for h, n in zip(have, self.numbers, strict=True) if n is None]

    def opened(self, entry: Any, given: Arrivals) -> Array:
        bound = current().ranges.bound
        numbers = [bound(given.take(INDEX), 0, None).dim if n is None else n for n in self.numbers]
        return with_numbers(self._view(entry), numbers)

    def _view(self, entry: Any) -> Array:
        """A view of that storage, with numbers of its own."""
        found: Array = entry if self.like is None else self.like.view
        return sliced_first(found) if self.sliced else found


@dataclass(frozen=True)
class SelectPlan(BindingPlan):
    """One of several storages, which one being carried: existing ones, or what iterations made."""

    options: tuple[Option, ...]

    def flatten(self, x: Any, edge: Edge | None = None) -> list[Value]:
        """For each option but the last: whether a binding is that option."""
        b = current().b
        known = edge if isinstance(edge, EndStorage) else EndStorage([], current().frame.depth + 1)
        flags = [x is not UNDEFINED and known.is_at(x, option) for option in self.options[:-1]]
        return [b.const(flag, "bool") if isinstance(flag, bool) else flag for flag in flags]

    def opened(self, entry: Any, given: Arrivals) -> Array:
        flags = [given.take(BOOL) for _ in self.options[1:]]
        *most, found = [option.array(given.slots) for option in self.options]
        for option, flag in zip(reversed(most), reversed(flags), strict=True):
            found = Array(Select(flag, option, found))
        return found

    def keeps(self, entry: Any) -> bool:
        return isinstance(entry, Array)
