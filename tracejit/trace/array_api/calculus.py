"""Differences, integrals, convolution and interpolation along an axis."""

from __future__ import annotations

from typing import Any

import numpy as np

from tracejit.dtypes import computed_in, is_bool, is_exact, is_float, is_numpys_inexact
from tracejit.errors import UnsupportedError, throw
from tracejit.ir import extent as ex
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.trace.array_api.creation import asarray
from tracejit.trace.array_api.delivery import deliver
from tracejit.trace.array_api.names import covers
from tracejit.trace.array_api.operands import (
    axis_of,
    builder,
    cast,
    check_dim,
    iota,
    operand,
    static_int,
    value_of,
)
from tracejit.trace.array_api.promotion import promote
from tracejit.trace.array_api.reductions import NO_VALUE, accumulator, fold_value, scan_value
from tracejit.trace.array_api.staged import staged
from tracejit.trace.array_api.ufunc_loops import LOOPS
from tracejit.trace.session.session import current
from tracejit.trace.values.all import Array, Tracer, dim_value, fresh, wrap
from tracejit.trace.views.broadcast import stretch


def cut(x: Value, axis: int, start: Dim, length: Dim, step: int = 1) -> Value:
    """A window of one axis, in range."""
    starts: list[Dim] = [0] * x.rank
    steps: list[Dim] = [1] * x.rank
    starts[axis], steps[axis] = start, step
    shape = tuple(length if k == axis else d for k, d in enumerate(x.shape))
    return builder().slice(x, starts, shape, steps)


def _shorter(n: Dim) -> Dim:
    """n - 1, or 0 for an empty axis."""
    if isinstance(n, int):
        return max(n - 1, 0)
    return n - 1 if current().ranges.at_least(n, 1) else ex.emax(n - 1, 0)


@covers(np.diff)
def diff(
    a: Any, n: Any = 1, axis: Any = -1, prepend: Any = NO_VALUE, append: Any = NO_VALUE
) -> Any:
    """The n-th difference along an axis."""
    times = static_int(n, "n")
    if times < 0:
        throw(ValueError(f"order must be non-negative but got {times!r}"))
    x = asarray(a)
    if x.ndim == 0:
        throw(ValueError("diff requires input that is at least one dimensional"))
    if times == 0:
        return x
    k = axis_of(axis, x.ndim)
    parts: list[Any] = [x]
    for extra, place in ((prepend, 0), (append, None)):
        if extra is not NO_VALUE:
            e = value_of(extra)
            if e.rank == 0:
                e = stretch(e, tuple(1 if j == k else d for j, d in enumerate(x.dims)))
            parts.insert(len(parts) if place is None else place, e)
    value = value_of(x if len(parts) == 1 else np.concatenate([asarray(p) for p in parts], axis=k))
    b = builder()
    for _ in range(times):
        length = _shorter(value.shape[k])
        later, earlier = cut(value, k, 1, length), cut(value, k, 0, length)
        if is_bool(value.dtype):
            value = b.op("bitwise_xor", later, earlier)
        else:
            value = b.op("sub", later, earlier)
    return fresh(value)


@covers(np.ediff1d)
def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    """Differences of the flattened array, with optional ends."""
    parts = [diff(np.ravel(asarray(ary)))]
    if to_begin is not None:
        parts.insert(0, np.ravel(asarray(to_begin)).astype(parts[0].dtype))
    if to_end is not None:
        parts.append(np.ravel(asarray(to_end)).astype(parts[0].dtype))
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _each_side(x: Any, axis: int) -> tuple[Any, Any]:
    value = value_of(x)
    length = _shorter(value.shape[axis])
    return fresh(cut(value, axis, 1, length)), fresh(cut(value, axis, 0, length))


@covers(np.trapezoid)
def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: Any = -1) -> Any:
    """The trapezoidal rule along an axis."""
    y = asarray(y)
    k = axis_of(axis, y.ndim)
    later, earlier = _each_side(y, k)
    width = dx
    if x is not None:
        at = asarray(x)
        width = diff(at) if at.ndim == 1 else diff(at, axis=k)
        if at.ndim == 1:
            width = np.reshape(width, (-1, *[1] * (y.ndim - 1 - k)))
    return np.sum(np.divide(np.multiply(width, np.add(later, earlier)), 2.0), axis=k)


def _spacing(varargs: tuple[Any, ...], axes: tuple[int, ...]) -> list[Any]:
    if not varargs:
        return [1.0] * len(axes)
    if len(varargs) == 1 and (operand(varargs[0]).shape == ()):
        return [varargs[0]] * len(axes)
    if len(varargs) != len(axes):
        throw(TypeError("invalid number of arguments"))
    return list(varargs)


