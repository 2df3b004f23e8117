"""Products of arrays: matmul, dot and their family, all by the one contraction ``dot``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tracejit.dtypes import computed_in, is_bool, is_complex
from tracejit.errors import throw
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.trace.array_api.creation import asarray
from tracejit.trace.array_api.delivery import deliver, stored
from tracejit.trace.array_api.names import NAMES, covers, method, unsupported
from tracejit.trace.array_api.operands import (
    axis_of,
    builder,
    cast,
    match_axis,
    operand,
    permuted,
    static_int,
)
from tracejit.trace.array_api.promotion import loop_dtypes, promote
from tracejit.trace.array_api.shapes import moveaxis
from tracejit.trace.session.concretize import shown_dim
from tracejit.trace.session.session import current
from tracejit.trace.values.all import Array, fresh, several
from tracejit.trace.views.broadcast import broadcast_shapes, stretch
from tracejit.trace.views.reshape import raveled, reshaped
from tracejit.versions import CROSS_NEEDS_THREE

Axes = tuple[int, ...]


def contracted(a: Value, b_: Value, contract: tuple[Axes, Axes], batch: tuple[Axes, Axes]) -> Value:
    """``dot`` of two values of one dtype; bool products are and, their sums or.

    Narrow floats are multiplied and summed in the format that they are computed in.
    """
    b = builder()
    for i, j in zip(*contract, strict=True):
        message = f"shapes {a.shape} and {b_.shape} not aligned: {a.shape[i]} (dim {i}) != "
        b_ = match_axis(b_, j, a.shape[i], message + f"{b_.shape[j]} (dim {j})")
    for i, j in zip(*batch, strict=True):
        b_ = match_axis(b_, j, a.shape[i], "operands could not be broadcast together")
    wide = np.dtype(np.int64) if is_bool(a.dtype) else computed_in(a.dtype)
    sides = [b.convert(x, wide) for x in (a, b_)]
    return b.convert(b.op("dot", *sides, contract=contract, batch=batch), a.dtype)


def _pair(x: Any, y: Any) -> tuple[Value, Value]:
    left, right = operand(x), operand(y)
    kind = promote([left, right])
    return cast(left, kind), cast(right, kind)


def _no_scalars(name: str, a: Value, b_: Value) -> None:
    for k, v in enumerate((a, b_)):
        if v.rank == 0:
            throw(
                ValueError(
                    f"{name}: Input operand {k} does not have enough dimensions (has 0, gufunc "
                    f"core "
                    "with signature (n?,k),(k,m?)->(n?,m?) requires 1)"
                )
            )


def matmul_value(a: Value, b_: Value) -> Value:
    """``a @ b`` of values of one dtype, batch axes broadcast."""
    _no_scalars("matmul", a, b_)
    axis = b_.rank - 2 if b_.rank > 1 else 0
    message = (
        "matmul: Input operand 1 has a mismatch in its core dimension 0, with gufunc signature "
        f"(n?,k),(k,m?)->(n?,m?) (size {shown_dim(b_.shape[axis])} is different from "
        f"{shown_dim(a.shape[-1])})"
    )
    b_ = match_axis(b_, axis, a.shape[-1], message)
    core_a, core_b = min(a.rank, 2), min(b_.rank, 2)
    lead_a, lead_b = a.shape[: a.rank - core_a], b_.shape[: b_.rank - core_b]
    if lead_a and lead_b:
        lead = broadcast_shapes([lead_a, lead_b])
        a = _with_lead(a, lead, core_a)
        b_ = _with_lead(b_, lead, core_b)
        batch = tuple(range(len(lead)))
        axis = b_.rank - 2 if core_b == 2 else b_.rank - 1
        return contracted(a, b_, ((a.rank - 1,), (axis,)), (batch, batch))
    value = contracted(a, b_, ((a.rank - 1,), (axis,)), ((), ()))
    if lead_b and core_a == 2:  # free axes: a's row, b's batch, b's column
        n = len(lead_b)
        value = permuted(value, (*range(1, n + 1), 0, *range(n + 1, value.rank)))
    return value


def _with_lead(x: Value, lead: tuple[Dim, ...], core: int) -> Value:
    return stretch(x, (*lead, *x.shape[x.rank - core :]))


class _Gufunc:
    """``np.matmul`` and friends as ``NAMES`` holds them."""

    def __init__(self, ufunc: np.ufunc, compute: Any) -> None:
        self.ufunc, self.compute = ufunc, compute
        self.__name__ = ufunc.__name__

    def __call__(
        self,
        x1: Any,
        x2: Any,
        /,
        out: Any = None,
        *,
        casting: Any = "same_kind",
        order: str = "K",
        dtype: Any = None,
        subok: bool = True,
        signature: Any = None,
        axes: Any = None,
        axis: Any = None,
        keepdims: bool = False,
    ) -> Any:
        unsupported(
            f"np.{self.__name__}",
            order=(order, "K"),
            axes=(axes, None),
            keepdims=(keepdims, False),
        )
        out = out[0] if isinstance(out, tuple) else out
        inputs = [operand(x1), operand(x2)]
        kinds = loop_dtypes(
            self.ufunc, inputs, [None if out is None else out.dtype], dtype, signature, casting
        )
        a, b_ = (cast(v, k) for v, k in zip(inputs, kinds, strict=False))
        if axis is not None:
            a, b_ = (permuted(v, _axis_last(v, axis)) for v in (a, b_))
        value = self.compute(a, b_)
        if self.ufunc is np.matmul and out is not None and min(a.rank, b_.rank) > 1:
            _fits_core(out, value)
        return deliver(builder().convert(value, kinds[2]), out)


def _fits_core(out: Any, value: Value) -> None:
    """NumPy's errors where rows or columns of the output are not those of the product."""
    if out.ndim < value.rank:
        return
    for k in (0, 1):
        have, want = out.dims[out.ndim - 2 + k], value.shape[value.rank - 2 + k]
        message = (
            f"matmul: Output operand 0 has a mismatch in its core dimension {k}, with gufunc "
            f"signature (n?,k),(k,m?)->(n?,m?) (size {shown_dim(have)} is different from "
            f"{shown_dim(want)})"
        )
        current().require_equal(have, want, ValueError, message)


