"""Elements laid out anew: resize, place, insert at several places, sliding windows, packed bits."""

from __future__ import annotations

from typing import Any

import numpy as np

from tracejit.dtypes import is_bool, is_exact, is_integer
from tracejit.errors import UnsupportedError, throw
from tracejit.ir import extent as ex
from tracejit.trace.array_api.creation import asarray
from tracejit.trace.array_api.names import covers
from tracejit.trace.array_api.operands import axis_of, builder, check_dim, value_of
from tracejit.trace.array_api.ranges import arange
from tracejit.trace.array_api.staged import user_call
from tracejit.trace.session.session import current
from tracejit.trace.values.all import Array, as_dim, dim_value, fresh
from tracejit.trace.values.casting import safe_element
from tracejit.trace.views.views import read_only, windows


def _tuple(x: Any) -> tuple[Any, ...]:
    return tuple(x) if isinstance(x, (tuple, list)) else (x,)


@covers(np.resize)
def resize(a: Any, new_shape: Any) -> Any:
    """The elements again and again until the shape is full."""
    line: Any = np.ravel(asarray(a))
    shape = _tuple(new_shape)
    size = dim_value(ex.product(tuple(map(as_dim, shape))))
    have = line.shape[0]
    if isinstance(have, int) and not have:
        return np.zeros_like(line, shape=shape)
    b, n = builder(), line.dims[0]
    times = ex.ceildiv(as_dim(size), ex.emax(n, 1))
    rows = b.op("copy", b.broadcast(value_of(line), (times, n), (1,)))  # no element is divided for
    return np.reshape(np.ravel(fresh(rows))[:size], shape)


@covers(np.place)
def place(arr: Array, mask: Any, vals: Any) -> None:
    """``arr[mask]`` gets the values one after another, from the first again when they end."""
    values: Any = np.ravel(fresh(safe_element(vals, arr.dtype)))
    chosen: Any = np.reshape(asarray(mask), arr.shape).astype(bool)
    check_dim("ge", values.dims[0], 1, "ValueError", "Cannot insert from an empty array!")
    number = np.reshape(np.cumsum(np.ravel(chosen)) - 1, arr.shape)
    taken = np.take(values, number % values.shape[0])
    arr[...] = np.where(chosen, taken, arr)


@covers(np.mask_indices)
def mask_indices(n: Any, mask_func: Any, k: Any = 0) -> Any:
    """The places where ``mask_func`` leaves an n by n matrix of ones."""
    square = np.reshape(np.ones_like(arange(n * n)), (n, n))
    return np.nonzero(user_call(mask_func, square, k) != 0)


@covers(np.lib.stride_tricks.sliding_window_view)
def sliding_window_view(
    x: Any, window_shape: Any, axis: Any = None, *, subok: bool = False, writeable: bool = False
) -> Any:
    """Every window of an array; the windows' axes come last; a read-only view."""
    if writeable:
        raise UnsupportedError("sliding_window_view(writeable=True); write to the array itself")
    found: Any = asarray(x)
    rank = found.ndim
    widths = _tuple(window_shape)
    axes = tuple(range(rank)) if axis is None else tuple(axis_of(k, rank) for k in _tuple(axis))
    if len(axes) != len(widths):
        what = "window_shape and axis" if axis is not None else "all dimensions of `x`"
        throw(ValueError(f"Must provide matching length for {what}; got {len(widths)}"))
    for k, width in zip(axes, widths, strict=True):
        count = as_dim(found.dims[k]) - as_dim(width) + 1
        message = "window shape cannot be larger than input array shape"
        check_dim("ge", as_dim(width), 0, "ValueError", "`window_shape` cannot contain negatives")
        check_dim("ge", count, 0, "ValueError", message)
        found = windows(found, k, count, as_dim(width))
    return read_only(found)


def _insert_places(obj: Any, n: Any) -> Any:
    """Non-negative places of an axis of ``n`` elements."""
    places: Any = asarray(obj)
    if is_bool(places.dtype):
        places = np.flatnonzero(places)
    if not is_integer(places.dtype):
        throw(IndexError("arrays used as indices must be of integer (or boolean) type"))
    ok: Any = np.all((places >= -n) & (places <= n))
    message = "an index is out of bounds for the axis that np.insert lengthens"
    current().check(ok.read(), IndexError, message)
    return np.where(places < 0, places + n, places)


def insert_several(x: Any, obj: Any, values: Any, axis: int) -> Any:
    """``np.insert`` at an array of places: where each new element and each old one goes."""
    n = x.shape[axis]
    places = np.ravel(_insert_places(obj, n))
    count = places.shape[0]
    order = np.argsort(places, kind="stable")
    rank: Any = np.empty_like(order)
    rank[order] = arange(count)
    new = places + rank
    total = dim_value(as_dim(n) + as_dim(count))
    old: Any = np.ones_like(new, bool, shape=(total,))
    old[new] = False
    moved = np.moveaxis(x, axis, 0)
    found: Any = np.empty_like(moved, shape=(total, *moved.shape[1:]))
    given: Any = asarray(values).astype(x.dtype)
    if given.ndim < x.ndim:
        given = np.reshape(given, (*[1] * (x.ndim - given.ndim), *given.shape))
    found[new] = np.moveaxis(given, axis, 0)
    found[np.flatnonzero(old)] = moved
    return np.moveaxis(found, 0, axis)


