"""Functions of ``scipy.linalg`` in compiled code, over the rows that ``np.linalg`` uses.

Values agree with SciPy's to rounding. ``overwrite_a`` and its kin are permissions, which are not
made use of; ``check_finite`` is SciPy's check. The triangle that SciPy does not read is not read.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tracejit.dtypes import computed_in, is_complex, is_inexact
from tracejit.errors import UnsupportedError, throw
from tracejit.trace.array_api.creation import asarray
from tracejit.trace.array_api.operands import builder, check, value_of
from tracejit.trace.array_api.promotion import result_dtype
from tracejit.trace.array_api.ranges import arange
from tracejit.trace.array_api.special_functions import of_library
from tracejit.trace.array_api.staged import staged
from tracejit.trace.values.all import wrap
from tracejit.versions import cho_factor_zeroes_the_rest, square_roots_follow_the_matrix

#: Options that only permit something.
_PERMITS = frozenset(["overwrite_a", "overwrite_b", "overwrite_ab", "lwork", "lapack_driver"])


def _options(name: str, given: dict[str, Any]) -> bool:
    """Whether to look for infinities and nan; UnsupportedError for what is not compiled."""
    finite = given.pop("check_finite", True)
    for key in [k for k in given if k not in _PERMITS]:
        if not (given[key] is None or given[key] is False or (key == "type" and given[key] == 1)):
            raise UnsupportedError(f"scipy.linalg.{name}({key}={given[key]!r}) is not compiled")
    return bool(finite)


def _operands(*arrays: Any, finite: bool) -> list[Any]:
    """Arrays in the dtype that LAPACK computes in, seen to be finite if that is asked for."""
    kind = result_dtype(*(asarray(a) for a in arrays))
    kind = computed_in(kind) if is_inexact(kind) else np.dtype(np.float64)
    found = [asarray(a).astype(kind) for a in arrays]
    if finite:
        for x in found:
            ok = value_of(np.all(np.isfinite(x)))
            check(ok, "ValueError", "array must not contain infs or NaNs")
    return found


def _whole(a: Any, lower: Any, *, conjugate: bool) -> Any:
    """The symmetric or Hermitian matrix of one triangle."""
    part: Any = np.tril(a) if lower else np.triu(a)
    off = np.tril(part, -1) if lower else np.triu(part, 1)
    other = np.swapaxes(off, -1, -2)
    return part + (np.conj(other) if conjugate else other)


@of_library("scipy.linalg:solve")
def solve(
    a: Any, b: Any, lower: Any = False, overwrite_a: Any = False, overwrite_b: Any = False,
    check_finite: Any = True, assume_a: Any = None, transposed: Any = False,
) -> Any:  # fmt: skip
    """The x with ``a @ x = b``."""
    matrix, right = _operands(a, b, finite=check_finite)
    if assume_a in ("sym", "symmetric"):
        matrix = _whole(matrix, lower, conjugate=False)
    elif assume_a in ("her", "hermitian", "pos", "positive definite"):
        matrix = _whole(matrix, lower, conjugate=True)
    elif assume_a in ("upper triangular", "lower triangular"):
        matrix = np.triu(matrix) if assume_a.startswith("upper") else np.tril(matrix)
    elif assume_a not in (None, "gen", "general", "diagonal", "tridiagonal", "banded"):
        throw(ValueError(f"{assume_a} is not a recognized matrix structure"))
    return np.linalg.solve(np.swapaxes(matrix, -1, -2) if transposed else matrix, right)


_TRANSPOSED = {0: "N", 1: "T", 2: "C", "N": "N", "T": "T", "C": "C"}


@of_library("scipy.linalg:solve_triangular")
def solve_triangular(
    a: Any, b: Any, trans: Any = 0, lower: Any = False, unit_diagonal: Any = False,
    overwrite_b: Any = False, check_finite: Any = True,
) -> Any:  # fmt: skip
    """The x with ``a @ x = b`` for a triangle of ``a``."""
    matrix, right = _operands(a, b, finite=check_finite)
    return _triangular(matrix, right, trans, lower, unit_diagonal)


def _triangular(matrix: Any, right: Any, trans: Any, lower: Any, unit: Any) -> Any:
    how = _TRANSPOSED[trans]
    if unit:
        eye = np.eye(matrix.shape[-1], dtype=matrix.dtype)
        matrix = np.where(eye == 1, eye, matrix)
    else:
        regular = value_of(np.all(np.diagonal(matrix) != 0))
        check(regular, "LinAlgError", "singular matrix: a diagonal element is zero")
    if how != "N":
        matrix, lower = matrix.T, not lower
        matrix = np.conj(matrix) if how == "C" else matrix
    columns = right[:, None] if right.ndim == 1 else right
    if columns.shape[0] != matrix.shape[0]:
        throw(ValueError("shapes of a and b are incompatible"))
    row = builder().op("triangular_solve", value_of(matrix), value_of(columns), lower=bool(lower))
    found: Any = wrap(row)
    return found[:, 0] if right.ndim == 1 else found


@of_library("scipy.linalg:cholesky")
def cholesky(a: Any, lower: Any = False, overwrite_a: Any = False, check_finite: Any = True) -> Any:
    """The Cholesky factor, upper unless ``lower``."""
    (matrix,) = _operands(a, finite=check_finite)
    return np.linalg.cholesky(matrix, upper=not lower)


@of_library("scipy.linalg:cho_factor")
def cho_factor(
    a: Any, lower: Any = False, overwrite_a: Any = False, check_finite: Any = True
) -> Any:
    """The Cholesky factor, with what SciPy leaves in the other triangle."""
    (matrix,) = _operands(a, finite=check_finite)
    factor = np.linalg.cholesky(matrix, upper=not lower)
    if cho_factor_zeroes_the_rest():
        return factor, lower
    other = np.triu(matrix, 1) if lower else np.tril(matrix, -1)
    return factor + other, lower


@of_library("scipy.linalg:cho_solve")
def cho_solve(c_and_lower: Any, b: Any, overwrite_b: Any = False, check_finite: Any = True) -> Any:
    """The solution for the matrix that a Cholesky factor is of."""
    c, lower = c_and_lower
    factor, right = _operands(c, b, finite=check_finite)
    first, second = ("N", "C") if lower else ("C", "N")
    half = _triangular(factor, right, first, lower, False)
    return _triangular(factor, half, second, lower, False)


@of_library("scipy.linalg:inv")
def inv(a: Any, overwrite_a: Any = False, check_finite: Any = True, **options: Any) -> Any:
    """The inverse."""
    _options("inv", options)
    return np.linalg.inv(*_operands(a, finite=check_finite))


@of_library("scipy.linalg:det")
def det(a: Any, overwrite_a: Any = False, check_finite: Any = True) -> Any:
    """The determinant."""
    return np.linalg.det(*_operands(a, finite=check_finite))


@of_library("scipy.linalg:norm")
def norm(
    a: Any, ord: Any = None, axis: Any = None, keepdims: Any = False, check_finite: Any = True
) -> Any:
    """A norm of a vector or a matrix."""
    (array,) = _operands(a, finite=check_finite)
    return np.linalg.norm(array, ord, axis, keepdims)


@of_library("scipy.linalg:eigh")
def eigh(
    a: Any, b: Any = None, *, lower: Any = True, eigvals_only: Any = False, **options: Any
) -> Any:
    """Eigenvalues, and eigenvectors unless ``eigvals_only``, of a Hermitian matrix."""
    if b is not None:
        raise UnsupportedError("scipy.linalg.eigh of two matrices is not compiled")
    (matrix,) = _operands(a, finite=_options("eigh", options))
    uplo: Any = "L" if lower else "U"
    if eigvals_only:
        return np.linalg.eigvalsh(matrix, uplo)
    return tuple(np.linalg.eigh(matrix, uplo))


@of_library("scipy.linalg:eigvalsh")
def eigvalsh(a: Any, b: Any = None, *, lower: Any = True, **options: Any) -> Any:
    """Eigenvalues of a Hermitian matrix."""
    return eigh(a, b, lower=lower, eigvals_only=True, **options)


@of_library("scipy.linalg:svd")
def svd(a: Any, full_matrices: Any = True, compute_uv: Any = True, **options: Any) -> Any:
    """The singular value decomposition."""
    (matrix,) = _operands(a, finite=_options("svd", options))
    if not compute_uv:
        return np.linalg.svdvals(matrix)
    return tuple(np.linalg.svd(matrix, full_matrices))


@of_library("scipy.linalg:svdvals")
def svdvals(a: Any, overwrite_a: Any = False, check_finite: Any = True) -> Any:
    """Singular values."""
    return np.linalg.svdvals(*_operands(a, finite=check_finite))


@of_library("scipy.linalg:qr")
def qr(
    a: Any, overwrite_a: Any = False, lwork: Any = None, mode: str = "full", **options: Any
) -> Any:
    """The QR decomposition."""
    (matrix,) = _operands(a, finite=_options("qr", options))
    how: Any = {"full": "complete", "economic": "reduced", "r": "r"}.get(mode)
    if how is None:
        raise UnsupportedError(f"scipy.linalg.qr(mode={mode!r}) is not compiled")
    if how == "r":
        return (np.linalg.qr(matrix, "complete")[1],)
    return tuple(np.linalg.qr(matrix, how))


# LU -----------------------------------------------------------------------------------------------


def _size(x: Any) -> Any:
    """What a pivot is the largest by: LAPACK's cabs1."""
    return np.abs(x.real) + np.abs(x.imag) if is_complex(x.dtype) else np.abs(x)


