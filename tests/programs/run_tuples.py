"""Phrases of tuples of which the run decides how long they are, and of ``zip(*rows)``."""

from __future__ import annotations

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
