"""mean, var, std, average, counts, and the nan-ignoring reductions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tracejit.dtypes import accumulated_in, is_complex, is_exact, is_inexact
from tracejit.errors import UnsupportedError, throw
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.trace.array_api.creation import asarray
from tracejit.trace.array_api.delivery import deliver, stored
from tracejit.trace.array_api.names import covers
from tracejit.trace.array_api.operands import (
    DType,
    axes_of,
    axis_of,
    builder,
    expanded,
    full_like,
    given_dtype,
    size_of,
    value_of,
)
from tracejit.trace.array_api.reductions import NO_VALUE, extremum, fold_value, kept
from tracejit.trace.session.session import current
from tracejit.trace.session.session import where as place
from tracejit.trace.values.all import Array, python_int
from tracejit.trace.views.broadcast import match_shape, stretch


def _count(x: Value, axes: tuple[int, ...], where: Any, dtype: DType) -> Value:
    """How many elements each result is made of, in ``dtype`` (rank 0 without a mask)."""
    b = builder()
    if where is NO_VALUE or where is True:
        count: Dim = size_of(x, axes)
        if isinstance(count, int):
            return b.const(count, dtype)
        return b.convert(b.index(count), dtype)
    mask = stretch(b.convert(value_of(where), "bool"), x.shape)
    return b.convert(fold_value(np.add, mask, axes), dtype)


def _mean_value(x: Value, axes: tuple[int, ...], dtype: Any, where: Any) -> Value:
    if dtype is None and is_exact(x.dtype):
        dtype = np.float64
    total = fold_value(np.add, x, axes, dtype, NO_VALUE, where)
    return _divided(total, _count(x, axes, where, np.dtype(np.float64)))


def _divided(total: Value, count: Value) -> Value:
    """The quotient, computed in double precision whatever the total's dtype is, as in NumPy."""
    b = builder()
    wide = "c128" if is_complex(total.dtype) else "f64"
    count = stretch(b.convert(count, wide), total.shape)
    return b.convert(b.op("div", b.convert(total, wide), count), total.dtype)


@covers(np.mean, method=True)
def mean(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = NO_VALUE,
    *,
    where: Any = NO_VALUE,
) -> Any:
    """Arithmetic mean; nan for nothing."""
    x = value_of(a)
    axes = axes_of(axis, x.rank, strict=True)
    if dtype is None and accumulated_in(x.dtype) != x.dtype:
        wide = _mean_value(x, axes, accumulated_in(x.dtype), where)
        value = builder().convert(wide, x.dtype)
    else:
        value = _mean_value(x, axes, dtype, where)
    return deliver(kept(value, axes, keepdims), out)


def _var_value(
    x: Value, axes: tuple[int, ...], dtype: Any, ddof: Any, where: Any, centre: Any
) -> Value:
    """NumPy's two passes: the mean, then the mean of squared distances from it."""
    b = builder()
    if dtype is not None and (not is_inexact(given_dtype(dtype)) or is_complex(x.dtype)):
        raise UnsupportedError(
            f"var and std with dtype {dtype!r} of {x.dtype} values; give a float dtype, or none"
        )
    if dtype is not None and is_complex(given_dtype(dtype)):
        real = _var_value(x, axes, f"f{given_dtype(dtype).itemsize // 2}", ddof, where, centre)
        return b.convert(real, given_dtype(dtype))
    if dtype is not None:
        x = b.convert(x, given_dtype(dtype))
    elif is_exact(x.dtype):
        x = b.convert(x, "f64")
    if centre is NO_VALUE:
        middle = expanded(_mean_value(x, axes, None, where), axes)
    else:
        middle = b.convert(value_of(centre), x.dtype)
    gap = b.op("sub", x, stretch(middle, x.shape))
    if is_complex(x.dtype):
        real, imag = b.op("real", gap), b.op("imag", gap)
        square = b.op("add", b.op("mul", real, real), b.op("mul", imag, imag))
    else:
        square = b.op("mul", gap, gap)
    total = fold_value(np.add, square, axes, None, NO_VALUE, where)
    count = _count(x, axes, where, np.dtype(np.float64))
    less = b.convert(value_of(ddof), "f64")
    freedom = b.op("sub", count, stretch(less, count.shape))
    freedom = b.op("maximum", freedom, full_like(0, freedom))
    return _divided(total, freedom)


def _degrees(ddof: Any, correction: Any) -> Any:
    if correction is NO_VALUE:
        return ddof
    if ddof != 0:
        throw(ValueError("ddof and correction can't be provided simultaneously."))
    return correction


def _spread(of_variance: Callable[[Value], Value]) -> Any:
    """A function of the variance with ``ddof`` degrees of freedom taken off."""

    def spread(
        a: Any,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        ddof: Any = 0,
        keepdims: Any = NO_VALUE,
        *,
        where: Any = NO_VALUE,
        mean: Any = NO_VALUE,
        correction: Any = NO_VALUE,
    ) -> Any:
        x = value_of(a)
        axes = axes_of(axis, x.rank, strict=True)
        value = of_variance(_var_value(x, axes, dtype, _degrees(ddof, correction), where, mean))
        return deliver(kept(value, axes, keepdims), out)

    return spread


var = covers(np.var, method=True)(_spread(lambda value: value))
std = covers(np.std, method=True)(_spread(lambda value: builder().op("sqrt", value)))


_NO_AXIS = "Axis must be specified when shapes of a and weights differ."