def _factored(a: Any, pivots: Any) -> None:
    """``a`` by its factors, in place, with partial pivoting as LAPACK's getrf."""
    m, n = a.shape
    for k in range(min(m, n)):
        p = k + np.argmax(_size(a[k:, k]))
        pivots[k] = p
        row = a[k].copy()
        a[k] = a[p]
        a[p] = row
        if a[k, k] != 0:
            a[k + 1 :, k] /= a[k, k]
        a[k + 1 :, k + 1 :] -= a[k + 1 :, k][:, None] * a[k, k + 1 :][None, :]


def _permuted(order: Any, pivots: Any) -> None:
    for k in range(len(pivots)):
        p = pivots[k]
        at_k, at_p = order[k], order[p]
        order[k] = at_p
        order[p] = at_k


@of_library("scipy.linalg:lu_factor")
def lu_factor(a: Any, overwrite_a: Any = False, check_finite: Any = True) -> Any:
    """The factors in one matrix, and the row that each row was exchanged with."""
    (matrix,) = _operands(a, finite=check_finite)
    work = matrix.copy()
    pivots = np.zeros_like(work, np.int32, shape=(min(work.shape),))
    staged(_factored)(work, pivots)
    return work, pivots


def _order(pivots: Any, rows: Any) -> Any:
    """Where each row of the exchanged matrix came from."""
    order: Any = arange(rows)
    staged(_permuted)(order, pivots)
    return order


