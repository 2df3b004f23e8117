"""Sorts: sort, argsort and lexsort (``quantiles`` builds on them)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tracejit.dtypes import is_bool, is_integer
from tracejit.errors import throw
from tracejit.ir import extent as ex
from tracejit.trace.array_api.creation import asarray
from tracejit.trace.array_api.names import covers, method
from tracejit.trace.array_api.operands import axis_of, builder
from tracejit.trace.array_api.reductions import NO_VALUE
from tracejit.trace.session.session import current
from tracejit.trace.values.all import fresh
from tracejit.versions import SORTS_DESCEND

_KINDS = {"q": "quicksort", "h": "heapsort", "m": "stable", "s": "stable"}


def _method_of(kind: Any, stable: Any, descending: Any) -> str:
    """NumPy's algorithm for ``kind`` or the keywords in its place."""
    if kind is None:
        return "stable" if stable else "quicksort"
    if not isinstance(kind, str):
        throw(TypeError(f"sort kind must be str, not {type(kind).__name__}"))
    found = _KINDS.get(kind[:1].lower())
    if found is None:
        throw(ValueError(f"sort kind must be one of 'quick', 'heap', or 'stable' (got {kind!r})"))
    if stable is not None or descending is not None:
        message = "`kind` and keyword parameters can't be provided at the same time. Use only one"
        throw(ValueError(f"{message} of them."))
    return found


def _descending(given: Any, name: str) -> bool | None:
    """What ``descending=`` says; a NumPy that does not know the keyword refuses it."""
    if given is NO_VALUE:
        return None
    if not SORTS_DESCEND:
        throw(TypeError(f"{name}() got an unexpected keyword argument 'descending'"))
    return None if given is None else bool(given)


def _turned(x: Any) -> Any:
    """The elements in the opposite order, nan as large as before; its own inverse."""
    return ~x if is_bool(x.dtype) or is_integer(x.dtype) else -x


def no_fields(order: Any) -> None:
    if order is not None:
        throw(ValueError("Cannot specify order when the array has no fields."))


def flat_or_axis(a: Any, axis: Any) -> tuple[Any, int]:
    """The array (flattened for ``axis=None``) and its sorted axis."""
    x: Any = asarray(a)
    if axis is None:
        return np.ravel(x), 0
    return x, axis_of(axis, x.ndim)


def positions(x: Any, axis: int, kind: str) -> Any:
    """The permutation along ``axis`` that sorts."""
    value = x.read()
    return fresh(builder().op("argsort", value, axis=axis, kind=kind))


def sorted_along(x: Any, axis: int, kind: str = "quicksort") -> Any:
    """A sorted copy, nan last; derivatives follow the elements."""
    return fresh(builder().op("sort", x.read(), axis=axis, kind=kind))


def _sorted(x: Any, axis: int, method_: str, descending: bool | None) -> Any:
    if descending:
        return _turned(sorted_along(_turned(x), axis, method_))
    return sorted_along(x, axis, method_)


@covers(np.sort)
def sort(
    a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None,
    descending: Any = NO_VALUE,
) -> Any:  # fmt: skip
    """A sorted copy."""
    down = _descending(descending, "sort")
    no_fields(order)
    x, k = flat_or_axis(a, axis)
    return _sorted(x, k, _method_of(kind, stable, down), down)


@method("sort")
def sort_method(
    a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None,
    descending: Any = NO_VALUE,
) -> None:  # fmt: skip
    """``x.sort()``: in place."""
    down = _descending(descending, "sort")
    no_fields(order)
    a.write(_sorted(a, axis_of(axis, a.ndim), _method_of(kind, stable, down), down).read())


@covers(np.argsort, method=True)
def argsort(
    a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None,
    descending: Any = NO_VALUE,
) -> Any:  # fmt: skip
    """The positions that sort."""
    down = _descending(descending, "argsort")
    no_fields(order)
    whole = asarray(a).ndim == 0 and axis in (0, -1)  # a number is a line of one here
    x, k = flat_or_axis(a, None if whole else axis)
    method_ = _method_of(kind, stable, down)
    return positions(_turned(x), k, "stable") if down else positions(x, k, method_)


@covers(np.sort_complex)
def sort_complex(a: Any) -> Any:
    """Sorted by real part, then imaginary part, as complex numbers."""
    x: Any = asarray(a)
    found = sorted_along(x, axis_of(-1, x.ndim))
    single = (x.dtype.char in "bhBHFf" and x.dtype.itemsize < 4) or x.dtype.char == "F"
    return found.astype(np.complex64 if single else np.complex128)


@covers(np.lexsort)
def lexsort(keys: Any, axis: Any = -1) -> Any:
    """Positions that sort by the last key, ties by the one before, and so on."""
    many: Sequence[Any] = keys if isinstance(keys, (tuple, list)) else list(keys)
    if not len(many):
        throw(TypeError("need sequence of keys with len > 0 in lexsort"))
    lines = [asarray(key) for key in many]
    k = axis_of(axis, lines[0].ndim)
    found: Any = positions(lines[0], k, "stable")
    for line in lines[1:]:
        ordered: Any = np.take_along_axis(line, found, k)
        found = np.take_along_axis(found, positions(ordered, k, "stable"), k)
    return found


def merged(a: Any, axis: Any) -> tuple[Any, tuple[int, ...]]:
    """The array with the reduced axes as its one axis 0, and which axes those were."""
    x: Any = asarray(a)
    if axis is None:
        return np.ravel(x), tuple(range(x.ndim))
    many = axis if isinstance(axis, (tuple, list)) else (axis,)
    axes = tuple(axis_of(k, x.ndim) for k in many)
    if len(set(axes)) != len(axes):
        throw(ValueError("repeated axis"))
    if len(axes) == 1:
        return np.moveaxis(x, axes[0], 0), axes
    axes = tuple(sorted(axes))
    moved: Any = np.moveaxis(x, axes, tuple(range(len(axes))))
    count = ex.product(moved.dims[: len(axes)])
    b = current().b
    return fresh(b.reshape(moved.read(), (count, *moved.dims[len(axes) :]))), axes
