"""Counting: bincount, histogram, digitize; and covariances."""

from __future__ import annotations

from typing import Any

import numpy as np

from tracejit.dtypes import is_bool, is_complex, is_float, is_integer
from tracejit.errors import UnsupportedError, throw
from tracejit.ir.core import Value
from tracejit.trace.array_api.bin_widths import bins_by_rule
from tracejit.trace.array_api.creation import asarray, shape_of
from tracejit.trace.array_api.names import covers
from tracejit.trace.array_api.operands import builder, cast, match_axis, operand, value_of
from tracejit.trace.array_api.promotion import result_dtype
from tracejit.trace.array_api.ranges import linspace
from tracejit.trace.session.session import current
from tracejit.trace.values.all import PyScalar, Scalar, Tracer, as_dim, dim_value, fresh, python_int
from tracejit.trace.views.broadcast import stretch


def _check(holds: Any, message: str) -> None:
    """ValueError unless a (traced) condition holds."""
    if isinstance(holds, Tracer):
        current().check(value_of(holds), ValueError, message)
    elif not holds:
        throw(ValueError(message))


def _counted(index: Value, amounts: Value, bins: Any) -> Any:
    """Sums of the amounts for each bin; the indices are known to be in range."""
    b = builder()
    (n,) = shape_of(bins)
    start = b.broadcast(b.const(0, amounts.dtype), (n,), ())
    return fresh(b.op("scatter", start, amounts, index, axes=(0,), mode="add"))


@covers(np.bincount)
def bincount(x: Any, /, weights: Any = None, minlength: Any = 0) -> Any:
    """How often each non-negative integer occurs, or the sum of its weights."""
    line: Any = asarray(x)
    if line.ndim != 1:
        throw(ValueError("object too deep for desired array" if line.ndim else "a line is needed"))
    if not np.can_cast(line.dtype, np.int64, "safe"):
        throw(
            TypeError(
                f"Cannot cast array data from {line.dtype!r} to dtype('int64') "
                "according to the rule 'safe'"
            )
        )
    index = line.astype(np.int64)
    _check(np.all(index >= 0), "'list' argument must have no negative elements")
    _check(minlength >= 0, "'minlength' must not be negative")
    longest = np.maximum(np.max(index, initial=-1) + 1, minlength)
    bins = python_int(builder().convert(value_of(longest), "i64"))
    b = builder()
    if weights is None:
        amounts = stretch(b.const(1, "i64"), index.dims)
    else:
        amounts = b.convert(value_of(weights), "f64")
        message = "The weights and list don't have the same length."
        if amounts.rank != 1:
            throw(ValueError(message))
        amounts = match_axis(amounts, 0, index.dims[0], message)
    return _counted(index.read(), amounts, bins)


@covers(np.digitize)
def digitize(x: Any, bins: Any, right: bool = False) -> Any:
    """Which bin each element is in; bins increase or decrease."""
    points: Any = asarray(x)
    edges: Any = asarray(bins)
    if is_complex(points.dtype):
        throw(TypeError("x may not be complex"))
    side: Any = "left" if right else "right"
    steps_up = np.all(edges[1:] >= edges[:-1])
    steps_down = np.all(edges[1:] <= edges[:-1])
    known = current().literal(edges.read())
    message = "bins must be monotonically increasing or decreasing"
    n: Any = dim_value(edges.dims[0])
    if known is None:
        _check(np.logical_or(steps_up, steps_down), message)
        upwards = np.where(steps_up, edges, edges[::-1])
        found: Any = np.searchsorted(upwards, points, side=side)
        return np.where(steps_up, found, n - found)[()]
    if np.all(known[1:] >= known[:-1]):
        return np.searchsorted(edges, points, side=side)
    _check(np.all(known[1:] <= known[:-1]), message)
    return n - np.searchsorted(edges[::-1], points, side=side)


# Histograms ---------------------------------------------------------------------------------------


