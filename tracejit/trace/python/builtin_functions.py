"""Python's builtins on traced values."""

from __future__ import annotations

import builtins
import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tracejit.dtypes import is_bool, is_complex, is_float, is_integer
from tracejit.errors import UnsupportedError, all_ask, throw
from tracejit.trace.control.branch import bool_of
from tracejit.trace.control.number_plans import is_any_number, kinds_of
from tracejit.trace.python import dynamic_list_methods
from tracejit.trace.python.attributes import ATTRIBUTES
from tracejit.trace.python.comparisons import choose
from tracejit.trace.python.formatting import TEXTS
from tracejit.trace.python.generator_reductions import folded_as_they_are
from tracejit.trace.python.rounding import rounded
from tracejit.trace.python.table_views import TableView, length
from tracejit.trace.session.registry import BUILTINS
from tracejit.trace.session.session import current, where
from tracejit.trace.values.all import (
    Array,
    MixedScalar,
    PyScalar,
    Scalar,
    Tracer,
    WeakKind,
    as_dim,
    dim_value,
    name_of,
    weak_kind,
)
from tracejit.trace.values.dynamic_list import is_grown, length_of
from tracejit.trace.values.entries import is_table, is_view
from tracejit.trace.values.iterables import (
    Enumerate,
    Looped,
    Reversed,
    Zip,
    as_met,
    is_endless,
    iterated,
    iterator_key,
    steps_of,
    strict_zip,
)
from tracejit.trace.values.python_scalars import as_kind, made, power
from tracejit.trace.values.ranges import Range, trip_count
from tracejit.trace.values.structured_arrays import StructuredArray
from tracejit.trace.values.tagged import each_kind


def sized_by_the_run(items: Any) -> bool:
    """Whether only the run says how many items there are."""
    if isinstance(items, Array):
        return items.ndim > 0 and not isinstance(items.dims[0], int)
    return _is_long(items)


def builtin_range(*args: Any) -> Any:
    if not any(isinstance(a, Tracer) for a in args):
        return builtins.range(*args)
    if len(args) > 3:
        throw(TypeError(f"range expected at most 3 arguments, got {len(args)}"))
    dims = [dim_value(as_dim(a)) for a in args]
    if not any(isinstance(d, Tracer) for d in dims):
        return builtins.range(*dims)
    if len(dims) == 1:
        return Range(0, dims[0], 1)
    return Range(dims[0], dims[1], dims[2] if len(dims) == 3 else 1)


def builtin_len(x: Any, /) -> Any:
    if is_grown(x):
        return dynamic_list_methods.length(x)
    if is_table(x) or isinstance(x, TableView):
        return length(x.owner if isinstance(x, TableView) else x)
    if isinstance(x, StructuredArray) and x.layout.is_record:
        return builtins.len(x)
    if isinstance(x, Array | StructuredArray):
        if not x.dims:
            throw(TypeError("len() of unsized object"))
        return dim_value(x.dims[0])
    if isinstance(x, Tracer):
        kind = x.kind if isinstance(x, PyScalar) else f"numpy.{x.dtype}"  # type: ignore[attr-defined]
        throw(TypeError(f"object of type '{kind}' has no len()"))
    if isinstance(x, Range):
        return dim_value(trip_count(x.start, x.stop, x.step))
    found = _own(x, "__len__")
    return builtins.len(x) if found is NotImplemented else found


def _own(x: Any, name: str, *args: Any) -> Any:
    """The result of a method of the user's own class; NotImplemented where there is none."""
    from tracejit.trace.values.dunder_methods import applied

    return applied(current().operators, x, name, *args)


def builtin_sum(items: Any, /, start: Any = 0) -> Any:
    numbers = isinstance(items, Array) and items.ndim == 1 and not is_bool(items.dtype)
    if numbers or is_grown(items) or _is_long(items):
        return _sum_rows(items, start)
    total = start
    for item in builtins.iter(items):
        total = _plus(total, item)
    return total


def _is_long(x: Any) -> bool:
    """Whether only the run says how many items an iterator has."""
    steps = x.steps() if isinstance(x, Looped) else None
    return steps is not None and not isinstance(steps.trip, int)


def _sum_rows(x: Array, start: Any) -> Any:
    """A loop over elements: Python's order of addition, not NumPy's."""
    state = [start]

    def body(item: Any) -> None:
        state[0] = _plus(state[0], item)

    current().operators.loop_over(x, body, state)
    return or_start(x, start, state[0])


def or_start(x: Any, start: Any, total: Any) -> Any:
    """What comes of all items of a list: where there are none, what it starts from, as it is."""
    if not is_grown(x) or current().ranges.at_least(length_of(x), 1) or _are_alike(start, total):
        return total
    operators = current().operators
    some = operators.compare_one(">", dim_value(length_of(x)), 0)
    return operators.if_expr(some, lambda: total, lambda: start, None)


