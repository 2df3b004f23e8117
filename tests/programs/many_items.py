"""Phrases of `itertools` and `functools.reduce` over few items and many."""

from __future__ import annotations

import functools
import itertools
from typing import Any

import numpy as np

from tests.programs.phrase import Phrases

MANY_ITEMS = Phrases()
XS = ((np.array([0.2, 0.7, 0.9, 0.1, 0.65]),), (np.random.default_rng(0).random(90),))
EMPTY = ((np.zeros(0),),)


@MANY_ITEMS(*XS, *EMPTY)
def accumulated(x: Any) -> Any:
    largest = list(itertools.accumulate(x, lambda a, b: a if a > b else b))
    return list(itertools.accumulate(x)), largest, sum(itertools.accumulate(range(len(x))))


@MANY_ITEMS(*XS)
def accumulated_from_a_start(x: Any) -> Any:
    return sum(itertools.accumulate(x, initial=2.0)), sum(
        itertools.accumulate((v for v in x if v > 0.3), lambda a, b: a * b)
    )


@MANY_ITEMS(*XS, *EMPTY)
def chained(x: Any) -> Any:
    total = 0.0
    for v in itertools.chain(x, x[1:], [3.0, 4.0], range(3), (w for w in x if w > 0.5)):
        total = total * 0.5 + v
    return total, sum(itertools.chain.from_iterable((x, x)))


@MANY_ITEMS(*XS, *EMPTY)
def combined(x: Any) -> Any:
    total = 0.0
    for a, b in itertools.combinations(x, 2):
        total += a * b
    for i, j in itertools.combinations_with_replacement(range(len(x)), 2):
        total = total * 0.9 + x[i] - x[j]
    return total, sum(1 for _ in itertools.combinations(range(len(x)), 0))


@MANY_ITEMS(*XS)
def three_of_many(x: Any) -> Any:
    total = 0.0
    for i, j, k in itertools.combinations(range(len(x)), 3):
        total += x[i] * x[j] - x[k]
    for a, b, c in itertools.permutations(x[:6], 3):
        total = total * 0.9 + a - b * c
    return total


@MANY_ITEMS(*XS, *EMPTY)
def while_something_holds(x: Any) -> Any:
    first = list(itertools.takewhile(lambda v: v < 0.8, x))
    rest = list(itertools.dropwhile(lambda v: v < 0.8, x))
    return first, rest, sum(itertools.filterfalse(lambda v: v < 0.5, x))


@MANY_ITEMS(*XS, *EMPTY)
def filtered(x: Any) -> Any:
    chosen = list(filter(lambda v: v > 0.5, x)), list(itertools.compress(x, x > 0.4))
    return chosen, sum(map(lambda v: v * 2, filter(None, x)))


@MANY_ITEMS(*XS, *EMPTY)
def in_groups(x: Any) -> Any:
    sizes = []
    for is_large, group in itertools.groupby(x, lambda v: v > 0.5):
        count = 0
        for _ in group:
            count += 1
        sizes.append((is_large, count))
    return sizes


@MANY_ITEMS(*XS, *EMPTY)
def side_by_side(x: Any) -> Any:
    total = 0.0
    for a, b in itertools.zip_longest(x, x[2:], fillvalue=0.5):
        total = total * 0.9 + a * b
    for a, b in itertools.pairwise(v for v in x if v > 0.3):
        total += a * b
    return total + sum(itertools.starmap(lambda a, b: a * b, zip(x, x[1:], strict=False)))


@MANY_ITEMS(*XS, *EMPTY)
def some_of_a_generator(x: Any) -> Any:
    total = 0.0
    for v in itertools.islice((v for v in x if v > 0.3), 1, None, 2):
        total = total * 0.5 + v
    return total, list(itertools.islice((v * 2 for v in x), 3))


@MANY_ITEMS(*XS)
def reduced(x: Any) -> Any:
    halves = functools.reduce(lambda a, b: a * 0.5 + b, x)
    return halves, functools.reduce(lambda a, b: a + b, (v * 2 for v in x if v > 0.3), 0.0)


@MANY_ITEMS((np.ones(8), 40), (np.ones(8), 7))
def of_a_range(x: Any, n: int) -> Any:
    total = 0.0
    for i, j in itertools.combinations(range(n), 2):
        total += x[i % 8] * (j - i)
    for i in itertools.takewhile(lambda k: k * k < n, itertools.count()):
        total += i
    return total


# Iterators of which the run takes items ----------------------------------------------------------


@MANY_ITEMS(*XS, *EMPTY)
def one_more_in_each_turn(x: Any) -> Any:
    numbers, signs, items = itertools.count(3), itertools.cycle([1, -1]), iter(x)
    total = 0.0
    for v in x:
        total += next(numbers) * v * next(signs) + next(items)
    return total, next(items, -1.0), next(numbers)


@MANY_ITEMS(*XS, *EMPTY)
def taken_in_a_loop_over_it(x: Any) -> Any:
    items = iter(x)
    total = 0.0
    for v in items:
        if v > 0.6:
            total += next(items, 0.25) * 10
        else:
            total -= v
    pairs = enumerate(x)
    for k, v in pairs:
        if v > 0.8:
            j, w = next(pairs, (0, 0.5))
            total += j * w
        total += k * v
    return total


@MANY_ITEMS(*XS, ((np.array([200.0, 1.0]),)))
def taken_in_a_branch(x: Any) -> Any:
    items = iter([1, 2, 3])
    if x[0] > 100:
        next(items)
    return next(items)


@MANY_ITEMS(*XS)
def gone_on_with(x: Any) -> Any:
    items = iter(x)
    first, before, after = next(items), x[0], x[0]
    for v in items:
        if v > 0.6:
            break
        before += v
    for v in items:
        after += v - first
    return before, after


@MANY_ITEMS(*XS, *EMPTY)
def until_there_are_none(x: Any) -> Any:
    items = iter(x)
    total = 0.0
    for _ in range(len(x) + 1):
        total += next(items)
    return total


@MANY_ITEMS(*XS)
def until_it_stops(x: Any) -> Any:
    items = iter(x)
    total = x[0]
    try:
        while True:
            total += next(items)
    except StopIteration:
        return total