def _outer_edges(a: Any, range_: Any) -> tuple[Any, Any]:
    """First and last edge, from ``range`` or the data."""
    if range_ is not None:
        first, last = range_
        _check(first <= last, "max must be larger than min in range parameter.")
        finite = np.logical_and(np.isfinite(first), np.isfinite(last))
        _check(finite, "supplied range is not finite")
    elif a.dims[0] == 0:
        first, last = 0, 1
    else:
        first, last = _extent_of(a)
        finite = np.logical_and(np.isfinite(first), np.isfinite(last))
        _check(finite, "autodetected range is not finite")
    if not isinstance(first, Tracer) and not isinstance(last, Tracer):
        return (first - 0.5, last + 0.5) if first == last else (first, last)
    flat = np.equal(first, last)
    return np.where(flat, first - 0.5, first)[()], np.where(flat, last + 0.5, last)[()]


def _extent_of(a: Any) -> tuple[Any, Any]:
    """Least and greatest element; 0 and 1 for nothing."""
    if current().ranges.at_least(a.dims[0], 1):
        return a.min(), a.max()
    some = dim_value(a.dims[0]) > 0
    kind = a.dtype
    top, bottom = (np.inf, -np.inf) if is_float(kind) else _integer_limits(kind)
    low, high = np.min(a, initial=top), np.max(a, initial=bottom)
    return np.where(some, low, kind.type(0))[()], np.where(some, high, kind.type(1))[()]


def _integer_limits(kind: np.dtype[Any]) -> tuple[int, int]:
    info = np.iinfo(kind)
    return int(info.max), int(info.min)


def _is_count(bins: Any) -> bool:
    return isinstance(bins, (int, np.integer, PyScalar, Scalar))


def _prepared(a: Any, weights: Any) -> tuple[Any, Any]:
    """The data and its weights in one row each."""
    x: Any = asarray(a)
    if is_bool(x.dtype):
        x = x.astype(np.uint8)
    if is_complex(x.dtype):
        raise UnsupportedError("np.histogram of complex data")
    if weights is None:
        return np.ravel(x), None
    w: Any = asarray(weights)
    if w.ndim != x.ndim:
        throw(ValueError("weights should have the same shape as a."))
    w = asarray(_matched(w, x))
    if is_bool(w.dtype):
        raise UnsupportedError("np.histogram with bool weights; convert them first")
    return np.ravel(x), np.ravel(w)


def _matched(w: Any, x: Any) -> Value:
    value: Value = w.read()
    for axis, dim in enumerate(x.dims):
        value = match_axis(value, axis, dim, "weights should have the same shape as a.")
    return value


def _edges(a: Any, bins: Any, range_: Any) -> tuple[Any, Any]:
    """Bin edges, and (first, last) where they are equally spaced."""
    if not _is_count(bins):
        edges = asarray(bins)
        if edges.ndim != 1:
            throw(ValueError("`bins` must be 1d, when an array"))
        _check(np.all(edges[:-1] <= edges[1:]), "`bins` must increase monotonically, when an array")
        return edges, None
    _check(bins >= 1, "`bins` must be positive, when an integer")
    first, last = _outer_edges(a, range_)
    kind = result_dtype(first, last, a)
    if is_integer(kind):
        kind = np.result_type(kind, np.float64)
    edges = linspace(first, last, bins + 1, dtype=kind)
    _check(np.all(edges[:-1] < edges[1:]), "Too many bins for data range.")
    return edges, (first, last)


def _number(x: Any, bins: Any, range_: Any, weights: Any) -> Any:
    """The number of bins by a rule with a name; anything else as it is."""
    if not isinstance(bins, str):
        return bins
    outer = _outer_edges(x, range_)
    return bins_by_rule(x, bins, outer, weights is not None, range_ is not None)


def _uniform_index(a: Any, edges: Any, outer: tuple[Any, Any], bins: Any) -> tuple[Any, Any]:
    """Bins of elements by arithmetic, corrected where rounding is off by one; and which count."""
    first, last = outer
    inside = (a >= first) & (a <= last)
    x = np.where(inside, a.astype(edges.dtype), edges[0])
    index = ((x - first) / np.subtract(last, first) * bins).astype(np.int64)
    index = np.minimum(index, bins - 1)
    index = index - (x < np.take(edges, index, mode="clip"))
    index = index + ((x >= np.take(edges, index + 1, mode="clip")) & (index != bins - 1))
    return index, inside


