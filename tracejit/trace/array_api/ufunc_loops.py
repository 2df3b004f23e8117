"""What each NumPy ufunc computes, in IR primitives, once its loop dtypes are known.

``LOOPS[ufunc](b, *values)`` gets operands of one shape, already in the loop's input dtypes, and
gives a value or a tuple of values. Checks (negative integer powers) are made by the caller.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tracejit.dtypes import computed_in, is_complex, is_float, is_inexact, is_unsigned, kind_of
from tracejit.ir import ops  # noqa: F401
from tracejit.ir.builder import Builder
from tracejit.ir.core import TABLE, Value
from tracejit.ir.types import BOOL, DTYPES

Loop = Callable[..., Any]


def _direct(name: str) -> Loop:
    return lambda b, *values: b.op(name, *values)


def _on_bool(name: str, otherwise: str) -> Loop:
    """``name`` where the loop is bool, else the arithmetic primitive."""
    return lambda b, *v: b.op(name if v[0].dtype == BOOL.dtype else otherwise, *v)


def _identity(b: Builder, x: Value) -> Value:
    return x


def _floats_only(name: str) -> Loop:
    """The primitive on floats; the identity on bool and ints."""
    return lambda b, x: b.op(name, x) if is_float(x.dtype) else x


def _absolute(b: Builder, x: Value) -> Value:
    return x if kind_of(x.dtype) in "bu" else b.op("abs", x)


def _test(name: str, of_integers: bool) -> Loop:
    """isnan and friends: a primitive on inexact dtypes, a constant on the others."""

    def loop(b: Builder, x: Value) -> Value:
        if is_inexact(x.dtype):
            return b.op(name, x)  # type: ignore[no-any-return]
        return b.broadcast(b.const(of_integers), x.shape)

    return loop


def _reciprocal(b: Builder, x: Value) -> Value:
    if is_complex(x.dtype):
        return _complex_reciprocal(b, x)
    if is_float(x.dtype):
        return b.op("div", b.lit(1, x), x)  # type: ignore[no-any-return]
    wide = b.convert(x, "f64")
    return b.convert(b.op("div", b.lit(1, wide), wide), x.dtype)


def _complex_reciprocal(b: Builder, x: Value) -> Value:
    """NumPy's, which is not 1 / x: by the larger part."""
    parts = b.op("real", x), b.op("imag", x)
    turned = b.op("lt", *(b.op("abs", p) for p in parts))
    small, big = (b.op("select", turned, p, q) for p, q in (parts, parts[::-1]))
    ratio = b.op("div", small, big)
    whole = b.op("add", big, b.op("mul", small, ratio))
    one, part = b.op("div", b.lit(1, whole), whole), b.op("div", ratio, whole)
    real, imag = (b.op("select", turned, p, q) for p, q in ((part, one), (one, part)))
    return b.op("complex", real, b.op("neg", imag))  # type: ignore[no-any-return]


def _scaled(factor: float) -> Loop:
    """A product with a number of the format that is computed in."""

    def loop(b: Builder, x: Value) -> Value:
        wide = b.convert(x, computed_in(x.dtype))
        return b.convert(b.op("mul", wide, b.lit(wide.dtype.type(factor), wide)), x.dtype)

    return loop


def _modf(b: Builder, x: Value) -> tuple[Value, Value]:
    whole = b.op("trunc", x)
    rest = b.op("select", b.op("isinf", x), b.lit(0, x), b.op("sub", x, whole))
    return b.op("copysign", rest, x), whole


def _frexp(b: Builder, x: Value) -> tuple[Value, Value]:
    return b.op("frexp_mantissa", x), b.op("frexp_exponent", x)


def _divmod(b: Builder, x: Value, y: Value) -> tuple[Value, Value]:
    return b.op("floor_divide", x, y), b.op("remainder", x, y)


def _logical(name: str) -> Loop:
    return lambda b, *v: b.op(name, *(b.convert(x, BOOL.dtype) for x in v))


def _heaviside(b: Builder, x: Value, half: Value) -> Value:
    zero, one = b.lit(0, x), b.lit(1, x)
    step = b.op("select", b.op("lt", x, zero), zero, one)
    step = b.op("select", b.op("eq", x, zero), half, step)
    return b.op("select", b.op("isnan", x), x, step)  # type: ignore[no-any-return]


def _ldexp(b: Builder, x: Value, exponent: Value) -> Value:
    return b.op("ldexp", x, b.convert(exponent, "i64"))  # type: ignore[no-any-return]


def _compare(name: str, mirrored: str) -> Loop:
    """A comparison; int64 against uint64 is exact, as NumPy's mixed loops are."""

    def loop(b: Builder, x: Value, y: Value) -> Value:
        if x.dtype == y.dtype:
            return b.op(name, x, y)  # type: ignore[no-any-return]
        if is_unsigned(x.dtype):
            return loop_signed(b, y, x, mirrored)
        return loop_signed(b, x, y, name)

    def loop_signed(b: Builder, signed: Value, unsigned: Value, which: str) -> Value:
        below = b.op("lt", signed, b.lit(0, signed))
        inside = b.op(which, b.convert(signed, DTYPES["u64"]), unsigned)
        answer = b.lit(which in ("lt", "le", "ne"), below)
        return b.op("select", below, answer, inside)  # type: ignore[no-any-return]

    return loop


_ROWS = {p.ufunc: _direct(p.name) for p in TABLE.values() if p.ufunc is not None}
"""Ufuncs whose loop is one row, which says so; others are below."""
LOOPS: dict[np.ufunc, Loop] = _ROWS | {
    np.float_power: _direct("pow"),
    np.absolute: _absolute,
    np.fabs: _absolute,
    np.positive: _identity,
    np.floor: _floats_only("floor"),
    np.ceil: _floats_only("ceil"),
    np.trunc: _floats_only("trunc"),
    np.square: lambda b, x: b.op("mul", x, x),
    np.reciprocal: _reciprocal,
    np.deg2rad: _scaled(math.pi / 180),
    np.radians: _scaled(math.pi / 180),
    np.rad2deg: _scaled(180 / math.pi),
    np.degrees: _scaled(180 / math.pi),
    np.isnan: _test("isnan", False),
    np.isinf: _test("isinf", False),
    np.isfinite: _test("isfinite", True),
    np.modf: _modf,
    np.frexp: _frexp,
    np.ldexp: _ldexp,
    np.conjugate: lambda b, x: b.op("conj", x) if is_complex(x.dtype) else x,
    np.logical_not: _logical("invert"),
    np.logical_and: _logical("bitwise_and"),
    np.logical_or: _logical("bitwise_or"),
    np.logical_xor: _logical("bitwise_xor"),
    np.add: _on_bool("bitwise_or", "add"),
    np.multiply: _on_bool("bitwise_and", "mul"),
    np.divmod: _divmod,
    np.heaviside: _heaviside,
    np.equal: _compare("eq", "eq"),
    np.not_equal: _compare("ne", "ne"),
    np.less: _compare("lt", "gt"),
    np.less_equal: _compare("le", "ge"),
    np.greater: _compare("gt", "lt"),
    np.greater_equal: _compare("ge", "le"),
}
