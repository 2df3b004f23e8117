"""Joining, splitting and repeating: concatenate, stack, split, tile, repeat, roll."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from tracejit.errors import throw
from tracejit.ir import extent as ex
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.trace.array_api.creation import asarray
from tracejit.trace.array_api.delivery import deliver
from tracejit.trace.array_api.names import covers
from tracejit.trace.array_api.operands import (
    axis_of,
    builder,
    cast,
    check,
    check_dim,
    given_dtype,
    operand,
    static_int,
)
from tracejit.trace.array_api.promotion import promote
from tracejit.trace.array_api.shapes import atleast_1d, atleast_2d, atleast_3d
from tracejit.trace.session.concretize import shown_dim
from tracejit.trace.session.session import current
from tracejit.trace.values.all import Array, as_dim, fresh, several
from tracejit.trace.views.broadcast import cast_shape, check_equal, match_shape
from tracejit.trace.views.reshape import reshaped

_MISMATCH = (
    "all the input array dimensions except for the concatenation axis must match exactly, "
    "but along dimension {}, the array at index 0 has size {} and the array at index {} has size {}"
)


def join(values: Sequence[Value], axis: int) -> Value:
    """Values of one dtype joined; ValueError where other extents differ."""
    first, checked = values[0], []
    for k, v in enumerate(values):
        shape = tuple(d if a == axis else first.shape[a] for a, d in enumerate(v.shape))
        text = ""
        for a, (have, want) in enumerate(zip(v.shape, shape, strict=True)):
            if have == want:
                continue
            text = _MISMATCH.format(a, shown_dim(want), k, shown_dim(have))
            if isinstance(have, int) and isinstance(want, int):
                throw(ValueError(text))
            check_equal(have, want, text)
        checked.append(cast_shape(v, shape, text))
    if len(checked) == 1:
        return checked[0]
    return builder().op("concatenate", *checked, axis=axis)  # type: ignore[no-any-return]


@covers(np.concatenate)
def concatenate(
    arrays: Any, /, axis: Any = 0, out: Any = None, *, dtype: Any = None, casting: Any = "same_kind"
) -> Any:
    """Arrays joined along an axis they have."""
    if isinstance(arrays, Array) and arrays.ndim:
        return _joined_rows(arrays, (slice(None),) * arrays.ndim, axis, out, dtype, casting)
    parts = [operand(a) for a in arrays]
    if not parts:
        throw(ValueError("need at least one array to concatenate"))
    kind = given_dtype(dtype) if dtype is not None else promote(parts)
    if out is not None:
        kind = out.dtype
    for p in parts:
        if not np.can_cast(promote([p]), kind, casting):
            throw(
                TypeError(
                    f"Cannot cast array data from {promote([p])!r} to {kind!r} "
                    f"according to the rule '{casting}'"
                )
            )
    values = [cast(p, kind) for p in parts]
    if axis is None:
        values, axis = [builder().reshape(v, (ex.product(v.shape),)) for v in values], 0
    rank = values[0].rank
    if rank == 0:
        throw(ValueError("zero-dimensional arrays cannot be concatenated"))
    at = axis_of(axis, rank)
    other = next((k for k, v in enumerate(values) if v.rank != rank), None)
    if other is not None:
        throw(
            ValueError(
                "all the input arrays must have same number of dimensions, but the array at index "
                f"0 has {rank} dimension(s) and the array at index {other} has "
                f"{values[other].rank} dimension(s)"
            )
        )
    return deliver(join(values, at), out)


def _joined_rows(
    arrays: Array, spread: tuple[Any, ...], axis: Any, out: Any, dtype: Any, casting: Any
) -> Any:
    """The rows of one array joined, each indexed by ``spread[1:]`` first: however many there are,
    their axis and the one that they are joined along become one."""
    x = arrays[spread]
    if x.ndim == 1:
        throw(ValueError("zero-dimensional arrays cannot be concatenated"))
    if x.dims[0] == 0:
        throw(ValueError("need at least one array to concatenate"))
    check_dim("ge", x.dims[0], 1, "ValueError", "need at least one array to concatenate")
    k = 0 if axis is None else axis_of(axis, x.ndim - 1)
    dims = list(x.dims[1:])
    dims[k] = x.dims[0] * dims[k]
    joined = reshaped(fresh(np.moveaxis(x, 0, k).read()), dims)
    if axis is None:
        joined = reshaped(joined, (ex.product(x.dims),))
    return concatenate([joined], k, out, dtype=dtype, casting=casting)


@covers(np.stack)
def stack(
    arrays: Any, axis: Any = 0, out: Any = None, *, dtype: Any = None, casting: Any = "same_kind"
) -> Any:
    """Arrays of one shape joined along a new axis."""
    if isinstance(arrays, Array) and arrays.ndim:
        k = axis_of(axis, arrays.ndim)
        return _joined_rows(arrays, (*[slice(None)] * (k + 1), None, ...), k, out, dtype, casting)
    parts = [asarray(a) for a in arrays]
    if not parts:
        throw(ValueError("need at least one array to stack"))
    if any(p.ndim != parts[0].ndim for p in parts):
        throw(ValueError("all input arrays must have the same shape"))
    k = axis_of(axis, parts[0].ndim + 1)
    spread = []
    for p in parts:
        value = match_shape(p.read(), parts[0].dims, "all input arrays must have the same shape")
        dims = (*value.shape[:k], 1, *value.shape[k:])
        spread.append(builder().reshape(value, dims))
    return concatenate(spread, k, out, dtype=dtype, casting=casting)


@covers(np.vstack)
def vstack(tup: Any, *, dtype: Any = None, casting: Any = "same_kind") -> Any:
    """Rows on top of each other."""
    if isinstance(tup, Array) and tup.ndim:
        spread = (slice(None), *[None] * (3 - tup.ndim), ...)
        return _joined_rows(tup, spread, 0, None, dtype, casting)
    return concatenate([atleast_2d(a) for a in tup], 0, dtype=dtype, casting=casting)


@covers(np.hstack)
def hstack(tup: Any, *, dtype: Any = None, casting: Any = "same_kind") -> Any:
    """Side by side."""
    if isinstance(tup, Array) and tup.ndim:
        spread = (slice(None), *[None] * (2 - tup.ndim), ...)
        return _joined_rows(tup, spread, 0 if tup.ndim <= 2 else 1, None, dtype, casting)
    parts = [atleast_1d(a) for a in tup]
    axis = 0 if parts and parts[0].ndim == 1 else 1
    return concatenate(parts, axis, dtype=dtype, casting=casting)


@covers(np.dstack)
def dstack(tup: Any) -> Any:
    """Along the third axis."""
    if isinstance(tup, Array) and tup.ndim:
        new = {1: (None, None, None), 2: (None, ..., None), 3: (..., None)}.get(tup.ndim, (...,))
        return _joined_rows(tup, (slice(None), *new), 2, None, None, "same_kind")
    return concatenate([atleast_3d(a) for a in tup], 2)


@covers(np.column_stack)
def column_stack(tup: Any) -> Any:
    """Vectors, or numbers, as columns."""
    if isinstance(tup, Array) and tup.ndim:
        spread = (slice(None), ..., *[None] * (3 - tup.ndim))
        return _joined_rows(tup, spread, 1, None, None, "same_kind")
    parts = [atleast_1d(a) for a in tup]
    return concatenate([p if p.ndim >= 2 else reshaped(p, (*p.dims, 1)) for p in parts], 1)


@covers(np.block)
def block(arrays: Any) -> Any:
    """Nested lists of blocks, the innermost lists along the last axis."""

    def depth(x: Any) -> int:
        return 1 + depth(x[0]) if isinstance(x, list) else 0

    def leaves(x: Any) -> list[Any]:
        return [v for i in x for v in leaves(i)] if isinstance(x, list) else [asarray(x)]

    levels = depth(arrays)
    rank = max(levels, *(v.ndim for v in leaves(arrays)))

    def build(x: Any, level: int) -> Any:
        if not isinstance(x, list):
            x = asarray(x)
            return reshaped(x, (*[1] * (rank - x.ndim), *x.dims))
        return concatenate([build(i, level - 1) for i in x], rank - level)

    return build(arrays, levels)


def _are_places(given: Any) -> bool:
    """Whether it says where to cut, not into how many parts."""
    listed = isinstance(given, (list, tuple, np.ndarray))
    return listed or (isinstance(given, Array) and given.ndim > 0)


@covers(np.array_split)
def array_split(ary: Any, indices_or_sections: Any, axis: Any = 0) -> list[Array]:
    """Views of nearly equal parts, or between given indices."""
    x = asarray(ary)
    k = axis_of(axis, x.ndim)
    if _are_places(indices_or_sections):
        points = [0, *indices_or_sections, None]
        bounds = list(itertools.pairwise(points))
    else:
        count = static_int(indices_or_sections, "the number of sections")
        if count <= 0:
            throw(ValueError("number sections must be larger than 0."))
        n = x.shape[k]
        each, more = n // count, n % count
        cuts = [np.minimum(i, more) + i * each for i in range(count + 1)]
        bounds = list(itertools.pairwise(cuts))
    lead = (slice(None),) * k
    return [x[(*lead, slice(a, z))] for a, z in bounds]


@covers(np.split)
def split(ary: Any, indices_or_sections: Any, axis: Any = 0) -> list[Array]:
    """Views of equal parts."""
    x = asarray(ary)
    k = axis_of(axis, x.ndim)
    if not _are_places(indices_or_sections):
        count = static_int(indices_or_sections, "the number of sections")
        n = x.dims[k]
        message = "array split does not result in an equal division"
        if isinstance(n, int):
            if n % count:
                throw(ValueError(message))
        else:
            check_dim("eq", ex.mod(n, count), 0, "ValueError", message)
            each = ex.floordiv(n, count)
            lead = (slice(None),) * k
            cuts = [_py(each * i) for i in range(count + 1)]
            return [x[(*lead, slice(a, z))] for a, z in itertools.pairwise(cuts)]
    return array_split(x, indices_or_sections, k)


def _py(dim: Dim) -> Any:
    from tracejit.trace.values.all import dim_value

    return dim_value(dim)


@covers(np.vsplit)
def vsplit(ary: Any, indices_or_sections: Any) -> list[Array]:
    """Split along the first axis."""
    if asarray(ary).ndim < 2:
        throw(ValueError("vsplit only works on arrays of 2 or more dimensions"))
    return split(ary, indices_or_sections, 0)


@covers(np.hsplit)
def hsplit(ary: Any, indices_or_sections: Any) -> list[Array]:
    """Split along the second axis (the first of a vector)."""
    x = asarray(ary)
    if x.ndim == 0:
        throw(ValueError("hsplit only works on arrays of 1 or more dimensions"))
    return split(x, indices_or_sections, 1 if x.ndim > 1 else 0)


@covers(np.dsplit)
def dsplit(ary: Any, indices_or_sections: Any) -> list[Array]:
    """Split along the third axis."""
    if asarray(ary).ndim < 3:
        throw(ValueError("dsplit only works on arrays of 3 or more dimensions"))
    return split(ary, indices_or_sections, 2)


@covers(np.append)
def append(arr: Any, values: Any, axis: Any = None) -> Any:
    """``values`` after ``arr``, flattened without an axis."""
    if axis is None:
        return concatenate([np.ravel(asarray(arr)), np.ravel(asarray(values))], 0)
    return concatenate([arr, values], axis)


@covers(np.repeat, method=True)
def repeat(a: Any, repeats: Any, axis: Any = None) -> Array:
    """Each element several times: one number of repeats for all, or one for each."""
    x = asarray(a)
    if axis is None:
        x, axis = reshaped(x, (ex.product(x.dims),)), 0
    k = axis_of(axis, x.ndim)
    if isinstance(repeats, (list, tuple, np.ndarray)) and np.size(repeats) != 1:
        index = np.repeat(np.arange(static_int(x.dims[k], "the axis")), repeats)
        return fresh(gathered(x.read(), builder().const(index), k))
    if isinstance(repeats, (list, tuple, np.ndarray)):
        repeats = np.ravel(repeats)[0]
    if isinstance(repeats, Array):
        if not np.can_cast(repeats.dtype, np.int64):
            throw(
                TypeError(
                    f"Cannot cast array data from {repeats.dtype!r} to dtype('int64') "
                    "according to the rule 'safe'"
                )
            )
        if repeats.ndim and repeats.dims != (1,):
            return _repeated(x, repeats, k)
        repeats = repeats[(0,) * repeats.ndim]
    times = as_dim(repeats)
    check_dim("ge", times, 0, "ValueError", "repeats may not contain negative values.")
    b, value = builder(), x.read()
    lead, rest = value.shape[: k + 1], value.shape[k + 1 :]
    axes = [*range(k + 1), *range(k + 2, len(value.shape) + 1)]
    spread = b.broadcast(value, (*lead, times, *rest), axes)
    return fresh(b.reshape(spread, (*lead[:-1], lead[-1] * times, *rest)))


def _repeated(x: Array, repeats: Any, axis: int) -> Array:
    """Elements along an axis, each as often as an array says: position j is of the element whose
    run has not ended at j."""
    if repeats.ndim > 1:
        throw(ValueError("object too deep for desired array"))
    n = x.dims[axis]
    current().require_equal(
        repeats.dims[0],
        n,
        ValueError,
        f"operands could not be broadcast together with shape {x.dims} {repeats.dims}",
    )
    counts: Any = fresh(builder().convert(repeats.read(), "i64"))
    check((counts >= 0).all().read(), "ValueError", "repeats may not contain negative values.")
    total = counts.sum()
    size: Any = (as_dim(total + 1),)
    ended = np.zeros_like(counts, shape=size)
    np.add.at(ended, np.cumsum(counts), 1)
    index: Any = np.cumsum(ended)[:-1]
    return fresh(gathered(x.read(), index.read(), axis))


@covers(np.tile)
def tile(A: Any, reps: Any) -> Array:
    """The array several times along each axis."""
    x = asarray(A)
    many = [as_dim(r) for r in several(reps)]
    rank = max(x.ndim, len(many))
    counts: list[Dim] = [*[1] * (rank - len(many)), *many]
    dims: list[Dim] = [*[1] * (rank - x.ndim), *x.dims]
    b = builder()
    value = b.reshape(x.read(), dims)
    shape = [d for pair in zip(counts, dims, strict=True) for d in pair]
    spread = b.broadcast(value, shape, range(1, 2 * rank, 2))
    return fresh(b.reshape(spread, [c * d for c, d in zip(counts, dims, strict=True)]))


@covers(np.roll)
def roll(a: Any, shift: Any, axis: Any = None) -> Array:
    """Elements shifted, those that fall off coming back at the other end."""
    x = asarray(a)
    if axis is None:
        flat = roll(reshaped(x, (ex.product(x.dims),)), shift, 0)
        return reshaped(flat, x.dims)
    axes, shifts = several(axis), several(shift)
    count = max(len(axes), len(shifts))
    if {len(axes), len(shifts)} - {1, count}:
        np.broadcast(np.empty(len(shifts)), np.empty(len(axes)))  # raises
    axes, shifts = (x * count if len(x) == 1 else x for x in (axes, shifts))
    value = x.read()
    for k, s in zip(axes, shifts, strict=True):
        value = _rolled(value, s, axis_of(k, x.ndim))
    return fresh(value)


def _rolled(x: Value, shift: Any, axis: int) -> Value:
    n = x.shape[axis]
    if n == 0 or (shift.__class__ is int and shift == 0):
        return x
    b, s = builder(), as_dim(shift)
    if isinstance(s, int) and isinstance(n, int):
        s %= n
    else:
        size = b.index(n)
        size = b.op("maximum", size, b.const(1, "i64"))
        s = b.op("remainder", b.index(s), size).dim
    if s == 0:
        return x
    at = [0] * x.rank
    split_at: list[Dim] = [*at]
    split_at[axis] = n - s
    tail = tuple(s if a == axis else d for a, d in enumerate(x.shape))
    head = tuple(n - s if a == axis else d for a, d in enumerate(x.shape))
    parts = [b.slice(x, split_at, tail), b.slice(x, at, head)]
    return b.op("concatenate", *parts, axis=axis)  # type: ignore[no-any-return]


def gathered(x: Value, index: Value, axis: int) -> Value:
    """``x`` with ``axis`` replaced by the axes of an in-range index."""
    b = builder()
    found = b.op("gather", x, index, axes=(axis,))
    perm = [*range(index.rank, index.rank + axis), *range(index.rank)]
    perm += range(index.rank + axis, found.rank)
    if perm == list(range(found.rank)):
        return found  # type: ignore[no-any-return]
    return b.op("transpose", found, perm=tuple(perm))  # type: ignore[no-any-return]
