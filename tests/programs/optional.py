"""Phrases of what is None in some runs: searches, early returns, arguments left out."""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict
from typing import Any

import numpy as np

from tests.programs.phrase import Phrases

OPTIONAL = Phrases()
X = np.arange(4.0)
SOUGHT = ((X, 2.0), (X, 9.0), (X, 0.0), (X, 1.0))


def found_at(x: Any, v: float) -> Any:
    for i in range(len(x)):
        if x[i] == v:
            return i
    return None


@OPTIONAL(*SOUGHT)
def search(x: Any, v: float) -> Any:
    return found_at(x, v)


@OPTIONAL(*SOUGHT)
def search_and_use(x: Any, v: float) -> Any:
    r = found_at(x, v)
    if r is None:
        return -1.0
    return x[r] * 2 + r


@OPTIONAL(*SOUGHT)
def search_and_ask(x: Any, v: float) -> Any:
    r = found_at(x, v)
    if r is not None and r > 1:
        return x[r], r == 2, r != 1, 7
    return 0.0, r == 0, r is None, 1 if r else 2


@OPTIONAL(*SOUGHT)
def no_number(x: Any, v: float) -> Any:
    return found_at(x, v) + 1


@OPTIONAL((X,), (X + 100,))
def early_return(x: Any) -> Any:
    if x.sum() > 100.0:
        return None
    x *= 2
    return x, x.sum()


@OPTIONAL((np.arange(6).reshape(2, 3),), (np.zeros((2, 3), int),))
def falls_off_the_end(m: Any) -> Any:
    for i in range(m.shape[0]):
        for j in range(m.shape[1]):
            if m[i, j] == 5:
                return i, j


@OPTIONAL((X,), (-X,), (X[:2],))
def best_of_all(x: Any) -> Any:
    best = None
    for v in x:
        if best is None or v < best:
            best = v
    return best


@OPTIONAL((X, 1.0), (X, 9.0), (-X, -2.0))
def last_of_some(x: Any, v: float) -> Any:
    found = None
    for i in range(len(x)):
        if x[i] > v:
            found = i
    return found, found is None, isinstance(found, int), found == 3


@OPTIONAL((X, 1.0), (X, 9.0), (-X, -2.0))
def set_and_forgotten(x: Any, v: float) -> Any:
    found, count = None, 0
    for i in range(len(x)):
        if found is not None and x[i] > x[found]:
            count += 1
        found = i if x[i] > v else None
    return found, count


@OPTIONAL((X, 1), (X, 3))
def array_or_none(x: Any, n: int) -> Any:
    y = None
    if n > 2:
        y = x * 2
    if y is None:
        return x
    y[0] = 5.0
    return y + 1


def weighted(x: Any, w: Any = None) -> Any:
    return x.sum() if w is None else (x * w).sum()


@OPTIONAL((X, 1), (X, 3))
def argument_left_out(x: Any, n: int) -> Any:
    w = x if n > 2 else None
    return weighted(x, w), weighted(x), weighted(x, w=w)


@OPTIONAL((X, 1), (X, 3))
def in_a_container(x: Any, n: int) -> Any:
    row = [x[0] if n > 2 else None, n]
    pair = {"a": row[0], "b": (x if n > 2 else None, 1)}
    return row, pair


# None and other constants among what a loop binds or returns

RUNS = ((X,), (X - 9,), (X + 2,))


@OPTIONAL(*RUNS)
def none_in_a_returned_tuple(x: Any) -> Any:
    for i in range(len(x)):
        if x[i] > 2:
            return True, None, "text", i
        if x[i] < -7:
            return False, (i, None), "text", i
    return False, (0, x * 2), "text", -1


@OPTIONAL(*RUNS)
def none_in_a_tuple_of_a_while(x: Any) -> Any:
    i = 0
    while i < len(x):
        if x[i] > 2:
            return i, None, x
        i += 1
    return None, i, x


@OPTIONAL(*RUNS)
def none_in_a_list_and_a_dict(x: Any) -> Any:
    for i in range(len(x)):
        for j in range(i, len(x)):
            if x[i] * x[j] > 7:
                return [i, {"at": j, "value": None}]
    return [0, {"at": -1, "value": 1.5}]


@OPTIONAL(*RUNS)
def constants_bound_in_a_loop(x: Any) -> Any:
    name = found = None
    for i in range(len(x)):
        kind = float
        pair = i, None
        if x[i] > 2:
            name = "big"
            found = "at", i
    return name, found, pair, kind is float


@OPTIONAL(*((x, n) for (x,) in RUNS[:2] for n in (0, 2)))
def a_text_that_may_be_unbound(x: Any, n: int) -> Any:
    for i in range(n):
        if x[i] < 100:
            word = "small"
    return word, n


LISTS = tuple(lambda c=c: (c, 2, [1.0, 2.0, 3.0]) for c in (2.0, 0.0, -1.0))


@OPTIONAL(*LISTS)
def a_list_that_was_changed_or_none(c: float, n: int, y: Any) -> Any:
    if c == 0.0:
        return None
    for i in range(n):
        y[i] += c
    y.append(c)
    return y, {"again": y}


@OPTIONAL(*LISTS)
def a_list_that_one_side_binds(c: float, n: int, y: Any) -> Any:
    mine = [c, 1.0]
    found = kept = None
    if c != 0.0:
        y[0] = c
        mine[0] = 5.0
        found, kept = y, mine
    y[1] = mine[1] = 7.0
    return found, kept, mine


@OPTIONAL(*LISTS)
def a_list_where_the_other_side_raises(c: float, n: int, y: Any) -> Any:
    if c == 0.0:
        raise ValueError("zero")
    else:
        y[n] = c
        found = y
    return found


@OPTIONAL(*LISTS)
def a_list_in_two_places_or_none(c: float, n: int, y: Any) -> Any:
    if c == 0.0:
        return None
    new = [c]
    new[0] += 1
    return new, (new, y)


@OPTIONAL(*LISTS)
def two_names_of_the_list_that_each_side_makes(c: float, n: int, y: Any) -> Any:
    if c > 0:
        new = [c]
        same = new
    else:
        new = [c + 1]
        same = new
    new[0] = 9.0
    return new, same


@OPTIONAL(*LISTS)
def dicts_keep_their_classes(c: float, n: int, y: Any) -> Any:
    counts = None
    if c > 0:
        order = OrderedDict(a=c, b=1.0)
        sums: Any = defaultdict(float)
        counts = Counter("aab")
    else:
        order = OrderedDict(a=1.0, b=c)
        sums = defaultdict(float)
    sums["x"] += c
    return order, sums, counts
