"""Structured arrays as arguments and results: taken apart into numbers, put together of them.

What leaves the trace is the caller's array or a view of it where all parts are that, otherwise a
new array. Fields that compiled code has no dtype for (texts, objects, dates) stay where they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tracejit import trees
from tracejit.errors import UnsupportedError
from tracejit.trace.session.registry import CLASS_SEEN
from tracejit.trace.values.all import Array, Cell
from tracejit.trace.values.record_layouts import RecordLayout, has_others, leaves_of, within
from tracejit.trace.values.structured_arrays import StructuredArray
from tracejit.trace.values.structured_memory import (
    NDArray,
    address,
    is_structured,
    original,
    parts_of_array,
    whole_of,
)


def taken_apart(leaves: list[Any], treedef: Any) -> tuple[list[Any], Any]:
    """The leaves of a call and its structure with every structured array as its parts."""
    return trees.flatten(trees.unflatten(treedef, list(map(_apart, leaves))))


def _apart(x: Any) -> Any:
    if not is_structured(x):
        return x
    leaves = leaves_of(x.dtype)
    if not leaves:
        return x
    layout = RecordLayout(x.dtype, x.ndim, False, type(x) is np.recarray)
    return StructuredArray(parts_of_array(x), layout)


def together(layout: RecordLayout, parts: Sequence[Any]) -> Any:
    """The array that the caller gets; of traced parts, a traced one."""
    if not all(type(x) is np.ndarray or isinstance(x, np.generic) for x in parts):
        return StructuredArray(parts, layout)
    found = _view(list(map(original, parts)), layout)
    if found is None:
        found = _new([np.asarray(x) for x in parts], layout)
    if layout.has_attributes and type(found) is np.ndarray:
        found = found.view(np.recarray)
    return found[()] if layout.is_record else found


def _new(parts: Sequence[NDArray], layout: RecordLayout) -> NDArray:
    if has_others(layout.dtype):
        raise UnsupportedError(
            f"a new array of dtype {layout.dtype} is returned, of which compiled code has the "
            "numbers only: return the fields, or x[['a', 'b']]"
        )
    found = np.zeros(parts[0].shape[: layout.rank], layout.dtype)
    for x, leaf in zip(parts, leaves_of(layout.dtype), strict=True):
        within(found, leaf.path)[...] = x
    return found


def _view(parts: Sequence[Any], layout: RecordLayout) -> NDArray | None:
    """The caller's array, or a view of it, where the parts are that; None otherwise."""
    leaves = leaves_of(layout.dtype)
    wholes = [whole_of(x) for x in parts]
    first = wholes[0]
    if first is None or any(w is not first for w in wholes):
        return None
    start = address(parts[0]) - leaves[0].offset
    rank = layout.rank
    strides = parts[0].strides[:rank]
    for x, leaf in zip(parts, leaves, strict=True):
        if x.strides[:rank] != strides or address(x) != start + leaf.offset:
            return None
    shape = parts[0].shape[:rank]
    place = (address(first), first.shape, first.strides, first.dtype)
    if place == (start, shape, strides, layout.dtype):
        return first
    window = _Window(first, start, shape, strides, layout.dtype.itemsize)
    return np.asarray(window).view(layout.dtype)


class _Window:
    """A view of an array from an address on, as NumPy's array interface."""

    def __init__(
        self,
        whole: NDArray,
        start: int,
        shape: tuple[int, ...],
        strides: tuple[int, ...],
        itemsize: int,
    ) -> None:
        self.whole = whole
        self.__array_interface__ = {
            "data": (start, not whole.flags.writeable),
            "shape": shape,
            "strides": strides,
            "typestr": f"|V{itemsize}",
            "version": 3,
        }


trees.register(StructuredArray, lambda x: (x.parts, x.layout), together)
CLASS_SEEN[StructuredArray] = lambda x: (
    np.void if x.layout.is_record else np.recarray if x.layout.has_attributes else np.ndarray
)


def must_stand_alone(structured: Sequence[StructuredArray], arrays: Sequence[Array]) -> None:
    """UnsupportedError where results would share memory that is put together of parts made here."""
    parts = {id(x) for s in structured for x in s.parts}
    owners: dict[int, set[int]] = {}
    for s in {id(s): s for s in structured}.values():
        for x in s.parts:
            if isinstance(x.cell, Cell) and x.cell.arg is None:
                owners.setdefault(id(x.cell), set()).add(id(s))
    for x in arrays:
        if id(x) not in parts and id(x.cell) in owners:
            owners[id(x.cell)].add(id(x))
    if any(len(those) > 1 for those in owners.values()):
        raise UnsupportedError(
            "two results share the memory of a structured array that the function makes: return "
            "one of them, or a copy of the other"
        )
