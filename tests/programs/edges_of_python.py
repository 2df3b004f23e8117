"""Phrases at the edges of what Python's containers do: sums of nothing, iterators that are advanced
in their own loop, deques with a most, items put where there can be none, two errors at once."""

from __future__ import annotations

import math
from collections import deque
from typing import Any

import numpy as np

from tests.programs.phrase import Phrases

EDGES = Phrases()
XS = ((np.array([1.0, 2.0, -3.0, 0.5, 2.0, 5.0]),), (-np.ones(4),), (np.ones(0),))


@EDGES(*XS)
def sum_of_a_list_that_may_be_empty(x: Any) -> Any:
    found = [v for v in x if v > 0]
    factors = math.prod(float(v) for v in found), math.prod(found, start=0.5)
    whole = math.prod(v for v in x if v > 0), math.fsum(v for v in x if v > 0)
    return sum(found), sum(found, 0.5), sum(found) / max(len(found), 1), factors, whole


@EDGES(*XS)
def sum_of_python_floats(x: Any) -> Any:
    found = []
    for v in x:
        if v > 1:
            found.append(float(v))
    total = sum(found)
    return total * 2, isinstance(total, int)


@EDGES(*XS)
def an_item_is_skipped(x: Any) -> Any:
    it = iter(range(len(x)))
    s = 0.0
    for i in it:
        s += x[i]
        if x[i] > 1:
            next(it, None)
    return s


@EDGES(*XS)
def the_first_of_a_range(x: Any) -> Any:
    it = iter(range(2, len(x) + 3))
    first = next(it)
    return first, list(it)


@EDGES(*XS)
def deque_with_a_most(x: Any) -> Any:
    found = [float(v) for v in x if v > 0]
    last = deque(found, 3)
    last.append(7.0)
    none = deque(found, 0)
    return list(last), len(last), len(none), last.maxlen


@EDGES(*XS)
def deque_that_is_extended(x: Any) -> Any:
    last: deque[float] = deque(maxlen=2)
    last.extend([float(v) for v in x if v > 0])
    return list(last)


IX = (((np.array([0, 2, 1])),), ((np.array([1])),))


@EDGES(*IX)
def item_of_a_range(x: Any) -> Any:
    places: Any = range(5)
    for k in x:
        places[k] = 3
    return 1


@EDGES(*IX)
def item_of_a_tuple(x: Any) -> Any:
    items: Any = (1, 2, 3)
    for k in x:
        items[k] = 3
    return 1


@EDGES(*IX)
def letter_of_a_text(x: Any) -> Any:
    letters: Any = "abc"
    for k in x:
        del letters[k]
    return 1


ZEROS, TWO, NINE = np.zeros(4), np.ones(2), np.array([9, 9, 9])
PUT = (
    (ZEROS, NINE, TWO),  # of what is wrong, the shapes are said
    (ZEROS, NINE, np.ones(3)),
    (ZEROS, np.array([1, 2, 3]), TWO),
    (ZEROS, np.array([1, 2, 0]), np.ones(1)),
)


@EDGES(*PUT)
def values_at_places(x: Any, i: Any, v: Any) -> Any:
    x[i] = v
    return x


@EDGES(*((np.zeros((4, 3)), i, v) for _, i, v in PUT))
def values_in_rows(x: Any, i: Any, v: Any) -> Any:
    x[i, 1] = v
    x[0, i % 3] = v
    return x


@EDGES((np.array([1.0, 9.0, 3.0]), 2), (np.array([0.0, 4.0, 3.0]), 3))
def slices_and_ranges_of_values(x: Any, n: Any) -> Any:
    """What is between values of the run is a result, also in containers."""
    k = int(x[0])
    s, r = slice(k, n), range(k, int(x[1]), n)
    return [s, r], {"a": slice(None, k), "b": (r, x[s])}, np.s_[k:, ::n], np.index_exp[:k]


@EDGES(*((np.array(p),) for p in ((5, 1), (3, -3), (7, 9), (0, 2), (5, 5), (6, 4), (1, 1))))
def ranges_of_the_run(p: Any) -> Any:
    """What is in a range of the run, and which ranges are equal."""
    n, k = int(p[0]), int(p[1])
    places = k in range(n), k in range(n, 0, -2), k in range(6, 0, -1), k * 0.5 in range(n)
    alike = range(n) == range(k), range(0, n, 2) == range(0, n + 1, 2), range(n) != range(5)
    return places, alike, range(n) == [0], "a" in range(n), f"{range(n)} {range(1, n, 2)!r}"


@EDGES(*((np.array(p),) for p in ((5, 1), (3, -3), (0, 0), (5, -6), (1, 1))))
def items_of_ranges_of_the_run(p: Any) -> Any:
    return range(int(p[0]))[int(p[1])], range(int(p[0]), 0, -2)[0]
