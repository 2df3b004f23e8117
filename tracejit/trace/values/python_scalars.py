"""Arithmetic of traced Python bools, ints, floats and complexes, as Python defines it.

Ints are 64-bit and checked: OverflowError where Python would go beyond (elided where bounds prove
it cannot happen). Division by zero raises, unlike for NumPy scalars.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from tracejit.errors import throw
from tracejit.ir.core import Value
from tracejit.trace.session.assumptions import assume, nothing_to_undo
from tracejit.trace.session.session import current, where
from tracejit.trace.values.all import KIND_DTYPE, KIND_RANK, PyScalar, WeakKind, weak_kind
from tracejit.trace.values.complex_numbers import complex_arithmetic
from tracejit.trace.values.scalars import as_int_too, stays_int

_OVERFLOW = "Python int too large to convert to C long"
_RAISING = {"add": "add_overflow", "sub": "sub_overflow", "mul": "mul_overflow"}
_FLOAT_POWER = "write float(a) ** b"


def as_kind(x: Any, kind: WeakKind) -> Value:
    """A Python scalar, traced or not, as the IR value of a wider kind."""
    b = current().b
    if isinstance(x, PyScalar):
        return b.convert(x.value, KIND_DTYPE[kind])
    if kind in ("bool", "int"):
        if not -(2**63) <= int(x) < 2**63:
            throw(OverflowError(_OVERFLOW))
        return b.const(x, KIND_DTYPE[kind])
    return b.const(float(x) if kind == "float" else complex(x), KIND_DTYPE[kind])


def made(kind: WeakKind, value: Value) -> Any:
    """A result: a plain Python scalar where it is a constant."""
    known = current().literal(value)
    return PyScalar(kind, value) if known is None else known.item()


def joined_kind(a: Any, b: Any, least: WeakKind = "int") -> WeakKind:
    """The kind of an arithmetic result."""
    kinds = [weak_kind(a), weak_kind(b), least]
    return max((k for k in kinds if k is not None), key=lambda k: KIND_RANK[k])


def _arithmetic(name: str) -> Callable[[Any, Any], Any]:
    def operate(a: Any, b: Any) -> Any:
        kind = joined_kind(a, b)
        left, right = as_kind(a, kind), as_kind(b, kind)
        if kind == "int":
            return made("int", int_arithmetic(name, left, right))
        if kind == "complex":
            value = complex_arithmetic(name, left, right, _reals(a, b))
        else:
            value = current().b.op(name, left, right)
        if stays_int((a, b)):
            return as_int_too(name, kind, value, (a, b), (left, right))
        return made(kind, value)

    return operate


def _reals(a: Any, b: Any) -> tuple[bool, bool]:
    return weak_kind(a) != "complex", weak_kind(b) != "complex"


def int_arithmetic(name: str, left: Value, right: Value) -> Value:
    """Checked 64-bit ``add``, ``sub`` or ``mul``."""
    session = current()
    x, y = left.dim, right.dim
    exact = x + y if name == "add" else x - y if name == "sub" else y * x
    if isinstance(exact, int) and isinstance(x, int) and isinstance(y, int):
        if not -(2**63) <= exact < 2**63:
            throw(OverflowError(_OVERFLOW))
        return session.b.const(exact, "i64")
    ranges = session.ranges
    both = name == "sub" and ranges.at_least(x, 0) and ranges.at_least(y, 0)
    if both or ranges.fits_int64(exact):
        return session.b.op(name, left, right)  # type: ignore[no-any-return]
    result, overflow = session.b.op(_RAISING[name], left, right)
    session.check(session.b.op("invert", overflow), OverflowError, _OVERFLOW)
    return result  # type: ignore[no-any-return]


def _nonzero_divisor(value: Value, kind: str, message: str) -> None:
    session = current()
    if kind == "int" and session.ranges.at_least(value.dim, 1):
        return
    b = session.b
    session.check(b.op("ne", value, b.const(0, value.dtype)), ZeroDivisionError, message)


def zero_division_words(divide: Callable[[Any, Any], Any], left: Any, right: Any) -> str:
    """What Python says where it divides so by zero: its versions have words of their own."""
    try:
        divide(left, right)
    except ZeroDivisionError as error:
        return str(error)
    raise AssertionError("Python divides by zero")


_COMPLEX, _INTS, _FLOATS = (zero_division_words(operator.truediv, one, 0) for one in (1j, 1, 1.0))


def _true_division(a: Any, b: Any) -> Any:
    kind = joined_kind(a, b, "float")
    left, right = as_kind(a, kind), as_kind(b, kind)
    message = _COMPLEX if kind == "complex" else _INTS
    if kind == "float" and "float" in (weak_kind(a), weak_kind(b)):
        message = _FLOATS
    _nonzero_divisor(right, kind, message)
    if kind == "complex":
        return made(kind, complex_arithmetic("div", left, right, _reals(a, b)))
    return made(kind, current().b.op("div", left, right))


def _floor_division(name: str, int_text: str, float_text: str) -> Callable[[Any, Any], Any]:
    def operate(a: Any, b: Any) -> Any:
        kind = joined_kind(a, b)
        if kind == "complex":
            symbol = "//" if name == "floor_divide" else "%"
            throw(
                TypeError(
                    f"unsupported operand type(s) for {symbol}: '{weak_kind(a)}' and "
                    f"'{weak_kind(b)}'"
                )
            )
        left, right = as_kind(a, kind), as_kind(b, kind)
        _nonzero_divisor(right, kind, int_text if kind == "int" else float_text)
        session = current()
        result = session.b.op(name, left, right)
        if kind == "int" and name == "floor_divide":
            _check_quotient(left, right)
        if kind == "int" and name == "remainder" and session.ranges.at_least(right.dim, 1):
            session.ranges.bound(result, 0, right.dim - 1)
        return made(kind, result)

    return operate


def _check_quotient(left: Value, right: Value) -> None:
    """-2**63 // -1 is the one quotient that does not fit."""
    session = current()
    known = session.literal(right)
    if (known is not None and int(known) != -1) or session.ranges.at_least(right.dim, 0):
        return
    if session.ranges.at_least(left.dim, 0):
        return
    b = session.b
    fine = b.op("ne", left, b.const(-(2**63), "i64"))
    fine = b.op("bitwise_or", fine, b.op("ne", right, b.const(-1, "i64")))
    session.check(fine, OverflowError, _OVERFLOW)


