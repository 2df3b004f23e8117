"""``x[key]``: basic indexing as views, advanced indexing as gathers, with NumPy's axis placement.

A key is parsed into one ``Item`` per array axis (or new axis). The basic part is always a view;
``Advanced`` holds the index arrays that then pick from it, for reading here and writing in assign.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tracejit.dtypes import is_bool, is_exact, is_integer
from tracejit.errors import throw
from tracejit.ir import extent as ex
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.records import dataclass
from tracejit.trace.session.concretize import shown_dim
from tracejit.trace.session.registry import ARRAY
from tracejit.trace.session.session import current
from tracejit.trace.values.all import (
    Array,
    PyScalar,
    Scalar,
    TaggedScalar,
    Tracer,
    as_dim,
    fresh,
    lift,
    wrap,
)
from tracejit.trace.values.coercion import int_of
from tracejit.trace.values.ranges import Range
from tracejit.trace.values.scalars import EitherNumber
from tracejit.trace.views.broadcast import broadcast_together
from tracejit.trace.views.index_bounds import check_index, check_indices, slice_bounds
from tracejit.trace.views.views import regrouped, sliced

_INVALID = (
    "only integers, slices (`:`), ellipsis (`...`), numpy.newaxis (`None`) and integer or "
    "boolean arrays are valid indices"
)


@dataclass(frozen=True)
class Advanced:
    """Index arrays of one broadcast shape for ``axes`` of a basic view, and where NumPy puts
    their axes among the remaining ones. ``mask``: the one boolean index this came from."""

    view: Array
    axes: tuple[int, ...]
    index: tuple[Value, ...]
    place: int
    mask: Value | None = None

    @property
    def dims(self) -> tuple[Dim, ...]:
        """Shape of the selection."""
        rest = [d for a, d in enumerate(self.view.dims) if a not in self.axes]
        return (*rest[: self.place], *self.index[0].shape, *rest[self.place :])

    @property
    def perm(self) -> tuple[int, ...]:
        """From gather's order (index axes first) to NumPy's."""
        n = self.index[0].rank
        rank = n + self.view.ndim - len(self.axes)
        before = range(n, n + self.place)
        return (*before, *range(n), *range(n + self.place, rank))


def getitem(x: Array, key: Any) -> Any:
    """NumPy's ``x[key]``: a view, a copy, or a scalar."""
    selected = select_key(x, key)
    if isinstance(selected, Scalar | Array):
        return selected
    b = current().b
    if selected.mask is not None and selected.mask.rank == x.ndim > 0:
        flat = b.reshape(x.read(), (ex.product(x.dims),))
        mask = b.reshape(selected.mask, flat.shape)
        return fresh(compressed(flat, mask))
    got = b.op("gather", selected.view.read(), *selected.index, axes=selected.axes)
    if selected.perm != tuple(range(len(selected.perm))):
        got = b.op("transpose", got, perm=selected.perm)
    return wrap(got)


def compressed(x: Value, mask: Value) -> Value:
    """Elements of the first axis where the mask holds."""
    session = current()
    count, got = session.b.op("compress", x, mask, axis=0)
    session.ranges.extent(count)
    return got  # type: ignore[no-any-return]


def select_key(
    x: Array, key: Any, assigned: Callable[[Advanced], None] | None = None
) -> Array | Scalar | Advanced:
    """The basic view that a key denotes, or its advanced part; a Scalar when all are integers, and
    nothing is ``assigned``, which is told of an advanced part before its indices are checked."""
    items = _expanded(x, _as_tuple(key))
    advanced = any(_is_array_index(i) for i in items)
    axis = 0
    starts: list[Dim] = []
    steps: list[Dim] = []
    shape: list[Dim] = []
    kept: list[int | None] = []
    arrays: list[tuple[int, Any]] = []
    for item in items:
        if item is None:
            kept.append(None)
            continue
        rank = _mask_rank(item)
        if rank is not None:
            arrays.append((len(kept), item))
            for a in range(axis, axis + max(rank, 0)):
                _whole(x.dims[a], starts, steps, shape)
                kept.append(a)
            axis += rank
            continue
        n = x.dims[axis]
        if isinstance(item, slice):
            for target, v in zip((starts, steps, shape), slice_bounds(item, n), strict=True):
                target.append(v)
            kept.append(axis)
        elif _is_array_index(item) or advanced:
            arrays.append((len(kept), item))
            _whole(n, starts, steps, shape)
            kept.append(axis)
        else:
            starts.append(check_index(item, n, axis))
            steps.append(1)
            shape.append(1)
        axis += 1
    view = regrouped(sliced(x, starts, steps, shape), kept)
    if arrays:
        return _advanced(view, arrays, items, assigned)
    whole_scalar = not kept and not any(i is Ellipsis for i in _as_tuple(key))
    if whole_scalar and assigned is None and x.ndim + len(items) > 0:
        return Scalar(view.read())
    if whole_scalar and assigned is None:
        return Scalar(x.read())
    return view


