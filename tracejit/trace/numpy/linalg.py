"""Linear algebra by ordered calls of NumPy (LAPACK), and what is composed of it.

``LinAlgError`` and errors of shapes are NumPy's own, raised when the call is reached. None of the
calls has a derivative yet: differentiating through one is an error that says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from tracejit.errors import UnsupportedError
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.trace.numpy.broadcast import broadcast_shapes
from tracejit.trace.numpy.creation import asarray
from tracejit.trace.numpy.folds import NO_VALUE
from tracejit.trace.numpy.host import Spectral, called
from tracejit.trace.numpy.matrices import eye
from tracejit.trace.numpy.names import covers
from tracejit.trace.numpy.operands import axis_of, builder, static_int, value_of
from tracejit.trace.numpy.promotion import result_dtype
from tracejit.trace.numpy.queries import norm
from tracejit.trace.session import current
from tracejit.trace.suppositions import suppose
from tracejit.trace.values import dim_value, python_int, wrap

# The named tuples that NumPy returns.
QRResult: Any = type(np.linalg.qr(np.eye(1)))
SVDResult: Any = type(np.linalg.svd(np.eye(1)))
EigResult: Any = type(np.linalg.eig(np.eye(1)))
EighResult: Any = type(np.linalg.eigh(np.eye(1)))
SlogdetResult: Any = type(np.linalg.slogdet(np.eye(1)))


def _kind(*arrays: Any) -> np.dtype[Any]:
    """The dtype that LAPACK computes in."""
    found = result_dtype(*arrays)
    return found if found.kind in "fc" else np.dtype(np.float64)


def _real(kind: np.dtype[Any]) -> np.dtype[Any]:
    return np.dtype(f"f{kind.itemsize // 2}") if kind.kind == "c" else kind


def _matrix(a: Any) -> Value:
    """A (stack of) matrix."""
    x = value_of(a)
    if x.rank < 2:
        raise np.linalg.LinAlgError(
            f"{x.rank}-dimensional array given. Array must be at least two-dimensional"
        )
    return x


def _square(a: Any) -> Value:
    x = _matrix(a)
    if current().ranges.equal(x.shape[-1], x.shape[-2]) is False:
        raise np.linalg.LinAlgError("Last 2 dimensions of the array must be square")
    return x


def _one(
    path: str,
    operands: Sequence[Value],
    dtype: Any,
    shape: Sequence[Dim],
    **options: Any,
) -> Any:
    (found,) = called(f"linalg.{path}", operands, [(dtype, shape)], **options)
    return wrap(found)


def _least(x: Value) -> Dim:
    """The smaller side of a matrix."""
    m, n = x.shape[-2:]
    if isinstance(m, int) and isinstance(n, int):
        return min(m, n)
    if m == n or current().ranges.at_least(n, m):
        return m
    return (
        n
        if current().ranges.at_least(m, n)
        else builder().op("minimum", builder().index(m), builder().index(n)).dim
    )


@covers(np.linalg.inv)
def inv(a: Any) -> Any:
    """The inverse. LinAlgError where it does not exist."""
    x = _square(a)
    return _one("inv", [x], _kind(a), x.shape)


@covers(np.linalg.solve)
def solve(a: Any, b: Any) -> Any:
    """The x with ``a @ x = b``; ``b`` of one dimension is a vector."""
    x, y = _square(a), value_of(b)
    kind = _kind(a, b)
    if y.rank == 1:
        lead, tail = broadcast_shapes([x.shape[:-2], ()]), x.shape[-1:]
    else:
        lead = broadcast_shapes([x.shape[:-2], y.shape[:-2]])
        tail = (x.shape[-1], y.shape[-1]) if y.rank else ()
    return _one("solve", [x, y], kind, (*lead, *tail))


@covers(np.linalg.det)
def det(a: Any) -> Any:
    """Determinants."""
    x = _square(a)
    return _one("det", [x], _kind(a), x.shape[:-2])


@covers(np.linalg.slogdet)
def slogdet(a: Any) -> Any:
    """Sign and logarithm of the absolute determinant."""
    x, kind = _square(a), _kind(a)
    lead = x.shape[:-2]
    found = called("linalg.slogdet", [x], [(kind, lead), (_real(kind), lead)])
    return SlogdetResult(*map(wrap, found))


@covers(np.linalg.cholesky)
def cholesky(a: Any, /, *, upper: bool = False) -> Any:
    """The triangular factor. LinAlgError where the matrix is not positive definite."""
    x = _square(a)
    return _one("cholesky", [x], _kind(a), x.shape, upper=bool(upper))


@covers(np.linalg.qr)
def qr(a: Any, mode: str = "reduced") -> Any:
    """Orthogonal and triangular factor (``mode`` reduced, complete or r)."""
    if mode not in ("reduced", "complete", "r"):
        if mode == "raw":
            raise UnsupportedError("np.linalg.qr(mode='raw'); use mode='reduced' or 'r'")
        raise ValueError(f"Unrecognized mode '{mode}'")
    x, kind = _matrix(a), _kind(a)
    *lead, m, n = x.shape
    k = _least(x)
    if mode == "r":
        return _one("qr", [x], kind, (*lead, k, n), mode=mode)
    inner = m if mode == "complete" else k
    shapes = [(kind, (*lead, m, inner)), (kind, (*lead, inner, n))]
    return QRResult(*map(wrap, called("linalg.qr", [x], shapes, mode=mode)))


@covers(np.linalg.svd)
def svd(
    a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False
) -> Any:
    """Singular values (and vectors)."""
    x, kind = _matrix(a), _kind(a)
    *lead, m, n = x.shape
    k = _least(x)
    values = (_real(kind), (*lead, k))
    if not compute_uv:
        return _one("svd", [x], *values, compute_uv=False, hermitian=bool(hermitian))
    left, right = (m, n) if full_matrices else (k, k)
    found = called(
        "linalg.svd",
        [x],
        [(kind, (*lead, m, left)), values, (kind, (*lead, right, n))],
        full_matrices=bool(full_matrices),
        hermitian=bool(hermitian),
    )
    return SVDResult(*map(wrap, found))


@covers(np.linalg.svdvals)
def svdvals(x: Any, /) -> Any:
    """Singular values."""
    return svd(x, compute_uv=False)


@covers(np.linalg.eigh)
def eigh(a: Any, UPLO: str = "L") -> Any:
    """Eigenvalues and vectors of symmetric (Hermitian) matrices."""
    x, kind = _square(a), _kind(a)
    types = [(_real(kind), x.shape[:-1]), (kind, x.shape)]
    return EighResult(*map(wrap, called("linalg.eigh", [x], types, UPLO=UPLO)))


@covers(np.linalg.eigvalsh)
def eigvalsh(a: Any, UPLO: str = "L") -> Any:
    """Eigenvalues of symmetric (Hermitian) matrices."""
    x = _square(a)
    return _one("eigvalsh", [x], _real(_kind(a)), x.shape[:-1], UPLO=UPLO)


_BOTH = "make the matrix complex, as in a.astype(complex)"


def _spectral(name: str, x: Value, shapes: Sequence[Sequence[Dim]]) -> list[Any]:
    """Results that NumPy makes real where the matrices and all eigenvalues are real."""
    kind = _kind(x)
    if kind.kind == "c":
        return list(map(wrap, called(f"linalg.{name}", [x], [(kind, s) for s in shapes])))
    both = np.result_type(kind, np.complex64)
    types = [*((both, s) for s in shapes), (np.bool_, ())]
    *found, real = called(f"linalg.{name}", [x], types, made=Spectral)
    results: list[Any] = list(map(wrap, found))
    small = 0 in x.shape or x.shape[-1] == 1
    if small or suppose(real, f"the result of np.linalg.{name} is real", _BOTH):
        return [np.real(r).copy() for r in results]
    return results


@covers(np.linalg.eig)
def eig(a: Any) -> Any:
    """Eigenvalues and vectors: real ones where the matrices and all eigenvalues are."""
    x = _square(a)
    return EigResult(*_spectral("eig", x, [x.shape[:-1], x.shape]))


@covers(np.linalg.eigvals)
def eigvals(a: Any) -> Any:
    """Eigenvalues: real ones where the matrices and all eigenvalues are."""
    x = _square(a)
    return _spectral("eigvals", x, [x.shape[:-1]])[0]


@covers(np.linalg.pinv)
def pinv(a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = NO_VALUE) -> Any:
    """The pseudo-inverse."""
    x = _matrix(a)
    *lead, m, n = x.shape
    options: dict[str, Any] = {"hermitian": bool(hermitian)}
    if rtol is not NO_VALUE:
        if rcond is not None:
            raise ValueError("`rtol` and `rcond` can't be both set.")
        rcond = rtol
    if rcond is not None:
        return _one("pinv", [x, value_of(rcond)], _kind(a), (*lead, n, m), **options)
    return _one("pinv", [x], _kind(a), (*lead, n, m), **options)


@covers(np.linalg.lstsq)
def lstsq(a: Any, b: Any, rcond: Any = None) -> Any:
    """Least squares: solution, residuals (only where they are defined), rank, singular values."""
    x, y, kind = _matrix(a), value_of(b), _kind(a, b)
    m, n = x.shape[-2:]
    tail = y.shape[1:]
    types = [(kind, (n, *tail)), (np.int32, ()), (_real(kind), (_least(x),))]
    operands = [x, y] if rcond is None else [x, y, value_of(rcond)]
    found = called("linalg.lstsq", operands, types, keep=(0, 2, 3))
    solution, rank, values = map(wrap, found)
    gap: Any = np.subtract(asarray(b), np.dot(asarray(a), solution))
    squares = np.real(gap * np.conj(gap)).astype(_real(kind))
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
        raise ValueError("`tol` and `rtol` can't be both set.")
    values = svd(x, compute_uv=False, hermitian=hermitian)
    if tol is None:
        size = np.maximum(x.shape[-2], x.shape[-1])
        scale = size * np.finfo(values.dtype).eps if rtol is None else asarray(rtol)[..., None]
        tol = np.amax(values, axis=-1, keepdims=True) * scale
    else:
        tol = np.expand_dims(asarray(tol), -1)
    return np.count_nonzero(values > tol, axis=-1)


@covers(np.linalg.cond)
def cond(x: Any, p: Any = None) -> Any:
    """The condition number in some norm."""
    a: Any = asarray(_matrix(x))
    if p in (None, 2, -2):
        values = svdvals(a)
        first, last = values[..., 0], values[..., -1]
        return last / first if p == -2 else first / last
    return norm(a, p, (-2, -1)) * norm(inv(a), p, (-2, -1))


@covers(np.linalg.matrix_power)
def matrix_power(a: Any, n: Any) -> Any:
    """A power of square matrices by repeated squaring; negative ones of the inverse."""
    x, power = _square(a), static_int(n, "the exponent of np.linalg.matrix_power")
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
        raise ValueError("Invalid ind argument.")
    rows, cols = x.shape[:k], x.shape[k:]
    return np.reshape(inv(np.reshape(x, (int(np.prod(rows)), -1))), (*cols, *rows))


# Names of the array API ---------------------------------------------------------------------------


@covers(np.linalg.matrix_transpose)
def matrix_transpose(x: Any, /) -> Any:
    """The last two axes swapped."""
    return np.swapaxes(asarray(_matrix(x)) if not hasattr(x, "mT") else x, -1, -2)


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


@covers(np.linalg.matrix_norm)
def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    """A norm of the last two axes."""
    return norm(x, ord, (-2, -1), keepdims)


def spectral_norm(x: Any, ord: Any, axes: tuple[int, int], keepdims: bool) -> Any:
    """Matrix norms made of singular values: 2, -2 and nuc."""
    values = svdvals(np.moveaxis(x, axes, (-2, -1)))
    reduce: Any = {2: np.amax, -2: np.amin, "nuc": np.sum}[ord]
    found = reduce(values, axis=-1)
    return np.expand_dims(found, tuple(axis_of(k, x.ndim) for k in axes)) if keepdims else found