def power(a: Any, b: Any) -> Any:
    """``a ** b`` of Python scalars."""
    kind = joined_kind(a, b)
    if kind == "int":
        return _int_power(a, b)
    session = current()
    left, right = as_kind(a, kind), as_kind(b, kind)
    zero = session.b.const(0, left.dtype)
    if kind == "float":
        static = None if isinstance(b, PyScalar) else float(b)
        if static is None or static < 0:
            bb = session.b
            ok = bb.op("bitwise_or", bb.op("ne", left, zero), bb.op("ge", right, zero))
            words = zero_division_words(operator.pow, 0.0, -1.0)
            session.check(ok, ZeroDivisionError, words)
        if static is None or not static.is_integer():
            bb = session.b
            whole = bb.op("eq", bb.op("floor", right), right)
            ok = bb.op("bitwise_or", bb.op("ge", left, zero), whole)
            message = (
                f"{where()}: a negative float to a fractional power is complex in Python; "
                "use complex(x) or np.power"
            )
            session.check(ok, ValueError, message.replace("{", "{{").replace("}", "}}"))
        return _float_power(left, right)
    return made(kind, session.b.op("pow", left, right))


def _float_power(left: Value, right: Value) -> Any:
    session = current()
    b = session.b
    result = b.op("pow", left, right)
    finite = b.op("isfinite", result)
    inputs = b.op("bitwise_and", b.op("isfinite", left), b.op("isfinite", right))
    ok = b.op("bitwise_or", finite, b.op("invert", inputs))
    session.check(ok, OverflowError, "(34, 'Numerical result out of range')")
    return made("float", result)


def _int_power(a: Any, b: Any) -> Any:
    if isinstance(b, PyScalar):
        return _traced_int_power(as_kind(a, "int"), as_kind(b, "int"))
    if b < 0:
        return power(PyScalar("float", as_kind(a, "float")), float(b))
    result: Any = None
    base: Any = a
    exponent = int(b)
    while exponent:
        if exponent & 1:
            result = base if result is None else BINARY["mul"](result, base)
        exponent >>= 1
        if exponent:
            base = BINARY["mul"](base, base)
    if result is None:
        return 1
    return result if isinstance(result, PyScalar) else int(result)


def _traced_int_power(base: Value, exponent: Value) -> Any:
    session = current()
    b = session.b
    whole = session.ranges.at_least(exponent.dim, 0)
    # Never positive: a float in Python, but for the power zero, whose 1 is then 1.0.
    if not whole and not session.ranges.at_least(-1 * exponent.dim, 0):
        holds = b.op("ge", exponent, b.const(0, "i64"))
        if nothing_to_undo():
            whole = assume(holds, "the power of an int is not negative", _FLOAT_POWER)
        else:
            whole = True
            message = "an int to a negative power is a float in Python, to others an int"
            session.check(holds, ValueError, f"{where()}: {message}; {_FLOAT_POWER}")
    if not whole:
        left, right = (PyScalar("float", b.convert(v, "f64")) for v in (base, exponent))
        return power(left, right)
    result = b.op("pow", base, exponent)
    approximate = b.op("pow", b.convert(base, "f64"), b.convert(exponent, "f64"))
    fits = b.op("lt", b.op("abs", approximate), b.const(2.0**63 - 2048, "f64"))
    session.check(fits, OverflowError, _OVERFLOW)
    return made("int", result)


