"""Texts as items of a list whose length the run decides: which of some each is, and the values in
it, which are numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.ir.types import TensorType, dtype_of
from tracejit.trace.session.registry import LIST_TEXTS
from tracejit.trace.session.session import current
from tracejit.trace.values.chosen_constants import MOST_CHOICES
from tracejit.trace.values.list_kinds import Kind, by_part, is_part, joined, kind_of
from tracejit.trace.values.marked_texts import (
    Between,
    chosen_text,
    place_of_text,
    texts_of,
    together,
)

_WHICH = dtype_of("i64")
TEXT: Any = "text"


class TextKind(Kind):
    """A text: its place among ``texts``, each with the kinds of its values. One column for the
    place, then those of the values of each text."""

    __slots__ = ("texts",)

    def __init__(self, texts: Iterable[tuple[Between, Sequence[Kind]]]) -> None:
        self.texts = {between: tuple(kinds) for between, kinds in texts}
        self.kinds, self.dtype, self.shape = (TEXT,), _WHICH, ()
        self.row, self.lists = False, None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TextKind):
            return NotImplemented if not isinstance(other, Kind) else False
        return list(self.texts.items()) == list(other.texts.items())

    def __hash__(self) -> int:
        return hash(tuple(self.texts))

    @property
    def values_in(self) -> list[Kind]:
        """The kinds of the values of all texts."""
        return [kind for kinds in self.texts.values() for kind in kinds]

    @property
    def width(self) -> int:
        return 1 + sum(kind.width for kind in self.values_in)

    def types(self, shape: tuple[Dim, ...]) -> list[TensorType]:
        found = [TensorType(_WHICH, shape)]
        return found + [t for kind in self.values_in for t in kind.types(shape)]

    def values(self, x: Any) -> list[Value]:
        held = texts_of(x)
        found = [place_of_text(x, list(self.texts))]
        for between, kinds in self.texts.items():
            if between in held:
                pairs = zip(kinds, held[between], strict=True)
                found += [v for kind, value in pairs for v in kind.values(value)]
            else:
                types = [t for kind in kinds for t in kind.types(())]
                found += [current().b.const(0, t.dtype) for t in types]
        return found

    def can_hold(self, numbers: Sequence[Any]) -> bool:
        return not numbers

    def constants(self, numbers: Sequence[Any]) -> list[Value]:
        assert not numbers
        return [current().b.const(np.zeros(0, t.dtype), t.dtype) for t in self.types((0,))]

    def part(self, values: Sequence[Value]) -> Any:
        made = []
        for between, rows in self.by_text(values[1:]):
            made.append(together(between, [kind.part(mine) for kind, mine in rows]))
        return chosen_text(made, values[0])

    def by_text(
        self, columns: Sequence[Value]
    ) -> Iterable[tuple[Between, list[tuple[Kind, list[Value]]]]]:
        """Each text, with the kinds and columns of its values."""
        rest = list(by_part(self.values_in, columns))
        for between, kinds in self.texts.items():
            yield between, rest[: len(kinds)]
            del rest[: len(kinds)]

    def converted(
        self, columns: Sequence[Value], kind: Kind, count: Dim, live: Value | None = None
    ) -> list[Value]:
        if kind == self:
            return list(columns)
        assert isinstance(kind, TextKind)
        b, which = current().b, columns[0]
        places = list(kind.texts)
        held = dict(self.by_text(columns[1:]))
        found = [b.full(0, which.tensor)]
        for k, between in enumerate(self.texts):
            is_it = b.op("eq", which, b.full(k, which.tensor))
            place = b.full(places.index(between), which.tensor)
            found[0] = b.op("select", is_it, place, found[0])
        for between, kinds in kind.texts.items():
            if between in held:
                for (mine, values), new in zip(held[between], kinds, strict=True):
                    found += mine.converted(values, new, count, live)
            else:
                types = [t for new in kinds for t in new.types(which.shape)]
                found += [b.full(0, t) for t in types]
        return found


def _kind(x: Any) -> TextKind | None:
    """What holds a text; None where it shows what is no number."""
    held = texts_of(x)
    if not all(_is_number(value) for values in held.values() for value in values):
        return None
    return TextKind((between, list(map(kind_of, values))) for between, values in held.items())


def _is_number(x: Any) -> bool:
    return is_part(x) and not isinstance(x, list) and kind_of(x).shape is None


def _joined(a: Kind, b: Kind) -> Kind | None:
    """What holds texts of either kind."""
    if not (isinstance(a, TextKind) and isinstance(b, TextKind)):
        return None
    found = dict(a.texts)
    for between, kinds in b.texts.items():
        met = list(map(joined, found[between], kinds)) if between in found else list(kinds)
        if None in met:
            return None
        found[between] = tuple(kind for kind in met if kind is not None)
    return TextKind(found.items()) if len(found) <= MOST_CHOICES else None


LIST_TEXTS.update(kind=_kind, joined=_joined)
