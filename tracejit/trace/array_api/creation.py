"""New arrays: zeros and its family, array and its family, arange, linspace, eye, grids."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy._globals import _CopyMode

from tracejit.dtypes import is_inexact
from tracejit.errors import asks, throw
from tracejit.ir import extent as ex
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.trace.array_api.names import covers, method, unsupported
from tracejit.trace.array_api.operands import (
    DType,
    builder,
    cast,
    check_dim,
    expanded,
    given_dtype,
    operand,
    value_of,
)
from tracejit.trace.array_api.promotion import promote
from tracejit.trace.session.concretize import shown_shape
from tracejit.trace.session.registry import CONSTRUCTORS
from tracejit.trace.session.session import current
from tracejit.trace.values.all import Array, Tracer, as_dim, dim_value, fresh, k_order, several
from tracejit.trace.values.casting import element
from tracejit.trace.values.coercion import as_in_array
from tracejit.trace.views.broadcast import stretch
from tracejit.trace.views.reshape import contiguous


def shape_of(shape: Any) -> tuple[Dim, ...]:
    """A ``shape`` argument as extents, checked not to be negative."""
    dims = tuple(as_dim(s) for s in several(shape))
    for d in dims:
        if not isinstance(d, int) and current().ranges.at_least(d, 0):
            continue
        check_dim("ge", d, 0, "ValueError", "negative dimensions are not allowed")
        atom = None if isinstance(d, int) else ex.single_atom(d)
        if atom is not None:
            current().ranges.low[atom] = 0
    return dims


def order_of(order: str | None, rank: int) -> tuple[int, ...] | None:
    """Axis order (slowest first) of a new array for ``order=`` C or F."""
    if order == "F":
        return tuple(reversed(range(rank)))
    if order in ("C", "K", "A", None):
        return None
    throw(ValueError(f"order must be one of 'C', 'F', 'A', or 'K' (got '{order}')"))


Contents: TypeAlias = Callable[[DType, tuple[Dim, ...]], Value]


def _repeated(number: int) -> Contents:
    return lambda kind, dims: builder().broadcast(builder().const(number, kind), dims, ())


def _undefined(kind: DType, dims: tuple[Dim, ...]) -> Value:
    return builder().op("empty", shape=dims, dtype=kind)  # type: ignore[no-any-return]


def _creator(contents: Contents) -> Callable[..., Any]:
    def create(
        shape: Any, dtype: Any = None, order: str = "C", *, device: Any = None, like: Any = None
    ) -> Array:
        kind, dims = given_dtype(dtype, np.float64), shape_of(shape)
        return fresh(contents(kind, dims), order_of(order, len(dims)))

    return create


zeros = covers(np.zeros)(_creator(_repeated(0)))
ones = covers(np.ones)(_creator(_repeated(1)))
empty = covers(np.empty)(_creator(_undefined))


def ndarray(
    shape: Any,
    dtype: Any = float,
    buffer: Any = None,
    offset: int = 0,
    strides: Any = None,
    order: str | None = None,
) -> Array:
    """``np.ndarray`` called: an array of undefined contents."""
    given = {"buffer": (buffer, None), "offset": (offset, 0), "strides": (strides, None)}
    unsupported("np.ndarray", "use np.reshape and x.view", **given)
    found: Array = empty(shape, dtype, order or "C")
    return found


CONSTRUCTORS[np.ndarray] = ndarray


@covers(np.full)
def full(
    shape: Any,
    fill_value: Any,
    dtype: Any = None,
    order: str = "C",
    *,
    device: Any = None,
    like: Any = None,
) -> Array:
    """An array filled with a value (or a broadcast array)."""
    fill = operand(fill_value)
    kind = given_dtype(promote([fill]) if dtype is None else dtype)
    dims = shape_of(shape)
    return fresh(stretch(cast(fill, kind), dims), order_of(order, len(dims)))


def _like(a: Any, dtype: Any, order: str, shape: Any) -> tuple[DType, tuple[Dim, ...], Any]:
    x = value_of(a)
    dims = x.shape if shape is None else shape_of(shape)
    axes = k_order([a], len(dims)) if order in ("K", "A") else order_of(order, len(dims))
    return given_dtype(dtype, x.dtype), dims, axes


def _like_creator(contents: Contents) -> Callable[..., Any]:
    def create(
        a: Any,
        dtype: Any = None,
        order: str = "K",
        subok: bool = True,
        shape: Any = None,
        *,
        device: Any = None,
    ) -> Array:
        kind, dims, axes = _like(a, dtype, order, shape)
        return fresh(contents(kind, dims), axes)

    return create


zeros_like = covers(np.zeros_like)(_like_creator(_repeated(0)))
ones_like = covers(np.ones_like)(_like_creator(_repeated(1)))


@covers(np.empty_like)
def empty_like(
    prototype: Any,
    dtype: Any = None,
    order: str = "K",
    subok: bool = True,
    shape: Any = None,
    *,
    device: Any = None,
) -> Array:
    """An array like another, of undefined contents."""
    kind, dims, axes = _like(prototype, dtype, order, shape)
    return fresh(_undefined(kind, dims), axes)


@covers(np.full_like)
def full_like(
    a: Any,
    fill_value: Any,
    dtype: Any = None,
    order: str = "K",
    subok: bool = True,
    shape: Any = None,
    *,
    device: Any = None,
) -> Array:
    """An array like another, filled with a value."""
    kind, dims, axes = _like(a, dtype, order, shape)
    return fresh(stretch(cast(operand(fill_value), kind), dims), axes)


def _joined(x: Any, dtype: DType | None) -> Value:
    """A nested sequence that holds traced values, as one value."""
    leaves: list[Any] = []
    _collect(x, leaves)
    if dtype is None:
        kind = promote([operand(as_in_array(v)) for v in leaves])
        return _stacked(x, lambda item: cast(operand(as_in_array(item)), kind), kind)
    return _stacked(x, lambda item: element(item, dtype, direct=True), dtype)


def _collect(x: Any, leaves: list[Any]) -> None:
    if isinstance(x, (list, tuple)):
        for item in x:
            _collect(item, leaves)
    else:
        leaves.append(x)


def _stacked(
    x: Any, convert: Callable[[Any], Value], dtype: DType, around: tuple[int, ...] = ()
) -> Value:
    if not isinstance(x, (list, tuple)):
        return convert(x)
    b = builder()
    if not x:
        return b.op("empty", shape=(0,), dtype=dtype)  # type: ignore[no-any-return]
    around = (*around, len(x))
    parts = [_stacked(item, convert, dtype, around) for item in x]
    for part in parts[1:]:
        _require_alike(parts[0], part, around)
    parts = [expanded(stretch(p, parts[0].shape), (0,)) for p in parts]
    return parts[0] if len(parts) == 1 else b.op("concatenate", *parts, axis=0)


def _require_alike(one: Value, other: Value, around: tuple[int, ...]) -> None:
    """Items of a list have one shape; ``around``: the lengths of the lists that they are in."""
    for axis in range(max(one.rank, other.rank)):
        found: tuple[Dim, ...] = (*around, *one.shape[:axis])
        message = (
            "setting an array element with a sequence. The requested array has an inhomogeneous "
            f"shape after {len(found)} dimensions. The detected shape was {shown_shape(found)} + "
            "inhomogeneous part."
        )
        if axis >= min(one.rank, other.rank):
            throw(ValueError(message))
        current().require_equal(one.shape[axis], other.shape[axis], ValueError, message)


def has_tracer(x: Any) -> bool:
    """Whether a traced value is in a (nested) sequence."""
    if isinstance(x, (list, tuple)):
        return any(has_tracer(i) for i in x)
    return isinstance(x, (Tracer, Value))


@asks(TypeError, ValueError, ArithmeticError)
def _as_value(a: Any, dtype: Any) -> Value:
    kind = None if dtype is None else given_dtype(dtype)
    if isinstance(a, (list, tuple)) or (isinstance(a, range) and not a):
        if has_tracer(a):
            return _joined(a, kind)
        a = np.array(a, dtype)
        return builder().const(a, given_dtype(a.dtype))
    return value_of(a) if kind is None else element(a, kind, direct=False)


@covers(np.array)
def array(
    object: Any,
    dtype: Any = None,
    *,
    copy: Any = True,
    order: str = "K",
    subok: bool = False,
    ndmin: int = 0,
    ndmax: int = 0,
    like: Any = None,
) -> Array:
    """A new array from anything array-like, nested lists of traced values too."""
    if isinstance(copy, _CopyMode):
        copy = {_CopyMode.ALWAYS: True, _CopyMode.NEVER: False}.get(copy)
    value = _as_value(object, dtype)
    if isinstance(object, Array) and not copy and value.dtype == object.dtype and not ndmin:
        return object
    if copy is False:
        throw(ValueError("Unable to avoid copy while creating an array as requested."))
    if value.rank < ndmin:
        value = expanded(value, tuple(range(ndmin - value.rank)))
    axes = k_order([object], value.rank) if order == "K" else order_of(order, value.rank)
    return fresh(value, axes)


@covers(np.fromiter)
def fromiter(iter: Any, dtype: Any, count: int = -1, *, like: Any = None) -> Array:
    """A new array of what an iterable yields while tracing."""
    if isinstance(iter, Array) and not isinstance(iter.dims[0], int):
        return _first_of(array(iter, dtype), count)
    items = list(iter) if count < 0 else [x for x, _ in zip(iter, range(count), strict=False)]
    if len(items) < count:
        throw(
            ValueError(f"iterator too short: Expected {count} but iterator had only {len(items)}")
        )
    return array(items, dtype)


def _first_of(x: Array, count: Any) -> Array:
    """The first elements, all where ``count`` is below 0; ValueError where there are fewer."""
    session = current()
    b = session.b
    wanted, there = b.index(as_dim(count)), b.index(x.dims[0])
    message = "iterator too short: Expected {} but iterator had only {} items."
    session.check(b.op("ge", there, wanted), ValueError, message, wanted, there)
    negative = b.op("lt", wanted, b.const(0, "i64"))
    found: Array = x[: dim_value(b.op("select", negative, there, wanted).dim)]
    return found


def _as_array(a: Any, dtype: Any = None, order: str | None = None, **_: Any) -> Array:
    if isinstance(a, Array) and (dtype is None or given_dtype(dtype) == a.dtype):
        return a
    value = _as_value(a, dtype)
    return fresh(value, k_order([a], value.rank) if order in (None, "K") else None)


@covers(np.asarray, np.asanyarray)
def asarray(
    a: Any,
    dtype: Any = None,
    order: Any = None,
    *,
    device: Any = None,
    copy: Any = None,
    like: Any = None,
) -> Array:
    """The array itself when it is one, else a new one."""
    if copy:
        return array(a, dtype, order=order or "K")
    unsupported("np.asarray", order=(order if order != "K" else None, None))
    return _as_array(a, dtype)


@covers(np.asarray_chkfinite)
def asarray_chkfinite(a: Any, dtype: Any = None, order: Any = None) -> Array:
    """``asarray``; ValueError for infinities and nan."""
    x = asarray(a, dtype, order)
    if is_inexact(x.dtype):
        current().check(
            value_of(np.all(np.isfinite(x))), ValueError, "array must not contain infs or NaNs"
        )
    return x


def _contiguous(order: str) -> Callable[..., Any]:
    def convert(a: Any, dtype: Any = None, *, like: Any = None) -> Array:
        x = _as_array(a, dtype)
        if not x.ndim:
            return x.reshape(1)  # type: ignore[no-any-return]
        return contiguous(x, order)

    return convert


ascontiguousarray = covers(np.ascontiguousarray)(_contiguous("C"))
asfortranarray = covers(np.asfortranarray)(_contiguous("F"))


@covers(np.copy)
def copy(a: Any, order: str = "K", subok: bool = False) -> Array:
    """A copy in storage of its own."""
    return array(a, order=order)


@method("copy")
def copy_method(a: Any, order: str = "C") -> Any:
    """``ndarray.copy``: C order unless asked otherwise (a scalar is its own copy)."""
    return array(a, order=order) if isinstance(a, Array) else a
