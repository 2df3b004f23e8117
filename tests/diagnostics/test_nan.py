"""``jit(check_nan=True)`` names the operation and the line that made a nan or an infinity."""

from __future__ import annotations

import inspect
import re
import traceback
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tracejit import grad, jit, vmap

Row = tuple[Callable[..., Any], tuple[Any, ...], str]
X = np.array([4.0, 0.0, -1.0])


def elementwise(x: Any) -> Any:
    y = x + 1.0
    return np.log(y) * 2.0  # here


def in_a_loop(x: Any, n: Any) -> Any:
    total = 0.0
    for _ in range(n):
        x = x - 1.0
        total = total + np.sqrt(x).sum()  # here
    return total


def carried_by_a_loop(x: Any, n: Any) -> Any:
    y = 1.0 / x  # here
    for _ in range(n):
        y = y * 0.5 + x
    return y


def in_a_while(x: Any) -> Any:
    k = 3.0
    while k > -1.0:
        k -= 1.0
        x = x / np.float64(k)  # here
    return x


def in_a_branch(x: Any) -> Any:
    if x[0] > 0:
        y = np.sqrt(x)  # here
    else:
        y = x
    return y + 1.0


def written(x: Any) -> Any:
    x[1] = np.log(x[1])  # here


def behind_a_mask(x: Any) -> Any:
    safe = np.where(x > 0, np.log(x), 0.0)
    return safe, np.exp(safe * 1e3)  # here


def overflow(x: Any) -> Any:
    return np.exp(x * 300.0).sum()  # here


def reduced(x: Any) -> Any:
    return np.linalg.norm(x * 1e200)  # here


ROWS: list[Row] = [
    (elementwise, (X,), "log(float64[3]) made inf at index [2]: log(0.0)"),
    (in_a_loop, (np.array([2.0, 1.5]), 5), "sqrt(float64[2]) made nan at index [1]: sqrt(-0.5)"),
    (carried_by_a_loop, (X, 2), "made inf at index [1]: div(1.0, 0.0)"),
    (in_a_while, (np.array([1.0, 2.0]),), "div(float64[2], float64[2]) made inf"),
    (in_a_branch, (X,), "sqrt(float64[3]) made nan at index [2]: sqrt(-1.0)"),
    (written, (X,), "log(float64) made inf: log(0.0)"),
    (behind_a_mask, (X,), "exp(float64[3]) made inf at index [0]"),
    (overflow, (X,), "exp(float64[3]) made inf at index [0]: exp(1200.0)"),
    (reduced, (X,), "made inf"),
]


def marked(function: Any) -> int:
    lines, first = inspect.getsourcelines(function)
    (at,) = [first + k for k, line in enumerate(lines) if line.rstrip().endswith("# here")]
    return at


@pytest.mark.parametrize("row", ROWS, ids=lambda r: r[0].__name__)
def test_the_line_is_named(row: Row) -> None:
    function, args, says = row
    given = [a.copy() if isinstance(a, np.ndarray) else a for a in args]
    with (
        np.errstate(all="ignore"),
        pytest.raises(FloatingPointError, match=re.escape(says)) as caught,
    ):
        jit(function, check_nan=True)(*given)
    assert f"test_nan.py:{marked(function)}: " in str(caught.value)
    assert traceback.extract_tb(caught.value.__traceback__)[-1].lineno == marked(function)


@pytest.mark.parametrize("row", ROWS, ids=lambda r: r[0].__name__)
def test_without_the_switch_nothing_is_raised(row: Row) -> None:
    function, args, _ = row
    jit(function)(*[a.copy() if isinstance(a, np.ndarray) else a for a in args])


def test_what_came_from_outside_is_nobodys() -> None:
    checked = jit(elementwise, check_nan=True)
    assert np.isnan(checked(np.array([np.nan, 1.0]))[0])
    np.testing.assert_array_equal(checked(np.ones(2)), 2.0 * np.log(np.full(2, 2.0)))


def test_what_the_program_has_as_a_constant_is_not_made() -> None:
    def limits(x: Any) -> Any:
        best = np.full(3, np.inf)
        best[0] = x[0]
        return best, -np.inf

    assert jit(limits, check_nan=True)(X)[0].tolist() == [4.0, np.inf, np.inf]


def test_a_gradient_and_a_batch() -> None:
    roots = jit(grad(lambda x: np.sqrt(x).sum()), check_nan=True)
    np.testing.assert_allclose(roots(np.ones(2)), 0.5)
    with pytest.raises(FloatingPointError, match=r"test_nan\.py:\d+: div"):
        roots(np.zeros(2))
    with pytest.raises(FloatingPointError, match=r"test_nan\.py:\d+: log"):
        jit(vmap(lambda x: np.log(x)), check_nan=True)(np.array([1.0, 0.0]))


def test_random_draws_and_prints_happen_once(capsys: pytest.CaptureFixture[str]) -> None:
    @jit(check_nan=True)
    def drawn(rng: Any, x: Any) -> Any:
        print("once")
        return np.log(x * 0.0 + rng.random(2)), np.log(x)

    with pytest.raises(FloatingPointError, match="made inf"):
        drawn(np.random.default_rng(0), np.zeros(2))
    assert capsys.readouterr().out == "once\n"
    rng, plain = np.random.default_rng(0), np.random.default_rng(0)
    np.testing.assert_allclose(drawn(rng, np.ones(2))[0], np.log(plain.random(2)), rtol=1e-15)
    assert rng.random() == plain.random()