# Bits ---------------------------------------------------------------------------------------------


_BIT_ORDERS = ("big", "little")
_BAD_ORDER = "'order' must be either 'little' or 'big'"


def _shifts(bitorder: str) -> Any:
    if bitorder not in _BIT_ORDERS:
        throw(ValueError(_BAD_ORDER))
    line: Any = arange(8)
    return ((7 - line) if bitorder == "big" else line).astype(np.uint8)


@covers(np.packbits)
def packbits(a: Any, /, axis: Any = None, bitorder: str = "big") -> Any:
    """Eight truth values in each ``uint8``, zeros behind the last."""
    x: Any = asarray(a)
    if not is_exact(x.dtype):
        throw(TypeError("Expected an input array of integer or boolean data type"))
    if axis is None:
        x, axis = np.ravel(x), 0
    k = axis_of(axis, x.ndim)
    line = np.moveaxis(x != 0, k, -1)
    if bitorder not in _BIT_ORDERS:
        throw(ValueError(_BAD_ORDER))
    n, lead = line.dims[-1], line.shape[:-1]
    whole, full = ex.ceildiv(n, 8), ex.floordiv(n, 8)
    found = _packed(line[..., : dim_value(full * 8)], dim_value(full), bitorder)
    if whole != full:
        more = np.zeros_like(line, shape=(*lead, dim_value(whole * 8 - n)))
        rest = np.concatenate([line[..., dim_value(full * 8) :], more], axis=-1)
        last = _packed(rest, dim_value(whole - full), bitorder)
        found = np.concatenate([found, last], axis=-1)
    return np.moveaxis(found, -1, k)


def _packed(bits: Any, count: Any, bitorder: str) -> Any:
    """So many bytes of eight bits each."""
    eights = np.reshape(bits, (*bits.shape[:-1], count, 8)).astype(np.uint8)
    found: Any = eights[..., 7 if bitorder == "big" else 0]
    for place in range(1, 8):
        found = found | eights[..., 7 - place if bitorder == "big" else place] << np.uint8(place)
    return found


@covers(np.unpackbits)
def unpackbits(a: Any, /, axis: Any = None, count: Any = None, bitorder: str = "big") -> Any:
    """The bits of ``uint8`` elements; ``count`` of them (all without it)."""
    x: Any = asarray(a)
    if x.dtype != np.uint8:
        throw(TypeError("Expected an input array of unsigned byte data type"))
    if axis is None:
        x, axis = np.ravel(x), 0
    k = axis_of(axis, x.ndim)
    line: Any = np.moveaxis(x, k, -1)
    masks: Any = np.left_shift(np.uint8(1), _shifts(bitorder))
    bits: Any = (np.expand_dims(line, -1) & masks) != 0  # a comparison has vectors of bytes
    found = np.reshape(bits.astype(np.uint8), (*line.shape[:-1], dim_value(line.dims[-1] * 8)))
    if count is not None:
        found = _of_length(found, count)
    last: Any = found
    return np.moveaxis(last, -1, k)


def _of_length(line: Any, count: Any) -> Any:
    """The first ``count`` elements of the last axis (all but some if negative), zeros behind."""
    have, wanted = as_dim(line.dims[-1]), as_dim(count)
    if isinstance(wanted, int) and wanted < 0:
        return line[..., :count]
    more = dim_value(ex.emax(wanted - have, 0))
    zeros = np.zeros_like(line, shape=(*line.shape[:-1], more))
    return np.concatenate([line, zeros], axis=-1)[..., :count]


# Memory -------------------------------------------------------------------------------------------


def _cell(x: Any) -> Any:
    return asarray(x).cell


@covers(np.may_share_memory)
def may_share_memory(a: Any, b: Any, /, max_work: Any = 0) -> bool:
    """Whether both are views of one storage."""
    return _cell(a) is _cell(b)


@covers(np.shares_memory)
def shares_memory(a: Any, b: Any, /, max_work: Any = -1) -> bool:
    """Whether the arrays overlap, where that is known when compiling."""
    if _cell(a) is not _cell(b):
        return False
    if not asarray(a).layers or not asarray(b).layers:
        return True
    raise UnsupportedError("np.shares_memory of two views; np.may_share_memory can be asked")


@covers(np.common_type)
def common_type(*arrays: Any) -> type:
    """The floating scalar type that holds all."""
    found: type = np.common_type(*[np.empty(0, asarray(a).dtype) for a in arrays])
    return found


@covers(np.require)
def require(a: Any, dtype: Any = None, requirements: Any = None, *, like: Any = None) -> Any:
    """The array in a dtype; layouts in memory are the compiler's own."""
    return asarray(a, dtype) if not requirements else fresh(asarray(a, dtype).read())
