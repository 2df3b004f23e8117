"""Phrases of order in Python: `sorted`, `list.sort`, `index`, `count`, `heapq`, `bisect`."""

from __future__ import annotations

import bisect
import heapq
from typing import Any

import numpy as np

from tests.programs.phrase import Phrases

ORDERING = Phrases()
X = np.array([3.0, 1.0, 2.0, -1.0, 2.0])
LONG = np.round(np.random.default_rng(0).normal(size=100), 1)
XS = ((X,), (LONG,), (X[:3],))


@ORDERING(*XS, (X.astype(int),))
def sorted_numbers(x: Any) -> Any:
    return sorted(x), sorted(x, reverse=True)[:2], sorted([x[0], x[2], x[1]]), sorted([3, 1, 2])


@ORDERING(*XS)
def sorted_by_key(x: Any) -> Any:
    return (
        sorted(x, key=lambda v: -v), sorted(x, key=abs, reverse=True)[0],
        sorted(range(len(x)), key=lambda i: x[i]), sorted(v * v for v in x if v > 0),
    )  # fmt: skip


@ORDERING(*XS)
def sorted_pairs(x: Any) -> Any:
    return (
        sorted((v, i) for i, v in enumerate(x)), sorted([(1, x[0]), (0, x[1])]),
        sorted(zip(x, x[::-1]), reverse=True)[:2],
    )  # fmt: skip


@ORDERING(*XS)
def lists_in_place(x: Any) -> Any:
    all_of, some = [v for v in x], [v for v in x if v > 0]
    all_of.sort()
    some.sort(key=lambda v: -v)
    return all_of, some, some[0], all_of[-1]


@ORDERING(*XS)
def places_and_counts(x: Any) -> Any:
    all_of, some = [v for v in x], [v for v in x if v > 0]
    return all_of.index(x[2]), some.index(x[0] * 1) if x[0] > 0 else -1, some.count(2.0)


@ORDERING(*XS)
def listed(x: Any) -> Any:
    s = 0.0
    for i in list(range(len(x))):
        s += x[i]
    numbers = x.tolist()
    numbers.append(float(s))
    pairs = list(zip(x, range(len(x))))
    return list(x), numbers, pairs[-1], list(map(abs, x))[1:], len(list(enumerate(x)))


@ORDERING(*XS)
def lists_compared(x: Any) -> Any:
    some = [v for v in x if v > 0]
    return (
        some == [v for v in x if v > 0], some == list(x), some != [3.0], some == [], some == 3,
        x.tolist() == list(x), [v for v in x if v > 99] == [],
    )  # fmt: skip


@ORDERING(*XS)
def index_of_nothing(x: Any) -> Any:
    return [v for v in x].index(77.0)


@ORDERING(([3.0, 1.0, 2.0],), ([2.0, 1.0, 5.0],))
def the_callers_list(values: Any) -> Any:
    values.sort()
    return values, values.index(2.0), values.count(1.0)


@ORDERING(*XS)
def heap_of_numbers(x: Any) -> Any:
    heap: Any = []
    for v in x:
        heapq.heappush(heap, v)
    out = []
    while len(heap) > 1:
        out.append(heapq.heappop(heap))
    return heapq.heappop(heap), out


@ORDERING(*XS)
def heap_of_pairs(x: Any) -> Any:
    heap = [(x[i], i) for i in range(len(x))]
    heapq.heapify(heap)
    total = 0.0
    while heap:
        d, i = heapq.heappop(heap)
        total += d * i
        if d < 0:
            heapq.heappush(heap, (d + 2.5, i))
    return total


@ORDERING(*XS)
def bisected(x: Any) -> Any:
    y = np.sort(x)
    out: Any = []
    for v in x:
        bisect.insort(out, v)
    return bisect.bisect_left(y, x[0]), bisect.bisect(y, 9.0), bisect.bisect_right(y, x[2]), out
