"""Elements by their places: take and put and their family, the places of what is true, and flat
indices as indices by axis.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tracejit.dtypes import is_integer
from tracejit.errors import throw
from tracejit.ir import extent as ex
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.trace.array_api.concatenation import gathered
from tracejit.trace.array_api.creation import asarray
from tracejit.trace.array_api.delivery import deliver
from tracejit.trace.array_api.names import covers, method
from tracejit.trace.array_api.operands import axis_of, builder, check_dim, iota, value_of
from tracejit.trace.session.regions import emit_cond
from tracejit.trace.session.session import current
from tracejit.trace.values.all import Array, as_dim, dim_value, fresh, several, wrap
from tracejit.trace.values.casting import element, refuse_cast, safe_element
from tracejit.trace.views.broadcast import stretch
from tracejit.trace.views.index_bounds import check_indices
from tracejit.trace.views.reshape import reshaped
from tracejit.versions import TAKE_CASTS_TO_OUT


def wrapped_index(index: Value, n: Dim, axis: int, mode: str = "raise") -> Value:
    """An integer index made non-negative: checked, clipped, or taken modulo ``n``."""
    b = builder()
    if not is_integer(index.dtype):
        throw(IndexError("arrays used as indices must be of integer (or boolean) type"))
    if mode == "raise":
        return check_indices(index, n, axis)
    index = b.convert(index, "i64")
    if mode == "clip":
        zero = stretch(b.const(0, "i64"), index.shape)
        last = stretch(b.index(n - 1), index.shape)
        return b.op("minimum", b.op("maximum", index, zero), last)  # type: ignore[no-any-return]
    if mode == "wrap":
        return b.op("remainder", index, stretch(b.index(n), index.shape))  # type: ignore[no-any-return]
    throw(ValueError(f"clipmode must be one of 'clip', 'raise', or 'wrap' (got '{mode}')"))


@covers(np.take, method=True)
def take(a: Any, indices: Any, axis: Any = None, out: Any = None, mode: str = "raise") -> Any:
    """Elements (or slices along ``axis``) at given positions."""
    b, x = builder(), value_of(a)
    if axis is None:
        x, axis = b.reshape(x, (ex.product(x.shape),)), 0
    k = axis_of(axis, x.rank)
    index = wrapped_index(value_of(indices), x.shape[k], k, mode)
    if ex.product(index.shape) != 0 and mode != "raise":
        message = "cannot do a non-empty take from an empty axes."
        check_dim("ge", x.shape[k], 1, "IndexError", message)
    return _picked(gathered(x, index, k), x, out)


def _along(x: Value, index: Value, axis: int) -> tuple[list[Value], tuple[Dim, ...]]:
    """Full index arrays of ``take_along_axis``: ``index`` on its axis, positions on the others."""
    b = builder()
    shape = tuple(d if k == axis else x.shape[k] for k, d in enumerate(index.shape))
    index = stretch(wrapped_index(index, x.shape[axis], axis), shape)
    picks = []
    for k, d in enumerate(shape):
        picks.append(index if k == axis else b.broadcast(iota(d), shape, (k,)))
    return picks, shape


@covers(np.take_along_axis)
def take_along_axis(arr: Any, indices: Any, axis: Any = -1) -> Any:
    """Elements matched by 1-d slices of indices along ``axis``."""
    b, x, index = builder(), value_of(arr), value_of(indices)
    if axis is None:
        x, axis = b.reshape(x, (ex.product(x.shape),)), 0
    if index.rank != x.rank:
        throw(ValueError("`indices` and `arr` must have the same number of dimensions"))
    picks, _ = _along(x, index, axis_of(axis, x.rank))
    return wrap(b.op("gather", x, *picks, axes=tuple(range(x.rank))))


@covers(np.put_along_axis)
def put_along_axis(arr: Array, indices: Any, values: Any, axis: Any) -> None:
    """Elements matched by 1-d slices of indices replaced."""
    target = reshaped(arr, (ex.product(arr.dims),)) if axis is None else arr
    x, index = target.read(), value_of(indices)
    picks, shape = _along(x, index, 0 if axis is None else axis_of(axis, x.rank))
    v = stretch(element(values, x.dtype, direct=False), shape)
    every = tuple(range(x.rank))
    target.write(builder().op("scatter", x, v, *picks, axes=every, mode="set"))


@method("put")
@covers(np.put)
def put(a: Array, ind: Any, v: Any, mode: str = "raise") -> None:
    """Elements of the flattened array replaced, ``v`` repeated as needed."""
    b, x = builder(), a.read()
    total = ex.product(x.shape)
    index = value_of(ind)
    index = wrapped_index(b.reshape(index, (ex.product(index.shape),)), total, 0, mode)
    values = element(v, a.dtype, direct=False)
    values = b.reshape(values, (ex.product(values.shape),))
    count, have = index.shape[0], values.shape[0]
    if have != count:
        line = b.op("remainder", iota(count), stretch(b.index(have), (count,)))
        values = b.op("gather", values, line, axes=(0,))
    flat = b.op("scatter", b.reshape(x, (total,)), values, index, axes=(0,), mode="set")
    a.write(b.reshape(flat, x.shape))


@covers(np.putmask)
def putmask(a: Array, mask: Any, values: Any) -> None:
    """Elements where the mask holds replaced by those of ``values`` at the same place."""
    v = safe_element(values, a.dtype)
    if v.shape not in ((), a.dims):
        # NumPy takes the values at the same flat places, from the start again behind the last.
        v = value_of(np.resize(wrap(v), a.shape))
    b = builder()
    given = b.convert(value_of(mask), "bool")
    message = "putmask: mask and data must be the same size"
    current().require_equal(ex.product(given.shape), ex.product(a.dims), ValueError, message)
    flag = b.reshape(given, a.dims)
    a.write(b.op("select", flag, stretch(v, a.dims), a.read()))


@covers(np.nonzero, method=True)
def nonzero(a: Any) -> tuple[Array, ...]:
    """Indices of the nonzero elements, one array per axis."""
    b, x = builder(), value_of(a)
    if x.rank == 0:
        throw(
            ValueError(
                "Calling nonzero on 0d arrays is not allowed. Use np.atleast_1d(scalar).nonzero() "
                "instead."
            )
        )
    count, *lines = b.op("nonzero", b.convert(x, "bool"))
    current().ranges.extent(count)
    return tuple(fresh(line) for line in lines)


@covers(np.flatnonzero)
def flatnonzero(a: Any) -> Array:
    """Indices of the nonzero elements of the flattened array."""
    return nonzero(np.ravel(asarray(a)))[0]


@covers(np.argwhere)
def argwhere(a: Any) -> Any:
    """Indices of the nonzero elements, one row each."""
    return np.stack(list(nonzero(a)), axis=1)


@covers(np.diag_indices)
def diag_indices(n: Any, ndim: int = 2) -> tuple[Array, ...]:
    """Indices of the main diagonal."""
    return (fresh(iota(as_dim(n))),) * ndim


@covers(np.unravel_index)
def unravel_index(indices: Any, shape: Any, order: str = "C") -> tuple[Any, ...]:
    """Flat positions as one index per axis."""
    found: list[Any] = []
    rest = indices if not isinstance(indices, (list, tuple)) else asarray(indices)
    dims = tuple(several(shape))
    _check_inside(asarray(rest), ex.product(tuple(as_dim(d) for d in dims)))
    forward = _flat_order(order)
    for d in reversed(dims) if forward else dims:
        found.append(np.remainder(rest, d))
        rest = np.floor_divide(rest, d)
    return tuple(reversed(found)) if forward else tuple(found)


def _check_inside(places: Any, size: Dim) -> None:
    """ValueError for flat positions outside, with the first of them."""
    if 0 in places.dims:
        return
    bad: Any = np.logical_or(places < 0, places >= dim_value(size))
    message = f"index {{0}} is out of bounds for array with size {dim_value(size)}"
    if not bad.ndim:
        current().check(value_of(~bad), ValueError, message, value_of(places))
        return
    b = builder()

    def first() -> list[Value]:
        found: Any = np.ravel(places)[np.argmax(bad)]
        return [b.convert(value_of(found), "i64")]

    some = value_of(np.any(bad))
    worst = emit_cond(some, first, lambda: [b.const(0, "i64")])
    current().check(value_of(~np.any(bad)), ValueError, message, *worst)


def _flat_order(order: str) -> bool:
    """Whether the last index moves first."""
    if order not in ("C", "F"):
        throw(ValueError("only 'C' or 'F' order is permitted"))
    return order == "C"


@covers(np.ravel_multi_index)
def ravel_multi_index(multi_index: Any, dims: Any, mode: Any = "raise", order: str = "C") -> Any:
    """One index per axis as flat positions."""
    dims = tuple(several(dims))
    modes = mode if isinstance(mode, tuple) else (mode,) * len(dims)
    axes = list(zip(multi_index, dims, modes, strict=True))
    total: Any = None
    for k, (i, d, mode) in enumerate(axes if _flat_order(order) else reversed(axes)):
        index, n, b = value_of(i), as_dim(d), builder()
        if mode == "raise":
            low = b.op("ge", index, stretch(b.const(0, index.dtype), index.shape))
            size = b.convert(stretch(b.index(n), index.shape), index.dtype)
            ok = b.op("bitwise_and", low, b.op("lt", index, size))
            ok = b.op("reduce_and", ok, axes=tuple(range(ok.rank))) if ok.rank else ok
            current().check(ok, ValueError, "invalid entry in coordinates array")
        place = wrap(wrapped_index(index, n, k, "wrap" if mode == "raise" else mode))
        total = place if total is None else np.add(np.multiply(total, d), place)
    return total


@covers(np.compress)
def compress(condition: Any, a: Any, axis: Any = None, out: Any = None) -> Any:
    """Slices along ``axis`` where the condition holds."""
    b, x, mask = builder(), value_of(a), value_of(condition)
    if axis is None:
        x, axis = b.reshape(x, (ex.product(x.shape),)), 0
    k = axis_of(axis, x.rank)
    if mask.rank != 1:
        throw(ValueError("condition must be a 1-d array"))
    mask, n = b.convert(mask, "bool"), x.shape[k]
    if mask.shape[0] != n:
        m = mask.shape[0]
        check_dim("le", m, n, "IndexError", "the condition is longer ({0}) than the axis ({1})")
        shape = tuple(m if i == k else d for i, d in enumerate(x.shape))
        x = b.slice(x, [0] * x.rank, shape)
    count, value = b.op("compress", x, mask, axis=k)
    current().ranges.extent(count)
    return _picked(value, x, out)


def _picked(value: Value, x: Value, out: Any) -> Any:
    """Elements of ``x``, in ``out`` where it is given: NumPy up to 2.4 makes it of the dtype of
    ``x`` meanwhile."""
    as_x = isinstance(out, Array) and np.can_cast(out.dtype, x.dtype, "safe")
    if isinstance(out, Array) and not (as_x or TAKE_CASTS_TO_OUT):
        refuse_cast(out, x.dtype, "safe")
    return deliver(value, out, "unsafe")


@method("compress")
def compress_method(a: Any, condition: Any, axis: Any = None, out: Any = None) -> Any:
    """``x.compress(condition)``."""
    return compress(condition, a, axis, out)


@covers(np.extract)
def extract(condition: Any, arr: Any) -> Any:
    """Elements where the condition holds."""
    b = builder()
    mask = b.convert(value_of(condition), "bool")
    x = value_of(arr)
    lines = (b.reshape(v, (ex.product(v.shape),)) for v in (mask, x))
    return compress(*lines)
