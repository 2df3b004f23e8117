"""Texts, slices and ranges in results with values of the run in them: made when a call ends.

What a stored version gives back may be all that needs this module: it imports little.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tracejit import trees
from tracejit.ir.interpret.print_effect import MESSAGE, QUOTED, formatted
from tracejit.records import dataclass


@dataclass(frozen=True)
class TextOfValues:
    """Makes a text of its values."""

    between: tuple[tuple[str, ...], tuple[str, ...]]

    @property
    def plain(self) -> bool:
        """Whether Python's ``format`` shows the values so."""
        return {f":{MESSAGE}", f":{QUOTED}"}.isdisjoint(self.between[1])

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


trees.register(SliceBounds, lambda x: (x.values, x.kind), _bounds)
