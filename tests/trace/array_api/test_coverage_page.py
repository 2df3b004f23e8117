"""docs/coverage.md: the part between its marks is what the tables give; ``--bless`` rewrites it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.trace.array_api.coverage_page import page

PAGE = Path(__file__).resolve().parents[3] / "docs" / "coverage.md"
FIRST, LAST = "<!-- names:", "<!-- end -->"


def test_names_are_those_of_the_tables(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    made = "\n".join(page(tmp_path))
    text = PAGE.read_text()
    start = text.index("\n", text.index(FIRST)) + 1
    end = text.index(LAST)
    if request.config.getoption("--bless"):
        PAGE.write_text(text[:start] + made + text[end:])
        return
    assert text[start:end] == made
