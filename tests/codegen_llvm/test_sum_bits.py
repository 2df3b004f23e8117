"""np.sum and what is made of it have NumPy's bits for arrays in C order, whichever the axes."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tracejit import jit

DTYPES = ["f4", "f8", "c8", "c16"]
MATRICES = [(1, 1), (5, 1), (1, 5), (3, 7), (7, 3), (6, 4), (2, 300), (300, 2), (0, 3), (3, 0)]
CUBES = [(3, 4, 5), (2, 1, 9), (1, 20, 1), (5, 3, 1), (1, 7, 5)]
#: How axes fall together, which the dtype has no part in: there are dozens of sets of them.
OF_MANY_AXES = [(3, 1, 7, 1, 9), (2, 4, 1, 6)]


def numbers(shape: tuple[int, ...], dtype: str) -> Any:
    rng = np.random.default_rng(sum(shape))
    x = rng.normal(size=shape) * 10.0 ** rng.integers(-3, 4, shape)
    return (x + 1j * rng.normal(size=shape) if np.dtype(dtype).kind == "c" else x).astype(dtype)


@functools.cache
def pair(name: str, axis: Any, keepdims: bool) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    """The reduction, plain and compiled."""
    f = getattr(np, name)

    def reduced(x: Any) -> Any:
        return f(x, axis=axis, keepdims=keepdims)

    return reduced, jit(reduced)


def assert_bits(name: str, x: Any, axis: Any, keepdims: bool = False) -> None:
    plain, compiled = pair(name, axis, keepdims)
    want, got = plain(x), compiled(x)
    assert got.dtype == want.dtype
    assert got.tobytes() == want.tobytes(), (x.shape, axis)


def all_axes(rank: int) -> list[Any]:
    some = [itertools.combinations(range(rank), n) for n in range(1, rank + 1)]
    return [None, *itertools.chain(*some)]


@pytest.mark.parametrize("name", ["sum", "mean"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_vectors(name: str, dtype: str) -> None:
    for n in range(name == "mean", 301):
        assert_bits(name, numbers((n,), dtype), 0)


@pytest.mark.parametrize("name", ["sum", "mean"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_axes(name: str, dtype: str) -> None:
    for shape in [*MATRICES, *CUBES]:
        x = numbers(shape, dtype)
        if not x.size and name == "mean":
            continue
        for axis in all_axes(len(shape)):
            assert_bits(name, x, axis)


@pytest.mark.parametrize("dtype", ["f8", "c8"])
@pytest.mark.parametrize("shape", OF_MANY_AXES)
def test_many_axes(shape: tuple[int, ...], dtype: str) -> None:
    x = numbers(shape, dtype)
    for axis in all_axes(len(shape)):
        assert_bits("sum", x, axis)


@pytest.mark.parametrize("dtype", DTYPES)
def test_kept_dimensions(dtype: str) -> None:
    for axis in all_axes(2):
        for shape in MATRICES:
            assert_bits("sum", numbers(shape, dtype), axis, keepdims=True)


@pytest.mark.parametrize("name", ["var", "std"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_squared_distances(name: str, dtype: str) -> None:
    for shape in [(3, 7), (5, 1), (4, 300), (3, 4, 5)]:
        for axis in all_axes(len(shape)):
            assert_bits(name, numbers(shape, dtype), axis)


@pytest.mark.parametrize("dtype", DTYPES)
def test_minus_zeros_add_to_zero(dtype: str) -> None:
    for shape in [(1, 5), (5, 1), (3, 1, 2), (12, 1)]:
        x = -np.zeros(shape, dtype)
        for axis in all_axes(len(shape)):
            assert_bits("sum", x, axis)


def test_runs_longer_than_numpy_s_buffer() -> None:
    for shape in [(20000,), (9000, 3), (3, 9000), (100, 200), (2, 9000, 3), (65, 4, 66)]:
        for axis in all_axes(len(shape)):
            assert_bits("sum", numbers(shape, "f8"), axis)


def test_means_of_more_elements_than_a_float32_counts() -> None:
    assert_bits("mean", np.ones(2**24 + 1, "f4"), None)
