"""Lists of many numbers as arguments, and lists of such lists: an array or two each for native
code, not an argument per number.

In the trace such a list is one of which the run decides how long it is. Where the program does
something with it that such lists cannot do, lists in it are arguments of their own after all, and
then each number.
"""

from __future__ import annotations

from enum import IntEnum
from itertools import chain
from typing import Any

import numpy as np

from tracejit import trees
from tracejit.abi.packing import as_array, as_nested, as_rows


class Packing(IntEnum):
    """What is packed."""

    NOTHING, LISTS, LISTS_OF_LISTS = range(3)


def packed(call: Any, packing: Packing) -> tuple[Any, frozenset[int]]:
    """(args, kwargs) with such lists as ``trees.Numbers``, ``Rows`` or ``Nested``, itself where
    there are none; and which lists these are, by identity. One that is in several places is none at
    all but in the first: the arrangement of the call says where else it is."""
    if packing == Packing.NOTHING:
        return call, frozenset()
    found: dict[int, Any] = {}
    rows: list[list[Any]] = []

    def pack(x: Any) -> Any:
        if type(x) is not list or not x:
            return x
        if id(x) in found:
            return _empty(found[id(x)])
        new: Any = None
        if type(x[0]) is not list:
            array = as_array(x)
            new = None if array is None else trees.Numbers(array)
        elif packing == Packing.LISTS_OF_LISTS:
            new = _of_lists(x)
        if new is None:
            return x
        found[id(x)] = new
        if type(new) is not trees.Numbers:
            rows.append(x)
        return new

    try:
        seen = trees.map_containers(pack, call)
    except RecursionError:  # a list holds itself
        return call, frozenset()
    if rows and not _are_apart(call, rows):
        return packed(call, Packing.LISTS)
    return seen, frozenset(found)


def _of_lists(x: list[Any]) -> Any:
    """A list of lists of numbers, at any depth; None of anything else."""
    rows = as_rows(x)
    if rows is not None:
        return trees.Rows(*rows)
    levels = as_nested(x) if type(x[0]) is list and x[0] and type(x[0][0]) is list else None
    return None if levels is None else trees.Nested(*levels)


def packed_leaves(treedef: Any) -> set[int]:
    """The numbers of the leaves that stand for lists, in what ``packed`` gave."""
    found: set[int] = set()

    def note(x: Any) -> Any:
        if isinstance(x, trees.Numbers):
            found.add(x.array)
        if isinstance(x, trees.Rows):
            found.update((x.array, x.counts))
        if isinstance(x, trees.Nested):
            found.update((x.array, *x.counts))
        return x

    trees.map_containers(note, trees.unflatten(treedef, range(treedef.num_leaves)))
    return found


def _empty(x: Any) -> Any:
    nothing = np.empty(0)
    if type(x) is trees.Nested:
        return trees.Nested(nothing, *(nothing for _ in x.counts))
    return trees.Rows(nothing, nothing) if type(x) is trees.Rows else trees.Numbers(nothing)


def _are_apart(call: Any, rows: list[list[Any]]) -> bool:
    """Whether the lists in some lists are in no other place of a call."""
    inner: set[int] = set()
    lists = list(chain.from_iterable(rows))
    while lists:
        known = len(inner)
        inner.update(map(id, lists))
        if len(inner) != known + len(lists):
            return False
        lists = [x for y in lists if y and type(y[0]) is list for x in y]
    packed = set(map(id, rows))

    def others(x: Any) -> bool:
        if type(x) in (int, float, bool, complex):
            return False
        if type(x) is list and id(x) in inner:
            return True
        parts = None if id(x) in packed else trees.parts_of(x)
        return parts is not None and any(map(others, parts.values()))

    try:
        return not others(call)
    except RecursionError:  # an object holds itself
        return False
