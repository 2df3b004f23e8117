"""``x[key] = value``: casting, broadcasting and the update, for every kind of key."""

from __future__ import annotations

from typing import Any

import numpy as np

from tracejit.errors import asks, throw
from tracejit.ir import extent as ex
from tracejit.ir.core import Value
from tracejit.trace.session.concretize import shown_dim, shown_shape
from tracejit.trace.session.registry import ARRAY
from tracejit.trace.session.session import current
from tracejit.trace.values.all import Array, Scalar
from tracejit.trace.values.casting import element
from tracejit.trace.views.broadcast import cast_shape, stretch
from tracejit.trace.views.indexing import Advanced, select_key
from tracejit.trace.views.views import is_writeable


def setitem(x: Array, key: Any, value: Any) -> None:
    """Assign as NumPy does; every alias of the storage sees it."""
    if not is_writeable(x):
        throw(ValueError("assignment destination is read-only"))
    put: list[Value] = []

    def assigned(part: Advanced) -> None:
        new = element(value, x.dtype, direct=False)
        put.append(new if _is_masked(part, new) else _mask_sized(part, new))

    selected = select_key(x, key, assigned)
    assert not isinstance(selected, Scalar)
    if isinstance(selected, Array):
        if not _is_itself(selected, value):
            _put(selected, element(value, x.dtype, direct=True), key)
    elif _is_masked(selected, put[0]):
        _put_masked(selected, put[0])
    else:
        _put_advanced(selected, put[0])


def _put(selected: Array, new: Value, key: Any) -> None:
    if not selected.dims and new.rank and not _has_ellipsis(key):
        _check_number(new)
    selected.write(fitted(new, selected.dims))


def _is_masked(selected: Advanced, new: Value) -> bool:
    """Whether one number is put where a mask says."""
    return selected.mask is not None and new.rank == 0


def _has_ellipsis(key: Any) -> bool:
    return any(k is Ellipsis for k in (key if isinstance(key, tuple) else (key,)))


@asks(TypeError, ValueError, ArithmeticError)
def _check_number(new: Value) -> None:
    """Raise for an array that is assigned to one element, where this NumPy does."""
    np.zeros(1)[0] = np.zeros((1,) * new.rank)
    size = ex.product(new.shape)
    if size == 0 or current().ranges.at_least(size, 2):
        throw(ValueError("setting an array element with a sequence."))


def _is_itself(selected: Array, value: Any) -> bool:
    """Whether a view is assigned to where it lies (the last step of ``x[a:b] += y``)."""
    if not isinstance(value, Array) or value.cell is not selected.cell:
        return False
    return value.layers == selected.layers


def fitted(value: Value, dims: tuple[ex.Dim, ...]) -> Value:
    """A value broadcast into a destination; leading axes of extent one are dropped."""
    shapes = f"from shape {shown_shape(value.shape)} into shape {shown_shape(dims)}"
    message = f"could not broadcast input array {shapes}"
    extra = value.rank - len(dims)
    if extra > 0:
        value = _without_leading(value, extra, message)
    return stretch(value, dims, message)


def _without_leading(value: Value, extra: int, message: str) -> Value:
    """A value without its first axes, which must have one element each."""
    if any(current().ranges.equal(d, 1) is False for d in value.shape[:extra]):
        throw(ValueError(message))
    value = cast_shape(value, (*(1,) * extra, *value.shape[extra:]), message)
    return current().b.reshape(value, value.shape[extra:])


def _put_masked(selected: Advanced, new: Value) -> None:
    """``x[mask] = scalar``: a select, without finding the indices."""
    view, mask = selected.view, selected.mask
    assert mask is not None
    b = current().b
    axes = selected.axes if mask.rank else ()
    chosen = b.broadcast(mask, view.dims, axes)
    old = view.read()
    view.write(b.op("select", chosen, b.broadcast(new, view.dims, ()), old))


def _put_advanced(selected: Advanced, value: Value) -> None:
    """``value`` has the shape of the selection."""
    b = current().b
    perm = selected.perm
    if perm != tuple(range(len(perm))):
        inverse = tuple(int(i) for i in np.argsort(perm))
        value = b.op("transpose", value, perm=inverse)
    old = selected.view.read()
    updated = b.op("scatter", old, value, *selected.index, axes=selected.axes, mode="set")
    selected.view.write(updated)


def _mask_sized(selected: Advanced, new: Value) -> Value:
    """The values to assign in the shape of the selection, NumPy's message for masks."""
    dims = selected.dims
    message = (
        f"shape mismatch: value array of shape {shown_shape(new.shape)} could not be broadcast "
        f"to indexing result of shape {shown_shape(dims)}"
    )
    if selected.mask is not None and selected.mask.rank == selected.view.ndim:
        start = "NumPy boolean array indexing assignment"
        if new.rank > 1:
            throw(
                TypeError(
                    f"{start} requires a 0 or 1-dimensional input, input has {new.rank} dimensions"
                )
            )
        message = (
            f"{start} cannot assign {shown_dim(new.shape[0])} input values to the "
            f"{shown_dim(dims[0])} output values where the mask is true"
        )
    extra = new.rank - len(dims)
    if extra > 0 and not any(current().ranges.equal(d, 1) is False for d in new.shape[:extra]):
        new = _without_leading(new, extra, message)
    return stretch(new, dims, message)


ARRAY["setitem"] = setitem
