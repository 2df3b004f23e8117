"""Which values that code is compiled for are the same: by type and value, else by identity."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from types import FunctionType
from typing import Any

import numpy as np


class Itself:
    """An object, equal to no other."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Itself) and other.value is self.value


def distinguishing(x: Any) -> Any:
    """What distinguishes a value from others that ``==`` takes for the same: 1, 1.0 and True, or
    -0.0 and 0.0, inside of tuples and frozen dataclasses too. Functions that one line makes anew
    are alike where they see the same variables and have the same defaults."""
    kind = type(x)
    if kind in (float, complex):
        return kind, repr(x)
    if isinstance(x, np.generic):
        return kind, x.dtype, x.tobytes()
    if isinstance(x, tuple):
        return kind, tuple(map(distinguishing, x))
    if kind is frozenset:
        return kind, frozenset(map(distinguishing, x))
    if kind in (slice, range):
        return kind, distinguishing((x.start, x.stop, x.step))
    if kind is FunctionType and not x.__dict__:
        outside = (x.__globals__, *(x.__closure__ or ()))
        given = (x.__defaults__, tuple((x.__kwdefaults__ or {}).items()))
        outside_itself = tuple(map(Itself, outside))
        return kind, x.__code__, x.__qualname__, outside_itself, distinguishing(given)
    by_fields = is_dataclass(kind) and kind.__hash__ is not object.__hash__
    found = fields(x) if by_fields else ()
    return kind, x, tuple(distinguishing(getattr(x, f.name, None)) for f in found)
