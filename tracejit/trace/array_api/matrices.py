"""Matrices and grids: eye, tri, diag, trace, meshgrid, indices, and spaced sequences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tracejit.dtypes import is_complex
from tracejit.errors import UnsupportedError, throw
from tracejit.ir import extent as ex
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.trace.array_api.creation import array, asarray
from tracejit.trace.array_api.delivery import deliver
from tracejit.trace.array_api.einsum import diagonal_value
from tracejit.trace.array_api.names import covers
from tracejit.trace.array_api.operands import (
    axis_of,
    builder,
    full_like,
    given_dtype,
    iota,
    operand,
    static_int,
    value_of,
)
from tracejit.trace.array_api.ranges import linspace
from tracejit.trace.array_api.reductions import fold_value
from tracejit.trace.python.builtin_functions import builtin_abs, builtin_int
from tracejit.trace.session.session import current
from tracejit.trace.values.all import Array, PyScalar, as_dim, dim_value, fresh
from tracejit.trace.views.broadcast import stretch
from tracejit.trace.views.reshape import raveled, reshaped
from tracejit.trace.views.views import diagonal_view, read_only
from tracejit.versions import MESHGRID_IS_A_TUPLE


def _compared(name: str, rows: Dim, cols: Dim, k: Any, lead: tuple[Dim, ...] = ()) -> Value:
    """``column (name) row + k`` for every element of a (stack of) matrix."""
    b = builder()
    shape = (*lead, rows, cols)
    at = len(lead)
    row, col = iota(rows), iota(cols)
    shift = as_dim(k)
    if shift != 0:
        row = b.op("add", row, stretch(b.index(shift), row.shape))
    return b.op(  # type: ignore[no-any-return]
        name, b.broadcast(col, shape, (at + 1,)), b.broadcast(row, shape, (at,))
    )


@covers(np.eye)
def eye(
    N: Any,
    M: Any = None,
    k: Any = 0,
    dtype: Any = float,
    order: str = "C",
    *,
    device: Any = None,
    like: Any = None,
) -> Array:
    """Ones on one diagonal."""
    rows = as_dim(N)
    cols = rows if M is None else as_dim(M)
    if isinstance(k, int):  # a diagonal beyond all corners is as good as any further one
        k = max(-(2**62), min(k, 2**62))
    return fresh(builder().convert(_compared("eq", rows, cols, k), given_dtype(dtype)))


@covers(np.identity)
def identity(n: Any, dtype: Any = None, *, like: Any = None) -> Array:
    """The unit matrix."""
    return eye(n, dtype=float if dtype is None else dtype)


@covers(np.tri)
def tri(
    N: Any,
    M: Any = None,
    k: Any = 0,
    dtype: Any = float,
    *,
    like: Any = None,
) -> Array:
    """Ones at and below a diagonal."""
    rows = as_dim(N)
    cols = rows if M is None else as_dim(M)
    return fresh(builder().convert(_compared("le", rows, cols, k), given_dtype(dtype)))


def _triangle(name: str) -> Callable[..., Array]:
    def triangle(m: Any, k: Any = 0) -> Array:
        x, b = value_of(m), builder()
        if x.rank == 1:
            x = b.broadcast(x, (x.shape[0], x.shape[0]), (1,))
        *lead, rows, cols = x.shape
        inside = _compared(name, rows, cols, k, tuple(lead))
        return fresh(b.op("select", inside, x, full_like(0, x)))

    return triangle


tril = covers(np.tril)(_triangle("le"))


@covers(np.triu)
def triu(m: Any, k: Any = 0) -> Array:
    """Elements at and above a diagonal, zero elsewhere."""
    return _triangle("ge")(m, k)


@covers(np.diag)
def diag(v: Any, k: Any = 0) -> Array:
    """A matrix with a vector on a diagonal, or a read-only view of a matrix's diagonal."""
    x, offset = asarray(v), static_int(k, "k")
    if x.ndim == 2:
        return read_only(diagonal_view(x, offset, 0, 1))
    if x.ndim != 1:
        throw(ValueError("Input must be 1- or 2-d."))
    b, n = builder(), x.dims[0] + abs(offset)
    zeros = b.broadcast(b.const(0, x.dtype), (n * n,), ())
    start: Dim = offset if offset >= 0 else -offset * n
    flat = b.op("put_slice", zeros, x.read(), b.index(start), b.index(n + 1))
    return fresh(b.reshape(flat, (n, n)))


