"""Draws in native code: NumPy's numbers, the state that NumPy leaves, its errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tracejit
from tests.trace.array_api.native_draws import (
    LEGACY,
    MODERN,
    ORDERS,
    Row,
    check,
    constant,
    held_elsewhere,
    legacy,
    modern,
    name_of,
    outcome,
    program,
    same,
    state,
)
from tracejit.abi import generators


@pytest.mark.parametrize("row", MODERN, ids=name_of)
def test_generators(row: Row, host_draws: list[str]) -> None:
    check(program(row), modern(), 9, row[1])
    assert not host_draws


@pytest.mark.parametrize("row", LEGACY, ids=name_of)
def test_random_states(row: Row, host_draws: list[str]) -> None:
    check(program(row), legacy(), 9, row[1])
    assert not host_draws or generators.legacy_function("log") is None


@pytest.mark.parametrize("row", MODERN[::3], ids=name_of)
def test_constant_parameters(row: Row, host_draws: list[str]) -> None:
    check(constant(row), modern()[:2])
    assert not host_draws


@pytest.mark.parametrize("kind", [np.random.default_rng, np.random.RandomState])
@pytest.mark.parametrize("dtype", [np.float64, np.int16, np.bool_, np.complex128])
@pytest.mark.parametrize("name", ORDERS)
def test_orders(name: str, dtype: Any, kind: Any, host_draws: list[str]) -> None:
    order = ORDERS[name]

    def f(rng: Any, x: Any) -> Any:
        found = [order(rng, x) for _ in range(2)]
        return found[1], x

    compiled = tracejit.jit(f)
    ours, plain = kind(3), kind(3)
    for shape in ((4, 3), (1, 6), (3, 5)):
        x = (np.arange(np.prod(shape)) % 7).reshape(shape).astype(dtype)
        same(compiled(ours, x.copy()), f(plain, x.copy()))
        same(compiled(ours, x.T.copy().T), f(plain, x.T.copy().T))
    np.testing.assert_equal(state(ours), state(plain))
    assert not host_draws or dtype is np.complex128


WRONG: list[Row] = [
    ("normal", (0.0, -1.0), {}),
    ("normal", (0.0, -0.0), {}),
    ("exponential", (-2.0,), {}),
    ("uniform", (0.0, np.inf), {}),
    ("uniform", (-1e308, 1e308), {}),
    ("uniform", (3.0, 1.0), {}),
    ("triangular", (0.0, 2.0, 1.0), {}),
    ("triangular", (1.0, 1.0, 1.0), {}),
    ("poisson", (-1.0,), {}),
    ("poisson", (1e30,), {}),
    ("poisson", (np.nan,), {}),
    ("geometric", (0.0,), {}),
    ("geometric", (1.5,), {}),
    ("binomial", (-3, 0.5), {}),
    ("binomial", (3, 1.5), {}),
    ("binomial", (3, np.nan), {}),
    ("gamma", (-1.0, 1.0), {}),
    ("pareto", (0.0,), {}),
    ("power", (-1.0,), {}),
    ("hypergeometric", (-1, 3, 2), {}),
    ("hypergeometric", (1, 1, 5), {}),
    ("hypergeometric", (2 * 10**9, 1, 5), {}),
    ("negative_binomial", (-1.0, 0.5), {}),
    ("negative_binomial", (1e20, 0.6), {}),
    ("logseries", (1.0,), {}),
    ("zipf", (1.0,), {}),
    ("choice", (0,), {}),
    ("choice", (-2,), {}),
]
#: Parameters that NumPy takes and the native rows leave to it.
RARE: list[Row] = [
    ("normal", (np.nan, 1.0), {}),
    ("normal", (0.0, np.nan), {}),
    ("uniform", (np.nan, 1.0), {}),
    ("exponential", (np.inf,), {}),
    ("exponential", (0.0,), {}),
    ("standard_gamma", (0.0,), {}),
    ("weibull", (0.0,), {}),
    ("geometric", (0.01,), {}),
    ("geometric", (1.0,), {}),
    ("negative_binomial", (3.0, 0.1), {}),
    ("binomial", (0, 0.5), {}),
    ("binomial", (10, 0.0), {}),
    ("poisson", (0.0,), {}),
    ("normal", (True, np.float32(2.0)), {}),
    ("uniform", (np.int8(-3), np.uint64(2**63)), {}),
]
BOUNDS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((5, 5), {}),
    ((5, 4), {}),
    ((0,), {}),
    ((-(2**63), -(2**63)), {}),
    ((0, 300), {"dtype": np.uint8}),
    ((0, 256), {"dtype": np.uint8}),
    ((-1, 5), {"dtype": np.uint16}),
    ((-1, 5), {"dtype": np.uint64}),
    ((-129, 5), {"dtype": np.int8}),
    ((0, 3), {"dtype": bool}),
]


def half_way(row: Row) -> Callable[..., Any]:
    """Draws that succeed, a write, and then one with the parameters of the row."""
    method, args, options = row

    def f(rng: Any, x: Any, args: tuple[Any, ...]) -> Any:
        total = 0.0
        for i in range(4):
            x[i] = rng.uniform(1.0, 2.0)
            if i == 2:
                total += getattr(rng, method)(*args, **options)
        return total, rng.normal()

    return f


@pytest.mark.parametrize("kind", [np.random.default_rng, np.random.RandomState])
@pytest.mark.parametrize("row", [*WRONG, *RARE], ids=name_of)
def test_parameters_at_the_edge(row: Row, kind: Any) -> None:
    f = half_way(row)
    compiled = tracejit.jit(f)
    ours, plain = kind(3), kind(3)
    for _ in range(2):
        arrays = np.zeros(4), np.zeros(4)
        want = outcome(f, plain, arrays[0], row[1])
        np.testing.assert_equal(outcome(compiled, ours, arrays[1], row[1]), want)
        np.testing.assert_array_equal(*arrays)
        np.testing.assert_equal(state(ours), state(plain))
    assert not held_elsewhere(ours)


@pytest.mark.parametrize(("args", "options"), BOUNDS)
def test_bounds_of_integers(args: Any, options: Any) -> None:
    for kind, method in ((np.random.default_rng, "integers"), (np.random.RandomState, "randint")):
        f = half_way((method, args, options))
        ours, plain = kind(3), kind(3)
        want = outcome(f, plain, np.zeros(4), args)
        np.testing.assert_equal(outcome(tracejit.jit(f), ours, np.zeros(4), args), want)
        np.testing.assert_equal(state(ours), state(plain))