@of_library("scipy.linalg:lu_solve")
def lu_solve(
    lu_and_piv: Any, b: Any, trans: Any = 0, overwrite_b: Any = False, check_finite: Any = True
) -> Any:
    """The solution for the matrix that ``lu_factor`` took apart."""
    lu, pivots = lu_and_piv
    factors, right = _operands(lu, b, finite=check_finite)
    order = _order(pivots, factors.shape[0])
    if _TRANSPOSED[trans] == "N":
        half = _triangular(factors, right[order], "N", True, True)
        return _triangular(factors, half, "N", False, False)
    half = _triangular(factors, right, trans, False, False)
    rest = _triangular(factors, half, trans, True, True)
    back: Any = np.zeros_like(rest)
    back[order] = rest
    return back


@of_library("scipy.linalg:lu")
def lu(
    a: Any, permute_l: Any = False, overwrite_a: Any = False, check_finite: Any = True,
    p_indices: Any = False,
) -> Any:  # fmt: skip
    """``p @ l @ u = a``."""
    factors, pivots = lu_factor(a, check_finite=check_finite)
    m, n = factors.shape
    k = min(m, n)
    order = _order(pivots, m)
    left = np.tril(factors[:, :k], -1) + np.eye(m, k, dtype=factors.dtype)
    right = np.triu(factors[:k])
    place = np.argsort(order)
    if permute_l:
        return left[place], right
    if p_indices:
        return place.astype(np.int32), left, right
    whole: Any = asarray(np.eye(m, dtype=factors.real.dtype))
    return whole[place], left, right


# Functions and special matrices -------------------------------------------------------------------

#: Numerator of the Padé approximant of degree 13 (N. J. Higham, SIAM J. Matrix Anal. 26, 2005).
_PADE = (
    64764752532480000.0, 32382376266240000.0, 7771770303897600.0, 1187353796428800.0,
    129060195264000.0, 10559470521600.0, 670442572800.0, 33522128640.0, 1323241920.0, 40840800.0,
    960960.0, 16380.0, 182.0, 1.0,
)  # fmt: skip
#: Norm up to which it is exact to rounding.
_THETA = 5.371920351148152


def _squared(x: Any, times: Any) -> Any:
    for _ in range(times):
        x = x @ x
    return x


