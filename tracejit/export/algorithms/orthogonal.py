"""QR by Householder's reflections, with the signs of LAPACK's ``geqr2``.

Reference: Golub and Van Loan, Matrix Computations, 4th ed., 5.1 and 5.2.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tracejit.export.algorithms.stacks import each_matrix

Array = Any


def qr(a: Array, k: int, mode: str) -> Array:
    """The factors, of which ``k`` is the smaller side of a matrix; or ``r`` alone."""
    m, n = a.shape[-2:]
    inner = m if mode == "complete" else k
    factors = ((a.dtype, (m, inner)), (a.dtype, (inner, n)))
    if mode == "r":
        return each_matrix(lambda a: (_rows(_reduced(a, k)[0], inner),), (a,), factors[1:])[0]
    return each_matrix(lambda a: factored(a, k, inner), (a,), factors)


def factored(a: Array, k: int, inner: int) -> Array:
    """``q`` with ``inner`` columns, and ``r``."""
    r, vectors, factors = _reduced(a, k)
    q = np.eye(a.shape[0], inner, dtype=a.dtype)
    for j in range(k - 1, -1, -1):
        _reflect(q, vectors, factors[j], j)
    return q, _rows(r, inner)


def _rows(a: Array, count: int) -> Array:
    """The first rows."""
    made = np.empty((count, a.shape[1]), a.dtype)
    for i in range(count):
        made[i] = a[i]
    return made


def norm(x: Array, first: Array = 0) -> Array:
    """The Euclidean norm of a vector from an element on; squares neither overflow nor vanish."""
    largest = np.abs(x[:1]).sum() * 0
    for i in range(first, x.shape[0]):
        largest = np.maximum(largest, np.abs(x[i]))
    if not 0 < largest < np.inf:
        return largest
    total = largest * 0
    for i in range(first, x.shape[0]):
        total = total + (np.abs(x[i]) / largest) ** 2
    return largest * np.sqrt(total)


def _reduced(a: Array, k: int) -> Array:
    """``r``, zeros below it, and the vectors (in columns) and factors of the reflections."""
    r = a.copy()
    vectors = np.zeros((a.shape[0], k), a.dtype)
    factors = np.zeros(k, a.dtype)
    for j in range(k):
        first, below = r[j, j], norm(r[:, j], j + 1)
        if below != 0 or first.imag != 0:
            length = np.hypot(np.abs(first), below)
            first_now = -np.copysign(length, first.real)
            vectors[j, j] = 1
            for i in range(j + 1, a.shape[0]):
                vectors[i, j] = r[i, j] / (first - first_now)
            factors[j] = (first_now - first) / first_now
            _reflect(r, vectors, factors[j].conjugate(), j)
            r[j, j] = first_now
            for i in range(j + 1, a.shape[0]):
                r[i, j] = 0
    return r, vectors, factors


def _reflect(a: Array, vectors: Array, factor: Array, j: Array) -> None:
    """``a`` less ``factor`` times the part along column ``j`` of the vectors."""
    row = np.zeros_like(a[0])
    for i in range(j, a.shape[0]):
        for k in range(a.shape[1]):
            row[k] += vectors[i, j].conjugate() * a[i, k]
    for i in range(j, a.shape[0]):
        for k in range(a.shape[1]):
            a[i, k] -= factor * vectors[i, j] * row[k]
