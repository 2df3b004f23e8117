"""Phrases of texts under `jit`: what a template with `%` shows, and texts that the run chooses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.programs.chosen_texts import CHOSEN
from tests.programs.percent_texts import PERCENT
from tests.programs.phrase import Phrase, cases, check
from tracejit import jit


@pytest.mark.parametrize(("phrase", "policy"), cases(PERCENT))
def test_texts_by_percent(phrase: Phrase, policy: str) -> None:
    check(phrase, policy)


def test_texts_by_percent_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    def f(x: Any, n: Any) -> None:
        side = "left" if x[0] < 0 else "right"
        print("%g|%4d|%s|%r" % (x[0], n, [x[1], n], n), "%s" % x, "%5.1f%%" % x[0])
        print("%s at %6s, %r of %d" % (side, side, side, n), "%-6s!" % side)

    compiled = jit(f)
    for x in (np.array([-1.5, 2.0]), np.array([2.0, 1e9])):
        f(x, 3)
        wanted = capsys.readouterr().out
        compiled(x, 3)
        assert capsys.readouterr().out == wanted


@pytest.mark.parametrize(("phrase", "policy"), cases(CHOSEN))
def test_chosen_texts(phrase: Phrase, policy: str) -> None:
    check(phrase, policy)


def test_chosen_texts_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    def f(x: Any) -> None:
        tag = "neg" if x[0] < 0 else "pos"
        print([tag, 1], {"k": tag}, f"{tag:>6s}|{x[0]:.2f}|{tag!r}", tag, sep="-", end="!\n")

    compiled = jit(f)
    for x in (np.array([-1.5]), np.array([2.0])):
        f(x)
        wanted = capsys.readouterr().out
        compiled(x)
        assert capsys.readouterr().out == wanted
