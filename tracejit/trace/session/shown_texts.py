"""Texts in results with values of the run in them: put together when a call ends.

What a stored version gives back may be all that needs this module: it imports little.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tracejit import trees
from tracejit.ir.interpret.print_effect import formatted


class ShownText:
    """A text: texts, with values between them, and what a replacement field says of each value."""

    def __init__(self, between: tuple[Sequence[str], Sequence[str]], values: Sequence[Any]) -> None:
        self.between = between
        self.values = tuple(values)


def _text(between: tuple[Sequence[str], Sequence[str]], values: Sequence[Any]) -> Any:
    """The text that the caller gets; of what stands for values, another stand-in."""
    if any(type(x).__module__.startswith("tracejit.") for x in values):
        return ShownText(between, values)
    (first, *rest), hows = between
    rows = zip(hows, values, rest, strict=True)
    return first + "".join(formatted(f"{{0{how}}}", [x]) + text for how, x, text in rows)


trees.register(ShownText, lambda x: (x.values, x.between), _text)
