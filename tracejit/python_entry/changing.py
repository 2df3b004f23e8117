"""A row behind one that takes arguments apart (`unpacking.py`): its entry makes new items for the
caller's containers, which native code then gives them."""

from __future__ import annotations

import ctypes
from functools import cached_property
from typing import Any

from tracejit.python_entry import callable as native
from tracejit.records import dataclass

LIST, DICT, INSIDE, _ATTRIBUTE, RECORD, ENTRIES, _ATTRIBUTE_OF = 1, 2, 3, 4, 5, 6, 7


@dataclass(frozen=True)
class AttributeSet:
    """A part is an attribute of leaf ``number``, or of what is found from there by ``steps``; or of
    ``owner``."""

    number: int
    name: str
    owner: Any = None
    steps: tuple[str, ...] = ()


@dataclass(frozen=True)
class ListChanges:
    """What becomes of the parts that an entry returns.

    ``changes``: for each of the first parts (kind, container, one more than the leaf that is the
    container's array or 0), its new items, or the attribute that it is; ``result``: the words of
    what is returned; ``count``: how many containers are noted.
    """

    changes: tuple[tuple[int, int, int] | AttributeSet, ...]
    result: tuple[int, ...]
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
        words = [self.row.entry_address, self.row.env_address, len(found.changes), found.count]
        self._kept: list[Any] = []  # what words point to
        for change in found.changes:
            if isinstance(change, AttributeSet):
                self._kept.append(change)
                kind = _ATTRIBUTE if change.owner is None else _ATTRIBUTE_OF
                at = change.number if change.owner is None else id(change.owner)
                steps = (ctypes.c_int64 * (len(change.steps) + 1))(*map(id, change.steps), 0)
                self._kept.append(steps)
                words += (kind, at, id(change.name), ctypes.addressof(steps))
            else:
                unlike = native.many_symbols()["tj_unlike"] if change[2] else 0
                words += (*change, unlike)
        words += found.result
        self._env = (ctypes.c_int64 * len(words))(*words)
        return ctypes.addressof(self._env)