def _axis_last(v: Value, axis: Any) -> list[int]:
    k = axis_of(axis, v.rank)
    return [*(i for i in range(v.rank) if i != k), k]


def _vecdot(a: Value, b_: Value) -> Value:
    _no_scalars("vecdot", a, b_)
    b_ = match_axis(b_, b_.rank - 1, a.shape[-1], "vecdot: core dimensions differ")
    shape = broadcast_shapes([a.shape, b_.shape])
    a, b_ = stretch(a, shape), stretch(b_, shape)
    if is_complex(a.dtype):
        a = builder().op("conj", a)
    lead, last = tuple(range(a.rank - 1)), (a.rank - 1,)
    return contracted(a, b_, (last, last), (lead, lead))


def _matvec(a: Value, b_: Value) -> Value:
    column = builder().reshape(b_, (*b_.shape, 1))
    found = matmul_value(a, column)
    return builder().reshape(found, found.shape[:-1])


def _vecmat(a: Value, b_: Value) -> Value:
    if is_complex(a.dtype):
        a = builder().op("conj", a)
    line = builder().reshape(a, (*a.shape[:-1], 1, a.shape[-1]))
    found = matmul_value(line, b_)
    return builder().reshape(found, (*found.shape[:-2], found.shape[-1]))


for _ufunc, _compute in (
    (np.matmul, matmul_value),
    (np.vecdot, _vecdot),
    (np.matvec, _matvec),
    (np.vecmat, _vecmat),
):
    NAMES[_ufunc] = _Gufunc(_ufunc, _compute)


@method("dot")
@covers(np.dot)
def dot(a: Any, b: Any, out: Any = None) -> Any:
    """Last axis of ``a`` against the second to last of ``b``; a product for scalars."""
    x, y = _pair(a, b)
    if x.rank == 0 or y.rank == 0:
        return np.multiply(asarray(a), asarray(b), out=out)
    if out is not None and out.dtype != x.dtype:
        throw(
            ValueError(
                "output array is not acceptable (must have the right datatype, number of "
                "dimensions, "
                "and be a C-Array)"
            )
        )
    return deliver(contracted(x, y, ((x.rank - 1,), (max(y.rank - 2, 0),)), ((), ())), out)


@covers(np.vdot)
def vdot(a: Any, b: Any, /) -> Any:
    """The product of the flattened arrays, the first conjugated."""
    return dot(np.conj(np.ravel(asarray(a))), np.ravel(asarray(b)))


@covers(np.inner)
def inner(a: Any, b: Any, /) -> Any:
    """Last axes against each other."""
    x, y = _pair(a, b)
    if x.rank == 0 or y.rank == 0:
        return np.multiply(asarray(a), asarray(b))
    return deliver(contracted(x, y, ((x.rank - 1,), (y.rank - 1,)), ((), ())))


@covers(np.outer)
def outer(a: Any, b: Any, out: Any = None) -> Any:
    """Every product of an element of ``a`` and one of ``b``."""
    x, y = raveled(asarray(a)), raveled(asarray(b))
    return np.multiply(x[:, None], y[None, :], out=out)


@covers(np.linalg.outer)
def linalg_outer(x1: Any, x2: Any, /) -> Any:
    """The outer product of two vectors."""
    return outer(x1, x2)


@covers(np.tensordot)
def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    """A contraction over paired axes."""
    x, y = _pair(a, b)
    if isinstance(axes, (tuple, list)) or (isinstance(axes, Array) and axes.ndim):
        left, right = axes
    else:
        n = static_int(axes, "axes")
        left, right = list(range(-n, 0)), list(range(n))
    many = [several(s) for s in (left, right)]
    if len(many[0]) != len(many[1]):
        throw(ValueError("shape-mismatch for sum"))
    pairs = (
        tuple(axis_of(k, x.rank) for k in many[0]),
        tuple(axis_of(k, y.rank) for k in many[1]),
    )
    for i, j in zip(*pairs, strict=True):
        y = match_axis(y, j, x.shape[i], "shape-mismatch for sum")
    return fresh(contracted(x, y, pairs, ((), ())))


