"""Exceptions that say a text of which the run chooses which one it is: one for each is raised."""

from __future__ import annotations

from typing import Any

from tracejit.errors import throw
from tracejit.trace.python.formatting import in_field
from tracejit.trace.session.concretize import split_marks
from tracejit.trace.session.marks import MARK
from tracejit.trace.values.chosen_constants import ChosenConstant, any_chosen
from tracejit.trace.values.tagged import each_kind


def raised_for_each(error: Any) -> Any:
    """Raise an exception of Python's for each of the texts that it may say; others as they are."""
    if not isinstance(error, BaseException) or type(error).__module__ != "builtins":
        return error
    chosen = list({id(x): x for arg in error.args for x in _chosen_in(arg)}.values())
    if not chosen:
        return error

    def this(*known: Any) -> None:
        by_id = {id(x): one for x, one in zip(chosen, known, strict=True)}
        throw(type(error)(*(_said(arg, by_id) for arg in error.args)))

    each_kind(this, *chosen)
    return error


def _chosen_in(arg: Any) -> list[ChosenConstant]:
    """The texts that the run chooses in an argument of an exception."""
    if isinstance(arg, ChosenConstant):
        return [arg]
    marked = split_marks(arg)[1::2] if isinstance(arg, str) else []
    return [value for value, _ in marked if any_chosen(value)]


def _said(arg: Any, known: dict[int, Any]) -> Any:
    """An argument in which each of these texts is known."""
    if id(arg) in known:
        return known[id(arg)]
    if not _chosen_in(arg):
        return arg
    parts = arg.split(MARK)
    for k, (value, how) in enumerate(split_marks(arg)[1::2]):
        at = 2 * k + 1
        if id(value) in known:
            parts[at] = in_field(known[id(value)], how)
        else:
            parts[at] = f"{MARK}{parts[at]}{MARK}"
    return "".join(parts)
