"""Order statistics: median, quantile, percentile, and those that ignore nan.

Formulas of the methods: R. J. Hyndman and Y. Fan, "Sample quantiles in statistical packages",
The American Statistician 50(4), 1996, as NumPy computes them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tracejit.dtypes import is_bool, is_complex, is_exact, is_float, is_inexact
from tracejit.errors import UnsupportedError, throw
from tracejit.trace.array_api.creation import asarray
from tracejit.trace.array_api.delivery import stored
from tracejit.trace.array_api.names import covers
from tracejit.trace.array_api.operands import axis_of, builder, value_of
from tracejit.trace.array_api.reductions import NO_VALUE
from tracejit.trace.array_api.sorting import merged, sorted_along
from tracejit.trace.session.session import current
from tracejit.trace.values.all import Array, PyScalar, Scalar, Tracer, dim_value, fresh


def _finish(found: Any, axes: tuple[int, ...], keepdims: Any, out: Any, lead: int = 0) -> Any:
    """A result without the reduced axes, put back for ``keepdims``, stored in ``out``."""
    if keepdims is not NO_VALUE and keepdims:
        found = np.expand_dims(found, tuple(lead + k for k in axes))
    return stored(found, out)


def _all_sorted(a: Any, axis: Any) -> tuple[Any, Any, tuple[int, ...]]:
    """Sorted along axis 0, its length, and the axes that were merged into it."""
    x, axes = merged(a, axis)
    return sorted_along(x, 0), dim_value(x.dims[0]), axes


def _sorted_or_nan(a: Any, axis: Any) -> tuple[Any, Any, tuple[int, ...]]:
    """As ``_all_sorted``, with one nan more at the end where there may be no element at all."""
    x, axes = merged(a, axis)
    n = x.dims[0]
    if current().ranges.at_least(n, 1):
        return sorted_along(x, 0), dim_value(n), axes
    x = x if is_inexact(x.dtype) else x.astype(np.float64)
    row = np.full_like(x, np.nan, shape=(1, *x.shape[1:]))
    return sorted_along(np.concatenate([x, row]), 0), dim_value(n), axes


def _nan_if_any(ordered: Any, last: Any, found: Any) -> Any:
    """nan wherever the slice holds one: it is sorted to the end."""
    if not is_inexact(ordered.dtype):
        return found
    return np.where(np.isnan(last), last.astype(found.dtype), found)[()]


@covers(np.median)
def median(
    a: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False, keepdims: Any = False
) -> Any:
    """The middle element, or the mean of the middle two; nan for nothing."""
    ordered, n, axes = _sorted_or_nan(a, axis)
    if isinstance(n, int) and n:
        found = ordered[(n - 1) // 2 : n // 2 + 1].mean(0)
        return _finish(_nan_if_any(ordered, ordered[n - 1], found), axes, keepdims, out)
    if is_exact(ordered.dtype):
        ordered = ordered.astype(np.float64)
    low = np.take(ordered, (n - 1) // 2, 0, mode="clip")
    both = np.add(low, np.take(ordered, n // 2, 0, mode="clip"))
    found = np.where(n % 2 == 1, low, np.true_divide(both, 2))[()]
    last = np.take(ordered, n - 1, 0, mode="clip")
    return _finish(_nan_if_any(ordered, last, found), axes, keepdims, out)


def _present(ordered: Any) -> Any:
    """How many elements of each sorted slice are not nan."""
    return np.sum(~np.isnan(ordered), axis=0)


def _pick(ordered: Any, at: Any) -> Any:
    """Element ``at`` (its own for each slice) along axis 0, kept in range."""
    top = dim_value(ordered.dims[0]) - 1
    at = np.clip(np.expand_dims(at, 0), 0, top)
    return np.take_along_axis(ordered, at, 0)[0]


@covers(np.nanmedian)
def nanmedian(
    a: Any,
    axis: Any = None,
    out: Any = None,
    overwrite_input: bool = False,
    keepdims: Any = NO_VALUE,
) -> Any:
    """The median of what is not nan; nan where nothing is left."""
    if not is_inexact(asarray(a).dtype):
        return median(a, axis, out, overwrite_input, keepdims)
    ordered, _, axes = _sorted_or_nan(a, axis)
    count = _present(ordered)
    low, high = _pick(ordered, (count - 1) // 2), _pick(ordered, count // 2)
    found = np.where(count % 2 == 1, low, np.true_divide(np.add(low, high), 2))
    found = np.where(count > 0, found, np.nan).astype(found.dtype)[()]
    return _finish(found, axes, keepdims, out)


# Quantiles ----------------------------------------------------------------------------------------


def _spread(alpha: float, beta: float) -> Callable[[Any, Any], Any]:
    """Position in the sorted slice, a real number, for one of the continuous methods."""

    def position(n: Any, q: Any) -> Any:
        return n * q + (alpha + q * (1 - alpha - beta)) - 1

    return position


def _middle(n: Any, q: Any) -> Any:
    return 0.5 * (np.floor((n - 1) * q) + np.ceil((n - 1) * q))


def _same(weight: Any, position: Any) -> Any:
    return weight


def _half_between(weight: Any, position: Any) -> Any:
    return np.where(position % 1 == 0, 0.0, 0.5)


def _half_on(weight: Any, position: Any) -> Any:
    return np.where(weight == 0, 0.5, 1.0)


#: Method -> position of the quantile, weight of the upper neighbour from its fraction.
_BETWEEN: dict[str, tuple[Callable[[Any, Any], Any], Callable[[Any, Any], Any]]] = {
    "linear": (lambda n, q: (n - 1) * q, _same),
    "averaged_inverted_cdf": (lambda n, q: n * q - 1, _half_on),
    "interpolated_inverted_cdf": (_spread(0, 1), _same),
    "hazen": (_spread(0.5, 0.5), _same),
    "weibull": (_spread(0, 0), _same),
    "median_unbiased": (_spread(1 / 3.0, 1 / 3.0), _same),
    "normal_unbiased": (_spread(3 / 8.0, 3 / 8.0), _same),
    "midpoint": (_middle, _half_between),
}


def _upper_unless(even: bool) -> Callable[[Any], Any]:
    def choose(position: Any) -> Any:
        below = np.floor(position)
        stay = position == below
        if even:
            stay = stay & (below % 2 == 1)
        return np.where(stay, below, below + 1)

    return choose


#: Method -> the one position that it takes.
_AT: dict[str, Callable[[Any, Any], Any]] = {
    "lower": lambda n, q: np.floor((n - 1) * q),
    "higher": lambda n, q: np.ceil((n - 1) * q),
    "nearest": lambda n, q: np.around((n - 1) * q),
    "inverted_cdf": lambda n, q: _upper_unless(False)(n * q - 1),
    "closest_observation": lambda n, q: _upper_unless(True)(n * q - 1 - 0.5),
}


def _is_plain(q: Any) -> bool:
    """Numbers written in the source (not values, nor arrays that are read at each call)."""
    if isinstance(q, (list, tuple)):
        return all(map(_is_plain, q))
    return isinstance(q, (int, float, np.generic))


def _checked(q: Any, name: str, top: int) -> Any:
    """``q`` divided by ``top``, known to be in [0, 1]; a plain array where that is known."""
    message = f"{name} must be in the range [0, {top}]"
    share: Any = np.asarray(q)[()] if _is_plain(q) else asarray(q)
    if np.ndim(share) > 2:
        throw(ValueError("q must be a scalar or 1d"))
    if top != 1:
        share = np.true_divide(share, top)
    inside = np.all((share >= 0) & (share <= 1))
    if isinstance(share, Tracer):
        current().check(value_of(inside), ValueError, message)
    elif not inside:
        throw(ValueError(message))
    return share


def _constant(x: Any) -> Any:
    """A plain array as a traced one; anything else as it is."""
    return fresh(builder().const(x)) if isinstance(x, np.ndarray) else x


def _column(x: Any, rank: int) -> Any:
    """``x`` with ``rank`` axes behind its own."""
    return np.reshape(x, (*np.shape(x), *[1] * rank)) if rank and np.ndim(x) else x


def _between(low: Any, high: Any, weight: Any) -> Any:
    """NumPy's interpolation: from the nearer end."""
    gap = high - low
    near_low, near_high = low + gap * weight, high - gap * (1 - weight)
    return np.where(weight >= 0.5, near_high, near_low)[()]


