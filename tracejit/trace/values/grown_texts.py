"""Texts that are made of as many parts as the run says: those that a loop makes longer, or that are
joined of a list. Each is the value that a mark of another text stands for."""

from __future__ import annotations

from typing import Any, NoReturn

from tracejit.errors import UnsupportedError
from tracejit.trace.session.concretize import shown_later
from tracejit.trace.session.session import where
from tracejit.trace.session.tracer import Tracer
from tracejit.trace.values.all import dim_value
from tracejit.trace.values.chosen_constants import ChosenConstant
from tracejit.trace.values.dynamic_list import ListBuffer
from tracejit.trace.values.marked_texts import apart, chosen_text, is_marked, is_text, together


class GrownText(Tracer):
    """The texts in ``items`` with ``between`` between them; ``backwards``: the last one first."""

    __slots__ = ("backwards", "between", "items")

    def __init__(self, items: ListBuffer, between: str = "", *, backwards: bool = False) -> None:
        self.items = items
        self.between = between
        self.backwards = backwards

    def read(self) -> NoReturn:
        raise UnsupportedError(
            f"{where()}: a text of as many parts as the run says is raised, or decides something: "
            "return or print it, or use its parts"
        )

    def static_value(self) -> None:
        """No constant."""

    def __repr__(self) -> str:
        return "a text of the run"

    def as_text(self) -> str:
        """A text that is this."""
        return shown_later(self, "")


def grown_in(x: Any) -> GrownText | None:
    """What a text is, if it is such a one and nothing else."""
    if not isinstance(x, str) or not is_text(x):
        return None
    (texts, hows), values = apart(x)
    alone = len(values) == 1 and texts == ("", "") and hows == ("",)
    return values[0] if alone and isinstance(values[0], GrownText) else None


def pieces_of(x: Any, *, backwards: bool) -> list[Any] | None:
    """The parts of a text, texts and runs of texts, in the order in which they are put into one;
    None where they are not known to be so."""
    if isinstance(x, ChosenConstant):
        return _pieces_of_chosen(x, backwards)
    if x == "":
        return []
    (texts, hows), values = apart(x)
    found: list[Any] = []
    first = 0
    for k, value in enumerate(values):
        if not isinstance(value, GrownText):
            continue
        if hows[k] or value.between or value.backwards != backwards:
            return None
        found += [_part((texts, hows), values, first, k), value.items]
        first = k + 1
    found.append(_part((texts, hows), values, first, len(values)))
    found = [piece for piece in found if piece != ""]
    return found[::-1] if backwards else found


def _part(between: Any, values: Any, first: int, end: int) -> str:
    """What a text shows from before value ``first`` to before value ``end``."""
    texts, hows = between
    head = texts[first : end + 1]
    return together((head, hows[first:end]), values[first:end])


def _pieces_of_chosen(x: ChosenConstant, backwards: bool) -> list[Any] | None:
    """Of one of several texts: all of them begin with one run, or none has any."""
    every = [pieces_of(text, backwards=backwards) for text in x.choices]
    if any(pieces is None for pieces in every):
        return None
    runs = [[p for p in pieces or () if isinstance(p, ListBuffer)] for pieces in every]
    if not any(runs):
        return [x]
    first = next(run[0] for run in runs if run)
    rest = []
    for pieces in every:
        if not pieces or pieces[0] is not first or len(pieces) > 2:
            return None
        rest.append(pieces[1] if len(pieces) == 2 else "")
    if not all(isinstance(text, str) for text in rest):
        return None
    return [first, chosen_text(rest, x.which)]


def surely_some(text: str) -> bool:
    """Whether a text with marks has a letter in each run. UnsupportedError where that depends on
    what is in it."""
    (texts, hows), values = apart(text)
    if any(texts) or any(hows):
        return True
    if not all(isinstance(x, ChosenConstant | GrownText) for x in values):
        return True
    return any(isinstance(x, ChosenConstant) and all(map(_is_some, x.choices)) for x in values)


def _is_some(text: str) -> bool:
    return bool(text) and (not is_marked(text) or surely_some(text))


def part_that_tells(text: str) -> Any:
    """What says whether a text is empty that consists of texts of the run: how many items it has,
    or which one it is. UnsupportedError where these are several, or some may be empty."""
    _, values = apart(text)
    if len(values) > 1:
        _refuse_truth()
    (x,) = values
    if isinstance(x, ChosenConstant):
        return x
    kind = x.items.form[0][0]
    if x.between or not all(any(between[0]) or any(between[1]) for between in kind.texts):
        _refuse_truth()
    return dim_value(x.items.count)


def _refuse_truth() -> NoReturn:
    raise UnsupportedError(
        f"{where()}: whether a text is empty that the run puts together is asked: ask the number "
        "of its parts, or what they are made of"
    )