def _bisected_index(a: Any, edges: Any, bins: Any) -> tuple[Any, Any]:
    """Bins of elements between given edges (the last one is closed), and which count."""
    first, last = edges[0], edges[-1]
    inside = (a >= first) & (a <= last)
    index = np.searchsorted(edges, a, side="right") - 1
    return np.clip(index, 0, bins - 1), inside


@covers(np.histogram)
def histogram(
    a: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None
) -> Any:
    """Counts (or sums of weights) in bins, and the edges of the bins."""
    x, w = _prepared(a, weights)
    bins = _number(x, bins, range, w)
    edges, outer = _edges(x, bins, range)
    count = dim_value(edges.dims[0] - 1) if outer is None else bins
    if outer is None:
        index, inside = _bisected_index(x, edges, count)
    else:
        index, inside = _uniform_index(x, edges, outer, count)
    b = builder()
    if w is None:
        amounts = b.convert(inside.read(), "i64")
    else:
        amounts = value_of(np.where(inside, w, w.dtype.type(0)))
    found = _counted(b.convert(value_of(index), "i64"), amounts, as_dim(count))
    if density:
        return found / np.diff(edges).astype(float) / found.sum(), edges
    return found, edges


@covers(np.histogram_bin_edges)
def histogram_bin_edges(a: Any, bins: Any = 10, range: Any = None, weights: Any = None) -> Any:
    """The edges that ``histogram`` uses."""
    x, w = _prepared(a, weights)
    return _edges(x, _number(x, bins, range, w), range)[0]


# Covariance ---------------------------------------------------------------------------------------


def _rows(m: Any, kind: np.dtype[Any], rowvar: bool) -> Any:
    x: Any = fresh(cast(operand(m), kind))
    if x.ndim > 2:
        throw(ValueError("m has more than 2 dimensions"))
    if x.ndim < 2:
        return np.reshape(x, (1, -1))
    return x if rowvar else x.T


@covers(np.cov)
def cov(
    m: Any,
    y: Any = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: Any = None,
    fweights: Any = None,
    aweights: Any = None,
    *,
    dtype: Any = None,
) -> Any:
    """Covariances of variables (rows, unless ``rowvar=False``)."""
    if ddof is not None and ddof != int(ddof):
        throw(ValueError("ddof must be integer"))
    given = [m] if y is None else [m, y]
    kind = np.dtype(dtype) if dtype is not None else result_dtype(*given, np.float64)
    x = _rows(m, kind, rowvar)
    if y is not None:
        x = np.concatenate([x, _rows(y, kind, rowvar)], axis=0)
    less = (0 if bias else 1) if ddof is None else int(ddof)
    weight, freedom = _weighted(x, fweights, aweights, less)
    middle = np.average(x, axis=1, weights=weight)
    gap = x - np.expand_dims(middle, 1)
    other = gap if weight is None else gap * weight
    found = np.dot(gap, np.conj(other.T))
    found = (found * np.true_divide(1, freedom)).astype(found.dtype)
    return np.squeeze(found)


def _weighted(x: Any, fweights: Any, aweights: Any, less: int) -> tuple[Any, Any]:
    """Weights of the observations (None for none) and the divisor."""
    if fweights is None and aweights is None:
        return None, np.maximum(np.subtract(dim_value(x.dims[1]), less), 0)
    kinds = [asarray(w).astype(float) for w in (fweights, aweights) if w is not None]
    for w in kinds:
        if w.ndim > 1:
            throw(RuntimeError("cannot handle multidimensional weights"))
    weight = kinds[0] if len(kinds) == 1 else kinds[0] * kinds[1]
    total = np.sum(weight)
    if less == 0:
        return weight, total
    if aweights is None:
        return weight, total - less
    return weight, total - less * np.sum(weight * kinds[-1]) / total


@covers(np.corrcoef)
def corrcoef(x: Any, y: Any = None, rowvar: bool = True, *, dtype: Any = None) -> Any:
    """Correlation coefficients of variables."""
    c: Any = cov(x, y, rowvar, dtype=dtype)
    if c.ndim == 0:
        return c / c
    scale = np.sqrt(np.diag(c).real)
    c = c / scale[:, None] / scale[None, :]
    if is_complex(c.dtype):
        return np.clip(c.real, -1, 1) + 1j * np.clip(c.imag, -1, 1)
    return np.clip(c, -1, 1)
