"""Branches where examples of a batch take different sides: both are done for all, side by side."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tracejit import grad, jacrev, jit, vmap

RNG = np.random.default_rng(0)
X = RNG.normal(size=(7, 5))
K = np.array([0, 4, 2, -1, 3, -5, 1])


def reads(x: Any, k: Any) -> Any:
    if x[0] > 0:
        return x[k] * x[0]
    return x[k - 1 if k > -5 else k] ** 2


def writes(x: Any, k: Any) -> Any:
    y = x.copy()
    if x[0] > 0:
        y[k] = 3.0 * x[1]
    y[k] += x[2]
    return y


def adds(x: Any, k: Any) -> Any:
    y = x * x
    if x[0] > 0:
        y[k] += x[k]
        y[2:4] *= x[k]
    else:
        y = y.copy()
        y[1] = x[k]
    return y


def windows(x: Any, k: Any) -> Any:
    i = abs(k) % 4
    return np.sum(x[i : i + 2] ** 2) if x[0] > 0 else x[i]


def one_of_several(x: Any, k: Any) -> Any:
    if k < 0:
        return x[k]
    elif x[0] > 0:
        return x[k] * x[1]
    elif x[1] > 0:
        return np.sin(x[4 - k])
    else:
        return 2.0 * x[0]


def nested(x: Any, k: Any) -> Any:
    y = x.copy()
    if x[0] > 0:
        if x[1] > 0:
            y[k] = x[0]
        y[0] *= x[k]
    return y


def many_places(x: Any, k: Any) -> Any:
    places = np.array([k, 0, k])
    return np.sum(x[places] ** 2) if x[0] > 0 else x[0]


SIDES = [reads, writes, adds, windows, one_of_several, nested, many_places]


@pytest.mark.parametrize("shapes", ["static", "dynamic"])
@pytest.mark.parametrize("f", SIDES)
def test_each_at_its_own_place(f: Callable[..., Any], shapes: Any) -> None:
    rows = [f(x.copy(), k) for x, k in zip(X, K, strict=True)]
    np.testing.assert_allclose(jit(vmap(f), shapes=shapes)(X, K), rows, rtol=1e-13)
    for k in (2, -1):  # the place may be shared
        rows = [f(x.copy(), k) for x in X]
        np.testing.assert_allclose(vmap(f, (0, None))(X, np.int64(k)), rows, rtol=1e-13)
    slopes = [jacrev(f)(x, k) for x, k in zip(X, K, strict=True)]
    np.testing.assert_allclose(jit(vmap(jacrev(f)), shapes=shapes)(X, K), slopes, rtol=1e-13)


@pytest.mark.parametrize("f", [f for f in SIDES if f is not windows])  # of a length of the run
def test_no_branch_is_left(f: Callable[..., Any]) -> None:
    """A loop over the examples would have one in its body."""
    assert not re.search("= (cond|for) ", jit(vmap(f)).inspect_ir(X, K))


def test_a_place_is_out_of_range_for_those_that_read_it() -> None:
    def f(x: Any, k: Any) -> Any:
        return x[k] if x[0] > 0 else x[1]

    there = X[:, 0] > 0
    apart = np.where(there, K, 99)
    want = [f(x, k) for x, k in zip(X, apart, strict=True)]
    np.testing.assert_array_equal(vmap(f)(X, apart), want)
    slopes = vmap(grad(f))(X, apart)
    np.testing.assert_array_equal(slopes, [grad(f)(x, k) for x, k in zip(X, apart, strict=True)])
    with pytest.raises(IndexError, match="index 99 is out of bounds for axis 0 with size 5"):
        vmap(f)(X, np.where(there, 99, K))
    with pytest.raises(IndexError, match="index 99"):
        vmap(f, (0, None))(X, 99)
    nobody = -np.abs(X)
    np.testing.assert_array_equal(vmap(f, (0, None))(nobody, 99), nobody[:, 1])


def test_a_side_that_raises_is_done_in_turn() -> None:
    def f(x: Any) -> Any:
        if x[0] > 5:
            raise ValueError("large")
        return x[1] if x[0] > 0 else x[2]

    np.testing.assert_array_equal(vmap(f)(X), [f(x) for x in X])
    with pytest.raises(ValueError, match="large"):
        vmap(f)(X + 9)


def test_a_loop_with_the_states_of_a_machine() -> None:
    """Branches in branches, some without a result."""

    def f(x: Any) -> Any:
        mode, s = "double", 0.0
        for v in x:
            if mode == "double":
                s = s + v * 2
            elif mode == "square":
                s = s + v * v
            else:
                s = s - np.sin(v)
            if v > 0.5:
                mode = "square"
            elif v < -0.5:
                mode = "sine"
            else:
                mode = "double"
        return s

    rows = np.random.default_rng(0).normal(size=(4, 30))
    np.testing.assert_allclose(vmap(f)(rows), [f(row) for row in rows], rtol=1e-13)
    slopes = [grad(f)(row) for row in rows]
    np.testing.assert_allclose(vmap(grad(f))(rows), slopes, rtol=1e-13)
