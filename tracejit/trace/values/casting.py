"""Values stored as elements of an array: what is cast, and what goes through ``int`` or ``float``.

Python scalars go through these everywhere, and raise what they raise. NumPy's own do so where they
are stored directly in signed integers (by a basic key, ``fill``, as an item of a list); everywhere
else they are cast as arrays are.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from tracejit.dtypes import is_complex, is_integer, is_signed, kind_of
from tracejit.errors import asks, throw
from tracejit.ir.core import Value
from tracejit.ir.types import DTYPES
from tracejit.trace.session.registry import BUILTINS, NAMES
from tracejit.trace.session.session import current
from tracejit.trace.values.all import Array, PyScalar, Scalar, lift

#: The error of ``x.flat[int] = value``, whatever is wrong with the value.
_SINGLE = "Error setting single item of array."


def element(value: Any, dtype: np.dtype[Any], *, direct: bool) -> Value:
    """A value, or an array of them, as it is stored in ``dtype``."""
    if isinstance(value, list | tuple) and not _holds_arrays(value):
        return NAMES[np.array](value, dtype).read()  # type: ignore[no-any-return]
    lifted = lift(value)
    if lifted.static is not None and (lifted.weak is not None or direct):
        return current().b.const(_asked(lifted.static, dtype))
    if lifted.weak is not None:
        return _from_python(lifted.value, lifted.weak, dtype)
    if direct and is_signed(dtype) and isinstance(value, Scalar):
        return _from_numpy(lifted.value, dtype)
    return current().b.convert(lifted.value, dtype)


def _holds_arrays(items: Any) -> bool:
    """Whether real arrays, which are read afresh at each call, are in a nested sequence."""
    if isinstance(items, list | tuple):
        return any(map(_holds_arrays, items))
    return isinstance(items, np.ndarray)


@asks(TypeError, ValueError, ArithmeticError)
def _asked(value: Any, dtype: np.dtype[Any]) -> Any:
    """What NumPy stores for a number that is known now; raises what NumPy raises."""
    found = np.zeros((), dtype)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found[()] = value
    return found


def _from_python(value: Value, kind: str, dtype: np.dtype[Any]) -> Value:
    """A Python scalar that is known at run time only."""
    if kind == "complex" and kind_of(dtype) not in "cb":
        _asked(1j, dtype)
    if kind == "float" and dtype == DTYPES["u64"]:
        return _unsigned(value)
    if kind == "float" and is_integer(dtype):
        value = _as_int(PyScalar("float", value))
        kind = "int"
    return _fitting(value, dtype) if kind == "int" else current().b.convert(value, dtype)


def _from_numpy(value: Value, dtype: np.dtype[Any]) -> Value:
    """A NumPy scalar that is stored directly in signed integers."""
    b = current().b
    if np.can_cast(value.dtype, dtype):
        return b.convert(value, dtype)
    return _fitting(
        _as_int(Scalar(b.op("real", value) if is_complex(value.dtype) else value)), dtype
    )


def _as_int(number: Any) -> Value:
    found: Value = lift(BUILTINS[int](number)).value
    return found


def _fitting(value: Value, dtype: np.dtype[Any]) -> Value:
    """An integer; OverflowError where the dtype cannot hold it."""
    if is_integer(dtype) and dtype != value.dtype:
        check_fits(value, dtype)
    return current().b.convert(value, dtype)


def check_fits(value: Value, dtype: np.dtype[Any]) -> None:
    """Check at run time that an i64 scalar fits in ``dtype``."""
    session, info = current(), np.iinfo(dtype)
    b = session.b
    ok = b.op("ge", value, b.const(int(info.min), "i64"))
    if dtype.itemsize < 8:
        ok = b.op("bitwise_and", ok, b.op("le", value, b.const(int(info.max), "i64")))
    message = f"Python integer {{0}} out of bounds for {dtype.name}"
    session.check(ok, OverflowError, message, value)


def _unsigned(value: Value) -> Value:
    """A Python float in uint64, which holds more than our Python integers."""
    session = current()
    b = session.b
    nan = b.op("invert", b.op("isnan", value))
    session.check(nan, ValueError, "cannot convert float NaN to integer")
    finite = b.op("isfinite", value)
    session.check(finite, OverflowError, "cannot convert float infinity to integer")
    wide = b.op("lt", b.op("abs", value), b.const(2.0**64, "f64"))
    session.check(wide, OverflowError, "Python int too large to convert to C long")
    whole = b.op("trunc", value)
    message = "Python integer {0} out of bounds for uint64"
    negative = b.convert(b.op("minimum", whole, b.const(0.0, "f64")), "i64")
    session.check(b.op("ge", whole, b.const(0.0, "f64")), OverflowError, message, negative)
    return b.convert(whole, "u64")


def safe_element(value: Any, dtype: np.dtype[Any]) -> Value:
    """``element`` for functions that take arrays by safe casts only."""
    if isinstance(value, Array) and not np.can_cast(value.dtype, dtype, "safe"):
        refuse_cast(value, dtype, "safe")
    return element(value, dtype, direct=False)


def refuse_cast(value: Array | Value, dtype: np.dtype[Any], casting: str) -> None:
    """The TypeError about an array."""
    rank = value.rank if isinstance(value, Value) else value.ndim
    what = "array data" if rank else "scalar"
    throw(
        TypeError(
            f"Cannot cast {what} from {value.dtype!r} to {dtype!r} according to the rule "
            f"'{casting}'"
        )
    )


@contextmanager
def as_single_item() -> Iterator[None]:
    """Whatever is wrong with a value is told as ``x.flat[int] = value`` does."""
    session = current()
    session.failing = (ValueError, _SINGLE)
    try:
        yield
    except (OverflowError, TypeError, ValueError):
        throw(ValueError(_SINGLE))
    finally:
        session.failing = None
