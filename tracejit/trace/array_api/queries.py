"""Questions about arrays (shape, dtype, equality) and small elementwise compositions."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np

from tracejit.dtypes import is_bool, is_complex, is_float, is_inexact, is_integer, is_numpys_inexact
from tracejit.errors import UnsupportedError
from tracejit.ir import extent as ex
from tracejit.ir.core import Value
from tracejit.ir.types import DTYPES
from tracejit.trace.array_api.creation import array, asarray
from tracejit.trace.array_api.delivery import deliver, result_like
from tracejit.trace.array_api.names import NAMES, covers, method
from tracejit.trace.array_api.operands import (
    axes_of,
    axis_of,
    builder,
    cast,
    check_dim,
    full_like,
    operand,
    static_int,
    value_of,
)
from tracejit.trace.array_api.promotion import result_dtype
from tracejit.trace.array_api.ranges import arange
from tracejit.trace.session.session import current
from tracejit.trace.values.all import Array, PyScalar, Scalar, Tracer, as_dim, dim_value
from tracejit.trace.values.casting import element
from tracejit.trace.views.broadcast import broadcast_shapes, stretch


def _dims(a: Any) -> tuple[Any, ...]:
    return a.dims if isinstance(a, Tracer) else operand(a).shape  # type: ignore[attr-defined]


@covers(np.shape)
def shape(a: Any) -> tuple[Any, ...]:
    """Extents (traced ints where symbolic)."""
    return tuple(dim_value(d) for d in _dims(a))


@covers(np.ndim)
def ndim(a: Any) -> int:
    """Number of axes."""
    return len(_dims(a))


@covers(np.size)
def size(a: Any, axis: Any = None) -> Any:
    """Number of elements, over some axes."""
    dims = _dims(a)
    return dim_value(ex.product(tuple(dims[k] for k in axes_of(axis, len(dims)))))


@covers(np.result_type)
def result_type(*arrays_and_dtypes: Any) -> np.dtype[Any]:
    """NumPy's promotion of arrays, scalars and dtypes."""
    return result_dtype(*arrays_and_dtypes)


@covers(np.can_cast)
def can_cast(from_: Any, to: Any, casting: Any = "safe") -> bool:
    """Whether a cast is allowed."""
    if isinstance(from_, (Array, Scalar)):
        from_ = from_.dtype
    return np.can_cast(from_, to, casting)


@covers(np.min_scalar_type)
def min_scalar_type(a: Any, /) -> np.dtype[Any]:
    """The dtype of an array (of a traced scalar the value is not known)."""
    if isinstance(a, Array):
        return a.dtype
    raise UnsupportedError("np.min_scalar_type of a traced scalar depends on its value")


@covers(np.iscomplexobj)
def iscomplexobj(x: Any) -> bool:
    """Whether the dtype is complex."""
    return is_complex(result_dtype(x))


@covers(np.isrealobj)
def isrealobj(x: Any) -> bool:
    """Whether the dtype is not complex."""
    return not iscomplexobj(x)


@covers(np.isscalar)
def isscalar(element: Any) -> bool:
    """Whether the argument is a scalar (not an array)."""
    return isinstance(element, (Scalar, PyScalar)) or np.isscalar(element)


@covers(np.iscomplex)
def iscomplex(x: Any) -> Any:
    """Where the imaginary part is not zero."""
    x = asarray(x)
    return np.not_equal(x.imag, 0) if is_complex(x.dtype) else np.zeros_like(x, bool)[()]


@covers(np.isreal)
def isreal(x: Any) -> Any:
    """Where the imaginary part is zero."""
    return np.equal(asarray(x).imag, 0)


@covers(np.isposinf)
def isposinf(x: Any, out: Any = None) -> Any:
    """Where the element is +inf."""
    return np.equal(asarray(x), np.inf, out=out)


@covers(np.isneginf)
def isneginf(x: Any, out: Any = None) -> Any:
    """Where the element is -inf."""
    return np.equal(asarray(x), -np.inf, out=out)


@covers(np.broadcast_shapes)
def broadcast_shapes_(*args: Any) -> tuple[Any, ...]:
    """The common shape of some shapes."""
    shapes = [a if isinstance(a, tuple) else (a,) for a in args]
    return tuple(dim_value(d) for d in broadcast_shapes([[as_dim(d) for d in s] for s in shapes]))


@covers(np.isclose)
def isclose(a: Any, b: Any, rtol: Any = 1e-05, atol: Any = 1e-08, equal_nan: bool = False) -> Any:
    """Elementwise ``|a - b| <= atol + rtol * |b|`` or equal."""
    x, y = asarray(a), asarray(b)
    if not is_complex(y.dtype):
        y = y.astype(np.result_type(y.dtype, 1.0))
    limit = np.add(atol, np.multiply(rtol, np.absolute(y)))
    near = np.less_equal(np.absolute(np.subtract(x, y)), limit)
    near = np.logical_or(np.logical_and(near, np.isfinite(y)), np.equal(x, y))
    if equal_nan:
        near = np.logical_or(near, np.logical_and(np.isnan(x), np.isnan(y)))
    return near


