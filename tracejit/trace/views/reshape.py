"""Reshaped and flattened arrays: a view exactly where NumPy makes one, else a copy."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np

from tracejit.errors import throw
from tracejit.ir import extent as ex
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.ir.types import DTYPES
from tracejit.trace.session.assumptions import assume, nothing_to_undo
from tracejit.trace.session.concretize import shown_dim, shown_shape
from tracejit.trace.session.registry import ARRAY, CLASS_SEEN
from tracejit.trace.session.session import current
from tracejit.trace.session.tracer import Steps, Tracer
from tracejit.trace.values.all import Array, PyScalar, Scalar, Select, as_dim, fresh, k_order
from tracejit.trace.values.casting import as_single_item, element
from tracejit.trace.values.view_transforms import Reshape
from tracejit.trace.views.views import Strides, transposed, whole_view

#: A stride, what it must be, and the extent along it: of one element at most, any stride will do.
Need: TypeAlias = tuple[Dim, Dim, Dim]

_ONE_HOLE = "can only specify one unknown dimension"


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


def _staged_view(x: Array, view: Array, needs: Sequence[Need]) -> Array:
    """The view where the strides fit at run time, else a copy."""
    pred = _all_dense(needs)
    copy = fresh(current().b.reshape(x.read(), view.dims))
    return Array(Select(pred, view, copy), (), view.dims, view.strides, view.dtype)


def resolve_shape(old: tuple[Dim, ...], shape: Any) -> tuple[Dim, ...]:
    """The new extents, a negative one worked out; ValueError when the sizes differ."""
    session = current()
    given = list(shape) if isinstance(shape, tuple | list) else [shape]
    dims = [as_dim(d) for d in given]
    size = ex.product(old)
    hole = _hole(dims)
    shown = shown_shape(dims).replace("-1", "newaxis")
    message = f"cannot reshape array of size {shown_dim(size)} into shape {shown}"
    if hole is not None:
        rest = ex.product((*dims[:hole], *dims[hole + 1 :]))
        dims[hole] = _quotient(size, rest, message)
        return tuple(dims)
    session.require_equal(ex.product(tuple(dims)), size, ValueError, message)
    return tuple(dims)


def _hole(dims: list[Dim]) -> int | None:
    """Which extent is negative, and so to be worked out. Of one that the run decides a version
    assumes that it is not, where it can still begin again."""
    session = current()
    holes = [k for k, d in enumerate(dims) if isinstance(d, int) and d < 0]
    unsure = [
        k
        for k, d in enumerate(dims)
        if not isinstance(d, int) and not session.ranges.at_least(d, 0)
    ]
    if not holes and nothing_to_undo():
        holes = list(itertools.islice((k for k in unsure if not _is_size(dims[k])), 1))
    if len(holes) > 1:
        throw(ValueError(_ONE_HOLE))
    if not holes:
        return None
    dims[holes[0]] = -1
    for k in unsure:
        if k != holes[0]:
            b = session.b
            whole = b.op("ge", b.index(dims[k]), b.const(0, "i64"))
            session.check(whole, ValueError, _ONE_HOLE)
    return holes[0]


def _is_size(dim: Dim) -> bool:
    b = current().b
    whole = b.op("ge", b.index(dim), b.const(0, "i64"))
    return assume(whole, "a size to reshape to is not negative", "write -1 where the size is")


def _quotient(size: Dim, rest: Dim, message: str) -> Dim:
    session = current()
    if isinstance(size, int) and isinstance(rest, int):
        if rest == 0 or size % rest:
            throw(ValueError(message))
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


def reshape_strides(x: Array, dims: tuple[Dim, ...]) -> tuple[Strides | None, list[Need]]:
    """NumPy's no-copy reshape on symbolic strides: the new strides (None: a copy is made) and what
    must hold of strides at run time for a view."""
    x.cell.look()
    old = [(d, s) for d, s in zip(x.dims, x.strides, strict=True) if d != 1]
    needs: list[Need] = []
    new: list[Dim | None] = [0] * len(dims)
    if any(d == 0 for d in x.dims):
        return tuple(new), needs
    for group_old, group_new in _groups(old, list(dims)):
        strides = [s for _, s in group_old]
        for (d, s), (d2, s2) in itertools.pairwise(group_old):
            if s is None or s2 is None:
                return None, []
            if s != d2 * s2:
                ranges = current().ranges
                if ranges.equal(s, d2 * s2) is False and ranges.at_least(d, 2):
                    return None, []
                needs.append((s, d2 * s2, d))
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
                return same if current().ranges.at_least(d, 2) else None
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
    return Array(Select(_all_dense(needs), x, copy)) if needs else copy


def _all_dense(needs: Sequence[Need]) -> Value:
    """Whether each stride is the dense one, or that of an axis of one element at most."""
    b = current().b
    found = b.const(True, "bool")
    for stride, dense, extent in needs:
        same = b.op("eq", b.index(stride), b.index(dense))
        short = b.op("le", b.index(extent), b.const(1, "i64"))
        found = b.op("bitwise_and", found, b.op("bitwise_or", same, short))
    return found


def _dense_needs(x: Array, order: str) -> list[Need]:
    """What must hold for an array to lie densely; nothing where it never does."""
    axes = range(x.ndim) if order == "F" else reversed(range(x.ndim))
    needs: list[Need] = []
    step: Dim = 1
    for axis in axes:
        d, s = x.dims[axis], x.strides[axis]
        if d != 1:
            if s is None:
                return []
            if current().ranges.equal(s, step) is not True:
                needs.append((s, step, d))
        step = d * step
    return needs


def _undecided(x: Array) -> bool:
    """Whether a run-time choice decides the strides."""
    return isinstance(x.cell, Select) and any(s is None for s in x.strides)


def _either(x: Array, make: Callable[[Array], Array]) -> Array:
    """What is made of the one view or of the other."""
    assert isinstance(x.cell, Select)
    then, other = x.sides()
    return Array(Select(x.cell.pred, make(then), make(other)))


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
    dense = is_contiguous(x, "C")
    if dense is False or any(s is None for s in x.strides):
        return fresh(current().b.reshape(x.read(), dims))
    return reshaped(x if dense else contiguous(x), dims)


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

    def steps(self) -> Steps:
        return self.line().steps()

    def __getitem__(self, key: Any) -> Any:
        got = self.line()[key]
        return got if isinstance(got, Scalar) else fresh(got.read())

    def __setitem__(self, key: Any, value: Any) -> None:
        """Values are repeated or cut off to what is assigned to."""
        view = self.line()
        wanted = view[key]
        single = not isinstance(wanted, Array)
        if isinstance(value, Scalar | PyScalar | int | float | complex | np.generic) and single:
            with as_single_item():
                value = fresh(element(value, self.dtype, direct=True))
        else:
            value = fresh(element(value, self.dtype, direct=False))
            if value.ndim and not single:
                value = repeated(value, ex.product(wanted.dims))
        view[key] = value

    def __iter__(self) -> Iterator[Any]:
        return iter(self.line())

    def __len__(self) -> int:
        return len(self.line())

    def copy(self) -> Array:
        return fresh(self.read())


ARRAY["flat"] = Flat
CLASS_SEEN[Flat] = lambda x: np.flatiter
