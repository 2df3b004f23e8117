"""Comparisons of traced Python bools, ints, floats and complexes, as Python makes them: of their
exact values, also where a float cannot hold an int."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

from tracejit.dtypes import is_complex
from tracejit.errors import throw
from tracejit.ir.core import Value
from tracejit.trace.session.session import current
from tracejit.trace.session.tracer import Tracer
from tracejit.trace.values.python_scalars import as_kind, joined_kind, made
from tracejit.trace.values.scalars import PyScalar, most_of, weak_kind


def _comparison(name: str) -> Callable[[Any, Any], Any]:
    def operate(a: Any, b: Any) -> Any:
        kind = joined_kind(a, b)
        if kind == "complex" and name not in ("eq", "ne"):
            throw(
                TypeError(
                    f"'{_SYMBOL[name]}' not supported between instances of "
                    f"'{weak_kind(a)}' and '{weak_kind(b)}'"
                )
            )
        beyond = _beyond_ints(a, b), _beyond_ints(b, a)
        if beyond != (None, None):
            return _PLAIN[name](*(0 if x is None else x for x in beyond))
        if kind in ("float", "complex"):
            for x, other, from_x in ((a, b, name), (b, a, _MIRRORED[name])):
                if _is_wide_int(other) and _may_be_wide(x):
                    return made("bool", _with_int(from_x, as_kind(x, kind), as_kind(other, "int")))
        left, right = as_kind(a, kind), as_kind(b, kind)
        if kind == "int":
            known = _decided(name, left, right)
            if known is not None:
                return known
        return made("bool", current().b.op(name, left, right))

    return operate


_MIRRORED = {"eq": "eq", "ne": "ne", "lt": "gt", "le": "ge", "gt": "lt", "ge": "le"}
#: Up to it every int is a float.
_MOST_EXACT = 2**53


def _is_wide_int(x: Any) -> bool:
    """Whether a number is an int that may not be one as a float."""
    return weak_kind(x) == "int" and most_of(x) > _MOST_EXACT


def _may_be_wide(x: Any) -> bool:
    """Whether a float, or the real part of a complex number, may equal such an int rounded."""
    known = x.static_value() if isinstance(x, Tracer) else x  # type: ignore[attr-defined]
    return known is None or abs(known) >= _MOST_EXACT


def _with_int(name: str, x: Value, n: Value) -> Value:
    """A comparison of a float (or complex number) with an int, of their values exactly.

    ``x < n`` is ``x < c`` for the least float ``c`` that is not below ``n``; ``x <= n`` is
    ``x <= d`` for the greatest ``d`` that is not above it. Both depend on ``n`` alone: in a loop
    over floats that are compared with one int they are found once."""
    b = current().b
    if name == "ne":
        return b.op("invert", _with_int("eq", x, n))  # type: ignore[no-any-return]
    if is_complex(x.dtype):
        real = b.op("eq", b.op("imag", x), b.const(0.0, "f64"))
        return b.op("bitwise_and", real, _with_int("eq", b.op("real", x), n))  # type: ignore[no-any-return]
    nearest = b.convert(n, "f64")
    fits = b.op("lt", nearest, b.const(2.0**63, "f64"))
    whole = b.convert(b.op("select", fits, nearest, b.const(0.0, "f64")), "i64")
    if name == "eq":
        exact = b.op("bitwise_and", fits, b.op("eq", whole, n))
        return b.op("bitwise_and", exact, b.op("eq", x, nearest))  # type: ignore[no-any-return]
    if name in ("lt", "ge"):
        short = b.op("bitwise_and", fits, b.op("lt", whole, n))
        beyond = b.const(math.inf, "f64")
    else:
        short = b.op("bitwise_or", b.op("invert", fits), b.op("gt", whole, n))
        beyond = b.const(-math.inf, "f64")
    bound = b.op("select", short, b.op("nextafter", nearest, beyond), nearest)
    return b.op(name, x, bound)  # type: ignore[no-any-return]


_PLAIN: dict[str, Callable[[Any, Any], Any]] = {
    name: getattr(operator, name) for name in ("eq", "ne", "lt", "le", "gt", "ge")
}


def _beyond_ints(x: Any, other: Any) -> Any:
    """What compares with zero as a number does with an int of the run, whatever that is; None where
    that is not so. Ints of the run have 64 bits."""
    if not isinstance(other, PyScalar) or other.kind not in ("int", "bool"):
        return None
    if type(x) is float and not math.isfinite(x):
        return x
    if type(x) is int and not -(2**63) <= x < 2**63:
        return 1 if x > 0 else -1
    return None


_SYMBOL = {"lt": "<", "le": "<=", "gt": ">", "ge": ">="}


def _decided(name: str, left: Value, right: Value) -> bool | None:
    """A comparison of ints that follows from known bounds."""
    ranges = current().ranges
    x, y = left.dim, right.dim
    if name in ("eq", "ne"):
        same = ranges.equal(x, y)
        return None if same is None else same == (name == "eq")
    if name in ("gt", "ge"):
        x, y = y, x
        name = "lt" if name == "gt" else "le"
    slack = 1 if name == "lt" else 0
    if ranges.at_least(y, x + slack):
        return True
    if ranges.at_least(x, y + 1 - slack):
        return False
    return None


COMPARED: dict[str, Callable[[Any, Any], Any]] = {name: _comparison(name) for name in _PLAIN}