def _weak(weight: Any, weak: bool) -> Any:
    """A weight that does not widen float32 when ``q`` was a Python number."""
    if not weak:
        return weight
    if isinstance(weight, (Array, Scalar, PyScalar)):
        return PyScalar("float", value_of(weight))
    return float(weight)


def _quantile_of(ordered: Any, n: Any, q: Any, how: str, weak: bool, each: bool) -> Any:
    """Quantiles of sorted slices of ``n`` elements (``each``: its own n for each slice)."""
    rank = ordered.ndim - 1
    if isinstance(n, Tracer):
        q = _column(_constant(q), rank) if each else _constant(q)

    def take(at: Any) -> Any:
        traced: Any = at
        at = _constant(traced.astype(int) if isinstance(at, Tracer) else np.asarray(at, np.int64))
        if not each:
            return np.take(ordered, at, 0, mode="clip")
        if at.ndim == rank:
            return _pick(ordered, at)
        return np.take_along_axis(ordered, np.clip(at, 0, dim_value(ordered.dims[0]) - 1), 0)

    if how in _AT:
        return take(_AT[how](n, q))
    if how not in _BETWEEN:
        throw(ValueError(f"{how!r} is not a valid method. Use one of: {[*_BETWEEN, *_AT]}"))
    position, weigh = _BETWEEN[how]
    at = position(n, q)
    below = np.floor(at)
    weight = weigh(at - below, at)
    if each:
        top = n - 1
        pair = take(np.minimum(below, top)), take(np.minimum(below + 1, top))
        return _between(*pair, weight)
    weight = _constant(_weak(weight, weak))
    return _between(take(below), take(below + 1), _column(weight, rank))


