"""`docs/passes.md`: each section's second block is what its pass makes of the first.

`--bless` rewrites the second blocks.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.passes.test_golden import PASSES
from tracejit.ir.core import Function
from tracejit.ir.parser import parse_function
from tracejit.ir.printer import format_function
from tracejit.ir.program import verify_program
from tracejit.ir.verifier import verify
from tracejit.lower.lower import lower
from tracejit.passes.dce import dce

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "passes.md"
PAIR = re.compile(r"### (\w+)\n(.*?)```ir\n(.*?)```(.*?)```ir\n(.*?)```", re.DOTALL)
SECTIONS = {m.group(1): (m.group(3), m.group(5)) for m in PAIR.finditer(PAGE.read_text())}


def _lowered(function: Function) -> Function:
    program = lower(function)
    verify_program(program)
    return program.host


def _cleaned(name: str) -> Callable[[Function], Function]:
    def run(function: Function) -> Function:
        after = dce(PASSES[name](function))
        verify(after)
        return after

    return run


MAKERS = {**{name: _cleaned(name) for name in PASSES}, "lower": _lowered}


@pytest.mark.parametrize("name", SECTIONS)
def test_section(name: str, request: pytest.FixtureRequest) -> None:
    before, want = SECTIONS[name]
    function = parse_function(before)
    verify(function)
    assert format_function(function) == before
    got = format_function(MAKERS[name](function))
    if request.config.getoption("--bless"):
        head, _, tail = PAGE.read_text().partition(f"### {name}\n")
        blocks = tail.split("```ir\n", 2)
        blocks[2] = got + blocks[2][blocks[2].index("```") :]
        PAGE.write_text(head + f"### {name}\n" + "```ir\n".join(blocks))
        return
    assert got == want


def test_every_pass_has_a_section() -> None:
    assert set(SECTIONS) == set(MAKERS)


def test_every_lowering_file_is_named() -> None:
    package = Path(__file__).resolve().parent.parent.parent / "tracejit"
    page = PAGE.read_text()
    simplify = {*PASSES, "pipeline", "runner", "rebuild", "__init__"}
    for file in (*package.glob("passes/*.py"), *package.glob("lower/*.py")):
        assert file.stem in simplify or f"`{file.name}`" in page or file.name in page, file.name
