"""Gamma, its logarithm and derivatives, and erfc, beside mpmath and Python's own."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mpmath as mp
import numpy as np
import pytest

import tracejit.ir.ops  # noqa: F401
from tracejit import grad, jit
from tracejit.ir.core import TABLE

_RNG = np.random.default_rng(0)
POSITIVE = np.concatenate(
    [
        _RNG.uniform(0, 5, 200),
        _RNG.uniform(5, 170, 200),
        10.0 ** _RNG.uniform(-25, 2.2, 200),
        np.arange(1.0, 40.0),
    ]
)
NEGATIVE = -_RNG.uniform(0, 60, 200)
WIDE = np.concatenate([_RNG.uniform(-6, 1, 200), _RNG.uniform(0.4, 27.2, 600)])
MODERATE = np.concatenate([_RNG.uniform(0, 12, 100), 10.0 ** _RNG.uniform(-6, 6, 60)])


def distance(
    name: str, true: Callable[[Any], Any], xs: Any, unit: float = 0.0, **attrs: Any
) -> Any:
    """The largest error, in units in the last place of the true value, or of ``unit``."""
    got = TABLE[name].eval(xs, **attrs)
    worst = 0.0
    with mp.workprec(160):
        for x, y in zip(xs, got, strict=True):
            exact = mp.re(true(mp.mpf(float(x))))
            if abs(exact) < 1.7e308:
                place = np.spacing(max(abs(float(exact)), unit))
                worst = max(worst, float(abs(mp.mpf(float(y)) - exact) / float(place)))
    return worst


def log_gamma(x: Any) -> Any:
    return mp.log(abs(mp.gamma(x)))


@pytest.mark.parametrize(
    ("name", "true", "xs", "unit", "most"),
    [
        ("gamma", mp.gamma, POSITIVE, 0.0, 6.0),
        ("gamma", mp.gamma, NEGATIVE, 0.0, 7.0),
        ("lgamma", log_gamma, POSITIVE, 1.0, 8.0),
        ("lgamma", log_gamma, NEGATIVE, 1.0, 8.0),
        ("erfc", mp.erfc, WIDE, 0.0, 3.5),
    ],
)
def test_errors(name: str, true: Callable[[Any], Any], xs: Any, unit: float, most: float) -> None:
    assert distance(name, true, xs, unit) < most


@pytest.mark.parametrize("n", [0, 1, 2, 3, 6])
def test_errors_of_polygamma(n: int) -> None:
    def true(x: Any) -> Any:
        return mp.psi(n, x)

    assert distance("polygamma", true, MODERATE, float(n == 0), n=n) < 8.0
    assert distance("polygamma", true, NEGATIVE[:40], 100.0, n=n) < 20.0


def python(name: str, x: float) -> float:
    """Python's value; nan and infinity for its exceptions."""
    try:
        return float(getattr(math, name)(x))
    except ValueError:
        return math.inf if name == "lgamma" and x <= 0.0 and not math.isinf(x) else math.nan
    except OverflowError:
        return math.inf


@pytest.mark.parametrize("name", ["gamma", "lgamma", "erfc"])
def test_edges_are_pythons(name: str) -> None:
    xs = [0.5, 1.0, 2.0, 3.0, 22.0, 23.0, 171.7, 180.0, -0.5, -1.0, -7.0, 1e308, -1e300, math.inf]
    xs += [-math.inf, math.nan, 1e-21, -1e-21, 1e-300, -200.5, -201.5, 28.0, 40.0, -40.0]
    got = TABLE[name].eval(np.array(xs))
    for x, y in zip(xs, got, strict=True):
        want = python(name, x)
        if name == "lgamma" and x == -math.inf:
            want = math.inf
        np.testing.assert_allclose(y, want, rtol=3e-15, err_msg=str(x))
        assert math.copysign(1.0, y) == math.copysign(1.0, want) or math.isnan(want), x


def total(x):
    s = 0.0
    for i in range(x.shape[0]):
        s += math.lgamma(x[i]) + math.gamma(x[i]) * math.erfc(x[i])
    return s


def test_they_are_native_in_loops_and_have_native_derivatives() -> None:
    x = np.linspace(0.5, 4.0, 9)
    compiled, slope = jit(total), jit(grad(total))
    np.testing.assert_allclose(compiled(x), total(x), rtol=1e-14)
    steps = 1e-6 * np.eye(9)
    numbers = [(total(x + h) - total(x - h)) / 2e-6 for h in steps]
    np.testing.assert_allclose(slope(x), numbers, rtol=1e-7)
    for function in (compiled, slope):
        assert "0 calls" in " ".join(function.explain().values())
