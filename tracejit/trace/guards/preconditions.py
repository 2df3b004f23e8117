"""What a compiled version takes for granted of the world outside of its arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tracejit.ir.arguments import ArrayArg
from tracejit.records import dataclass
from tracejit.trace.guards.guards import Guard, Relation
from tracejit.trace.session.stride_classes import layout_of


@dataclass(frozen=True, eq=False)
class OutsideArray:
    """An array found in a global, a closure or an attribute, which each call reads afresh.

    ``held``: how to fetch what the program has, where that is no plain array but a memory map.
    ``written``: the code writes to it.
    """

    getter: Callable[[], Any]
    arg: ArrayArg
    held: Callable[[], Any] | None
    written: bool

    def fits(self) -> bool:
        """Whether an array of this dtype, shape and order is there now."""
        try:
            x = self.getter()
        except (NameError, AttributeError, LookupError, TypeError, ValueError):
            return False
        if type(x) is not np.ndarray or x.dtype != self.arg.dtype:
            return False
        return x.shape == self.arg.shape and layout_of(x) == self.arg.layout


@dataclass(frozen=True, eq=False)
class Preconditions:
    """``arrays``: those found outside by their numbers, which count on after the leaves."""

    guards: tuple[Guard, ...]
    relations: tuple[Relation, ...]
    arrays: Mapping[int, OutsideArray]

    def hold(self) -> bool:
        """Whether what the trace found outside is still so."""
        return (
            all(guard.holds() for guard in self.guards)
            and all(relation.holds() for relation in self.relations)
            and all(array.fits() for array in self.arrays.values())
        )

    def changed(self) -> list[str]:
        """What is not as the trace found it, by name."""
        arrays = [a for a in self.arrays.values() if not a.fits()]
        guards = [guard.name for guard in self.guards if not guard.holds()]
        places = (
            ["which objects are one and the same"]
            if not all(relation.holds() for relation in self.relations)
            else []
        )
        return [*guards, *places, *("an array outside, in shape or dtype," for _ in arrays)]

    def changed_numbers(self) -> dict[str, Any]:
        """Numbers found outside, by name, where others of their types are now."""
        return {g.name: g.expected for g in self.guards if g.changed_number}

    def arrays_now(self) -> list[np.ndarray[Any, Any]]:
        """The arrays that a call now would read."""
        return [array.getter() for array in self.arrays.values()]
