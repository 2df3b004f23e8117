"""A text, or a member of an enumeration, of which the run decides which of a few known ones it is.

What is done with it is done for each of them, in branches: a comparison, a key of a dict, a method.
Names, items of lists and results may be one. What needs it while tracing is refused.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Any, NoReturn

from tracejit.errors import UnsupportedError, throw
from tracejit.ir.core import Value
from tracejit.trace.session.concretize import BoundMethod, shown_later
from tracejit.trace.session.marks import MARK
from tracejit.trace.session.session import current, where
from tracejit.trace.session.tracer import Tracer

#: Among how many constants the run may choose.
MOST_CHOICES = 32


class ChosenConstant(Tracer):
    """``choices[which]``, which are of one class. ``which`` is an ``i64[]`` IR value."""

    __slots__ = ("carried", "choices", "which")

    def __init__(self, choices: Sequence[Any], which: Value, *, carried: bool = False) -> None:
        self.choices = tuple(choices)
        self.which = which
        #: An iteration begins with it: what it is made longer by is asked for.
        self.carried = carried

    @property
    def flags(self) -> tuple[Value, ...]:
        """Whether it is each of the choices but the last."""
        b = current().b
        found = range(len(self.choices) - 1)
        return tuple(b.op("eq", self.which, b.const(k, "i64")) for k in found)

    def read(self) -> NoReturn:
        self.refuse("is used where it must be a number or known when compiling")

    def static_value(self) -> None:
        """No constant."""

    def __iter__(self) -> NoReturn:
        self.refuse("is gone through")

    def __bool__(self) -> bool:
        return bool(self._same_of_all(bool, "is tested where no branch can be made"))

    def __len__(self) -> int:
        return int(self._same_of_all(len, "is asked for its length where that must be known"))

    def _same_of_all(self, function: Any, how: str) -> Any:
        """What a function gives for all choices."""
        found = set(map(function, self.choices))
        if len(found) > 1:
            self.refuse(how)
        return found.pop()

    def __eq__(self, other: object) -> Any:
        return current().operators.compare_one("==", self, other)

    def __ne__(self, other: object) -> Any:
        return current().operators.compare_one("!=", self, other)

    def __lt__(self, other: object) -> Any:
        return current().operators.compare_one("<", self, other)

    def __le__(self, other: object) -> Any:
        return current().operators.compare_one("<=", self, other)

    def __gt__(self, other: object) -> Any:
        return current().operators.compare_one(">", self, other)

    def __ge__(self, other: object) -> Any:
        return current().operators.compare_one(">=", self, other)

    __hash__ = Tracer.__hash__

    def __format__(self, spec: str) -> str:
        return shown_later(self, spec)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            throw(AttributeError(name))
        ops = current().operators
        if not all(callable(getattr(x, name, None)) for x in self.choices):
            return ops.each_kind(lambda x: ops.getattr(x, name), self)

        def method(owner: ChosenConstant, *args: Any, **kwargs: Any) -> Any:
            def call(x: Any, *given: Any) -> Any:
                return ops.call(getattr(x, name), *given, **kwargs)

            return ops.each_kind(call, owner, *args)

        return BoundMethod(self, method)

    def __repr__(self) -> str:
        return " or ".join(map(repr, self.choices))

    def refuse(self, how: str) -> NoReturn:
        """Say that what is done needs to know which one it is."""
        raise UnsupportedError(
            f"{where()}: {self!r}, as a loop or branch went, {how}; write a branch for each with =="
        )


def is_choice(x: Any) -> bool:
    """Whether something can be one of several that a run chooses."""
    if isinstance(x, ChosenConstant):
        return not any(type(c) is str and MARK in c for c in x.choices)
    if isinstance(x, enum.Enum):
        return True
    return type(x) is bytes or (type(x) is str and MARK not in x)


def any_chosen(*values: Any) -> bool:
    """Whether the run chooses one of some values among several."""
    return any(isinstance(x, ChosenConstant) for x in values)


def choices_of(x: Any) -> tuple[Any, ...]:
    """What it may be."""
    return x.choices if isinstance(x, ChosenConstant) else (x,)


def united(*values: Any) -> tuple[Any, ...] | None:
    """What several may be, each once; None where they are not of one class, or too many."""
    found: list[Any] = []
    for value in values:
        for x in choices_of(value):
            if found and type(x) is not type(found[0]):
                return None
            if not any(x is y or (x == y and not isinstance(x, enum.Enum)) for y in found):
                found.append(x)
    return tuple(found) if len(found) <= MOST_CHOICES else None


def equal_choices(a: Any, b: Any) -> Value | bool | None:
    """Whether two of which the run chooses one or both are the same; None where their class says
    what that means."""
    every: list[Any] = []
    for x in (*choices_of(a), *choices_of(b)):
        if not is_choice(x) or type(x) is not type(a.choices[0] if any_chosen(a) else a):
            return None
        if type(x).__eq__ not in _PLAIN_EQUALITY:
            return None
        if x not in every:
            every.append(x)
    if len(every) == len(choices_of(a)) + len(choices_of(b)):
        return False
    found: Value = current().b.op("eq", place_among(a, every), place_among(b, every))
    return found


_PLAIN_EQUALITY: tuple[Any, ...] = (str.__eq__, bytes.__eq__, object.__eq__)


def place_among(x: Any, choices: Sequence[Any]) -> Value:
    """Which of some choices it is, as an ``i64[]`` IR value."""
    b = current().b
    places = [b.const(choices.index(each), "i64") for each in choices_of(x)]
    if not isinstance(x, ChosenConstant):
        return places[0]
    if x.choices == tuple(choices[: len(x.choices)]):
        return x.which
    *most, found = places
    for flag, place in zip(reversed(x.flags), reversed(most), strict=True):
        found = b.op("select", flag, place, found)
    return found
