"""Exceptions of the program's own making: type, arguments and attributes are those of Python."""

from __future__ import annotations

import math
import operator
import runpy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tracejit import jit

Function = Callable[[Any], Any]
CASES: list[Function] = []


def case(function: Function) -> Function:
    CASES.append(function)
    return function


class Limit(Exception):
    def __init__(self, value: Any, limit: int) -> None:
        super().__init__(value, limit)
        self.value = value
        self.over = value - limit


class Failure(ValueError):
    def __init__(self, code: int, *, place: str = "here") -> None:
        super().__init__(f"code {code} at {place}")
        self.code = code


class Shown(Exception):
    def __str__(self) -> str:
        return f"shown: {self.args!r}"


class Slotted(Exception):
    __slots__ = ("step",)

    def __init__(self, step: int) -> None:
        self.step = step


@case
def two_arguments(x: Any) -> Any:
    if x[0] > 0:
        raise Limit(3, 2)
    return x


@case
def traced_arguments(x: Any) -> Any:
    if x[0] > 0:
        raise Limit(x[0] * 2.5, 2)
    return x


@case
def python_number_in_an_attribute(x: Any) -> Any:
    for i in range(len(x)):
        if x[i] > 0.5:
            raise Failure(i, place="there")
    return x


@case
def text_of_its_own(x: Any) -> Any:
    if x[0] > 0:
        raise Shown("{a}", int(x[0]))
    return x


@case
def slots(x: Any) -> Any:
    if x[0] > 0:
        raise Slotted(7)
    return x


@case
def no_arguments(x: Any) -> Any:
    if x[0] > 0:
        raise ValueError
    return x


@case
def number(x: Any) -> Any:
    if x[0] > 0:
        raise ValueError(x.sum() / 7)
    return x


@case
def flag(x: Any) -> Any:
    if x[0] > 0:
        raise ValueError(x[0] > 1, bool(x[0] > 1), "and {}")
    return x


@case
def system_error(x: Any) -> Any:
    if x[0] > 0:
        raise FileNotFoundError(2, "No such file", "data.npy")
    return x


@case
def key_of_a_dict(x: Any) -> Any:
    if x[0] > 0:
        return {1: x}[7]
    return x


@case
def cast_of_an_output(x: Any) -> Any:
    x[0] = 3
    x += 1j
    return x


@case
def with_a_cause(x: Any) -> Any:
    if x[0] > 0:
        try:
            return {1: x}[7]
        except KeyError as error:
            raise Limit(3, 2) from error
    return x


@case
def with_a_cause_of_a_text(x: Any) -> Any:
    if x[0] > 0:
        raise ValueError(f"low: {x[0]}") from Shown(1)
    return x


def outcome(function: Function) -> Any:
    with pytest.raises(Exception) as caught:
        function(np.ones(3))
    error = caught.value
    state = {**vars(error), **({"step": error.step} if isinstance(error, Slotted) else {})}
    cause = error.__cause__
    of_cause = (type(cause), None if cause is None else cause.args)
    kinds = [type(a) for a in error.args]
    return type(error), error.args, kinds, str(error), state, of_cause


@pytest.mark.parametrize("function", CASES, ids=lambda f: f.__name__)
def test_as_python(function: Function) -> None:
    compiled = jit(function)
    want = outcome(function)
    assert outcome(compiled) == want
    assert outcome(compiled) == want
    assert compiled.stats().compilations == 1


def test_each_call_raises_an_object_of_its_own() -> None:
    compiled = jit(two_arguments)
    with pytest.raises(Limit) as first:
        compiled(np.ones(3))
    with pytest.raises(Limit) as second:
        compiled(np.ones(3))
    assert first.value is not second.value


def _in_texts(x: Any, i: int) -> Any:
    raise ValueError(f"{x} and {i}: {x.shape} {[x[0], i]}", repr(x), "%s" % x)


def _counter_and_values(x: Any, i: int) -> Any:
    for k in range(3):
        if x[k] > i - 5:
            raise ValueError([x[k], k], x)


def _another(x: Any, i: int) -> Any:
    try:
        raise ValueError([x[0], i])
    except ValueError as error:
        raise RuntimeError(error.args[0], f"{error}", f"{error!r}") from None