def _flag(x: Any) -> PyScalar:
    return PyScalar("bool", value_of(np.all(x)))


@covers(np.allclose)
def allclose(a: Any, b: Any, rtol: Any = 1e-05, atol: Any = 1e-08, equal_nan: bool = False) -> Any:
    """Whether everything is close, as a Python bool."""
    return _flag(isclose(a, b, rtol, atol, equal_nan))


@covers(np.array_equal)
def array_equal(a1: Any, a2: Any, equal_nan: bool = False) -> Any:
    """Whether shapes and elements are equal, as a Python bool."""
    x, y = asarray(a1), asarray(a2)
    if x.ndim != y.ndim:
        return False
    for d, e in zip(x.dims, y.dims, strict=True):
        known = current().ranges.equal(d, e)
        if known is False:
            return False
        if known is None:
            raise UnsupportedError(
                "np.array_equal of arrays whose shapes are not known to agree; compare the shapes "
                "first or use static shapes"
            )
    equal = np.equal(x, y)
    if equal_nan and is_inexact(x.dtype) and is_inexact(y.dtype):
        equal = np.logical_or(equal, np.logical_and(np.isnan(x), np.isnan(y)))
    return _flag(equal)


@covers(np.array_equiv)
def array_equiv(a1: Any, a2: Any) -> Any:
    """Whether the arrays are equal after broadcasting, as a Python bool."""
    return _flag(np.equal(asarray(a1), asarray(a2)))


@covers(np.round, np.around, method="round")
def round_(a: Any, decimals: Any = 0, out: Any = None) -> Any:
    """To a number of decimals, halves to even; as NumPy scales, rounds and scales back."""
    x, digits = value_of(a), static_int(decimals, "decimals")
    b = builder()
    if is_bool(x.dtype):
        return deliver(x, out)
    if is_integer(x.dtype):
        if digits >= 0:
            return deliver(x, out)
        scale = full_like(10 ** (-digits), b.convert(x, "f64"))
        found = b.op("mul", b.op("rint", b.op("div", b.convert(x, "f64"), scale)), scale)
        return deliver(b.convert(found, x.dtype), out)
    if digits == 0:
        found = b.op("rint", x)
    else:
        up, down = ("mul", "div") if digits > 0 else ("div", "mul")
        scale = full_like(10.0 ** abs(digits), x)
        found = b.op(down, b.op("rint", b.op(up, x, scale)), scale)
    return deliver(found, out) if out is not None else result_like(found, [a])


@covers(np.fix)
def fix(x: Any, out: Any = None) -> Any:
    """Towards zero."""
    return np.trunc(x if isinstance(x, Tracer) else asarray(x), out=out)


@covers(np.sinc)
def sinc(x: Any) -> Any:
    """sin(pi x) / (pi x)."""
    x = np.multiply(np.pi, asarray(x))
    least = np.finfo(x.dtype).eps if is_float(x.dtype) else 1.0e-20
    y = np.where(np.equal(x, 0), least, x)
    return np.divide(np.sin(y), y)


@covers(np.angle)
def angle(z: Any, deg: bool = False) -> Any:
    """The argument of complex numbers."""
    z = asarray(z)
    x, y = (z.real, z.imag) if is_complex(z.dtype) else (z, 0)
    found = np.arctan2(y, x)
    return np.multiply(found, 180 / np.pi) if deg else found


@covers(np.nan_to_num)
def nan_to_num(
    x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None
) -> Any:
    """nan and infinities replaced by numbers."""
    a = asarray(x)
    if not is_numpys_inexact(a.dtype):
        return array(a)[()]
    b, v = builder(), a.read()
    if is_complex(a.dtype):
        parts = (_finite(b.op(part, v), nan, posinf, neginf) for part in ("real", "imag"))
        found = b.op("complex", *parts)
    else:
        found = _finite(v, nan, posinf, neginf)
    if not copy and isinstance(x, Array):
        x.write(found)
        return x
    return result_like(found, [x])


def _finite(v: Value, nan: Any, posinf: Any, neginf: Any) -> Value:
    info: Any = np.finfo(v.dtype.type)
    b = builder()
    limit = full_like(np.inf, v)

    def like(number: Any) -> Value:
        return stretch(cast(operand(number), v.dtype), v.shape)

    top, bottom = info.max if posinf is None else posinf, info.min if neginf is None else neginf
    found = b.op("select", b.op("isnan", v), like(nan), v)
    found = b.op("select", b.op("eq", v, limit), like(top), found)
    below = b.op("eq", v, b.op("neg", limit))
    return b.op("select", below, like(bottom), found)  # type: ignore[no-any-return]


