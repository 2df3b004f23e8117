"""Phrases in which lists, dicts and deques change places: what a function has made, and lists that
are its arguments, which are also chosen and put into others."""

from __future__ import annotations

from collections import deque
from typing import Any

from tests.programs.deep_lists import new
from tests.programs.phrase import Phrases

PLACES = Phrases()
XS = new([3, 1, 4, 1, 5], 3), new([3, 1, 4, 1, 5], 0), new([2, 7, 1] * 40, 4), new([1], 2)


@PLACES(*XS)
def two_lists(x: Any, n: Any) -> Any:
    before = list(x)
    now = [0] * len(x)
    for _ in range(n):
        for i in range(1, len(x)):
            now[i] = before[i - 1] + before[i] % 5
        before, now = now, before
    return before, now


@PLACES(*XS)
def by_a_third_name(x: Any, n: Any) -> Any:
    a, b = x[:], x[::-1]
    for k in range(n):
        a[0] += k
        c = a
        a = b
        b = c
    a[-1] = 7
    return a, b


@PLACES(*XS)
def three_lists(x: Any, n: Any) -> Any:
    a, b, c = list(x), [0] * len(x), [1] * len(x)
    for k in range(n):
        for i in range(len(x)):
            c[i] = a[i] + 2 * b[i] + k
        a, b, c = b, c, a
    return a, b, c


@PLACES(new([1, 2, 3, 4], [2, 3, 5]), new([1, 2] * 30, [2, 1, 1] * 9), new([], [1]), new([1], []))
def edit_distance(a: Any, b: Any) -> Any:
    row = list(range(len(b) + 1))
    for i in range(len(a)):
        new = [i + 1] + [0] * len(b)
        for j in range(len(b)):
            new[j + 1] = min(row[j] + (a[i] != b[j]), row[j + 1] + 1, new[j] + 1)
        row, new = new, row
    return row[-1]


@PLACES(new(0.5, 3), new(0.5, 0), new(1.5, 10))
def two_dicts(x: Any, n: Any) -> Any:
    old, new = {"s": x, "t": 0.0}, {"s": 0.0, "t": 1.0}
    for k in range(n):
        new["s"] = old["s"] * 0.5 + k
        new["t"] += old["t"]
        old, new = new, old
    old["s"] += 1
    return old, new


@PLACES(*XS)
def two_deques(x: Any, n: Any) -> Any:
    a, b = deque(x), deque([0])
    for k in range(n):
        b.append(a[0] + k)
        a, b = b, a
    return list(a), list(b)


@PLACES(*XS)
def while_something_holds(x: Any, n: Any) -> Any:
    a, b = [*x, 0], [0, *x]
    turns = 0
    while sum(a) < 200 * n:
        for i in range(len(a)):
            b[i] = a[i] + a[-1 - i] + 1
        a, b = b, a
        turns += 1
    return turns, a, b


@PLACES(*XS)
def in_a_branch(x: Any, n: Any) -> Any:
    a, b = list(x), [2] * len(x)
    for k in range(n):
        b[k % len(b)] += a[-1]
        if b[0] > a[0]:
            a, b = b, a
    a.append(n)
    return a, b


@PLACES(*XS)
def of_a_function_inside(x: Any, n: Any) -> Any:
    def step(a: Any, b: Any) -> Any:
        for i in range(len(a)):
            b[i] = a[i] + a[0]
        return b, a

    a, b = list(x), [0] * len(x)
    for _ in range(n):
        a, b = step(a, b)
    return a, b


@PLACES(*XS)
def that_grow(x: Any, n: Any) -> Any:
    level, following = [v for v in x if v > 1], []
    for k in range(n):
        for v in level:
            if v % 2 == k % 2:
                following.append(v + k)
        level, following = following, []
    return level


@PLACES(*XS)
def in_loops_in_loops(x: Any, n: Any) -> Any:
    a, b = list(x), [1] * len(x)
    for k in range(n):
        for i in range(len(x)):
            b[i] += a[i] + k
            a, b = b, a
        a, b = b, a
    return a, b


ARGUMENTS = Phrases()


def _twice(*items: Any) -> Any:
    """One list in two arguments."""
    x = list(items)
    return [x, x]


PAIRS = (
    new([3, 1, 2], [5, 4, 6, 7], 2),
    new([3, 1, 2], [5, 4, 6, 7], 0),
    new([3.5, 1.0, -0.0], [5.5, 4.0], 3),
    new([3, 1.5, True], [5.0, 4, 7], 3),
    new(list(range(70)), list(range(9)), 4),
    new(*_twice(3, 1, 2), 3),
)


@ARGUMENTS(*PAIRS)
def sweeps(u: Any, w: Any, n: Any) -> Any:
    for _ in range(n):
        for i in range(1, len(u)):
            w[i % len(w)] = u[i - 1] + u[i]
        u, w = w, u
    return u


@ARGUMENTS(*PAIRS)
def with_one_of_its_own(u: Any, w: Any, n: Any) -> Any:
    old = [0] * len(u)
    for k in range(n):
        for i in range(len(u)):
            old[i] = u[i] + k
        u, old = old, u
    old[0] = w[0]
    return u


@ARGUMENTS(*PAIRS)
def one_is_chosen(u: Any, w: Any, n: Any) -> Any:
    a = u if n > 2 else w
    a[0] = w[-1]
    a.append(n)
    return a, u


@ARGUMENTS(*PAIRS)
def chosen_at_each_turn(u: Any, w: Any, n: Any) -> Any:
    for k in range(n):
        x = u if k % 2 else w
        x[0] += k
    return u[0]


@ARGUMENTS(*PAIRS)
def the_best(u: Any, w: Any, n: Any) -> Any:
    best = u
    for k in range(n):
        w = [x + k for x in w]
        if sum(w) > sum(best):
            best = w
    best[0] = 7
    return best


@ARGUMENTS(*PAIRS)
def items_of_a_list(u: Any, w: Any, n: Any) -> Any:
    z = [u, w, u]
    for k in range(n):
        z[k % 3].append(u[k % len(u)])
    return z, w


@ARGUMENTS(*PAIRS)
def values_of_a_dict(u: Any, w: Any, n: Any) -> Any:
    d = {}
    for k in range(n):
        d[k] = u if k % 2 else w
        d[k][0] += 1
    return d


@ARGUMENTS(*PAIRS)
def longer_and_shorter(u: Any, w: Any, n: Any) -> Any:
    for _ in range(n):
        u.append(w[0])
        w.insert(0, u[0])
        u, w = w, u
        if len(u) > 4:
            w.pop()
    return w


@ARGUMENTS(*PAIRS)
def copied_in_a_loop_in_a_loop(u: Any, w: Any, n: Any) -> Any:
    both, x = u + w, w
    for k in range(n):
        for _ in range(n):
            x = both[:]
        both[k % len(both)] = x[-1]
    return both, x


@ARGUMENTS(*PAIRS)
def read_after(u: Any, w: Any, n: Any) -> Any:
    for _ in range(n):
        u, w = w, u
    u[0] = w[0]
    return sorted(u), u + w, u == w, u[::-1], w[-1] in u, [x for x in u], max(u), u is w


@ARGUMENTS(
    new({"a": [1, 2], "b": [3]}, [[4, 5], 6], 3), new({"a": [1.5], "b": [2, 3]}, [[4], 0], 2)
)
def in_others(d: Any, x: Any, n: Any) -> Any:
    a, b = d["a"], x[0]
    for k in range(n):
        a[0] += k
        a, b = b, a
    a.append(x[1])
    return d
