"""Phrases: dicts and sets of which the run decides the keys."""

from __future__ import annotations

import copy
from collections import Counter, defaultdict
from typing import Any

import numpy as np

from tests.programs.phrase import Phrases

KEYED = Phrases()
#: Shapes make no difference to keys.
ONE = ("auto",)
INTS = ((np.array([3, 1, 2, 3, -1, 7, 3, 1]),), ((np.arange(90) * 7919) % 41,))
PRICES = (
    lambda: ({1: 2.0, 3: 4.0}, np.array([3, 1, 3])),
    lambda: ({7: 1.0, 3: -0.0}, np.array([3, 9])),
)
FLOATS = ((np.array([0.5, -0.0, 0.0, np.nan, 0.5, np.inf, np.nan]),), (np.array([2.0]),))


@KEYED(*INTS, *FLOATS, policies=ONE)
def counted(x: Any) -> Any:
    found = {}
    for v in x:
        found[v] = found.get(v, 0) + 1
    return list(found.items()), len(found)


@KEYED(*INTS, policies=ONE)
def computed_with_what_is_missing(x: Any) -> Any:
    d = {}
    for v in x:
        d[v] = 1.5
    k, n = x[0], 1000
    return d.get(n, 0) + 1, d.get(k, 0) + 1, d.get(n, 0) * 2, 1 - d.get(n, 3), d.pop(n, 0) - 1


@KEYED(*INTS, policies=ONE)
def counted_by_what_is_missing(x: Any) -> Any:
    a, b, c = {}, defaultdict(int), Counter()
    for v in x:
        k = int(v)
        if k in a:
            a[k] += 1
        else:
            a[k] = 1
        b[k % 3] += k
        c[k] += 1
    return a, b, c, c[1000], bool(a)


@KEYED(*INTS, policies=ONE)
def counted_by_error(x: Any) -> Any:
    found = {}
    for v in x:
        try:
            found[int(v)] += 1
        except KeyError:
            found[int(v)] = 1
    return found


@KEYED(*INTS, policies=ONE)
def two_that_make_five(x: Any) -> Any:
    places = {}
    for i, v in enumerate(x):
        if 5 - v in places:
            return places[5 - v], i
        places[v] = i
    return None


@KEYED(*INTS, *FLOATS, policies=ONE)
def seen_before(x: Any) -> Any:
    seen = set()
    again = 0
    for v in x:
        again += v in seen
        seen.add(v)
    return again, len(seen)


@KEYED(*INTS, policies=ONE)
def sums_of_groups(x: Any) -> Any:
    sums, first = defaultdict(float), {}
    for i in range(len(x)):
        sums[int(x[i]) % 3] += x[i] * 0.5
        first.setdefault(int(x[i]) % 5, i)
    return sums, first, max(sums.values()), sorted(first)


@KEYED((12,), (60,), policies=ONE)
def remembered(n: Any) -> Any:
    memo = {0: 0, 1: 1}
    for i in range(2, n):
        k = i * i % 11
        if k not in memo:
            memo[k] = memo[k % 2] + k
    return memo


@KEYED((4,), (12,), policies=ONE)
def matrix_by_pairs(n: Any) -> Any:
    m = {}
    for i in range(n):
        m[(i, i)] = 2.0
        if i:
            m[i, i - 1] = m[i - 1, i] = -1.0
    y = np.zeros(n)
    for (i, j), v in m.items():
        y[i] += v * (j + 1)
    return y, m, (0, n) in m, (1, 1) in m


@KEYED(*INTS, policies=ONE)
def gone_through(x: Any) -> Any:
    d = {}
    for v in x:
        d[int(v)] = d.get(int(v), 0) + 1
    total = 0
    for k in d:
        total += k * d[k]
    for k, v in d.items():
        d[k] = v + k
    best, n = -1, 0
    for k, v in d.items():
        if v > n:
            best, n = k, v
    return total, best, max(d, key=d.get), max(d.items(), key=lambda item: item[1]), min(d)


@KEYED(*INTS, policies=ONE)
def listed(x: Any) -> Any:
    d = {}
    for v in x:
        d[int(v)] = v * 0.5
    ranked = sorted(d.items(), key=lambda item: (-item[1], item[0]))
    return list(d), list(d.values()), ranked, np.array(list(d.keys())), sum(d.values())


@KEYED(*INTS, policies=ONE)
def taken_out(x: Any) -> Any:
    d, total = {}, 0
    for v in x:
        k = int(v)
        if k in d:
            del d[k]
        else:
            d[k] = 1
        total += d.pop(k + 1, 5)
        if len(d) > 20:
            d.clear()
    return d, len(d), total, list(d.items())


@KEYED(*INTS, policies=ONE)
def changed_while_gone_through(x: Any) -> Any:
    d = {}
    for v in x:
        d[int(v)] = 1
    for k in d:
        if k > 5:
            d[-k] = 2
    return d


