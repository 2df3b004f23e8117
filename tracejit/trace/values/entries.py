"""Dicts and sets that hold one thing while they are traced, which stands for all their entries.

A dict holds it under the key ``Entries``, a set as its one item; ``tables`` says what it is.
"""

from __future__ import annotations

from typing import Any

from tracejit.trace.session.tracer import Tracer
from tracejit.trees import Entries


class AllEntries(Tracer):
    """What stands for all entries."""

    __slots__ = ()

    def __hash__(self) -> int:
        """By identity: a set holds it as its item."""
        return object.__hash__(self)


def is_table(x: Any) -> bool:
    """Whether ``x`` is a dict or set of which the run decides the keys."""
    if isinstance(x, dict):
        return Entries in x
    return isinstance(x, set) and len(x) == 1 and isinstance(next(iter(x)), AllEntries)


def table_in(contents: Any) -> Any:
    """What stands for the entries of such a dict or set."""
    if isinstance(contents, dict):
        return dict.__getitem__(contents, Entries)
    return next(iter(contents))


def put_table(x: Any, table: AllEntries) -> None:
    """Other entries for a dict or set (which a loop or branch under way must know to change)."""
    x.clear()
    if isinstance(x, set):
        x.add(table)
    else:
        x[Entries] = table