@covers(np.kron)
def kron(a: Any, b: Any) -> Any:
    """The Kronecker product."""
    x, y = asarray(a), asarray(b)
    rank = max(x.ndim, y.ndim)
    xs, ys = ((*[1] * (rank - v.ndim), *v.dims) for v in (x, y))
    spread = reshaped(x, [d for n in xs for d in (n, 1)])
    inner_ = reshaped(y, [d for n in ys for d in (1, n)])
    found: Any = np.multiply(spread, inner_)
    if not rank:
        return found
    return reshaped(found, [m * n for m, n in zip(xs, ys, strict=True)])


def _cross2(a: Any, b: Any) -> Any:
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


_OF_TWO_OR_THREE = "incompatible dimensions for cross product\n(dimension must be 2 or 3)"
_OF_THREE = (
    "Both input arrays must be (arrays of) 3-dimensional vectors, but they are {} and {} "
    "dimensional instead."
)


@covers(np.cross)
def cross(
    a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: Any = None
) -> Any:
    """The vector product of vectors of 3 components, up to NumPy 2.4 also of 2."""
    if axis is not None:
        axisa = axisb = axisc = axis
    x, y = asarray(a), asarray(b)
    x = moveaxis(x, axis_of(axisa, x.ndim, prefix="axisa"), -1)
    y = moveaxis(y, axis_of(axisb, y.ndim, prefix="axisb"), -1)
    sizes = [static_int(v.dims[-1], "the number of components") for v in (x, y)]
    if any(n != 3 and (n != 2 or CROSS_NEEDS_THREE) for n in sizes):
        throw(ValueError((_OF_THREE if CROSS_NEEDS_THREE else _OF_TWO_OR_THREE).format(*sizes)))
    if sizes == [2, 2]:
        return asarray(_cross2(x, y))
    x0, x1, x2 = (x[..., k] if k < sizes[0] else x[..., 0] * 0 for k in range(3))
    y0, y1, y2 = (y[..., k] if k < sizes[1] else y[..., 0] * 0 for k in range(3))
    parts = [x1 * y2 - x2 * y1, x2 * y0 - x0 * y2, x0 * y1 - x1 * y0]
    product: Any = np.stack(parts, -1)
    return np.moveaxis(product, -1, axis_of(axisc, product.ndim, prefix="axisc"))


@covers(np.linalg.cross)
def linalg_cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    """The vector product of vectors of 3 components."""
    x, y = asarray(x1), asarray(x2)
    sizes = [static_int(v.dims[axis_of(axis, v.ndim)], "the number of components") for v in (x, y)]
    if sizes != [3, 3]:
        throw(ValueError(_OF_THREE.format(*sizes)))
    return cross(x, y, axis=axis)


@covers(np.linalg.matmul)
def linalg_matmul(x1: Any, x2: Any, /) -> Any:
    """``x1 @ x2``."""
    return NAMES[np.matmul](x1, x2)


@covers(np.linalg.multi_dot)
def multi_dot(arrays: Any, *, out: Any = None) -> Any:
    """A chain of products in the order that takes the fewest operations, which is NumPy's.

    Where only the run knows the sizes: from the right if the last is a vector, else from the left.
    """
    chain = [asarray(a) for a in arrays]
    if len(chain) < 2:
        throw(ValueError("Expecting at least two arrays."))
    if len(chain) == 2:
        return stored(dot(*chain), out)
    for k, a in enumerate(chain):
        if a.ndim != 2 and not (a.ndim == 1 and k in (0, len(chain) - 1)):
            message = f"{a.ndim}-dimensional array given. Array must be two-dimensional"
            throw(np.linalg.LinAlgError(message))
    first, last = chain[0], chain[-1]
    sizes = [first.dims[0] if first.ndim == 2 else 1, *(a.dims[0] for a in chain[1:])]
    sizes.append(last.dims[1] if last.ndim == 2 else 1)
    count = len(chain)
    known = [n for n in sizes if isinstance(n, int)]
    if len(known) == len(sizes):
        splits = _fewest_operations(known)
    else:
        splits = {(i, j): i if last.ndim == 1 else j - 1 for j in range(count) for i in range(j)}

    def product(i: int, j: int) -> Any:
        if i == j:
            return chain[i]
        k = splits[i, j]
        return dot(product(i, k), product(k + 1, j))

    return stored(product(0, count - 1), out)


def _fewest_operations(sizes: Sequence[int]) -> dict[tuple[int, int], int]:
    """For each part of a chain of matrices the place where it is best cut in two, the first of
    equals; matrix k is ``sizes[k]`` by ``sizes[k + 1]``."""
    cost = {(i, i): 0 for i in range(len(sizes) - 1)}
    splits: dict[tuple[int, int], int] = {}
    for width in range(1, len(sizes) - 1):
        for i in range(len(sizes) - 1 - width):
            j = i + width
            found = [
                cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1]
                for k in range(i, j)
            ]
            cost[i, j] = min(found)
            splits[i, j] = i + found.index(cost[i, j])
    return splits
