"""Changing shape without touching elements: reshape, transpose and their family (views)."""

from __future__ import annotations

from typing import Any

import numpy as np

from tracejit.dtypes import kind_of
from tracejit.errors import UnsupportedError, throw
from tracejit.ir import extent as ex
from tracejit.ir.extent import Dim
from tracejit.trace.array_api.creation import array, asarray, shape_of
from tracejit.trace.array_api.names import covers, method, unsupported
from tracejit.trace.array_api.operands import axis_of, builder, check_dim, given_dtype, static_int
from tracejit.trace.session.assumptions import assume
from tracejit.trace.session.session import current
from tracejit.trace.values.all import Array, PyScalar, Scalar, fresh, several
from tracejit.trace.values.casting import element
from tracejit.trace.views.broadcast import broadcast_shapes, shapes_message, stretch, stretching
from tracejit.trace.views.reshape import raveled, reshaped
from tracejit.trace.views.views import (
    bit_view,
    broadcast_view,
    diagonal_view,
    read_only,
    regrouped,
    transposed,
    whole_view,
)


@covers(np.reshape)
def reshape(
    a: Any, /, shape: Any = None, order: str = "C", *, newshape: Any = None, copy: Any = None
) -> Array:
    """Another shape; a view where NumPy gives one."""
    x = asarray(a)
    shape = newshape if shape is None else shape
    return reshaped(x, shape, order=order, copy=copy)


@method("reshape")
def reshape_method(a: Any, *shape: Any, order: str = "C", copy: Any = None) -> Array:
    """``x.reshape(2, 3)`` or ``x.reshape((2, 3))``."""
    return reshape(a, shape[0] if len(shape) == 1 else shape, order, copy=copy)


@covers(np.ravel, method=True)
def ravel(a: Any, order: str = "C") -> Array:
    """One axis; a view where NumPy gives one."""
    return raveled(asarray(a), order)


@method("flatten")
def flatten(a: Any, order: str = "C") -> Array:
    """One axis, always a copy."""
    return fresh(raveled(asarray(a), order).read())


@covers(np.transpose, np.permute_dims)
def transpose(a: Any, axes: Any = None) -> Array:
    """Axes in another order (reversed by default)."""
    x = asarray(a)
    if axes is None:
        return transposed(x, tuple(reversed(range(x.ndim))))
    perm = tuple(axis_of(p, x.ndim) for p in several(axes))
    if len(perm) != x.ndim:
        throw(ValueError("axes don't match array"))
    if len(set(perm)) != len(perm):
        throw(ValueError("repeated axis in transpose"))
    return transposed(x, perm)


@method("transpose")
def transpose_method(a: Any, *axes: Any) -> Array:
    """``x.transpose()``, ``x.transpose(1, 0)`` or ``x.transpose((1, 0))``."""
    if not axes or (len(axes) == 1 and axes[0] is None):
        return transpose(a)
    return transpose(a, axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes)


@covers(np.matrix_transpose)
def matrix_transpose(x: Any, /) -> Array:
    """The last two axes exchanged."""
    return swapaxes(x, -1, -2)


@covers(np.swapaxes, method=True)
def swapaxes(a: Any, axis1: Any, axis2: Any) -> Array:
    """Two axes exchanged."""
    x = asarray(a)
    i, j = axis_of(axis1, x.ndim), axis_of(axis2, x.ndim)
    perm = list(range(x.ndim))
    perm[i], perm[j] = j, i
    return transposed(x, perm)


@covers(np.moveaxis)
def moveaxis(a: Any, source: Any, destination: Any) -> Array:
    """Axes moved to other positions, the others in order."""
    x = asarray(a)
    source, destination = (
        [axis_of(s, x.ndim, prefix=name) for s in several(v)]
        for v, name in ((source, "source"), (destination, "destination"))
    )
    if len(source) != len(destination):
        throw(
            ValueError("`source` and `destination` arguments must have the same number of elements")
        )
    perm = [n for n in range(x.ndim) if n not in source]
    for place, axis in sorted(zip(destination, source, strict=True)):
        perm.insert(place, axis)
    return transposed(x, perm)


