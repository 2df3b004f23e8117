"""Polynomials, windows, index arrays: traced and interpreted equals NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from tests.trace.array_api.tracing import compare

SOURCES = [
    "np.polyval([1, 2, 3], x)",
    "np.polyval([1.5, -2, 3], y)",
    "np.polyval([2, 1], 3.0 * y[0])",
    "np.polyadd([1, 2], y)",
    "np.polysub([1, 2, 3, 4, 5], y)",
    "np.polymul([1, 2], y)",
    "np.polyder([3, 2, 1])",
    "np.polyder(x[0], 2)",
    "np.unwrap(x * 4)",
    "np.unwrap(x * 4, axis=0)",
    "np.unwrap(y * 5, period=4)",
    "np.unwrap(y * 5, period=5)",
    "np.unwrap(x * 4, discont=5.0)",
    "np.nancumsum(np.where(x > 1, np.nan, x))",
    "np.nancumprod(np.where(x > 1, np.nan, x), axis=0)",
    "np.tril_indices_from(x)",
    "np.triu_indices_from(x, k=1)",
    "np.tril_indices(y.shape[0])",
    "np.triu_indices(y.shape[0], 1, 2)",
    "x[np.tril_indices(3)]",
    "np.diag_indices_from(x @ x.T)",
    "x[np.ix_([0, 2], y)]",
    "np.ix_(y, y > 1)",
    "np.hanning(y.shape[0] * 2)",
    "np.hamming(y.shape[0] + 1)",
    "np.blackman(y.shape[0])",
    "np.bartlett(y.shape[0] + 3)",
    "np.digitize(x, y)",
    "np.searchsorted(np.sort(y), x)",
    "np.sort(y).searchsorted(1.5)",
]
X = np.array([[0.5, -1.0, 2.5, 0.0], [1.5, 0.25, -3.0, 1.5], [0.0, 7.0, 0.3, -0.5]])
Y = np.array([3, 0, 2, 2])


@pytest.mark.parametrize("symbolic", [False, True], ids=["static", "symbolic"])
@pytest.mark.parametrize("source", SOURCES)
def test_as_numpy(source: str, symbolic: bool) -> None:
    if symbolic and source.startswith(("np.polyadd", "np.polysub", "np.tril_indices(")):
        pytest.skip("the number of coefficients must be known")
    compare(source, X, Y, symbolic=symbolic)


def test_unstack() -> None:
    compare("np.unstack(x)", X)
    compare("np.unstack(x, axis=1)", X)
