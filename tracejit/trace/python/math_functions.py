"""``math`` and ``cmath`` on traced values, errors as those modules raise."""

from __future__ import annotations

import cmath
import math
import operator
from collections.abc import Callable
from typing import Any

from tracejit.errors import all_ask, throw
from tracejit.ir.core import Value
from tracejit.trace.python import library_in_python
from tracejit.trace.python.builtin_functions import (
    builtin_complex,
    builtin_float,
    builtin_index,
    builtin_int,
)
from tracejit.trace.python.words import words
from tracejit.trace.session.session import current
from tracejit.trace.values.arrays import Array
from tracejit.trace.values.dynamic_list import is_grown
from tracejit.trace.values.python_scalars import as_kind, made

_DOMAIN = "math domain error"
_RANGE = "math range error"


#: Of an int they say no number.
_LOGARITHMS = (math.log, math.log2, math.log10)


def _float(x: Any) -> Value:
    return as_kind(builtin_float(x), "float")


def is_int(x: Any) -> bool:
    """Whether a number is an int of Python's, or a bool, of the run."""
    from tracejit.trace.values.all import PyScalar

    return isinstance(x, PyScalar) and x.kind in ("int", "bool")


def _unary(
    name: str,
    *,
    domain: Callable[[Value], Value] | None = None,
    refused: Callable[[Any], Any] = math.sqrt,
    example: float = -3.0,
) -> Callable[[Any], Any]:
    """A function of one number; outside of ``domain`` it says what ``refused`` says of a number
    like ``example``."""

    def call(x: Any) -> Any:
        session = current()
        value = _float(x)
        if domain is not None:
            ok = session.b.op("bitwise_or", domain(value), session.b.op("isnan", value))
            like = int(example) if refused in _LOGARITHMS and is_int(x) else example
            session.check(ok, ValueError, *words(value, refused, like))
        result = session.b.op(name, value)
        if name in ("exp", "exp2", "expm1", "sinh", "cosh"):
            infinite = session.b.op("isinf", value)
            ok = session.b.op("invert", session.b.op("isinf", result))
            session.check(session.b.op("bitwise_or", ok, infinite), OverflowError, _RANGE)
        return made("float", result)

    return call


def _compare(symbol: str, number: float) -> Callable[[Value], Value]:
    def test(value: Value) -> Value:
        b = current().b
        return b.op(symbol, value, b.const(number, "f64"))  # type: ignore[no-any-return]

    return test


def _within_one(value: Value) -> Value:
    b = current().b
    return b.op("le", b.op("abs", value), b.const(1.0, "f64"))  # type: ignore[no-any-return]


def _between_ones(value: Value) -> Value:
    return _compare("lt", 1.0)(current().b.op("abs", value))


def _finite(value: Value) -> Value:
    return current().b.op("isfinite", value)  # type: ignore[no-any-return]


def _binary(name: str) -> Callable[[Any, Any], Any]:
    return lambda x, y: made("float", current().b.op(name, _float(x), _float(y)))


def _test(name: str) -> Callable[[Any], Any]:
    return lambda x: made("bool", current().b.op(name, _float(x)))


def _to_int(name: str) -> Callable[[Any], Any]:
    def call(x: Any) -> Any:
        if is_int(x):
            return builtin_int(x)
        return builtin_int(made("float", current().b.op(name, _float(x))))

    return call


def _log(x: Any, base: Any = None) -> Any:
    log = _unary("log", domain=_compare("gt", 0.0), refused=math.log)
    return log(x) if base is None else log(x) / log(base)


def _pow(x: Any, y: Any) -> Any:
    session = current()
    left, right = _float(x), _float(y)
    result = session.b.op("pow", left, right)
    inputs = [session.b.op("isfinite", v) for v in (left, right)]
    odd = session.b.op("invert", session.b.op("bitwise_and", *inputs))
    fine = session.b.op("invert", session.b.op("isnan", result))
    session.check(session.b.op("bitwise_or", fine, odd), ValueError, _DOMAIN)
    finite = session.b.op("isfinite", result)
    session.check(session.b.op("bitwise_or", finite, odd), OverflowError, _RANGE)
    return made("float", result)


def _hypot(*parts: Any) -> Any:
    total = _float(parts[0]) if parts else current().b.const(0.0, "f64")
    if len(parts) == 1:
        return made("float", current().b.op("abs", total))
    for part in parts[1:]:
        total = current().b.op("hypot", total, _float(part))
    return made("float", total)