@covers(np.rollaxis)
def rollaxis(a: Any, axis: Any, start: Any = 0) -> Array:
    """One axis moved before position ``start``."""
    x = asarray(a)
    n = x.ndim
    axis, start = axis_of(axis, n), static_int(start, "start")
    start = start + n if start < 0 else start
    if axis < start:
        start -= 1
    perm = [k for k in range(n) if k != axis]
    perm.insert(start, axis)
    return transposed(x, perm)


@covers(np.expand_dims)
def expand_dims(a: Any, axis: Any) -> Array:
    """New axes of extent 1."""
    x = asarray(a)
    many = axis if isinstance(axis, (tuple, list)) else (axis,)
    rank = x.ndim + len(many)
    places = [axis_of(k, rank) for k in many]
    if len(set(places)) != len(places):
        throw(ValueError("repeated axis"))
    rest = iter(range(x.ndim))
    return regrouped(x, [None if k in places else next(rest) for k in range(rank)])


@covers(np.squeeze, method=True)
def squeeze(a: Any, axis: Any = None) -> Any:
    """Without axes of extent 1."""
    if isinstance(a, Scalar):
        return a
    x = asarray(a)
    if axis is None:
        gone = [k for k, d in enumerate(x.dims) if _is_single(k, d)]
    else:
        gone = [axis_of(k, x.ndim) for k in (axis if isinstance(axis, tuple) else (axis,))]
        for k in gone:
            message = "cannot select an axis to squeeze out which has size not equal to one"
            check_dim("eq", x.dims[k], 1, "ValueError", message)
    return regrouped(x, [k for k in range(x.ndim) if k not in gone])


def _is_single(axis: int, dim: Dim) -> bool:
    """Whether an extent is 1, as the version assumes where only the run knows."""
    session = current()
    known = session.ranges.equal(dim, 1)
    if known is not None:
        return known
    b = session.b
    single = b.op("eq", b.index(dim), b.const(1, "i64"))
    what = f"axis {axis} of what np.squeeze is given has one element"
    return assume(single, what, "name the axis to drop")


@covers(np.broadcast_to)
def broadcast_to(array: Any, shape: Any, subok: bool = False) -> Array:
    """A read-only view stretched to ``shape``."""
    x, dims = asarray(array), shape_of(shape)
    if len(dims) < x.ndim:
        throw(ValueError("input operand has more dimensions than allowed by the axis remapping"))
    return broadcast_view(x, stretching(x.dims, dims, shapes_message([x.dims, dims])))


@covers(np.broadcast_arrays)
def broadcast_arrays(*args: Any, subok: bool = False) -> tuple[Array, ...]:
    """Read-only views of one shape."""
    arrays = [asarray(a) for a in args]
    dims = broadcast_shapes([x.dims for x in arrays])
    return tuple(broadcast_to(x, dims) for x in arrays)


def _at_least(rank: int) -> Any:
    def convert(*arys: Any) -> Any:
        found = []
        for a in arys:
            x = asarray(a)
            if x.ndim >= rank:
                found.append(x)
                continue
            own = range(x.ndim)
            kept: list[int | None] = [*[None] * (rank - x.ndim), *own]
            if rank == 3 and x.ndim:
                kept = [0, 1, None] if x.ndim == 2 else [None, 0, None]
            found.append(regrouped(x, kept))
        return found[0] if len(found) == 1 else tuple(found)

    return convert


atleast_1d = covers(np.atleast_1d)(_at_least(1))
atleast_2d = covers(np.atleast_2d)(_at_least(2))
atleast_3d = covers(np.atleast_3d)(_at_least(3))


@covers(np.diagonal, method=True)
def diagonal(a: Any, offset: Any = 0, axis1: Any = 0, axis2: Any = 1) -> Array:
    """A diagonal of two axes, as the last axis: a read-only view."""
    x = asarray(a)
    if x.ndim < 2:
        throw(ValueError("diag requires an array of at least two dimensions"))
    i, j = axis_of(axis1, x.ndim), axis_of(axis2, x.ndim)
    if i == j:
        throw(ValueError("axis1 and axis2 cannot be the same"))
    return read_only(diagonal_view(x, static_int(offset, "offset"), i, j))


