"""Lists of many numbers, and lists of such lists at any depth, as arrays: which lists these are."""

from __future__ import annotations

from itertools import chain
from typing import Any, TypeAlias

import numpy as np

_Array: TypeAlias = np.ndarray[Any, Any]

#: Shorter lists decide structure more often, as shapes and axes do.
MANY = 64
#: As many numbers in lists that are shorter are one argument.
MANY_IN_ROWS = 4 * MANY
#: Lists that are nested deeper are no arguments of native code.
_MOST_LEVELS = 16


def as_array(x: list[Any]) -> _Array | None:
    """Many numbers, all of them floats or complex, or all ints that 64 bits hold; None of other
    things."""
    return _of_numbers(x) if len(x) >= MANY else None


def as_rows(x: list[Any]) -> tuple[_Array, _Array] | None:
    """Many lists, or lists of many numbers: all of the numbers, and how many each list has."""
    if set(map(type, x)) != {list}:
        return None
    counts = np.fromiter(map(len, x), np.int64, len(x))
    if len(x) < MANY and (counts.sum() < MANY_IN_ROWS or counts.max() >= MANY):
        return None
    array = _of_numbers(list(chain.from_iterable(x)))
    return None if array is None else (array, counts)


def as_nested(x: list[Any]) -> tuple[_Array, ...] | None:
    """Lists of lists of lists, or deeper, of many numbers: all of the numbers, and how many items
    each list has, level by level from the outermost."""
    counts: list[_Array] = []
    items = x
    while set(map(type, items)) == {list}:
        if len(counts) == _MOST_LEVELS or len(set(map(id, items))) < len(items):
            return None  # a list holds itself, or is in several places
        counts.append(np.fromiter(map(len, items), np.int64, len(items)))
        items = list(chain.from_iterable(items))
    if len(counts) < 2 or len(items) < MANY:
        return None
    array = _of_numbers(items)
    return None if array is None else (array, *counts)


def _of_numbers(x: list[Any]) -> _Array | None:
    kinds = set(map(type, x))
    if kinds == {float}:
        return np.fromiter(x, np.float64, len(x))
    if kinds == {complex}:
        return np.fromiter(x, np.complex128, len(x))
    if kinds == {int}:
        try:
            return np.fromiter(x, np.int64, len(x))
        except OverflowError:
            return None
    return None
