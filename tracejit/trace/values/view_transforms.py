"""View layers: how a view's elements lie in its parent. Each reads (get) and writes (put).

A view of storage is a tuple of layers, the first applied to the cell's contents. Layers are kept
in the order slice, transpose, reshape where they commute, so that ``x[i][j] = v`` is one update.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, cast

import numpy as np

from tracejit.errors import throw
from tracejit.ir.builder import Builder
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.ir.types import INDEX
from tracejit.records import dataclass
from tracejit.trace.values.dtype_views import regrouped


@dataclass(frozen=True)
class Slice:
    """Element i of axis a is parent's element ``starts[a] + steps[a] * i``; in range."""

    starts: tuple[Dim, ...]
    steps: tuple[Dim, ...]
    shape: tuple[Dim, ...]

    def get(self, b: Builder, x: Value) -> Value:
        if self.whole(x.shape):
            return x
        return b.slice(x, self.starts, self.shape, self.steps)

    def put(self, b: Builder, x: Value, v: Value) -> Value:
        if self.whole(x.shape):
            return v
        bounds = b.bounds(self.starts, self.steps)
        return b.op("put_slice", x, v, *bounds)  # type: ignore[no-any-return]

    def whole(self, shape: tuple[Dim, ...]) -> bool:
        ones = all(s == 1 for s in self.steps)
        return ones and all(s == 0 for s in self.starts) and self.shape == shape


@dataclass(frozen=True)
class Transpose:
    """Axis i is the parent's axis ``perm[i]``."""

    perm: tuple[int, ...]

    def get(self, b: Builder, x: Value) -> Value:
        if self.whole():
            return x
        return b.op("transpose", x, perm=self.perm)  # type: ignore[no-any-return]

    def put(self, b: Builder, x: Value, v: Value) -> Value:
        if self.whole():
            return v
        inverse = tuple(int(i) for i in np.argsort(self.perm))
        return b.op("transpose", v, perm=inverse)  # type: ignore[no-any-return]

    def whole(self) -> bool:
        return self.perm == tuple(range(len(self.perm)))


@dataclass(frozen=True)
class Reshape:
    """The same elements in C order. ``kept[i]`` is the parent axis that axis i is, or None (new,
    of extent 1); None instead of a tuple when axes are merged or split."""

    shape: tuple[Dim, ...]
    kept: tuple[int | None, ...] | None = None

    def get(self, b: Builder, x: Value) -> Value:
        return b.reshape(x, self.shape)

    def put(self, b: Builder, x: Value, v: Value) -> Value:
        return b.reshape(v, x.shape)


@dataclass(frozen=True)
class Gather:
    """Elements picked by distinct index tuples (a diagonal, for instance)."""

    axes: tuple[int, ...]
    index: tuple[Value, ...]

    def get(self, b: Builder, x: Value) -> Value:
        return b.op("gather", x, *self.index, axes=self.axes)  # type: ignore[no-any-return]

    def put(self, b: Builder, x: Value, v: Value) -> Value:
        return b.op(  # type: ignore[no-any-return]
            "scatter", x, v, *self.index, axes=self.axes, mode="set"
        )


@dataclass(frozen=True)
class Windows:
    """Every run of ``shape[-1]`` neighbours along an axis, of which ``shape[axis]`` begin
    somewhere: element (…, i, …, j) is the parent's element i + j of the axis."""

    axis: int
    shape: tuple[Dim, ...]

    def get(self, b: Builder, x: Value) -> Value:
        *dims, width = self.shape
        span = (dims[self.axis], width)
        steps = [b.op("iota", shape=span, axis=k, dtype=INDEX.dtype) for k in (0, 1)]
        picked = b.op("gather", x, b.op("add", *steps), axes=(self.axis,))
        rest = list(range(2, x.rank + 1))
        perm = (*rest[: self.axis], 0, *rest[self.axis :], 1)
        return b.op("transpose", picked, perm=perm)  # type: ignore[no-any-return]

    def put(self, b: Builder, x: Value, v: Value) -> Value:
        throw(ValueError("assignment destination is read-only"))


@dataclass(frozen=True)
class Broadcast:
    """A read-only stretched view. ``cast``: the parent's extents, as checked to be; axes of
    ``maybe_one`` are stretched where the run finds one element."""

    shape: tuple[Dim, ...]
    axes: tuple[int, ...]
    cast: tuple[Dim, ...]
    maybe_one: tuple[int, ...] = ()

    def get(self, b: Builder, x: Value) -> Value:
        return stretched(b, x, self)

    def put(self, b: Builder, x: Value, v: Value) -> Value:
        throw(ValueError("assignment destination is read-only"))


def stretched(b: Builder, x: Value, how: Broadcast, message: str = "") -> Value:
    """A value stretched to a shape, of which it was checked that it can be."""
    if x.shape != how.cast:
        x = b.op("cast_shape", x, shape=how.cast, exc="ValueError", message=message)
    if how.maybe_one:
        return b.op(  # type: ignore[no-any-return]
            "broadcast", x, shape=how.shape, axes=how.axes, maybe_one=how.maybe_one
        )
    return b.broadcast(x, how.shape, how.axes)


