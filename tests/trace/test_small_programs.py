"""The project's small programs, traced and interpreted, against NumPy."""

from __future__ import annotations

import pytest

from tests.programs.program import Program
from tests.programs.small_programs import SMALL_PROGRAMS
from tests.trace.running import assert_same


@pytest.mark.parametrize("symbolic", [False, True], ids=["static", "symbolic"])
@pytest.mark.parametrize("program", SMALL_PROGRAMS, ids=lambda p: p.name)
def test_small_program(program: Program, symbolic: bool) -> None:
    assert_same(program.fn, lambda: program.arguments(0), symbolic=symbolic)