@covers(np.average)
def average(
    a: Any,
    axis: Any = None,
    weights: Any = None,
    returned: bool = False,
    *,
    keepdims: Any = NO_VALUE,
) -> Any:
    """Weighted mean; ZeroDivisionError when the weights sum to zero."""
    a = asarray(a)
    keep = keepdims is not NO_VALUE and keepdims
    if weights is None:
        found = a.mean(axis, keepdims=keep)
        scale = np.divide(a.size, found.size)
    else:
        w = asarray(weights)
        kind = np.result_type(a.dtype, w.dtype, *["f8"] * (is_exact(a.dtype)))
        if w.ndim == a.ndim and not _turned(w.dims, a.dims, axis):
            if axis is None:
                for d, e in zip(w.dims, a.dims, strict=True):
                    current().require_equal(d, e, TypeError, _NO_AXIS)
            message = "Shape of weights must be consistent with shape of a along specified axis."
            w = asarray(match_shape(w.read(), a.dims, message))
        else:
            w = _weights_along(a, w, axis)
        scale = w.sum(axis, dtype=kind, keepdims=keep)
        some = value_of(np.all(scale != 0))
        current().check(some, ZeroDivisionError, "Weights sum to zero, can't be normalized")
        found = np.multiply(a, w, dtype=kind).sum(axis, keepdims=keep) / scale
    if not returned:
        return found
    return found, np.broadcast_to(scale, found.shape) + found * 0


def _weights_along(a: Array, w: Array, axis: Any) -> Any:
    if axis is None:
        throw(TypeError(_NO_AXIS))
    given = axis if isinstance(axis, tuple) else (axis,)
    axes = [axis_of(k, a.ndim) for k in given]
    message = "Shape of weights must be consistent with shape of a along specified axis."
    if w.ndim != len(axes):
        throw(ValueError(message))
    w = asarray(match_shape(w.read(), tuple(a.dims[k] for k in axes), message))
    turned: Any = np.transpose(w, sorted(range(len(axes)), key=axes.__getitem__))
    return turned[tuple(slice(None) if k in axes else None for k in range(a.ndim))]


def _turned(given: Sequence[Dim], dims: Sequence[Dim], axis: Any) -> bool:
    """Whether weights of as many axes are for axes named in another order: the shape differs."""
    if not isinstance(axis, tuple) or len(axis) != len(dims):
        return False
    known = [current().ranges.equal(d, e) for d, e in zip(given, dims, strict=True)]
    if False not in known and None in known:
        raise UnsupportedError(
            f"{place()}: whether the weights have the shape of the array or that of the axes named "
            "is known at run time only; transpose the weights and leave axis out"
        )
    return False in known


_COUNT_IS_PYTHON_INT = isinstance(np.count_nonzero([0]), int)


@covers(np.count_nonzero)
def count_nonzero(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    """Number of nonzero elements (over all axes: of the type that this NumPy gives)."""
    b, x = builder(), value_of(a)
    axes = axes_of(axis, x.rank)
    count = fold_value(np.add, b.convert(x, "bool"), axes, np.int64)
    if axis is None and not keepdims and _COUNT_IS_PYTHON_INT:
        return python_int(count)
    return deliver(kept(count, axes, keepdims), None)


def _without_nan(a: Any, by: Any) -> Any:
    a = asarray(a)
    return np.where(np.isnan(a), a.dtype.type(by), a) if is_inexact(a.dtype) else a


def _nan_fold(plain: Any, neutral: int) -> Any:
    """A sum or product with nan as what changes nothing."""

    def reduction(
        a: Any,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        keepdims: Any = NO_VALUE,
        initial: Any = NO_VALUE,
        where: Any = NO_VALUE,
    ) -> Any:
        return plain(_without_nan(a, neutral), axis, dtype, out, keepdims, initial, where)

    return reduction


covers(np.nansum)(_nan_fold(np.sum, 0))
covers(np.nanprod)(_nan_fold(np.prod, 1))
covers(np.nanmin)(extremum(np.fmin))
covers(np.nanmax)(extremum(np.fmax))


@covers(np.nanmean)
def nanmean(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = NO_VALUE,
    *,
    where: Any = NO_VALUE,
) -> Any:
    """Mean of what is not nan."""
    a = asarray(a)
    return a.mean(_own_axis(a, axis), dtype, out, keepdims, where=_present(a, where))


def _own_axis(a: Any, axis: Any) -> Any:
    """Axis 0 and -1 of a 0-d array, which the nan-ignoring functions let pass, is no axis."""
    return None if a.ndim == 0 and axis in (0, -1) else axis


def _present(a: Any, where: Any) -> Any:
    if not is_inexact(a.dtype):
        return where
    present = ~np.isnan(a)
    return present if where is NO_VALUE else present & where


def _nan_spread(finish: Callable[[Any, Any], Any]) -> Any:
    """A function of the variance of what is not nan (nan where no degree of freedom is left)."""

    def spread(
        a: Any,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        ddof: Any = 0,
        keepdims: Any = NO_VALUE,
        *,
        where: Any = NO_VALUE,
        mean: Any = NO_VALUE,
        correction: Any = NO_VALUE,
    ) -> Any:
        a, ddof = asarray(a), _degrees(ddof, correction)
        present = _present(a, where)
        found = a.var(_own_axis(a, axis), dtype, None, ddof, keepdims, where=present, mean=mean)
        if present is not NO_VALUE:
            count = np.broadcast_to(present, a.shape).sum(axis, keepdims=keepdims)
            found = np.where(count > ddof, found, np.nan)[()]
        return finish(found, out)

    return spread


covers(np.nanvar)(_nan_spread(stored))
covers(np.nanstd)(_nan_spread(lambda found, out: np.sqrt(found, out=out)))


@covers(np.nancumsum)
def nancumsum(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    """Running sums with nan as zero."""
    return np.cumsum(_without_nan(a, 0), axis, dtype, out)


@covers(np.nancumprod)
def nancumprod(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    """Running products with nan as one."""
    return np.cumprod(_without_nan(a, 1), axis, dtype, out)
