"""The adapter for the array-API suite: what is compiled, what is not, and what it notices."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.array_api import jitted_numpy
from tests.array_api.agreement import disagreement
from tests.array_api.jitted_numpy import Array, namespace

PROBE = """
def added(x, y):
    return xp.add(x, y)

def sum_of(x, y):
    return x + y

def operated(x):
    return (-x + 1) @ x

def written(x):
    x += 1
    x[1] = 5.0
    return x[..., None]
"""


def probe(module: str) -> dict[str, Any]:
    """The probe's functions as if they stood in ``module``."""
    scope: dict[str, Any] = {"__name__": module, "xp": namespace}
    exec(PROBE, scope)
    return scope


@pytest.fixture
def counts() -> Any:
    jitted_numpy._counts.clear()
    return jitted_numpy._counts


def test_calls_of_tests_are_compiled(counts: Any) -> None:
    test = probe("array_api_tests.test_probe")
    x = np.array([1.0, 2.0]).view(Array)
    result = test["added"](x, 2.5)
    assert type(result) is Array
    np.testing.assert_array_equal(result, [3.5, 4.5])
    assert test["operated"](x) == -2.0
    assert type(test["sum_of"](np.float32(1.5), x)) is Array
    assert dict(counts) == {"np.add": 2, "__neg__": 1, "__add__": 1, "__matmul__": 1}


def test_what_is_written_is_written(counts: Any) -> None:
    test = probe("array_api_tests.test_array_object")
    memory = np.array([1.0, 2.0])
    view = test["written"](memory.view(Array))
    np.testing.assert_array_equal(memory, [2.0, 5.0])
    assert np.shares_memory(view, memory)
    assert dict(counts) == {"__iadd__": 1, "__setitem__": 1, "__getitem__": 1}


def test_calls_of_oracles_are_not(counts: Any) -> None:
    oracle = probe("array_api_tests.pytest_helpers")
    x = np.array([1.0, 2.0]).view(Array)
    assert type(oracle["added"](x, 2.5)) is Array
    assert oracle["operated"](x) == -2.0
    assert not counts


def test_literals_say_what_they_are() -> None:
    arrays: list[Any] = []
    value = (1, [-2.0, float("-inf")], None, np.dtype("f4"), np.int8, -0.0, 2 - 1j, x := np.ones(2))
    text = jitted_numpy._literal(value, arrays)
    scope = {"np": np, "a0": x}
    assert repr(eval(text, scope)) == repr(value)
    assert arrays == [x]
    key = (slice(1, None, -2), ..., None, x)
    assert jitted_numpy._index(key, []) == "1::(-2), ..., None, a0"


@pytest.mark.parametrize(
    ("mine", "theirs", "found"),
    [
        (np.ones(2), np.ones(2), ""),
        (np.ones(2), np.ones(3), "shape"),
        (np.ones(2), np.ones(2, np.float32), "float64, not float32"),
        (np.ones(1), np.float64(1.0), "ndarray, not float64"),
        (np.array([0.0]), np.array([-0.0]), "not np.float64(-0.0)"),
        (np.array([1.0, np.nan]), np.array([1.0, 2.0]), "nan"),
        (ValueError("x"), TypeError("y"), "TypeError"),
        (ValueError("x"), np.ones(1), "a result"),
        ((1, np.ones(2)), (1, np.zeros(2)), "1.0"),
    ],
)
def test_differences_are_found(mine: Any, theirs: Any, found: str) -> None:
    difference = disagreement(mine, theirs, [], [])
    assert found in difference if found else not difference