@KEYED(*INTS, policies=ONE)
def changed_before_the_end(x: Any) -> Any:
    d = {}
    for v in x:
        d[int(v)] = 1
    for k in d:
        if k > 2:
            d[k + 1000] = 5
            break
    return d


@KEYED(*INTS, policies=ONE)
def missing(x: Any) -> Any:
    d = {}
    for v in x:
        d[v, 0] = 1
    return d[x[0], 1]


@KEYED(*INTS, policies=ONE)
def missing_number(x: Any) -> Any:
    d = {}
    for v in x:
        d[int(v)] = 1
    if len(x) > 20:
        return d[int(x[0]) + 1000]
    return d[x[0] + 1000]


@KEYED(*INTS, policies=ONE)
def equal_numbers(x: Any) -> Any:
    d = {}
    for v in x:
        d[float(v)] = 1
    return int(x[0]) in d, 3 in d, 2.5 in d, True in d, d.get(3), d.get(2**80, -1), "a" in d


@KEYED(*INTS, policies=ONE)
def sets_changed(x: Any) -> Any:
    s = set()
    for v in x:
        s.add(int(v))
    s.discard(3)
    if 7 in s:
        s.remove(7)
    return sorted(s), len(s), max(s)


@KEYED((10,), (40,), policies=ONE)
def reached(n: Any) -> Any:
    seen, queue, order = {0}, [0], []
    while queue:
        k = queue.pop(0)
        order.append(k)
        for child in (2 * k + 1, 3 * k + 1):
            if child < n and child not in seen:
                seen.add(child)
                queue.append(child)
    return order, len(seen)


@KEYED(*INTS, policies=ONE)
def made_at_once(x: Any) -> Any:
    shown = {int(x[0]): 1, x.size: 2}
    made = {int(v): i for i, v in enumerate(x)}, {v: 0 for v in x if v > 1}
    paired = dict(zip(x.tolist(), range(len(x)))), dict((int(v), 1) for v in x)
    return shown, made, paired, dict.fromkeys(x, 0), list(dict.fromkeys(x.tolist()))


@KEYED(*INTS, policies=ONE)
def counters(x: Any) -> Any:
    found = Counter(x.tolist())
    found.update([1, 1, 2])
    return found, found.most_common(2), Counter(int(v) % 3 for v in x), sum(found.values())


@KEYED(*INTS, policies=ONE)
def copies(x: Any) -> Any:
    d = {int(v): 1 for v in x}
    e, f, g = dict(d), d.copy(), copy.deepcopy(d)
    e[1000] = 5
    del f[int(x[0])]
    g.clear()
    return d, e, f, g, {**d}


@KEYED(*INTS, policies=ONE)
def items_of_items(x: Any) -> Any:
    d = {int(v): (i, v * 0.5) for i, v in enumerate(x)}
    rows = {int(v): np.array([v, i]) for i, v in enumerate(x)}
    first, half = d[int(x[0])]
    return d, rows, first, half, [k + i for k, (i, _) in d.items()]


@KEYED((6,), (70,), policies=ONE)
def walks(n: Any) -> Any:
    now = {0: 1.0}
    for _ in range(n):
        later = {}
        for k, v in now.items():
            later[k + 1] = later.get(k + 1, 0.0) + v * 0.5
            later[k - 1] = later.get(k - 1, 0.0) + v * 0.5
        now = later
    return now


class Squares:
    def __init__(self) -> None:
        self.known: dict[int, int] = {}

    def of(self, n: Any) -> Any:
        if n not in self.known:
            self.known[n] = n * n
        return self.known[n]


@KEYED(*INTS, policies=ONE)
def kept_by_an_object(x: Any) -> Any:
    squares, total = Squares(), 0
    for v in x:
        total += squares.of(int(v))
    return total, squares.known


@KEYED(*INTS, policies=ONE)
def first_in_first_out(x: Any) -> Any:
    d, most = {}, 0
    for i in range(100):
        d[i] = int(x[0]) + i
        if i >= 5:
            del d[i - 5]
        most = max(most, len(d))
    last = d.popitem()
    return d, most, last


@KEYED(*INTS, policies=ONE)
def in_a_branch(x: Any) -> Any:
    d = {}
    if x[0] > 2:
        d[int(x[0])] = 1
    d[int(x[1])] = 2
    return d


@KEYED(*PRICES, policies=ONE)
def known_prices(price: Any, x: Any) -> Any:
    total = 0.0
    for v in x:
        total += price[int(v)]
    return total


@KEYED(*PRICES, policies=ONE)
def changed_argument(d: Any, x: Any) -> Any:
    for v in x:
        d[int(v)] = d.get(int(v), 0.0) + 1.0
    return len(d)
