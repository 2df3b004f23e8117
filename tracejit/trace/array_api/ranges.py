"""Evenly spaced numbers: arange, linspace."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from tracejit.dtypes import is_bool, is_integer, is_real
from tracejit.errors import throw
from tracejit.ir import extent as ex
from tracejit.ir.extent import Dim
from tracejit.trace.array_api.creation import asarray
from tracejit.trace.array_api.names import covers
from tracejit.trace.array_api.operands import (
    DType,
    builder,
    cast,
    check_dim,
    given_dtype,
    iota,
    operand,
    value_of,
)
from tracejit.trace.array_api.promotion import promote
from tracejit.trace.session.session import current
from tracejit.trace.values.all import Array, Scalar, Tracer, as_dim, fresh, weak_kind
from tracejit.trace.values.python_scalars import zero_division_words
from tracejit.trace.views.broadcast import stretch


@covers(np.arange)
def arange(
    *args: Any, dtype: Any = None, device: Any = None, like: Any = None, **named: Any
) -> Array:
    """``start + i * step``; the extent may be traced."""
    args = _arange_arguments(args, named)
    if len(args) == 4:
        *args, dtype = args  # type: ignore[assignment]
    if len(args) > 1 and args[1] is None:  # the first is the stop
        args = (0, args[0], *args[2:])
    start, stop, step = (0, args[0], 1) if len(args) == 1 else (*args, 1)[:3]
    inputs = [operand(v) for v in (start, stop, step)]
    natural = promote(inputs)
    kind = natural if dtype is None else given_dtype(dtype)
    count = _arange_count(start, stop, step, natural)
    if is_bool(kind):
        return fresh(builder().convert(iota(count, "i64"), "bool"))
    b = builder()
    line = iota(count, kind if is_real(kind) else "f64")
    line = b.convert(line, kind)
    first, second = cast(inputs[0], kind), cast(operand(_sum(start, step)), kind)
    delta = b.op("sub", second, first)
    if not _is(step, 1):
        line = b.op("mul", line, stretch(delta, line.shape))
    # 0 times a negative step is -0.0, which is 0.0 only when 0 is added.
    rising = is_integer(kind) or (not isinstance(step, Tracer) and step >= 0)
    if not (_is(start, 0) and rising):
        line = b.op("add", stretch(first, line.shape), line)
    return fresh(line)


def _arange_arguments(args: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, ...]:
    """start, stop and step also by name, as NumPy's arange takes them."""
    unknown = set(named) - {"start", "stop", "step"}
    if unknown:
        throw(TypeError(f"arange() got an unexpected keyword argument '{min(unknown)}'"))
    if not named:
        if not args:
            throw(TypeError("arange() requires stop to be specified."))
        return args
    if len(args) == 1 and "stop" not in named:
        named, args = {**named, "stop": args[0]}, ()
    names = ("start", "stop", "step")
    given = {**dict(zip(names, args, strict=False)), **named}
    if "stop" not in given:
        given["stop"], given["start"] = given.get("start"), 0
    return given.get("start", 0), given["stop"], given.get("step", 1)


def _is(given: Any, number: int) -> bool:
    return not isinstance(given, Tracer) and given == number


def _sum(start: Any, step: Any) -> Any:
    return start if not isinstance(step, Tracer) and step == 0 else start + step


def _arange_count(start: Any, stop: Any, step: Any, kind: DType) -> Dim:
    if not any(isinstance(v, Tracer) for v in (start, stop, step)):
        if step == 0:
            throw(ZeroDivisionError("division by zero"))
        steps: int = math.ceil((stop - start) / step)
        return max(0, steps)
    if is_integer(kind):
        low, high, by = as_dim(start), as_dim(stop), as_dim(step)
        if isinstance(by, int) and by != 0:
            span, by = (high - low, by) if by > 0 else (low - high, -by)
            count = ex.floordiv(span + (by - 1), by)
            if current().ranges.at_least(count, 0):
                return count
            return builder().index(ex.emax(count, 0)).dim
    b = builder()
    kinds = [weak_kind(v) for v in (start, stop, step)]
    if isinstance(step, Tracer) and all(kinds):
        one = 1 if set(kinds) <= {"bool", "int"} else 1.0
        message = zero_division_words(operator.truediv, one, 0)
        given = value_of(step)
        nonzero = b.op("ne", given, b.const(0, given.dtype))
        current().check(nonzero, ZeroDivisionError, message)
    first, last, by_ = (b.convert(value_of(v), "f64") for v in (start, stop, step))
    trips = b.op("ceil", b.op("div", b.op("sub", last, first), by_))
    trips = b.op("fmax", trips, b.const(0.0, "f64"))
    fits = b.op("lt", trips, b.const(2.0**63, "f64"))
    current().check(fits, ValueError, "Maximum allowed size exceeded")
    return current().ranges.extent(b.convert(trips, "i64")).dim


@covers(np.linspace)
def linspace(
    start: Any,
    stop: Any,
    num: Any = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
    *,
    device: Any = None,
) -> Any:
    """Evenly spaced numbers, computed as NumPy does (the last one is exactly ``stop``)."""
    b, count = builder(), as_dim(num)
    check_dim("ge", count, 0, "ValueError", "Number of samples, {0}, must be non-negative.")
    first, last = operand(start), operand(stop)
    kind = given_dtype(np.result_type(promote([first, last]), 0.0))
    a, z = (asarray(cast(v, kind)) for v in (first, last))
    parts = count - 1 if endpoint else count
    span = np.subtract(z, a)
    line = asarray(b.convert(iota(count, "f64"), kind))
    line = line[(slice(None), *[None] * span.ndim)]
    if isinstance(parts, int):
        step = np.divide(span, parts) if parts > 0 else np.nan
        found = line * (step if parts > 0 else span) + a
        if endpoint and parts > 0:
            found[-1] = z
    else:
        gaps = b.op("maximum", b.index(parts), b.const(1, "i64"))
        step = np.divide(span, Scalar(b.convert(gaps, kind)))
        found = line * step + a
        if endpoint:
            top = b.op("eq", iota(count), stretch(gaps, (count,)))
            found = np.where(asarray(top)[(slice(None), *[None] * span.ndim)], z, found)
    if dtype is not None:
        target = given_dtype(dtype)
        found = (np.floor(found) if is_integer(target) else found).astype(target)
    if axis != 0:
        found = np.moveaxis(found, 0, axis)
    return (found, step) if retstep else found
