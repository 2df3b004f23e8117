"""``x[key] = value``: casting, broadcasting and the update, for every kind of key."""

from __future__ import annotations

from typing import Any

import numpy as np

from tracejit.ir import extent as ex
from tracejit.ir.core import Value
from tracejit.ir.types import DTYPES
from tracejit.trace.indexing import Advanced, select_key
from tracejit.trace.known import shown_dim, shown_shape
from tracejit.trace.numpy.broadcast import stretch
from tracejit.trace.session import current
from tracejit.trace.values import Array, Scalar, lift
from tracejit.trace.views import is_writeable


def setitem(x: Array, key: Any, value: Any) -> None:
    """Assign as NumPy does; every alias of the storage sees it."""
    if not is_writeable(x):
        raise ValueError("assignment destination is read-only")
    selected = select_key(x, key, assigning=True)
    assert not isinstance(selected, Scalar)
    if isinstance(selected, Array) and _is_itself(selected, value):
        return
    value = _as_integer(value, x.dtype, is_basic=isinstance(selected, Array))
    new = stored(value, x.dtype)
    if isinstance(selected, Array):
        if not selected.dims and new.rank and not _has_ellipsis(key):
            _check_number(new)
        selected.write(fitted(new, selected.dims))
    elif selected.mask is not None and new.rank == 0:
        _put_masked(selected, new)
    else:
        _put_advanced(selected, new)


def _has_ellipsis(key: Any) -> bool:
    return any(k is Ellipsis for k in (key if isinstance(key, tuple) else (key,)))


def _check_number(new: Value) -> None:
    """Raise for an array that is assigned to one element, where this NumPy does."""
    np.zeros(1)[0] = np.zeros((1,) * new.rank)
    size = ex.product(new.shape)
    if size == 0 or current().ranges.at_least(size, 2):
        raise ValueError("setting an array element with a sequence.")


def _is_itself(selected: Array, value: Any) -> bool:
    """Whether a view is assigned to where it lies (the last step of ``x[a:b] += y``)."""
    if not isinstance(value, Array) or value.cell is not selected.cell:
        return False
    return value.layers == selected.layers


def _as_integer(value: Any, dtype: np.dtype[Any], *, is_basic: bool) -> Any:
    """A single float for integer storage goes through ``int()``, which raises for nan, infinity
    and what does not fit; NumPy's own scalars only where the key is basic and the dtype signed."""
    if dtype.kind not in "iu" or isinstance(value, list | tuple | np.ndarray | Array):
        return value
    lifted = lift(value)
    if lifted.value.dtype.kind != "f" or lifted.value.rank:
        return value
    if lifted.weak is None and not (is_basic and dtype.kind == "i"):
        return value
    if isinstance(lifted.static, float):
        return int(lifted.static)
    if dtype == DTYPES["u64"]:
        return value
    from tracejit.trace.builtins import BUILTINS

    return BUILTINS[int](value)


def stored(value: Any, dtype: np.dtype[Any]) -> Value:
    """A value cast for storage in ``dtype`` (unsafe casts allowed; Python ints must fit)."""
    lifted = lift(value)
    b = current().b
    if lifted.weak == "int" and dtype.kind in "iu":
        if lifted.static is not None:
            return b.const(np.array(lifted.static, dtype))
        from tracejit.trace.numpy.operands import check_fits

        if dtype != DTYPES["i64"]:
            check_fits(lifted.value, dtype)
    if lifted.weak is not None and lifted.value.dtype.kind == "c" and dtype.kind not in "cb":
        kind = "float" if dtype.kind == "f" else "int"
        raise TypeError(f"{kind}() argument must be a string or a real number, not 'complex'")
    if lifted.static is not None and lifted.weak in ("float", "complex") and dtype.kind in "fc":
        return b.const(np.asarray(lifted.static).astype(dtype))
    return b.convert(lifted.value, dtype)


def fitted(value: Value, dims: tuple[ex.Dim, ...]) -> Value:
    """A value broadcast into a destination; leading axes of extent one are dropped."""
    shapes = f"from shape {shown_shape(value.shape)} into shape {shown_shape(dims)}"
    message = f"could not broadcast input array {shapes}"
    extra = value.rank - len(dims)
    if extra > 0:
        if any(d != 1 for d in value.shape[:extra]):
            raise ValueError(message)
        value = current().b.reshape(value, value.shape[extra:])
    return stretch(value, dims, message)


def _put_masked(selected: Advanced, new: Value) -> None:
    """``x[mask] = scalar``: a select, without finding the indices."""
    view, mask = selected.view, selected.mask
    assert mask is not None
    b = current().b
    axes = selected.axes if mask.rank else ()
    chosen = b.broadcast(mask, view.dims, axes)
    old = view.read()
    view.write(b.op("select", chosen, b.broadcast(new, view.dims, ()), old))


def _put_advanced(selected: Advanced, new: Value) -> None:
    b = current().b
    value = _mask_sized(selected, new)
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
            raise TypeError(
                f"{start} requires a 0 or 1-dimensional input, input has {new.rank} dimensions"
            )
        message = (
            f"{start} cannot assign {shown_dim(new.shape[0])} input values to the "
            f"{shown_dim(dims[0])} output values where the mask is true"
        )
    extra = new.rank - len(dims)
    if extra > 0 and all(d == 1 for d in new.shape[:extra]):
        new = current().b.reshape(new, new.shape[extra:])
    return stretch(new, dims, message)