@covers(np.gradient)
def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    """Central differences inside, one-sided at the ends."""
    x = asarray(f)
    if axis is None:
        axes = tuple(range(x.ndim))
    else:
        many = axis if isinstance(axis, tuple) else (axis,)
        axes = tuple(axis_of(k, x.ndim) for k in many)
    if edge_order not in (1, 2):
        throw(ValueError("'edge_order' greater than 2 not supported"))
    if is_exact(x.dtype):
        x = x.astype(np.float64)
    found = []
    for k, h in zip(axes, _spacing(varargs, axes), strict=True):
        message = (
            "Shape of array too small to calculate a numerical gradient, "
            "at least (edge_order + 1) elements are required."
        )
        check_dim("ge", x.dims[k], edge_order + 1, "ValueError", message)
        step = operand(h)
        if step.shape == ():
            found.append(_even_gradient(x, h, k, edge_order))
        else:
            found.append(_uneven_gradient(x, diff(asarray(h)), k, edge_order))
    if not is_numpys_inexact(x.dtype):
        found = [g.astype(np.float64) for g in found]
    return found[0] if len(found) == 1 else tuple(found)


def _part(x: Any, axis: int, start: Dim, length: Dim) -> Array:
    return fresh(cut(value_of(x), axis, start, length))


def _even_gradient(x: Array, h: Any, k: int, edge_order: int) -> Any:
    n = x.dims[k]
    inner = n - 2
    two = np.multiply(2.0, h)
    middle = np.divide(np.subtract(_part(x, k, 2, inner), _part(x, k, 0, inner)), two)
    if edge_order == 1:
        first = np.divide(np.subtract(_part(x, k, 1, 1), _part(x, k, 0, 1)), h)
        last = np.divide(np.subtract(_part(x, k, n - 1, 1), _part(x, k, n - 2, 1)), h)
    else:
        first = _weighted(
            x, k, (0, 1, 2), np.divide(-1.5, h), np.divide(2.0, h), np.divide(-0.5, h)
        )
        last = _weighted(
            x, k, (n - 3, n - 2, n - 1), np.divide(0.5, h), np.divide(-2.0, h), np.divide(1.5, h)
        )
    return np.concatenate([first, middle, last], axis=k).astype(x.dtype, copy=False)


def _weighted(x: Array, k: int, places: tuple[Dim, ...], *weights: Any) -> Any:
    terms = [np.multiply(w, _part(x, k, p, 1)) for w, p in zip(weights, places, strict=True)]
    return np.add(np.add(terms[0], terms[1]), terms[2])


def _uneven_gradient(x: Array, dx: Any, k: int, edge_order: int) -> Any:
    n = x.dims[k]
    inner = n - 2
    column = (-1, *[1] * (x.ndim - 1 - k))
    d1: Any = np.reshape(_part(dx, 0, 0, inner), column)
    d2: Any = np.reshape(_part(dx, 0, 1, inner), column)
    total = np.add(d1, d2)
    a = np.divide(np.negative(d2), np.multiply(d1, total))
    c = np.divide(d1, np.multiply(d2, total))
    b = np.divide(np.subtract(d2, d1), np.multiply(d1, d2))
    parts = [np.multiply(w, _part(x, k, s, inner)) for w, s in ((a, 0), (b, 1), (c, 2))]
    middle = np.add(np.add(parts[0], parts[1]), parts[2])
    h0: Any = np.squeeze(_part(dx, 0, 0, 1))
    h1: Any = np.squeeze(_part(dx, 0, n - 2, 1))
    if edge_order == 1:
        first = np.divide(np.subtract(_part(x, k, 1, 1), _part(x, k, 0, 1)), h0)
        last = np.divide(np.subtract(_part(x, k, n - 1, 1), _part(x, k, n - 2, 1)), h1)
        return np.concatenate([first, middle, last], axis=k)
    g0: Any = np.squeeze(_part(dx, 0, 1, 1))
    g1: Any = np.squeeze(_part(dx, 0, n - 3, 1))
    first = _weighted(x, k, (0, 1, 2), *_edge_weights(h0, g0))
    last = _weighted(x, k, (n - 1, n - 2, n - 3), *(-w for w in _edge_weights(h1, g1)))
    return np.concatenate([first, middle, last], axis=k)


def _edge_weights(near: Any, far: Any) -> tuple[Any, Any, Any]:
    """Of the three points at an edge, for the derivative at the outermost, to second order."""
    both = near + far
    return -(2.0 * near + far) / (near * both), both / (near * far), -near / (far * both)


_MODES = ("full", "same", "valid")


