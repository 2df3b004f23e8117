"""What a compiled version takes for granted of the world outside of its arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tracejit.ir.arguments import ArrayArg, ScalarArg, number_arg
from tracejit.records import dataclass
from tracejit.trace.guards.changed_values import ChangedValue, array_text, change_of, fetched, told
from tracejit.trace.guards.guards import Guard, Relation
from tracejit.trace.session.stride_classes import array_arg, is_native


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
    name: str

    def fits(self) -> bool:
        """Whether an array of this dtype, shape and order of strides is there now, which can be
        written to as that one could."""
        try:
            x = self.getter()
        except (NameError, AttributeError, LookupError, TypeError, ValueError):
            return False
        return type(x) is np.ndarray and is_native(x) and array_arg(x, x.dtype) == self.arg


@dataclass(frozen=True, eq=False)
class OutsideNumber:
    """A number found there that each call reads afresh, as it changes from call to call."""

    getter: Callable[[], Any]
    arg: ScalarArg
    name: str

    def fits(self) -> bool:
        """Whether a number of this type is there now."""
        try:
            return number_arg(self.getter()) == self.arg
        except (NameError, AttributeError, LookupError, TypeError, ValueError):
            return False


@dataclass(frozen=True, eq=False)
class Preconditions:
    """``arrays``: those found outside by their numbers, which count on after the leaves;
    ``numbers``: those that are run-time values."""

    guards: tuple[Guard, ...]
    relations: tuple[Relation, ...]
    arrays: Mapping[int, OutsideArray]
    numbers: tuple[OutsideNumber, ...] = ()

    def hold(self) -> bool:
        """Whether what the trace found outside is still so."""
        return (
            all(guard.holds() for guard in self.guards)
            and all(relation.holds() for relation in self.relations)
            and all(array.fits() for array in self.arrays.values())
            and all(number.fits() for number in self.numbers)
        )

    def changes(self) -> list[ChangedValue]:
        """What is not as the trace found it, with what it was and is."""
        found = [change_of(g) for g in self.guards if not g.holds()]
        found += [
            ChangedValue(number.name, _kind(number.arg), told(fetched(number.getter)))
            for number in self.numbers
            if not number.fits()
        ]
        found += [
            ChangedValue(array.name, array_text(array.arg), _now(array))
            for array in self.arrays.values()
            if not array.fits()
        ]
        if not all(relation.holds() for relation in self.relations):
            found.append(ChangedValue("which objects are one and the same"))
        return found

    def changed(self) -> list[str]:
        """What is not as the trace found it, by name."""
        return [change.name for change in self.changes()]

    def changed_numbers(self) -> dict[str, Any]:
        """Numbers found outside, by name, where others of their types are now."""
        return {g.name: g.expected for g in self.guards if g.changed_number}

    def arrays_now(self) -> list[np.ndarray[Any, Any]]:
        """The arrays that a call now would read."""
        return [array.getter() for array in self.arrays.values()]


def _kind(arg: ScalarArg) -> str:
    name = arg.kind or arg.dtype.name
    return f"{'an' if name.startswith('int') else 'a'} {name}"


def _now(array: OutsideArray) -> str:
    x = fetched(array.getter)
    return array_text(array_arg(x, x.dtype)) if type(x) is np.ndarray else told(x)
