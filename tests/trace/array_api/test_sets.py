"""Sets, counts and histograms, covariances: traced and interpreted equals NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from tests.trace.array_api.tracing import compare

SETS = [
    "np.unique(x)",
    "np.unique(y, return_index=True)",
    "np.unique(y, return_inverse=True)",
    "np.unique(x, return_inverse=True)",
    "np.unique(y, return_counts=True)",
    "np.unique(x, return_index=True, return_inverse=True, return_counts=True)",
    "np.unique(np.where(x > 1, np.nan, x))",
    "np.unique(np.where(x > 1, np.nan, x), equal_nan=False)",
    "np.unique(y > 1)",
    "np.unique(y[:0], return_counts=True)",
    "np.unique([3, 1, 3])",
    "list(np.unique_all(y))",
    "list(np.unique_counts(x))",
    "list(np.unique_inverse(x))",
    "np.sort(np.unique_values(y))",
    "np.isin(y, [2, 7])",
    "np.isin(x, y)",
    "np.isin(x, y, invert=True)",
    "np.isin(x, x[x > 100])",
    "np.isin(y, [])",
    "np.isin(y, [2], kind='other')",
    "np.union1d(x, y)",
    "np.intersect1d(x, y)",
    "np.intersect1d(y, z)",
    "np.intersect1d(y, z, return_indices=True)",
    "np.intersect1d(np.unique(y), z, assume_unique=True, return_indices=True)",
    "np.setdiff1d(y, z)",
    "np.setdiff1d(x, z, assume_unique=True)",
    "np.setxor1d(y, z)",
    "np.trim_zeros(y - 2)",
    "np.trim_zeros(y - 2, 'f')",
    "np.trim_zeros(y * 0)",
]
COUNTS = [
    "np.bincount(y)",
    "np.bincount(y, minlength=9)",
    "np.bincount(y, weights=x[0])",
    "np.bincount(y, weights=z)",
    "np.bincount(y - 1)",
    "np.bincount(x)",
    "np.bincount(x[0])",
    "np.bincount(y[:0])",
    "np.bincount(y[y > 100], minlength=2)",
    "np.bincount(y.astype(np.uint8))",
    "np.bincount(y, weights=z[:2])",
    "np.digitize(x, [0.0, 1.0, 2.0])",
    "np.digitize(x, [0.0, 1.0, 2.0], right=True)",
    "np.digitize(x, [2.0, 1.0, 0.0])",
    "np.digitize(x, [2.0, 1.0, 0.0], right=True)",
    "np.digitize(x, [2.0, 3.0, 0.0])",
    "np.digitize(y, np.sort(x[0]))",
    "np.digitize(y, x[0])",
    "np.digitize(1.5, np.sort(y)[::-1])",
    "np.histogram(x)",
    "np.histogram(x, 4)",
    "np.histogram(x, bins=5, range=(-1, 1))",
    "np.histogram(x, bins=5, range=(1, -1))",
    "np.histogram(x, bins=0)",
    "np.histogram(x, 4, density=True)",
    "np.histogram(y, 3)",
    "np.histogram(x, [-1, 0, 0.5, 2])",
    "np.histogram(x, [-1, 3, 0.5, 2])",
    "np.histogram(x, [-1, 0, 0.5, 2], density=True)",
    "np.histogram(x, [-1, 0, 0.5, 2], weights=x * 2)",
    "np.histogram(x, 4, weights=x * 2)",
    "np.histogram(y, 4, weights=z)",
    "np.histogram(y, 4, weights=x)",
    "np.histogram(y * 0)",
    "np.histogram(x.astype(np.float32), 3)",
    "np.histogram(np.where(x > 1, np.nan, x), 3, range=(0, 1))",
    "np.histogram(np.where(x > 1, np.nan, x), 3)",
    "np.histogram(x[x > 100], 2)",
    "np.histogram(x, y.max())",
    "np.histogram_bin_edges(x, 6)",
]
COVARIANCES = [
    "np.cov(x)",
    "np.cov(x, rowvar=False)",
    "np.cov(x, bias=True)",
    "np.cov(x, ddof=0)",
    "np.cov(x[0])",
    "np.cov(x[0], y)",
    "np.cov(x * (1 + 2j))",
    "np.cov(x, fweights=y)",
    "np.cov(x, aweights=y)",
    "np.cov(x, fweights=y, aweights=z)",
    "np.cov(y, z)",
    "np.cov(x, dtype=np.float32)",
    "np.cov(x, ddof=0.5)",
    "np.corrcoef(x)",
    "np.corrcoef(x, rowvar=False)",
    "np.corrcoef(x[0], y)",
    "np.corrcoef(x[0])",
    "np.corrcoef(x * (1 + 2j) + x[0])",
]

X = np.array([[0.5, -1.0, 2.5, 0.0], [1.5, 0.25, -3.0, 1.5], [0.0, 7.0, 0.3, -0.5]])
Y = np.array([3, 0, 2, 2])
Z = np.array([2, 5, 3, 7])


@pytest.mark.parametrize("symbolic", [False, True], ids=["static", "symbolic"])
@pytest.mark.parametrize("source", [*SETS, *COUNTS, *COVARIANCES])
def test_as_numpy(source: str, symbolic: bool) -> None:
    compare(source, X, Y, Z, symbolic=symbolic)


def test_every_edge_of_equal_bins() -> None:
    line = np.linspace(0.0, 1.0, 101)
    for bins in (1, 3, 7, 10, 100):
        compare(f"np.histogram(x, {bins})", line)
        compare(f"np.histogram(x, {bins}, range=(0.1, 0.7))", line)
