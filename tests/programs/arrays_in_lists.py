"""Phrases of arrays, and short lists, that are appended to lists in loops of any length or in
branches, and of lists of arrays that are indexed at places which only the run knows."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.programs.phrase import Phrases

ROWS = Phrases()
X = np.array([1.0, 2.0])
RUNS = ((X, 1), (X, 3), (X, 80))
MANY = np.array([0.5, 2.0, 3.0, 0.1] * 30)
XS = ((MANY,), (MANY - 5.0,), (np.array([0.5, 2.0]),))
W = np.array([[0.5, 1.0], [0.25, 0.5]])


@ROWS(*RUNS)
def trajectory(x: Any, n: Any) -> Any:
    states = []
    for _ in range(n):
        x = x + 0.1 * np.sin(x)
        states.append(x)
    return np.array(states)


@ROWS(*RUNS)
def with_the_first(x: Any, n: Any) -> Any:
    rows = [x.copy()]
    for _ in range(n):
        x = x * 0.5
        rows.append(x.copy())
    return rows, len(rows)


@ROWS(*RUNS)
def copies_of_one(x: Any, n: Any) -> Any:
    rows = []
    for _ in range(n):
        x *= 0.5
        rows.append(x.copy())
    return np.stack(rows), rows[-1], rows[0].sum()


@ROWS(*RUNS)
def filled(x: Any, n: Any) -> Any:
    rows = []
    for i in range(n):
        y = np.zeros(2)
        y[0], y[1] = i, x[0]
        rows.append(y)
    return np.array(rows), np.concatenate(rows), np.vstack(rows), np.hstack(rows)


@ROWS((X, 0.35), (X, 20.0))
def adaptive(y: Any, t_end: Any) -> Any:
    t, h, rows = 0.0, 0.1, [y]
    while t < t_end:
        y = y - h * y
        t += h
        rows.append(y)
    return np.array(rows)


@ROWS(*XS)
def under_a_condition(x: Any) -> Any:
    out = []
    for i in range(len(x)):
        if x[i] > 1.0:
            out.append(x[i : i + 1] * 2)
    return out, len(out)


@ROWS((MANY,), (np.array([0.5, 2.0]),))
def lists_of_two_kinds(x: Any) -> Any:
    out = []
    for i in range(len(x)):
        if x[i] > 1.0:
            out.append([i, x[i]])
    return np.array(out), out


@ROWS(*XS)
def tuples_with_arrays(x: Any) -> Any:
    out = []
    for i in range(len(x)):
        if x[i] > 1.0:
            out.append((i, x[i : i + 1] * 2))
    total = 0.0 * x[0]
    for i, v in out:
        total += i * v[0]
    return out, total


@ROWS(*RUNS)
def gone_through(x: Any, n: Any) -> Any:
    rows = []
    for i in range(n):
        rows.append(x * i)
    total = np.zeros(2)
    for row in rows:
        total = total + row
    for i, row in enumerate(rows):
        total += row * i
    return total, rows[n // 2] + rows[-1], rows[:2]


@ROWS(*RUNS)
def matrices(x: Any, n: Any) -> Any:
    return np.array([np.outer(x, x) * i for i in range(n)])


@ROWS((X, 0), (X, 80))
def perhaps_none(x: Any, n: Any) -> Any:
    rows = []
    for _ in range(n):
        rows.append(x)
    return len(rows)


@ROWS((X,))
def a_stack(x: Any) -> Any:
    stack, k = [x], 0
    while len(stack) > 0:
        y = stack.pop()
        k += 1
        if y[0] > 0.1:
            stack.append(y * 0.5)
            stack.append(y * 0.25)
    return k


@ROWS((W, 2 * W, X, 3), (W, 0.5 * W, X, 90), policies=("auto",))
def layers(a: Any, b: Any, x: Any, k: Any) -> Any:
    weights = [a, b]
    for i in range(k):
        x = weights[i % 2] * x[0] + x[1]
        x = x[0]
    return x


@ROWS((W, 2 * W, 3), (W, 2 * W, 90), policies=("auto",))
def layers_replaced(a: Any, b: Any, k: Any) -> Any:
    weights = [a, b]
    for i in range(k):
        weights[i % 2] = weights[i % 2] * 0.5
    return weights[0] + weights[1]


@ROWS((5,), (90,))
def moves(n: Any) -> Any:
    steps = [[0, 1], [1, 0], [0, -1], [-1, 0]]
    x = y = 0
    for i in range(n):
        dx, dy = steps[(i * i) % 4]
        x += dx
        y += dy + steps[i % 4][0]
    return x, y


# What would be seen in Python through two names: refused, never wrong ----------------------------


def changed_each_time(x: Any, n: Any) -> Any:
    rows = []
    x = x.copy()
    for _ in range(n):
        x *= 0.5
        rows.append(x)
    return np.array(rows)


def changed_behind(x: Any, n: Any) -> Any:
    rows = []
    for _ in range(n):
        rows.append(x)
        x[0] = 5.0
    return np.array(rows)


def changed_in_the_next(x: Any, n: Any) -> Any:
    rows = []
    for i in range(n):
        x[0] = i
        x = x + 1.0
        rows.append(x)
    return np.array(rows)


def changed_after(x: Any, n: Any) -> Any:
    rows = []
    for _ in range(n):
        x = x + 1.0
        rows.append(x)
    x += 100.0
    return np.array(rows)


def changed_by_branch(x: Any, n: Any) -> Any:
    rows = []
    for _ in range(n):
        if x[0] > 10.0:
            x = x * 0.5
            rows.append(x)
        else:
            x = x + 1.0
        x[1] = 0.0
    return np.array(rows)


def item_changed(x: Any, n: Any) -> Any:
    rows = []
    for _ in range(n):
        x = x + 1.0
        rows.append(x)
    rows[0][0] = 7.0
    return np.array(rows)


def returned_as_they_came(x: Any, n: Any) -> Any:
    rows = [x]
    for _ in range(n):
        rows.append(x * 2.0)
    return rows


CHANGED = [
    returned_as_they_came,
    changed_each_time,
    changed_behind,
    changed_in_the_next,
    changed_after,
    changed_by_branch,
    item_changed,
]


@ROWS((X, np.arange(3.0), np.array([1, 0, 1, -1])), (X, X + 1, np.array([0, 1, 0, 0])))
def one_of_few_arrays_is_written(a: Any, b: Any, w: Any) -> Any:
    both, total = (a, b), 0.0
    for v in w:
        chosen = both[v]
        chosen[0] += 1.0
        total += chosen.sum() * len(chosen)
    last = [a, b, a][w[0]]
    last[1] = total
    return total, last, last is a
