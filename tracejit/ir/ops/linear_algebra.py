"""Solvers and factorizations: rows of kind ``extern``, of stacks of matrices.

The attribute ``k`` is the smaller side of the matrix. Nothing is broadcast here: operands of
one row have the same leading axes. Derivatives are in ``derivatives_matrices.py``.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from tracejit.dtypes import complex_of, is_complex, part_of
from tracejit.ir.core import InferRule, Primitive, row
from tracejit.ir.ops import derivatives_matrices as d
from tracejit.ir.ops.extern import computed, matrix, or_nan, square, types
from tracejit.ir.ops.rules import Attrs, Operands, Regions, arity, require
from tracejit.ir.types import Type

Array = Any
OK = np.bool_


# -- solve and inv -----------------------------------------------------------------------------


def _solve(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    arity(operands, 2)
    dtype, (lead, n), right = computed(operands), square(operands), operands[1]
    fits = right.rank == len(lead) + 2 and right.shape[:-1] == (*lead, n)
    require(fits, "the right side does not fit", *(o.type for o in operands))
    return types((dtype, right.shape), (OK, lead))


def _triangular_solve(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    return _solve(operands, attrs, regions)[:1]


def _eval_solve(a: Array, b: Array) -> Any:
    return or_nan(np.linalg.solve, (a, b), [(b.dtype, b.shape)])


def _eval_triangular_solve(a: Array, b: Array, *, lower: bool) -> Any:
    part = np.tril(a) if lower else np.triu(a)
    return or_nan(np.linalg.solve, (part, b), [(b.dtype, b.shape)])[0]


def _alike(count: int) -> InferRule:
    """Results of the type of the one square matrix, and ``ok``."""

    def infer(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
        arity(operands, 1)
        dtype, (lead, _) = computed(operands), square(operands)
        return types(*[(dtype, operands[0].shape)] * count, (OK, lead))

    return infer


def _eval_inv(a: Array) -> Any:
    return or_nan(np.linalg.inv, (a,), [(a.dtype, a.shape)])


def _eval_cholesky(a: Array, *, upper: bool) -> Any:
    return or_nan(partial(np.linalg.cholesky, upper=upper), (a,), [(a.dtype, a.shape)])


# -- determinants ------------------------------------------------------------------------------


def _det(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    arity(operands, 1)
    return types((computed(operands), square(operands)[0]))


def _slogdet(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    arity(operands, 1)
    dtype, (lead, _) = computed(operands), square(operands)
    return types((dtype, lead), (part_of(dtype), lead))


def _cofactor(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    return tuple(_alike(1)(operands, attrs, regions))[:1]


def _eval_cofactor(a: Array) -> Any:
    out = np.empty_like(a)
    for place in np.ndindex(a.shape[:-2] if a.size else (0,)):
        out[place] = _cofactor_of(a[place])
    return out


def _cofactor_of(a: Array) -> Array:
    """``det(a) inv(a).T`` where the inverse is good, else by singular values."""
    inverse, ok = _eval_inv(a)
    good = np.finfo(a.dtype).eps ** -0.5
    if ok and np.linalg.norm(a) * np.linalg.norm(inverse) < good:
        return np.linalg.det(a) * inverse.T
    if not np.isfinite(a).all():
        return np.full(a.shape, np.nan, a.dtype)
    u, s, vh = np.linalg.svd(a)
    others = [np.prod(np.delete(s, k)) for k in range(len(s))]
    phase = np.linalg.det(u) * np.linalg.det(vh)
    return phase * (np.conj(u) * np.asarray(others, s.dtype)) @ np.conj(vh)


# -- orthogonal and spectral factors -----------------------------------------------------------


def _qr(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    arity(operands, 1)
    dtype, (lead, m, n), mode, k = computed(operands), matrix(operands), attrs["mode"], attrs["k"]
    if mode == "r":
        return types((dtype, (*lead, k, n)))
    inner = m if mode == "complete" else k
    return types((dtype, (*lead, m, inner)), (dtype, (*lead, inner, n)))


def _eval_qr(a: Array, *, k: int, mode: str) -> Any:
    found = np.linalg.qr(a, mode=mode)  # type: ignore[call-overload]
    return found if mode == "r" else tuple(found)


def _svd(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    arity(operands, 1)
    dtype, (lead, m, n), k = computed(operands), matrix(operands), attrs["k"]
    left, right = (m, n) if attrs["full"] else (k, k)
    values = (part_of(dtype), (*lead, k))
    return types((dtype, (*lead, m, left)), values, (dtype, (*lead, right, n)), (OK, lead))


def _eval_svd(a: Array, *, k: int, full: bool) -> Any:
    *lead, m, n = a.shape
    left, right = (m, n) if full else (k, k)
    nothing = [
        (a.dtype, (*lead, m, left)),
        (part_of(a.dtype), (*lead, k)),
        (a.dtype, (*lead, right, n)),
    ]
    return or_nan(partial(np.linalg.svd, full_matrices=full), (a,), nothing)


def _svdvals(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    arity(operands, 1)
    dtype, (lead, _, _) = computed(operands), matrix(operands)
    return types((part_of(dtype), (*lead, attrs["k"])), (OK, lead))


def _eval_svdvals(a: Array, *, k: int) -> Any:
    nothing = [(part_of(a.dtype), (*a.shape[:-2], k))]
    return or_nan(partial(np.linalg.svd, compute_uv=False), (a,), nothing)


def _eigh(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    arity(operands, 1)
    dtype, (lead, n) = computed(operands), square(operands)
    return types((part_of(dtype), (*lead, n)), (dtype, operands[0].shape), (OK, lead))


def _eval_eigh(a: Array, *, lower: bool) -> Any:
    nothing = [(part_of(a.dtype), a.shape[:-1]), (a.dtype, a.shape)]
    return or_nan(partial(np.linalg.eigh, UPLO="L" if lower else "U"), (a,), nothing)


def _eigvalsh(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    values, _, ok = _eigh(operands, attrs, regions)
    return values, ok


def _eval_eigvalsh(a: Array, *, lower: bool) -> Any:
    nothing = [(part_of(a.dtype), a.shape[:-1])]
    return or_nan(partial(np.linalg.eigvalsh, UPLO="L" if lower else "U"), (a,), nothing)


def _eig(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    arity(operands, 1)
    dtype, (lead, n) = complex_of(computed(operands)), square(operands)
    return types((dtype, (*lead, n)), (dtype, operands[0].shape), (OK, lead), (OK, lead))


def _eval_eig(a: Array) -> Any:
    dtype = complex_of(a.dtype)
    w, v, ok = or_nan(np.linalg.eig, (a,), [(dtype, a.shape[:-1]), (dtype, a.shape)])
    return w.astype(dtype), v.astype(dtype), _are_real(a, w), ok


def _eigvals(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    values, _, real, ok = _eig(operands, attrs, regions)
    return values, real, ok


def _eval_eigvals(a: Array) -> Any:
    dtype = complex_of(a.dtype)
    values, ok = or_nan(np.linalg.eigvals, (a,), [(dtype, a.shape[:-1])])
    return values.astype(dtype), _are_real(a, values), ok


def _are_real(a: Array, values: Array) -> Array:
    """Which real matrices have real eigenvalues alone: NumPy's are real where all of these have."""
    return np.all(np.imag(values) == 0, axis=-1) & np.bool_(not is_complex(a.dtype))


