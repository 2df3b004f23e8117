"""Exceptions by the names that `check` and `raise` instructions give them."""

from __future__ import annotations

import builtins
from collections.abc import Callable

import numpy as np

Maker = Callable[[str], BaseException]


class ExceptionName(str):
    """The name of an exception of the program's own; ``make`` makes it of its message."""

    make: Maker

    def __new__(cls, name: str, make: Maker) -> ExceptionName:
        made = super().__new__(cls, name)
        made.make = make
        return made

    def __eq__(self, other: object) -> bool:
        """Names that make different exceptions are different, also where they read the same."""
        return str.__eq__(self, other) is True and self.make == getattr(other, "make", self.make)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = str.__hash__


def exception_type(name: str) -> Maker:
    """What makes an exception of its message: a builtin, one of NumPy's, or the program's own."""
    if isinstance(name, ExceptionName):
        return name.make
    places = (builtins, np.linalg, np.exceptions)
    found = next(filter(None, (getattr(p, name, None) for p in places)), None)
    if not callable(found):
        raise TypeError(f"{name!r} names no exception")
    return found  # type: ignore[no-any-return]
