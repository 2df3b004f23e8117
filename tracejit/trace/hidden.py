"""Arrays found in globals, closures and attributes: hidden arguments, read afresh at each call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tracejit.ir.types import TensorType, dtype_of
from tracejit.trace.exporters import plain_array, refused
from tracejit.trace.packing import packing_of
from tracejit.trace.session import current, where
from tracejit.trace.values import Array, Cell


@dataclass(eq=False)
class Hidden:
    """One hidden array: how to fetch it now, and its traced form.

    ``held``: how to fetch what the program has, where that is no plain array but a memory map.
    """

    getter: Callable[[], Any]
    array: np.ndarray[Any, Any]
    cell: Cell
    held: Callable[[], Any] | None = None


def hidden_array(array: np.ndarray[Any, Any], getter: Callable[[], Any] | None = None) -> Array:
    """The traced form of a real array or memory map; the same object gives the same cell.

    UnsupportedTypeError for arrays of other classes.
    """
    session = current()
    if id(array) in session.beside:
        traced: Array = session.beside[id(array)][1]
        return traced
    found = session.hidden.get(id(array))
    if found is None:
        found = _new(array, getter or (lambda: array))
        session.hidden[id(array)] = found
    return Array(found.cell)


def _new(found: np.ndarray[Any, Any], getter: Callable[[], Any]) -> Hidden:
    session = current()
    array = plain_array(found)
    if array is None:
        error = refused(found, "x", f"{where()}: ")
        assert error is not None
        raise error
    root = session.frames[0].builder
    number = len(session.hidden)
    param = root.param(TensorType(dtype_of(array.dtype), array.shape), f"hidden{number}")
    order = order_of(array)
    cell = Cell(
        param,
        order,
        writeable=bool(array.flags.writeable),
        strided=order is None,
        packing=packing_of(array) if order is None else None,
    )
    cell.depth = 0
    cell.arg = session.first_hidden + number
    if array is found:
        return Hidden(getter, array, cell)
    return Hidden(lambda: plain_array(getter()), array, cell, getter)


def order_of(array: np.ndarray[Any, Any]) -> tuple[int, ...] | None:
    """Axes from slowest to fastest for dense arrays, else None."""
    if array.flags.c_contiguous:
        return tuple(range(array.ndim))
    if array.flags.f_contiguous:
        return tuple(reversed(range(array.ndim)))
    return None
