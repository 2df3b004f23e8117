"""Phrases in which lists of several arguments, and new ones, are bound to one name or lie in one
list; and lists of lists that a loop binds anew."""

from __future__ import annotations

from typing import Any

from tests.programs.deep_lists import new
from tests.programs.phrase import Phrases

MEETING = Phrases()
DYNAMIC = {"policies": ("dynamic",)}


def rows(n: int, m: int, step: int = 1, first: Any = 0) -> Any:
    return [[first + step * (i * m + j) for j in range(m)] for i in range(n)]


def _sharing(n: int, m: int) -> Any:
    """Two lists of lists with one list in both."""
    a, b = rows(n, m), rows(n, m, 3)
    b[1] = a[0]
    return a, b


#: Few numbers are arguments of their own, many of one kind are an array.
FEW, MANY = (3, 4), (9, 30)


@MEETING(
    new(rows(*FEW), rows(*FEW, 2), 3),
    new(rows(*FEW), rows(*FEW, 2), 0),
    new(rows(*MANY), rows(*MANY, 2), 2),
    new(rows(*MANY), rows(*MANY, 2, 0.5), 2),
    **DYNAMIC,
)
def levels_of_time(u: Any, before: Any, n: Any) -> Any:
    for _ in range(n):
        new = [[a + 2 * b for a, b in zip(r, s)] for r, s in zip(u, before)]
        before = u
        u = new
    return u


@MEETING(
    new(rows(*FEW), rows(*FEW, 2), 3),
    new(rows(*FEW), rows(5, 5, 2), 2),
    new(rows(*MANY), rows(*MANY, 2), 3),
    new(*_sharing(*FEW), 3),
    new(*_sharing(*MANY), 2),
    **DYNAMIC,
)
def names_change_places(a: Any, b: Any, n: Any) -> Any:
    for k in range(n):
        a, b = b, a
        a[0][0] = a[0][0] + k
        b[-1][-1] += 1
    return a[0][0]


@MEETING(new(rows(*FEW), rows(*FEW, 2), 1, True), new(rows(*MANY), rows(*MANY), 1, False))
def one_of_two(a: Any, b: Any, i: Any, flag: Any) -> Any:
    x = a if flag else b
    for k in range(len(x)):
        x[k][i] = x[k][i] * 2
    return len(x)


@MEETING(
    new(rows(*FEW), rows(*FEW, 2), 2),
    new(rows(*MANY), rows(*MANY, 2), 2),
    new(*_sharing(*FEW), 2),
    new(*_sharing(*MANY), 2),
    **DYNAMIC,
)
def rows_of_both(a: Any, b: Any, n: Any) -> Any:
    rows = []
    for r in a:
        rows.append(r)
    for r in b:
        rows.append(r)
    for k in range(n):
        rows[k][0] = rows[k][0] - 5
        rows[-1 - k].append(k)
    return len(rows)


@MEETING(new(rows(*FEW), rows(*FEW, 2), 1, 2), new(rows(*MANY), rows(*MANY, 2), 1, 2), **DYNAMIC)
def one_in_both(a: Any, b: Any, i: Any, j: Any) -> Any:
    a[i] = b[j]
    a[i][0] = 99
    return b[j][0]


@MEETING(new(rows(*FEW), rows(*FEW, 2), 2), new(rows(*MANY), rows(*MANY, 2), 2), **DYNAMIC)
def rows_change_places(a: Any, b: Any, n: Any) -> Any:
    for i in range(n):
        a[i], b[i] = b[i], a[i]
    for i in range(n):
        a[i][0] += 100


@MEETING(
    new(rows(*FEW), rows(*FEW, 2), rows(*FEW, 3), 4),
    new(rows(*MANY), rows(*MANY, 2), rows(*MANY, 3), 4),
    **DYNAMIC,
)
def three_of_them(a: Any, b: Any, c: Any, n: Any) -> Any:
    for k in range(n):
        a, b, c = b, c, a
        a[k % len(a)][0] += 1
    return [r[0] for r in a]


@MEETING(new([rows(*FEW), rows(*FEW)], [rows(2, 3)], 3), **DYNAMIC)
def at_two_depths(a: Any, b: Any, n: Any) -> Any:
    for k in range(n):
        a, b = b, a
        a[0][0][0] += k
        b[0][-1][0] -= k
    return n


@MEETING(new({"a": [1, 2], "b": [3]}, {"a": [4], "b": [7, 8]}, "a", 3))
def in_dicts(a: Any, b: Any, key: Any, n: Any) -> Any:
    for k in range(n):
        a, b = b, a
        a[key][0] += k
        b[key].append(k)
    return n


@MEETING(new(*_sharing(*FEW), 1), new(*_sharing(*MANY), 1), new(*_sharing(70, 3), 0), **DYNAMIC)
def one_list_of_both_is_changed(a: Any, b: Any, i: Any) -> Any:
    first = b[1][0]
    a[i][0] += 5
    b[i][1] += 7
    a[0].append(5)
    b[1].append(6)
    return first, b[i][0], a[i][1], len(a[0]), len(b[1]), sum(r[0] for r in b)


# Bound anew ---------------------------------------------------------------------------------------

ANEW = Phrases()
_THESE = (new(rows(*FEW), 2), new(rows(*MANY), 3), new(rows(70, 2), 1), new(rows(*MANY), 0))


@ANEW(*_THESE, **DYNAMIC)
def each_row_anew(u: Any, n: Any) -> Any:
    for _ in range(n):
        u = [[a + 1 for a in r] for r in u]
    return u


