"""Arrays found in globals, closures and attributes: hidden arguments, read afresh at each call.

So are numbers of which the dispatcher has seen that they change (``Session.run_time_globals``)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tracejit.device_arrays import is_cupy_array, stand_in
from tracejit.dtypes import is_numeric
from tracejit.errors import UnsupportedTypeError
from tracejit.ir.arguments import ArrayArg, ScalarArg, number_arg
from tracejit.ir.core import Value
from tracejit.ir.types import TensorType, dtype_of
from tracejit.records import dataclass
from tracejit.trace.session.session import current, where
from tracejit.trace.session.stride_classes import array_arg, is_native
from tracejit.trace.values.all import Array, Cell, PyScalar, Scalar
from tracejit.trace.values.exporters import plain_array, refused
from tracejit.trace.values.maybe_unbound import MaybeNone


@dataclass(eq=False)
class CapturedArray:
    """One hidden array: how to fetch it now, its traced form, and what the program calls it.

    ``array``: the one that is traced, while that goes on. ``held``: how to fetch what the program
    has, where that is no plain array but a memory map or an array on a GPU.
    """

    getter: Callable[[], Any]
    arg: ArrayArg
    cell: Cell
    array: np.ndarray[Any, Any] | None
    name: str
    held: Callable[[], Any] | None = None


@dataclass(frozen=True, eq=False)
class MemoryOf:
    """The plain array over the memory of what ``getter`` finds."""

    getter: Callable[[], Any]

    def __call__(self) -> Any:
        return _memory(self.getter())


@dataclass(eq=False)
class CapturedNumber:
    """One hidden number: how to fetch it now, what it is, and what the program calls it."""

    getter: Callable[[], Any]
    arg: ScalarArg
    traced: PyScalar | Scalar
    name: str


def hidden_number(
    value: Any, getter: Callable[[], Any], name: str, owner: Any
) -> PyScalar | Scalar:
    """The traced form of a number; one place, a name in what holds it, gives one parameter."""
    session = current()
    place = (id(owner), name)
    found = session.hidden.get(place)
    if found is None:
        arg = number_arg(value)
        assert arg is not None, value
        hidden = f"hidden{len(session.hidden)}"
        param = session.frames[0].builder.param(TensorType(arg.dtype, ()), hidden)
        traced = Scalar(param) if arg.kind is None else PyScalar(arg.kind, param)
        found = session.hidden[place] = CapturedNumber(getter, arg, traced, name)
    result: PyScalar | Scalar = found.traced
    return result


def hidden_array(
    array: np.ndarray[Any, Any],
    getter: Callable[[], Any] | None = None,
    name: str = "an array outside",
) -> Array:
    """The traced form of a real array, memory map or cupy array; one object gives one cell.

    UnsupportedTypeError for arrays of other classes.
    """
    session = current()
    if id(array) in session.overlapping_globals:
        traced: Array = session.overlapping_globals[id(array)][1]
        return traced
    found = session.hidden.get(id(array))
    if found is None:
        found = _new(array, getter or session.outside.way_to(array), name)
        session.hidden[id(array)] = found
    return Array(found.cell)


def seen(x: Any) -> Any:
    """``x`` where it is used; an array that tracing came upon in a container as its traced form, so
    that what is computed of it is computed in each call; not None where it may be."""
    if isinstance(x, MaybeNone):
        return x.some()
    return hidden_array(x) if is_numbers(x) else x


def is_numbers(x: Any) -> bool:
    """Whether ``x`` is an array of numbers that is read where it is used: NumPy's, or cupy's."""
    return (isinstance(x, np.ndarray) or is_cupy_array(x)) and is_numeric(x.dtype)


def _memory(x: Any) -> np.ndarray[Any, Any] | None:
    """The plain array over the memory of what was found; see ``exporters.plain_array``."""
    return stand_in(x) if is_cupy_array(x) else plain_array(x)


def seen_or_none(x: Any) -> Any:
    """``seen`` for code that asks itself whether there is a value."""
    return x if isinstance(x, MaybeNone) else seen(x)


def seen_inside(x: Any) -> Any:
    """``seen``, also of what is in lists and tuples."""
    if type(x) in (list, tuple) and any(isinstance(i, np.ndarray | list | tuple) for i in x):
        return type(x)(map(seen_inside, x))
    return seen(x)


def _new(found: np.ndarray[Any, Any], getter: Callable[[], Any], name: str) -> CapturedArray:
    session = current()
    array = _memory(found)
    if array is None:
        error = refused(found, "x", f"{where()}: ")
        assert error is not None
        raise error
    if not is_native(array):
        what = "misaligned" if array.dtype.isnative else "byte-swapped"
        raise UnsupportedTypeError(
            f"{where()}: a {what} array was found outside of the function, which compiled code "
            "reads as an argument only: pass it as one, or make it "
            f"numpy.array(x, dtype={array.dtype.name!r})"
        )
    root = session.frames[0].builder
    number = len(session.hidden)
    param = root.param(TensorType(dtype_of(array.dtype), array.shape), f"hidden{number}")
    arg = array_arg(array, array.dtype)
    cell = argument_cell(param, arg, session.first_hidden + number)
    cell.depth = 0
    if array is found:
        return CapturedArray(getter, arg, cell, array, name)
    return CapturedArray(MemoryOf(getter), arg, cell, array, name, getter)


def argument_cell(param: Value, arg: ArrayArg, number: int) -> Cell:
    """The storage that argument array ``number`` is."""
    order = tuple(reversed(range(arg.rank))) if arg.layout == "F" else None
    strided = arg.layout == "strided"
    return Cell(
        param, order, arg=number, writeable=arg.writeable, strided=strided, packing=arg.packing
    )
