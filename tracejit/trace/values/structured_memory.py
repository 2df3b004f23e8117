"""Structured arrays as arguments and results: taken apart into numbers, put together of them.

A structured array that is passed is taken apart into its fields, each with the strides of the
whole, so that what is written to a field is written in the caller's array. What leaves the trace is
put together: the caller's array or a view of it where all fields are that, otherwise a new array.
Fields that compiled code has no dtype for (texts, objects, dates) stay where they are.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import numpy as np

from tracejit import trees
from tracejit.trace.values.record_layouts import RecordLayout, RecordNumber, leaves_of, within

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


def taken_apart(leaves: list[Any], treedef: Any) -> tuple[list[Any], Any]:
    """The leaves of a call and its structure with every structured array as its parts."""
    if not any(map(is_structured, leaves)):
        return leaves, treedef
    return trees.flatten(trees.unflatten(treedef, list(map(_apart, leaves))))


def is_structured(x: Any) -> bool:
    """Whether ``x`` is an array of records as NumPy makes them."""
    return type(x) in (np.ndarray, np.recarray) and x.dtype.names is not None


def _traced_class() -> Any:
    """``StructuredArray``: the tracer comes with it, which no other call needs."""
    return import_module("tracejit.trace.values.structured_results").StructuredArray


def _apart(x: Any) -> Any:
    if not is_structured(x):
        return x
    leaves = leaves_of(x.dtype)
    if not leaves:
        return x
    layout = RecordLayout(x.dtype, x.ndim, False, type(x) is np.recarray)
    return _traced_class()(parts_of_array(x), layout)


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
    return _whole(x) is _whole(y) or (np.may_share_memory(x, y) and are_apart(x, y))


_standing = threading.local()


@contextmanager
def standing(copies: Mapping[int, NDArray]) -> Iterator[None]:
    """While results are made: the parts of arguments by the id of the copy that stands for each."""
    before = getattr(_standing, "copies", {})
    _standing.copies = copies
    try:
        yield
    finally:
        _standing.copies = before


def together(layout: RecordLayout, parts: Sequence[Any]) -> Any:
    """The array that the caller gets; of traced parts, a traced one."""
    if not all(type(x) is np.ndarray or isinstance(x, np.generic) for x in parts):
        return _traced_class()(parts, layout)
    copies = getattr(_standing, "copies", {})
    found = _view([copies.get(id(x), x) for x in parts], layout)
    if found is None:
        found = _new([np.asarray(x) for x in parts], layout)
    if layout.has_attributes and type(found) is np.ndarray:
        found = found.view(np.recarray)
    return found[()] if layout.is_record else found


def _new(parts: Sequence[NDArray], layout: RecordLayout) -> NDArray:
    found = np.zeros(parts[0].shape[: layout.rank], layout.dtype)
    for x, leaf in zip(parts, leaves_of(layout.dtype), strict=True):
        within(found, leaf.path)[...] = x
    return found


def _view(parts: Sequence[Any], layout: RecordLayout) -> NDArray | None:
    """The caller's array, or a view of it, where the parts are that; None otherwise."""
    leaves = leaves_of(layout.dtype)
    wholes = [_whole(x) for x in parts]
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


def _whole(x: Any) -> NDArray | None:
    while isinstance(x, np.ndarray):
        x = x.base
    return x.whole if type(x) is _Part else None
