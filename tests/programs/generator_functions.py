"""Phrases of generator functions: what they decide, who goes through them, and in which order."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from tests.programs.phrase import Phrases

GENERATOR_FUNCTIONS = Phrases()
SHORT = np.array([0.2, 0.7, 0.9, 0.1, 0.65])
LONG = np.random.default_rng(0).random(90)
XS = ((SHORT,), (LONG,), (np.zeros(0),))
AUTO = ("auto",)


def large(x: Any, limit: float) -> Any:
    for v in x:
        if v > limit:
            yield v


def logistic(n: int) -> Any:
    x = 0.5
    for i in range(n):
        x = 3.7 * x * (1 - x)
        if x > 0.5:
            yield i, x


class Tree:
    def __init__(self, left: Any, right: Any) -> None:
        self.left, self.right = left, right

    def __iter__(self) -> Any:
        stack = [0]
        while stack:
            k = stack.pop()
            if k >= 0:
                yield k
                stack.append(self.left[k])
                stack.append(self.right[k])


# What goes through one ----------------------------------------------------------------------------


@GENERATOR_FUNCTIONS((30,), (5,), (0,))
def in_a_for_statement(n: int) -> Any:
    total = 0.0
    for i, x in logistic(n):
        total += i * x
    return total


@GENERATOR_FUNCTIONS((50,), (5,))
def left_early(n: int) -> Any:
    total, i = 0.0, -1
    for i, x in logistic(n):
        if i > 20:
            break
        total += i * x
    else:
        total = -total
    return total, i


@GENERATOR_FUNCTIONS(*XS)
def in_builtins(x: Any) -> Any:
    kept = list(large(x, 0.5)), sum(large(x, 0.5)), sorted(large(x, 0.3))
    found = any(v > 0.8 for v in large(x, 0.5)), all(v > 0.6 for v in large(x, 0.5))
    return kept, found, max(large(x, 2.0), default=-1.0)


@GENERATOR_FUNCTIONS(*XS)
def extremes(x: Any) -> Any:
    return min(large(x, 0.5)), max(large(x, 0.2), key=lambda v: (v - 0.5) ** 2)


@GENERATOR_FUNCTIONS(*XS)
def in_comprehensions(x: Any) -> Any:
    twice = [v * 2 for v in large(x, 0.5) if v < 0.9]
    return twice, sum(v * 2 for v in large(x, 0.5)), len([v for v in (w for w in x if w > 0.5)])


@GENERATOR_FUNCTIONS(*XS)
def numbered_and_paired(x: Any) -> Any:
    total = 0.0
    for k, v in enumerate(large(x, 0.3), 2):
        total += k * v
    for a, b in zip(large(x, 0.3), x):
        total += a * b
    for k, b in zip(itertools.count(), large(x, 0.3)):
        total += k * b
    return total


@GENERATOR_FUNCTIONS(*XS)
def the_first_that(x: Any) -> Any:
    place = next((i for i in range(len(x)) if x[i] > 0.65), -1)
    return place, next(large(x, 0.65), 0.0), next((v for v in x if v > 2), None) is None


@GENERATOR_FUNCTIONS(*XS)
def the_first_of_none(x: Any) -> Any:
    return next(large(x, 0.8))


@GENERATOR_FUNCTIONS(*XS, policies=AUTO)
def looked_for(x: Any) -> Any:
    return 0.7 in large(x, 0.5), 5.0 in (v for v in x)


@GENERATOR_FUNCTIONS(*XS, policies=AUTO)
def unpacked(x: Any) -> Any:
    def some() -> Any:
        yield x[0]
        if x[0] < 0.5:
            yield x[1]
        yield x.sum()

    a, b, c = some()
    return a, b, c


@GENERATOR_FUNCTIONS(*XS)
def given_to_a_function(x: Any) -> Any:
    def total(items: Any) -> Any:
        found = 0.0
        for v in items:
            found += v
        return found

    return total(large(x, 0.3)) + total(v for v in x if v < 0.3)


@GENERATOR_FUNCTIONS(*XS)
def at_its_end(x: Any) -> Any:
    items = large(x, 0.3)
    return sum(items), sum(items), next(items, -1.0)


# What one does ------------------------------------------------------------------------------------


@GENERATOR_FUNCTIONS(*XS)
def one_in_another(x: Any) -> Any:
    def doubled(v: Any) -> Any:
        while v < 4:
            v = v * 2
            yield v
        yield v - 4

    def every() -> Any:
        for v in x:
            yield from doubled(v + 0.1)

    total = 0.0
    for k, w in enumerate(every()):
        total = total * 0.5 + w
        if k == 11:
            break
    return total


@GENERATOR_FUNCTIONS(*XS)
def with_a_result(x: Any) -> Any:
    def some(limit: float) -> Any:
        total = 0.5
        for v in x:
            if v > limit:
                yield v
                total += float(v)
        return total

    def both() -> Any:
        first = yield from some(0.6)
        yield first * 2
        return (yield from some(0.3))

    def once() -> Any:
        last = yield from both()
        yield last

    total = 0.0
    for k, v in enumerate(once()):
        total = total * 0.5 + v
        if k == 70:
            break
    return total + sum(once())


@GENERATOR_FUNCTIONS(*XS)
def jumps(x: Any) -> Any:
    def some() -> Any:
        for v in x:
            if v < 0.3:
                continue
            if v > 0.96:
                break
            yield v
        else:
            yield np.float64(2.0)
        i = 0
        while i < len(x):
            if x[i] > 0.7:
                return
            yield x[i]
            i += 1

    out = []
    for v in some():
        if v < 0.5:
            continue
        out.append(v)
    return out


@GENERATOR_FUNCTIONS(*XS)
def patterns(x: Any) -> Any:
    def some() -> Any:
        for v in x:
            match int(v * 10) % 3:
                case 0:
                    yield v
                case 1:
                    continue
                case _:
                    yield -v

    return sum(some())


@GENERATOR_FUNCTIONS((100,), (1_000_000,))
def without_an_end(n: int) -> Any:
    def fibonacci() -> Any:
        a, b = 0, 1
        while True:
            yield a
            a, b = b, a + b

    total = 0
    for v in fibonacci():
        if v > n:
            break
        if v % 2 == 0:
            total += v
    return total


@GENERATOR_FUNCTIONS((np.array([1, 3, -1, -1, -1]), np.array([2, 4, -1, -1, -1])))
def of_a_class(left: Any, right: Any) -> Any:
    seen = np.zeros(5)
    for turn, k in enumerate(Tree(left, right)):
        seen[k] = turn
    return seen


@GENERATOR_FUNCTIONS(*XS)
def variables_of_others(x: Any) -> Any:
    count = 0

    def some() -> Any:
        nonlocal count
        for v in x:
            if v > 0.3:
                count += 1
                yield v

    total = 0.0
    for v in some():
        total += v * count
    return total, count


@GENERATOR_FUNCTIONS(*XS)
def in_turn_with_the_body(x: Any) -> Any:
    def some() -> Any:
        for i in range(len(x)):
            x[i] *= 2
            yield i
            x[i] -= 0.25

    total = 0.0
    for i in some():
        x[i] += 1
        total += x[i]
    return total


@GENERATOR_FUNCTIONS(*XS)
def both_in_loops(x: Any) -> Any:
    total = 0.0
    for a in large(x, 0.3):
        for b in large(x, 0.3):
            if b > a:
                break
            total += a * b
        else:
            total += 100
    return total


@GENERATOR_FUNCTIONS(*XS)
def returned_from_the_loop(x: Any) -> Any:
    for k, v in enumerate(v for v in x if v > 0.1):
        if v > 0.6:
            return k


# Effects and exceptions ---------------------------------------------------------------------------


@GENERATOR_FUNCTIONS(*XS, policies=AUTO)
def printed_in_order(x: Any) -> Any:
    def some() -> Any:
        print("start")
        try:
            for v in x:
                print("before", v)
                if v > 0.3:
                    yield v
                    print("after", v)
        finally:
            print("closed")

    total = 0.0
    for w in some():
        print("got", w)
        if w > 0.8:
            break
        total += w
    return total


@GENERATOR_FUNCTIONS(*XS, policies=AUTO)
def lazily(x: Any) -> Any:
    def told(v: Any) -> Any:
        print(v)
        return v > 0.6

    return any(told(v) for v in large(x, 0.2)), list(filter(told, map(lambda v: v / 2, x)))


@GENERATOR_FUNCTIONS(*XS)
def raised_in_the_body(x: Any) -> Any:
    def some() -> Any:
        try:
            for v in x:
                yield v
        finally:
            print("closed")

    try:
        for v in some():
            if v > 0.8:
                raise ValueError("too large")
    except ValueError:
        return -1.0
    return 1.0


@GENERATOR_FUNCTIONS(*XS)
def raised_in_the_generator(x: Any) -> Any:
    def some() -> Any:
        for v in x:
            yield 1 // int(v * 9)

    total = 0
    try:
        for v in some():
            total += v
    except ZeroDivisionError:
        return -total
    return total


@GENERATOR_FUNCTIONS(*XS)
def not_caught(x: Any) -> Any:
    return sum(1 // int(v * 9) for v in large(x, 0.0) if v < 0.3)


# What a loop over a generator binds, bound again elsewhere ----------------------------------------


@GENERATOR_FUNCTIONS((SHORT,), (SHORT[::-1] / 2,))
def counted_before_each(x: Any) -> Any:
    seen: list[int] = []
    for _ in x[:3]:
        k = 0
        while k < 3:
            k += 1
        for v in (v for v in x if v > 0.3):
            k = int(v * 9)
        seen.append(k)
    return seen


@GENERATOR_FUNCTIONS((SHORT,), (SHORT[::-1] / 2,))
def never_read_after(x: Any) -> Any:
    seen = []
    first = next((v for v in x if v > 0.3), 1.5)
    for v in x:
        k = 0
        while k < 3:
            k += 1
        for _ in large(x, 0.5):
            k = 3
        seen.append(v)
    return seen, first


@GENERATOR_FUNCTIONS((SHORT,), (SHORT[::-1] / 2,))
def searched_again(x: Any) -> Any:
    seen = []
    for limit in (0.1, 0.3, 0.9):
        at = 0
        while at < len(x) and x[at] < limit:
            at += 1
        for at, v in enumerate(large(x, limit)):
            if v > 0.8:
                break
        seen.append(limit)
    return seen


@GENERATOR_FUNCTIONS(*XS)
def one_after_another(x: Any) -> Any:
    for _ in large(x, 0.5):
        k = 2
    k = 0
    while k < 3:
        k += 1
    for _ in (v for v in x if v > 0.9):
        k = 7
    k = 5
    while k < 8:
        k += 2
    return k


@GENERATOR_FUNCTIONS((SHORT,), (SHORT[::-1] / 2,))
def arrays_bound_again(x: Any) -> Any:
    rows = []
    for scale in (1.0, 2.0, 3.0):
        w = x * scale
        for i in range(len(x)):
            w = w + x[i]
        for v in large(x, 0.5):
            w = np.zeros(2) + v
        rows.append([scale])
    return rows


@GENERATOR_FUNCTIONS((SHORT,), (SHORT[::-1] / 2,))
def branches_bind_it(x: Any) -> Any:
    seen = []
    for v in x:
        k = 1
        if v > 0.5:
            k = 2
        k += 1
        for w in (w for w in x if w > v):
            if w > 0.6:
                k = 4
        seen.append(v)
    return seen
