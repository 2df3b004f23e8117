"""Tuples of which only the run knows how long they are: a list of the items that nobody changes.

These methods are converted like the program's own. What a stored version gives back may be all that
needs this module: it imports little.
"""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np

from tracejit import trees
from tracejit.errors import UnsupportedError, throw
from tracejit.trace.session.registry import CLASS_SEEN


def _refuse(what: str) -> NoReturn:
    from tracejit.trace.session.session import where

    raise UnsupportedError(f"{where()}: a tuple whose length is known at run time only {what}")


class RunTuple:
    """A tuple with the items of a list."""

    def __init__(self, items: Any) -> None:
        self.items = items

    def __len__(self) -> Any:
        return len(self.items)

    def __iter__(self) -> Any:
        return self.items

    def __array__(self) -> Any:
        return np.array(self.items)

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, slice):
            return RunTuple(self.items[key])
        n = len(self.items)
        if key < -n or key >= n:
            throw(IndexError("tuple index out of range"))
        return self.items[key]

    def __contains__(self, item: Any) -> Any:
        return item in self.items

    def index(self, item: Any) -> Any:
        return self.items.index(item)

    def count(self, item: Any) -> Any:
        return self.items.count(item)

    def __add__(self, other: Any) -> RunTuple:
        if not isinstance(other, tuple):
            kind = type(other).__name__
            throw(TypeError(f'can only concatenate tuple (not "{kind}") to tuple'))
        return RunTuple([*self.items, *other])

    def __radd__(self, other: Any) -> Any:
        if not isinstance(other, tuple):
            return NotImplemented
        return RunTuple([*other, *self.items])

    def __mul__(self, times: Any) -> RunTuple:
        return RunTuple(self.items * times)

    __rmul__ = __mul__

    def __eq__(self, other: Any) -> Any:
        if not isinstance(other, tuple):
            return False
        return self.items == [*other]

    def __hash__(self) -> Any:
        _refuse("is a key or an item of a set: use numbers, or tuples of a known length")

    def __setitem__(self, key: Any, value: Any) -> None:
        throw(TypeError("'tuple' object does not support item assignment"))

    def __delitem__(self, key: Any) -> None:
        throw(TypeError("'tuple' object doesn't support item deletion"))

    def __getattr__(self, name: Any) -> Any:
        throw(AttributeError(f"'tuple' object has no attribute '{name}'"))

    def __repr__(self) -> Any:
        _refuse("has no text: show it outside, or its items in a loop")

    def __lt__(self, other: Any) -> Any:
        return self.items < [*other]

    def __le__(self, other: Any) -> Any:
        return self.items <= [*other]

    def __gt__(self, other: Any) -> Any:
        return self.items > [*other]

    def __ge__(self, other: Any) -> Any:
        return self.items >= [*other]


def _real(_: None, parts: Any) -> Any:
    """The tuple that the caller gets; of what stands for its items, another stand-in."""
    (items,) = parts
    if len(items) == 1 and isinstance(items[0], trees.Run):
        return tuple(items[0])
    return RunTuple(items)


trees.register(RunTuple, lambda x: ((x.items,), None), _real)
CLASS_SEEN[RunTuple] = lambda x: tuple
