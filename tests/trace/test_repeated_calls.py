"""Calls of a function in itself with what it was given before: traced once, if nothing is seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tracejit import grad, jit
from tracejit.trace.control import recursion

N = 5
LOG: list[int] = []
scale = 1.0


def minors(a: Any) -> Any:
    def minor(row: int, columns: Any) -> Any:
        if len(columns) == 1:
            return a[row, columns[0]]
        total = 0.0
        for k in range(len(columns)):
            part = a[row, columns[k]] * minor(row + 1, columns[:k] + columns[k + 1 :])
            total = total + part if k % 2 == 0 else total - part
        return total

    return minor(0, tuple(range(N)))


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The functions of which calls were traced in line, one by one."""
    found: list[str] = []
    made = recursion.under_way

    def noted(code: Any, *given: Any) -> Any:
        found.append(code.co_name)
        return made(code, *given)

    monkeypatch.setattr(recursion, "under_way", noted)
    return found


def test_minors_are_traced_once_for_each_choice_of_columns(traced: list[str]) -> None:
    a = np.random.default_rng(0).normal(size=(N, N))
    assert np.isclose(jit(minors)(a), np.linalg.det(a), rtol=1e-12)
    last = traced[-traced[::-1].index("minors") :]  # a trace may begin again
    assert last.count("minor") == 2**N - 1  # and not 206
    assert np.allclose(grad(minors)(a), np.linalg.det(a) * np.linalg.inv(a).T)


def in_an_array(x: Any) -> Any:
    """Each call changes what the next reads."""

    def f(n: int) -> Any:
        x[0] += 1.0
        return x[0] if n == 0 else f(n - 1) * 2.0 + f(n - 1)

    return f(3)


def between_calls(x: Any) -> Any:
    """What is read changes between calls that change nothing."""

    def f(n: int) -> Any:
        return x[0] + n if n == 0 else f(n - 1) * 2.0

    def g(n: int) -> Any:
        first = f(2)
        x[0] += 1.0
        return first + f(2) + (0.0 if n == 0 else g(n - 1) * 3.0)

    return g(2)


def printed(x: Any) -> Any:
    def f(n: int) -> Any:
        print("call", n, x[0])
        return x[0] if n == 0 else f(n - 1) + f(n - 1) * 2.0

    return f(2)


def counted(x: Any) -> Any:
    count = 0

    def f(n: int) -> Any:
        nonlocal count
        count += 1
        return x[0] * count if n == 0 else f(n - 1) + f(n - 1)

    return f(3)


def in_a_list(x: Any) -> Any:
    kept: list[Any] = []

    def f(n: int) -> Any:
        kept.append(n)
        return x[0] * len(kept) if n == 0 else f(n - 1) + f(n - 1)

    return f(3)


def in_branches(x: Any) -> Any:
    """A result of one side of a branch is not there on the other, nor after it."""

    def f(n: int) -> Any:
        return np.sin(x[0]) if n == 0 else f(n - 1) * 0.5 + f(n - 1)

    def g(n: int) -> Any:
        if n == 0:
            return f(2)
        if x[1] > n:
            total = g(n - 1)
        else:
            total = -g(n - 1)
        return total + g(n - 1)

    return g(2)


def of_kinds(x: Any) -> Any:
    """One is a number like 1.0 and true, and gives others."""

    def f(n: Any, depth: int) -> Any:
        if depth == 0:
            return n / 2 if isinstance(n, float) else x[0] + (n is True)
        return f(n, depth - 1) + f(1, depth - 1) * f(1.0, depth - 1) + f(True, depth - 1)

    return f(1, 2)


def failing(x: Any) -> Any:
    def f(n: int) -> Any:
        if x[0] > 10.0:
            raise ValueError("large")
        return x[0] if n == 0 else f(n - 1) + f(n - 1)

    try:
        return f(2)
    except ValueError:
        return -1.0


def drawn(x: Any) -> Any:
    def f(n: int) -> Any:
        return x[0] + np.random.normal() if n == 0 else f(n - 1) + f(n - 1)

    np.random.seed(3)
    return f(2)


PROGRAMS = [
    *(in_an_array, between_calls, printed, counted, in_a_list, in_branches, of_kinds, failing),
    drawn,
]


@pytest.mark.parametrize("program", PROGRAMS)
def test_what_calls_do_and_see_stays_python_s(
    program: Callable[[Any], Any], capsys: pytest.CaptureFixture[str]
) -> None:
    fast = jit(program)
    for start in ([1.5, 1.5], [11.0, 0.5]):
        mine, theirs = np.array(start), np.array(start)
        expected = program(theirs)
        said = capsys.readouterr().out
        assert np.isclose(fast(mine), expected, rtol=1e-14)
        assert mine.tolist() == theirs.tolist()
        assert capsys.readouterr().out == said