@ANEW(*_THESE, **DYNAMIC)
def rows_of_two(u: Any, n: Any) -> Any:
    for _ in range(n):
        u = [[r[0] + 1, r[1]] for r in u]
    return u


@ANEW(*_THESE, **DYNAMIC)
def tworows(u: Any, n: Any) -> Any:
    for _ in range(n):
        u = [[u[0][0] + 1, 2], [u[1][0], 3, 4]]
    return u


@ANEW(*_THESE, **DYNAMIC)
def longerrows(u: Any, n: Any) -> Any:
    for k in range(n):
        u = [list(r) + [k] for r in u]
    return u


@ANEW(*_THESE, **DYNAMIC)
def in_a_tuple(u: Any, n: Any) -> Any:
    t = (u, 1)
    for _ in range(n):
        t = ([[a + 1 for a in r] for r in t[0]], t[1] + 1)
    return t


@ANEW(*_THESE, **DYNAMIC)
def by_a_condition(u: Any, n: Any) -> Any:
    for _ in range(n):
        if u[0][0] > 2:
            u = [[a + 1 for a in r] for r in u]
        else:
            u = [[a + 2 for a in r] for r in u]
    return u


@ANEW(*_THESE, **DYNAMIC)
def until_a_break(u: Any, n: Any) -> Any:
    for k in range(n + 5):
        u = [[a + 1 for a in r] for r in u]
        if k >= n:
            break
    return u


@ANEW(*_THESE, **DYNAMIC)
def backwards(u: Any, n: Any) -> Any:
    for k in range(n):
        u = u[::-1]
        u[0] = [k] * len(u[0])
    return u


@ANEW(*_THESE, **DYNAMIC)
def one_more_row(u: Any, n: Any) -> Any:
    for k in range(n):
        u = u[1:] + [[k, k + 1]]
    return u


@ANEW(*_THESE, **DYNAMIC)
def some_of_each_row(u: Any, n: Any) -> Any:
    for k in range(n):
        u = [[x for x in r if x != k] for r in u]
    return u


@ANEW(*_THESE, **DYNAMIC)
def two_of_therows(u: Any, n: Any) -> Any:
    w: Any = []
    for _ in range(n):
        w = [u[0], w[0] if len(w) else u[1]]
    return w


@ANEW(*_THESE, **DYNAMIC)
def copies_that_change(u: Any, n: Any) -> Any:
    for k in range(n):
        u = [r[:] for r in u]
        u[k % len(u)].append(k)
    return u


@ANEW(*_THESE, **DYNAMIC)
def in_a_try(u: Any, n: Any) -> Any:
    try:
        for k in range(n):
            u = [[a + 1 for a in r] for r in u]
            if u[k][0] > 12:
                raise ValueError
    except (ValueError, IndexError):
        return u, 1
    return u, 2


@ANEW(new({"a": [1, 2], "b": [3, 0]}, 2), new({"a": [1, 2], "b": [3, 9]}, 0), **DYNAMIC)
def a_dict_of_lists(d: Any, n: Any) -> Any:
    for _ in range(n):
        d = {"a": [v + 1 for v in d["b"]], "b": [v + 2 for v in d["a"]]}
    return d


# Numbers of other kinds ---------------------------------------------------------------------------

OF_KINDS = Phrases()
_FLOATS = (new([1, 2, 3], [[0.0, -1.0], [3.0]], n) for n in (0, 1, 2))
_CALLS = (*_FLOATS, new([1, 2, 3], [[4, 5], [6]], 0))


@OF_KINDS(*_CALLS, **DYNAMIC)
def ints_in_the_place_of_floats(x: Any, v: Any, n: Any) -> Any:
    for k in range(n):
        v[0] = [a for a in x if a > k]
    return v


@OF_KINDS(*_CALLS, **DYNAMIC)
def in_a_list_of_the_program(x: Any, v: Any, n: Any) -> Any:
    v = [v[0], v[1]]
    for k in range(n):
        v[0] = [a for a in x if a > k]
    return v


@OF_KINDS(*_CALLS, **DYNAMIC)
def in_a_dict_of_the_program(x: Any, v: Any, n: Any) -> Any:
    d = {"a": v[0]}
    for k in range(n):
        d["a"] = [a for a in x if a > k]
    return d


@OF_KINDS(*_CALLS, **DYNAMIC)
def floats_after_ints(x: Any, v: Any, n: Any) -> Any:
    e = [[i for i in x if i > 1]]
    for k in range(n):
        e[0] = [i * 0.5 for i in x if i > k]
    return e


@OF_KINDS(*_CALLS, **DYNAMIC)
def tuples_of_lists(x: Any, v: Any, n: Any) -> Any:
    e = [(i, 1) for i in x if i > 1], 1
    f = [i * 0.5 for i in x if i > 1], 1
    for k in range(n):
        e = [(i * 0.5, 2) for i in x if i > k], 2
        f = [i for i in x if i > k], 2
    return e, f


@OF_KINDS(*_CALLS, **DYNAMIC)
def tables_in_others(x: Any, v: Any, n: Any) -> Any:
    d: Any = {"a": {i: i * 0.5 for i in x}}
    e: Any = {i: i * 0.5 for i in x}, 1
    for k in range(n):
        d["a"] = {i: k for i in x if i > k}
        e = {i: k for i in x if i > k}, 2
    return d, e