@covers(np.diagflat)
def diagflat(v: Any, k: Any = 0) -> Array:
    """A matrix with the flattened input on a diagonal."""
    return diag(np.ravel(asarray(v)), k)


@covers(np.fill_diagonal)
def fill_diagonal(a: Array, val: Any, wrap: bool = False) -> None:
    """The main diagonal replaced by a scalar or a vector."""
    if a.ndim < 2:
        throw(ValueError("array must be at least 2-d"))
    n = a.dims[0]
    if a.ndim > 2:
        for d in a.dims[1:]:
            message = "All dimensions of input must be of equal length"
            current().require_equal(n, d, ValueError, message)
    for d in a.dims[1:]:
        n = n if d == n else ex.emin(n, d)
    lines: tuple[Any, ...] = (fresh(iota(n)),) * a.ndim
    if wrap and a.ndim == 2:
        width = dim_value(a.dims[1])
        flat: Any = fresh(iota(ex.ceildiv(ex.product(a.dims), a.dims[1] + 1)))
        lines = np.divmod(flat * (width + 1), width)
    if operand(val).shape:
        # NumPy begins again with the first of too few values.
        val = np.resize(asarray(val), lines[0].shape)
    a[lines] = val


@covers(np.trace, method=True)
def trace(
    a: Any,
    offset: Any = 0,
    axis1: Any = 0,
    axis2: Any = 1,
    dtype: Any = None,
    out: Any = None,
) -> Any:
    """Sum along a diagonal."""
    x = value_of(a)
    i, j = axis_of(axis1, x.rank), axis_of(axis2, x.rank)
    line = diagonal_value(x, i, j, static_int(offset, "offset"))
    return deliver(fold_value(np.add, line, (line.rank - 1,), dtype), out)


@covers(np.vander)
def vander(x: Any, N: Any = None, increasing: bool = False) -> Array:
    """Powers of a vector as columns."""
    v = asarray(x)
    if v.ndim != 1:
        throw(ValueError("x must be a one-dimensional array or sequence."))
    v = v.astype(np.result_type(v.dtype, int))
    if N is None and not isinstance(v.dims[0], int):
        each = np.broadcast_to(np.expand_dims(v, 1), (v.shape[0], v.shape[0] - 1))
        powers: Any = np.cumprod(each, axis=1, dtype=v.dtype)
        powers = np.concatenate([np.ones_like(powers, shape=(v.shape[0], 1)), powers], axis=1)
        return fresh((powers if increasing else powers[:, ::-1]).read())
    count = static_int(v.dims[0] if N is None else N, "N")
    columns: list[Any] = [np.ones_like(v)]
    for _ in range(count - 1):
        columns.append(np.multiply(columns[-1], v))
    columns = columns[:count] if increasing else columns[:count][::-1]
    found: Any = np.stack(columns, 1) if columns else np.empty_like(v, shape=(v.shape[0], 0))
    return found  # type: ignore[no-any-return]


@covers(np.meshgrid)
def meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> Any:
    """Coordinate arrays of a grid."""
    if indexing not in ("xy", "ij"):
        throw(ValueError("Valid values for `indexing` are 'xy' and 'ij'."))
    vectors = [raveled(asarray(x)) for x in xi]
    rank, b = len(vectors), builder()
    places = list(range(rank))
    if indexing == "xy" and rank > 1:
        places[:2] = [1, 0]
    shape: list[Dim] = [1] * rank
    for place, v in zip(places, vectors, strict=True):
        shape[place] = v.dims[0]
    found = []
    for place, v in zip(places, vectors, strict=True):
        own = [d if k == place else 1 for k, d in enumerate(shape)]
        spread = own if sparse else shape
        found.append(fresh(b.broadcast(v.read(), spread, (place,))))
    return tuple(found) if copy or not sparse or MESHGRID_IS_A_TUPLE else found


@covers(np.indices)
def indices(dimensions: Any, dtype: Any = int, sparse: bool = False) -> Any:
    """The index of every element, per axis."""
    dims = tuple(as_dim(d) for d in dimensions)
    kind, b = given_dtype(dtype), builder()
    found = []
    for k, d in enumerate(dims):
        line = iota(d, kind if not is_complex(kind) else "f64")
        shape = tuple(e if j == k else 1 for j, e in enumerate(dims)) if sparse else dims
        found.append(fresh(b.broadcast(b.convert(line, kind), shape, (k,))))
    return tuple(found) if sparse else np.stack(found)


