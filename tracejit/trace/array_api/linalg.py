"""Linear algebra: LAPACK's rows of the op table, and what is composed of them.

The rows are pure; ``LinAlgError`` is a check of their last result. Derivatives are the rows' own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tracejit.dtypes import is_complex, is_narrow, is_numpys_inexact
from tracejit.errors import UnsupportedError, throw
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.ir.ops.matrix_expressions import Mat
from tracejit.trace.array_api.creation import asarray
from tracejit.trace.array_api.matrices import eye
from tracejit.trace.array_api.names import covers
from tracejit.trace.array_api.operands import (
    builder,
    check,
    match_axis,
    static_int,
    value_of,
)
from tracejit.trace.array_api.promotion import result_dtype
from tracejit.trace.array_api.reductions import NO_VALUE
from tracejit.trace.array_api.sorting import positions, sorted_along
from tracejit.trace.session.assumptions import assume
from tracejit.trace.session.concretize import shown_dim
from tracejit.trace.session.session import current
from tracejit.trace.values.all import dim_value, python_int, wrap
from tracejit.trace.views.broadcast import broadcast_shapes, cast_shape, stretch
from tracejit.versions import EIGENVALUES_ARE_COMPLEX, TO_REAL

# The named tuples that NumPy returns.
QRResult: Any = type(np.linalg.qr(np.eye(1)))
SVDResult: Any = type(np.linalg.svd(np.eye(1)))
EigResult: Any = type(np.linalg.eig(np.eye(1)))
EighResult: Any = type(np.linalg.eigh(np.eye(1)))
SlogdetResult: Any = type(np.linalg.slogdet(np.eye(1)))

_NOT_SQUARE = "Last 2 dimensions of the array must be square"


def _kind(*arrays: Any) -> np.dtype[Any]:
    """The dtype that LAPACK computes in. Raises TypeError for float16, as NumPy does."""
    for dtype in (value_of(x).dtype for x in arrays):
        if is_numpys_inexact(dtype) and is_narrow(dtype):
            throw(TypeError(f"array type {dtype} is unsupported in linalg"))
    found = result_dtype(*arrays)
    return found if is_numpys_inexact(found) else np.dtype(np.float64)


def _stacked(a: Any) -> Value:
    """A (stack of) matrix, of any dtype."""
    x = value_of(a)
    if x.rank < 2:
        throw(
            np.linalg.LinAlgError(
                f"{x.rank}-dimensional array given. Array must be at least two-dimensional"
            )
        )
    return x


def matrix(a: Any, *others: Any) -> Value:
    """A (stack of) matrix, in the dtype that LAPACK computes in with ``others``."""
    return builder().convert(_stacked(a), _kind(a, *others))


def _square(a: Any, *others: Any) -> Value:
    return _squared(matrix(a, *others))


def _squared(x: Value) -> Value:
    """The matrices, known to be square."""
    m, n = x.shape[-2:]
    if m == n:
        return x
    if current().ranges.equal(m, n) is False:
        throw(np.linalg.LinAlgError(_NOT_SQUARE))
    current().require_equal(m, n, np.linalg.LinAlgError, _NOT_SQUARE)
    return cast_shape(x, (*x.shape[:-2], n, n), _NOT_SQUARE, "LinAlgError")


def _sure(found: Sequence[Value], message: str) -> list[Any]:
    """The results of a row but ``ok``, which is checked."""
    *results, ok = found
    check(_all(ok), "LinAlgError", message)
    return list(map(wrap, results))


def _all(flags: Value) -> Value:
    """Whether it holds of every matrix of a stack."""
    axes = tuple(range(flags.rank))
    return builder().op("reduce_and", flags, axes=axes) if axes else flags


def _least(x: Value) -> Dim:
    """The smaller side of a matrix."""
    b = builder()
    m, n = x.shape[-2:]
    if isinstance(m, int) and isinstance(n, int):
        return min(m, n)
    if m == n or current().ranges.at_least(n, m):
        return m
    if current().ranges.at_least(m, n):
        return n
    return b.op("minimum", b.index(m), b.index(n)).dim  # type: ignore[no-any-return]


@covers(np.linalg.inv)
def inv(a: Any) -> Any:
    """The inverse. LinAlgError where it does not exist."""
    return _sure(builder().op("inv", _square(a)), "Singular matrix")[0]


@covers(np.linalg.solve)
def solve(a: Any, b: Any) -> Any:
    """The x with ``a @ x = b``; ``b`` of one dimension is a vector."""
    x, y = _square(a, b), builder().convert(value_of(b), _kind(a, b))
    line = y.rank == 1
    name, signature = ("solve1", "(m,m),(m)->(m)") if line else ("solve", "(m,m),(m,n)->(m,n)")
    if y.rank == 0:
        throw(
            ValueError(
                f"{name}: Input operand 1 does not have enough dimensions (has 0, gufunc core with "
                f"signature {signature} requires 2)"
            )
        )
    if line:
        y = builder().broadcast(y, (*y.shape, 1), (0,))
    message = (
        f"{name}: Input operand 1 has a mismatch in its core dimension 0, with gufunc signature "
        f"{signature} (size {shown_dim(y.shape[-2])} is different from {shown_dim(x.shape[-1])})"
    )
    y = match_axis(y, y.rank - 2, x.shape[-1], message)
    lead = broadcast_shapes([x.shape[:-2], y.shape[:-2]])
    x, y = (stretch(v, (*lead, *v.shape[-2:])) for v in (x, y))
    found, ok = builder().op("solve", x, y)
    if line:
        found = builder().reshape(found, found.shape[:-1])
    return _sure([found, ok], "Singular matrix")[0]


@covers(np.linalg.det)
def det(a: Any) -> Any:
    """Determinants."""
    return wrap(builder().op("det", _square(a)))


@covers(np.linalg.slogdet)
def slogdet(a: Any) -> Any:
    """Sign and logarithm of the absolute determinant."""
    return SlogdetResult(*map(wrap, builder().op("slogdet", _square(a))))


@covers(np.linalg.cholesky)
def cholesky(a: Any, /, *, upper: bool = False) -> Any:
    """The triangular factor. LinAlgError where the matrix is not positive definite."""
    found = builder().op("cholesky", _square(a), upper=bool(upper))
    return _sure(found, "Matrix is not positive definite")[0]


@covers(np.linalg.qr)
def qr(a: Any, mode: str = "reduced") -> Any:
    """Orthogonal and triangular factor (``mode`` reduced, complete or r)."""
    if mode not in ("reduced", "complete", "r"):
        if mode == "raw":
            raise UnsupportedError("np.linalg.qr(mode='raw'); use mode='reduced' or 'r'")
        throw(ValueError(f"Unrecognized mode '{mode}'"))
    x = matrix(a)
    found = builder().op("qr", x, k=_least(x), mode=mode)
    return wrap(found) if mode == "r" else QRResult(*map(wrap, found))


@covers(np.linalg.svd)
def svd(
    a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False
) -> Any:
    """Singular values (and vectors)."""
    if hermitian:
        return _hermitian_svd(a, compute_uv)
    x = matrix(a)
    k, message = _least(x), "SVD did not converge"
    if not compute_uv:
        return _sure(builder().op("svdvals", x, k=k), message)[0]
    found = builder().op("svd", x, k=k, full=bool(full_matrices))
    return SVDResult(*_sure(found, message))


def _hermitian_svd(a: Any, compute_uv: bool) -> Any:
    """By eigenvalues, as NumPy does it."""
    if not compute_uv:
        sizes: Any = np.absolute(eigvalsh(a))
        return sorted_along(sizes, sizes.ndim - 1)[..., ::-1]
    values, vectors = eigh(a)
    sign, size = np.sign(values), np.absolute(values)
    order = positions(size, size.ndim - 1, "quicksort")[..., ::-1]
    sign, size = (np.take_along_axis(v, order, axis=-1) for v in (sign, size))
    u: Any = np.take_along_axis(vectors, order[..., None, :], axis=-1)
    return SVDResult(u, size, np.conj(np.swapaxes(u * sign[..., None, :], -1, -2)))


@covers(np.linalg.svdvals)
def svdvals(x: Any, /) -> Any:
    """Singular values."""
    return svd(x, compute_uv=False)


def _lower(UPLO: str) -> bool:
    letter = UPLO.upper()
    if letter not in ("L", "U"):
        throw(ValueError("UPLO argument must be 'L' or 'U'"))
    return letter == "L"


_EIGENVALUES = "Eigenvalues did not converge"


@covers(np.linalg.eigh)
def eigh(a: Any, UPLO: str = "L") -> Any:
    """Eigenvalues and vectors of symmetric (Hermitian) matrices."""
    lower = _lower(UPLO)
    return EighResult(*_sure(builder().op("eigh", _square(a), lower=lower), _EIGENVALUES))


@covers(np.linalg.eigvalsh)
def eigvalsh(a: Any, UPLO: str = "L") -> Any:
    """Eigenvalues of symmetric (Hermitian) matrices."""
    lower = _lower(UPLO)
    return _sure(builder().op("eigvalsh", _square(a), lower=lower), _EIGENVALUES)[0]


_BOTH = "make the matrix complex, as in a.astype(complex)"


def _spectral(name: str, x: Value, *, narrowed: bool) -> list[Any]:
    """Results, if ``narrowed`` made real where the matrices and all eigenvalues are real."""
    finite: Any = np.all(np.isfinite(wrap(x)))
    check(value_of(finite), "LinAlgError", "Array must not contain infs or NaNs")
    *found, real, ok = builder().op(name, x)
    results = _sure([*found, ok], _EIGENVALUES)
    if is_complex(x.dtype) or not narrowed:
        return results
    small = 0 in x.shape or x.shape[-1] == 1
    if small or assume(_all(real), f"the result of np.linalg.{name} is real", _BOTH):
        return [np.real(r).copy() for r in results]
    return results


@covers(np.linalg.eig)
def eig(a: Any) -> Any:
    """Eigenvalues and vectors: up to NumPy 2.4 real ones where the matrices and all eigenvalues
    are."""
    return EigResult(*_spectral("eig", _square(a), narrowed=not EIGENVALUES_ARE_COMPLEX))


@covers(np.linalg.eigvals)
def eigvals(a: Any) -> Any:
    """Eigenvalues: up to NumPy 2.4 real ones where the matrices and all eigenvalues are."""
    return _spectral("eigvals", _square(a), narrowed=not EIGENVALUES_ARE_COMPLEX)[0]


def narrowed_eigenvalues(a: Any) -> Any:
    """Eigenvalues, real ones where the matrix and all eigenvalues are, in every NumPy."""
    return _spectral("eigvals", _square(a), narrowed=True)[0]


@covers(*filter(None, [TO_REAL]))
def _to_real(w: Any, t: Any) -> Any:
    """Eigenvalues of the matrix ``t``, real ones where it and all of them are."""
    if is_complex(t.dtype):
        return w
    real = value_of(np.all(np.equal(w.imag, 0)))
    return w.real.copy() if assume(real, "the result of np.linalg.eigvals is real", _BOTH) else w


@covers(np.linalg.pinv)
def pinv(a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = NO_VALUE) -> Any:
    """The pseudo-inverse."""
    x = matrix(a)
    if rtol is not NO_VALUE:
        if rcond is not None:
            throw(ValueError("`rtol` and `rcond` can't be both set."))
        rcond = rtol
    if hermitian:
        x = _completed(_square(a))
    given = [] if rcond is None else [value_of(rcond)]
    found = builder().op("pinv", x, *given, hermitian=bool(hermitian))
    return _sure(found, "SVD did not converge")[0]


def _completed(x: Value) -> Value:
    """The Hermitian matrix of which the lower triangle is read."""
    return Mat(builder(), x).hermitian(True).v


@covers(np.linalg.lstsq)
def lstsq(a: Any, b: Any, rcond: Any = None) -> Any:
    """Least squares: solution, residuals (only where they are defined), rank, singular values."""
    x, y = (builder().convert(value_of(v), _kind(a, b)) for v in (a, b))
    for v in (x, y):
        if v.rank != 2 and not (v is y and y.rank == 1):
            throw(
                np.linalg.LinAlgError(
                    f"{v.rank}-dimensional array given. Array must be two-dimensional"
                )
            )
    m, n = x.shape
    columns = builder().broadcast(y, (*y.shape, 1), (0,)) if y.rank == 1 else y
    if columns.shape[0] != m:
        current().require_equal(
            columns.shape[0], m, np.linalg.LinAlgError, "Incompatible dimensions"
        )
        wanted = (m, columns.shape[1])
        columns = cast_shape(columns, wanted, "Incompatible dimensions", "LinAlgError")
    given = [] if rcond is None else [value_of(rcond)]
    found = builder().op("lstsq", x, columns, *given, k=_least(x))
    solved, rank, values = _sure(found, "SVD did not converge in Linear Least Squares")
    solution: Any = np.reshape(solved, (dim_value(n),)) if y.rank == 1 else solved
    gap: Any = np.subtract(asarray(b), np.dot(asarray(a), solution))
    squares = np.real(gap * np.conj(gap)).astype(values.dtype)
    sums = np.reshape(np.sum(squares, axis=0), (-1,))
    if current().ranges.at_least(n, m):
        return solution, sums[:0], rank, values
    defined = np.logical_and(np.equal(rank, dim_value(n)), dim_value(m) > dim_value(n))
    kept = sums[np.broadcast_to(defined, sums.shape)]
    return solution, kept, rank, values


@covers(np.linalg.matrix_rank)
def matrix_rank(A: Any, tol: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:
    """How many singular values are above the tolerance."""
    x: Any = asarray(A)
    if x.ndim < 2:
        return python_int(builder().convert(value_of(np.any(x != 0)), "i64"))
    if tol is not None and rtol is not None:
        throw(ValueError("`tol` and `rtol` can't be both set."))
    values = svd(x, compute_uv=False, hermitian=hermitian)
    if tol is None:
        size = np.maximum(x.shape[-2], x.shape[-1])
        scale = size * np.finfo(values.dtype).eps if rtol is None else asarray(rtol)[..., None]
        tol = np.amax(values, axis=-1, keepdims=True) * scale
    else:
        tol = np.expand_dims(asarray(tol), -1)
    return np.count_nonzero(values > tol, axis=-1)


@covers(np.linalg.matrix_power)
def matrix_power(a: Any, n: Any) -> Any:
    """A power of square matrices by repeated squaring; negative ones of the inverse."""
    x, power = _squared(_stacked(a)), static_int(n, "the exponent of np.linalg.matrix_power")
    z: Any = wrap(x)
    if power == 0:
        found: Any = eye(x.shape[-1], dtype=x.dtype)
        return np.broadcast_to(found, z.shape).copy()
    if power < 0:
        z, power = inv(a), -power
    if power == 3:
        return np.matmul(np.matmul(z, z), z)
    result = None
    while True:
        power, bit = divmod(power, 2)
        if bit:
            result = z if result is None else np.matmul(result, z)
        if not power:
            return result
        z = np.matmul(z, z)


@covers(np.linalg.tensorsolve)
def tensorsolve(a: Any, b: Any, axes: Any = None) -> Any:
    """The x with ``tensordot(a, x, x.ndim) = b``."""
    x: Any = asarray(a)
    y: Any = asarray(b)
    if axes is not None:
        rest = [k for k in range(x.ndim) if k not in axes]
        x = np.transpose(x, (*rest, *axes))
    shape = x.shape[-(x.ndim - y.ndim) :]
    count = np.prod(shape) if shape else 1
    return np.reshape(solve(np.reshape(x, (-1, int(count))), np.ravel(y)), shape)


@covers(np.linalg.tensorinv)
def tensorinv(a: Any, ind: Any = 2) -> Any:
    """The inverse of a tensor seen as a matrix, its first ``ind`` axes being the rows."""
    x, k = asarray(a), static_int(ind, "ind")
    if k <= 0:
        throw(ValueError("Invalid ind argument."))
    rows, cols = x.shape[:k], x.shape[k:]
    return np.reshape(inv(np.reshape(x, (int(np.prod(rows)), -1))), (*cols, *rows))


# Names of the array API ---------------------------------------------------------------------------


@covers(np.linalg.matrix_transpose)
def matrix_transpose(x: Any, /) -> Any:
    """The last two axes swapped."""
    return np.swapaxes(asarray(_stacked(x)) if not hasattr(x, "mT") else x, -1, -2)


@covers(np.linalg.diagonal)
def diagonal(x: Any, /, *, offset: Any = 0) -> Any:
    """Diagonals of the last two axes."""
    return np.diagonal(asarray(x), offset, axis1=-2, axis2=-1)


@covers(np.linalg.trace)
def trace(x: Any, /, *, offset: Any = 0, dtype: Any = None) -> Any:
    """Sums of the diagonals of the last two axes."""
    return np.trace(asarray(x), offset, axis1=-2, axis2=-1, dtype=dtype)


@covers(np.linalg.vecdot)
def vecdot(x1: Any, x2: Any, /, *, axis: Any = -1) -> Any:
    """Products of vectors, the first conjugated."""
    first: Any = asarray(x1)
    return np.vecdot(first, asarray(x2), axis=axis)  # type: ignore[call-overload]


@covers(np.linalg.tensordot)
def tensordot(x1: Any, x2: Any, /, *, axes: Any = 2) -> Any:
    """``np.tensordot``."""
    return np.tensordot(asarray(x1), asarray(x2), axes)