def _dist(p: Any, q: Any, /) -> Any:
    operators = current().operators
    if is_grown(p) or is_grown(q):
        return operators.converted(library_in_python.dist)(p, q)
    if any(isinstance(x, Array) and x.ndim and not isinstance(x.dims[0], int) for x in (p, q)):
        return operators.converted(library_in_python.dist)(p, q)
    ends = [list(operators.iterate(point)) for point in (p, q)]
    if len(ends[0]) != len(ends[1]):
        throw(ValueError("both points must have the same number of dimensions"))
    pairs = zip(*ends, strict=True)
    return _hypot(*(made("float", current().b.op("sub", _float(x), _float(y))) for x, y in pairs))


def _ulp(x: Any) -> Any:
    b = current().b
    size = b.op("abs", _float(x))
    above = b.op("nextafter", size, b.const(math.inf, "f64"))
    below = b.op("nextafter", size, b.const(-math.inf, "f64"))
    largest = b.op("isinf", above)
    gap = b.op("select", largest, b.op("sub", size, below), b.op("sub", above, size))
    return made("float", b.op("select", b.op("isfinite", size), gap, size))


def _scaled(factor: float) -> Callable[[Any], Any]:
    return lambda x: builtin_float(x) * factor


def _complex(name: str) -> Callable[[Any], Any]:
    return lambda x: made("complex", current().b.op(name, as_kind(builtin_complex(x), "complex")))


def _phase(x: Any) -> Any:
    z = builtin_complex(x)
    return MATH[math.atan2](z.imag, z.real)


MATH: dict[Any, Callable[..., Any]] = {
    math.sqrt: _unary("sqrt", domain=_compare("ge", 0.0)),
    math.exp: _unary("exp"),
    math.exp2: _unary("exp2"),
    math.expm1: _unary("expm1"),
    math.log: _log,
    math.log2: _unary("log2", domain=_compare("gt", 0.0), refused=math.log2),
    math.log10: _unary("log10", domain=_compare("gt", 0.0), refused=math.log10),
    math.log1p: _unary("log1p", domain=_compare("gt", -1.0), refused=math.log1p),
    math.cbrt: _unary("cbrt"),
    math.sin: _unary("sin", domain=_finite, refused=math.sin, example=math.inf),
    math.cos: _unary("cos", domain=_finite, refused=math.cos, example=math.inf),
    math.tan: _unary("tan", domain=_finite, refused=math.tan, example=math.inf),
    math.asin: _unary("arcsin", domain=_within_one, refused=math.asin, example=3.0),
    math.acos: _unary("arccos", domain=_within_one, refused=math.acos, example=3.0),
    math.atan: _unary("arctan"),
    math.sinh: _unary("sinh"),
    math.cosh: _unary("cosh"),
    math.tanh: _unary("tanh"),
    math.asinh: _unary("arcsinh"),
    math.acosh: _unary("arccosh", domain=_compare("ge", 1.0), refused=math.acosh),
    math.atanh: _unary("arctanh", domain=_between_ones, refused=math.atanh),
    math.erf: _unary("erf"),
    math.fabs: _unary("abs"),
    math.floor: _to_int("floor"),
    math.ceil: _to_int("ceil"),
    math.trunc: _to_int("trunc"),
    math.isnan: _test("isnan"),
    math.isinf: _test("isinf"),
    math.isfinite: _test("isfinite"),
    math.atan2: _binary("arctan2"),
    math.copysign: _binary("copysign"),
    math.nextafter: _binary("nextafter"),
    math.pow: _pow,
    math.hypot: _hypot,
    math.dist: _dist,
    math.ulp: _ulp,
    math.radians: _scaled(math.pi / 180.0),
    math.degrees: _scaled(180.0 / math.pi),
    cmath.exp: _complex("exp"),
    cmath.log: _complex("log"),
    cmath.sqrt: _complex("sqrt"),
    cmath.sin: _complex("sin"),
    cmath.cos: _complex("cos"),
    cmath.tan: _complex("tan"),
    cmath.sinh: _complex("sinh"),
    cmath.cosh: _complex("cosh"),
    cmath.tanh: _complex("tanh"),
    cmath.phase: _phase,
    operator.index: builtin_index,
}


all_ask(globals(), TypeError, ValueError, ArithmeticError)
