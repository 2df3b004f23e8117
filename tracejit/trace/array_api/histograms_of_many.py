"""Histograms of points in several dimensions: histogramdd and histogram2d."""

from __future__ import annotations

from typing import Any

import numpy as np

from tracejit.dtypes import is_complex
from tracejit.errors import UnsupportedError, throw
from tracejit.trace.array_api.creation import asarray
from tracejit.trace.array_api.histograms import _check, _is_count, _outer_edges
from tracejit.trace.array_api.names import covers
from tracejit.trace.array_api.operands import static_int
from tracejit.trace.array_api.ranges import linspace
from tracejit.trace.values.all import Array, Tracer


def _columns(sample: Any) -> list[Any]:
    """The coordinates of the points, one array for each dimension."""
    if isinstance(sample, (tuple, list)):
        return [asarray(c) for c in sample]
    points: Any = asarray(sample)
    if points.ndim == 1:
        return [points]
    count = static_int(points.dims[1], "the number of dimensions")
    return [points[:, k] for k in range(count)]


def _edges_of(x: Any, bins: Any, range_: Any, number: int) -> Any:
    if not np.ndim(bins):
        if not _is_count(bins):
            throw(TypeError(f"`bins[{number}]` must be an integer, when a scalar"))
        _check(bins >= 1, f"`bins[{number}]` must be positive, when an integer")
        first, last = _outer_edges(x, range_)
        return linspace(first, last, bins + 1)
    edges = asarray(bins)
    if edges.ndim != 1:
        throw(ValueError(f"`bins[{number}]` must be a scalar or 1d array"))
    message = f"`bins[{number}]` must be monotonically increasing, when an array"
    _check(np.all(edges[:-1] <= edges[1:]), message)
    return edges


def _each_bins(bins: Any, count: int) -> list[Any]:
    if isinstance(bins, (tuple, list, Array, np.ndarray)):
        if len(bins) != count:
            throw(
                ValueError("The dimension of bins must be equal to the dimension of the sample x.")
            )
        return list(bins)
    return [bins] * count


@covers(np.histogramdd)
def histogramdd(
    sample: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None
) -> Any:
    """Counts (or sums of weights) of points in boxes, and the edges for each dimension."""
    columns = _columns(sample)
    if any(is_complex(x.dtype) for x in columns):
        raise UnsupportedError("np.histogramdd of complex data; histogram .real and .imag")
    ranges = [None] * len(columns) if range is None else list(range)
    if len(ranges) != len(columns):
        throw(ValueError("range argument must have one entry per dimension"))
    each = _each_bins(bins, len(columns))
    edges = [
        _edges_of(x, n, r, k) for k, (x, n, r) in enumerate(zip(columns, each, ranges, strict=True))
    ]
    shape = [e.shape[0] - 1 for e in edges]
    flat: Any = 0
    inside: Any = True
    total: Any = 1
    for x, line, n in zip(columns, edges, shape, strict=True):
        place = np.searchsorted(line, x, side="right") - (x == line[-1])
        inside = np.logical_and(inside, (place >= 1) & (place <= n))
        flat = flat * n + (place - 1)
        total = total * n
    flat = np.where(inside, flat, 0)
    counted = inside.astype(float) if weights is None else np.where(inside, asarray(weights), 0.0)
    found = np.reshape(np.bincount(flat, counted, minlength=total), tuple(shape))
    return (_as_density(found, edges) if density else found), edges


def _as_density(found: Any, edges: list[Any]) -> Any:
    scaled = found
    for k, line in enumerate(edges):
        width = np.diff(line)
        scaled = scaled / np.reshape(width, [-1 if j == k else 1 for j in range(len(edges))])
    return scaled / np.sum(found)


@covers(np.histogram2d)
def histogram2d(
    x: Any, y: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None
) -> Any:
    """Counts of points in rectangles, and the edges along x and y."""
    if (
        isinstance(bins, (Array, np.ndarray))
        or (isinstance(bins, (tuple, list)) and len(bins) != 2)
        or isinstance(bins, Tracer)
    ):
        bins = [bins, bins]
    found, edges = histogramdd([x, y], bins, range, density, weights)
    return found, edges[0], edges[1]
