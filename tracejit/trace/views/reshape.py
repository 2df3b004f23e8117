"""Reshaped and flattened arrays: a view exactly where NumPy makes one, else a copy."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tracejit.errors import UnsupportedError, throw
from tracejit.ir import extent as ex
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.ir.types import DTYPES
from tracejit.trace.session.assumptions import assume, nothing_to_undo
from tracejit.trace.session.concretize import shown_dim, shown_shape
from tracejit.trace.session.registry import ARRAY, CLASS_SEEN
from tracejit.trace.session.session import current, where
from tracejit.trace.session.tracer import Steps, Tracer
from tracejit.trace.values.all import (
    Array,
    PyScalar,
    Scalar,
    Select,
    as_dim,
    fresh,
    k_order,
    several,
)
from tracejit.trace.values.casting import as_single_item, element
from tracejit.trace.values.view_transforms import Reshape, split_axes
from tracejit.trace.views.reshape_strides import Need, all_hold, reshape_strides
from tracejit.trace.views.views import chosen_view, transposed, undecided, whole_view

_NOT_IN_PLACE = (
    "Incompatible shape for in-place modification. Use `.reshape()` to make a copy with the "
    "desired shape."
)
_ONE_HOLE = "can only specify one unknown dimension"


def reshaped(x: Array, shape: Any, *, order: str = "C", copy: bool | None = None) -> Array:
    """``x.reshape(shape)``: a view exactly where NumPy makes one (staged where undecided)."""
    dims = resolve_shape(x.dims, shape)
    if order == "A":
        return _in_its_order(x, lambda y, how: reshaped(y, dims, order=how, copy=copy))
    if order == "F":
        flipped = transposed(x, tuple(reversed(range(x.ndim))))
        done = reshaped(flipped, tuple(reversed(dims)), copy=copy)
        return transposed(done, tuple(reversed(range(done.ndim))))
    if copy:
        return fresh(current().b.reshape(x.read(), dims))
    if copy is False:
        return _view_or(x, dims, ValueError, "Unable to avoid creating a copy while reshaping.")
    possible, view = _view_of_shape(x, dims)
    if possible is True:
        return view
    elements = current().b.reshape(x.read(), dims)
    if possible is False:
        return fresh(elements)
    return Array(Select(possible, view, fresh(elements), elements), (), dims, view.element_strides)


def with_shape(x: Array, shape: Any) -> Array:
    """The view that ``x.shape = shape`` makes of an array; AttributeError where it has none."""
    return _view_or(x, resolve_shape(x.dims, shape), AttributeError, _NOT_IN_PLACE)


def _view_or(x: Array, dims: tuple[Dim, ...], exc: type[Exception], message: str) -> Array:
    """A view of that shape; an exception where only a copy has it."""
    possible, view = _view_of_shape(x, dims)
    if possible is False:
        throw(exc(message))
    if possible is not True:
        current().check(possible, exc, message)
    return view


def _view_of_shape(x: Array, dims: tuple[Dim, ...]) -> tuple[bool | Value, Array]:
    """Whether there is a view of that shape, and the view."""
    if dims == x.dims:
        return True, whole_view(x)
    x.cell.look()
    strides, needs = reshape_strides(x.dims, x.element_strides, dims)
    if strides is not None:
        view = x.viewed(Reshape(dims, _kept(x.dims, dims)), dims, strides)
        return all_hold(needs, x.dims) if needs else True, view
    view = x.viewed(Reshape(dims), dims)
    if not undecided(x):
        return False, view
    assert isinstance(x.cell, Select)
    (one, then), (two, other) = (_view_of_shape(side, dims) for side in x.sides())
    if one is two and isinstance(one, bool):
        possible: bool | Value = one
    else:
        b = current().b
        flags = (b.const(p, "bool") if isinstance(p, bool) else p for p in (one, two))
        possible = b.op("select", x.cell.pred, *flags)
    return possible, chosen_view(x, view, then, other)


def _kept(before: tuple[Dim, ...], dims: tuple[Dim, ...]) -> tuple[int | None, ...] | None:
    """Which old axis each new one is, where only axes of extent 1 come and go."""
    axes = split_axes(before, dims)
    if axes is None or any(len(group) > 1 for group in axes):
        return None
    old = {group[0]: k for k, group in enumerate(axes) if group}
    return tuple(old.get(i) for i in range(len(dims)))


def resolve_shape(old: tuple[Dim, ...], shape: Any) -> tuple[Dim, ...]:
    """The new extents, a negative one worked out; ValueError when the sizes differ."""
    session = current()
    dims = [as_dim(d) for d in several(shape)]
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
    if rest == 0 or (isinstance(size, int) and isinstance(rest, int) and size % rest):
        throw(ValueError(message))
    exact = divide_exactly(size, rest)
    if not isinstance(rest, int) and not session.ranges.at_least(rest, 1):
        b = session.b
        session.check(b.op("ne", b.index(rest), b.const(0, "i64")), ValueError, message)
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


def is_contiguous(x: Array, order: str = "C") -> bool | None:
    """Whether the elements lie densely in C or F order; None where unknown."""
    x.cell.look()
    dims, strides = x.dims, x.element_strides
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
    if known is None and undecided(x):
        return _either(x, lambda side: contiguous(side, order))
    axes = tuple(range(x.ndim))
    elements = x.read()
    copy = fresh(elements, axes if order == "C" else axes[::-1])
    needs = [] if known is False else _dense_needs(x, order)
    if not needs:
        return copy
    return Array(Select(all_hold(needs, x.dims), x, copy, elements))


def _dense_needs(x: Array, order: str) -> list[Need]:
    """What must hold for an array to lie densely; nothing where it never does."""
    axes = range(x.ndim) if order == "F" else reversed(range(x.ndim))
    needs: list[Need] = []
    step: Dim = 1
    for axis in axes:
        d, s = x.dims[axis], x.element_strides[axis]
        if d != 1:
            if s is None:
                return []
            if current().ranges.equal(s, step) is not True:
                needs.append(Need(d, ((s, step),)))
        step = d * step
    return needs


def _either(x: Array, make: Callable[[Array], Array]) -> Array:
    """What is made of the one view or of the other; a copy is one of the chosen view alone."""
    cell = x.cell
    assert isinstance(cell, Select)
    then, other = x.sides()
    if cell.both:
        return Array(cell.between(make(then), make(other)))
    test = PyScalar("bool", cell.pred)
    made = current().operators.if_expr(test, lambda: make(then), lambda: make(other), None)
    assert isinstance(made, Array)
    return made


def _in_its_order(x: Array, make: Callable[[Array, str], Array]) -> Array:
    """What ``order="A"`` makes: Fortran's order where the array lies so and not in C order."""
    if undecided(x):
        return _either(x, lambda side: _in_its_order(side, make))
    dense = [is_contiguous(x, order) for order in "FC"]
    if dense[0] is False or dense[1] is True:
        return make(x, "C")
    if dense[0] and dense[1] is False:
        return make(x, "F")
    b = current().b
    fortran, c = (
        all_hold(needs, x.dims) if known is None and needs else b.const(bool(known), "bool")
        for known, needs in zip(dense, (_dense_needs(x, order) for order in "FC"), strict=True)
    )
    chosen = b.op("bitwise_and", fortran, b.op("invert", c))
    return Array(Select(chosen, make(x, "F"), make(x, "C")))


