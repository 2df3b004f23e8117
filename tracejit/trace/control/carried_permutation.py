"""Loops that permute array names: after a few iterations each is where it was."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tracejit.trace.control.choices import binding
from tracejit.trace.values.all import Array

_CYCLE_LIMIT = 4


class Swapped(Exception):  # noqa: N818
    """Array names are permuted by each iteration; after ``cycle`` they are where they were."""

    def __init__(self, cycle: int) -> None:
        super().__init__(cycle)
        self.cycle = cycle


def find_swap(entry: Sequence[Any], end: Sequence[Any]) -> int:
    """Length of the permutation of array bindings from entry to end (1: none)."""
    before = {binding(x): k for k, x in enumerate(entry) if isinstance(x, Array)}
    moves: dict[int, int] = {}
    for k, x in enumerate(end):
        if isinstance(x, Array) and isinstance(entry[k], Array):
            source = before.get(binding(x))
            if source is not None and source != k:
                moves[k] = source
    if not moves or set(moves) != set(moves.values()):
        return 1
    order, at = 1, dict(moves)
    while any(k != v for k, v in at.items()) and order <= _CYCLE_LIMIT:
        at = {k: moves[v] for k, v in at.items()}
        order += 1
    return order if order <= _CYCLE_LIMIT else 1
