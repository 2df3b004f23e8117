"""Every program that the fuzz once found to go wrong."""

from __future__ import annotations

import inspect

import pytest

from tests.fuzz.check import check_function
from tests.fuzz.regressions import REGRESSIONS, Regression


@pytest.mark.parametrize("case", REGRESSIONS, ids=lambda c: f"{c.name}-{c.policy}")
def test_regression(case: Regression) -> None:
    source = inspect.getsource(case.function)
    check_function(case.function, [case.arguments, case.arguments], case.policy, source)