def _whole(n: Dim, starts: list[Dim], steps: list[Dim], shape: list[Dim]) -> None:
    starts.append(0)
    steps.append(1)
    shape.append(n)


def _as_tuple(key: Any) -> tuple[Any, ...]:
    return key if isinstance(key, tuple) else (key,)


def _expanded(x: Array, key: tuple[Any, ...]) -> list[Any]:
    """The key with Ellipsis written out, lists as arrays, and missing axes as full slices."""
    items = [_normal(k) for k in key]
    dots = [i for i, k in enumerate(items) if k is Ellipsis]
    if len(dots) > 1:
        throw(IndexError("an index can only have a single ellipsis ('...')"))
    used = 0
    for item in items:
        if item is not None and item is not Ellipsis:
            rank = _mask_rank(item)
            used += 1 if rank is None else rank
    if used > x.ndim:
        throw(
            IndexError(
                f"too many indices for array: array is {x.ndim}-dimensional, but {used} were "
                f"indexed"
            )
        )
    full = [slice(None)] * (x.ndim - used)
    if dots:
        return [*items[: dots[0]], *full, *items[dots[0] + 1 :]]
    return [*items, *full]


def _normal(k: Any) -> Any:
    """One part of a key: an int, a traced int, slice, None, Ellipsis, or an index array."""
    if k is None or k is Ellipsis or isinstance(k, slice | Array):
        return _checked_kind(k) if isinstance(k, Array) else k
    if isinstance(k, EitherNumber):
        return int_of(k, IndexError(_INVALID)).dim
    if isinstance(k, TaggedScalar):
        k.read()
    if isinstance(k, PyScalar):
        if k.kind not in ("int", "bool"):
            throw(IndexError(_INVALID))
        return k if k.kind == "int" else fresh(k.value)
    if isinstance(k, Scalar):
        if is_bool(k.dtype):
            return fresh(k.value)
        if not is_integer(k.dtype):
            throw(IndexError(_INVALID))
        return k
    if isinstance(k, bool | np.bool_):
        return fresh(current().b.const(bool(k), "bool"))
    if isinstance(k, list | range) and not k:
        return fresh(current().b.const(np.zeros(0, np.int64)))
    if isinstance(k, list | tuple | np.ndarray | range | Range):
        return _checked_kind(fresh(lift(k).value))
    if isinstance(k, Tracer):
        throw(IndexError(_INVALID))
    try:
        return as_dim(k)
    except TypeError:
        throw(IndexError(_INVALID))


def _checked_kind(k: Array) -> Any:
    if not is_exact(k.dtype):
        throw(IndexError("arrays used as indices must be of integer (or boolean) type"))
    if k.ndim == 0 and not is_bool(k.dtype):
        return Scalar(k.read())
    return k


def _is_array_index(item: Any) -> bool:
    return isinstance(item, Array)


def _mask_rank(item: Any) -> int | None:
    """Number of axes that a boolean index covers, None for other items."""
    return item.ndim if isinstance(item, Array) and is_bool(item.dtype) else None


