"""Lists, dicts and deques that change places in loops and branches."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.programs.lists_that_change_places import ARGUMENTS, PLACES, sweeps
from tests.programs.phrase import Phrase, cases, check
from tracejit import grad, jit


@pytest.mark.parametrize(("phrase", "policy"), cases(PLACES))
def test_what_a_function_has_made_changes_places(phrase: Phrase, policy: str) -> None:
    check(phrase, policy)


@pytest.mark.parametrize(("phrase", "policy"), cases(ARGUMENTS))
def test_lists_that_are_arguments_change_places(phrase: Phrase, policy: str) -> None:
    check(phrase, policy)


def test_the_result_is_the_list_of_the_caller() -> None:
    f = jit(sweeps, shapes="dynamic")
    for n in (3, 2, 0):
        u, w = [1, 2, 3], [4, 5, 6]
        assert f(u, w, n) is (w if n % 2 else u)


def test_items_that_stay_what_they_were_stay_the_same_objects() -> None:
    def f(u: Any, w: Any, n: Any) -> None:
        for _ in range(n):
            u, w = w, u
        u[0] = w[0]

    first, second = [1000.5, 0.0, float("nan")], [2000.5, -0.0, 7.5]
    kept = [*first, *second]
    jit(f, shapes="dynamic")(first, second, 2)
    assert all(x is y for x, y in zip([*first[1:], *second], [*kept[1:3], *kept[3:]], strict=True))
    assert first[0] == 2000.5


def test_what_a_failing_call_leaves() -> None:
    def f(u: Any, w: Any, n: Any) -> Any:
        for k in range(n):
            u[k] = w[-1 - k]
            u, w = w, u
        return u[n]

    args, others = ([[1, 2, 3], [4, 5, 6], 4] for _ in range(2))
    for call, x in ((f, args), (jit(f, shapes="dynamic"), others)):
        with pytest.raises(IndexError, match="out of range"):
            call(*x)
    assert args == others


def test_gradient() -> None:
    def f(u: Any, w: Any, n: Any) -> Any:
        for _ in range(n):
            for i in range(1, len(u)):
                w[i] = u[i - 1] * u[i] + w[i]
            u, w = w, u
        return sum(u)

    u, w, h = [0.5, 1.0, 1.5], [0.3, 0.2, 0.1], 1e-6
    for n in (3, 0):
        found = grad(jit(f, shapes="dynamic"))(u[:], w[:], n)
        for k in range(3):
            ends = []
            for step in (h, -h):
                x = u[:]
                x[k] += step
                ends.append(f(x, w[:], n))
            assert found[k] == pytest.approx((ends[0] - ends[1]) / (2 * h), rel=1e-6)


def test_how_often_a_program_is_traced(traces: list[Any]) -> None:
    """Which list is bound is not known; then one is lent, and another, and both meet."""
    x = ([1, 2, 3], [4, 5, 6], 3)
    found = jit(sweeps, shapes="dynamic", cache=False)(*copy.deepcopy(x))
    assert found == sweeps(*x)
    assert len(traces) == 4
