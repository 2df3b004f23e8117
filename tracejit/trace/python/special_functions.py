"""More of ``math`` on traced values: number theory, parts of floats, and special functions.

``fsum`` is a call of Python's own out of the compiled code, with no derivative.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tracejit.errors import throw
from tracejit.ir.core import Value
from tracejit.ir.types import TensorType, dtype_of
from tracejit.records import dataclass
from tracejit.trace.python.builtin_functions import builtin_float, builtin_index, or_start
from tracejit.trace.python.comparisons import choose
from tracejit.trace.python.dynamic_list_methods import as_array
from tracejit.trace.python.words import words
from tracejit.trace.session.host_calls import host_call
from tracejit.trace.session.registry import NAMES
from tracejit.trace.session.session import current
from tracejit.trace.values.all import PyScalar, Scalar, Tracer, fresh
from tracejit.trace.values.dynamic_list import is_grown
from tracejit.trace.values.iterables import steps_of
from tracejit.trace.values.python_scalars import as_kind, int_arithmetic, made
from tracejit.trace.values.ranges import Range

_DOMAIN = "math domain error"
_RANGE = "math range error"
_FACTORIALS = np.array([math.factorial(n) for n in range(21)])
_TOO_LARGE = "Python int too large to convert to C long"
#: The largest root of an int of 64 bits.
_ROOT = math.isqrt(2**63 - 1)


def _float(x: Any) -> Value:
    return as_kind(builtin_float(x), "float")


def _int(x: Any) -> Any:
    """An int, traced or not; TypeError for what is none."""
    if not isinstance(x, Tracer):
        return x.__index__()
    return builtin_index(x)


# Calls of Python's own ----------------------------------------------------------------------------


@dataclass(frozen=True)
class OfMath:
    """A function of ``math``, of a number or of all elements of an array."""

    name: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "__qualname__", self.name)
        object.__setattr__(self, "__module__", "math")

    def __call__(self, x: Any) -> Any:
        return np.float64(getattr(math, self.name)(np.asarray(x).tolist()))


def fsum(seq: Any, /) -> Any:
    numbers = as_array(seq) if is_grown(seq) else NAMES[np.asarray](seq)
    value = current().b.convert(numbers.read(), "f64")
    kinds = (ValueError, OverflowError)
    (found,) = host_call(OfMath("fsum"), [value], [TensorType(dtype_of("f8"), ())], kinds)
    return made("float", found)


def erfc(x: Any, /) -> Any:
    return made("float", current().b.op("erfc", _float(x)))


def _of_gamma(name: str, limit: float) -> Callable[[Any], Any]:
    """``gamma`` or ``lgamma``; with poles, and at infinities of which ``limit`` is none."""

    def call(x: Any, /) -> Any:
        session, value = current(), _float(x)
        b = session.b
        whole = b.op("eq", b.op("floor", value), value)
        pole = b.op("bitwise_and", whole, b.op("le", value, b.const(0.0, "f64")))
        allowed = b.op("eq", value, b.const(limit, "f64"))
        fine = b.op("bitwise_or", b.op("invert", pole), allowed)
        session.check(fine, ValueError, *words(value, math.gamma, -3.0))
        result = b.op(name, value)
        finite = b.op("invert", b.op("isinf", result))
        session.check(b.op("bitwise_or", finite, b.op("isinf", value)), OverflowError, _RANGE)
        return made("float", result)

    return call


# Parts of floats ----------------------------------------------------------------------------------


def modf(x: Any, /) -> Any:
    b, value = current().b, _float(x)
    whole = b.op("trunc", value)
    part = b.op("copysign", b.op("sub", value, whole), value)
    zero = b.op("copysign", b.const(0.0, "f64"), value)
    return (
        made("float", b.op("select", b.op("isinf", value), zero, part)),
        made("float", whole),
    )


def frexp(x: Any, /) -> Any:
    b, value = current().b, _float(x)
    finite = b.op("isfinite", value)
    exponent = b.convert(b.op("frexp_exponent", value), "i64")
    exponent = b.op("select", finite, exponent, b.const(0, "i64"))
    part = b.op("select", finite, b.op("frexp_mantissa", value), value)
    return made("float", part), made("int", exponent)


def ldexp(x: Any, i: Any, /) -> Any:
    session = current()
    b, value = session.b, _float(x)
    if not isinstance(_int_or_none(i), int | PyScalar):
        throw(TypeError("Expected an int as second argument to ldexp."))
    result = b.op("ldexp", value, as_kind(_int(i), "int"))
    fine = b.op("bitwise_or", b.op("isfinite", result), b.op("invert", b.op("isfinite", value)))
    session.check(fine, OverflowError, _RANGE)
    return made("float", result)


def _int_or_none(x: Any) -> Any:
    try:
        return _int(x)
    except (TypeError, AttributeError):
        return None


def remainder(x: Any, y: Any, /) -> Any:
    """IEEE 754's: to the nearest multiple, in a tie the even one."""
    b, left, right = current().b, _float(x), _float(y)
    _check_divisor(left, right)
    size, unit = b.op("abs", left), b.op("abs", right)
    low = b.op("fmod", size, unit)
    high = b.op("sub", unit, low)
    half = b.op("mul", b.const(0.5, "f64"), b.op("sub", size, low))
    odd = b.op("mul", b.const(2.0, "f64"), b.op("fmod", half, unit))
    tied = b.op("sub", low, odd)
    found = b.op("select", b.op("gt", low, high), b.op("neg", high), tied)
    found = b.op("select", b.op("lt", low, high), low, found)
    sign = b.op("copysign", b.const(1.0, "f64"), left)
    return made("float", b.op("mul", sign, found))


