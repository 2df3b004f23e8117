"""``reduce``, ``accumulate``, ``reduceat`` and ``at`` of any ufunc of two operands, as loops.

NumPy itself answers, for an array of ones, what the dtype is and whether the call is allowed. The
ufuncs that have primitives of their own are in ``folds`` and ``scatters``.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from tracejit.dtypes import is_integer
from tracejit.errors import UnsupportedError, throw
from tracejit.ir.core import Value
from tracejit.trace.array_api.creation import asarray
from tracejit.trace.array_api.delivery import stored
from tracejit.trace.array_api.empty import check_not_empty
from tracejit.trace.array_api.operands import axes_of, axis_of, builder, given_dtype
from tracejit.trace.array_api.places import wrapped_index
from tracejit.trace.array_api.staged import staged
from tracejit.trace.session.session import current
from tracejit.trace.values.all import Array, fresh
from tracejit.trace.views.broadcast import broadcast_together

NO_VALUE: Any = np._NoValue


def _asked(ufunc: np.ufunc, method: str, x: Any, *args: Any, **kwargs: Any) -> np.dtype[Any]:
    """The dtype of the result, by NumPy on an array of one element; what it raises."""
    sample = np.ones((1,) * x.ndim, x.dtype)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = getattr(ufunc, method)(sample, *args, **kwargs)
    return given_dtype(found.dtype)


def _in_kind(ufunc: np.ufunc, x: Any, kind: np.dtype[Any]) -> Any:
    """The elements in the dtype of the loop (``ldexp`` alone has two)."""
    return x if ufunc is np.ldexp else x.astype(kind)


# reduce -------------------------------------------------------------------------------------------


def reduce_by_loop(
    ufunc: np.ufunc, array: Any, axis: Any, dtype: Any, out: Any, keepdims: Any, initial: Any,
    where: Any,
) -> Any:  # fmt: skip
    """``ufunc.reduce``: one element after another along each axis."""
    x: Any = asarray(array)
    masked = where is not NO_VALUE and where is not True
    options: dict[str, Any] = {"initial": 1} if initial is not NO_VALUE else {}
    options |= {"where": np.True_} if masked else {}
    kind = _asked(ufunc, "reduce", x, axis, dtype, **options)
    axes = axes_of(axis, x.ndim)
    start = None if initial is NO_VALUE else asarray(initial).astype(kind)[()]
    if start is None and ufunc.identity is not None:
        start = fresh(builder().const(kind.type(ufunc.identity)))
    found: Any = _in_kind(ufunc, x, kind)
    mask = asarray(np.broadcast_to(where, x.shape)) if masked else None
    for k in reversed(axes):
        found = _along(ufunc, np.moveaxis(found, k, 0), kind, start, mask, k)
        start = mask = None
    if keepdims is not NO_VALUE and keepdims:
        found = np.expand_dims(found, axes)
    return stored(found[()], out)


def _along(ufunc: np.ufunc, x: Any, kind: np.dtype[Any], start: Any, mask: Any, axis: int) -> Any:
    if start is None:
        check_not_empty(x.read(), (0,), ufunc.__name__)
        start, x = x[0].astype(kind), x[1:]
    else:
        start = np.broadcast_to(start, x.shape[1:])[()]
    if mask is None:
        return staged(_folded)(ufunc, x, start, kind)
    return staged(_folded_where)(ufunc, x, np.moveaxis(mask, axis, 0), start, kind)


def _folded(ufunc: Any, x: Any, found: Any, kind: Any) -> Any:
    for i in range(x.shape[0]):
        found = ufunc(found, x[i]).astype(kind)
    return found


def _folded_where(ufunc: Any, x: Any, mask: Any, found: Any, kind: Any) -> Any:
    for i in range(x.shape[0]):
        found = np.where(mask[i], ufunc(found, x[i]).astype(kind), found)[()]
    return found


# accumulate, reduceat -----------------------------------------------------------------------------


def accumulate_by_loop(ufunc: np.ufunc, array: Any, axis: Any, dtype: Any, out: Any) -> Any:
    """``ufunc.accumulate``: every partial result."""
    x: Any = asarray(array)
    kind = _asked(ufunc, "accumulate", x, axis, dtype)
    k = axis_of(axis, x.ndim)
    line = _in_kind(ufunc, np.moveaxis(x, k, 0), kind)
    found: Any = np.zeros_like(line, kind)
    staged(_accumulated)(ufunc, line, found)
    return stored(np.moveaxis(found, 0, k), out)


def _accumulated(ufunc: Any, x: Any, found: Any) -> None:
    found[:1] = x[:1]
    for i in range(1, x.shape[0]):
        found[i] = ufunc(found[i - 1], x[i])


def reduceat_by_loop(
    ufunc: np.ufunc, array: Any, indices: Any, axis: Any = 0, dtype: Any = None, out: Any = None
) -> Any:
    """``ufunc.reduceat``: reductions from each index up to the next."""
    if ufunc.nin != 2 or ufunc.nout != 1:
        throw(ValueError("reduceat only supported for binary functions"))
    x: Any = asarray(array)
    starts: Any = asarray(indices)
    if not is_integer(starts.dtype):
        throw(
            TypeError(
                f"Cannot cast array data from {starts.dtype!r} to dtype('int64') "
                "according to the rule 'safe'"
            )
        )
    if starts.ndim != 1:
        throw(ValueError("object too deep for desired array"))
    kind = _asked(ufunc, "reduceat", x, [0], axis, dtype)
    k = axis_of(axis, x.ndim)
    line = _in_kind(ufunc, np.moveaxis(x, k, 0), kind)
    starts = starts.astype(np.int64)
    n = line.shape[0]
    inside: Any = np.all((starts >= 0) & (starts < n))
    message = f"an index is out-of-bounds in {ufunc.__name__}.reduceat"
    current().check(inside.read(), IndexError, message)
    stops = np.append(starts[1:], n)
    found: Any = np.zeros_like(line, kind, shape=(starts.shape[0], *line.shape[1:]))
    staged(_reduced_between)(ufunc, line, starts, stops, found)
    return stored(np.moveaxis(found, 0, k), out)


def _reduced_between(ufunc: Any, x: Any, starts: Any, stops: Any, found: Any) -> None:
    for k in range(starts.shape[0]):
        found[k] = x[starts[k]]
        for i in range(starts[k] + 1, stops[k]):
            found[k] = ufunc(found[k], x[i])


# at -----------------------------------------------------------------------------------------------


def at_by_loop(ufunc: np.ufunc, a: Array, keys: list[Value], values: Any) -> None:
    """``ufunc.at`` at arrays of indices: one update after another, stored by unsafe casts."""
    if ufunc.nout != 1:
        raise UnsupportedError(f"np.{ufunc.__name__}.at has two results; write the loop")
    picks = [wrapped_index(key, a.dims[axis], axis) for axis, key in enumerate(keys)]
    picks = broadcast_together(picks)
    lead, rest = picks[0].shape, a.dims[len(picks) :]
    lines: tuple[Any, ...] = tuple(np.ravel(fresh(p)) for p in picks)
    if values is None:
        staged(_changed_at)(ufunc, a, lines)
        return
    shape = tuple(fresh(builder().op("empty", shape=(*lead, *rest), dtype=a.dtype)).shape)
    each: Any = np.broadcast_to(asarray(values), shape)
    each = np.reshape(each, (lines[0].shape[0], *shape[len(lead) :]))
    staged(_updated_at)(ufunc, a, lines, each)


def _changed_at(ufunc: Any, a: Any, lines: Any) -> None:
    for i in range(lines[0].shape[0]):
        key = tuple([line[i] for line in lines])
        a[key] = ufunc(a[key]).astype(a.dtype)


def _updated_at(ufunc: Any, a: Any, lines: Any, values: Any) -> None:
    for i in range(lines[0].shape[0]):
        key = tuple([line[i] for line in lines])
        a[key] = ufunc(a[key], values[i]).astype(a.dtype)