@method("astype")
def astype(
    a: Any,
    dtype: Any,
    order: str = "K",
    casting: Any = "unsafe",
    subok: bool = True,
    copy: bool = True,
) -> Any:
    """Cast; a copy unless ``copy=False`` and nothing changes."""
    kind = given_dtype(dtype)
    if casting == "same_value":
        raise UnsupportedError("astype(casting='same_value'): test the values, then cast")
    if not np.can_cast(a.dtype, kind, casting):
        throw(
            TypeError(
                f"Cannot cast array data from {a.dtype!r} to {kind!r} according to the rule "
                f"'{casting}'"
            )
        )
    if isinstance(a, Scalar):
        return Scalar(builder().convert(a.value, kind))
    if kind == a.dtype and not copy:
        return a
    return array(a, kind, order=order)


@covers(np.astype)
def astype_function(x: Any, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Any:
    """``x.astype(dtype)``."""
    return astype(x, dtype, copy=copy)


@method("view")
def view(a: Any, dtype: Any = None, type: Any = None) -> Array:
    """The same memory, as another dtype."""
    x = asarray(a)
    unsupported("ndarray.view", type=(type, None))
    if dtype is None or given_dtype(dtype) == x.dtype:
        return whole_view(x)
    return bit_view(x, given_dtype(dtype))


@method("item")
def item(a: Any, *index: Any) -> Any:
    """The element as a Python scalar."""
    from tracejit.trace.python.builtin_functions import check_int_fits

    x = asarray(a)
    if not index:
        check_dim(
            "eq",
            ex.product(x.dims),
            1,
            "ValueError",
            "can only convert an array of size 1 to a Python scalar",
        )
        value = builder().reshape(x.read(), ())
    else:
        picked = x[index[0]] if isinstance(index[0], tuple) else None
        if picked is None:
            picked = x.ravel()[index[0]] if len(index) == 1 else x[tuple(index)]
        value = picked.read()
    kind = {"b": "bool", "i": "int", "u": "int", "f": "float", "c": "complex"}[kind_of(value.dtype)]
    check_int_fits(value)
    python = {"bool": "bool", "int": "i64", "float": "f64", "complex": "c128"}[kind]
    return PyScalar(kind, builder().convert(value, python))  # type: ignore[arg-type]


@method("fill")
def fill(a: Array, value: Any) -> None:
    """Every element replaced by a scalar."""
    a.write(stretch(element(value, a.dtype, direct=True), a.dims))


@covers(np.real)
def real(val: Any) -> Any:
    """The real part (a view of an array)."""
    return val.real if isinstance(val, Scalar | PyScalar | complex | float) else asarray(val).real


@covers(np.imag)
def imag(val: Any) -> Any:
    """The imaginary part (a view of an array)."""
    return val.imag if isinstance(val, Scalar | PyScalar | complex | float) else asarray(val).imag


@covers(np.flip)
def flip(m: Any, axis: Any = None) -> Any:
    """Axes in reverse order: a view."""
    x = asarray(m)
    many = range(x.ndim) if axis is None else several(axis)
    axes = {axis_of(k, x.ndim) for k in many}
    key = tuple(slice(None, None, -1) if k in axes else slice(None) for k in range(x.ndim))
    return x[key]


@covers(np.fliplr)
def fliplr(m: Any) -> Any:
    """The second axis reversed."""
    x = asarray(m)
    if x.ndim < 2:
        throw(ValueError("Input must be >= 2-d."))
    return flip(x, 1)


@covers(np.flipud)
def flipud(m: Any) -> Any:
    """The first axis reversed."""
    x = asarray(m)
    if x.ndim < 1:
        throw(ValueError("Input must be >= 1-d."))
    return flip(x, 0)


@covers(np.rot90)
def rot90(m: Any, k: Any = 1, axes: Any = (0, 1)) -> Any:
    """Quarter turns in the plane of two axes."""
    x = asarray(m)
    i, j = (axis_of(a, x.ndim) for a in axes)
    if i == j:
        throw(ValueError("Axes must be different."))
    turns = static_int(k, "k") % 4
    if turns == 0:
        return x
    if turns == 2:
        return flip(flip(x, i), j)
    perm = list(range(x.ndim))
    perm[i], perm[j] = j, i
    return transposed(flip(x, j), perm) if turns == 1 else flip(transposed(x, perm), j)
