"""Phrases of lists in lists in lists, of which the run decides how long they are."""

from __future__ import annotations

import copy
from collections import defaultdict
from typing import Any

import numpy as np

from tests.programs.phrase import Phrases

DEEP = Phrases()
K, V = np.arange(40) * 37 % 11, np.cos(np.arange(40.0))
DYNAMIC = {"policies": ("dynamic",)}


@DEEP((3, 4), (5, 2), (1, 0), (0, 3), **DYNAMIC)
def cubes(n: Any, m: Any) -> Any:
    cube = [[[0 for _ in range(n)] for _ in range(m)] for _ in range(n)]
    flat = [[[0.5] * m for _ in range(n)] for _ in range(2)]
    for i in range(n):
        for j in range(m):
            for k in range(n):
                cube[i][j][k] += i * j + k
            flat[i % 2][i][j] -= j
    return cube, flat, len(cube), [len(plane) for plane in cube]


@DEEP((2, 3), (3, 1), **DYNAMIC)
def four_levels(n: Any, m: Any) -> Any:
    out = [[[[i + j for i in range(n)] for j in range(m)] for _ in range(n)] for _ in range(m)]
    total = 0
    for a in range(m):
        for b in range(n):
            for c in range(m):
                for d in range(n):
                    out[a][b][c][d] *= a + 1
                    total += out[a][b][c][d]
    return out, total


@DEEP((K, V), (K[:5], V[:5]), (K[:0], V[:0]), **DYNAMIC)
def grown_at_every_level(keys: Any, values: Any) -> Any:
    out: Any = []
    for k, v in zip(keys, values):
        if k % 3 == 0 or not out:
            out.append([])
        if k % 2 == 0 or not out[-1]:
            out[-1].append([])
        out[-1][-1].append(v)
    return out, [len(group) for group in out], sum(len(x) for group in out for x in group)


@DEEP((K, V), (K[:7], V[:7]), **DYNAMIC)
def lists_of_lists_by_key(keys: Any, values: Any) -> Any:
    found: Any = {}
    named: Any = defaultdict(list)
    for i, (k, v) in enumerate(zip(keys, values)):
        k = int(k)
        if k not in found:
            found[k] = []
        found[k].append([v] * (i % 3))
        named[k % 4].append([i, k])
    return found, named, {k: sum(len(x) for x in group) for k, group in found.items()}


@DEEP((K, V), (K[:4], V[:4]), **DYNAMIC)
def pairs_of_lists(keys: Any, values: Any) -> Any:
    out = []
    for i in range(len(keys)):
        ints, floats = [], []
        for j in range(i % 4):
            ints.append(int(keys[j]))
            floats.append(values[j])
        out.append((ints, floats))
    out[-1][0].append(5)
    return out, [len(a) + len(b) for a, b in out]


@DEEP((4, 3), (2, 2), **DYNAMIC)
def one_row_in_several_places(n: Any, m: Any) -> Any:
    row = [1] * m
    planes = [[row, [0] * m] for _ in range(n)]
    for k in range(n):
        planes[k][0][k % m] += 5
        planes[k][1][0] -= k
    total = 0
    for plane in planes:
        for line in plane:
            for x in line:
                total = total * 3 + x
    return total, row


@DEEP((3, 4), (1, 2), **DYNAMIC)
def as_an_array(n: Any, m: Any) -> Any:
    cube = [[[i * j - k for k in range(n)] for j in range(m)] for i in range(n)]
    return np.array(cube), np.sum(np.array(cube[n - 1]))


LENT = Phrases()
ROWS = [[4.0, 1.0, 2.0], [1.0, 5.0, 3.0], [9.0, 1.0, 1.0]]


def new(*args: Any) -> Any:
    """Makes arguments of which the lists are new in each call."""
    return lambda: copy.deepcopy(args)


@LENT(new(ROWS, [1.0, 2.0, 3.0]), new([[3.0]], [1.0]), **DYNAMIC)
def solved(a: Any, b: Any) -> Any:
    n = len(a)
    for k in range(n):
        p = k
        for i in range(k + 1, n):
            if abs(a[i][k]) > abs(a[p][k]):
                p = i
        a[k], a[p] = a[p], a[k]
        b[k], b[p] = b[p], b[k]
        for i in range(k + 1, n):
            factor = a[i][k] / a[k][k]
            for j in range(k, n):
                a[i][j] -= factor * a[k][j]
            b[i] -= factor * b[k]
    return a, b


