"""argmin and argmax in blocks: around their edges, with ties, nan, and of expressions."""

from __future__ import annotations

import numpy as np
import pytest

from tracejit import jit

RNG = np.random.default_rng(0)


def places(x):
    return np.argmax(x), np.argmin(x)


@pytest.mark.parametrize("dtype", ["?", "u1", "i4", "i8", "f2", "f4", "f8", "c16"])
def test_a_line_of_any_length(dtype):
    dynamic = jit(places, shapes="dynamic")
    for n in (1, 2, 63, 64, 511, 512, 513, 1024, 5000):
        drawn = RNG.integers(-9, 9, n) if n % 2 else RNG.standard_normal(n) * 100
        x = drawn.astype(dtype)
        found = [dynamic(x)]
        if n in (63, 64, 513):
            found.append(jit(places)(x))
        if np.dtype(dtype).kind in "fc":
            x[RNG.integers(n)] = x[RNG.integers(n)] = np.nan
            found.append(dynamic(x))
            assert found.pop() == places(x)
            x = drawn.astype(dtype)
        assert set(found) == {places(x)}, n


def test_the_first_of_equals_wins_also_among_zeros():
    f = jit(places)
    x = np.zeros(3000)
    x[1::2] = -0.0
    assert f(x) == (0, 0)
    x[[600, 2999]] = 1.0, 1.0
    x[[700, 2000]] = -1.0, -1.0
    assert f(x) == (600, 700)


def test_the_first_flag_of_each_row():
    f = jit(lambda x: (x.argmax(1), x.argmin(1), x.argmax(0), (~x).argmax(1)))
    x = np.zeros((12, 1300), bool)
    for row, place in enumerate((0, 1, 511, 512, 513, 1023, 1024, 1299)):
        x[row, [place, 1299]] = True
    x[9] = True
    want = x.argmax(1), x.argmin(1), x.argmax(0), (~x).argmax(1)
    for got, right in zip(f(x), want, strict=True):
        np.testing.assert_array_equal(got, right)


def test_infinities():
    x = np.full(1500, -np.inf)
    assert jit(places)(x) == (0, 0)
    x[1400] = np.inf
    assert jit(places)(x) == (1400, 0)


@pytest.mark.parametrize("shape", [(100, 700), (700, 100), (3, 4)])
def test_along_axes(shape):
    x = RNG.random(shape).round(2)
    f = jit(lambda x: (np.argmax(x, 0), np.argmin(x, 1), np.argmax(np.sin(9 * x) + x, 1)))
    want = np.argmax(x, 0), np.argmin(x, 1), np.argmax(np.sin(9 * x) + x, 1)
    for got, right in zip(f(x), want, strict=True):
        np.testing.assert_array_equal(got, right)


@pytest.mark.parametrize(
    "find",
    [
        np.argmax,
        lambda x: np.argmin(np.where(x > 0.5, np.inf, x)),  # where the fold does not change
        np.nanargmax,
    ],
)
def test_the_fold_of_a_block_is_vector_code(find):
    x = RNG.random(10_000)
    x[::7] = np.nan
    f = jit(find)
    assert f(x) == find(x)
    assert "vectorised" in f.explain(x)
    assert "not vectorised" not in f.explain(x)