def _printed(x: Any, i: int) -> Any:
    try:
        raise ValueError([x[0], i])
    except ValueError as error:
        print(error, repr(error), f"{error} {error!r}")
    try:
        raise KeyError(x, i)
    except KeyError as error:
        print(error, repr(error), f"{error} {error!r}")
    return 2


def _asserted(x: Any, i: int) -> Any:
    if i >= 0:
        raise AssertionError((x, i))


def _raising(*args: Callable[..., Any]) -> Any:
    def f(x: Any, i: int) -> Any:
        raise ValueError(*[make(x, i) for make in args])

    return f


NESTED: list[Any] = [
    _in_texts,
    _counter_and_values,
    _another,
    _printed,
    _asserted,
    _raising(lambda x, i: [x[0], i]),
    _raising(lambda x, i: "bad", lambda x, i: [i, x[1]], lambda x, i: {"k": i, "a": x[0]}),
    _raising(lambda x, i: x),
    _raising(lambda x, i: "bad", lambda x, i: x * 2, lambda x, i: x[1:]),
    _raising(lambda x, i: (i,)),
    _raising(lambda x, i: i, lambda x, i: 1j * i),
    _raising(lambda x, i: [x, i, None]),
    _raising(lambda x, i: x.shape, lambda x, i: x > i),
    _raising(lambda x, i: [x[0] + j for j in range(10)], lambda x, i: list(range(12))),
    _raising(lambda x, i: Limit(x[:2], 1).args),
]


@pytest.mark.parametrize("shapes", ["auto", "dynamic"])
@pytest.mark.parametrize("k", range(len(NESTED)))
def test_arrays_and_containers_in_exceptions(k: int, shapes: Any, capsys: Any) -> None:
    compiled = jit(NESTED[k], shapes=shapes)
    for args in [(np.arange(3.0), 4), (np.arange(4.0) / 3, 2), (np.arange(3.0), 4)]:
        outcomes = []
        for f in (NESTED[k], compiled):
            try:
                found: Any = f(*args)
            except Exception as error:
                kinds = [type(a) for a in error.args]
                found = type(error), str(error), repr(error), kinds
            outcomes.append((found, capsys.readouterr().out))
        assert outcomes[0] == outcomes[1]


def test_arrays_in_attributes_of_exceptions() -> None:
    def f(x: Any) -> Any:
        x[0] = 5
        if x[1] > 0:
            raise Limit(x, 2)
        return x

    for g in (f, jit(f)):
        with pytest.raises(Limit) as caught:
            g(np.ones(3))
        np.testing.assert_array_equal(caught.value.value, [5, 1, 1])
        np.testing.assert_array_equal(caught.value.over, [3, -1, -1])


@pytest.mark.parametrize("left", [1, 1.0])
@pytest.mark.parametrize("name", ["truediv", "floordiv", "mod"])
def test_division_by_zero_is_told_in_the_words_of_this_python(name: str, left: Any) -> None:
    divide = getattr(operator, name)
    zero = type(left)(0)
    with pytest.raises(ZeroDivisionError) as told:
        divide(left, zero)
    with pytest.raises(ZeroDivisionError) as compiled:
        jit(lambda a, b: divide(a, b))(left, zero)
    assert str(compiled.value) == str(told.value)


MATH = ("sqrt", "log", "log2", "log10", "log1p", "asin", "acos", "atanh", "acosh", "sin", "gamma")


@pytest.fixture(scope="module")
def mathematics(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One of ``MATH`` by its number; the last one looks for a number in a list."""
    path = tmp_path_factory.mktemp("words") / "words_of_math.py"
    rows = [f"    if k == {k}:\n        return math.{name}(v)\n" for k, name in enumerate(MATH)]
    path.write_text(f"import math\n\ndef f(k, v):\n{''.join(rows)}    return [v * 2.0].index(v)\n")
    f = runpy.run_path(str(path))["f"]
    return f, jit(f)


@pytest.mark.parametrize("v", [-3.0, 0.0, 3.0, math.inf, -3, 0, 3], ids=repr)
def test_math_says_what_this_python_says(mathematics: Any, v: float) -> None:
    for k, name in enumerate((*MATH, "index")):
        said: list[Any] = []
        for call in mathematics:
            try:
                said.append(call(k, v))
            except ValueError as error:
                said.append(str(error))
        python, compiled = said
        if isinstance(python, str):
            assert compiled == python, name
        else:
            assert compiled == pytest.approx(python), name
