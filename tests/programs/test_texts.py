"""Phrases of texts under `jit`: what a template with `%` shows, and texts that the run chooses."""

from __future__ import annotations

import copy
import itertools
import re
import sys
import textwrap
import types
from collections import Counter, deque
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from tests.programs.chosen_texts import CHOSEN
from tests.programs.percent_texts import PERCENT
from tests.programs.phrase import Phrase, cases, check
from tests.programs.printing import GIVEN, PRINTING, Pieces, printed
from tests.programs.shown_texts import SHOWN
from tests.programs.texts_of_the_run import GROWN_TEXTS
from tracejit import StructureError, UnsupportedError, grad, jit


@pytest.mark.parametrize(("phrase", "policy"), cases(PERCENT))
def test_texts_by_percent(phrase: Phrase, policy: str) -> None:
    check(phrase, policy)


@pytest.mark.parametrize(("phrase", "policy"), cases(CHOSEN))
def test_chosen_texts(phrase: Phrase, policy: str) -> None:
    check(phrase, policy)


@pytest.mark.parametrize(("phrase", "policy"), cases(SHOWN))
def test_shown_texts(phrase: Phrase, policy: str) -> None:
    check(phrase, policy)


@pytest.mark.parametrize(("phrase", "policy"), cases(GROWN_TEXTS))
def test_texts_of_the_run(phrase: Phrase, policy: str) -> None:
    check(phrase, policy)


def test_texts_of_the_run_that_are_refused() -> None:
    def at_both_ends(x: Any) -> str:
        text = ""
        for v in x:
            text = "(" + text + str(v) + ")"
        return text

    def raised(x: Any) -> None:
        text = ""
        for v in x:
            text += "+" if v > 0 else "-"
        raise ValueError(text)

    def as_an_array(x: Any) -> Any:
        return np.array([f"{v}" for v in x])

    def wide(x: Any) -> Any:
        return f"{x[0]:>{int(x[1])}}"

    refusals: list[tuple[Any, type[Exception], str]] = [
        (wide, UnsupportedError, "how wide a value is shown"),
        (at_both_ends, StructureError, "append its parts to a list, and join that"),
        (raised, UnsupportedError, "return or print it"),
        (as_an_array, UnsupportedError, "an array of the texts in it"),
    ]
    for f, kind, says in refusals:
        with pytest.raises(kind, match=says):
            jit(f, shapes="dynamic")(np.ones(40))


def test_what_shows_a_text_is_refused_where_it_needs_to_be_known() -> None:
    def printed(x: Any) -> None:
        print(f"{f'{x[0]}!':>10}")

    def of_a_transform(x: Any) -> Any:
        return grad(lambda y: ((y * y).sum(), f"{y[0]}"), has_aux=True)(x)

    def of_a_slice(x: Any) -> Any:
        return grad(lambda y: ((y * y).sum(), slice(int(y[0]))), has_aux=True)(x)

    refused = [
        (printed, "format the value"),
        (of_a_transform, "return the value"),
        (of_a_slice, "return where it starts and ends"),
    ]
    for f, says in refused:
        with pytest.raises(UnsupportedError, match=says):
            jit(f)(np.ones(2))


@pytest.mark.parametrize(
    "asked",
    [
        lambda text: Counter([text, "5"]),
        lambda text: re.sub("5", "6", text),
        lambda text: textwrap.shorten(text, 9),
        lambda text: Fraction(text),
        lambda text: [list(group) for _, group in itertools.groupby([text, "5"])],
    ],
)
def test_libraries_are_not_asked_about_a_text_of_the_run(asked: Any) -> None:
    """What stands for the value would be counted, replaced, parsed."""

    def f(x: Any) -> Any:
        return asked(f"{x[0]}")

    with pytest.raises(UnsupportedError, match="what a text decides"):
        jit(f)(np.ones(2))


def test_containers_of_libraries_keep_a_text_of_the_run() -> None:
    def f(x: Any) -> Any:
        text = f"{x[0]}"
        kept = deque([text]), types.SimpleNamespace(name=text), copy.copy([text])
        return kept[0][0], kept[1].name, kept[2], list(itertools.chain([text], ["5"]))

    assert jit(f)(np.ones(2)) == f(np.ones(2))


@pytest.mark.parametrize("f", PRINTING, ids=lambda f: f.__name__)
def test_what_is_printed(f: Any) -> None:
    compiled = jit(f)
    for args in (*GIVEN, *GIVEN):
        with np.errstate(all="ignore"):
            assert printed(compiled, *args) == printed(f, *args)


def test_printing_where_there_is_no_file_or_a_bad_one(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(Pieces):
        def write(self, text: str) -> int:
            raise OSError("full")

    def f(x: Any) -> None:
        print(x)

    compiled = jit(f)
    for called in (f, compiled, compiled):
        monkeypatch.setattr(sys, "stdout", None)
        called(1.5)
        monkeypatch.setattr(sys, "stdout", Full())
        with pytest.raises(OSError, match="full"):
            called(1.5)
        monkeypatch.delattr(sys, "stdout")
        with pytest.raises(RuntimeError, match="lost sys"):
            called(1.5)
        monkeypatch.undo()