def _is_weak(q: Any) -> bool:
    return type(q) in (int, float) or (isinstance(q, PyScalar) and q.kind in ("int", "float"))


def _real(a: Any, name: str) -> Any:
    x = asarray(a)
    if is_complex(x.dtype):
        throw(TypeError("a must be an array of real numbers"))
    if is_bool(x.dtype):
        raise UnsupportedError(f"{name} of bool arrays; convert them first")
    return x


def _quantile(name: str, label: str, top: int) -> Callable[..., Any]:
    def quantile(
        a: Any,
        q: Any,
        axis: Any = None,
        out: Any = None,
        overwrite_input: bool = False,
        method: str = "linear",
        keepdims: Any = False,
        *,
        weights: Any = None,
    ) -> Any:
        x = _real(a, name)
        share = _checked(q, label, top)
        if weights is not None:
            return weighted_quantile(x, share, axis, out, method, keepdims, weights, False)
        ordered, n, axes = _all_sorted(x, axis)
        found = _quantile_of(ordered, n, share, method, _is_weak(q), each=False)
        last = np.take(ordered, n - 1, 0, mode="clip")
        found = _nan_if_any(ordered, last, found)
        return _finish(found, axes, keepdims, out, np.ndim(share))

    return quantile


def weighted_quantile(
    x: Any, q: Any, axis: Any, out: Any, method: str, keepdims: Any, weights: Any, no_nan: bool
) -> Any:
    """The element at which the running share of the weights reaches ``q`` (inverted_cdf)."""
    if method != "inverted_cdf":
        throw(ValueError(f"Only method 'inverted_cdf' supports weights. Got: {method}."))
    w: Any = asarray(weights)
    if w.ndim != x.ndim:
        if axis is None or isinstance(axis, (tuple, list)) or w.ndim != 1:
            throw(TypeError("Axis must be specified when shapes of a and weights differ."))
        k = axis_of(axis, x.ndim)
        w = np.reshape(w, [-1 if j == k else 1 for j in range(x.ndim)])
    line, axes = merged(x, axis)
    share: Any = merged(np.broadcast_to(w, x.shape), axis)[0]
    _require(np.all(share >= 0), "Weights must be non-negative.")
    missing = np.isnan(line) if no_nan else None
    if missing is not None:
        share = np.where(missing, 0, share)
    order = np.argsort(line, axis=0, kind="stable")
    ordered: Any = np.take_along_axis(line, order, 0)
    running = np.cumsum(np.take_along_axis(share, order, 0), axis=0, dtype=np.float64)
    whole = running[-1]
    if missing is None:
        message = "Weights included NaN, inf or were all zero."
        _require(np.all(np.isfinite(whole) & (whole > 0)), message)
    running = np.where(running == 0, -1.0, running / whole)
    points: Any = _constant(np.reshape(q, (*np.shape(q), *[1] * running.ndim)))
    place = np.sum(np.expand_dims(running, tuple(range(np.ndim(q)))) < points, axis=np.ndim(q))
    top = dim_value(ordered.dims[0]) - 1
    if missing is not None:
        top = np.maximum(top - np.sum(missing, axis=0), 0)
    place = np.minimum(place, top)
    rank = ordered.ndim - 1
    spread = np.expand_dims(ordered, tuple(range(1, 1 + np.ndim(q)))) if rank else ordered
    if rank:
        shape = (ordered.shape[0], *place.shape)
        found = np.take_along_axis(np.broadcast_to(spread, shape), np.expand_dims(place, 0), 0)[0]
    else:
        found = np.take(ordered, place)
    if missing is None:
        found = _nan_if_any(ordered, ordered[-1], found)
    found = asarray(found) if out is None else found  # NumPy's is an array where rank is 0, too
    return _finish(found, axes, keepdims, out, np.ndim(q))


