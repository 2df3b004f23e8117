"""Least squares, pseudo-inverses and cofactors by singular values."""

from __future__ import annotations

from typing import Any

import numpy as np

from tracejit.export.algorithms.linear_systems import det, inv
from tracejit.export.algorithms.orthogonal import norm
from tracejit.export.algorithms.spectral import eigh, svd
from tracejit.export.algorithms.stacks import each_matrix

Array = Any


def lstsq(a: Array, b: Array, rcond: Array = None, *, k: int) -> Array:
    """The shortest ``x`` for which ``a @ x - b`` is shortest; rank, singular values, whether
    found."""
    u, values, vh, ok = svd(a, k, False)
    eps = np.finfo(values.dtype).eps
    limit = eps * max(a.shape) if rcond is None else np.where(rcond < 0, eps, rcond)
    kept = values > limit * values.max(initial=0.0)
    parts = u.T.conj() @ b
    parts = np.where(kept[:, None], parts / np.where(kept, values, 1)[:, None], 0)
    x = vh.T.conj() @ parts.astype(a.dtype)
    if not ok:
        x[:] = np.nan
    return x, kept.sum().astype(np.int32), values, ok


def pinv(a: Array, rcond: Array = None, *, hermitian: bool) -> Array:
    """The pseudo-inverse, and whether singular values were found."""
    m, n = a.shape[-2:]
    results = ((a.dtype, (n, m)), (np.bool_, ()))
    if rcond is None:
        return each_matrix(lambda a: _pinv(a, 1e-15, hermitian), (a,), results)
    limits = np.broadcast_to(rcond, a.shape[:-2])[..., None, None]

    def one(a: Array, limit: Array) -> Array:
        return _pinv(a, limit[0, 0], hermitian)

    return each_matrix(one, (a, limits), results)


def cofactor(a: Array) -> Array:
    """The derivatives of the determinant by the elements."""
    return each_matrix(_cofactor, (a,), ((a.dtype, a.shape[-2:]),))[0]


def _pinv(a: Array, limit: Array, hermitian: bool) -> Array:
    k = min(a.shape)
    if hermitian:
        signed, u, ok = eigh(a, True)
        values, vh = np.abs(signed), np.where(signed < 0, -u, u).T.conj()
    else:
        u, values, vh, ok = svd(a, k, False)
    kept = values > limit * values.max(initial=0.0)
    factors = np.where(kept, 1 / np.where(kept, values, 1), 0)
    return (vh.T.conj() * factors.astype(a.dtype)) @ u.T.conj(), ok


def _cofactor(a: Array) -> Array:
    """``det(a) inv(a).T`` where the inverse is good, else by singular values."""
    n = a.shape[0]
    inverse, ok = inv(a)
    good = np.finfo(a.dtype).eps ** -0.5
    if ok and norm(a.ravel()) * norm(inverse.ravel()) < good:
        return (det(a) * inverse.T,)
    u, values, vh, ok = svd(a, n, False)
    others = np.ones_like(values)
    for k in range(n):
        for i in range(n):
            if i != k:
                others[k] *= values[i]
    return (det(u) * det(vh) * (u.conj() * others.astype(a.dtype)) @ vh.conj(),)
