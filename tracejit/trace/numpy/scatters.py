"""``ufunc.at``: unbuffered updates at indices, one after another where indices repeat."""

from __future__ import annotations

from typing import Any

import numpy as np
from tracejit.errors import UnsupportedError
from tracejit.ir.core import Value
from tracejit.trace.numpy.broadcast import broadcast_together, stretch
from tracejit.trace.numpy.creation import asarray
from tracejit.trace.numpy.loops import LOOPS
from tracejit.trace.numpy.names import NAMES
from tracejit.trace.numpy.operands import builder, cast, operand, value_of, wrapped
from tracejit.trace.numpy.promotion import loop_dtypes
from tracejit.trace.numpy.selecting import wrapped_index
from tracejit.trace.numpy.ufunc_methods import at_by_loop
from tracejit.trace.values import Array, Scalar

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
    if b is not None and operand(b).weak is int and a.dtype.kind in "iu":
        b = Scalar(wrapped(operand(b), a.dtype))  # a Python int is an array first: it wraps
    if all(_is_basic(k) for k in keys):
        part = a[indices]
        a[indices] = NAMES[ufunc](*((part,) if b is None else (part, b)))
        return
    if len(keys) == 1 and value_of(keys[0]).dtype.kind == "b":
        keys = np.nonzero(asarray(keys[0]))
    picks = [] if any(map(_is_slice, keys)) else [value_of(k) for k in keys]
    if not picks or any(p.dtype.kind == "b" for p in picks):
        raise UnsupportedError(
            f"np.{ufunc.__name__}.at takes integer index arrays, or one mask; not a mixture"
        )
    if any(p.dtype.kind not in "iu" for p in picks):
        raise IndexError("arrays used as indices must be of integer (or boolean) type")
    given = [operand(x) for x in (a, b)[: ufunc.nin]]
    same = loop_dtypes(ufunc, given, [None] * ufunc.nout)[-1] == a.dtype
    if ufunc in _MODES and same and a.dtype.kind != "b":
        _scatter(ufunc, a, picks, b)
    else:
        at_by_loop(ufunc, a, picks, b)


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