def _bitwise(name: str) -> Callable[[Any, Any], Any]:
    def operate(a: Any, b: Any) -> Any:
        kinds = {weak_kind(a), weak_kind(b)}
        if kinds & {"float", "complex"}:
            symbol = {"bitwise_and": "&", "bitwise_or": "|", "bitwise_xor": "^"}[name]
            throw(
                TypeError(
                    f"unsupported operand type(s) for {symbol}: '{weak_kind(a)}' and "
                    f"'{weak_kind(b)}'"
                )
            )
        kind: WeakKind = "bool" if kinds == {"bool"} else "int"
        return made(kind, current().b.op(name, as_kind(a, kind), as_kind(b, kind)))

    return operate


def _shift(left: bool) -> Callable[[Any, Any], Any]:
    def operate(a: Any, b: Any) -> Any:
        session = current()
        x, n = as_kind(a, "int"), as_kind(b, "int")
        zero, most = session.b.const(0, "i64"), session.b.const(63, "i64")
        if not session.ranges.at_least(n.dim, 0):
            session.check(session.b.op("ge", n, zero), ValueError, "negative shift count")
        short = session.b.op("minimum", n, most)
        if not left:
            return made("int", session.b.op("shift_right", x, short))
        result = session.b.op("shift_left", x, short)
        back = session.b.op("shift_right", result, short)
        same = session.b.op("eq", back, x)
        fits = session.b.op("bitwise_and", same, session.b.op("lt", n, most))
        ok = session.b.op("bitwise_or", fits, session.b.op("eq", x, zero))
        session.check(ok, OverflowError, _OVERFLOW)
        return made("int", result)

    return operate


def _negative(a: PyScalar) -> Any:
    if a.kind in ("int", "bool"):
        return BINARY["sub"](0, a)
    value = current().b.op("neg", a.value)
    if stays_int((a,)):
        return as_int_too("neg", a.kind, value, (a,), (a.value,))
    return made(a.kind, value)


def _positive(a: PyScalar) -> Any:
    return made("int", as_kind(a, "int")) if a.kind == "bool" else a


def _absolute(a: PyScalar) -> Any:
    session = current()
    if a.kind in ("int", "bool"):
        value = as_kind(a, "int")
        if session.ranges.at_least(value.dim, 0):
            return made("int", value)
        negative = session.b.op("lt", value, session.b.const(0, "i64"))
        minus = _negative(PyScalar("int", value))
        return made("int", session.b.op("select", negative, as_kind(minus, "int"), value))
    size = session.b.op("abs", a.value)
    if a.kind == "float" and stays_int((a,)):
        return as_int_too("abs", "float", size, (a,), (a.value,))
    return made("float", size)


def _invert(a: PyScalar) -> Any:
    if a.kind not in ("int", "bool"):
        throw(TypeError(f"bad operand type for unary ~: '{a.kind}'"))
    return made("int", current().b.op("invert", as_kind(a, "int")))


def _no_matmul(a: Any, b: Any) -> Any:
    throw(TypeError(f"unsupported operand type(s) for @: '{weak_kind(a)}' and '{weak_kind(b)}'"))


BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "add": _arithmetic("add"),
    "sub": _arithmetic("sub"),
    "mul": _arithmetic("mul"),
    "truediv": _true_division,
    "floordiv": _floor_division(
        "floor_divide",
        zero_division_words(operator.floordiv, 1, 0),
        zero_division_words(operator.floordiv, 1.0, 0.0),
    ),
    "mod": _floor_division(
        "remainder",
        zero_division_words(operator.mod, 1, 0),
        zero_division_words(operator.mod, 1.0, 0.0),
    ),
    "pow": power,
    "matmul": _no_matmul,
    "and": _bitwise("bitwise_and"),
    "or": _bitwise("bitwise_or"),
    "xor": _bitwise("bitwise_xor"),
    "lshift": _shift(left=True),
    "rshift": _shift(left=False),
}
UNARY: dict[str, Callable[[PyScalar], Any]] = {
    "neg": _negative,
    "pos": _positive,
    "abs": _absolute,
    "invert": _invert,
}
