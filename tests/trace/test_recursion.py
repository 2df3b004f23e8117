"""Functions that call themselves: to a known depth, and until a run-time value says stop."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.programs.flows import multigrid
from tracejit import UnsupportedError, jit


def doubled(x: Any, n: int) -> Any:
    return x if n <= 0 else doubled(x * 2, n - 1)


def halves(x: Any) -> Any:
    if len(x) <= 1:
        return x
    return np.concatenate([halves(x[: len(x) // 2]) + 1, halves(x[len(x) // 2 :])])


def branches(x: Any, depth: int) -> Any:
    if depth > 0 and x.sum() > 0:
        return branches(x - 0.125, depth - 1) + depth
    return x


def test_an_integer_that_ends_recursion_is_compiled_for() -> None:
    f = jit(doubled, shapes="dynamic")
    for n in (4, 0, 2, 4):
        np.testing.assert_array_equal(f(np.ones(3), n), doubled(np.ones(3), n))
    assert f.stats().compilations == 3


def test_extents_stay_dynamic_beside_it() -> None:
    f = jit(multigrid, shapes="dynamic")
    for n in (17, 33, 65):
        u, v = np.random.default_rng(n).random((2, n))
        np.testing.assert_allclose(f(u.copy(), v, 3), multigrid(u.copy(), v, 3), rtol=1e-12)
    assert f.stats().compilations == 1


def test_an_extent_that_ends_recursion() -> None:
    f = jit(halves)
    for n in (4, 7, 5):
        np.testing.assert_array_equal(f(np.ones(n)), halves(np.ones(n)))
    with pytest.raises(UnsupportedError, match="write a loop"):
        jit(halves, shapes="dynamic")(np.ones(7))


def test_static_depth_in_branches_decided_at_run_time() -> None:
    f = jit(branches, static_argnames="depth")
    for x in (np.ones(3), np.full(3, 0.3), -np.ones(3)):
        np.testing.assert_array_equal(f(x, depth=12), branches(x, 12))


class Split:
    def __init__(self, depth: int, value: float) -> None:
        self.value = value
        self.below = Split(depth - 1, value * 1.5) if depth else None

    def place(self, x: Any) -> Any:
        if self.below is None or x.sum() < self.value:
            return x * self.value
        return self.below.place(x)


def test_objects_in_a_chain_decided_at_run_time() -> None:
    chain = Split(12, 0.5)
    f = jit(lambda x: chain.place(x))
    for scale in (0.1, 1.0, 10.0, 1e6):
        np.testing.assert_array_equal(f(scale * np.ones(3)), chain.place(scale * np.ones(3)))


def test_an_inner_function_is_refused() -> None:
    def f(x: Any) -> Any:
        def grown(v: Any) -> Any:
            return v if v.sum() > 100 else grown(v * 2)

        return grown(x)

    with pytest.raises(UnsupportedError, match="static_argnames"):
        jit(f)(np.ones(3))
