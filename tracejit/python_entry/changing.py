"""A row behind one that takes arguments apart (`unpacking.py`): its entry makes new items for the
caller's containers, which native code then gives them."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from tracejit.python_entry import callable as native
from tracejit.records import dataclass

LIST, DICT, INSIDE = 1, 2, 3


@dataclass(frozen=True)
class ListChanges:
    """What becomes of a list of parts that an entry returns.

    ``changes``: (kind, container) for each of the first parts, its new items; ``result``: (whether
    it is a container, number) of the object that is returned, or of those in a tuple. ``count``:
    how many containers are noted.
    """

    changes: tuple[tuple[int, int], ...]
    result: tuple[tuple[bool, int], ...]
    is_tuple: bool
    count: int


class Changing:
    """``row``: an entry that returns parts; ``portable``: what does all of it in Python."""

    def __init__(self, row: Any, portable: Any, changes: ListChanges) -> None:
        self.row = row
        self.portable = portable
        self.changes = changes

    @property
    def entry_address(self) -> int:
        return native.boxing_symbols()["tj_change"]

    @cached_property
    def env_address(self) -> int:
        found = self.changes
        objects = len(found.result) if found.is_tuple else -1
        words = [self.row.entry_address, self.row.env_address, len(found.changes), objects]
        words += [found.count, *_flat(found.changes), *_flat(found.result)]
        self._env = (ctypes.c_int64 * len(words))(*words)
        return ctypes.addressof(self._env)


def _flat(pairs: Sequence[tuple[int, int]]) -> list[int]:
    return [int(word) for pair in pairs for word in pair]
