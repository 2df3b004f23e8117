"""Views of arrays: transposed, reshaped (view or copy as NumPy decides), diagonals, parts."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from tracejit.dtypes import is_complex, kind_of, part_of
from tracejit.errors import UnsupportedError
from tracejit.ir import extent as ex
from tracejit.ir.extent import Dim
from tracejit.trace.session.registry import ARRAY
from tracejit.trace.session.session import current, where
from tracejit.trace.values.all import Array, Select, fresh
from tracejit.trace.values.view_transforms import (
    Bitcast,
    Broadcast,
    Part,
    ReadOnly,
    Regroup,
    Reshape,
    Slice,
    Transpose,
    Windows,
)
from tracejit.trace.views.reshape_strides import Strides


def undecided(x: Array) -> bool:
    """Whether a run-time choice decides the strides."""
    return isinstance(x.cell, Select) and any(s is None for s in x.element_strides)


def chosen_view(x: Array, view: Array, then: Array, other: Array) -> Array:
    """``view``, of one of two arrays: the view of the one or that of the other.

    So each keeps its strides.
    """
    cell = x.cell
    assert isinstance(cell, Select)
    known = cell.contents()
    if known is not None:
        for layer in view.layers:
            known = layer.get(current().b, known)
    return Array(cell.between(then, other, known), (), view.dims, None, view.dtype)


def _on_each_side(view_of: Callable[..., Array]) -> Callable[..., Array]:
    """A kind of view, of one of two arrays too."""

    @functools.wraps(view_of)
    def view(x: Array, *args: Any) -> Array:
        found = view_of(x, *args)
        if not undecided(x) or found is x or found.cell is not x.cell:
            return found
        then, other = (view(side, *args) for side in x.sides())
        return chosen_view(x, found, then, other)

    return view


@_on_each_side
def whole_view(x: Array) -> Array:
    """All of the array, as another object (``x.view()``)."""
    if x.layers:
        return Array(x.cell, x.layers, x.dims, x.element_strides, x.dtype)
    return x.viewed(Transpose(tuple(range(x.ndim))), x.dims, x.element_strides)


@_on_each_side
def transposed(x: Array, perm: Sequence[int]) -> Array:
    """A view with axis i the old axis ``perm[i]``."""
    perm = tuple(perm)
    if perm == tuple(range(x.ndim)):
        return whole_view(x)
    dims = tuple(x.dims[p] for p in perm)
    return x.viewed(Transpose(perm), dims, tuple(x.element_strides[p] for p in perm))


@_on_each_side
def sliced(x: Array, starts: Sequence[Dim], steps: Sequence[Dim], shape: Sequence[Dim]) -> Array:
    """A view of the elements ``starts + steps * i``, i below ``shape``; in range."""
    layer = Slice(tuple(starts), tuple(steps), tuple(shape))
    strides = tuple(
        None if s is None else s * t for s, t in zip(x.element_strides, layer.steps, strict=True)
    )
    return x.viewed(layer, layer.shape, strides)


@_on_each_side
def regrouped(x: Array, kept: Sequence[int | None]) -> Array:
    """A view whose axis i is the old axis ``kept[i]``, or new (None); the others have extent 1."""
    if tuple(kept) == tuple(range(x.ndim)):
        return x
    dims = tuple(1 if k is None else x.dims[k] for k in kept)
    strides: Strides = tuple(0 if k is None else x.element_strides[k] for k in kept)
    return x.viewed(Reshape(dims, tuple(kept)), dims, strides)


@_on_each_side
def broadcast_view(x: Array, how: Broadcast) -> Array:
    """A read-only stretched view (``np.broadcast_to``)."""
    strides: list[Dim | None] = [0] * len(how.shape)
    for axis, dim, stride in zip(how.axes, how.cast, x.element_strides, strict=True):
        if axis in how.maybe_one and stride is not None:
            b = current().b
            one = b.op("eq", b.index(dim), b.const(1, "i64"))
            stride = b.op("select", one, b.const(0, "i64"), b.index(stride)).dim
        elif dim != how.shape[axis]:
            stride = 0
        strides[axis] = stride
    return x.viewed(how, how.shape, strides)


def is_writeable(x: Array) -> bool:
    """Whether NumPy would let the elements be assigned, in some runs at least."""
    if isinstance(x.cell, Select):
        return any(is_writeable(side) for side in x.sides())
    layered = any(isinstance(s, Broadcast | ReadOnly) for s in x.layers)
    return x.cell.writeable is not False and not layered


def agreed(flags: Iterable[bool | None]) -> bool | None:
    """What all say, else None."""
    found = set(flags)
    return found.pop() if len(found) == 1 else None


def writeability(x: Array) -> bool | None:
    """Whether the elements may be assigned; None where only the run decides."""
    if isinstance(x.cell, Select):
        return agreed(map(writeability, x.sides()))
    return None if x.cell.writeable is None else is_writeable(x)


@_on_each_side
def part(x: Array, which: str) -> Array:
    """``x.real`` or ``x.imag``; the array itself, or read-only zeros, where it is real."""
    if is_complex(x.dtype):
        real = part_of(x.dtype)
        doubled = tuple(None if s is None else 2 * s for s in x.element_strides)
        return x.viewed(Part(which), x.dims, doubled, real)
    if which == "real":
        return x
    b = current().b
    zero = fresh(b.const(0, x.dtype))
    zero.cell.writeable = False
    return broadcast_view(zero, Broadcast(x.dims, (), ()))


@_on_each_side
def bit_view(x: Array, dtype: np.dtype[Any]) -> Array:
    """The same bits as another dtype; of another size along a last axis without gaps."""
    have, want = x.dtype.itemsize, dtype.itemsize
    if have == want and not is_complex(x.dtype) and not is_complex(dtype):
        return x.viewed(Bitcast(dtype), x.dims, x.element_strides, dtype)
    session = current()
    if not x.dims:
        session.fail(
            ValueError,
            "Changing the dtype of a 0d array is only supported if the itemsize is unchanged",
        )
    if "b" in (kind_of(x.dtype), kind_of(dtype)):
        raise UnsupportedError(f"{where()}: a view of {x.dtype} as {dtype}: use x.astype")
    *lead, n = x.dims
    if have != want and x.element_strides[-1] != 1 and n != 1:
        session.fail(
            ValueError,
            "To change to a dtype of a different size, the last axis must be contiguous",
        )
    if want > have:
        message = (
            "When changing to a larger dtype, its size must be a divisor of the total size in "
            "bytes of the last axis of the array."
        )
        session.require_equal(ex.mod(n, want // have), 0, ValueError, message)
    length = n * (have // want) if have >= want else ex.floordiv(n, want // have)
    strides = (*(_scaled(s, have, want) for s in x.element_strides[:-1]), 1)
    return x.viewed(Regroup(dtype), (*lead, length), strides, dtype)


def _scaled(stride: Dim | None, have: int, want: int) -> Dim | None:
    """A stride counted in elements of another size; None where that is no whole number."""
    if stride is None or have >= want:
        return None if stride is None else stride * (have // want)
    if isinstance(stride, int) and stride % (want // have):
        return None
    return ex.floordiv(stride, want // have)


def diagonal_view(x: Array, offset: int, axis1: int, axis2: int) -> Array:
    """A view of a diagonal, put last (which ``np.diagonal`` makes read-only): of the two axes
    merged, every element that lies one row and one column further."""
    rest = [a for a in range(x.ndim) if a not in (axis1, axis2)]
    last = transposed(x, (*rest, axis1, axis2))
    *lead, rows, cols = last.dims
    merged = last.viewed(Reshape((*lead, rows * cols)), (*lead, rows * cols))
    start: Dim = offset if offset >= 0 else -offset * cols
    count = _diagonal_length(rows, cols, offset)
    found = sliced(merged, [0] * len(lead) + [start], [1] * len(lead) + [cols + 1], (*lead, count))
    *outer, down, right = last.element_strides
    step = None if down is None or right is None else down + right
    return Array(found.cell, found.layers, found.dims, (*outer, step), found.dtype)


def _diagonal_length(rows: Dim, cols: Dim, offset: int) -> Dim:
    if offset >= 0:
        cols = cols - offset
    else:
        rows = rows + offset
    ranges = current().ranges
    count = rows if ranges.at_least(cols, rows) else ex.emin(rows, cols)
    return count if ranges.at_least(count, 0) else ex.emax(count, 0)


@_on_each_side
def windows(x: Array, axis: int, count: Dim, width: Dim) -> Array:
    """Every one of ``count`` windows of ``width`` elements along an axis; their axis comes last."""
    dims = (*x.dims[:axis], count, *x.dims[axis + 1 :], width)
    return x.viewed(Windows(axis, dims), dims, (*x.element_strides, x.element_strides[axis]))


@_on_each_side
def read_only(x: Array) -> Array:
    """A view that may not be written."""
    return x.viewed(ReadOnly(), x.dims, x.element_strides)


ARRAY["T"] = lambda x: transposed(x, range(x.ndim)[::-1])
ARRAY["mT"] = lambda x: transposed(x, (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))
ARRAY["real"] = lambda x: part(x, "real")
ARRAY["imag"] = lambda x: part(x, "imag")
