"""View layers: how a view's elements lie in its parent. Each reads (get) and writes (put).

A view of storage is a tuple of layers, the first applied to the cell's contents. Layers are kept
in the order slice, transpose, reshape where they commute, so that ``x[i][j] = v`` is one update.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from tracejit.errors import throw
from tracejit.ir.builder import Builder
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
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
    Slice | Transpose | Reshape | Gather | Broadcast | ReadOnly | Part | Bitcast | Regroup
)


def layered(layers: tuple[Layer, ...], new: Layer) -> tuple[Layer, ...]:
    """``layers`` with ``new`` on top, merged where that keeps updates small."""
    if not layers:
        return (new,)
    *below, top = layers
    if isinstance(new, Slice):
        if isinstance(top, Slice):
            return (*below, _slice_of_slice(top, new))
        if isinstance(top, Transpose):
            return (*layered(tuple(below), _under_transpose(new, top)), top)
        if isinstance(top, Reshape) and top.kept is not None and below:
            pushed = _under_reshape(new, top, below)
            if pushed is not None:
                return pushed
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
    """Slicing after axes of extent 1 were dropped or added: slice first."""
    assert r.kept is not None
    parent = below[-1]
    rank = len(parent.perm) if isinstance(parent, Transpose) else None
    if isinstance(parent, Slice | Reshape | Broadcast):
        rank = len(parent.shape)
    if rank is None:
        return None
    starts: list[Dim] = [0] * rank
    steps: list[Dim] = [1] * rank
    shape: list[Dim] = [1] * rank
    for i, k in enumerate(r.kept):
        if k is None:
            if (s.starts[i], s.shape[i]) != (0, 1):
                return None
        else:
            starts[k], steps[k], shape[k] = s.starts[i], s.steps[i], s.shape[i]
    inner = layered(tuple(below), Slice(tuple(starts), tuple(steps), tuple(shape)))
    return (*inner, Reshape(s.shape, r.kept))
