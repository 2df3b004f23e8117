"""The numbers in a structured array where they lie: one array for each, with the strides of the
whole, so that what is written to a field is written in the caller's array.

Nothing here knows of traced values: a call with other arguments loads no more than this.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from tracejit.trace.values.record_layouts import RecordNumber, leaves_of

NDArray = np.ndarray[Any, Any]


class _Part:
    """One number of each record of an array, as NumPy's array interface; a view of it keeps this
    as its base, which says whose part it is."""

    __slots__ = ("__array_interface__", "leaf", "whole")

    def __init__(self, whole: NDArray, leaf: RecordNumber) -> None:
        self.whole, self.leaf = whole, leaf
        inner = np.dtype((leaf.dtype, leaf.shape)) if leaf.shape else leaf.dtype
        strides = np.empty((), inner).reshape(leaf.shape).strides if leaf.shape else ()
        self.__array_interface__ = {
            "data": (address(whole) + leaf.offset, not whole.flags.writeable),
            "shape": whole.shape + leaf.shape,
            "strides": whole.strides + strides,
            "typestr": leaf.dtype.str,
            "version": 3,
        }


def address(x: NDArray) -> int:
    """Where the first element lies."""
    found: int = x.ctypes.data  # the array interface of records would describe their dtype, too
    return found


def is_structured(x: Any) -> bool:
    """Whether ``x`` is an array of records as NumPy makes them."""
    return type(x) in (np.ndarray, np.recarray) and x.dtype.names is not None


def parts_of_array(x: NDArray) -> list[NDArray]:
    """A view of each number in the records, in order."""
    return [np.asarray(_Part(x, leaf)) for leaf in leaves_of(x.dtype)]


def _is_part(x: Any) -> bool:
    base: Any = getattr(x, "base", None)
    return type(x) is np.ndarray and type(base) is _Part


def are_apart(x: NDArray, y: NDArray) -> bool:
    """Whether two parts of structured arrays have no byte in common, though their bounds meet."""
    if not (_is_part(x) and _is_part(y)):
        return False
    try:
        work: Any = 1000
        return not np.shares_memory(x, y, max_work=work)
    except np.exceptions.TooHardError:
        return False


def interleaved_groups(leaves: Sequence[Any]) -> dict[int, int]:
    """By number, of every part of a structured array among the leaves of a call, the first one
    that lies among the same records."""
    found: dict[int, int] = {}
    for k, x in enumerate(leaves):
        if _is_part(x):
            found[k] = next((found[j] for j in found if _meet(leaves[j], x)), k)
    return found


def _meet(x: NDArray, y: NDArray) -> bool:
    return whole_of(x) is whole_of(y) or (np.may_share_memory(x, y) and are_apart(x, y))


_standing = threading.local()


def original(x: Any) -> Any:
    """The part of an argument that a copy stands for in the call under way; else ``x``."""
    return getattr(_standing, "copies", {}).get(id(x), x)


@contextmanager
def standing(copies: Mapping[int, NDArray]) -> Iterator[None]:
    """While results are made: the parts of arguments by the id of the copy that stands for each."""
    before = getattr(_standing, "copies", {})
    _standing.copies = copies
    try:
        yield
    finally:
        _standing.copies = before


def whole_of(x: Any) -> NDArray | None:
    """The structured array of which ``x`` is a part, or a view of one."""
    while isinstance(x, np.ndarray):
        x = x.base
    return x.whole if type(x) is _Part else None
