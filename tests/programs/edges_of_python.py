"""Phrases at the edges of what Python's containers do: sums of nothing, iterators that are advanced
in their own loop, deques with a most, items put where there can be none, two errors at once."""

from __future__ import annotations

import heapq
import math
import operator
import statistics
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


PAIRS = ((5, 1), (3, -3), (7, 9), (0, 2), (5, 5), (6, 4), (1, 1), (-3, -5))


@EDGES(*((np.array(p),) for p in PAIRS))
def ranges_of_the_run(p: Any) -> Any:
    """What is in a range of the run, and which ranges are equal."""
    n, k = int(p[0]), int(p[1])
    places = k in range(n), k in range(n, 0, -2), k in range(6, 0, -1), k * 0.5 in range(n)
    alike = range(n) == range(k), range(0, n, 2) == range(0, n + 1, 2), range(n) != range(5)
    asked = bool(range(n)), not range(n, 3), 1 if range(k, n, 2) else 2
    r: Any = range(n)
    counts = r.count(k), r.count(k * 0.5), range(1, 7, 2).count(k), r.count("a")
    text = f"{range(n)} {range(1, n, 2)!r}"
    return places, alike, range(n) == [0], "a" in range(n), text, asked, counts


TYPED = ((5, 1e-17), (5, 3), (6, np.uint8(3)), (900, np.int8(-100)), (5, np.uint64(2**63 + 6)))


@EDGES(*TYPED, (5, 4 + 0j), (5, np.inf), (5, np.nan), (5, np.float32(2.5)), (5, True))
def numbers_in_a_range(n: Any, k: Any) -> Any:
    """Those that equal an item, whatever their dtype could not hold."""
    return k in range(-1, n), k in range(5, 300), range(-9, n).count(k)


@EDGES(*((np.array(p),) for p in ((5, 1), (5, 2), (5, 5), (5, -1), (0, 1))))
def place_in_a_range(p: Any) -> Any:
    n, k = int(p[0]), int(p[1])
    return range(1, 10, 2).index(range(n).index(k) - 0.0), range(n).index(2.0)


BOUNDS = ((7, 1, 3, 1), (7, -2, -9, -1), (7, 5, 0, -2), (7, -20, 20, 3), (0, 1, 3, 1), (3, 0, 3, 0))


def _without(wrong: Any) -> None:
    def asked(x: Any) -> Any:
        return wrong(range(len(x)), x)

    asked.__name__ = f"ranges_have_none_of_{len(EDGES)}"
    EDGES((np.arange(5),), policies=("dynamic",))(asked)


for _wrong in (
    lambda r, x: r.foo,
    lambda r, x: r + x.tolist()[0],
    lambda r, x: r < r,
    lambda r, x: (r["a"], x),
    lambda r, x: zip(x, r).foo,  # type: ignore[attr-defined]
):
    _without(_wrong)


@EDGES(*((np.array(p),) for p in BOUNDS))
def slices_of_ranges(p: Any) -> Any:
    n, a, b, s = p.tolist()
    r = range(1, n, 2)[a:b]
    known = range(9)[a:], range(9)[a - b]
    found = [r, range(n)[1:], range(n)[::-1], list(range(n)[:b:2]), sum(range(n)[a:])]
    return known, found, range(n, 0, -3)[a:b:s], tuple(range(n)[b::-1]), len(range(n)[a:b])


@EDGES(*((np.arange(n),) for n in (4, 3, 2, 0)))
def ranges_unpacked_and_as_items(x: Any) -> Any:
    n = len(x)
    known = len(set(range(n))), 2 in frozenset(range(n)), sorted(set(range(n)) - {1})
    sums = x + range(n), range(n) * (x + 0.5), x == range(n), x[range(n)]
    x[:2] = range(min(n, 2))
    first, *rest, last = range(n + 1)
    taken = iter(range(n)).__next__()
    a, b, c = range(n)
    return known, sums, x, taken, first, rest, last, a, b, c


@EDGES(*((np.array(p),) for p in ((5, 1), (3, -3), (0, 0), (5, -6), (1, 1))))
def items_of_ranges_of_the_run(p: Any) -> Any:
    return range(int(p[0]))[int(p[1])], range(int(p[0]), 0, -2)[0]


