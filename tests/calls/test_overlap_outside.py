"""Memory that is shared beyond a first call's plain arguments: calls again, arrays found in globals
and attributes, arrays that are copied for the call."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tracejit import jit

FACTOR = 2.0


def scaled(x: Any, y: Any, n: int, shift: float) -> Any:
    for i in range(n):
        x[i] = y[i] * FACTOR + shift
    return x


def test_calls_again_are_alike_and_notice_changes() -> None:
    global FACTOR
    compiled = jit(scaled)
    try:
        for FACTOR in (2.0, 3.0):
            for shift, n in ((0.0, 3), (1.0, 3), (1.0, 4)):
                for size in (6, 9, 6):
                    a, b = np.arange(float(size)), np.arange(float(size))
                    x = a[1:]
                    assert compiled(x, a[:-1], n, shift) is x
                    scaled(b[1:], b[:-1], n, shift)
                    np.testing.assert_array_equal(a, b)
    finally:
        FACTOR = 2.0
    with pytest.raises(IndexError, match="index 2 is out of bounds"):
        compiled(a[3:5], a[2:], 4, 0.0)
    compiled.recompile()
    compiled(a[1:], a[:-1], 3, 0.0)
    assert compiled.stats().python_calls == 0


# Arrays found outside ---------------------------------------------------------------------------

GRID = np.arange(36.0).reshape(6, 6)
INNER, ABOVE = GRID[1:-1, 1:-1], GRID[:-2, 1:-1]


def test_global_arrays_that_overlap() -> None:
    def smooth(n: int) -> Any:
        for _ in range(n):
            INNER[...] = INNER * 0.5 + ABOVE * 0.25 + 1
        return INNER.sum(), INNER

    compiled = jit(smooth)
    before = GRID.copy()
    try:
        for n in (1, 2, 3, 2):
            GRID[...] = before
            want, _ = smooth(n)
            memory = GRID.copy()
            GRID[...] = before
            got, inner = compiled(n)
            assert got == want
            assert inner is INNER
            np.testing.assert_array_equal(GRID, memory)
    finally:
        GRID[...] = before
    assert compiled.stats().python_calls == 0


def test_an_argument_that_overlaps_a_global_array() -> None:
    buffer = np.arange(12.0).reshape(3, 4)

    def f(x: Any) -> Any:
        buffer[0] = x[-1] + 1
        x *= 2
        return buffer

    compiled = jit(f)
    for view in (lambda b: b, lambda b: b[1:], lambda b: b.copy(), lambda b: b[::-1]):
        for g in (f, compiled):
            buffer[...] = np.arange(12.0).reshape(3, 4)
            assert g(view(buffer)) is buffer
            if g is f:
                memory = buffer.copy()
        np.testing.assert_array_equal(buffer, memory)
    assert compiled.stats().python_calls == 0


class Simulation:
    def __init__(self) -> None:
        self.u = np.arange(12.0)
        self.inner = self.u[1:-1]
        self.total = 0.0

    def step(self, w: Any) -> Any:
        self.inner += self.u[2:] * w[0]
        self.u *= 2
        self.total = self.inner.sum()
        return self.inner


def test_attributes_that_overlap() -> None:
    compiled = jit(Simulation.step)
    for _ in range(2):
        plain, native = Simulation(), Simulation()
        for _ in range(2):
            plain.step(plain.u[3:])
            assert compiled(native, native.u[3:]) is native.inner
            np.testing.assert_array_equal(native.u, plain.u)
            assert native.total == plain.total
            assert native.inner.base is native.u
    assert compiled.stats().python_calls == 0


def test_views_of_a_stretched_window() -> None:
    def f(x: Any, y: Any) -> Any:
        x[0] = 5
        return y[1:], y[0]

    compiled = jit(f)
    for g in (f, compiled):
        a = np.arange(4.0)
        view, first = g(a, np.broadcast_to(a[:1], (3,)))
        assert view.tolist() == [5, 5]
        assert first == 5
        assert np.shares_memory(view, a)
    assert compiled.stats().python_calls == 0


# Arrays that are copied for the call -------------------------------------------------------------


def test_byte_swapped_arrays_that_overlap() -> None:
    def f(x: Any, y: Any) -> Any:
        x += 1
        y *= x.sum()
        return x

    compiled = jit(f)
    base = np.arange(8).astype(">f8")
    for views in (
        lambda a: (a[1:], a[:-1]),
        lambda a: (a, a),
        lambda a: (a[::-1], a[2:]),
        lambda a: (a.reshape(2, 4)[0], a),
    ):
        a, b = base.copy(), base.copy()
        x, y = views(a)
        result = compiled(x, y)
        assert result is x
        f(*views(b))
        np.testing.assert_array_equal(a, b)
    assert compiled.stats().python_calls == 0


def test_misaligned_arrays_that_overlap() -> None:
    def f(x: Any, y: Any) -> None:
        for i in range(len(x)):
            x[i] += y[len(y) - 1 - i]

    compiled = jit(f)
    for g in (f, compiled):
        raw = np.zeros(8 * 6 + 1, np.int8)
        a = raw[1:].view(np.float64)
        a[:] = np.arange(6)
        g(a[1:], a[:-1])
        if g is f:
            want = a.copy()
    np.testing.assert_array_equal(a, want)
    assert compiled.stats().python_calls == 0


def test_a_call_that_fails_copies_back_what_it_wrote() -> None:
    def f(x: Any, n: int) -> None:
        x[0] = 7
        x[n] = 8

    a = np.arange(3).astype(">i4")
    with pytest.raises(IndexError):
        jit(f)(a, 5)
    np.testing.assert_array_equal(a, [7, 1, 2])
