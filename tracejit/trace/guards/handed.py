"""Objects that compiled code hands to Python as they are: they must be what the program made them.

What a trace sets in an object is set when the run is over, so a function that is called before then
would see what was there before. And an object that the trace made is one for all runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum
from types import BuiltinFunctionType, BuiltinMethodType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any

from tracejit import trees
from tracejit.errors import UnsupportedError
from tracejit.trace.session.session import where
from tracejit.trace.values.reach import is_stateful, parts

if TYPE_CHECKING:
    from tracejit.trace.session.session import Session

_FUNCTIONS = (FunctionType, BuiltinFunctionType, BuiltinMethodType, MethodType)
_REMEDY = "pass its numbers and arrays"


class Handed:
    """The calls that were given objects of the program's, by the line that says so."""

    def __init__(self) -> None:
        self._calls: list[tuple[str, list[Any]]] = []

    def note(self, session: Session, written: str, function: Any, args: Any, *, pure: bool) -> None:
        """A function is called with these arguments. UnsupportedError for an object that the trace
        made and, where equal calls become one, for any that may change and is not static."""
        outside = session.outside
        for x in trees.leaves_of(args):
            if not is_stateful(x) or isinstance(x, (*_FUNCTIONS, Enum)) or _is_value(x):
                continue
            kind = type(x).__name__
            if not outside.is_outside(x):
                raise UnsupportedError(
                    f"{where()}: {written} is given a {kind} that is made in compiled code, which "
                    f"would be one for all calls; {_REMEDY}"
                )
            if pure and not outside.is_static(x):
                raise UnsupportedError(
                    f"{where()}: {written} is given a {kind}, which may change between calls that "
                    f"are taken for equal; {_REMEDY}, or make it static (static_argnames)"
                )
        outside.pin(*trees.leaves_of(args))
        self._calls.append((f"{where()}: {written}", [function, args]))

    def must_be_unchanged(self, changed: Iterable[int]) -> None:
        """At the end of the trace, given what it changed, by identity: UnsupportedError where a
        call may have looked into that."""
        found = set(changed)
        for written, roots in self._calls if found else ():
            obj = _reached(roots, found)
            if obj is not None:
                raise UnsupportedError(
                    f"{written} may look into a {type(obj).__name__} that the program changes, of "
                    f"which it would not see the changes; {_REMEDY}"
                )


def _is_value(x: Any) -> bool:
    """Whether an object is a value: equal to others by what it holds, which stays."""
    kind: Any = type(x)
    return kind.__hash__ not in (None, object.__hash__) and kind.__eq__ is not object.__eq__


def _reached(roots: Sequence[Any], wanted: set[int]) -> Any:
    """An object among those wanted that can be reached."""
    seen: dict[int, Any] = {}
    stack = list(roots)
    while stack:
        x = stack.pop()
        if id(x) in wanted:
            return x
        if id(x) in seen or not is_stateful(x):
            continue
        seen[id(x)] = x
        stack += parts(x)
        if isinstance(x, FunctionType):
            names = x.__globals__
            stack += [names[n] for n in x.__code__.co_names if n in names]
    return None
