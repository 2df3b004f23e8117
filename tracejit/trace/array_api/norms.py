"""Norms of vectors and matrices, and the condition number."""

from __future__ import annotations

from typing import Any

import numpy as np

from tracejit.dtypes import is_complex, is_inexact, is_numpys_inexact
from tracejit.errors import throw
from tracejit.ir import extent as ex
from tracejit.trace.array_api.creation import asarray
from tracejit.trace.array_api.linalg import inv, matrix, svdvals
from tracejit.trace.array_api.names import covers
from tracejit.trace.array_api.operands import (
    axes_of,
    axis_of,
)
from tracejit.trace.values.all import (
    dim_value,
)


@covers(np.linalg.norm)
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """Vector norms of any order; Frobenius, 1, 2, inf and nuclear norms of matrices."""
    x = asarray(x)
    if not is_numpys_inexact(x.dtype):
        x = x.astype(np.float64)
    if axis is None:
        whole = ord is None or (ord in ("f", "fro") and x.ndim == 2) or (ord == 2 and x.ndim == 1)
        if whole:
            return _root_of_squares(x, tuple(range(x.ndim)), keepdims)
    axes = axes_of(axis, x.ndim) if not isinstance(axis, tuple) else axis
    axes = tuple(axis_of(k, x.ndim) for k in axes)
    if len(axes) == 1:
        return _vector_norm(x, ord, axes[0], keepdims)
    if len(axes) != 2:
        throw(ValueError("Improper number of dimensions to norm."))
    if ord in (None, "fro", "f"):
        return _root_of_squares(x, axes, keepdims)
    if ord in (2, -2, "nuc"):
        return _spectral_norm(x, ord, axes, keepdims)
    if ord not in (1, -1, np.inf, -np.inf):
        throw(ValueError("Invalid norm order for matrices."))
    first, second = axes if abs(ord) == 1 else axes[::-1]
    sums = np.sum(np.absolute(x), axis=first, keepdims=True)
    found = (np.amax if ord > 0 else np.amin)(sums, axis=second, keepdims=True)
    return found if keepdims else np.squeeze(found, axis=axes)[()]


def _root_of_squares(x: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    if is_complex(x.dtype):
        square = np.add(np.multiply(x.real, x.real), np.multiply(x.imag, x.imag))
    else:
        square = np.multiply(x, x)
    return np.sqrt(np.sum(square, axis=axes, keepdims=keepdims))


def _vector_norm(x: Any, ord: Any, axis: int, keepdims: bool) -> Any:
    size_ = np.absolute(x)
    if ord is None or ord == 2:
        return _root_of_squares(x, (axis,), keepdims)
    if ord == np.inf:
        return np.amax(size_, axis=axis, keepdims=keepdims)
    if ord == -np.inf:
        return np.amin(size_, axis=axis, keepdims=keepdims)
    if ord == 0:
        return np.sum(np.not_equal(x, 0).astype(size_.dtype), axis=axis, keepdims=keepdims)
    if ord == 1:
        return np.sum(size_, axis=axis, keepdims=keepdims)
    total = np.sum(np.power(size_, ord), axis=axis, keepdims=keepdims)
    return np.power(total, 1.0 / ord)


@covers(np.linalg.vector_norm)
def vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    """A norm of the flattened array or along one axis."""
    line = _inexact(asarray(x))
    axes = axes_of(axis, line.ndim)
    for k in reversed(axes):
        line = np.moveaxis(line, k, 0)
    rest = line.shape[len(axes) :]
    count = dim_value(ex.product(line.dims[: len(axes)]))
    found = _vector_norm(np.reshape(line, (count, *rest)), ord, 0, False)
    return np.expand_dims(found, axes) if keepdims else found


def _inexact(x: Any) -> Any:
    return x if is_inexact(x.dtype) else x.astype(np.float64)


@covers(np.linalg.matrix_norm)
def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    """A norm of the last two axes."""
    return norm(x, ord, (-2, -1), keepdims)


def _spectral_norm(x: Any, ord: Any, axes: tuple[int, int], keepdims: bool) -> Any:
    """Matrix norms made of singular values: 2, -2 and nuc."""
    values = svdvals(np.moveaxis(x, axes, (-2, -1)))
    reduce: Any = {2: np.amax, -2: np.amin, "nuc": np.sum}[ord]
    found = reduce(values, axis=-1)
    return np.expand_dims(found, tuple(axis_of(k, x.ndim) for k in axes)) if keepdims else found


@covers(np.linalg.cond)
def cond(x: Any, p: Any = None) -> Any:
    """The condition number in some norm."""
    a: Any = asarray(matrix(x))
    if p in (None, 2, -2):
        values = svdvals(a)
        first, last = values[..., 0], values[..., -1]
        return last / first if p == -2 else first / last
    return norm(a, p, (-2, -1)) * norm(inv(a), p, (-2, -1))
