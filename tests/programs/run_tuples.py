"""Phrases of tuples of which the run decides how long they are, and of ``zip(*rows)``."""

from __future__ import annotations

import functools
import itertools
import math
import operator
from typing import Any

import numpy as np

from tests.programs.phrase import Phrases

TUPLES = Phrases()
UP = np.array([1.0, 2.0, -0.5, 3.0, 0.25, -1.0, -2.0, 4.0, 4.0, 1.5])
MIXED = np.array([-1.0, 2.0, -3.0, 0.5, -0.5, 5.0, 6.0])
LONG = np.sin(np.arange(100.0))
NONE = -np.ones(9)
XS = ((UP,), (MIXED,), (LONG,), (NONE,))


def pairs(x: Any) -> Any:
    out = []
    for i in range(len(x)):
        if x[i] > 0:
            out.append((i, float(x[i])))
    return out


@TUPLES(*XS)
def columns(x: Any) -> Any:
    at, values = zip(*pairs(x))
    return at, values


@TUPLES(*XS)
def columns_as_arrays(x: Any) -> Any:
    at, values = zip(*pairs(x))
    return np.array(at), np.array(values), np.array([at, values])


@TUPLES(*XS)
def columns_as_lists(x: Any) -> Any:
    at, values = map(list, zip(*pairs(x)))
    at.append(7)
    return at, values


@TUPLES(*XS)
def columns_of_a_comprehension(x: Any) -> Any:
    at, values = zip(*[(i, v) for i, v in enumerate(x) if v > 0])
    return max(at), sum(values) / len(values), np.polyfit(at, values, 0)


@TUPLES(*XS)
def columns_of_rows(x: Any) -> Any:
    rows = []
    for i in range(0, len(x) - 1, 2):
        if x[i] > 0:
            rows.append([x[i], x[i + 1], float(i)])
    a, b, c = zip(*rows)
    return a, np.array(b), list(c)


@TUPLES(*XS)
def three_columns_of_two(x: Any) -> Any:
    a, b, c = zip(*pairs(x))
    return a, b, c


@TUPLES(*XS)
def made_of_a_list(x: Any) -> Any:
    out = []
    for v in x:
        if v > 0:
            out.append(float(v))
    return tuple(out), len(tuple(out)), isinstance(tuple(out), tuple), isinstance(tuple(out), list)


@TUPLES(*XS)
def made_of_a_generator(x: Any) -> Any:
    found = tuple(v for v in x if v > 0)
    return found, type(found) is tuple, sorted(found)[:2], float(sum(found))


@TUPLES(*XS)
def made_of_other_things(x: Any) -> Any:
    n = len(pairs(x))
    return tuple(range(n)), tuple(x[x > 0]), tuple(map(abs, [v for v in x if v < 1]))


@TUPLES(*XS)
def items(x: Any) -> Any:
    found = tuple(float(v) for v in x if v > 0)
    return found[0], found[-1], found[1:3], found[::-1]


@TUPLES(*XS)
def joined(x: Any) -> Any:
    found = tuple(float(v) for v in x if v > 0)
    return found + (1.0,), (2.0,) + found, found * 2, found + found


@TUPLES(*XS)
def searched(x: Any) -> Any:
    found = tuple(float(v) for v in x if v > 0)
    return 4.0 in found, found.count(4.0), found == found, found == (1.0,), found != found[1:]


@TUPLES(*XS)
def gone_through(x: Any) -> Any:
    found = tuple(float(v) for v in x if v > 0)
    total = 0.0
    for i, v in enumerate(found):
        total += i * v
    for v, w in zip(found, found[1:], strict=False):
        total += v * w
    return total, [v * 2 for v in found], [*found], list(found)


@TUPLES(*XS)
def taken_apart(x: Any) -> Any:
    found = tuple(int(v * 4) for v in x if v > 0)
    a, b, *rest = found
    *some, last = found
    return a, b, rest, some, last


@TUPLES(*XS)
def of_a_branch(x: Any) -> Any:
    found = tuple(float(v) for v in x if v > 0)
    if x[0] > 0:
        found = found + (5.0,)
    return found


@TUPLES(*XS)
def none_or_first(x: Any) -> Any:
    found = tuple(float(v) for v in x if v > 0)
    if not found:
        return -1.0
    return found[0]


@TUPLES(*XS)
def held_and_given(x: Any) -> Any:
    def both(t: Any) -> Any:
        return t, len(t)

    found = tuple(float(v) for v in x if v > 1)
    return both(found), {"a": found}, [found]


@TUPLES(*XS)
def changed(x: Any) -> Any:
    found: Any = tuple(float(v) for v in x if v > 0)
    found[0] = 1.0
    return found


@TUPLES(*XS)
def appended(x: Any) -> Any:
    found: Any = tuple(float(v) for v in x if v > 0)
    found.append(1.0)
    return found


@TUPLES(*XS)
def grown_in_a_loop(x: Any) -> Any:
    t: Any = ()
    for v in x:
        if v > 0:
            t += (v,)
    return t, len(t), sum(t), t[-1:]


@TUPLES(*XS)
def grown_at_the_front(x: Any) -> Any:
    t: Any = (0.0,)
    for i in range(len(x)):
        t = (float(x[i]), *t) if i % 2 else (float(x[i]),) + t
    return t, t[0]


@TUPLES((1234, 10), (0, 10), (7, 2))
def of_digits(n: Any, base: Any) -> Any:
    digits: Any = ()
    while n > 0:
        n, digit = divmod(n, base)
        digits = (digit, *digits)
    return digits, tuple(reversed(digits)), digits == (1, 1, 1)


@TUPLES(*XS)
def of_pairs_that_grow(x: Any) -> Any:
    t: Any = ()
    for i, v in enumerate(x):
        if v > 1:
            t = t + ((i, v),)
    large = -1
    for i, v in t:
        if v > 3:
            large = i
    return large, t


@TUPLES(*XS)
def longer_on_one_side(x: Any) -> Any:
    t = (x[0], 1) if x[1] > 0 else (2, x[1], 3)
    return t, len(t), [2 * v for v in t], isinstance(t, tuple)


@TUPLES(*XS)
def grown_in_two_loops(x: Any) -> Any:
    t: Any = ()
    for v in x:
        k = 0
        while k < abs(v):
            k += 1
            t += (k,)
    return t


@TUPLES(*XS)
def in_both_directions(x: Any) -> Any:
    t = tuple([float(v) for v in x if v > 0.5])
    backwards, total = list(reversed(t)), 0.0
    for v in reversed(t):
        total = total * 0.5 + v
    a = [0.0]
    a.extend(t)
    a += t
    return backwards, total, a, [u * v for u, v in zip(t, reversed(t))], math.fsum(t)


@TUPLES(*XS)
def folded(x: Any) -> Any:
    t = tuple([float(v) for v in x if v > 0.5])
    sums = list(itertools.accumulate(t))
    return (
        sums,
        functools.reduce(operator.add, t, 0.0),
        math.prod(t),
        sorted(t),
        sum(t),
        any(t),
    )
