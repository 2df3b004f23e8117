"""Lists, dicts and deques that a function has made and that change places in loops."""

from __future__ import annotations

import pytest

from tests.programs.lists_that_change_places import PLACES
from tests.programs.phrase import Phrase, cases, check


@pytest.mark.parametrize(("phrase", "policy"), cases(PLACES))
def test_what_changes_places(phrase: Phrase, policy: str) -> None:
    check(phrase, policy)
