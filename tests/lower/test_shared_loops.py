"""Loops over single elements that threads share: which ones, with which values."""

from __future__ import annotations

import numpy as np
import pytest

from tracejit import get_num_threads, jit, set_num_threads
from tracejit.numba_compat import prange

RNG = np.random.default_rng(1)
POINTS, LINE, WIDE = RNG.random((150, 16)), RNG.random(400_000), RNG.random((700, 900))


@pytest.fixture(autouse=True)
def threads_as_before():
    before = get_num_threads()
    yield
    set_num_threads(before)


def distances(p):
    n = p.shape[0]
    out = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            s = 0.0
            for k in range(p.shape[1]):
                s += (p[i, k] - p[j, k]) ** 2
            out[i, j] = np.sqrt(s)
    return out


def of_rows(x):
    out = np.empty(x.shape[0])
    for i in prange(x.shape[0]):
        row = x[i]
        out[i] = np.sum(row * row) if i % 2 else row.max()
    return out


def in_place(x, y):
    for i in range(len(x)):
        x[i] = x[i] * 2.0 + np.exp(y[i])


def over_time(x):
    for t in range(3):
        for i in range(1, len(x) - 1):
            x[i] = np.sin(x[i]) + np.cos(x[i]) * t


def by_columns(x):
    y = np.empty_like(x)
    for j in range(x.shape[1]):
        s = 0.0
        for i in range(x.shape[0]):
            s += x[i, j]
            y[i, j] = s
    return y


def backwards(x):
    y = np.zeros(len(x))
    for i in range(len(x)):
        y[len(x) - 1 - i] = np.sqrt(x[i]) * 3.0
    return y


def counts(x):
    n = np.int64(0)
    for i in range(len(x)):
        n += np.int64(np.floor(x[i] * 100.0))
    return n


def running(x):
    for i in range(1, len(x)):
        x[i] = x[i - 1] * 0.5 + x[i]


def next_one(x):
    for i in range(len(x) - 1):
        x[i] = x[i + 1] * 0.5


def by_index(x, k):
    y = np.empty(len(x))
    for i in range(len(x)):
        y[k[i]] = x[i]
    return y


def total(x):
    s = 0.0
    for i in range(len(x)):
        s += x[i] * x[i]
    return s


def with_while(x):
    y = np.empty(len(x))
    for i in range(len(x)):
        v = x[i] + 1.0
        while v < 100.0:
            v *= 2.0
        y[i] = v
    return y


PLACES = RNG.permutation(len(LINE))
SHARED = [
    (distances, (POINTS,)),
    (of_rows, (WIDE,)),
    (in_place, (LINE, LINE + 1.0)),
    (over_time, (LINE,)),
    (by_columns, (WIDE,)),
    (backwards, (LINE,)),
    (counts, (LINE,)),
]
ALONE = [(f, (LINE,)) for f in (running, next_one, total, with_while)] + [
    (by_index, (LINE, PLACES))
]


def outcome(function, args):
    """The bits of the result and of the arguments afterwards."""
    given = [x.copy() for x in args]
    result = function(*given)
    return [np.asarray(x).tobytes() for x in (result, *given) if x is not None]


@pytest.mark.parametrize("shapes", ["auto", "dynamic"])
@pytest.mark.parametrize(("function", "args"), SHARED)
def test_independent_loops_are_shared(function, args, shapes):
    if function is in_place and shapes == "dynamic":
        pytest.skip("whether y is as long as x is asked in the loop")
    alone = jit(function, parallel=False)
    compiled = jit(function, shapes=shapes)
    want = outcome(alone, args)
    for threads in (1, 2, 3, 7):
        set_num_threads(threads)
        assert outcome(compiled, args) == want, threads
    assert compiled.stats().parallel_launches >= 3
    assert alone.stats().parallel_launches == 0


@pytest.mark.parametrize(("function", "args"), ALONE)
def test_loops_whose_order_matters_are_not(function, args):
    set_num_threads(3)
    compiled = jit(function)
    assert outcome(compiled, args) == outcome(jit(function, parallel=False), args)
    assert compiled.stats().parallel_launches == 0


@pytest.mark.parametrize("shift", [0, 1])
def test_arguments_that_overlap(shift):
    """What one iteration writes, another one reads through the other argument."""

    def step(x, y):
        for i in range(len(x)):
            x[i] = y[i] * 0.5 + 1.0

    found = []
    for run in (step, jit(step)):
        memory = LINE[:50_001].copy()
        run(memory[:50_000], memory[shift : 50_000 + shift])
        run(memory[shift : 50_000 + shift], memory[:50_000])
        found.append(memory.tobytes())
    assert found[0] == found[1]


def test_a_loop_that_may_fail_raises_as_python_does():
    def pick(x, k):
        y = np.zeros(len(k))
        for i in range(len(k)):
            y[i] = np.exp(x[k[i]])
        return y

    k = np.arange(300_000)
    k[100_000], k[200_000] = 400_000, 500_000
    with pytest.raises(IndexError, match="400000"):
        jit(pick)(LINE, k)


def test_gradients_of_shared_loops():
    from tracejit import grad

    def loss(x):
        y = np.empty(len(x))
        for i in range(len(x)):
            y[i] = np.sin(x[i]) * x[i]
        return np.sum(y * y)

    set_num_threads(3)
    found = jit(grad(loss))(LINE)
    y, slope = np.sin(LINE) * LINE, np.sin(LINE) + LINE * np.cos(LINE)
    np.testing.assert_allclose(found, 2 * y * slope, rtol=1e-12)
    assert found.tobytes() == jit(grad(loss), parallel=False)(LINE).tobytes()
