"""Phrases of lists and dicts of the run with numbers of several kinds, which stay what they are."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.programs.phrase import Phrases

SEVERAL_KINDS = Phrases()
ONE = ("auto",)
UP = np.linspace(-1.0, 1.0, 70)


@SEVERAL_KINDS((70,), (0,), (3,))
def appended(n: Any) -> Any:
    out: list[Any] = []
    for i in range(n):
        out.append(i if i % 2 else i / 2)
    more = [v * 2 for v in out if v > 1]
    return out, more, [isinstance(v, int) for v in out], np.array(out), out == more, sum(out)


@SEVERAL_KINDS((70,), (1,), policies=ONE)
def in_two_loops(n: Any) -> Any:
    out: list[Any] = []
    for _ in range(n):
        out.append(0)
    for _ in range(n):
        out.append(0.5)
    out += [1, 2.0]
    out.extend([True])
    return out, out.index(1), out.count(0), 0.5 in out, len(out), max(out), min(out)


@SEVERAL_KINDS((UP,), (-UP[:3],), policies=ONE)
def of_four_kinds(x: Any) -> Any:
    out: list[Any] = []
    for i in range(len(x)):
        if x[i] > 0.5:
            out.append(True)
        elif x[i] > 0:
            out.append(i)
        elif x[i] > -0.5:
            out.append(0.25)
        else:
            out.append(x[i])
    return out, out[1], [max(v, 0) for v in x], [1j if v > 0 else 1 for v in x]


@SEVERAL_KINDS((UP, UP.astype("f4")), policies=ONE)
def of_widths(x: Any, y: Any) -> Any:
    out: list[Any] = []
    for i in range(len(x)):
        if i % 3 == 0:
            out.append(x[i])
        elif i % 3 == 1:
            out.append(y[i])
        else:
            out.append(i)
    return out, out[2], np.array(out)


@SEVERAL_KINDS((70,), (5,), policies=ONE)
def at_places(n: Any) -> Any:
    a = [0] * n
    for i in range(0, n, 2):
        a[i] = i / 4
    b = a[::-1]
    b.insert(2, True)
    last, first = b.pop(), b.pop(0)
    b.remove(1)
    del b[1]
    b[1:2] = [1, 2, 2.5]
    return a, b, last, first, sorted(a), sorted(a, reverse=True), a[1:n:3], list(zip(a, b))


@SEVERAL_KINDS((70,), (4,), policies=ONE)
def in_tuples_and_rows(n: Any) -> Any:
    pairs, g = [], [[0] * 3 for _ in range(n)]
    for i in range(n):
        pairs.append((i, i if i % 3 else 0.5))
        g[i][i % 3] = i / 2
    pairs.sort(key=lambda pair: pair[1])
    return pairs, g, pairs[0], g[1], [row[1] for row in g]


@SEVERAL_KINDS((70,), (3,), policies=ONE)
def what_was_before(n: Any) -> Any:
    out: list[Any] = [0]
    for i in range(n):
        out.append(out[-1] + (0.5 if i > 50 else 1))
    return out, n > 50 and out[-1]


@SEVERAL_KINDS((70,), policies=ONE)
def as_an_index(n: Any) -> Any:
    places = [i if i < 50 else i / 2 for i in range(n)]
    x, total = np.arange(100.0), 0.0
    for i in range(50):
        total += x[places[i]]
    return total


@SEVERAL_KINDS(lambda: ([1, 2.5, 3] * 30,), lambda: ([1, 2, 3] * 30,), policies=ONE)
def of_the_caller(a: Any) -> Any:
    for i in range(len(a)):
        if i % 2:
            a[i] = a[i] / 4
    a.append(True)
    return a


@SEVERAL_KINDS((np.arange(20) % 7,), (np.array([3, 3, 5]),))
def values(keys: Any) -> Any:
    total: dict[int, Any] = {}
    last: dict[int, Any] = {}
    for i, key in enumerate(keys):
        k = int(key)
        if k not in total:
            total[k] = 0
        total[k] += i / 2 if i > 5 else 1
        last[k] = (i, i if i % 2 else 0.5)
    return total, last, list(total.values()), last.get(3), total.pop(3)


# Constants that are passed on before they take another kind -------------------------------------


@SEVERAL_KINDS((0,), (1,), (3,), policies=ONE)
def swapped(n: Any) -> Any:
    b, c = 1, 0.1
    for _ in range(n):
        b *= 1j
        c, b = b, c
    return b, c


@SEVERAL_KINDS(([1.0, -1.0, 2.0],), ([1.0],), ([],), policies=ONE)
def by_way_of_others(x: Any) -> Any:
    a, b, c, d, p = 0, 1, 2, 3, (4, 5)
    for v in np.array(x):
        a, b = b, a + v
        if v > 0:
            c = d
        p = (d, 1)
        for _ in range(2):
            d = d + v
    return a, b, c, d, p


FLOATS = 2.0**53, 2.0**63, 1.5, np.nan
INTS = 2**53 + 1, 2**63 - 1, 1


@SEVERAL_KINDS(*((x, n) for x in FLOATS for n in INTS), policies=ONE)
def compared_exactly(x: Any, n: Any) -> Any:
    """A float is not the int that it would be rounded to."""
    order = x < n, x <= n, x > n, x >= n, n < x, n <= x
    return order, x == n, x != n, n == x, complex(x, 0) == n, x == 2**53 + 1, 2**53 + 1 >= x


@SEVERAL_KINDS(([1.5, 7, -3.5, 2, 0, 0.5, True],), ([3, 1.0],), policies=ONE)
def sorted_in_place(t: Any) -> Any:
    for i in range(1, len(t)):
        item = t[i]
        j = i
        while j > 0 and t[j - 1] > item:
            t[j] = t[j - 1]
            j -= 1
        t[j] = item
    return t


@SEVERAL_KINDS((UP, 2.0), (UP[:3], 0.5), policies=ONE)
def few_at_a_place_of_the_run(x: Any, y: Any) -> Any:
    steps = (1, 0.25, 4)
    k = 0
    while k < len(x) and x[k] < y:
        k += 1
    return steps[k % 3], steps[int(x[0] * 2) % 3] * 2
