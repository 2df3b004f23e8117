"""Views of arrays: transposed, reshaped (view or copy as NumPy decides), diagonals, parts."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from tracejit.errors import UnsupportedError
from tracejit.ir import extent as ex
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.ir.types import DTYPES
from tracejit.trace.known import shown_dim, shown_shape
from tracejit.trace.layers import (
    Bitcast,
    Broadcast,
    Part,
    ReadOnly,
    Regroup,
    Reshape,
    Slice,
    Transpose,
)
from tracejit.trace.session import current, where
from tracejit.trace.tracer import Tracer
from tracejit.trace.values import Array, Choice, PyScalar, Scalar, as_dim, fresh, k_order

Strides = tuple[Dim | None, ...]


def whole_view(x: Array) -> Array:
    """All of the array, as another object (``x.view()``)."""
    if x.layers:
        return Array(x.cell, x.layers, x.dims, x.strides, x.dtype)
    return x.viewed(Transpose(tuple(range(x.ndim))), x.dims, x.strides)


def transposed(x: Array, perm: Sequence[int]) -> Array:
    """A view with axis i the old axis ``perm[i]``."""
    perm = tuple(perm)
    if perm == tuple(range(x.ndim)):
        return whole_view(x)
    dims = tuple(x.dims[p] for p in perm)
    return x.viewed(Transpose(perm), dims, tuple(x.strides[p] for p in perm))


def sliced(x: Array, starts: Sequence[Dim], steps: Sequence[Dim], shape: Sequence[Dim]) -> Array:
    """A view of the elements ``starts + steps * i``, i below ``shape``; in range."""
    layer = Slice(tuple(starts), tuple(steps), tuple(shape))
    strides = tuple(
        None if s is None else s * t for s, t in zip(x.strides, layer.steps, strict=True)
    )
    return x.viewed(layer, layer.shape, strides)


def regrouped(x: Array, kept: Sequence[int | None]) -> Array:
    """A view whose axis i is the old axis ``kept[i]``, or new (None); the others have extent 1."""
    if tuple(kept) == tuple(range(x.ndim)):
        return x
    dims = tuple(1 if k is None else x.dims[k] for k in kept)
    strides: Strides = tuple(0 if k is None else x.strides[k] for k in kept)
    return x.viewed(Reshape(dims, tuple(kept)), dims, strides)


def broadcast_view(x: Array, shape: Sequence[Dim], axes: Sequence[int]) -> Array:
    """A read-only stretched view (``np.broadcast_to``)."""
    strides: list[Dim | None] = [0] * len(shape)
    for axis, dim, stride in zip(axes, x.dims, x.strides, strict=True):
        strides[axis] = stride if dim == shape[axis] else 0
    return x.viewed(Broadcast(tuple(shape), tuple(axes)), shape, strides)


def is_writeable(x: Array) -> bool:
    """Whether NumPy would let the elements be assigned, in some runs at least."""
    if isinstance(x.cell, Choice):
        return any(is_writeable(side) for side in x.sides())
    layered = any(isinstance(s, Broadcast | ReadOnly) for s in x.layers)
    return x.cell.writeable is not False and not layered


def agreed(flags: Iterable[bool | None]) -> bool | None:
    """What all say, else None."""
    found = set(flags)
    return found.pop() if len(found) == 1 else None


def writeability(x: Array) -> bool | None:
    """Whether the elements may be assigned; None where only the run decides."""
    if isinstance(x.cell, Choice):
        return agreed(map(writeability, x.sides()))
    return None if x.cell.writeable is None else is_writeable(x)


def part(x: Array, which: str) -> Array:
    """``x.real`` or ``x.imag``; the array itself, or read-only zeros, where it is real."""
    if x.dtype.kind == "c":
        real = np.dtype(f"f{x.dtype.itemsize // 2}")
        doubled = tuple(None if s is None else 2 * s for s in x.strides)
        return x.viewed(Part(which), x.dims, doubled, real)
    if which == "real":
        return x
    b = current().b
    zero = fresh(b.const(0, x.dtype))
    zero.cell.writeable = False
    return broadcast_view(zero, x.dims, ())


def bit_view(x: Array, dtype: np.dtype[Any]) -> Array:
    """The same bits as another dtype; of another size along a last axis without gaps."""
    have, want = x.dtype.itemsize, dtype.itemsize
    if have == want and x.dtype.kind != "c" and dtype.kind != "c":
        return x.viewed(Bitcast(dtype), x.dims, x.strides, dtype)
    session = current()
    if not x.dims:
        session.fail(
            ValueError,
            "Changing the dtype of a 0d array is only supported if the itemsize is unchanged",
        )
    if "b" in (x.dtype.kind, dtype.kind):
        raise UnsupportedError(f"{where()}: a view of {x.dtype} as {dtype}: use x.astype")
    *lead, n = x.dims
    if have != want and x.strides[-1] != 1 and n != 1:
        session.fail(
            ValueError,
            "To change to a dtype of a different size, the last axis must be contiguous",
        )
    if want > have:
        message = (
            "When changing to a larger dtype, its size must be a divisor of the total size in "
            "bytes of the last axis of the array."
        )
        session.require_equal(ex.mod(n, want // have), 0, ValueError, message)
    length = n * (have // want) if have >= want else ex.floordiv(n, want // have)
    strides = (*(_scaled(s, have, want) for s in x.strides[:-1]), 1)
    return x.viewed(Regroup(dtype), (*lead, length), strides, dtype)


def _scaled(stride: Dim | None, have: int, want: int) -> Dim | None:
    """A stride counted in elements of another size; None where that is no whole number."""
    if stride is None or have >= want:
        return None if stride is None else stride * (have // want)
    if isinstance(stride, int) and stride % (want // have):
        return None
    return ex.floordiv(stride, want // have)


def diagonal_view(x: Array, offset: int, axis1: int, axis2: int) -> Array:
    """A view of a diagonal, put last (which ``np.diagonal`` makes read-only): of the two axes
    merged, every element that lies one row and one column further."""
    rest = [a for a in range(x.ndim) if a not in (axis1, axis2)]
    last = transposed(x, (*rest, axis1, axis2))
    *lead, rows, cols = last.dims
    merged = last.viewed(Reshape((*lead, rows * cols)), (*lead, rows * cols))
    start: Dim = offset if offset >= 0 else -offset * cols
    count = _diagonal_length(rows, cols, offset)
    found = sliced(merged, [0] * len(lead) + [start], [1] * len(lead) + [cols + 1], (*lead, count))
    *outer, down, right = last.strides
    step = None if down is None or right is None else down + right
    return Array(found.cell, found.layers, found.dims, (*outer, step), found.dtype)


def _diagonal_length(rows: Dim, cols: Dim, offset: int) -> Dim:
    if offset >= 0:
        cols = cols - offset
    else:
        rows = rows + offset
    ranges = current().ranges
    count = rows if ranges.at_least(cols, rows) else ex.emin(rows, cols)
    return count if ranges.at_least(count, 0) else ex.emax(count, 0)


def read_only(x: Array) -> Array:
    """A view that may not be written."""
    return x.viewed(ReadOnly(), x.dims, x.strides)


# Reshape ------------------------------------------------------------------------------------------


def reshaped(x: Array, shape: Any, *, order: str = "C", copy: bool | None = None) -> Array:
    """``x.reshape(shape)``: a view exactly where NumPy makes one (staged where undecided)."""
    if order == "A":
        order = "F" if is_contiguous(x, "F") and not is_contiguous(x, "C") else "C"
    dims = resolve_shape(x.dims, shape)
    if order == "F":
        flipped = transposed(x, tuple(reversed(range(x.ndim))))
        done = reshaped(flipped, tuple(reversed(dims)), copy=copy)
        return transposed(done, tuple(reversed(range(done.ndim))))
    if dims == x.dims and not copy:
        return whole_view(x)
    if copy:
        return fresh(current().b.reshape(x.read(), dims))
    strides, needs = reshape_strides(x, dims)
    if strides is None:
        if _undecided(x):
            return _either(x, lambda side: reshaped(side, dims, copy=copy))
        if copy is False:
            current().fail(ValueError, "Unable to avoid creating a copy while reshaping.")
        return fresh(current().b.reshape(x.read(), dims))
    view = x.viewed(Reshape(dims), dims, strides)
    if not needs:
        return view
    return _staged_view(x, view, needs)


def _staged_view(x: Array, view: Array, needs: list[tuple[Dim, Dim]]) -> Array:
    """The view where the strides fit at run time, else a copy."""
    pred = _all_equal(needs)
    copy = fresh(current().b.reshape(x.read(), view.dims))
    return Array(Choice(pred, view, copy), (), view.dims, view.strides, view.dtype)


def _all_equal(needs: Sequence[tuple[Dim, Dim]]) -> Value:
    b = current().b
    same = [b.op("eq", b.index(left), b.index(right)) for left, right in needs]
    found: Value = functools.reduce(lambda p, q: b.op("bitwise_and", p, q), same)
    return found


def resolve_shape(old: tuple[Dim, ...], shape: Any) -> tuple[Dim, ...]:
    """The new extents, -1 worked out; ValueError when the sizes differ."""
    session = current()
    given = list(shape) if isinstance(shape, tuple | list) else [shape]
    dims = [as_dim(d) for d in given]
    size = ex.product(old)
    holes = [i for i, d in enumerate(dims) if d == -1]
    shown = shown_shape(dims).replace("-1", "newaxis")
    message = f"cannot reshape array of size {shown_dim(size)} into shape {shown}"
    if len(holes) > 1:
        raise ValueError("can only specify one unknown dimension")
    if holes:
        rest = ex.product(tuple(d for d in dims if d != -1))
        dims[holes[0]] = _quotient(size, rest, message)
        return tuple(dims)
    session.require_equal(ex.product(tuple(dims)), size, ValueError, message)
    return tuple(dims)


def _quotient(size: Dim, rest: Dim, message: str) -> Dim:
    session = current()
    if isinstance(size, int) and isinstance(rest, int):
        if rest == 0 or size % rest:
            raise ValueError(message)
        return size // rest
    exact = divide_exactly(size, rest)
    if exact is not None:
        return exact
    quotient = ex.floordiv(size, rest)
    session.require_equal(quotient * rest, size, ValueError, message)
    return quotient


def divide_exactly(size: Dim, by: Dim) -> Dim | None:
    """``size / by`` where every term divides, else None."""
    if isinstance(by, int):
        if by == 0:
            return None
        quotient = ex.floordiv(size, by)
        return quotient if quotient * by == size else None
    if isinstance(size, int) or len(by.terms) != 1:
        return 1 if size == by else None
    ((mono, coef),) = by.terms.items()
    result: Dim = 0
    for m, c in size.terms.items():
        powers = dict(m)
        for atom, power in mono:
            powers[atom] = powers.get(atom, 0) - power
        if c % coef or any(p < 0 for p in powers.values()):
            return None
        term: Dim = c // coef
        for atom, power in powers.items():
            for _ in range(power):
                term = ex.atom_dim(atom) * term
        result = term + result
    return result


def reshape_strides(
    x: Array, dims: tuple[Dim, ...]
) -> tuple[Strides | None, list[tuple[Dim, Dim]]]:
    """NumPy's no-copy reshape on symbolic strides: the new strides (None: a copy is made) and the
    equalities between strides that must hold at run time for a view."""
    x.cell.look()
    old = [(d, s) for d, s in zip(x.dims, x.strides, strict=True) if d != 1]
    needs: list[tuple[Dim, Dim]] = []
    new: list[Dim | None] = [0] * len(dims)
    if any(d == 0 for d in x.dims):
        return tuple(new), needs
    for group_old, group_new in _groups(old, list(dims)):
        strides = [s for _, s in group_old]
        for (_, s), (d2, s2) in itertools.pairwise(group_old):
            if s is None or s2 is None:
                return None, []
            if s != d2 * s2:
                if current().ranges.equal(s, d2 * s2) is False:
                    return None, []
                needs.append((s, d2 * s2))
        step: Dim | None = strides[-1] if strides else 1
        for axis in reversed(group_new):
            new[axis] = step
            step = None if step is None else dims[axis] * step
    return tuple(new), needs


def _groups(
    old: list[tuple[Dim, Dim | None]], dims: list[Dim]
) -> Iterator[tuple[list[tuple[Dim, Dim | None]], list[int]]]:
    """Smallest runs of old and new axes that have equal sizes."""
    oi = ni = 0
    while oi < len(old) or ni < len(dims):
        run_old: list[tuple[Dim, Dim | None]] = []
        run_new: list[int] = []
        size_old: Dim = 1
        size_new: Dim = 1
        if oi < len(old):
            run_old.append(old[oi])
            size_old = old[oi][0]
            oi += 1
        if ni < len(dims):
            run_new.append(ni)
            size_new = dims[ni]
            ni += 1
        while size_old != size_new and (oi < len(old) or ni < len(dims)):
            if ni < len(dims) and (oi >= len(old) or _smaller(size_new, size_old)):
                size_new = size_new * dims[ni]
                run_new.append(ni)
                ni += 1
            else:
                size_old = size_old * old[oi][0]
                run_old.append(old[oi])
                oi += 1
        yield run_old, run_new


def _smaller(a: Dim, b: Dim) -> bool:
    if isinstance(a, int) and isinstance(b, int):
        return a < b
    return current().ranges.at_least(b, a)


def is_contiguous(x: Array, order: str = "C") -> bool | None:
    """Whether the elements lie densely in C or F order; None where unknown."""
    x.cell.look()
    dims, strides = x.dims, x.strides
    if order == "F":
        dims, strides = tuple(reversed(dims)), tuple(reversed(strides))
    if any(d == 0 for d in dims):
        return True
    step: Dim = 1
    for d, s in zip(reversed(dims), reversed(strides), strict=True):
        if d != 1:
            if s is None:
                return None
            same = current().ranges.equal(s, step)
            if same is not True:
                return same
        step = d * step
    return True


def contiguous(x: Array, order: str = "C") -> Array:
    """The array itself where it lies densely in that order, else a copy that does."""
    known = is_contiguous(x, order)
    if known:
        return x
    if known is None and _undecided(x):
        return _either(x, lambda side: contiguous(side, order))
    axes = tuple(range(x.ndim))
    copy = fresh(x.read(), axes if order == "C" else axes[::-1])
    needs = [] if known is False else _dense_needs(x, order)
    return Array(Choice(_all_equal(needs), x, copy)) if needs else copy


def _dense_needs(x: Array, order: str) -> list[tuple[Dim, Dim]]:
    """Equalities that hold where an array lies densely; none where it never does."""
    axes = range(x.ndim) if order == "F" else reversed(range(x.ndim))
    needs: list[tuple[Dim, Dim]] = []
    step: Dim = 1
    for axis in axes:
        d, s = x.dims[axis], x.strides[axis]
        if d != 1:
            if s is None:
                return []
            if current().ranges.equal(s, step) is not True:
                needs.append((s, step))
        step = d * step
    return needs


def _undecided(x: Array) -> bool:
    """Whether a run-time choice decides the strides."""
    return isinstance(x.cell, Choice) and any(s is None for s in x.strides)


def _either(x: Array, make: Callable[[Array], Array]) -> Array:
    """What is made of the one view or of the other."""
    assert isinstance(x.cell, Choice)
    then, other = x.sides()
    return Array(Choice(x.cell.pred, make(then), make(other)))


def raveled(x: Array, order: str = "C") -> Array:
    """``x.ravel()``: a view where the array is contiguous."""
    if order == "K":
        axes = k_order([x], x.ndim)
        return raveled(x if axes is None else transposed(x, axes))
    if order == "A":
        order = "F" if is_contiguous(x, "F") and not is_contiguous(x, "C") else "C"
    if order == "F":
        return raveled(transposed(x, tuple(reversed(range(x.ndim)))))
    if _undecided(x):
        return _either(x, raveled)
    dims = (ex.product(x.dims),)
    if is_contiguous(x, "C") is False or any(s is None for s in x.strides):
        return fresh(current().b.reshape(x.read(), dims))
    return reshaped(x, dims)


def repeated(values: Array, count: Dim) -> Array:
    """As many elements as wanted, from the first on and over again."""
    line = raveled(values)
    if line.dims in ((count,), (1,)):
        return line
    b = current().b
    place = b.op("iota", shape=(count,), axis=0, dtype=DTYPES["i64"])
    at = b.op("remainder", place, b.broadcast(b.index(line.dims[0]), (count,), ()))
    return fresh(b.op("gather", line.read(), at, axes=(0,)))


class Flat(Tracer):
    """``x.flat``: 1-d access in C order; assignments write through."""

    __slots__ = ("array",)

    def __init__(self, array: Array) -> None:
        self.array = array

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.array.dtype

    @property
    def dims(self) -> tuple[Dim, ...]:
        return (ex.product(self.array.dims),)

    def read(self) -> Value:
        """The elements now."""
        return self.line().read()

    def line(self) -> Array:
        """The elements as one axis."""
        return self.array.viewed(Reshape(self.dims), self.dims)

    def __getitem__(self, key: Any) -> Any:
        got = self.line()[key]
        return got if isinstance(got, Scalar) else fresh(got.read())

    def __setitem__(self, key: Any, value: Any) -> None:
        """Values are repeated or cut off to what is assigned to."""
        from tracejit.trace.numpy.creation import asarray

        view = self.line()
        if not isinstance(value, Scalar | PyScalar | int | float | complex):
            value = asarray(value)
            wanted = view[key]
            if value.ndim and isinstance(wanted, Array):
                value = repeated(value, ex.product(wanted.dims))
        view[key] = value

    def __iter__(self) -> Iterator[Any]:
        return iter(self.line())

    def __len__(self) -> int:
        return len(self.line())

    def copy(self) -> Array:
        return fresh(self.read())
