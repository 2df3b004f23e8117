"""Once compiled, calls with arguments that share memory stay native."""

from __future__ import annotations

import random
import sys
from typing import Any

import numpy as np
import pytest

from tests.calls.warm import arrays_in
from tracejit import jit
from tracejit.python_entry import entry


def add_into(x: Any, y: Any, by: Any = 1.0) -> Any:
    x += y * by
    return x


def sweep(x: Any, y: Any) -> None:
    for k in range(len(x)):
        x[k] = x[k] + y[k]


def in_tree(tree: Any, k: Any = 1) -> Any:
    tree["x"][:] = tree["y"] * 2 + k
    return tree["x"][1:], tree["y"]


def with_log(tree: Any) -> Any:
    tree["x"] += tree["y"]
    tree["count"] = tree["count"] + 1
    return tree


MEMORY = np.arange(60.0)
TABLE = np.arange(60.0).reshape(6, 10)
COMPLEX = np.arange(20) + 1j * np.arange(20)
LAYOUTS: list[tuple[str, Any, Any]] = [
    ("shifted", MEMORY, lambda m: (m[1:9], m[:8])),
    ("shifted the other way", MEMORY, lambda m: (m[:8], m[1:9])),
    ("further", MEMORY, lambda m: (m[4:12], m[:8])),
    ("backwards", MEMORY, lambda m: (m[:8], m[7::-1])),
    ("every second", MEMORY, lambda m: (m[:16:2], m[3:11])),
    ("a row and a column", TABLE, lambda m: (m[2, :6], m[:, 3])),
    ("blocks", TABLE, lambda m: (m[1:4, 1:4], m[:3, 2:5])),
    ("transposed", TABLE, lambda m: (m[:5, :5], m[:5, :5].T)),
    ("parts", COMPLEX, lambda m: (m.real, m.imag)),
    ("apart", MEMORY, lambda m: (m[:8], m[20:28])),
    ("the same", MEMORY, lambda m: (m[:8], m[:8])),
    ("bytes", np.frombuffer(bytearray(MEMORY.tobytes())), lambda m: (m[1:9], m[:8])),
]
OVERLAPPING: list[Any] = [
    lambda f, x, y: f(x, y),
    lambda f, x, y: f(y=y, x=x),
    lambda f, x, y: f({"x": x, "y": y}),
    lambda f, x, y: f({"x": x, "y": y, "count": 0.0}),
]
FUNCTIONS = [(add_into, 0), (add_into, 1), (sweep, 0), (in_tree, 2), (with_log, 3)]


@pytest.mark.parametrize(("function", "way"), FUNCTIONS, ids=lambda p: getattr(p, "__name__", p))
def test_overlapping_arguments(function: Any, way: int) -> None:
    f = jit(function)

    def check(memory: Any, views: Any) -> None:
        ours, theirs = memory.copy(), memory.copy()
        if type(memory.base) is bytearray:
            ours, theirs = (np.frombuffer(bytearray(memory.tobytes())) for _ in range(2))
        got = OVERLAPPING[way](f, *views(ours))
        want = OVERLAPPING[way](function, *views(theirs))
        np.testing.assert_array_equal(ours, theirs)
        for g, w in zip(arrays_in(got), arrays_in(want), strict=True):
            np.testing.assert_array_equal(g, w)
            assert np.shares_memory(g, ours)
            assert g.strides == w.strides

    for _ in range(3):
        for _, memory, views in LAYOUTS:
            check(memory, views)
    for name, memory, views in LAYOUTS:
        before = f.stats().slow_calls
        check(memory, views)
        if entry.uses_native_entry() and name != "bytes":
            assert f.stats().slow_calls == before, name


@pytest.mark.filterwarnings("ignore:.*is compiled for the 20th")
def test_arguments_that_lie_in_another_way_are_found_out() -> None:
    f, rng = jit(add_into), random.Random(3)
    for _ in range(300):
        ours = np.arange(40.0)
        theirs = ours.copy()
        n, at, other = rng.randrange(2, 6), rng.randrange(10), rng.randrange(10)
        step = rng.choice([1, 1, 1, 2, -1])

        def views(m: Any, n: int = n, at: int = at, other: int = other, step: int = step) -> Any:
            whole = m[5:] if at % 2 else m
            return whole[at : at + n], whole[other + 10 : other + 10 + step * n : step][::-1][:n]

        x, y = views(ours)
        if len(y) < n:
            continue
        if rng.random() < 0.2:
            y.flags.writeable = False
        f(x, y)
        add_into(*views(theirs))
        np.testing.assert_array_equal(ours, theirs)


def test_no_reference_to_shared_memory_is_kept() -> None:
    f, memory = jit(lambda x, y: add_into(x, y)[1:]), np.arange(30.0)
    x, y = memory[1:9], memory[:8]
    for _ in range(3):
        f(x, y)
    before = [sys.getrefcount(a) for a in (memory, x, y, np.dtype("f8"))]
    for _ in range(50):
        assert f(x, y).base is memory or not entry.uses_native_entry()
    assert [sys.getrefcount(a) for a in (memory, x, y, np.dtype("f8"))] == before


def test_a_view_keeps_the_memory_that_it_is_of() -> None:
    """Two groups of arguments that overlap, in memory of two owners: each result has its own."""

    def both(a: Any, b: Any, c: Any, d: Any) -> Any:
        b[0], d[0] = a[1] * 2, c[1] + 1
        return a[1:], c[1:], d[1:]

    f = jit(both)
    one, other = np.arange(6.0), np.arange(6.0) + 10
    for _ in range(4):
        held = f(one, one[1:], other, other[1:])
        if not entry.uses_native_entry():
            assert np.shares_memory(held[1], other)
    if entry.uses_native_entry():
        assert [x.base is one for x in held] == [True, False, False]
        assert [x.base is other for x in held] == [False, True, True]
