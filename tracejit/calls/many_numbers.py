"""Lists of many numbers as arguments: one array each for native code, not an argument per number.

In the trace such a list is one of which the run decides how long it is. Where the program does
something with it that such lists cannot do, each number is an argument of its own after all.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tracejit import trees

#: Shorter lists decide structure more often, as shapes and axes do.
MANY = 64


def packed(call: Any) -> tuple[Any, frozenset[int]]:
    """(args, kwargs) with such lists as ``trees.Numbers``, itself where there are none; and which
    lists these are, by identity. One that is in several places is none at all but in the first:
    the arrangement of the call says where else it is."""
    found: set[int] = set()

    def pack(x: Any) -> Any:
        if type(x) is not list or len(x) < MANY:
            return x
        if id(x) in found:
            return trees.Numbers(np.empty(0))
        array = _as_array(x)
        if array is None:
            return x
        found.add(id(x))
        return trees.Numbers(array)

    try:
        return trees.map_containers(pack, call), frozenset(found)
    except RecursionError:  # a list holds itself
        return call, frozenset()


def packed_leaves(treedef: Any) -> set[int]:
    """The numbers of the leaves that stand for lists, in what ``packed`` gave."""
    found: set[int] = set()

    def note(x: Any) -> Any:
        if isinstance(x, trees.Numbers):
            found.add(x.array)
        return x

    trees.map_containers(note, trees.unflatten(treedef, range(treedef.num_leaves)))
    return found


def _as_array(x: list[Any]) -> np.ndarray[Any, Any] | None:
    kinds = set(map(type, x))
    if kinds == {float}:
        return np.array(x, np.float64)
    if kinds == {int}:
        try:
            return np.array(x, np.int64)
        except OverflowError:
            return None
    return None
