"""The recursions that an interpreter is in: what `recur` runs again, and on which outer values."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tracejit.ir.core import Instr

#: Calls of Python's, several for one of the program.
_DEEP = 50_000


class _Recursions(threading.local):
    def __init__(self) -> None:
        self.stack: list[tuple[Instr, Sequence[Any]]] = []


_here = _Recursions()


@contextmanager
def under_way(instr: Instr, outer: Sequence[Any]) -> Iterator[None]:
    """While the body of a `recursion` runs: Python's own calls may be as deep as native ones."""
    before = sys.getrecursionlimit()
    if not _here.stack:
        sys.setrecursionlimit(max(before, _DEEP))
    _here.stack.append((instr, outer))
    try:
        yield
    finally:
        _here.stack.pop()
        sys.setrecursionlimit(before)


def innermost() -> tuple[Instr, Sequence[Any]]:
    """The `recursion` that a `recur` stands in, and the outer values of its body."""
    return _here.stack[-1]
