"""Warm calls of functions that do next to nothing: how arguments and results travel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tracejit.bench.calls import CallRow


@dataclass
class Pair:
    """Two arrays of one object."""

    x: Any
    y: Any


def plain(x, y):
    return x + y


def shifted(x, y=1.0, *, scale=2.0):
    return x * scale + y


def gathered(*xs, **rest):
    return xs[0] + xs[1] + rest["c"]


def four(d):
    return d["a"] + d["b"] + d["c"] + d["d"]


def nested(tree):
    return tree[0]["a"] + tree[1][0]


def of_record(pair):
    return pair.x + pair.y


def added_to(d):
    d["n"] = d["n"] + 1.0


def applied(x, f):
    return f(x)


def doubles():
    return lambda t: t * 2.0


def tail(x):
    return x[1:]


def three_views(x):
    return x[::2], x.T, x[None]


def rank_zero(x):
    return np.array(x[0])


def drawn(rng, x):
    return x + rng.random()


def smoothed(x, y):
    x += y


def spectrum(a):
    return np.linalg.eigvals(a)


def spectrum_after_a_write(a, x):
    x += 1.0
    return np.linalg.eigvals(a)


def described(x):
    return f"{int(x[1])} and {x[2]:.2f}"


def binary(x):
    n, digits = int(x[0]), ""
    while n:
        digits = str(n % 2) + digits
        n //= 2
    return digits


def grown(x):
    out = []
    for i in range(int(x[0])):
        out.append(i if i % 2 else i / 2)
    return out


def doubled(x):
    for i in range(len(x)):
        x[i] = -x[i]


def both_changed(m, b):
    for i in range(len(b)):
        b[i] += m[i][0]
        m[i][0] = -m[i][0]
    return m, b


OFFSET = np.full(8, 3.0)
SCALE = 3.0


def with_globals(x):
    return x * SCALE + OFFSET


X, Y = np.arange(8.0), np.ones(8)
MEMORY = np.arange(16.0)
SQUARE = np.array([[2.0, 1.0, 0.0], [1.0, 3.0, 0.0], [0.0, 0.0, 1.0]])

CALLS = [
    CallRow("positional", plain, (X, Y), goal=0.15),
    CallRow("a default is used", shifted, (X,), goal=0.25),
    CallRow("keyword", shifted, (X,), {"y": 2.0}, goal=0.25),
    CallRow("keyword-only", shifted, (X, 1.0), {"scale": 3.0}, goal=0.25),
    CallRow("*args and **kwargs", gathered, (X, Y), {"c": X}, goal=0.5),
    CallRow("dict of 4 arrays", four, ({k: X.copy() for k in "abcd"},), goal=1.5),
    CallRow("list of a dict and a tuple", nested, ([{"a": X}, (Y,)],), goal=1.5),
    CallRow("dataclass", of_record, (Pair(X, Y),), goal=1.5),
    CallRow("dict that is changed", added_to, ({"n": X.copy()},), goal=3.0),
    CallRow("lambda made at each call", applied, (X,), goal=0.5, anew=(doubles,)),
    CallRow("globals are read", with_globals, (X,), goal=0.25),
    CallRow("a view is returned", tail, (X,), goal=1.0),
    CallRow("three views are returned", three_views, (SQUARE,), goal=2.0),
    CallRow("array of rank 0 is returned", rank_zero, (X,), goal=1.0),
    CallRow("Generator", drawn, (np.random.default_rng(0), X), goal=3.0),
    CallRow("arguments overlap", smoothed, (MEMORY[1:9], MEMORY[:8]), goal=2.0),
    CallRow("a text is returned", described, (X,), goal=0.5),
    CallRow("a text that a loop makes", binary, (np.full(1, 37.0),), goal=1.0),
    CallRow("a list of ints and floats", grown, (np.full(1, 10.0),), goal=1.0),
    CallRow("list of 10 floats that is changed", doubled, ([0.5] * 10,), goal=1.0),
    CallRow("list of 100 complex that is changed", doubled, ([1j] * 100,), goal=5.0),
    CallRow(
        "lists in a list are changed",
        both_changed,
        ([[1.0, 2.0], [3.0, 4.0]], [0.0, 1.0]),
        goal=1.0,
    ),
    CallRow("values decide the dtype", spectrum, (SQUARE,)),
    CallRow("values decide it after a write", spectrum_after_a_write, (SQUARE, np.zeros(8))),
    CallRow("np.linalg.cholesky itself", np.linalg.cholesky, (SQUARE,), goal=3.0),
    CallRow("np.linalg.solve itself", np.linalg.solve, (SQUARE, np.ones(3)), goal=3.0),
]