def fmod(x: Any, y: Any, /) -> Any:
    left, right = _float(x), _float(y)
    _check_divisor(left, right)
    return made("float", current().b.op("fmod", left, right))


def _check_divisor(left: Value, right: Value) -> None:
    """ValueError where there is no remainder of two numbers."""
    session = current()
    b = session.b
    numbers = b.op("invert", b.op("bitwise_or", b.op("isnan", left), b.op("isnan", right)))
    bad = b.op("bitwise_or", b.op("isinf", left), b.op("eq", right, b.const(0.0, "f64")))
    session.check(b.op("invert", b.op("bitwise_and", numbers, bad)), ValueError, _DOMAIN)


def isclose(a: Any, b: Any, *, rel_tol: Any = 1e-09, abs_tol: Any = 0.0) -> Any:
    session = current()
    x, y, relative, absolute = (_float(v) for v in (a, b, rel_tol, abs_tol))
    ops = session.b
    zero = ops.const(0.0, "f64")
    for tolerance in (relative, absolute):
        fine = ops.op("invert", ops.op("lt", tolerance, zero))
        session.check(fine, ValueError, "tolerances must be non-negative")
    largest = ops.op("maximum", ops.op("abs", x), ops.op("abs", y))
    allowed = ops.op("maximum", ops.op("mul", relative, largest), absolute)
    near = ops.op("le", ops.op("abs", ops.op("sub", x, y)), allowed)
    finite = ops.op("bitwise_and", ops.op("isfinite", x), ops.op("isfinite", y))
    near = ops.op("bitwise_and", near, finite)
    return made("bool", ops.op("bitwise_or", ops.op("eq", x, y), near))


# Number theory ------------------------------------------------------------------------------------


def gcd(*integers: Any) -> Any:
    session = current()
    found = session.b.const(0, "i64")
    for x in integers:
        found = session.b.op("gcd", found, as_kind(_int(x), "int"))
    fits = session.b.op("ge", found, session.b.const(0, "i64"))
    session.check(fits, OverflowError, _TOO_LARGE)
    return made("int", found)


