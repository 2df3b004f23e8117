"""`docs/ir.md`: its rows are the table's, its example a function; `--bless` rewrites the rows."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from tracejit.ir import ops  # noqa: F401
from tracejit.ir.core import TABLE, Primitive
from tracejit.ir.parser import parse_function
from tracejit.ir.printer import format_function
from tracejit.ir.verifier import verify

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "ir.md"
FIRST, LAST = "<!-- rows:", "<!-- end -->"
TITLES = {
    "create": "Creation",
    "elementwise": "Elementwise",
    "index_map": "Index maps",
    "update": "Updates",
    "reduction": "Reductions",
    "scan": "Scans",
    "contraction": "Contraction",
    "dynamic": "Extents found at run time",
    "search": "Tables of keys",
    "control": "Control flow",
    "effect": "Effects",
    "tape": "Tapes",
    "memory": "Program level",
    "extern": "Calls of libraries",
}


def rows() -> str:
    """One line for each row with a doc, one list of names for the rest of each kind."""
    lines = []
    for kind, title in TITLES.items():
        found = [p for p in TABLE.values() if p.kind == kind]
        if not found:
            continue
        lines.append(f"**{title}**\n")
        plain = [p for p in found if not p.doc]
        if plain:
            lines.append(f"- As NumPy's functions: {', '.join(f'`{p.name}`' for p in plain)}.")
        lines += [f"- `{p.name}`{_effect(p)}: {p.doc}" for p in found if p.doc]
        lines.append("")
    return "\n".join(lines)


def _effect(p: Primitive) -> str:
    return "" if p.effect == "none" else f" ({p.effect})"


def test_rows_are_those_of_the_table(request: pytest.FixtureRequest) -> None:
    text = PAGE.read_text()
    start = text.index("\n", text.index(FIRST)) + 1
    end = text.index(LAST)
    if request.config.getoption("--bless"):
        PAGE.write_text(text[:start] + rows() + text[end:])
        return
    assert text[start:end] == rows()


def test_every_kind_has_a_title() -> None:
    assert {p.kind for p in TABLE.values()} <= set(TITLES)


def test_the_examples_are_functions() -> None:
    found = re.findall(r"```ir\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert found
    for text in found:
        function = parse_function(text)
        verify(function)
        assert format_function(function) == text


def test_the_grammar_names_what_the_parser_reads() -> None:
    from tracejit.ir import parser

    source = inspect.getsource(parser)
    grammar = PAGE.read_text().split("```text")[1].split("```")[0]
    for word in re.findall(r'"(\w+)"', grammar):
        assert f'"{word}"' in source, word