def _from_slow_to_fast(x: Array) -> tuple[int, ...] | None:
    """The axes in the order in which they lie in memory; None where that is not known."""
    known = k_order([x], x.ndim)
    if known is not None or x.ndim < 2 or is_contiguous(x):
        return known or tuple(range(x.ndim))
    if any(s is None for s in x.element_strides):
        return None
    ranges = current().ranges
    steps = [s if s is None or ranges.at_least(s, 0) else -s for s in x.element_strides]
    order: list[int] = []
    for axis, step in enumerate(steps):
        place = 0
        for k, other in enumerate(order):
            slower = steps[other]
            assert step is not None
            assert slower is not None
            if ranges.at_least(slower, step):
                place = k + 1
            elif not ranges.at_least(step, slower):
                return None
        order.insert(place, axis)
    return tuple(order)


def raveled(x: Array, order: str = "C") -> Array:
    """``x.ravel()``: a view where the array is contiguous."""
    if order == "K":
        axes = _from_slow_to_fast(x)
        if axes is None and undecided(x):
            return _either(x, lambda side: raveled(side, "K"))
        if axes is None:
            raise UnsupportedError(
                f"{where()}: which axis of the array is the faster one in memory, as order='K' "
                "asks, is known when the function is called only; order='C' does not ask"
            )
        return raveled(transposed(x, axes))
    if order == "A":
        return _in_its_order(x, raveled)
    if order == "F":
        return raveled(transposed(x, tuple(reversed(range(x.ndim)))))
    if undecided(x):
        return _either(x, raveled)
    dims = (ex.product(x.dims),)
    dense = is_contiguous(x, "C")
    if dense is False or any(s is None for s in x.element_strides):
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


ARRAY["shape"] = with_shape
ARRAY["flat"] = Flat
CLASS_SEEN[Flat] = lambda x: np.flatiter
