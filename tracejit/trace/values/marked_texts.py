"""Texts made while tracing that have values of the run in them: what is between and what is shown.

Of several such texts the run may choose one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from tracejit.errors import UnsupportedError
from tracejit.ir.core import Value
from tracejit.ir.extent import Extent
from tracejit.trace.session.concretize import DeferredText, mark, shown_later, split_marks
from tracejit.trace.session.marks import MARK
from tracejit.trace.session.session import current, where
from tracejit.trace.session.tracer import Tracer
from tracejit.trace.values.chosen_constants import ChosenConstant
from tracejit.trace.values.scalars import python_int

#: Of a text what is between its values, and what a replacement field says of each.
Between: TypeAlias = tuple[tuple[str, ...], tuple[str, ...]]


class ChosenText(ChosenConstant):
    """One of several texts, some of which have values of the run in them."""

    __slots__ = ()


def is_marked(x: Any) -> bool:
    """Whether it is a text with values of the run in it, in some runs or in all."""
    return isinstance(x, ChosenText) or (type(x) in (str, DeferredText) and MARK in x)


def has_marks(x: Any) -> bool:
    """Whether such a text is among these."""
    if isinstance(x, list | tuple | dict | set):
        return any(map(has_marks, x.values() if isinstance(x, dict) else x))
    return is_marked(x)


def is_text(x: Any) -> bool:
    """Whether it is a text, of whatever kind."""
    return type(x) is str or is_marked(x) or (
        isinstance(x, ChosenConstant) and type(x.choices[0]) is str
    )  # fmt: skip


def apart(text: str) -> tuple[Between, tuple[Any, ...]]:
    """What is between the values of a text, and the values."""
    parts = split_marks(text)
    shown = parts[1::2]
    values = tuple(
        python_int(current().b.index(x)) if isinstance(x, Extent) else x for x, _ in shown
    )
    return (tuple(parts[::2]), tuple(how for _, how in shown)), values


def together(between: Between, values: Sequence[Any]) -> str:
    """The text of these values."""
    first, *rest = between[0]
    rows = zip(values, between[1], rest, strict=True)
    return first + "".join(
        mark(as_value(x) if isinstance(x, str) else x, how) + text for x, how, text in rows
    )


def chosen_text(
    texts: Sequence[str], which: Value, *, carried: bool = False
) -> str | ChosenConstant:
    """``texts[which]``."""
    if len(texts) == 1:
        return texts[0]
    kind = ChosenText if any(MARK in x for x in texts) else ChosenConstant
    return kind(texts, which, carried=carried)


def must_be_unmarked(values: Sequence[Any], what: str) -> None:
    """UnsupportedError where a text or slice among these has values of the run in it."""
    for x in values:
        if isinstance(x, slice) and any(isinstance(v, Tracer) for v in (x.start, x.stop, x.step)):
            raise UnsupportedError(
                f"{where()}: a slice of traced values is {what}: return where it starts and ends"
            )
    if any(map(is_marked, values)):
        raise UnsupportedError(
            f"{where()}: a text made from a traced value is {what}: return the value, and make "
            "the text of that"
        )


def as_value(text: str) -> ChosenText:
    """A text with marks as a value that another text shows."""
    return ChosenText((text,), current().b.const(0, "i64"))


def texts_of(x: Any) -> dict[Between, tuple[Any, ...]]:
    """The texts that one may be, each with its values."""
    return dict(map(apart, x.choices if isinstance(x, ChosenConstant) else (x,)))


def place_of_text(x: Any, places: Sequence[Between]) -> Value:
    """Which of these texts it is."""
    b = current().b
    if not isinstance(x, ChosenConstant):
        return b.const(places.index(apart(x)[0]), "i64")
    found = [places.index(apart(text)[0]) for text in x.choices]
    if found == list(range(len(found))):
        return x.which
    *most, place = (b.const(k, "i64") for k in found)
    for flag, other in zip(reversed(x.flags), reversed(most), strict=True):
        place = b.op("select", flag, other, place)
    return place


def as_text(x: Any) -> str:
    """A text, with a mark for one that the run chooses."""
    return shown_later(x, "") if isinstance(x, ChosenConstant) else x