def _require(holds: Any, message: str) -> None:
    current().check(value_of(holds), ValueError, message)


def _nan_quantile(plain: Callable[..., Any], name: str, label: str, top: int) -> Callable[..., Any]:
    def quantile(
        a: Any,
        q: Any,
        axis: Any = None,
        out: Any = None,
        overwrite_input: bool = False,
        method: str = "linear",
        keepdims: Any = NO_VALUE,
        *,
        weights: Any = None,
    ) -> Any:
        x = _real(a, name)
        if not is_float(x.dtype):
            return plain(x, q, axis, out, overwrite_input, method, keepdims, weights=weights)
        share = _checked(q, label, top)
        if weights is not None:
            return weighted_quantile(x, share, axis, out, method, keepdims, weights, True)
        ordered, _, axes = _sorted_or_nan(x, axis)
        count = _present(ordered)
        found = _quantile_of(ordered, count, share, method, False, each=True)
        found = np.where(count > 0, found, np.nan)
        kind = x.dtype if _is_weak(q) else np.result_type(x.dtype, np.asarray(0.0).dtype)
        return _finish(found.astype(kind)[()], axes, keepdims, out, np.ndim(share))

    return quantile


quantile = covers(np.quantile)(_quantile("np.quantile", "Quantiles", 1))
percentile = covers(np.percentile)(_quantile("np.percentile", "Percentiles", 100))
covers(np.nanquantile)(_nan_quantile(quantile, "np.nanquantile", "Quantiles", 1))
covers(np.nanpercentile)(_nan_quantile(percentile, "np.nanpercentile", "Percentiles", 100))
