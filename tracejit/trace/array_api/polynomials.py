"""Polynomials by their coefficients (highest power first), windows, and unwrapped phases."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tracejit.dtypes import is_integer
from tracejit.errors import throw
from tracejit.trace.array_api.creation import asarray
from tracejit.trace.array_api.names import covers
from tracejit.trace.array_api.operands import axis_of, builder, static_int, value_of
from tracejit.trace.array_api.promotion import result_dtype
from tracejit.trace.array_api.ranges import arange
from tracejit.trace.array_api.shapes import atleast_1d
from tracejit.trace.values.all import dim_value, fresh


def _coefficients(p: Any) -> Any:
    return atleast_1d(asarray(p))


@covers(np.polyval)
def polyval(p: Any, x: Any) -> Any:
    """The polynomial at points, by Horner's rule; the number of coefficients must be known."""
    line, points = _coefficients(p), asarray(x)
    count = static_int(line.dims[0], "the number of coefficients of np.polyval")
    found: Any = np.zeros_like(points)
    for k in range(count):
        found = found * points + line[k]
    return found[()]


def _longer(a: Any, count: Any) -> Any:
    """Zeros in front."""
    more = count - dim_value(a.dims[0])
    return np.concatenate([np.zeros_like(a, shape=(more,)), a])


def _aligned(a1: Any, a2: Any) -> tuple[Any, Any]:
    x, y = _coefficients(a1), _coefficients(a2)
    n = static_int(x.dims[0], "the number of coefficients")
    m = static_int(y.dims[0], "the number of coefficients")
    return _longer(x, max(n, m)), _longer(y, max(n, m))


@covers(np.polyadd)
def polyadd(a1: Any, a2: Any) -> Any:
    """The sum of two polynomials."""
    return np.add(*_aligned(a1, a2))


@covers(np.polysub)
def polysub(a1: Any, a2: Any) -> Any:
    """The difference of two polynomials."""
    return np.subtract(*_aligned(a1, a2))


@covers(np.polymul)
def polymul(a1: Any, a2: Any) -> Any:
    """The product of two polynomials."""
    return np.convolve(_coefficients(a1), _coefficients(a2))


@covers(np.polyder)
def polyder(p: Any, m: Any = 1) -> Any:
    """A derivative of a polynomial."""
    order = static_int(m, "the order of np.polyder")
    if order < 0:
        throw(ValueError("Order of derivative must be positive (see polyint)"))
    found = _coefficients(p)
    for _ in range(order):
        n = dim_value(found.dims[0]) - 1
        found = found[:-1] * arange(n, 0, -1)
    return found


# Windows ------------------------------------------------------------------------------------------


def _window(of: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    """A window of M points from its values at n = 1-M, 3-M, … M-1."""

    def window(M: Any) -> Any:
        line: Any = arange(1 - M, M, 2)
        return of(line * 1.0, np.maximum(M - 1, 1))

    return window


covers(np.hanning)(_window(lambda n, top: 0.5 + 0.5 * np.cos(np.pi * n / top)))
covers(np.hamming)(_window(lambda n, top: 0.54 + 0.46 * np.cos(np.pi * n / top)))
covers(np.bartlett)(_window(lambda n, top: np.where(n <= 0, 1 + n / top, 1 - n / top)))
covers(np.blackman)(
    _window(
        lambda n, top: 0.42 + 0.5 * np.cos(np.pi * n / top) + 0.08 * np.cos(2.0 * np.pi * n / top)
    )
)


@covers(np.unwrap)
def unwrap(p: Any, discont: Any = None, axis: Any = -1, *, period: Any = 2 * np.pi) -> Any:
    """Jumps of more than half a period taken out by multiples of the period."""
    x: Any = asarray(p)
    k = axis_of(axis, x.ndim)
    step: Any = np.diff(x, axis=k)
    kind = result_dtype(step, period)
    whole = is_integer(kind)
    high = period // 2 if whole else period / 2
    low = -high
    wrapped = np.mod(step - low, period) + low
    if not whole or period % 2 == 0:
        wrapped = np.where((wrapped == low) & (step > 0), high, wrapped)
    jump = np.where(
        np.absolute(step) < (period / 2 if discont is None else discont), 0, wrapped - step
    )
    found = fresh(builder().op("copy", builder().convert(value_of(x), kind)))
    rest = (*[slice(None)] * k, slice(1, None))
    found[rest] = x[rest] + np.cumsum(jump, axis=k)
    return found
