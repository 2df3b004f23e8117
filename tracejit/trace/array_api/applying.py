"""Functions of the user on every element, row or index: vectorize, apply_along_axis, ndindex.

The function is traced once for the first element, which tells dtype and shape, and once as the
body of a loop over the others.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from tracejit.errors import throw
from tracejit.ir import extent as ex
from tracejit.ir.extent import Dim
from tracejit.trace.array_api.creation import asarray
from tracejit.trace.array_api.names import covers
from tracejit.trace.array_api.operands import axis_of, check_dim
from tracejit.trace.array_api.staged import staged, user_call
from tracejit.trace.session.registry import STAND_INS
from tracejit.trace.values.all import as_dim, dim_value
from tracejit.trace.values.iterables import Counted
from tracejit.trace.views.broadcast import broadcast_shapes


def _turns(each: Any, start: Any, count: Any) -> None:
    for i in range(start, count):
        each(i)


def _several(x: Any) -> tuple[Any, ...]:
    return x if isinstance(x, tuple) else (x,)


def _lines(arrays: Sequence[Any], ranks: Sequence[int]) -> tuple[tuple[Any, ...], list[Any]]:
    """The common leading shape, and each array with its leading axes broadcast and merged."""
    leads = [x.dims[: x.ndim - r] for x, r in zip(arrays, ranks, strict=True)]
    lead = tuple(map(dim_value, broadcast_shapes(leads)))
    lines = []
    for x, rank in zip(arrays, ranks, strict=True):
        core = x.shape[x.ndim - rank :]
        lines.append(np.reshape(np.broadcast_to(x, (*lead, *core)), (_size(lead), *core)))
    return lead, lines


def _size(shape: Sequence[Any]) -> Any:
    return dim_value(ex.product(tuple(map(as_dim, shape))))


def _mapped(
    call: Callable[..., Any],
    arrays: Sequence[Any],
    ranks: Sequence[int],
    kinds: Sequence[Any] | None,
    of_scalars: bool,
    empty: str,
) -> tuple[Any, ...]:
    """``call`` of each element, which has ``ranks`` axes; the results behind the leading axes."""
    lead, lines = _lines(arrays, ranks)
    count = lines[0].shape[0]
    check_dim("ge", as_dim(count), 1, "ValueError", empty)
    first = [asarray(x) for x in _several(call(*[line[0] for line in lines]))]
    kinds = [x.dtype for x in first] if kinds is None else kinds
    buffers = [
        np.zeros_like(lines[0], kind, shape=(count, *x.shape))
        for x, kind in zip(first, kinds, strict=True)
    ]
    for buffer, x in zip(buffers, first, strict=True):
        buffer[0] = x

    def each(i: Any) -> None:
        picked = [line[i] for line in lines]
        made = _several(call(*[x.item() if of_scalars else x for x in picked]))
        for buffer, x in zip(buffers, made, strict=True):
            buffer[i] = x

    staged(_turns)(each, 1, count)
    return tuple(
        np.reshape(buffer, (*lead, *x.shape)) for buffer, x in zip(buffers, first, strict=True)
    )


def each_element(function: Any, arrays: Sequence[Any], kind: Any) -> Any:
    """``function`` of each element, arrays broadcast together; the result has dtype ``kind``, or
    that of the function of the first element where it is None."""
    given = list(map(asarray, arrays))
    ranks = [0] * len(given)
    if kind is None:
        empty = "the dtype of a function of no elements is not known"
        call = functools.partial(user_call, function)
        return _mapped(call, given, ranks, None, False, empty)[0]
    lead, lines = _lines(given, ranks)
    found = np.zeros_like(lines[0], kind)

    def each(i: Any) -> None:
        found[i] = user_call(function, *[line[i] for line in lines])

    staged(_turns)(each, 0, lines[0].shape[0])
    return np.reshape(found, lead)


# Rows ---------------------------------------------------------------------------------------------


@covers(np.apply_along_axis)
def apply_along_axis(func1d: Any, axis: Any, arr: Any, *args: Any, **kwargs: Any) -> Any:
    """A function of the slices along one axis; its results take the place of that axis."""
    x: Any = asarray(arr)
    k = axis_of(axis, x.ndim)
    (found,) = _mapped(
        lambda row: asarray(user_call(func1d, row, *args, **kwargs)),
        [np.moveaxis(x, k, -1)],
        [1],
        None,
        False,
        "Cannot apply_along_axis when any iteration dimensions are 0",
    )
    rest = range(x.ndim - 1, found.ndim)
    return np.moveaxis(found, list(rest), list(range(k, k + len(rest))))


@covers(np.apply_over_axes)
def apply_over_axes(func: Any, a: Any, axes: Any) -> Any:
    """A reduction over several axes, one after another, that keeps the rank."""
    value: Any = asarray(a)
    rank = value.ndim
    for axis in axes if isinstance(axes, (tuple, list)) else (axes,):
        k = axis_of(axis, rank)
        found = user_call(func, value, k)
        if np.ndim(found) != rank:
            found = np.expand_dims(found, k)
            if np.ndim(found) != rank:
                throw(ValueError("function is not returning an array of the correct shape"))
        value = found
    return value


# Elements -----------------------------------------------------------------------------------------


def vectorized(f: Any, /, *args: Any, **kwargs: Any) -> Any:
    """A call of an ``np.vectorize`` object: a loop over the elements (or core slices)."""
    names = [n for n in kwargs if n not in f.excluded]
    places = [k for k in range(len(args)) if k not in f.excluded]
    arrays = [asarray(args[k]) for k in places] + [asarray(kwargs[n]) for n in names]

    def call(*values: Any) -> Any:
        full = list(args)
        for k, v in zip(places, values, strict=False):
            full[k] = v
        named = dict(zip(names, values[len(places) :], strict=True))
        return user_call(f.pyfunc, *full, **{**kwargs, **named})

    core = f._in_and_out_core_dims
    ranks = [0] * len(arrays) if core is None else [len(dims) for dims in core[0]]
    kinds = None if f.otypes is None else [np.dtype(c) for c in f.otypes]
    empty = "cannot call `vectorize` on size 0 inputs unless `otypes` is set"
    found = _mapped(call, arrays, ranks, kinds, core is None, empty)
    return found[0] if len(found) == 1 else found


def _of_vectorize(f: Any) -> Any:
    return partial(vectorized, f) if isinstance(f, np.vectorize) else None


STAND_INS.append(_of_vectorize)


# Indices ------------------------------------------------------------------------------------------


def _place(i: Dim, shape: Sequence[Dim]) -> tuple[Any, ...]:
    """The index of element ``i`` in C order, as Python ints."""
    found = []
    for d in reversed(shape[1:]):
        found.append(dim_value(ex.mod(i, d)))
        i = ex.floordiv(i, d)
    return (dim_value(i), *reversed(found)) if shape else ()


@covers(np.ndindex)
def ndindex(*shape: Any) -> Counted:
    """Every index of an array of this shape."""
    dims = shape[0] if len(shape) == 1 and isinstance(shape[0], tuple | list) else shape
    extents = tuple(map(as_dim, dims))
    for d in extents:
        check_dim("ge", d, 0, "ValueError", "negative dimensions are not allowed")
    return Counted(ex.product(extents), lambda i: _place(i, extents))


@covers(np.ndenumerate)
def ndenumerate(arr: Any) -> Counted:
    """Every index of an array, with the element."""
    x: Any = asarray(arr)

    def item(i: Dim) -> Any:
        place = _place(i, x.dims)
        return place, x[place]

    return Counted(ex.product(x.dims), item)
