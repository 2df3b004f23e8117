"""Texts, slices and ranges in results with values of the run in them: made when a call ends.

What a stored version gives back may be all that needs this module: it imports little.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tracejit import trees
from tracejit.ir.interpret.print_effect import formatted
from tracejit.records import dataclass


class ShownText:
    """A text: texts, with values between them, and what a replacement field says of each value."""

    def __init__(
        self, between: tuple[tuple[str, ...], tuple[str, ...]], values: Sequence[Any]
    ) -> None:
        self.between = between
        self.values = tuple(values)


@dataclass(frozen=True)
class TextMaker:
    """Makes a text of its values."""

    between: tuple[tuple[str, ...], tuple[str, ...]]

    def __call__(self, *values: Any) -> str:
        (first, *rest), hows = self.between
        rows = zip(hows, values, rest, strict=True)
        return first + "".join(formatted(f"{{0{how}}}", [x]) + text for how, x, text in rows)


class SliceBounds:
    """A slice or range of values of the run."""

    def __init__(self, kind: type, values: Sequence[Any]) -> None:
        self.kind = kind
        self.values = tuple(values)


def _stands_in(values: Sequence[Any]) -> bool:
    return any(type(x).__module__.startswith("tracejit.") for x in values)


def _bounds(kind: type, values: Sequence[Any]) -> Any:
    """The slice or range that the caller gets; of what stands for values, another stand-in."""
    return SliceBounds(kind, values) if _stands_in(values) else kind(*values)


def _text(between: tuple[tuple[str, ...], tuple[str, ...]], values: Sequence[Any]) -> Any:
    """The text that the caller gets; of what stands for values, another stand-in."""
    if _stands_in(values):
        return ShownText(between, values)
    return TextMaker(between)(*values)


trees.register(ShownText, lambda x: (x.values, x.between), _text)
trees.register(SliceBounds, lambda x: (x.values, x.kind), _bounds)


class JoinedText:
    """A text: the items of a list with ``between`` between them; ``backwards``: the last first."""

    def __init__(self, items: list[Any], between: str, *, backwards: bool) -> None:
        self.items = items
        self.how = between, backwards


def _joined(how: tuple[str, bool], parts: Any) -> Any:
    """As ``_text``."""
    between, backwards = how
    (items,) = parts
    if len(items) == 1 and isinstance(items[0], trees.Run):
        return between.join(reversed(items[0]) if backwards else items[0])
    return JoinedText(items, between, backwards=backwards)


trees.register(JoinedText, lambda x: ((x.items,), x.how), _joined)
