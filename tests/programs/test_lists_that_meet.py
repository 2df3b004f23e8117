"""Lists of several arguments that meet in one name or list, and lists of lists bound anew."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.programs.lists_that_meet import ANEW, FEW, MANY, MEETING, OF_KINDS, rows
from tests.programs.phrase import Phrase, cases, check
from tracejit import jit


@pytest.mark.parametrize(("phrase", "policy"), cases(MEETING))
def test_lists_of_several_arguments_meet(phrase: Phrase, policy: str) -> None:
    check(phrase, policy)


@pytest.mark.parametrize(("phrase", "policy"), cases(ANEW))
def test_lists_of_lists_are_bound_anew(phrase: Phrase, policy: str) -> None:
    check(phrase, policy)


@pytest.mark.parametrize(("phrase", "policy"), cases(OF_KINDS))
def test_lists_in_others_keep_the_kinds_of_their_numbers(phrase: Phrase, policy: str) -> None:
    check(phrase, policy)


@pytest.mark.parametrize("size", [FEW, MANY])
def test_what_a_failing_call_leaves_in_lists_that_meet(size: tuple[int, int]) -> None:
    def f(a: Any, b: Any, n: Any) -> None:
        for k in range(n):
            a, b = b, a
            a[k][0] += k
            b[0][k] -= 1

    args, others = ([rows(*size), rows(*size, 2), 50] for _ in range(2))
    for call, x in ((f, args), (jit(f, shapes="dynamic"), others)):
        with pytest.raises(IndexError, match="list index out of range"):
            call(*x)
    assert args == others


def test_how_often_a_program_is_traced_whose_lists_meet(traces: list[Any]) -> None:
    """The first list to be lent begins the trace again, and then each pair that meets, once."""

    def f(a: Any, b: Any, c: Any, n: Any) -> Any:
        for k in range(n):
            a, b, c = b, c, a
            a[0][0] += k
        return a[0][0]

    args = [rows(*MANY, k) for k in (1, 2, 3)]
    want = copy.deepcopy(args)
    assert jit(f, shapes="dynamic", cache=False)(*args, 5) == f(*want, 5)
    assert args == want
    assert len(traces) == 4