@LENT(new([[i, 2 * i] for i in range(70)], 3), new([[], [4], [5, 6]] * 40, 119), **DYNAMIC)
def long_ones(x: Any, i: Any) -> Any:
    x[i].append(7)
    x[i - 1][0] += 5
    x[0], x[i] = x[i], x[0]
    x[2].sort(reverse=True)
    x.append([i])
    return x[i], len(x)


@LENT(new({0: [1], 5: [2, 3]}, K[:3] * 0), new({0: [1], 5: [2, 3]}, K[:2] * 0 + 5), **DYNAMIC)
def by_key(x: Any, keys: Any) -> Any:
    for k in keys:
        x[k].append(7)
    if 9 not in x:
        x[int(keys[0]) + 9] = x[int(keys[0])]
    return x, sum(len(v) for v in x.values())


@LENT(
    new([[ROWS, ROWS[:1]], [ROWS[1:]]], 1, 0), new([[[[1.5]]], [[[2.5]], [[1.0]]]], 1, 0), **DYNAMIC
)
def further_down(x: Any, i: Any, j: Any) -> Any:
    x[i][j][0][0] += 1.0
    x[0][j].append([9.0])
    x[j], x[i] = x[i], x[j]
    return sum(v for a in x for b in a for row in b for v in row)


@LENT(new([[3, 1], [2]], 1), new([[3, 1], [2]], 0), new([[0], [1]], 5), **DYNAMIC)
def changed_before_it_fails(x: Any, i: Any) -> Any:
    x[0][0] = 10
    x[i].append(4)
    if x[i][0] > 5:
        raise ValueError("large")
    x[i][-1] = 5
    return x[i].index(2)


@LENT(new([[1], [0, 2], []], 0), new([[i + 1, 0] for i in range(99)] + [[]], 5), **DYNAMIC)
def graph_used_up(near: Any, first: Any) -> Any:
    order, stack = [], [first]
    while stack:
        x = stack.pop()
        order.append(x)
        while near[x]:
            y = near[x].pop()
            stack.append(y)
    return order


def cube(n: int, m: int, k: int, make: Any = int) -> Any:
    return [[[make(a * b - c) for c in range(k)] for b in range(m)] for a in range(n)]


RAGGED = [[[i, j, i - j][: 1 + (i + j) % 3] for j in range(i + 1)] for i in range(12)]
CUBES = (new(cube(4, 4, 5), 1), new(cube(5, 3, 7), 2), new(RAGGED, 0), new(cube(4, 5, 4, float), 0))


@LENT(*CUBES, policies=("auto",))
def read_at_three_places(x: Any, at: Any) -> Any:
    total = 0
    for i in range(len(x)):
        for j in range(len(x[i])):
            for k in range(len(x[i][j])):
                total += x[i][j][k] * (i - k)
    row = x[at][at]
    return total, row[0], len(row), [len(plane) for plane in x]


@LENT(*CUBES)
def changed_at_three_places(x: Any, at: Any) -> Any:
    for i in range(len(x)):
        x[i][at][0] += i
        x[i].append(list(x[i][0]))
    x[at][at].append(x[0][0][0])
    return x, x[at][at]


@LENT(new([cube(2, 4, 4), cube(3, 5, 3)], 1), new([cube(3, 4, 4), cube(3, 2, 8)], 0))
def four_levels_of_an_argument(x: Any, at: Any) -> Any:
    s = 0
    for part in x:
        for plane in part:
            for row in plane:
                s += sum(row)
    x[at][at][at] = [s]
    return x, np.array(x[1 - at][0]).sum()


SHARED = [[i, 1] for i in range(40)]


@LENT(new([SHARED, SHARED], 1), new([SHARED, SHARED[:2]], 0), policies=("auto",))
def one_list_in_two_places(x: Any, at: Any) -> Any:
    x[at][at][0] = 7
    return x