def _are_alike(a: Any, b: Any) -> bool:
    """Whether two are numbers of one kind, or no numbers."""
    numbers = all(is_any_number(x) for x in (a, b))
    return not numbers or kinds_of(a) == kinds_of(b)


def _plus(a: Any, b: Any) -> Any:
    return a + b


def builtin_abs(x: Any, /) -> Any:
    found = _own(x, "__abs__")
    return builtins.abs(x) if found is NotImplemented else found


def builtin_float(x: Any = 0.0, /) -> Any:
    return _to_python("float", x)


def builtin_complex(real: Any = 0.0, imag: Any = None) -> Any:
    if imag is None:
        return _to_python("complex", real)
    if not any(isinstance(p, Tracer) for p in (real, imag)):
        return complex(real, imag)
    b = current().b
    parts = [as_kind(_to_python("float", p), "float") for p in (real, imag)]
    return made("complex", b.op("complex", *parts))


def builtin_bool(x: Any = False, /) -> Any:
    return bool_of(x)


def builtin_int(x: Any = 0, /, base: Any = None) -> Any:
    if base is None:
        return _to_python("int", x)
    if isinstance(x, Tracer):
        throw(TypeError("int() can't convert non-string with explicit base"))
    return builtins.int(x, base)


_PYTHON: dict[str, Any] = {"float": float, "complex": complex, "int": int}


def _to_python(kind: WeakKind, x: Any) -> Any:
    """``int``, ``float`` or ``complex`` of a traced number."""
    if not isinstance(x, Tracer):
        found = _own(x, f"__{kind}__")
        return _PYTHON[kind](x) if found is NotImplemented else found
    session = current()
    b = session.b
    if isinstance(x, Array) and x.ndim:
        # Which arrays have one number in them is for the version of NumPy to say.
        builtins.float(np.zeros([1 if d == 1 else 2 for d in x.dims]))
        x = x[(0,) * x.ndim]
    value = x.read()
    if is_complex(value.dtype) and kind != "complex":
        if not isinstance(x, Scalar):
            _PYTHON[kind](1j)  # raises
        value = b.op("real", value)
    if kind == "int" and is_float(value.dtype):
        return _truncated(value)
    if kind == "int":
        check_int_fits(value)
    return made(kind, b.convert(value, {"int": "i64", "float": "f64", "complex": "c128"}[kind]))


def check_int_fits(value: Any) -> None:
    """OverflowError where an element of ``uint64`` is no Python int of 64 bits."""
    if value.dtype == np.uint64:
        b = current().b
        fits = b.op("le", value, b.const(2**63 - 1, "u64"))
        current().check(fits, OverflowError, "Python int too large to convert to C long")


def builtin_index(x: Any) -> Any:
    """``operator.index``: of integers only."""
    if isinstance(x, PyScalar):
        if x.kind not in ("bool", "int"):
            throw(TypeError(f"'{x.kind}' object cannot be interpreted as an integer"))
        return _to_python("int", x)
    if not is_integer(x.dtype) or (isinstance(x, Array) and x.ndim):
        throw(TypeError("only integer scalar arrays can be converted to a scalar index"))
    return _to_python("int", x)


def _in_base(spec: str, theirs: Callable[[Any], str]) -> Callable[[Any], str]:
    def text(number: Any, /) -> str:
        return format(builtin_index(number), spec) if isinstance(number, Tracer) else theirs(number)

    return text


def _truncated(value: Any) -> Any:
    """``int(float)``: errors for nan, infinity and what does not fit in 64 bits."""
    session = current()
    b = session.b
    nan = b.op("isnan", value)
    session.check(b.op("invert", nan), ValueError, "cannot convert float NaN to integer")
    finite = b.op("isfinite", value)
    session.check(finite, OverflowError, "cannot convert float infinity to integer")
    wide = b.convert(value, "f64")
    low = b.op("ge", wide, b.const(-(2.0**63), "f64"))
    fits = b.op("bitwise_and", low, b.op("lt", wide, b.const(2.0**63, "f64")))
    session.check(fits, OverflowError, "Python int too large to convert to C long")
    return made("int", b.convert(b.op("trunc", value), "i64"))


def builtin_round(number: Any, ndigits: Any = None) -> Any:
    x, digits = number, ndigits
    if not isinstance(x, Tracer):
        found = _own(x, "__round__", *(() if digits is None else (digits,)))
        return builtins.round(x, digits) if found is NotImplemented else found
    if digits is None and not isinstance(x, Array):
        if (isinstance(x, PyScalar) and x.kind in ("int", "bool")) or is_integer(x.read().dtype):
            return _to_python("int", x)
        return _truncated(current().b.op("rint", x.read()))
    if isinstance(x, MixedScalar):
        return each_kind(builtin_round, x, digits)
    if isinstance(x, PyScalar):
        if x.kind in ("int", "bool"):
            return _rounded_int(x, digits)
        return rounded(x, digits)
    return name_of(np.round)(x, digits or 0)


