"""Selections: partition and argpartition. NumPy makes them: the order of the others is its own."""

from __future__ import annotations

from typing import Any

import numpy as np

from tracejit.dtypes import is_bool, is_integer
from tracejit.errors import asks, throw
from tracejit.ir import extent as ex
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.trace.array_api.creation import asarray
from tracejit.trace.array_api.names import covers, method
from tracejit.trace.array_api.operands import axis_of, builder, check, value_of
from tracejit.trace.array_api.sorting import flat_or_axis, no_fields
from tracejit.trace.array_api.staged import staged
from tracejit.trace.session.session import current
from tracejit.trace.values.all import Array, Tracer, dim_value, fresh

_OUTSIDE = "kth(={0}) out of bounds ({1})"


def _introselect(kind: Any) -> None:
    if not isinstance(kind, str):
        throw(TypeError(f"select kind must be str, not {type(kind).__name__}"))
    if kind != "introselect":
        throw(ValueError(f"select kind must be 'introselect' (got {kind!r})"))


# -- the places ------------------------------------------------------------------------------------


def _places(x: Array, axis: int, kth: Any) -> Value:
    """A line of integers. ValueError where one is outside of the axis, if there are elements at
    all; TypeError where it is no integer."""
    n, size = x.dims[axis], ex.product(x.dims)
    many = kth if isinstance(kth, (tuple, list)) else (kth,)
    if not any(isinstance(k, Tracer) for k in many):
        places = np.ravel(_as_places(kth))
        for k in places.tolist():
            _check_known(k, n, size)
        return builder().const(places.astype(np.int64))
    given: Any = asarray(kth)
    _must_be_places(given)
    line: Any = np.reshape(given, (-1,)).astype(np.int64)
    staged(_each_within)(line, dim_value(n), dim_value(size), _check_within)
    return value_of(line)


@asks(TypeError, ValueError)
def _as_places(kth: Any) -> Any:
    places = np.asarray(kth)
    _must_be_places(places)
    return places


def _must_be_places(kth: Any) -> None:
    if is_bool(kth.dtype):
        throw(ValueError("Booleans unacceptable as partition index"))
    if not is_integer(kth.dtype):
        throw(TypeError("Partition index must be integer"))
    if kth.ndim > 1:
        throw(ValueError("object too deep for desired array"))


def _check_known(k: int, n: Dim, size: Dim) -> None:
    least = k + 1 if k >= 0 else -k
    if current().ranges.at_least(n, least) or size == 0:
        return
    if isinstance(n, int) and isinstance(size, int):
        throw(ValueError(_OUTSIDE.format(k + n if k < 0 else k, n)))
    b = builder()
    extent, shown = b.index(n), b.index(n + k if k < 0 else k)
    nothing = b.op("eq", b.index(size), b.index(0))
    good = b.op("bitwise_or", b.op("ge", extent, b.index(least)), nothing)
    check(good, "ValueError", _OUTSIDE, shown, extent)


def _each_within(kth: Any, n: Any, size: Any, check_one: Any) -> None:
    for k in kth:
        check_one(k, n, size)


def _check_within(k: Any, n: Any, size: Any) -> None:
    """One place in ``n``, counted from the end where it is negative."""
    at: Any = np.where(k < 0, k + n, k)[()]
    inside: Any = (at >= 0) & (at < n) | (size == 0)
    check(inside.read(), "ValueError", _OUTSIDE, at.read(), value_of(n))


# -- the names -------------------------------------------------------------------------------------


def _along(name: str, x: Any, axis: int, kth: Any) -> Any:
    return fresh(builder().op(name, x.read(), _places(x, axis, kth), axis=axis))


@covers(np.partition)
def partition(
    a: Any, kth: Any, axis: Any = -1, kind: str = "introselect", order: Any = None
) -> Any:
    """A copy with the ``kth`` elements where a sort would put them."""
    _introselect(kind)
    no_fields(order)
    x, k = flat_or_axis(a, axis)
    return _along("partition", x, k, kth)


@method("partition")
def partition_method(
    a: Any, kth: Any, axis: Any = -1, kind: str = "introselect", order: Any = None
) -> None:
    """``x.partition(kth)``: in place."""
    a.write(value_of(partition(a, kth, axis_of(axis, a.ndim), kind, order)))


@covers(np.argpartition, method=True)
def argpartition(
    a: Any, kth: Any, axis: Any = -1, kind: str = "introselect", order: Any = None
) -> Any:
    """The positions of a partition."""
    _introselect(kind)
    no_fields(order)
    whole = asarray(a).ndim == 0 and axis in (0, -1)  # a number is a line of one here
    x, k = flat_or_axis(a, None if whole else axis)
    return _along("argpartition", x, k, kth)
