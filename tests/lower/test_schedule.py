"""What of a kernel threads share, and why not the rest."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tracejit import get_num_threads, jit, set_num_threads
from tracejit.ir.program import kernels
from tracejit.lower.schedule import Shared, schedule

RNG = np.random.default_rng(1)
LONG, WIDE = RNG.random(400_000), RNG.random((800, 500))


@pytest.fixture(autouse=True)
def three_threads():
    before = get_num_threads()
    set_num_threads(3)
    yield
    set_num_threads(before)


def found(function: Callable[..., Any], *args: Any) -> list[Any]:
    """The kinds and reasons of all that the kernels of a version repeat."""
    compiled = jit(function)
    compiled(*args)
    (version,) = compiled._dispatcher.versions()
    plans = [schedule(launch) for launch in kernels(version.artefacts.program.host)]
    return [p.way if isinstance(p, Shared) else p for plan in plans for p in plan.values()]


def softmax(x):
    e = np.exp(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def black_scholes(s, k, t):
    d = (np.log(s / k) + 0.5 * t) / np.sqrt(t)
    return s * np.exp(-d * d) - k * np.exp(-t)


def distances(x):
    return np.sqrt(((x[:, None, :] - x[None, :, :]) ** 2).sum(-1))


def in_place(x):
    x *= 2.0
    x += 1.0
    return x


def shifted(x):
    x[1:] = x[:-1] * 2.0
    return x


CASES = [
    (lambda x: 2 * x + 3.0, (LONG,), ["loop"]),
    (lambda x: np.sum(x * x + abs(x)), (LONG,), ["sum"]),
    (lambda x: x.max(), (LONG,), ["fold"]),
    (lambda x: (x > 0.5).any(), (LONG,), ["fold"]),
    (lambda k: (k * 3).sum(), (np.arange(400_000),), ["fold"]),
    (lambda x: np.cumsum(x, axis=1), (WIDE,), ["loop"]),
    (lambda x: np.cumsum(x), (LONG,), ["each step needs the one before"]),
    (lambda x: np.prod(x), (LONG,), ["each step needs the one before"]),
    (lambda x: x.sum(1), (WIDE,), ["loop"]),
    (lambda x: (x * x).sum(), (WIDE,), ["sum"]),
    (lambda x: x.T + x.T, (WIDE,), ["loop"]),
    (softmax, (WIDE,), ["loop"]),
    (black_scholes, (LONG + 1, LONG + 2, LONG + 1), ["loop"]),
    (distances, (RNG.random((300, 3)),), ["loop"]),
    (in_place, (LONG.copy(),), ["loop"]),
    (lambda x: x + 1.0, (LONG[:100],), ["it is little work"]),
]


@pytest.mark.parametrize(("function", "args", "want"), CASES)
def test_kinds(function, args, want):
    assert found(function, *args) == want


def test_columns_are_shared_where_rows_are_summed():
    """The outer loop carries through memory; lines side by side are shared in runs."""
    compiled = jit(lambda x: x.sum(0))
    compiled(WIDE)
    (version,) = compiled._dispatcher.versions()
    (launch,) = kernels(version.artefacts.program.host)
    start, total = schedule(launch).values()
    assert start == "it is little work"
    assert (total.way, total.trip, total.cost % 200) == ("loop", 500, 0)  # steps of 4 rows
    assert total.least > 1


@pytest.mark.parametrize("shape", [(2, 300_000), (300_000, 2), (700, 700)])
def test_the_axis_that_is_shared_is_a_long_one(shape):
    x = RNG.random(shape)
    compiled = jit(lambda x: np.exp(x))
    compiled(x)
    (version,) = compiled._dispatcher.versions()
    (launch,) = kernels(version.artefacts.program.host)
    (shared,) = schedule(launch).values()
    assert shared.trip >= 700
    assert compiled.stats().parallel_launches == 1


def test_what_overlaps_is_not_shared():
    x = np.arange(400_000.0)
    want = shifted(x.copy())
    compiled = jit(shifted)
    assert compiled(x.copy()).tobytes() == want.tobytes()


def test_launches_are_counted_where_threads_helped():
    compiled = jit(lambda x: np.sqrt(x) + 1.0)
    compiled(LONG)
    assert compiled.stats().parallel_launches == 1
    set_num_threads(1)
    compiled(LONG)
    assert compiled.stats().parallel_launches == 1
    set_num_threads(2)
    compiled(LONG)
    assert compiled.stats().parallel_launches == 2
    alone = jit(lambda x: np.sqrt(x) + 1.0, parallel=False)
    alone(LONG)
    assert alone.stats().parallel_launches == 0


def test_small_arrays_of_code_for_any_size_stay_alone():
    compiled = jit(lambda x: np.sqrt(x) + 1.0, shapes="dynamic")
    compiled(LONG[:1000])
    assert compiled.stats().parallel_launches == 0
    compiled(LONG)
    assert compiled.stats().parallel_launches == 1


def test_explain_says_what_is_shared_and_why_not():
    def f(x):
        return np.exp(x)

    assert "several threads share 400000 steps of the loop" in jit(f).explain(LONG)
    assert "one thread: parallel=False" in jit(f, parallel=False).explain(LONG)
    assert "one thread: each step needs the one before" in jit(np.cumsum).explain(LONG)
    dynamic = jit(lambda x: np.exp(x), shapes="dynamic")
    assert "steps of the loop from " in dynamic.explain(LONG)


@pytest.mark.parametrize("dtype", ["f4", "f8", "c8", "c16"])
def test_sums_have_numpys_bits_on_any_number_of_threads(dtype):
    for count in (8192, 8200, 123_457, 400_000):
        x = RNG.standard_normal(count).astype(dtype)
        if dtype[0] == "c":
            x.imag = RNG.standard_normal(count)
        compiled = jit(lambda x: (x + x + x + x + x + x).sum(), shapes="dynamic")
        want = (x + x + x + x + x + x).sum()
        for threads in (1, 2, 3, 7):
            set_num_threads(threads)
            assert compiled(x).tobytes() == want.tobytes(), (count, threads)


@pytest.mark.parametrize("dtype", ["?", "i1", "u2", "i4", "u8", "f4", "f8"])
def test_exact_folds_on_any_number_of_threads(dtype):
    x = (RNG.integers(0, 200, 500_000) - (100 if dtype[0] in "if" else 0)).astype(dtype)
    if dtype[0] == "f":
        x[[17, 400_000]] = -0.0, math.inf

    def f(x):
        return x.max(), x.min(), x.any(), x.all(), (x > 3).sum()

    compiled, want = jit(f, shapes="dynamic"), f(x)
    for threads in (1, 2, 3, 7):
        set_num_threads(threads)
        for got, right in zip(compiled(x), want, strict=True):
            assert (got, got.dtype) == (right, right.dtype)
    assert compiled.stats().parallel_launches > 0
