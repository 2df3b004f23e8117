"""Phrases under `jit`, in every way; compiled for the first shapes and for all at once."""

from __future__ import annotations

import pytest

from tests.programs.control_flow import CONTROL_FLOW
from tests.programs.dynamic_sizes import DYNAMIC_SIZES
from tests.programs.phrase import Phrase, cases, check
from tests.programs.views import VIEWS


@pytest.mark.parametrize(("phrase", "policy"), cases(CONTROL_FLOW))
def test_control_flow(phrase: Phrase, policy: str) -> None:
    check(phrase, policy)


@pytest.mark.parametrize(("phrase", "policy"), cases(DYNAMIC_SIZES))
def test_dynamic_sizes(phrase: Phrase, policy: str) -> None:
    check(phrase, policy)


@pytest.mark.parametrize(("phrase", "policy"), cases(VIEWS))
def test_views(phrase: Phrase, policy: str) -> None:
    check(phrase, policy)