def lcm(*integers: Any) -> Any:
    session = current()
    b = session.b
    found, zero, one = b.const(1, "i64"), b.const(0, "i64"), b.const(1, "i64")
    for x in integers:
        value = as_kind(abs(_int(x)), "int")
        common = b.op("maximum", b.op("gcd", found, value), one)
        found = int_arithmetic("mul", b.op("floor_divide", found, common), value)
        nothing = b.op("eq", value, zero)
        found = b.op("select", nothing, zero, found)
    return made("int", found)


def factorial(x: Any, /) -> Any:
    session = current()
    n = as_kind(_int(x), "int")
    b = session.b
    message = "factorial() not defined for negative values"
    session.check(b.op("ge", n, b.const(0, "i64")), ValueError, message)
    session.check(b.op("le", n, b.const(20, "i64")), OverflowError, _TOO_LARGE)
    found: Any = fresh(b.const(_FACTORIALS))[Scalar(n)]
    return made("int", found.read())


def isqrt(n: Any, /) -> Any:
    session = current()
    b, value = session.b, as_kind(_int(n), "int")
    message = "isqrt() argument must be nonnegative"
    session.check(b.op("ge", value, b.const(0, "i64")), ValueError, message)
    root = b.convert(b.op("sqrt", b.convert(value, "f64")), "i64")
    root = b.op("minimum", root, b.const(_ROOT, "i64"))
    high = b.op("gt", b.op("mul", root, root), value)
    root = b.op("sub", root, b.convert(high, "i64"))
    more = b.op("minimum", b.op("add", root, b.const(1, "i64")), b.const(_ROOT, "i64"))
    low = b.op("le", b.op("mul", more, more), value)
    return made("int", b.op("select", low, more, root))


def perm(n: Any, k: Any = None, /) -> Any:
    if k is None:
        return factorial(n)
    many, few = _counts(n, k)
    state: list[Any] = [1]

    def body(i: Any) -> None:
        state[0] = state[0] * (many - i)

    current().operators.loop_over(Range(0, few, 1), body, state)
    return _unless_more(few, many, state[0])


def comb(n: Any, k: Any, /) -> Any:
    """Products of quotients, each exact and none larger than the result."""
    many, few = _counts(n, k)
    fewest = choose(current().operators.compare_one("<", many - few, few), many - few, few)
    state: list[Any] = [1]

    def body(i: Any) -> None:
        whole, rest = state[0] // i, state[0] % i
        factor = many - fewest + i
        state[0] = whole * factor + rest * factor // i

    current().operators.loop_over(Range(1, fewest + 1, 1), body, state)
    return _unless_more(few, many, state[0])


def _counts(n: Any, k: Any) -> tuple[Any, Any]:
    session = current()
    found = []
    for x, name in ((n, "n"), (k, "k")):
        value = as_kind(_int(x), "int")
        whole = session.b.op("ge", value, session.b.const(0, "i64"))
        session.check(whole, ValueError, f"{name} must be a non-negative integer")
        found.append(PyScalar("int", value))
    return found[0], found[1]


def _unless_more(few: Any, many: Any, found: Any) -> Any:
    """None can be chosen where more are wanted than there are."""
    return choose(current().operators.compare_one(">", few, many), 0, found)


def prod(iterable: Any, /, *, start: Any = 1) -> Any:
    operators = current().operators
    state = [start]

    def body(item: Any) -> None:
        state[0] = operators.binary("*", state[0], item)

    if steps_of(iterable) is not None:
        operators.loop_over(iterable, body, state)
    else:
        for item in iterable:
            body(item)
    return or_start(iterable, start, state[0])


SPECIAL: dict[Any, Callable[..., Any]] = {
    math.gamma: _of_gamma("gamma", math.inf),
    math.lgamma: _of_gamma("lgamma", -math.inf),
    math.erfc: erfc,
    math.fsum: fsum,
    math.modf: modf,
    math.frexp: frexp,
    math.ldexp: ldexp,
    math.remainder: remainder,
    math.fmod: fmod,
    math.isclose: isclose,
    math.gcd: gcd,
    math.lcm: lcm,
    math.factorial: factorial,
    math.isqrt: isqrt,
    math.perm: perm,
    math.comb: comb,
    math.prod: prod,
}
