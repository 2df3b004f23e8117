"""Places of the program in what people read."""

from __future__ import annotations

from collections.abc import Sequence

from tracejit.ir.core import Loc


def at(places: Sequence[Loc | None]) -> str:
    """`` (model.py, lines 3, 4)``; empty where nothing is known."""
    known = [p for p in places if p is not None]
    if not known:
        return ""
    numbers = sorted({p.line for p in known})
    word = "line" if len(numbers) == 1 else "lines"
    return f" ({known[0].filename.rpartition('/')[2]}, {word} {', '.join(map(str, numbers))})"