def _advanced(
    view: Array,
    arrays: list[tuple[int, Any]],
    items: list[Any],
    assigned: Callable[[Advanced], None] | None,
) -> Advanced:
    session = current()
    b = session.b
    axes: list[int] = []
    index: list[Value] = []
    unchecked: list[tuple[int, Dim]] = []
    only_mask: Value | None = None
    for position, item in arrays:
        if _mask_rank(item) is not None:
            mask = _widened(item.read(), view, position)
            _check_mask(mask, view, position)
            mask = _cast_mask(mask, view, position)
            if len(arrays) == 1:
                only_mask = mask
            if mask.rank == 0:
                view, index_value = _scalar_mask(view, position, mask)
                axes.append(position)
                index.append(index_value)
                continue
            count, *found = b.op("nonzero", mask)
            session.ranges.extent(count)
            axes.extend(range(position, position + mask.rank))
            index.extend(found)
        else:
            value = item.read() if isinstance(item, Tracer) else b.index(as_dim(item))
            unchecked.append((len(index), view.dims[position]))
            axes.append(position)
            index.append(value)
    place = _placement(items, axes)

    def made() -> Advanced:
        return Advanced(view, tuple(axes), tuple(_together(index)), place, only_mask)

    if assigned is not None:  # NumPy raises for what is put there first
        assigned(made())
    for k, n in unchecked:
        index[k] = check_indices(index[k], n, axes[k])
    return made()


def _together(index: Sequence[Value]) -> list[Value]:
    """Index arrays with one shape; IndexError as NumPy."""
    try:
        return broadcast_together(index)
    except ValueError:
        throw(IndexError(_index_message(index)))


def _index_message(index: Sequence[Value]) -> str:
    shown = " ".join(
        "(" + ",".join(map(str, v.shape)) + ("," if v.rank == 1 else "") + ")" for v in index
    )
    return f"shape mismatch: indexing arrays could not be broadcast together with shapes {shown} "


def _scalar_mask(view: Array, position: int, mask: Value) -> tuple[Array, Value]:
    """A 0-d boolean index: a new axis of extent one or none."""
    session = current()
    kept: list[int | None] = list(range(view.ndim))
    kept.insert(position, None)
    count, found = session.b.op("nonzero", session.b.reshape(mask, (1,)))
    session.ranges.extent(count)
    return regrouped(view, kept), found


def _cast_mask(mask: Value, view: Array, position: int) -> Value:
    want = view.dims[position : position + mask.rank]
    if mask.shape == want:
        return mask
    for k, (have, n) in enumerate(zip(mask.shape, want, strict=True)):
        current().require_equal(have, n, IndexError, _mask_message(have, n, position + k))
    return current().b.op(  # type: ignore[no-any-return]
        "cast_shape",
        mask,
        shape=want,
        exc="IndexError",
        message="boolean index did not match indexed array",
    )


def _mask_message(have: Dim, want: Dim, axis: int) -> str:
    return (
        f"boolean index did not match indexed array along axis {axis}; size of axis is "
        f"{shown_dim(want)} but size of corresponding boolean axis is {shown_dim(have)}"
    )


def _widened(mask: Value, view: Array, position: int) -> Value:
    """A mask with an axis of no elements, which picks nothing from an axis of any length."""
    if 0 not in mask.shape:
        return mask
    want = view.dims[position : position + mask.rank]
    shape = tuple(n if m == 0 else m for m, n in zip(mask.shape, want, strict=True))
    b = current().b
    return mask if shape == mask.shape else b.broadcast(b.const(False, "bool"), shape, ())


def _check_mask(mask: Value, view: Array, position: int) -> None:
    for k, m in enumerate(mask.shape):
        n = view.dims[position + k]
        if current().ranges.equal(m, n) is False:
            throw(IndexError(_mask_message(m, n, position + k)))


def _placement(items: list[Any], axes: list[int]) -> int:
    """Where the index axes go: in place when the indices were adjacent, else first."""
    flags = [_is_array_index(i) or not (i is None or isinstance(i, slice)) for i in items]
    first = flags.index(True)
    last = len(flags) - 1 - flags[::-1].index(True)
    return min(axes) if all(flags[first : last + 1]) else 0


ARRAY["getitem"] = getitem
