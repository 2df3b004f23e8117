"""What cannot be iterated: Python's exception, after what the program wrote before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tracejit import jit

Function = Callable[[Any, int], Any]
CASES: list[Function] = []


def case(function: Function) -> Function:
    CASES.append(function)
    return function


@case
def argument(x: Any, n: Any) -> Any:
    x[0] = 7
    for v in n:
        x[1] = v
    return x


@case
def constant_in_a_branch(x: Any, n: int) -> Any:
    x[0] = 7
    if n > 0:
        for v in 5:  # type: ignore[attr-defined]
            x[1] = v
    return x


@case
def element(x: Any, n: int) -> Any:
    x[0] = 7
    for v in x[n]:
        x[1] = v
    return x


@case
def none_in_a_try(x: Any, n: int) -> Any:
    nothing: Any = None
    try:
        for v in nothing:
            x[1] = v
    except TypeError:
        x[2] = n
    return x


@case
def inside_a_loop(x: Any, n: int) -> Any:
    for i in range(n):
        x[i] += 1
        for v in x.size:
            x[1] = v
    return x


@case
def comprehension(x: Any, n: Any) -> Any:
    x[0] = 7
    return [v for v in n]


@case
def unpacked(x: Any, n: Any) -> Any:
    x[0] = 7
    first, second = n
    return first + second


@case
def unpacked_element(x: Any, n: Any) -> Any:
    x[0] = 7
    first, second = x[n]
    return first + second


@case
def summed(x: Any, n: Any) -> Any:
    x[0] = 7
    return sum(n)


@case
def enumerated(x: Any, n: Any) -> Any:
    x[0] = 7
    for i, _ in enumerate(n):
        x[1] = i
    return x


@case
def zipped(x: Any, n: Any) -> Any:
    x[0] = 7
    for v, _ in zip(x, n):
        x[1] = v
    return x


def outcome(function: Function, x: Any, n: int) -> str:
    try:
        return repr((function(x, n), x))
    except TypeError as error:
        return repr((type(error), str(error), x))


@pytest.mark.parametrize("policy", ["static", "dynamic"])
@pytest.mark.parametrize("function", CASES, ids=lambda f: f.__name__)
def test_as_python(function: Function, policy: str) -> None:
    for n in (2, 0):
        got = outcome(jit(function, shapes=policy), np.zeros(3), n)
        assert got == outcome(function, np.zeros(3), n)
