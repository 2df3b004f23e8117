"""Phrases of lists of lists as tables: items read and written at places that only the run knows."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from tests.programs.phrase import Phrases

TABLES = Phrases()
A, B = np.arange(70) % 7, np.arange(90) % 5


@TABLES((4, 3), (66, 3), (3, 66))
def filled(n: Any, m: Any) -> Any:
    g = [[0.0] * m for _ in range(n)]
    for i in range(n):
        for j in range(m):
            g[i][j] = i * 10.0 + j
    return g


@TABLES((A[:5], B[:4]), (A[:9], B))
def common_subsequence(a: Any, b: Any) -> Any:
    n, m = len(a), len(b)
    dp = [[0] * (m + 1) for _ in range(n + 1)]
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            if a[i - 1] == b[j - 1]:
                dp[i][j] = dp[i - 1][j - 1] + 1
            else:
                dp[i][j] = max(dp[i - 1][j], dp[i][j - 1])
    return dp[n][m], dp


@TABLES((np.ones(3), 4), (np.ones(3), 80))
def of_numpys_numbers(x: Any, n: Any) -> Any:
    g = [[0.0] * 3 for _ in range(n)]
    for i in range(n):
        for j in range(3):
            g[i][j] += x[j] * i
    return g


@TABLES((5,), (9,), policies=("auto",))
def all_paths(n: Any) -> Any:
    d = [[abs(i - j) * 7 % 13 for j in range(n)] for i in range(n)]
    for k in range(n):
        for i in range(n):
            for j in range(n):
                if d[i][k] + d[k][j] < d[i][j]:
                    d[i][j] = d[i][k] + d[k][j]
    return d


@TABLES((7, 2), policies=("auto",))
def life(n: Any, steps: Any) -> Any:
    g = [[(i * j) % 3 == 0 for j in range(n)] for i in range(n)]
    for _ in range(steps):
        h = [[False] * n for _ in range(n)]
        for i in range(n):
            for j in range(n):
                c = g[i - 1][j] + g[(i + 1) % n][j] + g[i][j - 1] + g[i][(j + 1) % n]
                h[i][j] = c == 3 or (g[i][j] and c == 2)
        g = h
    return g


@TABLES((5,), (80,))
def row_by_row(n: Any) -> Any:
    g = [[0] * 4 for _ in range(n)]
    for i in range(n):
        row = g[i]
        row[0] = i
        row[1] += row[0]
        g[i][2] = row[1] + len(row) + sum(row)
    return g


@TABLES((5,), (80,))
def exchanged(n: Any) -> Any:
    g = [[i, 2 * i, 3 * i] for i in range(n)]
    for i in range(n - 1):
        g[i], g[i + 1] = list(g[i + 1]), list(g[i])
    return g


@TABLES((80, 1), (80, 90), (80, -81))
def appended(n: Any, k: Any) -> Any:
    g = []
    for _ in range(n):
        row = [0] * 3
        g.append(row)
    g[k][1] = 5
    return g


@TABLES((80, 1), (80, 3), (80, -4))
def beyond_the_row(n: Any, k: Any) -> Any:
    g = [[0] * 3 for _ in range(n)]
    g[0][k] = 1
    return g


@TABLES((80,))
def read(n: Any) -> Any:
    g = [[i, i + 1] for i in range(n)]
    s = 0
    for i in range(n):
        a, b = g[i]
        s += a * b + len(g[i]) + g[i][-1]
    for row in g:
        s += row[0]
    return s, len(g), g[3], np.array(g).sum()


@TABLES((np.array([2]),), (np.array([70]),))
def through_a_function(k: Any) -> Any:
    def put(row: Any, v: Any) -> None:
        row[0] = v

    g = [[i, 0] for i in range(80)]
    for i in range(int(k[0])):
        put(g[i], i * 3)
    return g


@TABLES((np.array([2]),))
def deep_copies(k: Any) -> Any:
    g = [[i, 0] for i in range(80)]
    g[k[0]][1] += 1
    h = copy.deepcopy(g)
    g[1][0] = 50
    return g, h


# What Python would show through two names: refused, never wrong ----------------------------------


def _table(k: Any) -> Any:
    g = [[i, 0] for i in range(80)]
    g[k[0]][1] += 1
    return g


def row_after_the_loop(k: Any) -> Any:
    g, s = _table(k), 0
    for row in g:
        s += row[0]
    g[79][0] = 5
    return row[0], s


def part_written_behind(k: Any) -> Any:
    g = _table(k)
    h = g[1:3]
    g[1][0] = 50
    return h


def sum_written_behind(k: Any) -> Any:
    g = _table(k)
    h = g + [[1, 2]]
    g[1][0] = 50
    return h


def part_in_a_loop(k: Any) -> Any:
    g, s = _table(k), 0
    for i in range(80):
        h = g[0:2]
        g[i][0] = 7
        s += h[1][0]
    return s


def row_of_a_branch(k: Any) -> Any:
    g = _table(k)
    a = g[0] if k[0] > 0 else g[1]
    g[0][0] = 7
    return a


def row_in_a_dict(k: Any) -> Any:
    g = _table(k)
    d = {"a": g[0]}
    g[0][0] = 7
    return d


def row_moved(k: Any) -> Any:
    g = _table(k)
    a = g[0]
    g.insert(0, [5, 5])
    a[1] = 9
    return g


def row_twice(k: Any) -> Any:
    g = _table(k)
    g[0] = g[1]
    g[0][1] = 5
    return g[1][1]


def source_changed(k: Any) -> Any:
    g, source = _table(k), [0, 0]
    g.append(source)
    source[0] = 5
    return g[80]


def one_row_many_times(k: Any) -> Any:
    g = [[0] * 3] * 80
    g[k[0]][1] = 1
    return g[1]


BEHIND = [
    row_after_the_loop,
    part_written_behind,
    sum_written_behind,
    part_in_a_loop,
    row_of_a_branch,
    row_in_a_dict,
    row_moved,
    row_twice,
    source_changed,
    one_row_many_times,
]
