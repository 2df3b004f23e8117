"""Binary searches: every length, also where only the call knows it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tracejit import jit


def places(line: Any, points: Any) -> Any:
    return np.searchsorted(line, points), np.searchsorted(line, points, side="right")


@pytest.mark.parametrize("policy", ["static", "dynamic"])
def test_searchsorted_of_every_length(policy: Any) -> None:
    rng = np.random.default_rng(0)
    for n in [0, 1, 2, 3, 4, 5, 7, 8]:
        f = jit(places, shapes=policy)
        line = np.sort(rng.integers(0, 6, n).astype(float))
        if n > 4:
            line[-1] = np.nan
        points = np.concatenate([np.arange(-1, 7, 0.5), [np.nan, np.inf, -np.inf]])
        np.testing.assert_equal(f(line, points), places(line, points))


def test_search_in_what_a_count_found_compiles() -> None:
    def f(x: Any) -> Any:
        return np.isin(1, np.bincount(x, minlength=2))

    for x in (np.array([0, 1, 1]), np.array([0, 0, 5, 5])):
        assert jit(f)(x) == f(x)
