"""Eigenvalues of symmetric matrices and singular values, by Jacobi's rotations.

Vectors agree with LAPACK's up to a factor of size one, and where values are equal up to a rotation
among them. Reference: Golub and Van Loan, Matrix Computations, 4th ed., 8.5 and 8.6.3.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tracejit.export.algorithms.orthogonal import factored, norm
from tracejit.export.algorithms.sorting import argsort
from tracejit.export.algorithms.stacks import each_matrix

Array = Any
SWEEPS = 60
"""After some ten no rotation is left to do, whatever the size."""


def eigh(a: Array, lower: bool) -> Array:
    """Eigenvalues in ascending order, vectors, and whether they were found."""
    n, real = a.shape[-1], np.abs(a).dtype
    results = ((real, (n,)), (a.dtype, (n, n)), (np.bool_, ()))
    return each_matrix(lambda a: _eigh(a, lower), (a,), results)


def eigvalsh(a: Array, lower: bool) -> Array:
    """Eigenvalues alone."""
    values, _, ok = eigh(a, lower)
    return values, ok


def svd(a: Array, k: int, full: bool) -> Array:
    """Left vectors, singular values in descending order, right vectors, and whether found."""
    (m, n), real = a.shape[-2:], np.abs(a).dtype
    left, right = (m, n) if full else (k, k)
    results = ((a.dtype, (m, left)), (real, (k,)), (a.dtype, (right, n)), (np.bool_, ()))
    return each_matrix(lambda a: _svd(a, k, left, right), (a,), results)


def svdvals(a: Array, k: int) -> Array:
    """Singular values alone."""

    def one(a: Array) -> Array:
        values = np.empty(k, np.abs(a).dtype)
        if a.shape[0] >= a.shape[1]:
            _, values[:], _, ok = _tall(a)
        else:
            _, values[:], _, ok = _tall(a.T)
        return values, ok

    return each_matrix(one, (a,), ((np.abs(a).dtype, (k,)), (np.bool_, ())))


def _eigh(a: Array, lower: bool) -> Array:
    n = a.shape[0]
    a = np.tril(a) if lower else np.triu(a).T.conj()
    below = np.tril(a, -1)
    a = below + below.T.conj() + np.diag(np.diagonal(a).real)
    vectors = np.eye(n, dtype=a.dtype)  # in rows
    largest = np.abs(a).max(initial=0.0)
    negligible = largest * (np.finfo(a.dtype).eps / 16)
    ok, busy = bool(np.isfinite(largest)), True
    for _ in range(SWEEPS):
        if not (ok and busy):
            break
        busy = False
        for p in range(n):
            for q in range(p + 1, n):
                if np.abs(a[p, q]) > negligible:
                    busy = True
                    c, s = _rotation(a[p, p].real, a[q, q].real, a[p, q])
                    _rotate(a, c, s.conjugate(), p, q)
                    _rotate(a.T, c, s, p, q)
                    _rotate(vectors, c, s, p, q)
    values = np.diagonal(a).real.copy()
    order = argsort(values, 0, None)
    ok = ok and not busy
    if not ok:
        values[:] = np.nan
        vectors[:] = np.nan
    return values[order], vectors[order].T.copy(), ok


def _rotation(x: Array, y: Array, z: Array) -> Array:
    """The cosine, and the sine times a phase, that make the matrix ``[[x, z], [conj(z), y]]``
    diagonal."""
    size = np.abs(z)
    ratio = (y - x) / (2 * size)
    t = np.copysign(1, ratio) / (np.abs(ratio) + np.hypot(ratio, 1))
    c = 1 / np.hypot(t, 1)
    return c, z / size * (t * c)


def _rotate(a: Array, c: Array, s: Array, p: Array, q: Array) -> None:
    """Rows ``p`` and ``q`` turned into each other."""
    first = c * a[p] - s.conjugate() * a[q]
    a[q] = s * a[p] + c * a[q]
    a[p] = first


def _tall(a: Array) -> Array:
    """Left vectors in rows (zero for values of zero), values, conjugated right vectors in rows, of
    a matrix with at least as many rows as columns: those are rotated until they are orthogonal."""
    m, n = a.shape
    largest = np.abs(a).max(initial=0.0)
    ok, busy = bool(np.isfinite(largest)), True
    _, exponent = np.frexp(largest)
    unit = np.ldexp(largest.dtype.type(1), exponent)
    columns = (a / unit).T.copy()
    vectors = np.eye(n, dtype=a.dtype)
    parallel = np.finfo(a.dtype).eps * np.sqrt(largest.dtype.type(m))
    for _ in range(SWEEPS):
        if not (ok and busy):
            break
        busy = False
        for p in range(n):
            for q in range(p + 1, n):
                x, y = columns[p], columns[q]
                xx, yy = (np.abs(x) ** 2).sum(), (np.abs(y) ** 2).sum()
                xy = (x.conj() * y).sum()
                if np.abs(xy) > parallel * np.sqrt(xx) * np.sqrt(yy):
                    busy = True
                    c, s = _rotation(xx, yy, xy)
                    _rotate(columns, c, s, p, q)
                    _rotate(vectors, c, s, p, q)
    values = np.empty(n, largest.dtype)
    for p in range(n):
        values[p] = norm(columns[p])
        if values[p] > 0:
            columns[p] /= values[p]
    order = argsort(-values, 0, None)
    ok = ok and not busy
    values *= unit
    if not ok:
        values[:] = np.nan
        vectors[:] = np.nan
        columns[:] = np.nan
    return columns[order], values[order], vectors[order].conj(), ok


def _svd(a: Array, k: int, left: int, right: int) -> Array:
    m, n = a.shape
    values = np.empty(k, np.abs(a).dtype)
    u, vh = np.empty((m, left), a.dtype), np.empty((right, n), a.dtype)
    if m >= n:
        first, values[:], vh[:], ok = _tall(a)
        _complete(u, first, values)
    else:
        first, values[:], other, ok = _tall(a.T)
        u[:] = other.T
        _complete(vh.T, first, values)
    return u, values, vh, ok


def _complete(columns: Array, vectors: Array, values: Array) -> None:
    """Fill orthonormal columns, of which the first are the vectors with values above zero."""
    count = vectors.shape[0]
    columns[:], _ = factored(vectors.T.copy(), count, columns.shape[1])
    for k in range(count):
        if values[k] != 0:
            columns[:, k] = vectors[k]
