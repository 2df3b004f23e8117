"""Polynomials fitted, integrated, divided and made from roots; the Bessel function i0."""

from __future__ import annotations

from typing import Any

import numpy as np
from tracejit.errors import UnsupportedError
from tracejit.trace.numpy.creation import arange, asarray
from tracejit.trace.numpy.host import called
from tracejit.trace.numpy.names import covers
from tracejit.trace.numpy.operands import static_int, value_of
from tracejit.trace.numpy.polynomials import _coefficients
from tracejit.trace.values import Tracer, dim_value, wrap


def _inexact(x: Any) -> Any:
    return np.add(asarray(x), 0.0)


@covers(np.polyfit)
def polyfit(
    x: Any, y: Any, deg: Any, rcond: Any = None, full: bool = False, w: Any = None, cov: Any = False
) -> Any:
    """Least squares by powers scaled to length 1, as NumPy's."""
    order = static_int(deg, "the degree of np.polyfit") + 1
    if order < 1:
        raise ValueError("expected deg >= 0")
    xs, ys = _inexact(x), _inexact(y)
    if xs.ndim != 1:
        raise TypeError("expected 1D vector for x")
    if ys.ndim not in (1, 2):
        raise TypeError("expected 1D or 2D array for y")
    count = xs.shape[0]
    rcond = count * np.finfo(xs.dtype).eps if rcond is None else rcond
    powers: Any = np.vander(xs, order)
    if w is not None:
        weight = _inexact(w)
        if weight.ndim != 1:
            raise TypeError("expected a 1-d array for weights")
        powers = powers * weight[:, None]
        ys = ys * (weight[:, None] if ys.ndim == 2 else weight)
    scale = np.sqrt((powers * powers).sum(axis=0))
    powers = powers / scale
    found, residuals, rank, values = np.linalg.lstsq(powers, ys, rcond)
    found = (found.T / scale).T
    if full:
        return found, residuals, rank, values, rcond
    if not cov:
        return found
    base = np.linalg.inv(np.dot(powers.T, powers)) / np.outer(scale, scale)
    if cov == "unscaled":
        factor: Any = 1
    else:
        if isinstance(count, int) and count <= order:
            raise ValueError(
                "the number of data points must exceed order to scale the covariance matrix"
            )
        gap = ys - np.dot(powers, (found.T * scale).T)
        factor = np.sum(gap * gap, axis=0) / (count - order)
    return found, base * factor if ys.ndim == 1 else base[:, :, None] * factor


@covers(np.polyint)
def polyint(p: Any, m: Any = 1, k: Any = None) -> Any:
    """An antiderivative; ``k``: the constants of integration."""
    order = static_int(m, "the order of np.polyint")
    if order < 0:
        raise ValueError("Order of integral must be positive (see polyder)")
    constants: Any = np.ravel(asarray([0.0] * order if k is None else k))
    given = static_int(constants.dims[0], "the number of constants of np.polyint")
    if given not in (1, order):
        raise ValueError("k must be a scalar or a rank-1 array of length 1 or >m.")
    found = _coefficients(p)
    for step in range(order):
        n = dim_value(found.dims[0])
        last = constants[step if given > 1 else 0]
        found = np.append(np.true_divide(found, arange(n, 0, -1)), last)
    return found


@covers(np.poly)
def poly(seq_of_zeros: Any) -> Any:
    """The coefficients of the polynomial with these real roots."""
    zeros: Any = _coefficients(seq_of_zeros)
    if zeros.ndim != 1 or zeros.dtype.kind == "c":
        raise UnsupportedError(
            "np.poly of a matrix or of complex roots: whether the result is real depends on its "
            "values; multiply the factors by np.polymul"
        )
    found: Any = np.ones_like(zeros, zeros.dtype, shape=(1,))
    one = found
    for k in range(static_int(zeros.dims[0], "the number of roots of np.poly")):
        found = np.convolve(found, np.append(one, -zeros[k]))
    return found


@covers(np.polydiv)
def polydiv(u: Any, v: Any) -> Any:
    """Quotient and remainder, the remainder without leading zeros."""
    top, below = _inexact(_coefficients(u)), _inexact(_coefficients(v))
    m = static_int(top.dims[0], "the number of coefficients") - 1
    n = static_int(below.dims[0], "the number of coefficients") - 1
    kind = np.result_type(top.dtype, below.dtype)
    scale = 1.0 / below[0]
    quotient: Any = np.zeros_like(top, kind, shape=(max(m - n + 1, 1),))
    rest: Any = top.astype(kind)
    for k in range(m - n + 1):
        factor = scale * rest[k]
        quotient[k] = factor
        rest[k : k + n + 1] -= factor * below
    close = np.isclose(rest[: m + 1], 0, rtol=1e-14)
    first = np.minimum(np.argmin(np.append(close, False)), m)
    return quotient, rest[first:]


@covers(np.i0)
def i0(x: Any) -> Any:
    """The modified Bessel function of order 0."""
    line = asarray(x)
    if line.dtype.kind == "c":
        raise TypeError("i0 not supported for complex values")
    value = value_of(line if line.dtype.kind == "f" else line.astype(float))
    (found,) = called("i0", [value], [(value.dtype, value.shape)])
    return wrap(found)


@covers(np.kaiser)
def kaiser(M: Any, beta: Any) -> Any:
    """The Kaiser window of M points."""
    half = (M - 1) / 2.0
    line: Any = arange(0, M)
    place = (line - half) / (np.maximum(half, 0.5) if isinstance(M, Tracer) else max(half, 0.5))
    shape: Any = asarray(beta)
    return i0(shape * np.sqrt(1 - place**2.0)) / i0(shape)