@EDGES((np.array([3.0, 1.5, 4.25, 1.0]), 4.25, 2), (np.array([3.0, 1.5]), 7.0, -1))
def functions_of_operator(x: Any, v: Any, k: Any) -> Any:
    """They mean what the operators do."""
    items, kept = [0.0, v, x[0]], [float(w) for w in x if w > 1]
    operator.setitem(items, 1, x[1])
    operator.setitem(x, 0, 9.0)
    operator.delitem(kept, 0)
    found = operator.contains(x, v), operator.contains(kept, v), operator.contains((1, v), x[1])
    known = operator.getitem(kept, k // 2), operator.countOf(x, v), operator.not_(x[1] > v)
    made = operator.iadd(x, 1), operator.concat(kept, [v]), operator.inv(k), operator.is_(x, x)
    return items, found, known, made, kept, operator.indexOf(x, v + 1)


MEASURED = (np.array([0.1, 1.5, 0.3, 4.25, 1.0, 1.5, 0.1, 0.1]), np.array([2.5, 0.7]))


@EDGES(*((x,) for x in MEASURED), (np.ones(1),), (np.array([1.0, np.inf, 2.0]),), (np.ones(0),))
def statistics_of_floats(x: Any) -> Any:
    """The bits of Python's exact sums."""
    some = [float(v) for v in x if v > 0.2]
    means = statistics.mean(x), statistics.mean(some), statistics.fmean(v * v for v in x)
    middle = statistics.median(some), statistics.median_low(x), statistics.median(x[1:])
    common = statistics.mode(x), statistics.multimode(some)
    return means, middle, common, statistics.pstdev(x), statistics.variance(some)


@EDGES(*((x,) for x in MEASURED), (np.ones(1),))
def statistics_of_ints_and_pairs(x: Any) -> Any:
    whole = [int(v * 10) for v in x]
    try:
        spread = statistics.stdev(x.astype(np.float32))
    except statistics.StatisticsError:
        spread = -1.0
    several = statistics.fmean((x[-1], x[0], 2)), statistics.median(whole)
    return spread, several, statistics.correlation(x, whole), statistics.quantiles(x, n=5)


@EDGES(*((np.sort(x), k) for x in MEASURED for k in (0.0, 1.2)))
def merged_in_order(x: Any, v: Any) -> Any:
    some = [float(w) for w in x if w > 0.2]
    rows = [(w, 1) for w in x], [(w, 0) for w in some]
    back = heapq.merge(x[::-1], some[::-1], reverse=True)
    found = list(heapq.merge(some, x, [v])), list(heapq.merge(*rows, key=lambda row: row[0]))
    least = heapq.heappushpop(some, v)
    return found, list(back), least, some, set(map(float, x)), {*map(float, x)}


@EDGES((np.arange(3.0),), (np.arange(2.0),), (np.arange(4.0),))
def unpacked_iterators(x: Any) -> Any:
    first, *rest = map(float, x)
    a, b, c = reversed(x)
    return first, rest, a, b, c


def _three(a: Any, b: Any, c: Any) -> Any:
    return a * b + c


class _Scale:
    def __init__(self, k: Any) -> None:
        self.k = k

    def at(self, a: Any, b: Any) -> Any:
        return self.k * a + b


@EDGES(*((np.arange(n) + 1.5,) for n in (3, 2, 5, 0)))
def as_many_arguments_as_there_are(x: Any) -> Any:
    """TypeError as Python's of another number."""
    some = [float(v) for v in x if v > 1]
    last = _Scale(*x[:1]).at(*some[1:]), np.hypot(*x[1:]), (lambda a, b, c: a - b - c)(*some)
    return _three(*x), _three(1.0, *x[1:]), _three(*x[1:], c=2.0), last


@EDGES(*((np.arange(n) + 1.5,) for n in (4, 3, 2, 0)))
def starred_in_builtins(x: Any) -> Any:
    some = [float(v) for v in x if v > 2]
    print(*some, sep=", ", end="!\n")
    print("all", *x, *range(len(x)))
    most = max(0.0, *some), min(9.0, 8.0, *x), max(*(v * 2 for v in x if v > 2), 1.0)
    return most, max(*x, key=lambda v: -v), min(*some)


@EDGES(*((np.arange(n) + 1.5, v) for n in (3, 2) for v in (0.5, 2.5)))
def calls_that_do_not_fit(x: Any, v: Any) -> Any:
    """Where they are not reached nothing is raised, and what they raise can be caught."""
    found = _three(x[0], x[1], 1.0)
    try:
        found += _three(*x)
        found += _three(x[0], d=2)  # type: ignore[call-arg]
    except TypeError as error:
        print(error)
    if x[0] > v:
        found += _Scale(2.0).at(x[0])  # type: ignore[call-arg]
    return found


@EDGES(*((np.arange(n) - 1.5, k) for n in (6, 2, 0) for k in (0.0, 9.0)))
def what_is_gone_through_is_returned(x: Any, k: Any) -> Any:
    """With an item of it, out of the loop over it."""
    some, items = [float(v) for v in x if v > -1], tuple(x)

    def with_list() -> Any:
        for v in some:
            if v > k:
                return v, some
        return 0.0, some

    def with_tuple() -> Any:
        for v in items:
            if v > k:
                return v, items
        return None

    def the_list() -> Any:
        for v in some:
            for w in some:
                if v + w > k:
                    return some
        return []

    v, found = with_list()
    found.append(v)
    return found is some, v, some, with_tuple(), the_list()
