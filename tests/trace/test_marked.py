"""Texts of values that only the run knows decide nothing while tracing."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.fuzz.check import check_function
from tracejit import UnsupportedError, jit

WEIGHTS = SimpleNamespace(**{f"w{k}": float(k) for k in range(20)})
TABLE = {f"w{k}": float(k) for k in range(0, 20, 3)}


def attribute_or_default(x, n):
    total = 0.0
    for k in range(20):
        total += getattr(WEIGHTS, f"w{k}", 0.0) * x[0]
    return total


def has_attribute(x, n):
    total = 0.0
    for k in range(30):
        if hasattr(WEIGHTS, "w" + str(k)):
            total += x[0]
    return total


def equal(x, n):
    total = 0.0
    for k in range(20):
        name = f"w{k}"
        if name == "w3" or (name != "w4" and name < "w11"):
            total += x[0] * k
    return total


def member(x, n):
    total = 0.0
    for k in range(20):
        if f"w{k}" in TABLE:
            total += x[0]
        if str(k) in ("3", "11"):
            total += 100.0
        if "1" in str(k):
            total += x[1]
    return total


def letters(x, n):
    total = 0.0
    for k in range(20):
        text = f"{k}"
        total += len(text) * x[0]
        for letter in text:
            if letter == "1":
                total += x[1]
        if text.startswith("1") and text[-1] != "1":
            total -= 1.0
    return total


def made(x, n):
    found = {}
    for k in range(20):
        found[f"w{k % 3}"] = k * x[0]
    return found["w1"] + len(found)


def shown(x, n):
    for k in range(20):
        text = "row " + ", ".join([f"{k}", f"{x[0]:.2f}"])
        if x[0] > k + 100:
            raise ValueError(text)
    return x


ARGS: list[tuple[Any, ...]] = [(np.array([2.0, 0.5]), 3), (np.array([150.0, 1.0]), 3)]


@pytest.mark.parametrize(
    "function", [attribute_or_default, has_attribute, equal, member, letters, made, shown]
)
@pytest.mark.parametrize("args", ARGS)
def test_as_in_python(function: Callable[..., Any], args: tuple[Any, ...]) -> None:
    make = lambda: (args[0].copy(), args[1])  # noqa: E731
    check_function(function, [make], "auto", function.__name__)


def test_what_is_no_counter_is_refused() -> None:
    def compared(x: Any) -> Any:
        return x if f"{x[0]}" == "1.0" else -x

    with pytest.raises(UnsupportedError, match="what a text decides"):
        jit(compared)(np.ones(2))