# -- least squares -----------------------------------------------------------------------------


def _pinv(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    require(len(operands) in (1, 2), "pinv takes a matrix and a tolerance")
    dtype, (lead, m, n) = computed(operands[:1]), matrix(operands)
    return types((dtype, (*lead, n, m)), (OK, lead))


def _eval_pinv(a: Array, rcond: Array = None, *, hermitian: bool) -> Any:
    *lead, m, n = a.shape
    given = () if rcond is None else (np.broadcast_to(rcond, lead),)
    nothing = [(a.dtype, (*lead, n, m))]
    return or_nan(partial(np.linalg.pinv, hermitian=hermitian), (a, *given), nothing)


def _lstsq(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    """(a, b, tolerance?) -> x, rank, singular values, ok; ``b`` is a matrix."""
    require(len(operands) in (2, 3), "lstsq takes two matrices and a tolerance")
    dtype, (lead, m, n), (_, rows, right) = (
        computed(operands[:2]),
        matrix(operands),
        matrix(operands, 1),
    )
    require(not lead and rows == m, "the right side does not fit", *(o.type for o in operands))
    return types((dtype, (n, right)), (np.int32, ()), (part_of(dtype), (attrs["k"],)), (OK, ()))


def _eval_lstsq(a: Array, b: Array, rcond: Array = None, *, k: int) -> Any:
    nothing = [
        (a.dtype, (a.shape[1], b.shape[1])),
        (np.int32, ()),
        (part_of(a.dtype), (k,)),
    ]
    return or_nan(partial(_least_squares, rcond=rcond), (a, b), nothing)


def _least_squares(a: Array, b: Array, rcond: Array) -> tuple[Any, ...]:
    x, _, rank, values = np.linalg.lstsq(a, b, None if rcond is None else rcond[()])
    return x, np.int32(rank), values


_ROWS: list[tuple[str, InferRule, Any, dict[str, Any], str]] = [
    ("solve", _solve, _eval_solve, d.SOLVE, "%x, %ok = solve(a, b): a @ x = b, b a matrix."),
    (
        "triangular_solve",
        _triangular_solve,
        _eval_triangular_solve,
        d.TRIANGULAR_SOLVE,
        "triangular_solve(a, b) {lower}: a @ x = b, reading one triangle of a.",
    ),
    ("inv", _alike(1), _eval_inv, d.INV, "%x, %ok = inv(a)."),
    (
        "cholesky",
        _alike(1),
        _eval_cholesky,
        d.CHOLESKY,
        "%l, %ok = cholesky(a) {upper}: reads the triangle that it writes.",
    ),
    ("det", _det, lambda a: np.linalg.det(a), d.DET, "det(a)."),
    (
        "slogdet",
        _slogdet,
        lambda a: tuple(np.linalg.slogdet(a)),
        d.SLOGDET,
        "%sign, %log = slogdet(a).",
    ),
    (
        "cofactor",
        _cofactor,
        _eval_cofactor,
        d.COFACTOR,
        "cofactor(a): derivatives of the determinant by the elements, also of singular matrices.",
    ),
    ("qr", _qr, _eval_qr, d.QR, "%q, %r = qr(a) {k, mode}: reduced, complete, or r alone."),
    ("svd", _svd, _eval_svd, d.SVD, "%u, %s, %vh, %ok = svd(a) {k, full}."),
    ("svdvals", _svdvals, _eval_svdvals, d.SVDVALS, "%s, %ok = svdvals(a) {k}."),
    ("eigh", _eigh, _eval_eigh, d.EIGH, "%w, %v, %ok = eigh(a) {lower}: reads one triangle."),
    ("eigvalsh", _eigvalsh, _eval_eigvalsh, d.EIGVALSH, "%w, %ok = eigvalsh(a) {lower}."),
    (
        "eig",
        _eig,
        _eval_eig,
        d.EIG,
        "%w, %v, %real, %ok = eig(a): complex; real says that NumPy's are real.",
    ),
    ("eigvals", _eigvals, _eval_eigvals, d.EIGVALS, "%w, %real, %ok = eigvals(a)."),
    ("pinv", _pinv, _eval_pinv, d.PINV, "%x, %ok = pinv(a, tolerance?) {hermitian}."),
    (
        "lstsq",
        _lstsq,
        _eval_lstsq,
        d.LSTSQ,
        "%x, %rank, %s, %ok = lstsq(a, b, tolerance?) {k}: b a matrix.",
    ),
]
for _name, _infer, _eval, _columns, _doc in _ROWS:
    row(Primitive(_name, "extern", _infer, _eval, **_columns, doc=_doc))