@dataclass(frozen=True)
class ReadOnly:
    """The same elements, which may not be written through this view."""

    def get(self, b: Builder, x: Value) -> Value:
        return x

    def put(self, b: Builder, x: Value, v: Value) -> Value:
        throw(ValueError("assignment destination is read-only"))


@dataclass(frozen=True)
class Part:
    """The real or imaginary part of complex elements."""

    which: str

    def get(self, b: Builder, x: Value) -> Value:
        return b.op(self.which, x)  # type: ignore[no-any-return]

    def put(self, b: Builder, x: Value, v: Value) -> Value:
        other = b.op("imag" if self.which == "real" else "real", x)
        pair = (v, other) if self.which == "real" else (other, v)
        return b.op("complex", *pair)  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Bitcast:
    """The same bits as another dtype of the same size."""

    dtype: np.dtype[Any]

    def get(self, b: Builder, x: Value) -> Value:
        return b.op("bitcast", x, dtype=self.dtype)  # type: ignore[no-any-return]

    def put(self, b: Builder, x: Value, v: Value) -> Value:
        return b.op("bitcast", v, dtype=x.dtype)  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Regroup:
    """The bytes of each row of the last axis as another dtype of another size."""

    dtype: np.dtype[Any]

    def get(self, b: Builder, x: Value) -> Value:
        return regrouped(b, x, self.dtype)

    def put(self, b: Builder, x: Value, v: Value) -> Value:
        return regrouped(b, v, x.dtype)


Layer: TypeAlias = (
    Slice | Transpose | Reshape | Gather | Windows | Broadcast | ReadOnly | Part | Bitcast | Regroup
)


def layered(layers: tuple[Layer, ...], new: Layer) -> tuple[Layer, ...]:
    """``layers`` with ``new`` on top, merged where that keeps updates small."""
    if not layers:
        return (new,)
    *below, top = layers
    if isinstance(new, Slice):
        if isinstance(top, Slice):
            return layered(tuple(below), _slice_of_slice(top, new))
        if isinstance(top, Transpose):
            return (*layered(tuple(below), _under_transpose(new, top)), top)
        if isinstance(top, Reshape) and below:
            pushed = _under_reshape(new, top, below)
            if pushed is not None:
                return pushed
        if isinstance(top, Part | Bitcast | ReadOnly):
            return (*layered(tuple(below), new), top)
    if isinstance(new, Transpose) and isinstance(top, Transpose):
        perm = tuple(top.perm[p] for p in new.perm)
        if below and perm == tuple(range(len(perm))):
            return tuple(below)
        return (*below, Transpose(perm))
    if isinstance(new, Reshape) and isinstance(top, Reshape):
        kept = None
        if new.kept is not None and top.kept is not None:
            kept = tuple(None if k is None else top.kept[k] for k in new.kept)
        return (*below, Reshape(new.shape, kept))
    return (*layers, new)


def _slice_of_slice(a: Slice, b: Slice) -> Slice:
    starts = tuple(sa + ta * sb for sa, ta, sb in zip(a.starts, a.steps, b.starts, strict=True))
    steps = tuple(ta * tb for ta, tb in zip(a.steps, b.steps, strict=True))
    return Slice(starts, steps, b.shape)


def _under_transpose(s: Slice, t: Transpose) -> Slice:
    inverse = [int(i) for i in np.argsort(t.perm)]
    pick: Callable[[tuple[Dim, ...]], tuple[Dim, ...]] = lambda d: tuple(d[i] for i in inverse)  # noqa: E731
    return Slice(pick(s.starts), pick(s.steps), pick(s.shape))


def _under_reshape(s: Slice, r: Reshape, below: list[Layer]) -> tuple[Layer, ...] | None:
    """Slicing after axes were split, or dropped or added where they have extent 1: slice first.
    Where the window is none of what was split, the block that it is in is sliced first."""
    parent = _extents(below)
    if parent is not None:
        axes = split_axes(parent, r.shape)
        if axes is None:
            return None
        block = _block(s, r.shape, axes)
        inner = _window_before(block, r.shape, axes)
    elif r.kept is not None and isinstance(below[-1], Transpose):
        block, inner = s, _window_of_kept(s, r.kept, len(below[-1].perm))
    else:
        return None
    if inner is None or (block is not s and inner.whole(parent or ())):
        return None
    found = (*layered(tuple(below), inner), Reshape(block.shape, r.kept))
    return found if block is s else (*found, _in_block(s, block))


