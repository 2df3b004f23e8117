"""Phrases of sets of which the run decides the items: operators, comparisons, methods."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.programs.phrase import Phrases

SET_ALGEBRA = Phrases()
PAIRS = tuple(
    (np.array(a), np.array(b))
    for a, b in (
        ([3, 1, 2, 2, 5], [2, 3, 9]),
        ([7, 1, 9, 10, 3], [1, 3]),
        ([4, 4], [4]),
        ([1, 2], [-1, 5, 8, 70, 6]),
    )
)


def collected(x: Any) -> Any:
    found = set()
    for v in x:
        found.add(int(v))
    return found


@SET_ALGEBRA(*PAIRS)
def operators(x: Any, y: Any) -> Any:
    a, b = collected(x), collected(y)
    return a | b, a & b, a - b, a ^ b, len(a | b), a, b


@SET_ALGEBRA(*PAIRS)
def comparisons(x: Any, y: Any) -> Any:
    a, b = collected(x), collected(y)
    return [a <= b, a < b, a >= b, a > b, a == b, a != b, a == collected(x[::-1]), a <= a]


@SET_ALGEBRA(*PAIRS)
def with_known_items(x: Any, y: Any) -> Any:
    a = collected(x)
    some = {1, 2, 99}
    known = (a | some, some | a, a & some, some & a, a - some, some - a, a ^ some, some ^ a)
    return known, a <= some, some <= a, a == {4}, a - {1}, some


@SET_ALGEBRA(*PAIRS)
def in_place(x: Any, y: Any) -> Any:
    a, b, c, d = collected(x), collected(x), collected(x), collected(x)
    held = a
    a |= collected(y)
    b &= collected(y)
    c -= collected(y)
    d ^= collected(y)
    return held is a, held, b, c, d


@SET_ALGEBRA(*PAIRS)
def with_itself(x: Any, y: Any) -> Any:
    a = collected(x)
    b = a
    a ^= b
    c = collected(y)
    return a, len(b), c - c, c & c, c | c, c <= c, c < c


@SET_ALGEBRA(*PAIRS)
def methods(x: Any, y: Any) -> Any:
    a, b = collected(x), collected(y)
    many = a.union([5, 6], y.tolist()), a.intersection(y.tolist(), {1, 2, 3}), a.difference([1], b)
    told = a.isdisjoint(b), a.issubset(b), a.issuperset(y.tolist()), a.symmetric_difference(b)
    return many, told, {1, 2}.union(a), {1, 2}.isdisjoint(a)


@SET_ALGEBRA(*PAIRS)
def methods_that_change(x: Any, y: Any) -> Any:
    a, b, c = collected(x), collected(x), collected(x)
    a.intersection_update(y.tolist())
    b.difference_update(y.tolist(), [1])
    c.symmetric_difference_update([*y.tolist(), 1, 1])
    return a, b, c


@SET_ALGEBRA(*PAIRS)
def in_a_loop(x: Any, y: Any) -> Any:
    reached, sizes = {0}, []
    for v in x:
        near = set()
        near.add(int(v))
        near.add(int(v) + 1)
        if not near & reached:
            sizes.append(len(reached))
        reached |= near
    return reached, sizes


@SET_ALGEBRA(*PAIRS)
def in_a_branch(x: Any, y: Any) -> Any:
    a, b = collected(x), collected(y)
    c = a - b if x[0] > 3 else a & b
    if len(c) > 1:
        c = c | {50}
    return c, sum(c), sorted(c, reverse=True), max(a), min(a)


@SET_ALGEBRA(*PAIRS)
def of_pairs(x: Any, y: Any) -> Any:
    a, b = set(), set()
    for v in x:
        a.add((int(v), int(v) + 1))
    for v in y:
        b.add((int(v), int(v) + 1))
    return a & b, a - b, len(a | b), a <= b


@SET_ALGEBRA(*PAIRS)
def of_both_forms(x: Any, y: Any) -> Any:
    a, b = collected(x), set(y.tolist())
    return a - b, b - a, a & b, a <= b, b <= a, a == b, [v * 2 for v in sorted(b)]


@SET_ALGEBRA(*PAIRS)
def comprehended(x: Any, y: Any) -> Any:
    b = set(y.tolist())
    return {v % 2 for v in b}, sorted(v * 2 for v in b), sum(v * 2 for v in b)


@SET_ALGEBRA(*PAIRS)
def a_list_is_no_set(x: Any, y: Any) -> Any:
    return collected(x) | {*y.tolist()}, collected(x) <= set()
