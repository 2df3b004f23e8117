"""Every python example in the README and in docs/ runs, page by page, as one program."""

from __future__ import annotations

import ast
import importlib.util
import re
import tomllib
from pathlib import Path

import numpy as np
import pytest

from tests.fresh import BLOCK, refused_at_prompt

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
PAGE = re.compile(r"docs/[\w/-]+\.md")
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")


def program(text: str) -> str:
    """The page with everything but its python blocks blanked, so that line numbers stay."""
    lines, inside = [], False
    for line in text.splitlines():
        if line.startswith("```"):
            inside = line.strip() == "```python"
            line = ""
        lines.append(line if inside else "")
    return "\n".join(lines) + "\n"


def with_examples() -> list[Path]:
    return [page for page in PAGES if program(page.read_text()).strip()]


@pytest.mark.parametrize("page", with_examples(), ids=lambda p: str(p.relative_to(ROOT)))
def test_examples_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real file, because the tracer reads the source of what it converts."""
    monkeypatch.chdir(tmp_path)
    np.random.seed(0)
    file = tmp_path / f"{page.stem.replace('-', '_')}_examples.py"
    file.write_text(program(page.read_text()))
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    spec.loader.exec_module(importlib.util.module_from_spec(spec))


@pytest.mark.parametrize("page", with_examples(), ids=lambda p: str(p.relative_to(ROOT)))
def test_a_block_can_be_pasted_at_a_prompt(page: Path) -> None:
    """Before Python 3.13, an empty line must end what has a body, and none may be within it."""
    blocks = BLOCK.findall(page.read_text())
    assert [line for block in blocks for line in refused_at_prompt(block)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    missing = [
        t for t in LINK.findall(FENCED.sub("", page.read_text())) if not (page.parent / t).exists()
    ]
    assert missing == []


def test_every_page_is_in_the_navigation() -> None:
    """Of the site; decisions have a list of their own, which is in it."""
    known = (ROOT / "mkdocs.yml").read_text().split()
    pages = [str(p.relative_to(ROOT / "docs")) for p in PAGES if "docs" in p.parts]
    assert [p for p in pages if p not in known and not p.startswith("decisions/0")] == []


def test_variables_of_the_environment_are_listed() -> None:
    read = re.compile(r'environ(?:\.get\(|\[)"(TRACEJIT_\w+)"')
    files = (ROOT / "tracejit").rglob("*.py")
    used = {name for file in files for name in read.findall(file.read_text())}
    listed = re.findall(r"`(TRACEJIT_\w+)", (ROOT / "docs" / "environment.md").read_text())
    assert len(used) > 10
    assert used == set(listed)


def test_blocks_are_found_where_they_stand() -> None:
    text = "a\n```python\nx = 1\n```\nb\n```text\nno\n```\n```python\ny = 2\n```\n"
    assert program(text).splitlines() == ["", "", "x = 1", "", "", "", "", "", "", "y = 2", ""]


def test_the_readme_has_examples() -> None:
    assert ROOT / "README.md" in with_examples()


def test_pages_that_errors_name_are_in_the_wheel() -> None:
    """As ``docs/…`` below the package; docstrings may name others."""
    named: set[str] = set()
    for file in (ROOT / "tracejit").rglob("*.py"):
        tree = ast.parse(file.read_text())
        told = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr)}
        for text in ast.walk(tree):
            if isinstance(text, ast.Constant) and isinstance(text.value, str):
                named |= set() if id(text) in told else set(PAGE.findall(text.value))
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    kept = wheel["targets"]["wheel"]["force-include"]
    assert named >= {"docs/coverage.md"}
    assert {page: f"tracejit/{page}" for page in named} == kept
