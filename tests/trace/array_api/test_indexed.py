"""Objects of NumPy that are indexed: mgrid, ogrid, r_, c_, in whole programs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tracejit import jit


def moved_grid(n: int) -> Any:
    rows, cols = np.mgrid[0:n, 0:n]
    table = np.arange(float(n))[rows]
    rows.shape = cols.shape = n * n
    for i in range(2):
        keep = rows > i
        rows, cols = rows[keep], cols[keep]
    return rows, cols, table


def open_grid(n: int) -> Any:
    i, j = np.ogrid[0:n, 0:3]
    return i * j, np.mgrid[0 : 1 : complex(0, 5)]


def joined(n: int) -> Any:
    x = np.arange(n)
    return np.r_[x, 0, x[:2]], np.r_[0:3, x], np.c_[x, x * 2.0], np.c_[np.ones((n, 2)), x]


def written_grid(n: int) -> Any:
    grid = np.mgrid[0:n, 0:n]
    grid[0] += 1
    return grid


@pytest.mark.parametrize("function", [moved_grid, open_grid, joined, written_grid])
def test_as_numpy(function: Any) -> None:
    compiled = jit(function)
    for n in (3, 4, 5):
        got, want = compiled(n), function(n)
        for g, w in zip(got, want, strict=True):
            assert g.dtype == w.dtype
            np.testing.assert_array_equal(g, w)


def test_an_array_made_by_numpy_is_new_at_each_call() -> None:
    def weighted(x: Any) -> Any:
        w = np.kaiser(4, 2.0)
        w[0] += 5
        return w * x

    compiled, x = jit(weighted), np.ones(4)
    for _ in range(3):
        np.testing.assert_array_equal(compiled(x), weighted(x))
