"""Systems of linear equations by LU with partial pivoting and by Cholesky's factor.

The unblocked algorithms of LAPACK (``getf2``, ``getrs``, ``potf2``): pivots are its own, and values
agree to rounding. Reference: Golub and Van Loan, Matrix Computations, 4th ed., 3.4 and 4.2.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tracejit.export.algorithms.stacks import each_matrix

Array = Any


def solve(a: Array, b: Array) -> Array:
    """``x`` with ``a @ x = b``, and whether ``a`` is not singular."""
    return each_matrix(_solve, (a, b), ((b.dtype, b.shape[-2:]), (np.bool_, ())))


def inv(a: Array) -> Array:
    """The inverse, and whether there is one."""
    return each_matrix(_inv, (a,), ((a.dtype, a.shape[-2:]), (np.bool_, ())))


def triangular_solve(a: Array, b: Array, lower: bool) -> Array:
    """``x`` with ``a @ x = b`` for one triangle of ``a``."""

    def one(a: Array, b: Array) -> Array:
        x = b.copy()
        if lower:
            _forward(a, x)
        else:
            _backward(a, x)
        return (x,)

    return each_matrix(one, (a, b), ((b.dtype, b.shape[-2:]),))[0]


def cholesky(a: Array, upper: bool) -> Array:
    """The triangular factor, and whether ``a`` is positive definite."""

    def one(a: Array) -> Array:
        x, ok = _cholesky(a.T.conj() if upper else a)
        return x.T.conj() if upper else x, ok

    return each_matrix(one, (a,), ((a.dtype, a.shape[-2:]), (np.bool_, ())))


def det(a: Array) -> Array:
    """The determinant; it overflows only where its value does."""
    return each_matrix(_det, (a,), ((a.dtype, ()),))[0]


def slogdet(a: Array) -> Array:
    """Sign and logarithm of the determinant."""
    real = np.abs(a).dtype
    return each_matrix(_slogdet, (a,), ((a.dtype, ()), (real, ())))


def _size(x: Array) -> Array:
    """How BLAS compares the numbers of a column."""
    return np.abs(x.real) + np.abs(x.imag) if np.iscomplexobj(x) else np.abs(x)


def factor(a: Array, x: Array) -> Array:
    """LU in the place of ``a``, with the rows of ``x`` in the order of its own, and what is
    eliminated from ``a`` from ``x`` too. Whether all pivots differ from zero; the sign of the
    order."""
    n = a.shape[0]
    ok, sign = True, 1.0
    for k in range(n):
        pivot, largest = k, _size(a[k, k])
        for i in range(k + 1, n):
            size = _size(a[i, k])
            if size > largest:
                pivot, largest = i, size
        if pivot != k:
            sign = -sign
            _swap(a, k, pivot)
            _swap(x, k, pivot)
        if a[k, k] == 0:
            ok = False
        else:
            for i in range(k + 1, n):
                ratio = a[i, k] / a[k, k]
                a[i, k] = ratio
                for j in range(k + 1, n):
                    a[i, j] -= ratio * a[k, j]
                for j in range(x.shape[1]):
                    x[i, j] -= ratio * x[k, j]
    return ok, sign


def _swap(a: Array, i: Array, k: Array) -> None:
    row = a[i].copy()
    a[i] = a[k]
    a[k] = row


def _forward(a: Array, x: Array) -> None:
    for k in range(a.shape[0]):
        for i in range(k):
            for j in range(x.shape[1]):
                x[k, j] -= a[k, i] * x[i, j]
        x[k] /= a[k, k]


def _backward(a: Array, x: Array) -> None:
    n = a.shape[0]
    for k in range(n - 1, -1, -1):
        for i in range(k + 1, n):
            for j in range(x.shape[1]):
                x[k, j] -= a[k, i] * x[i, j]
        x[k] /= a[k, k]


def _solve(a: Array, b: Array) -> Array:
    a, x = a.copy(), b.copy()
    ok, _ = factor(a, x)
    if ok:
        _backward(a, x)
    else:
        x[:] = np.nan
    return x, ok


def _inv(a: Array) -> Array:
    return _solve(a, np.eye(a.shape[0], dtype=a.dtype))


def _cholesky(a: Array) -> Array:
    n = a.shape[0]
    x = np.zeros_like(a)
    ok = True
    for k in range(n):
        for i in range(k, n):
            total = a[i, k]
            for j in range(k):
                total = total - x[i, j] * x[k, j].conjugate()
            x[i, k] = total
        pivot = x[k, k].real
        ok = ok and bool(pivot > 0)
        root = np.sqrt(pivot)
        x[k, k] = root
        for i in range(k + 1, n):
            x[i, k] /= root
    if not ok:
        x[:] = np.nan
    return x, ok


def _factored(a: Array) -> Array:
    a = a.copy()
    ok, sign = factor(a, np.empty((a.shape[0], 0), a.dtype))
    return a, ok, sign


def _det(a: Array) -> Array:
    if np.iscomplexobj(a):
        phase, size = _slogdet(a)
        return (phase * np.exp(size),)
    lu, _, product = _factored(a)
    exponent = 0
    for k in range(a.shape[0]):
        product, more = np.frexp(product * np.float64(lu[k, k]))
        exponent = exponent + more
    return (np.ldexp(product, exponent).astype(a.dtype),)


def _slogdet(a: Array) -> Array:
    lu, ok, sign = _factored(a)
    phase = a.dtype.type(sign)
    size = np.abs(phase) * 0
    for k in range(a.shape[0]):
        x = lu[k, k]
        each = np.abs(x)
        size = size + np.log(each)
        phase = phase * (x / each)
    if ok:
        return phase, size
    return a.dtype.type(0), size.dtype.type(-np.inf)
