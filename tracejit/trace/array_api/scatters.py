"""``ufunc.at``: unbuffered updates at indices, one after another where indices repeat."""

from __future__ import annotations

from typing import Any

import numpy as np

from tracejit.dtypes import is_bool, is_integer
from tracejit.errors import UnsupportedError, throw
from tracejit.ir.core import Value
from tracejit.trace.array_api.creation import asarray
from tracejit.trace.array_api.names import NAMES
from tracejit.trace.array_api.operands import builder, cast, operand, value_of, wrapped
from tracejit.trace.array_api.places import wrapped_index
from tracejit.trace.array_api.promotion import loop_dtypes
from tracejit.trace.array_api.ufunc_loops import LOOPS
from tracejit.trace.array_api.ufunc_methods import at_by_loop
from tracejit.trace.values.all import Array, Scalar
from tracejit.trace.views.broadcast import broadcast_together, stretch
from tracejit.trace.views.views import transposed

_MODES: dict[np.ufunc, str] = {
    np.add: "add",
    np.subtract: "add",
    np.multiply: "mul",
    np.minimum: "minimum",
    np.maximum: "maximum",
}


def scatter_at(ufunc: np.ufunc, a: Array, indices: Any, b: Any = None) -> None:
    """``ufunc.at(a, indices, b)``. Basic indices cannot repeat and take every ufunc."""
    keys = indices if isinstance(indices, tuple) else (indices,)
    if b is not None and operand(b).weak is int and is_integer(a.dtype):
        b = Scalar(wrapped(operand(b), a.dtype))  # a Python int is an array first: it wraps
    if all(_is_basic(k) for k in keys):
        part = a[indices]
        a[indices] = NAMES[ufunc](*((part,) if b is None else (part, b)))
        return
    keys = _without_masks(keys)
    if any(map(_is_slice, keys)):
        _beside_slices(ufunc, a, keys, b)
        return
    picks = [value_of(k) for k in keys]
    if any(not is_integer(p.dtype) for p in picks):
        throw(IndexError("arrays used as indices must be of integer (or boolean) type"))
    given = [operand(x) for x in (a, b)[: ufunc.nin]]
    same = loop_dtypes(ufunc, given, [None] * ufunc.nout)[-1] == a.dtype
    if ufunc in _MODES and same and not is_bool(a.dtype):
        _scatter(ufunc, a, picks, b)
    else:
        at_by_loop(ufunc, a, picks, b)


def _without_masks(keys: tuple[Any, ...]) -> tuple[Any, ...]:
    """Masks as the indices of where they hold."""
    out: list[Any] = []
    for k in keys:
        masked = not _is_slice(k) and is_bool(value_of(k).dtype)
        out += np.nonzero(asarray(k)) if masked else [k]
    return tuple(out)


def _beside_slices(ufunc: np.ufunc, a: Array, keys: tuple[Any, ...], b: Any) -> None:
    """Index arrays among slices: those of a view of the slices in which they come first.

    Where NumPy puts the axes of the index, in the place of the first array or, with a slice between
    arrays, in front, decides how ``b`` is broadcast.
    """
    if any(k is None for k in keys):
        raise UnsupportedError(
            f"np.{ufunc.__name__}.at with a new axis beside index arrays: reshape the values"
        )
    keys = _written_out(keys, a.ndim)
    picked = [k for k, key in enumerate(keys) if not isinstance(key, slice)]
    rest = [k for k in range(a.ndim) if k not in picked]
    view = a[tuple(k if isinstance(k, slice) else slice(None) for k in keys)]
    rank = max(value_of(keys[k]).rank for k in picked)
    place = picked[0] if picked[-1] - picked[0] == len(picked) - 1 else 0
    if b is not None and value_of(b).rank:
        values = asarray(b)
        values = values[(None,) * (rank + len(rest) - values.ndim)]
        first = list(range(place, place + rank))
        others = [k for k in range(values.ndim) if k not in first]
        b = transposed(values, [*first, *others])
    scatter_at(ufunc, transposed(view, [*picked, *rest]), tuple(keys[k] for k in picked), b)


def _written_out(keys: tuple[Any, ...], rank: int) -> tuple[Any, ...]:
    """A key for each axis: an Ellipsis and what is missing at the end are whole slices."""
    dots = [k for k, key in enumerate(keys) if key is Ellipsis]
    if len(dots) > 1:
        throw(IndexError("an index can only have a single ellipsis ('...')"))
    missing = rank - len(keys) + len(dots)
    if missing < 0:
        throw(
            IndexError(
                f"too many indices for array: array is {rank}-dimensional, "
                f"but {len(keys) - len(dots)} were indexed"
            )
        )
    whole = (slice(None),) * missing
    at = dots[0] if dots else len(keys)
    return (*keys[:at], *whole, *keys[at + len(dots) :])


def _is_basic(key: Any) -> bool:
    return key is None or key is Ellipsis or isinstance(key, (slice, int))


def _is_slice(key: Any) -> bool:
    return _is_basic(key) and not isinstance(key, int)


def _scatter(ufunc: np.ufunc, a: Array, keys: list[Value], values: Any) -> None:
    b, x, v = builder(), a.read(), operand(values)
    dtypes = loop_dtypes(ufunc, [operand(a), v], [a.dtype])
    kind = dtypes[0]
    picks = [wrapped_index(k, a.dims[axis], axis) for axis, k in enumerate(keys)]
    picks = broadcast_together(picks)
    count = len(picks)
    shape = (*picks[0].shape, *a.dims[count:])
    update = stretch(cast(v, kind), shape)
    if ufunc is np.subtract:
        update = LOOPS[np.negative](b, update)
    if not shape[: picks[0].rank]:
        picks = [b.reshape(p, (1,)) for p in picks]
        update = b.reshape(update, (1, *shape))
    axes = tuple(range(count))
    found = b.op("scatter", b.convert(x, kind), update, *picks, axes=axes, mode=_MODES[ufunc])
    a.write(b.convert(found, a.dtype))
