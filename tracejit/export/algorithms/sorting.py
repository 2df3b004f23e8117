"""Stable sorts by merging, in NumPy's order, where nan is last: O(n log n), with one spare line."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

Array = Any
Before = Callable[[Any, Any], Any]


def sort(x: Array, axis: int, kind: Any) -> Array:
    """The elements along an axis in order."""
    return _of_lines(x, axis, x.dtype, _sorted)


def argsort(x: Array, axis: int, kind: Any) -> Array:
    """The positions along an axis that put its elements in order."""
    return _of_lines(x, axis, np.int64, _order)


def partition(x: Array, kth: Array, axis: int) -> Array:
    """All in order, which puts each ``kth`` in its place."""
    return sort(x, axis, None)


def argpartition(x: Array, kth: Array, axis: int) -> Array:
    """The positions of that."""
    return argsort(x, axis, None)


def lexsort(keys: Array) -> Array:
    """The positions that put the last key in order, and where it is equal those before it."""
    if keys.ndim == 1:
        return np.zeros((), np.int64)
    lines = np.moveaxis(keys, 0, -2)
    *lead, count, n = lines.shape
    lines = lines.reshape((math.prod(lead), count, n))
    made = np.empty((math.prod(lead), n), np.int64)
    for t in range(made.shape[0]):
        made[t] = _lexical(lines[t])
    return made.reshape((*lead, n))


def _of_lines(x: Array, axis: int, dtype: Any, one: Callable[[Array], Array]) -> Array:
    """``one`` of each line along an axis."""
    if x.ndim == 1:
        return one(x)
    lines = np.moveaxis(x, axis, -1)
    *lead, n = lines.shape
    flat = lines.reshape((math.prod(lead), n))
    made = np.empty(flat.shape, dtype)
    for t in range(flat.shape[0]):
        made[t] = one(flat[t])
    return np.moveaxis(made.reshape((*lead, n)), -1, axis).copy()


def _sorted(x: Array) -> Array:
    made = x.copy()
    _merge(made, before)
    return made


def _order(x: Array) -> Array:
    made = np.arange(x.shape[0])
    _merge(made, lambda i, k: before(x[i], x[k]))
    return made


def _lexical(keys: Array) -> Array:
    def earlier(i: Array, k: Array) -> Array:
        found, same = False, True
        for row in range(keys.shape[0] - 1, -1, -1):
            if same:
                x, y = keys[row, i], keys[row, k]
                found = before(x, y)
                same = not found and not before(y, x)
        return found

    made = np.arange(keys.shape[1])
    _merge(made, earlier)
    return made


def before(x: Array, y: Array) -> Array:
    """Whether ``x`` comes before ``y``, and is not equal to it."""
    if np.iscomplexobj(x):
        a, b, c, d = x.real, x.imag, y.real, y.imag
        if a < c:
            return bool((b == b) | (d != d))
        if a > c:
            return bool((d != d) & (b == b))
        if (a == c) | ((a != a) & (c != c)):
            return bool((b < d) | ((d != d) & (b == b)))
        return bool(c != c)
    return bool((x < y) | ((y != y) & (x == x)))


def _merge(items: Array, before: Before) -> None:
    """Sort ``items`` by a comparison: sorted runs of 1, 2, 4, … are merged in pairs."""
    n = items.shape[0]
    spare = np.empty_like(items)
    width = 1
    for _ in range(64):
        if width >= n:
            break
        for start in range(0, n, 2 * width):
            middle, end = min(start + width, n), min(start + 2 * width, n)
            i, k = start, middle
            for place in range(start, end):
                if i < middle and (k >= end or not before(items[k], items[i])):
                    spare[place] = items[i]
                    i += 1
                else:
                    spare[place] = items[k]
                    k += 1
        items[:] = spare
        width *= 2
