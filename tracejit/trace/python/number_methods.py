"""Methods and attributes that Python's and NumPy's numbers have beside those of arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tracejit.dtypes import is_exact, is_signed
from tracejit.errors import UnsupportedError, all_ask, throw
from tracejit.ir.core import Value
from tracejit.trace.session.concretize import BoundMethod
from tracejit.trace.session.registry import NUMBER, SCALAR_METHODS
from tracejit.trace.session.session import current, where
from tracejit.trace.values.all import KIND_TYPE, PyScalar, Scalar
from tracejit.trace.values.python_scalars import as_kind, made

#: What makes other objects of a number than numbers, and where to make them.
_OUTSIDE = "call it outside, on what the function returns"


def _float_of(x: Any) -> Value:
    return current().b.convert(x.read(), "f64")


def _is_whole(x: Any) -> bool:
    return is_exact(x.read().dtype)


def is_integer(x: Any) -> Any:
    """Whether a float has no fraction; infinities and nans are none."""
    if _is_whole(x):
        return True
    b, value = current().b, x.read()
    whole = b.op("eq", b.op("trunc", value), value)
    return made("bool", b.op("bitwise_and", whole, b.op("isfinite", value)))


def _magnitude(x: Any) -> Value:
    """``abs`` of an integer, which always fits without a sign."""
    b, value = current().b, x.read()
    if not is_signed(value.dtype):
        return b.convert(value, "u64")
    return b.convert(b.op("abs", b.convert(value, "i64")), "u64")


def bit_count(x: Any) -> Any:
    """The ones in the binary digits of the magnitude."""
    b = current().b
    return made("int", b.convert(b.op("bit_count", _magnitude(x)), "i64"))


def bit_length(x: Any) -> Any:
    """The binary digits of the magnitude: the ones, once each digit is or-ed onto those below."""
    b, value = current().b, _magnitude(x)
    for k in (1, 2, 4, 8, 16, 32):
        value = b.op("bitwise_or", value, b.op("shift_right", value, b.const(k, "u64")))
    return made("int", b.convert(b.op("bit_count", value), "i64"))


def as_integer_ratio(x: Any) -> Any:
    """Numerator and positive denominator in lowest terms; OverflowError beyond 64 bits."""
    if _is_whole(x):
        return made("int", _as_int(x)), 1
    session, value = current(), _float_of(x)
    b = session.b
    number = b.op("invert", b.op("isnan", value))
    session.check(number, ValueError, "cannot convert NaN to integer ratio")
    finite = b.op("isfinite", value)
    session.check(finite, OverflowError, "cannot convert Infinity to integer ratio")
    scaled = b.op("ldexp", b.op("frexp_mantissa", value), b.const(53, "i64"))
    digits = b.convert(scaled, "i64")
    exponent = b.convert(b.op("frexp_exponent", value), "i64")
    lowest = b.op("bitwise_and", digits, b.op("neg", digits))
    below = b.op("sub", lowest, b.const(1, "i64"))
    zeros = b.convert(b.op("bit_count", below), "i64")
    nothing = b.op("eq", digits, b.const(0, "i64"))
    zeros = b.op("select", nothing, b.const(0, "i64"), zeros)
    power = b.op("add", b.op("sub", exponent, b.const(53, "i64")), zeros)
    power = b.op("select", nothing, b.const(0, "i64"), power)
    digits = made("int", b.op("shift_right", digits, zeros))
    up = made("int", b.op("maximum", power, b.const(0, "i64")))
    down = made("int", b.op("maximum", b.op("neg", power), b.const(0, "i64")))
    return digits << up, 1 << down


def _as_int(x: Any) -> Value:
    """An integer as the value of a Python int."""
    from tracejit.trace.python.builtin_functions import check_int_fits

    value = x.read()
    check_int_fits(value)
    return current().b.convert(value, "i64")


def conjugate(x: PyScalar) -> Any:
    """The number itself where it is real; of a bool the int."""
    if x.kind == "complex":
        return made("complex", current().b.op("conj", x.value))
    return real(x)


def real(x: PyScalar) -> Any:
    if x.kind == "complex":
        return made("float", current().b.op("real", x.value))
    return made("int", as_kind(x, "int")) if x.kind == "bool" else x


def imag(x: PyScalar) -> Any:
    if x.kind == "complex":
        return made("float", current().b.op("imag", x.value))
    return 0.0 if x.kind == "float" else 0


_METHODS: dict[str, Callable[..., Any]] = {
    "is_integer": is_integer,
    "bit_count": bit_count,
    "bit_length": bit_length,
    "as_integer_ratio": as_integer_ratio,
}
_PYTHON: dict[str, Callable[..., Any]] = {**_METHODS, "conjugate": conjugate}
_ATTRIBUTES: dict[str, Callable[[Any], Any]] = {
    "numerator": lambda x: real(x) if isinstance(x, PyScalar) else x,
    "denominator": lambda x: 1,
}


def attribute(x: Scalar | PyScalar, name: str) -> Any:
    """``x.name``, if numbers of this kind have it in Python; AttributeError as Python's if not."""
    cls: type = KIND_TYPE[x.kind] if isinstance(x, PyScalar) else x.dtype.type
    shown = cls.__name__ if isinstance(x, PyScalar) else f"numpy.{cls.__name__}"
    if not hasattr(cls, name):
        throw(AttributeError(f"'{shown}' object has no attribute '{name}'"))
    methods = _PYTHON if isinstance(x, PyScalar) else {**SCALAR_METHODS, **_METHODS}
    if name in methods:
        return BoundMethod(x, methods[name])
    if name in _ATTRIBUTES:
        return _ATTRIBUTES[name](x)
    kind = "a Python" if isinstance(x, PyScalar) else "a NumPy"
    raise UnsupportedError(
        f"{where()}: .{name} of {kind} {cls.__name__} is not supported inside a compiled "
        f"function; {_OUTSIDE}"
    )


NUMBER.update(attribute=attribute, real=real, imag=imag)

all_ask(globals(), TypeError, ValueError, ArithmeticError)
