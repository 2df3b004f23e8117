"""Errors that are certain when compiling: raised where NumPy raises them, and only if it does.

What precedes the error happens (writes, prints), a branch that is not taken does not raise, and the
version that raises is compiled once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tracejit import UnsupportedError, jit

Function = Callable[[Any], Any]
CASES: list[Function] = []


def case(function: Function) -> Function:
    CASES.append(function)
    return function


@case
def shapes(x: Any) -> Any:
    x[0] = 7
    return x + np.zeros(2)


@case
def cast_of_output(x: Any) -> Any:
    x[0] = 7
    x += 1j
    return x


@case
def cast_in_a_loop(x: Any) -> None:
    for i in range(3):
        x[i] = 9
        x += 1j


@case
def no_loop_for_dtype(x: Any) -> Any:
    x[0] = 7
    return x & 1


@case
def unknown_dtype(x: Any) -> Any:
    x[0] = 7
    return np.zeros(3, dtype="nope")


@case
def number_for_a_small_dtype(x: Any) -> Any:
    x[0] = 7
    y = np.zeros(3, np.uint8)
    y[0] = 300
    return y


@case
def sequence_for_an_element(x: Any) -> Any:
    x[0] = 7
    x[1] = x[2:]
    return x


@case
def index(x: Any) -> Any:
    x[0] = 7
    return x[10]


@case
def too_many_indices(x: Any) -> Any:
    x[0] = 7
    return x[0, 0]


@case
def axis(x: Any) -> Any:
    x[0] = 7
    return x.sum(axis=3)


@case
def zero_division(x: Any) -> Any:
    x[0] = 7
    return 1 // 0


@case
def builtin_of_plain_values(x: Any) -> Any:
    x[0] = 7
    return len(3) + x  # type: ignore[arg-type]


@case
def text_that_is_no_number(x: Any) -> Any:
    x[0] = 7
    return int("a") + x


@case
def array_for_a_number(x: Any) -> Any:
    x[0] = 7
    return float(x)


@case
def casting_rule(x: Any) -> Any:
    x[0] = 7
    return x.astype(np.int32, casting="safe")


@case
def printed_before(x: Any) -> Any:
    print("before", x[0])
    return x << 2


@case
def branch_not_taken(x: Any) -> Any:
    if x[1] > 100:
        x += 1j
    return x * 2


@case
def branch_taken(x: Any) -> Any:
    x[3] = 1
    if x[1] < 100:
        x[1] = 5
        x |= 1
    return x * 2


@case
def expression_not_taken(x: Any) -> Any:
    return x[0] > 100 and (x & 1)


@case
def choice_not_taken(x: Any) -> Any:
    return (x & 1) if x[1] > 100 else x + 1


@case
def loop_that_does_not_run(x: Any) -> Any:
    n = 0
    while x[n] > 100:
        x[n] = ~x[n]
        n += 1
    return n


@case
def in_a_function(x: Any) -> Any:
    def inner(y: Any) -> Any:
        y[1] = 3
        return y.reshape(77)

    x[0] = 8
    return inner(x)


@case
def text_and_array(x: Any) -> Any:
    x[0] = 7
    return x + "a"


@case
def none_and_array(x: Any) -> Any:
    x[0] = 7
    return None - x


@case
def none_in_place(x: Any) -> Any:
    x[0] = 7
    x *= None
    return x


@case
def none_and_element(x: Any) -> Any:
    x[0] = 7
    return x[0] < None


@case
def dict_and_python_float(x: Any) -> Any:
    x[0] = 7
    return float(x[0]) ** {}  # type: ignore[operator]


@case
def names_that_are_not_equal(x: Any) -> Any:
    return x[0] == {}, x == None, x != "a"  # noqa: E711


def run(function: Function, capsys: Any) -> Any:
    x = np.arange(5.0)
    try:
        result = function(x)
        parts = result if isinstance(result, tuple) else (result,)
        outcome = [(np.asarray(r).tolist(), np.asarray(r).dtype) for r in parts]
    except Exception as error:
        public = (c for c in type(error).__mro__ if not c.__module__.startswith("numpy._core"))
        outcome = (next(public), str(error))
    return outcome, x.tolist(), capsys.readouterr().out


@pytest.mark.parametrize("function", CASES, ids=lambda f: f.__name__)
def test_as_numpy(function: Function, capsys: Any) -> None:
    compiled = jit(function)
    want = run(function, capsys)
    assert run(compiled, capsys) == want
    assert run(compiled, capsys) == want
    assert compiled.stats().compilations == 1


def test_the_line_is_the_users() -> None:
    def f(x: Any) -> Any:
        x[0] = 7
        return x | 1

    with pytest.raises(TypeError, match="bitwise_or") as caught:
        jit(f)(np.arange(3.0))
    assert caught.traceback[-1].lineno + 1 == f.__code__.co_firstlineno + 2


def test_what_is_not_supported_is_said_at_once() -> None:
    def f(x: Any) -> Any:
        x[0] = 7
        if x[0] > 100:
            return x.astype("U5")
        return x

    x = np.arange(3.0)
    with pytest.raises(UnsupportedError):
        jit(f)(x)
    np.testing.assert_array_equal(x, [0, 1, 2])