def _block(s: Slice, dims: tuple[Dim, ...], axes: Sequence[Sequence[int]]) -> Slice:
    """``s``, but all of the last axes that an axis is split into where it is no window of that."""
    starts, steps, shape = list(s.starts), list(s.steps), list(s.shape)
    for group in axes:
        if _as_one_axis(s, dims, group) is None:
            first = next(i for i in group if s.shape[i] != 1)
            for i in group:
                if i > first or (i == first and s.steps[i] != 1):
                    starts[i], steps[i], shape[i] = 0, 1, dims[i]
    block = Slice(tuple(starts), tuple(steps), tuple(shape))
    return s if block == s else block


def _in_block(s: Slice, block: Slice) -> Slice:
    """Where a window is in its block, which takes all of an axis or the same of it."""
    same = [
        (a, t, n) == (b, u, m)
        for a, t, n, b, u, m in zip(
            s.starts, s.steps, s.shape, block.starts, block.steps, block.shape, strict=True
        )
    ]
    starts = tuple(0 if k else a for k, a in zip(same, s.starts, strict=True))
    steps = tuple(1 if k else t for k, t in zip(same, s.steps, strict=True))
    return Slice(starts, steps, s.shape)


def _extents(layers: Sequence[Layer]) -> tuple[Dim, ...] | None:
    """The extents of a view through layers, where they say them."""
    for k, layer in reversed(list(enumerate(layers))):
        if isinstance(layer, Slice | Reshape | Windows | Broadcast):
            return layer.shape
        if isinstance(layer, Transpose):
            dims = _extents(layers[:k])
            return None if dims is None else tuple(dims[p] for p in layer.perm)
        if not isinstance(layer, Part | Bitcast | ReadOnly):
            return None
    return None


def _window_of_kept(s: Slice, kept: tuple[int | None, ...], rank: int) -> Slice | None:
    starts: list[Dim] = [0] * rank
    steps: list[Dim] = [1] * rank
    shape: list[Dim] = [1] * rank
    for i, k in enumerate(kept):
        if k is None:
            if (s.starts[i], s.shape[i]) != (0, 1):
                return None
        else:
            starts[k], steps[k], shape[k] = s.starts[i], s.steps[i], s.shape[i]
    return Slice(tuple(starts), tuple(steps), tuple(shape))


def _window_before(s: Slice, dims: tuple[Dim, ...], axes: Sequence[Sequence[int]]) -> Slice | None:
    """The window of a parent that, reshaped, is a window of it under the shape ``dims``, of which
    ``axes`` are each of the parent's."""
    found: list[tuple[Dim, Dim, Dim]] = []
    for group in axes:
        window = _as_one_axis(s, dims, group)
        if window is None:
            return None
        found.append(window)
    new = set(range(len(dims))) - {i for group in axes for i in group}
    if any((s.starts[i], s.shape[i]) != (0, 1) for i in new):
        return None
    starts, steps, shape = zip(*found, strict=True) if found else ((), (), ())
    return Slice(starts, steps, shape)


def split_axes(parent: Sequence[Dim], dims: Sequence[Dim]) -> list[list[int]] | None:
    """For each axis of ``parent`` those that it is under the shape ``dims``: none where it has
    extent 1, several where it is split. None where axes are merged, or nobody can tell.

    The sizes are equal, so an axis that is left is what is left of the shape, unless another one
    may be empty.
    """
    found: list[list[int]] = [[] for _ in parent]
    old = [k for k, n in enumerate(parent) if n != 1]
    new = [i for i, d in enumerate(dims) if d != 1]
    for end in (1, -1):
        while old and (taken := _axes_of(parent[old[::end][0]], dims, new[::end])):
            found[old.pop(0 if end == 1 else -1)] = sorted(taken)
            new = [i for i in new if i not in taken]
    others = [n for k, n in enumerate(parent) if k not in old]
    if len(old) == 1 and all(isinstance(n, int) and n for n in others):
        found[old.pop()], new = new, []
    return None if old or new else found


def _axes_of(n: Dim, dims: Sequence[Dim], axes: Sequence[int]) -> list[int]:
    """The first of these axes that have together the extent ``n``; none where none have."""
    size: Dim = 1
    for count, i in enumerate(axes):
        size = size * dims[i]
        if size == n:
            return list(axes[: count + 1])
    return []


def _as_one_axis(
    s: Slice, dims: tuple[Dim, ...], group: Sequence[int]
) -> tuple[Dim, Dim, Dim] | None:
    """Start, step and extent, along the axis that is split into ``group``, of what a window takes
    of these: of one of them, or of the last ones whole but for the first of them."""
    start, stride = cast(Dim, 0), cast(Dim, 1)
    free: list[tuple[int, Dim]] = []
    for i in reversed(group):
        start = start + s.starts[i] * stride
        if s.shape[i] != 1:
            free.append((i, stride))
        stride = stride * dims[i]
    if not free:
        return start, 1, 1
    first, step = free[-1]
    if len(free) == 1:
        return start, s.steps[first] * step, s.shape[first]
    after = [i for i in group if i > first]
    whole = all((s.starts[i], s.steps[i], s.shape[i]) == (0, 1, dims[i]) for i in after)
    return (start, 1, s.shape[first] * step) if whole and s.steps[first] == 1 else None
