"""``np.polynomial``: NumPy's own source, compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.polynomial import chebyshev, hermite, hermite_e, laguerre, legendre, polynomial

import tracejit

X = np.linspace(-0.9, 0.9, 7)
C = np.array([1.0, 2.0, 0.5, -0.3])
D = np.array([0.3, 1.0])
CALLS: dict[str, Callable[..., Any]] = {
    "polyval": lambda x, c, d: polynomial.polyval(x, c),
    "chebval": lambda x, c, d: chebyshev.chebval(x, c),
    "legval": lambda x, c, d: legendre.legval(x, c),
    "hermval": lambda x, c, d: hermite.hermval(x, c),
    "hermeval": lambda x, c, d: hermite_e.hermeval(x, c),
    "lagval": lambda x, c, d: laguerre.lagval(x, c),
    "polyadd": lambda x, c, d: polynomial.polyadd(c, d),
    "polymul": lambda x, c, d: polynomial.polymul(c, d),
    "polydiv": lambda x, c, d: polynomial.polydiv(c, d)[0],
    "polyder": lambda x, c, d: polynomial.polyder(c),
    "polyint": lambda x, c, d: polynomial.polyint(c),
    "polyvander": lambda x, c, d: polynomial.polyvander(x, 3),
    "chebvander": lambda x, c, d: chebyshev.chebvander(x, 3),
    "polyval2d": lambda x, c, d: polynomial.polyval2d(x, x, np.outer(c, d)),
    "polygrid2d": lambda x, c, d: polynomial.polygrid2d(x, d, np.outer(c, d)),
    "leggauss": lambda x, c, d: legendre.leggauss(5)[0] * c[0],
}


@pytest.mark.parametrize("name", CALLS)
def test_call(name: str) -> None:
    found, want = tracejit.jit(CALLS[name])(X, C, D), CALLS[name](X, C, D)
    assert found.dtype == want.dtype
    np.testing.assert_allclose(found, want, rtol=1e-12)


def test_gradient() -> None:
    def total(c: np.ndarray) -> Any:
        return (chebyshev.chebval(X, c) ** 2).sum()

    tracejit.check_grads(total, (C,))