def _convolved(a: Value, v: Value, mode: str, start: Dim | None = None) -> Value:
    """Elements of the full convolution from ``start``: sums over windows of the padded ``a``."""
    b = builder()
    dtype = a.dtype
    a, v = (b.convert(x, computed_in(dtype)) for x in (a, v))
    n, m = a.shape[0], v.shape[0]
    short, long_ = ex.emin(n, m), ex.emax(n, m)
    if current().ranges.at_least(n, m):
        short, long_ = m, n
    elif current().ranges.at_least(m, n):
        short, long_ = n, m
    lengths: dict[str, Dim] = {"full": n + m - 1, "same": long_, "valid": long_ - short + 1}
    starts: dict[str, Dim] = {"full": 0, "same": ex.floordiv(short - 1, 2), "valid": short - 1}
    first, length = starts[mode] if start is None else start, lengths[mode]
    v = b.slice(v, [m - 1], (m,), [-1])
    padded = b.op("pad", a, b.const(0, a.dtype), b.index(m - 1 - first), shape=(length + m - 1,))
    # Read again and again, so once it is asked what lies outside. A window a column: of a sum along
    # the first axis neighbours are summed at once.
    padded = b.op("copy", padded)
    rows = b.broadcast(iota(m), (m, length), (0,))
    cols = b.broadcast(iota(length), (m, length), (1,))
    windows = b.op("gather", padded, b.op("add", rows, cols), axes=(0,))
    products = LOOPS[np.multiply](b, windows, b.broadcast(v, (m, length), (0,)))
    return b.convert(fold_value(np.add, products, (0,), products.dtype), dtype)


def _pair(a: Any, v: Any, name: str) -> tuple[Value, Value]:
    inputs = [operand(a), operand(v)]
    kind = promote(inputs)
    x, y = (cast(i, kind) for i in inputs)
    x, y = (builder().reshape(i, (1,)) if i.rank == 0 else i for i in (x, y))
    if x.rank != 1 or y.rank != 1:
        throw(ValueError("object too deep for desired array"))
    for value, which in ((x, "a"), (y, "v")):
        if value.shape[0] == 0:
            throw(ValueError(f"{which} cannot be empty" if name == "convolve" else "empty array"))
    return x, y


@covers(np.convolve)
def convolve(a: Any, v: Any, mode: str = "full") -> Array:
    """Discrete convolution of two vectors."""
    x, y = _pair(a, v, "convolve")
    if mode not in _MODES:
        throw(ValueError(f"mode must be one of 'full', 'same', or 'valid' (got '{mode}')"))
    return fresh(_convolved(x, y, mode))


@covers(np.correlate)
def correlate(a: Any, v: Any, mode: str = "valid") -> Array:
    """Cross-correlation of two vectors (the second conjugated)."""
    x, y = _pair(a, v, "correlate")
    if mode not in _MODES:
        throw(ValueError(f"mode must be one of 'full', 'same', or 'valid' (got '{mode}')"))
    y = LOOPS[np.conjugate](builder(), y)
    n, m = x.shape[0], y.shape[0]
    start: Dim | None = None
    if mode == "same" and not current().ranges.at_least(n, m):
        if not current().ranges.at_least(m, n):
            raise UnsupportedError(
                "np.correlate(mode='same') of two arrays of which it is not known at compile time "
                "which is longer; use static shapes"
            )
        start = ex.floordiv(n, 2)
    return fresh(_convolved(x, builder().slice(y, [m - 1], (m,), [-1]), mode, start))


def _counts(line: Value, points: Value, strict: bool) -> Value:
    """How many elements of a sorted vector come before each point: binary search, all at once.

    The halves depend on the length alone, and a step adds one or nothing: the range analysis of
    LLVM takes time exponential in the steps where bounds are selected instead.
    """
    b = builder()
    zero = b.const(0, "i64")
    n = line.shape[0]
    last = b.index(n - 1)
    if not current().ranges.at_least(n, 1):  # there must be something to look at
        line = b.op("concatenate", line, b.broadcast(b.const(0, line.dtype), (1,), ()), axis=0)
        last = b.index(ex.emax(n - 1, 0))

    def step(low: Any, by: Any, ahead: Any) -> Any:
        """Further by so much where the element ahead comes before the point."""
        inside = np.minimum(np.maximum(low + ahead, 0), wrap(last))
        element = builder().op("gather", line, value_of(inside), axes=(0,))
        return low + np.where(wrap(_before(element, points, strict)), by, 0)

    low: Any = wrap(stretch(zero, points.shape))
    size: Any = dim_value(n)
    if isinstance(n, int):
        for _ in range(max(n - 1, 0).bit_length()):
            low, size = step(low, size >> 1, (size >> 1) - 1), (size + 1) >> 1
    else:
        left = b.convert(b.op("frexp_exponent", b.convert(last, "f64")), "i64")  # its bits
        low, size = staged(_halved)(low, size, wrap(left), step)
    return value_of(step(low, np.minimum(size, 1), 0))


