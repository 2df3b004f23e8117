"""Index arrays: of triangles, of diagonals, of products (``ix_``)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tracejit.dtypes import is_bool
from tracejit.errors import throw
from tracejit.trace.array_api.creation import asarray
from tracejit.trace.array_api.matrices import tri
from tracejit.trace.array_api.names import covers
from tracejit.trace.array_api.operands import static_int
from tracejit.trace.array_api.places import diag_indices
from tracejit.trace.array_api.ranges import arange
from tracejit.trace.session.session import current
from tracejit.trace.values.all import dim_value
from tracejit.trace.values.ranges import Range


@covers(np.tril_indices)
def tril_indices(n: Any, k: Any = 0, m: Any = None) -> Any:
    """Rows and columns of the lower triangle."""
    return np.nonzero(tri(n, m, k, bool))


@covers(np.triu_indices)
def triu_indices(n: Any, k: Any = 0, m: Any = None) -> Any:
    """Rows and columns of the upper triangle."""
    return np.nonzero(~tri(n, m, k - 1, bool))  # type: ignore[operator]


def _of(indices: Callable[..., Any]) -> Callable[..., Any]:
    def from_array(arr: Any, k: Any = 0) -> Any:
        x = asarray(arr)
        if x.ndim != 2:
            throw(ValueError("input array must be 2-d"))
        return indices(x.shape[0], k, x.shape[1])

    return from_array


covers(np.tril_indices_from)(_of(tril_indices))
covers(np.triu_indices_from)(_of(triu_indices))


@covers(np.diag_indices_from)
def diag_indices_from(arr: Any) -> Any:
    """Indices of the main diagonal of an array of equal sides."""
    x = asarray(arr)
    if not x.ndim >= 2:
        throw(ValueError("input array must be at least 2-d"))
    for d in x.dims[1:]:
        message = "All dimensions of input must be of equal length"
        current().require_equal(x.dims[0], d, ValueError, message)
    return diag_indices(dim_value(x.dims[0]), x.ndim)


@covers(np.ix_)
def ix_(*args: Any) -> Any:
    """Lines that index the product of their elements."""
    found = []
    for k, line in enumerate(args):
        counted = isinstance(line, Range)
        x: Any = arange(line.start, line.stop, line.step) if counted else asarray(line)
        if x.ndim != 1:
            throw(ValueError("Cross index must be 1 dimensional"))
        if x.dims[0] == 0:
            x = x.astype(np.intp)
        if is_bool(x.dtype):
            (x,) = np.nonzero(x)
        shape = [None] * len(args)
        shape[k] = slice(None)  # type: ignore[call-overload]
        found.append(x[tuple(shape)])
    return tuple(found)


@covers(np.unstack)
def unstack(x: Any, /, *, axis: Any = 0) -> Any:
    """The parts along an axis of known length."""
    a: Any = asarray(x)
    if a.ndim == 0:
        throw(ValueError("Input array must be at least 1-d."))
    moved: Any = np.moveaxis(a, axis, 0)
    return tuple(moved[i] for i in range(static_int(moved.dims[0], "the axis of np.unstack")))
