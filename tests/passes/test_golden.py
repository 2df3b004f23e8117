"""Golden files: the IR before a pass and after it (followed by dce); `--bless` rewrites them.

The folder names the pass. A file is a comment, a function, `; after`, and what becomes of it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tracejit.ir import ops  # noqa: F401
from tracejit.ir.parser import parse_function
from tracejit.ir.printer import format_function
from tracejit.ir.verifier import verify
from tracejit.passes.dce import dce
from tracejit.passes.pipeline import DEFAULT
from tracejit.passes.rebuild import Pass
from tracejit.passes.stabilize import stabilize

FOLDER = Path(__file__).resolve().parent.parent / "golden"
PASSES: dict[str, Pass] = {p.__name__: p for p in (*DEFAULT, stabilize)}
FILES = sorted(FOLDER.glob("*/*.ir"))
MARK = "; after\n"


@pytest.mark.parametrize("file", FILES, ids=lambda f: f"{f.parent.name}/{f.stem}")
def test_golden(file: Path, request: pytest.FixtureRequest) -> None:
    head, want = file.read_text().split(MARK)
    before = parse_function(head)
    verify(before)
    after = dce(PASSES[file.parent.name](before))
    verify(after)
    got = format_function(after)
    if request.config.getoption("--bless"):
        file.write_text(head + MARK + got)
        return
    assert got == want


def test_every_pass_has_golden_files() -> None:
    assert {f.parent.name for f in FILES} == set(PASSES)
