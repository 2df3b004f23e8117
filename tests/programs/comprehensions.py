"""Phrases of comprehensions, of lists made of iterators, and of iterators in loops."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from tests.programs.phrase import Phrases

COMPREHENSIONS = Phrases()
ITERATORS = Phrases()
X = np.array([3.0, 1.0, 2.0, -3.0, 1.0])
#: More than are gone through one by one while tracing.
LONG = np.random.default_rng(3).normal(size=100)
XS = ((X,), (LONG,), (X[:3],), (LONG[:70],))
SHORT = ((X,), (X[:3],), (X[::-1].copy(),))


# Comprehensions -----------------------------------------------------------------------------------


@COMPREHENSIONS(*XS)
def of_each(x: Any) -> Any:
    return np.array([v * 2 for v in x]), [float(v) for v in x], sum([v * v for v in x])


@COMPREHENSIONS(*XS)
def where_something_holds(x: Any) -> Any:
    return [v for v in x if v > 1], [i for i in range(len(x)) if x[i] > 0 if x[i] < 2]


@COMPREHENSIONS(*XS)
def of_pairs(x: Any) -> Any:
    return [(i, v) for i, v in enumerate(x) if v > 1], [a - b for a, b in zip(x, x[1:])]


@COMPREHENSIONS(*XS)
def arrays_of_those(x: Any) -> Any:
    return np.array([v * 2 for v in x if v > 0.5]), len([1 for v in x if v < 0])


@COMPREHENSIONS(*XS)
def of_two_loops(x: Any) -> Any:
    return [i * j for i in range(3) for j in range(i)], [a + b for a in x[:4] for b in x if b > a]


@COMPREHENSIONS(*XS)
def nothing_holds(x: Any) -> Any:
    found = [v for v in x if v > 100]
    return len(found), 1 if found else 2


@COMPREHENSIONS(*XS)
def gone_on_with(x: Any) -> Any:
    found = [v + 1 for v in x if v > 1]
    found.append(x[0])
    return [w * 2 for w in found if w > 3], found[0], found[-1], [w for w in found][1:]


@COMPREHENSIONS(*XS)
def generators_listed(x: Any) -> Any:
    return list(v for v in x if v > 1), max([v * v for v in x]), len(list(2 * v for v in x))


@COMPREHENSIONS((np.arange(6.0).reshape(2, 3),), (np.arange(200.0).reshape(100, 2),))
def of_rows(m: Any) -> Any:
    return np.array([r.sum() for r in m]), [r[0] for r in m if r[1] > 2]


@COMPREHENSIONS((X, 0), (X, 1), (X, 3), (X, 100))
def over_ranges(x: Any, n: int) -> Any:
    return [k * k for k in range(n)], np.array([x[k % 5] * k for k in range(n)])


@COMPREHENSIONS(*SHORT)
def of_what_is_known(x: Any) -> Any:
    functions = [f for f in (np.sin, np.cos)]
    return (
        [f(x[0]) for f in functions],
        [k for k in (1, 2, 3) if k > 1],
        [np.zeros(2) for _ in "ab"],
    )


# Iterators ----------------------------------------------------------------------------------------


@ITERATORS(*XS)
def numbered(x: Any) -> Any:
    s = 0.0
    for i, v in zip(itertools.count(), x):
        s += i * v
    for i, v, w in zip(itertools.count(5, -2), x, itertools.repeat(2.0)):
        s += i * v * w
    return s


@ITERATORS(*XS)
def endless_until(x: Any) -> Any:
    s = 0.0
    for i in itertools.count():
        if i >= len(x) or x[i] == 2:
            break
        s += x[i]
    return s, i


@ITERATORS(*XS)
def neighbours(x: Any) -> Any:
    s = 0.0
    for a, b in itertools.pairwise(x):
        s += a * b
    for i, v in enumerate(itertools.islice(x, 1, None, 2)):
        s -= i * v
    for i, j in itertools.product(range(3), range(2)):
        s += x[i] * x[j]
    return s


@ITERATORS((X, 4), (X, 7), (X, 100))
def repeated(x: Any, n: int) -> Any:
    s = x[0] * 0
    for _ in itertools.repeat(None, n):
        s = s * 0.5 + x[0]
    return s


@ITERATORS(*XS)
def mapped(x: Any) -> Any:
    s = sum(map(lambda v, w: v * w, x, x))
    for v in map(abs, x):
        s += v
    return s, max(map(abs, x)), [2 * v for v in map(abs, x)]


@ITERATORS(*XS)
def taken_one_by_one(x: Any) -> Any:
    it = iter(x)
    first = next(it)
    s = 0.0
    for v in it:
        s += v * first
    ids = itertools.count(5)
    return s, next(ids), next(ids)


@ITERATORS((X,), (X[:3],))
def of_what_python_knows(x: Any) -> Any:
    pair = [x[0], x[1]]
    return (
        list(itertools.accumulate(pair)), list(itertools.chain(pair, [x[2]])),
        list(itertools.combinations(pair, 2)), list(zip(itertools.count(), pair)),
        list(map(abs, pair)), list(itertools.islice(itertools.cycle(pair), 3)),
    )  # fmt: skip
