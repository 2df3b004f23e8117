"""Any operand, traced or not, as an IR value or as an extent."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from tracejit.dtypes import is_complex, is_integer
from tracejit.errors import UnsupportedError, UnsupportedTypeError, asks, throw
from tracejit.ir import extent as ex
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.ir.types import dtype_of
from tracejit.records import dataclass
from tracejit.trace.session.registry import LIST_ROWS, NAMES
from tracejit.trace.session.session import current, where
from tracejit.trace.session.settled_values import settled
from tracejit.trace.session.tracer import Tracer
from tracejit.trace.values.arrays import Array
from tracejit.trace.values.scalars import (
    KIND_DTYPE,
    EitherNumber,
    IntOrScalar,
    PyScalar,
    Scalar,
    TaggedScalar,
    WeakKind,
    weak_kind,
)


@dataclass(frozen=True)
class Lifted:
    """An IR value and, for Python scalars, its weak kind; ``static`` is a literal's own value."""

    value: Value
    weak: WeakKind | None = None
    static: Any = None


@asks(TypeError, ValueError, ArithmeticError)
def lift(x: Any) -> Lifted:
    """Any array-like as an IR value. TypeError for what is not one."""
    if isinstance(x, Array | Scalar):
        return Lifted(x.read())
    if isinstance(x, PyScalar):
        return Lifted(x.value, x.kind)
    b = current().b
    kind = weak_kind(x)
    if kind is not None:
        return Lifted(_literal(x, kind), kind, x)
    if isinstance(x, np.generic):
        return Lifted(b.const(x, dtype_of(x.dtype)), None, x)
    if isinstance(x, np.ndarray):
        from tracejit.trace.values.captured_arrays import hidden_array

        return Lifted(hidden_array(x).read())
    if isinstance(x, range) and not x:  # integers, unlike those of an empty list
        return Lifted(b.const(np.zeros(0, np.int64), "i64"))
    if isinstance(x, list | tuple | range):
        whole: Value | None = LIST_ROWS["whole"](x)
        return Lifted(_nested(x) if whole is None else whole)
    if isinstance(x, Value):
        return Lifted(x)
    if isinstance(x, Tracer):
        return Lifted(x.read())
    if hasattr(x, "__traced_array__"):
        return lift(x.__traced_array__())
    if hasattr(x, "__array__"):
        return lift(np.asarray(x))
    raise UnsupportedTypeError(
        f"{where()}: {type(x).__name__} object is not an array or a number; compiled code has no "
        "arrays of other things"
    )


def _literal(x: Any, kind: WeakKind) -> Value:
    b = current().b
    if kind == "int" and not -(2**63) <= int(x) < 2**63:
        if 0 <= int(x) < 2**64:
            return b.const(int(x), "u64")
        throw(OverflowError("Python int too large to convert to C long"))
    return b.const(x, KIND_DTYPE[kind])


def _nested(x: Sequence[Any]) -> Value:
    items = list(x)
    if not any(_has_tracer(i) for i in items):
        array = np.array(items)
        return current().b.const(array, dtype_of(array.dtype))
    return NAMES[np.stack](list(map(as_in_array, items))).read()  # type: ignore[no-any-return]


def as_in_array(x: Any) -> Any:
    """An item of an array: Python's numbers are as wide there as NumPy has them, not weak."""
    if isinstance(x, IntOrScalar):
        return Scalar(current().b.convert(x.read(), dtype_of(np.result_type(np.int64, x.dtype))))
    if isinstance(x, TaggedScalar):
        from tracejit.trace.values.tagged import as_float

        found = as_float(x)
        return x if found is None else found
    return x if weak_kind(x) is None else Scalar(lift(x).value)


def _has_tracer(x: Any) -> bool:
    if isinstance(x, list | tuple):
        return any(_has_tracer(i) for i in x)
    return isinstance(x, Tracer | np.ndarray)


def int_of(x: EitherNumber, error: Exception) -> Value:
    """The int that a number is; an error at run time where it is none."""
    session = current()
    b = session.b
    value = x.read()
    session.check(x.integer, type(error), str(error))
    real = b.op("real", value) if is_complex(value.dtype) else value
    return b.convert(b.op("select", x.integer, real, b.const(0, real.dtype)), "i64")


@asks(TypeError, ValueError, ArithmeticError)
def as_dim(x: Any) -> Dim:
    """An integer, traced or not, as an extent. TypeError as ``operator.index``."""
    if isinstance(x, ex.Extent):
        return x
    if isinstance(x, Value):
        return current().b.convert(x, "i64").dim
    if isinstance(x, EitherNumber):
        kind = x.kind if isinstance(x, PyScalar) else f"numpy.{x.dtype}"
        return int_of(x, TypeError(f"'{kind}' object cannot be interpreted as an integer")).dim
    if isinstance(x, PyScalar) and x.kind in ("int", "bool"):
        return current().b.convert(x.value, "i64").dim
    if isinstance(x, Scalar | Array) and is_integer(x.dtype) and not x.dims:
        return current().b.convert(x.read(), "i64").dim
    if isinstance(x, TaggedScalar):
        from tracejit.trace.values.tagged import as_int

        return as_dim(as_int(x) or x.read())
    if isinstance(x, Tracer):
        kind = x.kind if isinstance(x, PyScalar) else getattr(x, "dtype", type(x).__name__)
        throw(TypeError(f"'{kind}' object cannot be interpreted as an integer"))
    return operator.index(x)


def several(x: Any) -> list[Any]:
    """The items of an argument that is one number or several: a shape, axes, counts. Those of an
    array of constants are known numbers."""
    if isinstance(x, Array) and x.ndim == 1:
        if not isinstance(x.dims[0], int):
            raise UnsupportedError(
                f"{where()}: a shape, axes or counts of which only the run knows how many there "
                "are: write them as a tuple"
            )
        session = current()
        items = [(item, settled(session, item.read())) for item in x]
        return [item if found is None else found[()] for item, found in items]
    many = isinstance(x, tuple | list) or (isinstance(x, np.ndarray) and x.ndim)
    return list(x) if many else [x]
