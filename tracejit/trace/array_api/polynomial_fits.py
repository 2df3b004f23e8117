"""Polynomials fitted, integrated, divided, to roots and from roots; the Bessel function i0."""

from __future__ import annotations

from typing import Any

import numpy as np

from tracejit.dtypes import is_complex, is_inexact, is_numpys_inexact
from tracejit.errors import throw
from tracejit.trace.array_api.creation import asarray, zeros
from tracejit.trace.array_api.linalg import narrowed_eigenvalues
from tracejit.trace.array_api.matrices import eye
from tracejit.trace.array_api.names import covers
from tracejit.trace.array_api.operands import builder, static_int, value_of
from tracejit.trace.array_api.polynomials import _coefficients
from tracejit.trace.array_api.ranges import arange
from tracejit.trace.session.assumptions import assume
from tracejit.trace.values.all import Tracer, dim_value, wrap


def _inexact(x: Any) -> Any:
    return np.add(asarray(x), 0.0)


@covers(np.polyfit)
def polyfit(
    x: Any, y: Any, deg: Any, rcond: Any = None, full: bool = False, w: Any = None, cov: Any = False
) -> Any:
    """Least squares by powers scaled to length 1, as NumPy's."""
    order = static_int(deg, "the degree of np.polyfit") + 1
    if order < 1:
        throw(ValueError("expected deg >= 0"))
    xs, ys = _inexact(x), _inexact(y)
    if xs.ndim != 1:
        throw(TypeError("expected 1D vector for x"))
    if ys.ndim not in (1, 2):
        throw(TypeError("expected 1D or 2D array for y"))
    count = xs.shape[0]
    rcond = count * np.finfo(xs.dtype).eps if rcond is None else rcond
    powers: Any = np.vander(xs, order)
    if w is not None:
        weight = _inexact(w)
        if weight.ndim != 1:
            throw(TypeError("expected a 1-d array for weights"))
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
            throw(
                ValueError(
                    "the number of data points must exceed order to scale the covariance matrix"
                )
            )
        gap = ys - np.dot(powers, (found.T * scale).T)
        factor = np.sum(gap * gap, axis=0) / (count - order)
    return found, base * factor if ys.ndim == 1 else base[:, :, None] * factor


@covers(np.polyint)
def polyint(p: Any, m: Any = 1, k: Any = None) -> Any:
    """An antiderivative; ``k``: the constants of integration."""
    order = static_int(m, "the order of np.polyint")
    if order < 0:
        throw(ValueError("Order of integral must be positive (see polyder)"))
    constants: Any = np.ravel(asarray([0.0] * order if k is None else k))
    given = static_int(constants.dims[0], "the number of constants of np.polyint")
    if given not in (1, order):
        throw(ValueError("k must be a scalar or a rank-1 array of length 1 or >m."))
    found = _coefficients(p)
    for step in range(order):
        n = dim_value(found.dims[0])
        last = constants[step if given > 1 else 0]
        found = np.append(np.true_divide(found, arange(n, 0, -1)), last)
    return found


_COMPLEX = "compute the eigenvalues of the companion matrix as complex, and the products from those"


@covers(np.poly)
def poly(seq_of_zeros: Any) -> Any:
    """The coefficients of the polynomial with these roots, or of a characteristic polynomial."""
    line: Any = _coefficients(seq_of_zeros)
    sizes = [static_int(n, "the number of roots of np.poly") for n in line.dims]
    if len(sizes) == 2 and sizes[0] == sizes[1] != 0:
        line = np.linalg.eigvals(line)
    elif len(sizes) != 1:
        throw(ValueError("input must be 1d or non-empty square 2d array."))
    if sizes[0] == 0:
        return 1.0
    if not is_inexact(line.dtype):
        line = line.astype(float)
    found: Any = np.ones_like(line, line.dtype, shape=(1,))
    one = found
    for k in range(sizes[0]):
        found = np.convolve(found, np.append(one, -line[k]))
    if is_complex(line.dtype):
        roots = line.astype(complex)
        paired = value_of(np.all(np.sort(roots) == np.sort(np.conj(roots))))
        if assume(paired, "the roots given to np.poly are conjugate pairs", _COMPLEX):
            found = found.real.copy()
    return found


@covers(np.roots)
def roots(p: Any) -> Any:
    """The roots: eigenvalues of the companion matrix, and a zero for each zero at the end."""
    line: Any = _coefficients(p)
    if line.ndim != 1:
        throw(ValueError("Input must be a rank-1 array."))
    there = line != 0
    if not assume(value_of(np.any(there)), "a coefficient given to np.roots is not 0", _COMPLEX):
        return zeros(0)
    n = dim_value(line.dims[0])
    first, trailing = np.argmax(there), np.argmax(there[::-1])
    if not is_inexact(line.dtype):
        line = line.astype(float)
    found: Any = zeros(0)
    several = value_of(first + trailing < n - 1)
    if assume(several, "two coefficients given to np.roots are not 0", _COMPLEX):
        line = line[first : n - trailing]
        size = dim_value(line.dims[0]) - 1
        companion: Any = eye(size, k=-1, dtype=line.dtype)
        companion[0, :] = -line[1:] / line[0]
        found = narrowed_eigenvalues(companion)
    return np.concatenate([found, np.zeros_like(found, shape=(trailing,))])


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
    if is_complex(line.dtype):
        throw(TypeError("i0 not supported for complex values"))
    value = value_of(line if is_numpys_inexact(line.dtype) else line.astype(float))
    return wrap(builder().op("bessel_i", value, n=0))


@covers(np.kaiser)
def kaiser(M: Any, beta: Any) -> Any:
    """The Kaiser window of M points."""
    half = (M - 1) / 2.0
    line: Any = arange(0, M)
    place = (line - half) / (np.maximum(half, 0.5) if isinstance(M, Tracer) else max(half, 0.5))
    shape: Any = asarray(beta)
    return i0(shape * np.sqrt(1 - place**2.0)) / i0(shape)