def _halved(low: Any, size: Any, times: Any, step: Any) -> Any:
    for _ in range(times):
        low = step(low, size >> 1, (size >> 1) - 1)
        size = (size + 1) >> 1
    return low, size


def _before(element: Value, point: Value, strict: bool) -> Value:
    """Sort order with nan last."""
    b = builder()
    found = b.op("lt" if strict else "le", element, point)
    if not is_float(element.dtype):
        return found  # type: ignore[no-any-return]
    nan_point, nan_element = b.op("isnan", point), b.op("isnan", element)
    late = b.op("bitwise_and", nan_point, b.op("invert", nan_element)) if strict else nan_point
    return b.op("bitwise_or", found, late)  # type: ignore[no-any-return]


@covers(np.searchsorted, method=True)
def searchsorted(a: Any, v: Any, side: str = "left", sorter: Any = None) -> Any:
    """Where elements would be inserted to keep order."""
    if sorter is not None:
        a = np.take(a, sorter)
    inputs = [operand(a), operand(v)]
    kind = promote(inputs)
    line, points = (cast(i, kind) for i in inputs)
    if line.rank != 1:
        throw(ValueError("object of too small depth for desired array"))
    if side not in ("left", "right"):
        throw(ValueError(f"search side must be one of 'left' or 'right' (got '{side}')"))
    if line.shape[0] == 0:
        return wrap(stretch(builder().const(0, "i64"), points.shape))
    return wrap(_counts(line, points, side == "left"))


@covers(np.interp)
def interp(
    x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None
) -> Any:
    """Piecewise linear interpolation of real or complex data."""
    if period is not None:
        return _periodic(x, xp, fp, period)
    kind = np.result_type(operand(fp).dtype, np.float64)
    xs, ps = asarray(x).astype(np.float64), asarray(xp).astype(np.float64)
    fs = asarray(fp).astype(kind)
    if ps.ndim != 1 or fs.ndim != 1:
        throw(ValueError("Data points must be 1-D sequences"))
    n = ps.dims[0]
    check_dim("ge", n, 1, "ValueError", "array of sample points is empty")
    current().require_equal(fs.dims[0], n, ValueError, "fp and xp are not of the same length.")
    b = builder()
    where_ = _counts(ps.read(), xs.read(), strict=False)
    j = asarray(b.op("sub", where_, stretch(b.const(1, "i64"), where_.shape)))
    top = asarray(b.index(n - 1))
    below = asarray(b.index(ex.emax(n - 2, 0)))
    at: Any = np.clip(j, 0, below)
    x0, f0 = np.take(ps, at), np.take(fs, at)
    after = np.minimum(np.add(at, 1), top)
    slope = np.divide(np.subtract(np.take(fs, after), f0), np.subtract(np.take(ps, after), x0))
    found = np.add(np.multiply(slope, np.subtract(xs, x0)), f0)
    found = np.where(np.greater_equal(j, top), np.take(fs, top), found)
    first = np.take(fs, 0) if left is None else left
    last = np.take(fs, top) if right is None else right
    found = np.where(np.less(xs, np.take(ps, 0)), first, found)
    found = np.where(np.greater(xs, np.take(ps, top)), last, found)
    return np.where(np.isnan(xs), xs, found)[()]


def _periodic(x: Any, xp: Any, fp: Any, period: Any) -> Any:
    """Interpolation of a periodic function: one point more at each end."""
    if not isinstance(period, Tracer) and period == 0:
        throw(ValueError("period must be a non-zero value"))
    span = np.absolute(period)
    places: Any = np.remainder(asarray(xp).astype(np.float64), span)
    order = np.argsort(places)
    places, values = places[order], asarray(fp)[order]
    places = np.concatenate([places[-1:] - span, places, places[:1] + span])
    values = np.concatenate([values[-1:], values, values[:1]])
    return interp(np.remainder(asarray(x).astype(np.float64), span), places, values)


def _cumulative(ufunc: np.ufunc, start: int) -> Any:
    """A running sum or product, optionally beginning with ``start``."""

    def cumulative(
        x: Any,
        /,
        *,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        include_initial: bool = False,
    ) -> Any:
        value = value_of(x)
        if axis is None:
            if value.rank > 1:
                throw(
                    ValueError(
                        "For arrays which have more than one dimension ``axis`` is required."
                    )
                )
            axis = 0
        k = axis_of(axis, value.rank)
        found = scan_value(ufunc, value, k, accumulator(value.dtype, dtype, True))
        if include_initial:
            b = builder()
            shape = tuple(1 if j == k else d for j, d in enumerate(value.shape))
            found = b.op("concatenate", stretch(b.const(start, found.dtype), shape), found, axis=k)
        return deliver(found, out)

    return cumulative


covers(np.cumulative_sum)(_cumulative(np.add, 0))
covers(np.cumulative_prod)(_cumulative(np.multiply, 1))
