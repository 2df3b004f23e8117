"""What has changed of what a version takes for granted, in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tracejit.ir.arguments import ArrayArg
from tracejit.records import dataclass
from tracejit.trace.guards.conditions import (
    HasAttribute,
    HasItem,
    HasOwnAttribute,
    IsBound,
    IsDefined,
    SameContents,
    SameElements,
    SameKinds,
)
from tracejit.trace.guards.guards import Guard
from tracejit.trace.guards.paths import as_path
from tracejit.trace.session.plain import PLAIN, Missing

_LONGEST = 40
_GONE = object()
#: What a guard asks, where its value is the answer to that and no value of the program's.
_EXISTENCE = (HasAttribute, HasItem, HasOwnAttribute, IsBound, IsDefined)
_CONTENTS = (SameContents, SameElements, SameKinds)


@dataclass(frozen=True)
class ChangedValue:
    """``was``, ``now``: None where there are no two values to tell."""

    name: str
    was: str | None = None
    now: str | None = None

    def __str__(self) -> str:
        if self.was is None:
            return f"{self.name} changed"
        if self.was == self.now:
            return f"{self.name} is another object ({self.now})"
        return f"{self.name} was {self.was}, is {self.now}"


def change_of(guard: Guard) -> ChangedValue:
    """What a guard that does not hold has found."""
    path = as_path(guard.getter)
    if not guard.is_of_its_class and fetched(guard.getter) is guard.expected:
        return ChangedValue(f"the class of {guard.name}")
    asks = path.steps[-1] if path.steps else path.start
    if isinstance(asks, _EXISTENCE):
        there = ("there", "not there")
        return ChangedValue(guard.name, *(there if guard.expected else there[::-1]))
    if isinstance(asks, _CONTENTS):
        return ChangedValue(f"what {guard.name} holds")
    return ChangedValue(guard.name, told(guard.expected), told(fetched(guard.getter)))


def fetched(getter: Callable[[], Any]) -> Any:
    """What is there now."""
    try:
        return getter()
    except (NameError, AttributeError, LookupError, TypeError, ValueError):
        return _GONE


def told(x: Any) -> str:
    """A value in few words: numbers and texts as they are, anything else by its class."""
    if x is _GONE or x is Missing.ABSENT:
        return "not there"
    if isinstance(x, type):
        return f"class {x.__name__}"
    if isinstance(x, np.ndarray):
        return f"{x.dtype}[{', '.join(map(str, x.shape))}]"
    if isinstance(x, PLAIN) or (type(x) is tuple and all(isinstance(i, PLAIN) for i in x)):
        text = repr(x)
        return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
    return f"of class {type(x).__name__}"


def array_text(arg: ArrayArg) -> str:
    """An array as an argument: dtype, extents, and what else distinguishes it."""
    extents = ", ".join("n" if n is None else str(n) for n in arg.shape)
    text = f"{arg.dtype.name}[{extents}]"
    if arg.layout != "C":
        text += " in Fortran order" if arg.layout == "F" else f" strided {_strides(arg)}"
    return text if arg.writeable else f"{text} read-only"


def _strides(arg: ArrayArg) -> str:
    return ", ".join(f"axis {axis} {kind}" for axis, kind in arg.packing or ())
