"""Mistakes: exception type, the user's line and the advice; and the page that lists them."""

from __future__ import annotations

import copy
import inspect
import os
import re
import traceback
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tracejit

from tests.mistakes import values, kinds, numpys, right_answers  # isort: skip (order of the page)
from tests.mistakes import transforms, with_rules  # isort: skip
from tests.mistakes.row import MISTAKES, RIGHT, Mistake, Right
from tests.mistakes.wrong_calls import WRONG, Wrong
from tracejit import jit

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "mistakes.md"
FILES = {part.__file__ for part in (values, kinds, numpys)}
CALLS = {part.__file__ for part in (transforms, with_rules)}
#: What a message does not say: names of ours, and objects as Python shows them.
OURS = re.compile(r"tracejit\.|<|\b(?:Scalar|PyScalar|Array|Pullback|Pushforward|Vmapped)\b|\b_\w")
PACKAGE = os.path.dirname(tracejit.__file__) + os.sep


def copied(args: tuple[Any, ...]) -> list[Any]:
    return [a.copy() if isinstance(a, np.ndarray) else a for a in args]


def expected_line(row: Mistake) -> int | None:
    """The line marked ``# here``; that of the function itself without a mark."""
    lines, first = inspect.getsourcelines(row.f)
    marked = [first + k for k, line in enumerate(lines) if line.rstrip().endswith("# here")]
    assert len(marked) <= 1
    return marked[0] if marked else None


def named(rows: Any) -> Any:
    return pytest.mark.parametrize(
        "row", rows, ids=lambda r: re.sub(r"\W+", "-", r.problem).strip("-")[:60]
    )


@named(MISTAKES)
def test_mistake(row: Mistake) -> None:
    if "scipy" in inspect.getsource(row.f):
        pytest.importorskip("scipy")
    made: Any = None
    with pytest.raises(Exception) as caught:
        made = row.wrap(row.f)
        made(*copied(row.args))
    error = caught.value
    of_numpy = type(error).__module__.startswith("numpy.") and isinstance(error, row.kind)
    assert type(error) is row.kind or of_numpy
    assert row.says in str(error)
    assert len(str(error).splitlines()) <= 15
    frames = traceback.extract_tb(error.__traceback__)
    if made is not None:
        assert not [f.filename for f in frames if f.filename.startswith(PACKAGE)]
        mine = [f.lineno for f in frames if f.filename in FILES]
        first = inspect.getsourcelines(row.f)[1]
        assert mine[-1] == (expected_line(row) or first)


@named(WRONG)
def test_wrong_transform(row: Wrong) -> None:
    with pytest.raises(Exception) as caught:
        row.call()
    assert type(caught.value) is row.kind
    assert row.says in str(caught.value)
    assert not OURS.search(str(caught.value))
    assert len(str(caught.value).splitlines()) <= 15
    frames = traceback.extract_tb(caught.value.__traceback__)
    lines, first = inspect.getsourcelines(row.call)
    mine = [f.lineno for f in frames if f.filename in CALLS]
    assert any(first <= (line or 0) < first + len(lines) for line in mine)


@named(RIGHT)
def test_right_answer(row: Right, capsys: pytest.CaptureFixture[str]) -> None:
    if "scipy" in inspect.getsource(row.f):
        pytest.importorskip("scipy")
    compiled = jit(row.f)
    for _ in range(2):
        plain, given = copy.deepcopy(row.args), copy.deepcopy(row.args)
        want = row.f(*plain)
        printed = capsys.readouterr().out
        got = compiled(*given)
        assert capsys.readouterr().out == printed
        np.testing.assert_equal(got, want)
        np.testing.assert_equal(given, plain)


def test_globals_that_change() -> None:
    for _ in range(3):
        right_answers.changed_global()
        x = np.arange(3.0)
        np.testing.assert_array_equal(right_answers.scaled(x), x * right_answers.SCALE)


def test_thirty_are_pinned() -> None:
    assert len(MISTAKES) >= 30
    assert {inspect.getsourcefile(row.call) for row in WRONG} == CALLS
    assert len({row.problem for row in (*MISTAKES, *WRONG, *RIGHT)}) == sum(
        map(len, (MISTAKES, WRONG, RIGHT))
    )


def page_rows() -> list[str]:
    """The rows that the page must have, in order."""
    rows = [
        f"| {r.problem} | `{r.kind.__name__}`: {r.says} | {r.do} | {r.origin or '–'} |"
        for r in MISTAKES
    ]
    rows += [f"| {r.problem} | `{r.kind.__name__}`: {r.says} | {r.do} |" for r in WRONG]
    return rows + [f"| {r.problem} | {r.origin or '–'} |" for r in RIGHT]


def test_the_page_lists_them() -> None:
    lines = PAGE.read_text().splitlines()
    found = [k for k in lines if k.startswith("| ") and not k.startswith(("| Problem", "| What"))]
    assert found == page_rows()
