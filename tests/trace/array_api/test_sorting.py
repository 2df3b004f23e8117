"""Sorts and order statistics: traced and interpreted equals NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.trace.array_api.tracing import compare
from tracejit import grad, jit, vmap

SORTS = [
    "np.sort(x)",
    "np.sort(x, axis=0)",
    "np.sort(x, axis=None)",
    "np.sort(x, kind='stable')",
    "np.sort(x, stable=True)",
    "np.sort(x, kind='bubble')",
    "np.sort(x, kind='heapsort', stable=True)",
    "np.sort(x, axis=2)",
    "np.sort(y)",
    "np.sort([3, 1, 2])",
    "np.sort(y > 1)",
    "np.sort(x[::-1, ::2])",
    "np.argsort(x)",
    "np.argsort(x, axis=0)",
    "np.argsort(x, axis=None)",
    "np.argsort(y, kind='stable')",
    "x.argsort()",
    "x.sort(); r = x",
    "x.sort(axis=0); r = x",
    "x[0].sort(); r = x",
    "y.sort(); r = y",
    "np.partition(x, 2)",
    "np.partition(x, (1, -1), axis=0)",
    "np.partition(x, 1, kind='other')",
    "np.partition(x, 1, kind=None)",
    "np.partition(x[:, :0], 7, axis=0)",
    "np.partition(x[:0], -7), np.argpartition(y[:0], 3)",
    "np.partition(y, (0, 2))",
    "np.partition(x, 7)",
    "np.partition(x, -7)",
    "np.partition(y, 1.5)",
    "np.partition(y, True)",
    "np.partition(y, [[0]])",
    "k = np.argmax(y); r = np.partition(y, k)[k]",
    "k = (y[0] > 99) + np.int64(1); r = np.partition(y, (k, 0))[k]",
    "k = np.sum(y > -99) - 1; r = np.partition(y, -k)[-k], y[np.argpartition(y, k)[k]]",
    "k = np.unique([1, np.sum(y > -99) - 1]); r = np.partition(y, kth=k)[k]",
    "k = np.sum(y > -99) + 3; r = np.partition(y, k)",
    "k = np.sum(y > -99) + 3; r = np.partition(y, [0, -k])",
    "k = np.sum(y > -99) - 2; x[0].partition(k); r = x[0, k]",
    "np.partition(y, y)",
    "x.partition(1); r = x[:, 1]",
    "np.argpartition(x, 1), np.argpartition(x, [0, 2], axis=None)",
    "np.argpartition(5.0, 0), np.argpartition(y[1], 0, axis=0)",
    "np.argpartition(5.0, 1)",
    "x[0, 0].argsort(axis=0)",
    "np.lexsort((x[0], y))",
    "np.lexsort([y, x[1]])",
    "np.sort(x * 1j + y)",
    "np.sort_complex(y)",
]
ORDER = [
    "np.median(x)",
    "np.median(x, axis=0)",
    "np.median(x, axis=1, keepdims=True)",
    "np.median(x, axis=(0, 1))",
    "np.median(y)",
    "np.median(x[:, :3], axis=1)",
    "np.median(x.astype(np.float32), axis=0)",
    "r = np.zeros(4); np.median(x, axis=0, out=r)",
    "np.median(np.where(x > 1, np.nan, x), axis=0)",
    "np.nanmedian(np.where(x > 0.3, np.nan, x), axis=0)",
    "np.nanmedian(np.where(x > 0.3, np.nan, x), axis=1, keepdims=True)",
    "np.nanmedian(x)",
    "np.nanmedian(y)",
    "np.percentile(x, 30)",
    "np.percentile(x, [10, 90], axis=0)",
    "np.percentile(x, [10, 90], axis=1, keepdims=True)",
    "np.percentile(x, 120)",
    "np.quantile(x, 0.3)",
    "np.quantile(x, 0.3, axis=1)",
    "np.quantile(x, np.array([0.0, 0.5, 1.0]), axis=(0, 1))",
    "np.quantile(y, 0.25)",
    "np.quantile(x.astype(np.float32), 0.3)",
    "np.quantile(x.astype(np.float32), [0.3])",
    "np.quantile(x, -0.5)",
    "np.quantile(x, 0.5, method='other')",
    "np.quantile(x + 1j, 0.5)",
    "np.quantile(np.where(x > 1, np.nan, x), 0.5, axis=0)",
    "np.quantile(x, y / 10)",
    "np.nanquantile(np.where(x > 1, np.nan, x), 0.4, axis=0)",
    "np.nanquantile(np.where(x > 1, np.nan, x), [0.4, 0.6], axis=1, keepdims=True)",
    "np.nanpercentile(np.where(x > 1, np.nan, x), [25, 50])",
    "np.nanpercentile(y, 50)",
]
METHODS = (
    "inverted_cdf averaged_inverted_cdf closest_observation interpolated_inverted_cdf hazen "
    "weibull linear median_unbiased normal_unbiased lower higher midpoint nearest"
).split()

X = np.array([[0.5, -1.0, 2.5, 0.0], [1.5, 0.25, -3.0, 1.5], [0.0, 7.0, 0.3, -0.5]])
Y = np.array([3, 0, 2, 2])


@pytest.mark.parametrize("symbolic", [False, True], ids=["static", "symbolic"])
@pytest.mark.parametrize("source", [*SORTS, *ORDER])
def test_as_numpy(source: str, symbolic: bool) -> None:
    compare(source, X, Y, symbolic=symbolic)


@pytest.mark.parametrize("how", METHODS)
@pytest.mark.parametrize("q", [0.0, 0.2, 0.5, 2 / 3, 1.0, [0.1, 0.9]])
def test_methods_of_quantiles(how: str, q: object) -> None:
    compare(f"np.quantile(x, {q}, axis=1, method={how!r})", X)
    compare(f"np.nanquantile(x, {q}, axis=0, method={how!r})", np.where(X > 1.2, np.nan, X))


@pytest.mark.parametrize("n", [7, 300, 5000])
@pytest.mark.parametrize("code", ["?", "u1", "i2", "i4", "i8", "f2", "f4", "f8", "c8", "c16"])
def test_the_others_have_numpys_order(n: int, code: str) -> None:
    """Positions are made in place from 32 kB on."""
    line = (np.random.default_rng(n).random(n) * 99).astype(code)

    def both(x: Any, k: int) -> Any:
        y = x.copy()
        y.partition(k)
        return np.partition(x, (k, 0)), y, np.argpartition(x, k)

    for found, wanted in zip(jit(both)(line, n // 3), both(line, n // 3), strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_positions_of_one_element() -> None:
    """The request for `kth` is as large as that for the positions."""
    many = np.zeros((5000, 1))
    np.testing.assert_array_equal(jit(lambda x: np.argpartition(x, 0))(many), many)
    assert jit(lambda x: np.argpartition(x, [0] * 5000))(np.zeros(5000)).size == 5000


def test_a_place_of_the_run_for_each_example() -> None:
    def pick(x: Any, k: int) -> Any:
        return np.partition(x, k)[k] * x[0]

    rows, places = X[:, [0, 2, 1, 3]], np.array([0, 3, 1])
    found = vmap(grad(pick))(rows, places)
    wanted = np.stack([grad(pick)(row, int(k)) for row, k in zip(rows, places, strict=True)])
    np.testing.assert_array_equal(found, wanted)
    same = vmap(pick, in_axes=(0, None))(rows, 2)
    np.testing.assert_array_equal(same, np.sort(rows)[:, 2] * rows[:, 0])


def test_rows_as_keys() -> None:
    compare("np.lexsort(x)", X)


def test_edge_values() -> None:
    line = np.array([np.nan, -0.0, np.inf, 1.0, -np.inf, 0.0, np.nan])
    for source in ("np.sort(x)", "np.median(x)", "np.nanmedian(x)", "np.quantile(x[1:4], 0.3)"):
        compare(source, line)
    for source in ("np.sort(x)", "np.argsort(x)", "np.median(x)", "np.nanmedian(x)"):
        compare(source, np.zeros(0))
        compare(source, np.ones(1))