@covers(np.fromfunction)
def fromfunction(
    function: Callable[..., Any], shape: Any, *, dtype: Any = float, like: Any = None, **kwargs: Any
) -> Any:
    """A function of the index arrays."""
    return function(*indices(shape, dtype=dtype), **kwargs)


def line_of(s: slice) -> Any:
    """The numbers of a slice; a complex step counts them."""
    start = 0 if s.start is None else s.start
    step = 1 if s.step is None else s.step
    if isinstance(step, complex):
        return linspace(start, s.stop, int(abs(step)))
    if isinstance(step, PyScalar) and step.kind == "complex":
        return linspace(start, s.stop, builtin_int(builtin_abs(step)))
    from tracejit.trace.array_api.ranges import arange

    return arange(start, s.stop, step)


class Grid:
    """``np.mgrid[...]`` (dense) and ``np.ogrid[...]`` (open)."""

    def __init__(self, sparse: bool) -> None:
        self.sparse = sparse

    def __getitem__(self, key: Any) -> Any:
        single = not isinstance(key, tuple)
        lines = [line_of(s) for s in ((key,) if single else key)]
        if single:
            return lines[0]
        kind = np.result_type(*(x.dtype for x in lines))
        grids = meshgrid(*(x.astype(kind) for x in lines), sparse=self.sparse, indexing="ij")
        return grids if self.sparse else np.stack(grids)


@covers(np.logspace)
def logspace(
    start: Any,
    stop: Any,
    num: Any = 50,
    endpoint: bool = True,
    base: Any = 10.0,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    """``base`` to evenly spaced powers."""
    ranks = [len(operand(x).shape) for x in (base, start, stop)]
    if ranks[0]:
        rank = max(ranks)
        start, stop, base = (array(x, ndmin=rank) for x in (start, stop, base))
        base = np.expand_dims(base, axis)
    found = np.power(base, linspace(start, stop, num, endpoint, axis=axis))
    return found if dtype is None else found.astype(dtype)


@covers(np.geomspace)
def geomspace(
    start: Any, stop: Any, num: Any = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0
) -> Any:
    """Evenly spaced on a log scale between positive or both negative ends (real)."""
    first, last = asarray(start), asarray(stop)
    kind = np.result_type(first.dtype, last.dtype, np.float64)
    first, last = first.astype(kind), last.astype(kind)
    sign = np.sign(first)
    a, z = np.divide(first, sign), np.divide(last, sign)
    logs = linspace(np.log10(a), np.log10(z), num, endpoint)
    found = np.power(10.0, logs)
    count = as_dim(num)
    line = asarray(iota(count))
    line = reshaped(line, (*line.dims, *[1] * (found.ndim - 1)))
    found = np.where(np.equal(line, 0), a, found)
    if endpoint:
        top = asarray(builder().index(count - 1))
        found = np.where(np.logical_and(np.equal(line, top), np.greater(line, 0)), z, found)
    found = np.multiply(found, sign)
    found = found if dtype is None else found.astype(dtype)
    return found if axis == 0 else np.moveaxis(found, 0, axis)


mgrid = Grid(sparse=False)
ogrid = Grid(sparse=True)


class Joined:
    """``np.r_[...]`` (along the first axis) and ``np.c_[...]`` (columns).

    A text in front, ``"axis,rank,first"``, says along which axis to join, the least rank of the
    parts, and where the axes of parts of lower rank go.
    """

    def __init__(self, columns: bool) -> None:
        self.directive = (-1, 2, 0) if columns else (0, 1, -1)

    def __getitem__(self, key: Any) -> Any:
        parts = list(key) if isinstance(key, tuple) else [key]
        axis, rank, first = self.directive
        if isinstance(parts[0], str):
            if parts[0] in ("r", "c"):
                raise UnsupportedError("np.r_['r', …] makes matrices; use arrays")
            given = [int(x) for x in parts.pop(0).split(",")]
            axis, rank, first = (*given, *(axis, 1, -1)[len(given) :])
        return np.concatenate([self._part(k, rank, first) for k in parts], axis=axis)

    def _part(self, key: Any, rank: int, first: int) -> Any:
        found: Any = line_of(key) if isinstance(key, slice) else asarray(key)
        lacking = rank - found.ndim
        if lacking <= 0:
            return found
        if not found.ndim:
            return np.reshape(found, (1,) * rank)
        start = first if first >= 0 else lacking + 1 + first
        new = [k for k in range(rank) if not start <= k < start + found.ndim]
        return np.expand_dims(found, tuple(new))


r_ = Joined(columns=False)
c_ = Joined(columns=True)