def _rounded_int(x: Any, digits: Any) -> Any:
    """``round(int, digits)``: tens and hundreds, halves to the even one."""
    if isinstance(digits, Tracer):
        raise UnsupportedError(
            f"{where()}: round() of an int to digits that are known at run time only; divide by "
            "the power of ten"
        )
    if digits >= 0:
        return _to_python("int", x)
    if digits < -18:
        raise UnsupportedError(f"{where()}: round() of an int to {digits} digits is always 0")
    unit = 10**-digits
    quotient, rest = x // unit, x % unit
    odd = current().operators.compare_one("==", quotient % 2, 1)
    half = choose(odd, unit // 2, unit // 2 + 1)
    return choose(current().operators.compare_one(">=", rest, half), quotient + 1, quotient) * unit


def builtin_divmod(a: Any, b: Any, /) -> Any:
    return builtins.divmod(a, b)


def builtin_pow(base: Any, exp: Any, mod: Any = None) -> Any:
    if mod is not None and any(isinstance(i, Tracer) for i in (base, exp, mod)):
        raise UnsupportedError(
            f"{where()}: pow() with a modulus is not supported for run-time values; square and "
            "multiply in a loop: r = r * base % mod"
        )
    if any(isinstance(i, Tracer) for i in (base, exp)) and weak_kind(base) and weak_kind(exp):
        return power(base, exp)
    return builtins.pow(base, exp, mod)


def _staged_part(x: Any) -> bool:
    return not (isinstance(x, builtins.range) or is_endless(x)) and steps_of(x) is not None


def builtin_enumerate(iterable: Any, start: Any = 0) -> Any:
    key = iterator_key()
    looped = _staged_part(as_met(iterable, key)) or isinstance(iterable, builtins.range)
    if looped or isinstance(start, Tracer):
        return Enumerate(iterable, start)
    return builtins.enumerate(iterated(iterable, key), start)


def builtin_zip(*parts: Any, strict: bool = False) -> Any:
    key = iterator_key()
    ranges = len(parts) > 1 and all(isinstance(p, builtins.range) for p in parts)
    if any(_staged_part(as_met(p, key)) for p in parts) or ranges:
        return strict_zip(parts) if strict else Zip(parts)
    return builtins.zip(*(iterated(p, key) for p in parts), strict=strict)


def builtin_reversed(x: Any, /) -> Any:
    key = iterator_key()
    looped = isinstance(x, Array | Range | builtins.range) or is_grown(as_met(x, key)) or is_view(x)
    return Reversed(x) if looped else iterated(x, key, builtins.reversed)


def _all_or_any(name: str) -> Callable[[Any], Any]:
    def fold(items: Any) -> Any:
        if is_grown(items):
            items = dynamic_list_methods.as_array(items)
        if isinstance(items, Array):
            if items.ndim == 1:
                return builtin_bool(name_of(np.all if name == "all" else np.any)(items))
            items = builtins.iter(items)
        if _is_long(items):
            return folded_as_they_are(getattr(builtins, name), items)
        operators = current().operators
        step = operators.and_ if name == "all" else operators.or_
        result: Any = name == "all"
        for item in items:
            result = step(result, lambda item=item: builtin_bool(item))
        return result

    return fold


#: What takes lists of which the run decides how long they are.
OF_GROWN = {
    builtins.len, builtins.min, builtins.max, builtins.sum, builtins.bool, builtins.enumerate,
    builtins.zip, builtins.reversed, builtins.any, builtins.all, builtins.list, builtins.tuple,
    builtins.iter, builtins.isinstance, builtins.type, builtins.id, builtins.set,
    builtins.frozenset,
    functools.reduce, builtins.sorted, builtins.map, builtins.filter, math.prod, math.fsum,
    math.dist,
}  # fmt: skip

BUILTINS |= {
    builtins.range: builtin_range,
    builtins.len: builtin_len,
    builtins.sum: builtin_sum,
    builtins.abs: builtin_abs,
    builtins.float: builtin_float,
    builtins.complex: builtin_complex,
    builtins.bool: builtin_bool,
    builtins.int: builtin_int,
    builtins.round: builtin_round,
    builtins.divmod: builtin_divmod,
    builtins.pow: builtin_pow,
    builtins.enumerate: builtin_enumerate,
    builtins.zip: builtin_zip,
    builtins.reversed: builtin_reversed,
    builtins.all: _all_or_any("all"),
    builtins.any: _all_or_any("any"),
    **ATTRIBUTES,
    **TEXTS,
    builtins.bin: _in_base("#b", builtins.bin),
    builtins.oct: _in_base("#o", builtins.oct),
    builtins.hex: _in_base("#x", builtins.hex),
}


all_ask(globals(), TypeError, ValueError, ArithmeticError)
