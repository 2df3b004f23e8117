"""Phrases of what Python and its library do with lists of which the run decides the length."""

from __future__ import annotations

import collections
import functools
import heapq
import math
from typing import Any

import numpy as np

from tests.programs.phrase import Phrases

OPERATIONS = Phrases()
UP = np.array([1.0, 2.0, -0.5, 3.0, 0.25, -1.0, -2.0, 4.0, 4.0, 1.5])
MIXED = np.array([-1.0, 2.0, -3.0, 0.5, -0.5, 5.0, 6.0])
LONG = np.sin(np.arange(100.0))
XS = ((UP,), (MIXED,), (LONG,))
NONE = (-np.ones(9),)


def over(x: Any) -> Any:
    out = []
    for v in x:
        if v > 0:
            out.append(float(v))
    return out


def pairs(x: Any) -> Any:
    out = []
    for i in range(len(x)):
        if x[i] > 0:
            out.append((i, float(x[i])))
    return out


@OPERATIONS(*XS, NONE)
def inserted_at_the_end(x: Any) -> Any:
    out = over(x)
    out.insert(len(out), 7.0)
    out.insert(len(out) + 5, 8.0)
    out.insert(-1, 9.0)
    return out


@OPERATIONS(*XS, NONE)
def parts_without_items_are_put(x: Any) -> Any:
    out = over(x)
    out[len(out) :] = [1.0, 2.0]
    out[1:1] = [3.0]
    out[5:2] = [4.0]
    return out


@OPERATIONS(*XS, NONE)
def largest(x: Any) -> Any:
    out = over(x)
    n = len(out) // 2
    return heapq.nlargest(3, out), heapq.nsmallest(2, out), heapq.nlargest(n, out, key=lambda v: -v)


@OPERATIONS(*XS, NONE)
def largest_of_tuples(x: Any) -> Any:
    return heapq.nsmallest(2, pairs(x), key=lambda p: p[1]), heapq.nlargest(-1, pairs(x))


@OPERATIONS((UP, 2), (MIXED, 3))
def largest_of_an_array(x: Any, n: Any) -> Any:
    return heapq.nlargest(n, x), heapq.nsmallest(n, [x[0], x[1], x[2]])


@OPERATIONS(*XS, NONE)
def spread(x: Any) -> Any:
    out, under = over(x), over(-x)
    return [*out], [*out, *under], [0.0, *out, 1.0], [*x, *out], len({*out, *under})


@OPERATIONS(*XS, NONE)
def spread_is_another_list(x: Any) -> Any:
    out = over(x)
    other = [*out]
    other.append(1.0)
    return out, other


@OPERATIONS(*XS, NONE)
def first_and_rest(x: Any) -> Any:
    first, *rest = over(x)
    rest.append(9.0)
    return first, rest


@OPERATIONS(*XS, NONE)
def first_middle_last(x: Any) -> Any:
    first, *middle, last = pairs(x)
    *most, end = over(x)
    return first, middle, last, most, end


@OPERATIONS(*XS, NONE)
def tuples_are_found(x: Any) -> Any:
    out = pairs(x)
    return (1, 2.0) in out, (1, 3.0) in out, out.count((1, 2.0)), (1,) in out, 1 in out


@OPERATIONS(*XS)
def a_tuple_has_a_place(x: Any) -> Any:
    out = pairs(x)
    return out.index(out[1]), out.index((1, 2.0)) if (1, 2.0) in out else -1


@OPERATIONS(*XS, NONE)
def what_is_no_number_is_not_among_numbers(x: Any) -> Any:
    out = over(x)
    return (1.0, 2.0) in out, out.count((1.0,)), "a" in out, None in out


@OPERATIONS(*XS)
def by_methods_that_are_operations(x: Any) -> Any:
    out = over(x)
    out.__setitem__(0, 3.0)
    best = max(range(len(out)), key=out.__getitem__)
    order = sorted(range(len(out)), key=out.__getitem__)
    return out, best, order, out.__len__(), out.__contains__(2.0)


@OPERATIONS(*XS)
def by_methods_of_the_class(x: Any) -> Any:
    out = over(x)
    list.append(out, 1.0)
    list.sort(out)
    return out, list.index(out, 1.0), list.__getitem__(out, -1), list.__len__(out)


@OPERATIONS((UP, 2), (MIXED, 3))
def methods_that_are_operations_of_ordinary_lists(x: Any, i: Any) -> Any:
    values, counts = [x[0], x[1], x[2], 1.0], {0: 1.0, 1: 2.0, 2: 3.0, 3: 4.0}
    values.__setitem__(i, 5.0)
    return (
        values,
        list(map(counts.__getitem__, [i, 0])),
        counts.__contains__(i),
        dict.get(counts, i),
    )


@OPERATIONS(*XS, NONE)
def more_by_a_generator(x: Any) -> Any:
    out = over(x)
    out.extend(2 * v for v in x if v < 0)
    out.extend(v for v in over(-x))
    return out


@OPERATIONS(*XS, NONE)
def repeated_in_place(x: Any) -> Any:
    out = over(x)
    other = out
    out *= 2
    other *= len(x) % 3
    return out, other


@OPERATIONS(*XS)
def products(x: Any) -> Any:
    out = over(x)
    return math.prod(out), math.prod(out, start=2.0), math.fsum(out)


@OPERATIONS(*XS, rtol=1e-15)
def distance(x: Any) -> Any:
    out = over(x)
    return math.dist(out[1:], out[:-1])


@OPERATIONS(*XS)
def arrays_of_lists_in_lists(x: Any) -> Any:
    out = over(x)
    return (
        np.array([out, out]),
        np.add.reduce(out),
        np.r_[out, 1.0],
        np.cumsum([*out, 0.5]),
    )


@OPERATIONS(*XS)
def arrays_of_ranges(x: Any) -> Any:
    n = len(over(x))
    return np.cumsum(range(n)), np.array(range(1, n + 1)), np.stack([range(n), range(n)])


@OPERATIONS(*XS, NONE)
def arrays_by_items(x: Any) -> Any:
    out = over(x)
    n = len(out)
    return (
        np.fromiter(out, float),
        np.fromiter((v * 2 for v in out), float, n),
        np.fromiter(out, np.float32, n // 2),
    )


@OPERATIONS(*XS, NONE)
def too_few_for_an_array(x: Any) -> Any:
    return np.fromiter(over(x), float, 50)


@OPERATIONS(*XS, NONE)
def counted(x: Any) -> Any:
    return collections.Counter(int(2 * v) for v in over(x)).most_common(2)


@OPERATIONS(*XS, NONE)
def multiplied_by_an_array(x: Any) -> Any:
    out: Any = over(x)
    other = out
    out *= np.arange(len(out)) + 0.5
    return out, other


@OPERATIONS((UP, np.int64(2)), (MIXED, np.int64(0)))
def repeated_by_an_integer_of_numpy(x: Any, n: Any) -> Any:
    out = over(x)
    other = out
    out *= n
    other *= np.int64(3)
    return out, other, over(x) * np.int64(2)


@OPERATIONS((UP, 2), (MIXED, 0), (LONG, -1))
def ordinary_lists_repeated_in_place(x: Any, n: Any) -> Any:
    out = [x[0], x[1]]
    other = out
    out *= n
    return out, other, len(other)


@functools.singledispatch
def size(x: Any) -> Any:
    return 1


@size.register(list)
def _(x: Any) -> Any:
    return len(x)


@OPERATIONS(*XS, NONE)
def given_by_class(x: Any) -> Any:
    return size(over(x)), size(1.0)
