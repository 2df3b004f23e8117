"""Arguments that lie in storage which they share with others, as views of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tracejit.ir import extent as ex
from tracejit.ir.arguments import ArrayArg, MemoryWindow
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.ir.types import DTYPES
from tracejit.trace.session.session import current
from tracejit.trace.values.all import Array, as_dim
from tracejit.trace.values.view_transforms import Gather, ReadOnly, Reshape
from tracejit.trace.views.views import bit_view, part, regrouped, sliced, transposed


def window_on(
    leaf: ArrayArg, window: MemoryWindow, shape: tuple[Dim, ...], tracers: Sequence[Any]
) -> Array:
    """The argument as a view of its storage; ``tracers``: the traced form of each leaf."""
    storage: Array = tracers[window.storage]
    numbers = [as_dim(tracers[k]) for k in window.numbers]
    if window.form == "axes":
        view = _along_axes(storage, window, shape, numbers)
    else:
        whole = window.form == "block" and window.whole[0]
        view = _in_flat(storage, shape, [0] if whole else numbers, whole, window.form)
    if window.part is not None:
        view = part(view, window.part)
    elif leaf.dtype != storage.dtype:
        view = bit_view(view, leaf.dtype)
    if not leaf.writeable:
        view = view.viewed(ReadOnly(), view.dims, view.element_strides)
    return view


def _along_axes(
    storage: Array, window: MemoryWindow, shape: tuple[Dim, ...], numbers: Sequence[Dim]
) -> Array:
    rest = iter(numbers)
    starts = [0 if whole else next(rest) for whole in window.whole]
    counts: list[Dim] = [1] * storage.ndim
    for axis, n in zip(window.axes, shape, strict=True):
        if axis is not None:
            counts[axis] = storage.dims[axis] if window.whole[axis] else n
    view = storage if all(window.whole) else sliced(storage, starts, window.steps, counts)
    used = [axis for axis in window.axes if axis is not None]
    if None in window.axes or len(used) < storage.ndim:
        kept = sorted(used)
        view = regrouped(view, kept)
        view = transposed(view, [kept.index(axis) for axis in used])
        places = iter(range(len(used)))
        return regrouped(view, [None if a is None else next(places) for a in window.axes])
    return transposed(view, used)


def _in_flat(
    storage: Array, shape: tuple[Dim, ...], numbers: Sequence[Dim], whole: bool, form: str
) -> Array:
    """Elements counted through the storage in C order."""
    size = ex.product(storage.dims)
    flat = storage if storage.ndim == 1 else storage.viewed(Reshape((size,)), (size,), (1,))
    start, *strides = numbers
    if form == "block":
        count = size if whole else ex.product(shape)
        line = flat if whole else sliced(flat, [start], [1], [count])
        if len(shape) == 1:
            return line
        return line.viewed(Reshape(shape), shape, _dense(shape))
    if len(shape) == 1:
        return sliced(flat, [start], strides, shape)
    index = _index(start, strides, shape)
    return flat.viewed(Gather((0,), (index,)), shape, strides)


def _dense(shape: tuple[Dim, ...]) -> tuple[Dim, ...]:
    strides: list[Dim] = []
    step: Dim = 1
    for n in reversed(shape):
        strides.append(step)
        step = n * step
    return tuple(reversed(strides))


def _index(start: Dim, strides: Sequence[Dim], shape: tuple[Dim, ...]) -> Value:
    """``start`` plus the strides times the index along each axis."""
    b = current().b
    index: Value = b.broadcast(b.index(start), shape, ())
    for axis, stride in enumerate(strides):
        along = b.op("iota", shape=shape, axis=axis, dtype=DTYPES["i64"])
        step = b.broadcast(b.index(stride), shape, ())
        index = b.op("add", index, b.op("mul", along, step))
    return index
