"""Sets of numbers that only the run knows: the sorted array of those that differ.

These methods are converted like the program's own. Python does not say in which order a set is gone
through; here it is the order of size. What a stored version gives back may be all that needs this
module: it imports little.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tracejit import trees
from tracejit.errors import UnsupportedError, throw
from tracejit.trace.session.registry import CLASS_SEEN


def differing(x: Any) -> Any:
    """The elements of an array without those that equal one before; each nan stays."""
    return np.unique(x, equal_nan=False)


def elements(x: Any, mine: Any) -> Any:
    """The numbers of a set or of what is iterated, as an array; ``mine``: of a set beside it."""
    if hasattr(x, "is_python"):
        return x.elements
    if not isinstance(x, np.ndarray):
        x = list(x)
        if len(x) == 0:
            return mine[:0]
    return np.array(x)


def alike(x: Any, mine: Any) -> Any:
    """As ``elements``, to be put beside ``mine``: numbers of the same kind."""
    theirs = elements(x, mine)
    if theirs.dtype != mine.dtype:
        raise UnsupportedError(
            "a set of the run of numbers of two kinds: convert the numbers before they are items"
        )
    return theirs


def _must_be_set(x: Any, symbol: str) -> None:
    if not isinstance(x, set | frozenset):
        kind = type(x).__name__
        throw(TypeError(f"unsupported operand type(s) for {symbol}: 'set' and '{kind}'"))


class Distinct:
    """A set or (``frozen``) a frozenset. ``is_python``: its items are Python's numbers, not
    NumPy's."""

    def __init__(self, elements: Any, is_python: bool, frozen: bool) -> None:
        self.elements = elements
        self.is_python = is_python
        self.frozen = frozen

    def _made(self, elements: Any) -> Distinct:
        return Distinct(elements, self.is_python, self.frozen)

    def _changed(self, *items: Any) -> Any:
        """The methods that change a set."""
        if self.frozen:
            throw(AttributeError("'frozenset' object has no method that changes it"))
        raise UnsupportedError(
            "a set of numbers that are known at run time only is changed: make another one with "
            "union or difference (a | b, a - b), or collect the numbers in a list first"
        )

    add = discard = remove = pop = clear = update = _changed
    difference_update = intersection_update = symmetric_difference_update = _changed

    def _in_place(self, other: Any) -> Any:
        return NotImplemented if self.frozen else self._changed(other)

    __ior__ = __iand__ = __isub__ = __ixor__ = _in_place

    def __len__(self) -> Any:
        return len(self.elements)

    def __contains__(self, item: Any) -> Any:
        return np.any(self.elements == item)

    def __iter__(self) -> Any:
        from tracejit.trace.python.dynamic_list_methods import list_of

        return list_of(self.elements, self.is_python)

    def copy(self) -> Distinct:
        return self._made(self.elements)

    def union(self, *others: Any) -> Distinct:
        found = self.elements
        for other in others:
            found = differing(np.concatenate((found, alike(other, found))))
        return self._made(found)

    def intersection(self, *others: Any) -> Distinct:
        found = self.elements
        for other in others:
            found = found[np.isin(found, elements(other, found))]
        return self._made(found)

    def difference(self, *others: Any) -> Distinct:
        found = self.elements
        for other in others:
            found = found[~np.isin(found, elements(other, found))]
        return self._made(found)

    def symmetric_difference(self, other: Any) -> Distinct:
        mine, theirs = self.elements, differing(alike(other, self.elements))
        left, right = mine[~np.isin(mine, theirs)], theirs[~np.isin(theirs, mine)]
        return self._made(differing(np.concatenate((left, right))))

    def isdisjoint(self, other: Any) -> Any:
        return not np.any(np.isin(self.elements, elements(other, self.elements)))

    def issubset(self, other: Any) -> Any:
        return bool(np.all(np.isin(self.elements, elements(other, self.elements))))

    def issuperset(self, other: Any) -> Any:
        return bool(np.all(np.isin(elements(other, self.elements), self.elements)))

    def __or__(self, other: Any) -> Distinct:
        _must_be_set(other, "|")
        return self.union(other)

    def __and__(self, other: Any) -> Distinct:
        _must_be_set(other, "&")
        return self.intersection(other)

    def __sub__(self, other: Any) -> Distinct:
        _must_be_set(other, "-")
        return self.difference(other)

    def __xor__(self, other: Any) -> Distinct:
        _must_be_set(other, "^")
        return self.symmetric_difference(other)

    def __ror__(self, other: Any) -> Any:
        return self | other

    def __rand__(self, other: Any) -> Any:
        return self & other

    def __rxor__(self, other: Any) -> Any:
        return self ^ other

    def __rsub__(self, other: Any) -> Distinct:
        _must_be_set(other, "-")
        theirs = differing(alike(other, self.elements))
        return self._made(theirs[~np.isin(theirs, self.elements)])

    def __le__(self, other: Any) -> Any:
        _must_be_set(other, "<=")
        return self.issubset(other)

    def __ge__(self, other: Any) -> Any:
        _must_be_set(other, ">=")
        return self.issuperset(other)

    def __lt__(self, other: Any) -> Any:
        return self <= other and len(self) < len(other)

    def __gt__(self, other: Any) -> Any:
        return self >= other and len(self) > len(other)

    def __eq__(self, other: Any) -> Any:
        if not isinstance(other, set | frozenset):
            return False
        return len(self) == len(other) and self <= other

    __hash__ = None  # type: ignore[assignment]


def _real(how: tuple[bool, bool], parts: Any) -> Any:
    """The set that the caller gets; of what stands for its elements, another stand-in."""
    (elements,) = parts
    is_python, frozen = how
    if not isinstance(elements, np.ndarray):
        return Distinct(elements, is_python, frozen)
    items = elements.tolist() if is_python else list(elements)
    return frozenset(items) if frozen else set(items)


trees.register(Distinct, lambda x: ((x.elements,), (x.is_python, x.frozen)), _real)
CLASS_SEEN[Distinct] = lambda x: frozenset if x.frozen else set