@of_library("scipy.linalg:expm")
def expm(A: Any) -> Any:
    """The matrix exponential, by scaling and squaring of a Padé approximant."""
    (a,) = _operands(A, finite=False)
    if a.ndim < 2:
        throw(np.linalg.LinAlgError("The input array must be at least two-dimensional"))
    size: Any = np.max(np.sum(np.abs(a), axis=-2), initial=0.0)
    times = np.maximum(np.ceil(np.log2(np.maximum(size, 1e-300) / _THETA)), 0.0)
    times = np.where(np.isfinite(times), times, 0.0).astype(np.int64)
    a = a / np.exp2(times).astype(a.real.dtype)
    b, eye = _PADE, np.eye(a.shape[-1], dtype=a.dtype)
    a2 = a @ a
    a4 = a2 @ a2
    a6 = a4 @ a2
    odd = a6 @ (b[13] * a6 + b[11] * a4 + b[9] * a2)
    odd = a @ (odd + b[7] * a6 + b[5] * a4 + b[3] * a2 + b[1] * eye)
    even = a6 @ (b[12] * a6 + b[10] * a4 + b[8] * a2)
    even = even + b[6] * a6 + b[4] * a4 + b[2] * a2 + b[0] * eye
    return staged(_squared)(np.linalg.solve(even - odd, even + odd), times)


def _root(a: Any, eye: Any, near: float) -> Any:
    """The product form of the iteration of Denman and Beavers, scaled (Cheng, Higham, Kenney and
    Laub 2001). Two steps after it has settled settle its derivatives too."""
    x = np.copy(a)
    m = np.copy(a)
    rest = 2
    for _ in range(50):
        if rest == 0:
            break
        inverse = np.linalg.inv(m)
        size = np.linalg.slogdet(m)[1] / a.shape[-1]
        far = np.max(np.abs(m - eye), initial=0.0)
        scale = np.exp(-0.5 * np.where(far < 0.01, 0.0, size))[..., None, None].astype(a.real.dtype)
        square = scale * scale
        x = 0.5 * scale * (x + x @ inverse / square)
        m = 0.5 * (eye + 0.5 * (square * m + inverse / square))
        if far <= near:
            rest = rest - 1
    return x, rest == 0


@of_library("scipy.linalg:sqrtm")
def sqrtm(A: Any, *others: Any, **options: Any) -> Any:
    """The principal square root of regular matrices without negative eigenvalues."""
    if others or options:
        raise UnsupportedError("scipy.linalg.sqrtm with options is not compiled")
    if not square_roots_follow_the_matrix():
        raise UnsupportedError("scipy.linalg.sqrtm is not compiled for SciPy before 1.16")
    (a,) = _operands(A, finite=True)
    if a.ndim < 2:
        throw(ValueError("Non-matrix input to matrix function."))
    root, settled = staged(_root)(
        a, np.eye(a.shape[-1], dtype=a.dtype), float(np.finfo(a.dtype).eps) ** 0.5
    )
    message = "scipy.linalg.sqrtm: compiled for matrices without eigenvalues <= 0 alone"
    check(value_of(asarray(settled)), "LinAlgError", message)
    return root


@of_library("scipy.linalg:block_diag")
def block_diag(*arrs: Any) -> Any:
    """Matrices along the diagonal."""
    blocks: list[Any] = [np.atleast_2d(asarray(a)) for a in arrs] or [np.zeros((1, 0))]
    if any(block.ndim > 2 for block in blocks):
        throw(ValueError("arguments in the following positions have dimension greater than 2"))
    rows, columns = (sum(block.shape[k] for block in blocks) for k in (0, 1))
    out: Any = np.zeros_like(blocks[0], result_dtype(*blocks), shape=(rows, columns))
    r: Any = 0
    c: Any = 0
    for block in blocks:
        out[r : r + block.shape[0], c : c + block.shape[1]] = block
        r, c = r + block.shape[0], c + block.shape[1]
    return out


@of_library("scipy.linalg:toeplitz")
def toeplitz(c: Any, r: Any = None) -> Any:
    """The matrix of a first column and row whose diagonals are constant."""
    column: Any = np.ravel(asarray(c))
    row = np.conj(column) if r is None else np.ravel(asarray(r))
    line = np.concatenate([column[::-1], row[1:]])
    m, n = column.shape[0], row.shape[0]
    return line[(m - 1) - np.arange(m)[:, None] + np.arange(n)[None, :]]