@covers(np.delete)
def delete(arr: Any, obj: Any, axis: Any = None) -> Any:
    """Without one position of an axis, several, or those where a mask holds."""
    x: Any = asarray(arr)
    if axis is None:
        x, axis = np.ravel(x), 0
    k = axis_of(axis, x.ndim)
    known = isinstance(obj, int) and isinstance(x.dims[k], int)
    if isinstance(obj, (int, PyScalar, Scalar)) and not known:
        return _without_one(x, obj, k)
    n = x.dims[k]
    if isinstance(obj, Tracer) or not isinstance(n, int):
        return _without_several(x, obj, k)
    if isinstance(obj, int) and not isinstance(obj, bool):
        message = f"index {obj} is out of bounds for axis {k} with size {n}"
        check_dim("gt", n, obj, "IndexError", message)
        check_dim("ge", obj, -n, "IndexError", message)
    keep = np.delete(np.arange(n), obj)
    return np.take(x, list(map(int, keep)), axis=k) if len(keep) else _none_of(x, k)


def _without_one(x: Any, position: Any, axis: int) -> Any:
    n = dim_value(x.dims[axis])
    message = f"index {position} is out of bounds for axis {axis} with size {n}"
    inside = np.logical_and(position >= -n, position < n)
    current().check(value_of(inside), IndexError, message)
    at = np.where(position < 0, position + n, position)[()]
    before = (slice(None),) * axis
    # Two windows of one length, cut at one place: the lengths of the parts add up to theirs.
    first, last = x[(*before, slice(None, -1))], x[(*before, slice(1, None))]
    return np.concatenate([first[(*before, slice(at))], last[(*before, slice(at, None))]], axis)


def _without_several(x: Any, obj: Any, axis: int) -> Any:
    n = dim_value(x.dims[axis])
    places: Any = arange(n)[obj] if isinstance(obj, slice) else asarray(obj)
    keep: Any = np.ones_like(arange(n), bool)
    if is_bool(places.dtype):
        message = "boolean array argument obj to delete must be one dimensional and match the axis"
        current().require_equal(places.dims[0], x.dims[axis], ValueError, message)
    keep[places] = False
    return np.compress(keep, x, axis=axis)


def _none_of(x: Any, axis: int) -> Any:
    return x[(*[slice(None)] * axis, slice(0, 0))]


@covers(np.insert)
def insert(arr: Any, obj: Any, values: Any, axis: Any = None) -> Any:
    """Values before one position of an axis, or before several."""
    x: Any = asarray(arr)
    if axis is None:
        x, axis = np.ravel(x), 0
    k = axis_of(axis, x.ndim)
    if not isinstance(obj, (int, PyScalar, Scalar)):
        from tracejit.trace.array_api.windows_and_bits import insert_several

        places = np.arange(x.shape[k])[obj] if isinstance(obj, slice) else obj
        return insert_several(x, places, values, k)
    n, place = x.dims[k], as_dim(obj)
    message = f"index {obj} is out of bounds for axis {k} with size {dim_value(n)}"
    for room in (n - place, n + place):
        check_dim("ge", room, 0, "IndexError", message)
    v = asarray(values).astype(x.dtype)
    v = np.moveaxis(np.reshape(v, (*[1] * (x.ndim - v.ndim), *v.shape)), 0, k)
    if v.ndim == x.ndim:
        v = np.broadcast_to(v, (*x.shape[:k], v.shape[k], *x.shape[k + 1 :]))
    lead = (slice(None),) * k
    return np.concatenate([x[(*lead, slice(0, obj))], v, x[(*lead, slice(obj, None))]], axis=k)


def _constructor(kind: type[np.generic]) -> Any:
    def construct(x: Any = 0, /) -> Any:
        return result_like(element(x, np.dtype(kind), direct=False), [x])

    return construct


for _kind in DTYPES.values():
    NAMES[_kind.type] = _constructor(_kind.type)
for _alias in (np.longlong, np.ulonglong, np.intp, np.uintp):
    NAMES.setdefault(_alias, _constructor(np.dtype(_alias).type))


@method("conjugate")
def conjugate_method(a: Any) -> Any:
    """``x.conjugate()``: the array itself where it is real."""
    return np.conjugate(a) if is_complex(a.dtype) else a


@method("conj")
def conj_method(a: Any) -> Any:
    """``x.conj()``."""
    return conjugate_method(a)


@method("tolist")
def tolist(a: Any) -> Any:
    """Nested lists of Python scalars; the shape of more axes than one must be known."""
    if not a.ndim:
        return a.item()
    from tracejit.trace.python.ordering import is_long

    if is_long(a) and not current().as_they_are:
        from tracejit.trace.python.dynamic_list_methods import list_of

        return list_of(a, True)
    return [tolist(a[i]) for i in builtins.range(len(a))]
