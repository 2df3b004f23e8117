"""NumPy's functions that make structured arrays, or take them whole: one call per field."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tracejit.errors import UnsupportedError
from tracejit.trace.session.registry import NAMES, STRUCTURED
from tracejit.trace.session.session import where
from tracejit.trace.values.record_layouts import RecordLayout, has_others, leaves_of
from tracejit.trace.values.structured_arrays import StructuredArray, spread

DType = np.dtype[Any]


def _made(dtype: Any, shape: Any, maker: Callable[[Any, DType], Any]) -> StructuredArray:
    """A new structured array, each number in its records from ``maker(shape, dtype)``."""
    kind = np.dtype(dtype)
    if has_others(kind) or not leaves_of(kind):
        raise UnsupportedError(
            f"{where()}: an array of dtype {kind} is made: compiled code makes records of numbers "
            "only; make it outside and pass it"
        )
    dims = tuple(shape) if isinstance(shape, tuple | list) else (shape,)
    parts = [maker((*dims, *leaf.shape), leaf.dtype) for leaf in leaves_of(kind)]
    return StructuredArray(parts, RecordLayout(kind, len(dims)))


def _creator(function: Any) -> Callable[..., StructuredArray]:
    def create(
        shape: Any, dtype: Any = None, order: str = "C", *, device: Any = None, like: Any = None
    ) -> StructuredArray:
        return _made(dtype, shape, lambda dims, kind: NAMES[function](dims, kind, order))

    return create


def _like_creator(function: Any) -> Callable[..., StructuredArray]:
    def create(
        a: Any,
        dtype: Any = None,
        order: str = "K",
        subok: bool = True,
        shape: Any = None,
        *,
        device: Any = None,
    ) -> StructuredArray:
        kind = a.dtype if dtype is None else dtype
        return STRUCTURED[function](a.shape if shape is None else shape, kind)  # type: ignore[no-any-return]

    return create


for _function, _like in (
    (np.zeros, np.zeros_like),
    (np.ones, np.ones_like),
    (np.empty, np.empty_like),
):
    STRUCTURED[_function] = _creator(_function)
    STRUCTURED[_like] = _like_creator(_function)


def full(
    shape: Any,
    fill_value: Any,
    dtype: Any = None,
    order: str = "C",
    *,
    device: Any = None,
    like: Any = None,
) -> StructuredArray:
    """Records that all hold one value."""
    kind = dtype if dtype is not None else getattr(fill_value, "dtype", None)
    found = STRUCTURED[np.empty](shape, kind, order)
    found[...] = fill_value
    return found  # type: ignore[no-any-return]


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
) -> StructuredArray:
    """A copy of a structured array, or records of tuples."""
    if isinstance(object, StructuredArray) and dtype in (None, object.dtype):
        return object.copy() if copy else object
    if isinstance(object, StructuredArray) or dtype is None:
        raise UnsupportedError(
            f"{where()}: np.array of records: give one structured array, or tuples and dtype="
        )
    if isinstance(object, list) and any(isinstance(x, list) for x in object):
        raise UnsupportedError(f"{where()}: records in nested lists: make one axis, then reshape")
    shape = (len(object),) if isinstance(object, list) else ()
    found = STRUCTURED[np.empty](shape, dtype)
    found[...] = object
    return found  # type: ignore[no-any-return]


def asarray(a: Any, dtype: Any = None, order: Any = None, **rest: Any) -> StructuredArray:
    """A structured array as it is; of a record array, the plain one over its memory."""
    found = array(a, dtype, copy=None)
    if not found.layout.has_attributes:
        return found
    return StructuredArray(found.parts, replace(found.layout, has_attributes=False))


def asanyarray(a: Any, dtype: Any = None, order: Any = None, **rest: Any) -> StructuredArray:
    """A structured array as it is."""
    return array(a, dtype, copy=None)


def concatenate(arrays: Sequence[Any], axis: int = 0, out: Any = None, **rest: Any) -> Any:
    """Structured arrays of one dtype, one after the other."""
    many = list(arrays)
    first = many[0]
    if (
        out is not None
        or rest
        or any(not isinstance(x, StructuredArray) or x.dtype != first.dtype for x in many)
    ):
        raise UnsupportedError(f"{where()}: np.concatenate takes structured arrays of one dtype")
    if has_others(first.dtype):
        spread(first.dtype, first)  # says why not
    place = axis if axis >= 0 else axis + first.ndim
    parts = [
        NAMES[np.concatenate](list(same), place)
        for same in zip(*(x.parts for x in many), strict=True)
    ]
    return StructuredArray(parts, replace(first.layout, is_record=False))


STRUCTURED |= {
    np.full: full,
    np.array: array,
    np.asarray: asarray,
    np.asanyarray: asanyarray,
    np.ascontiguousarray: asarray,
    np.copy: lambda a, order="K", subok=False: a.copy(),
    np.concatenate: concatenate,
    np.shape: lambda a: a.shape,
    np.ndim: lambda a: a.ndim,
    np.size: lambda a, axis=None: a.size if axis is None else a.shape[axis],
    np.sort: lambda a, axis=-1, kind=None, order=None: a[a.argsort(axis, kind, order)],
    np.argsort: lambda a, axis=-1, kind=None, order=None: a.argsort(axis, kind, order),
    np.ravel: lambda a, order="C": a.ravel(order),
    np.reshape: lambda a, shape, order="C": a.reshape(shape, order=order),
    np.take: lambda a, indices, axis=None: a.take(indices, axis),
    np.transpose: lambda a, axes=None: a.T,
}
