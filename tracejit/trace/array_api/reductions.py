"""Reductions by a ufunc: sum, prod, min, max, any, all, and ``ufunc.reduce`` / ``accumulate``.

``fold`` is the one road: accumulator dtype, mask, initial value, empty axes, keepdims, out.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tracejit.dtypes import is_bool, is_inexact, is_unsigned, kind_of
from tracejit.errors import throw
from tracejit.ir import extent as ex
from tracejit.ir.core import Value
from tracejit.records import dataclass
from tracejit.trace.array_api.delivery import deliver
from tracejit.trace.array_api.empty import check_not_empty, known_not_empty
from tracejit.trace.array_api.names import covers
from tracejit.trace.array_api.operands import (
    DType,
    axes_of,
    builder,
    cast,
    expanded,
    full_like,
    given_dtype,
    operand,
    value_of,
)
from tracejit.trace.array_api.ufunc_loops import LOOPS
from tracejit.trace.array_api.ufunc_methods import accumulate_by_loop, reduce_by_loop
from tracejit.trace.views.broadcast import stretch

NO_VALUE: Any = np._NoValue


@dataclass(frozen=True)
class UfuncFold:
    """How a ufunc reduces: primitive, identity (None where there is none), primitive on bool."""

    prim: str
    combine: np.ufunc
    identity: Any
    on_bool: str = ""
    widens: bool = False


FOLDS: dict[np.ufunc, UfuncFold] = {
    np.add: UfuncFold("reduce_sum", np.add, 0, "reduce_or", widens=True),
    np.multiply: UfuncFold("reduce_prod", np.multiply, 1, "reduce_and", widens=True),
    np.minimum: UfuncFold("reduce_min", np.minimum, None, "reduce_and"),
    np.maximum: UfuncFold("reduce_max", np.maximum, None, "reduce_or"),
    np.fmin: UfuncFold("reduce_min", np.fmin, None, "reduce_and"),
    np.fmax: UfuncFold("reduce_max", np.fmax, None, "reduce_or"),
    np.bitwise_and: UfuncFold("reduce_and", np.bitwise_and, -1, "reduce_and"),
    np.bitwise_or: UfuncFold("reduce_or", np.bitwise_or, 0, "reduce_or"),
    np.bitwise_xor: UfuncFold("reduce_xor", np.bitwise_xor, 0, "reduce_xor"),
    np.logical_and: UfuncFold("reduce_and", np.logical_and, True, "reduce_and"),
    np.logical_or: UfuncFold("reduce_or", np.logical_or, False, "reduce_or"),
    np.logical_xor: UfuncFold("reduce_xor", np.logical_xor, False, "reduce_xor"),
}


def accumulator(x: DType, dtype: Any, widens: bool) -> DType:
    """NumPy's accumulator: small ints and bool sum in the platform's 64-bit integer."""
    if dtype is not None:
        return given_dtype(dtype)
    if widens and kind_of(x) in "bi":
        return np.result_type(x, np.int64)
    if widens and is_unsigned(x):
        return np.result_type(x, np.uint64)
    return x


def fold(
    ufunc: np.ufunc,
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    initial: Any = NO_VALUE,
    where: Any = NO_VALUE,
) -> Any:
    """``ufunc.reduce`` with NumPy's arguments, on anything array-like."""
    x = value_of(a)
    axes = axes_of(axis, x.rank)
    if out is not None and dtype is None and FOLDS[ufunc].widens:
        dtype = np.result_type((out[0] if isinstance(out, tuple) else out).dtype, x.dtype)
    value = fold_value(ufunc, x, axes, dtype, initial, where)
    return deliver(kept(value, axes, keepdims), out, casting="unsafe")


def kept(value: Value, axes: tuple[int, ...], keepdims: Any) -> Value:
    """A reduced value with the reduced axes put back where ``keepdims`` asks for it."""
    return expanded(value, axes) if keepdims is not NO_VALUE and keepdims else value


def fold_value(
    ufunc: np.ufunc,
    x: Value,
    axes: tuple[int, ...],
    dtype: Any = None,
    initial: Any = NO_VALUE,
    where: Any = NO_VALUE,
) -> Value:
    """The reduction of a value over sorted ``axes``, without the reduced axes."""
    b, rule = builder(), FOLDS[ufunc]
    if ufunc in (np.logical_and, np.logical_or, np.logical_xor):
        x = b.convert(x, "bool")
    else:
        x = b.convert(x, accumulator(x.dtype, dtype, rule.widens))
    start = None if initial is NO_VALUE or initial is None else cast(operand(initial), x.dtype)
    if where is not NO_VALUE and where is not True:
        x = _masked(rule, x, where, start)
    if rule.identity is None and start is None:
        check_not_empty(x, axes, ufunc.__name__)
    if start is not None and rule.identity is None:
        result = _from_start(ufunc, x, axes, start)
    else:
        result = _reduced(ufunc, x, axes)
    if start is None:
        return result
    return LOOPS[rule.combine](b, stretch(start, result.shape), result)  # type: ignore[no-any-return]


def _reduced(ufunc: np.ufunc, x: Value, axes: tuple[int, ...]) -> Value:
    b, rule = builder(), FOLDS[ufunc]
    if not axes:
        return x
    if is_bool(x.dtype):
        return b.op(rule.on_bool, x, axes=axes)  # type: ignore[no-any-return]
    if ufunc in (np.fmin, np.fmax) and is_inexact(x.dtype):
        return _ignoring_nan(ufunc, x, axes)
    return b.op(rule.prim, x, axes=axes)  # type: ignore[no-any-return]


def _ignoring_nan(ufunc: np.ufunc, x: Value, axes: tuple[int, ...]) -> Value:
    """fmin/fmax over axes: nan only where everything is nan."""
    b = builder()
    missing = b.op("isnan", x)
    worst = np.inf if ufunc is np.fmin else -np.inf
    best = b.op(FOLDS[ufunc].prim, b.op("select", missing, full_like(worst, x), x), axes=axes)
    nothing = b.op("reduce_and", missing, axes=axes)
    return b.op(  # type: ignore[no-any-return]
        "select", nothing, full_like(np.nan, best), best
    )


def _from_start(ufunc: np.ufunc, x: Value, axes: tuple[int, ...], start: Value) -> Value:
    """A minimum or maximum of possibly nothing: each axis gets one more element, the start."""
    if known_not_empty(x, axes):
        return _reduced(ufunc, x, axes)
    b = builder()
    for axis in reversed(axes):
        shape = tuple(1 if a == axis else d for a, d in enumerate(x.shape))
        x = b.op("concatenate", stretch(start, shape), x, axis=axis)
        x = _reduced(ufunc, x, (axis,))
    return x


def _masked(rule: UfuncFold, x: Value, where: Any, start: Value | None) -> Value:
    b = builder()
    if rule.identity is None:
        if start is None:
            throw(
                ValueError(
                    f"reduction operation '{rule.combine.__name__}' does not have an identity, "
                    "so to use a where mask one has to specify 'initial'"
                )
            )
        other = stretch(start, x.shape)
    else:
        other = full_like(True if is_bool(x.dtype) and rule.identity else rule.identity, x)
    mask = stretch(b.convert(value_of(where), "bool"), x.shape)
    return b.op("select", mask, x, other)  # type: ignore[no-any-return]


def _reducing(ufunc: np.ufunc) -> Any:
    def reduction(
        a: Any,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        keepdims: Any = NO_VALUE,
        initial: Any = NO_VALUE,
        where: Any = NO_VALUE,
    ) -> Any:
        return fold(ufunc, a, axis, dtype, out, keepdims, initial, where)

    return reduction


def extremum(ufunc: np.ufunc) -> Any:
    """A minimum or maximum with the arguments of NumPy's function."""

    def reduction(
        a: Any,
        axis: Any = None,
        out: Any = None,
        keepdims: Any = NO_VALUE,
        initial: Any = NO_VALUE,
        where: Any = NO_VALUE,
    ) -> Any:
        return fold(ufunc, a, axis, None, out, keepdims, initial, where)

    return reduction


def _logical(ufunc: np.ufunc) -> Any:
    def reduction(
        a: Any,
        axis: Any = None,
        out: Any = None,
        keepdims: Any = NO_VALUE,
        *,
        where: Any = NO_VALUE,
    ) -> Any:
        return fold(ufunc, a, axis, None, out, keepdims, NO_VALUE, where)

    return reduction


sum_ = covers(np.sum, method=True)(_reducing(np.add))
prod = covers(np.prod, method=True)(_reducing(np.multiply))
amin = covers(np.amin, np.min, method="min")(extremum(np.minimum))
amax = covers(np.amax, np.max, method="max")(extremum(np.maximum))
any_ = covers(np.any, method=True)(_logical(np.logical_or))
all_ = covers(np.all, method=True)(_logical(np.logical_and))


def reduce_ufunc(
    ufunc: np.ufunc,
    array: Any,
    axis: Any = 0,
    dtype: Any = None,
    out: Any = None,
    keepdims: bool = False,
    initial: Any = NO_VALUE,
    where: Any = True,
) -> Any:
    """``ufunc.reduce``."""
    out = out[0] if isinstance(out, tuple) else out
    if ufunc not in FOLDS:
        return reduce_by_loop(ufunc, array, axis, dtype, out, keepdims, initial, where)
    return fold(ufunc, array, axis, dtype, out, keepdims, initial, where)


_SCANS: dict[np.ufunc, str] = {
    np.add: "cumsum",
    np.multiply: "cumprod",
    np.minimum: "cummin",
    np.maximum: "cummax",
}


def accumulate_ufunc(
    ufunc: np.ufunc, array: Any, axis: Any = 0, dtype: Any = None, out: Any = None
) -> Any:
    """``ufunc.accumulate``."""
    out = out[0] if isinstance(out, tuple) else out
    if ufunc not in _SCANS:
        return accumulate_by_loop(ufunc, array, axis, dtype, out)
    x = value_of(array)
    (k,) = axes_of(axis, x.rank)
    if out is not None and dtype is None and FOLDS[ufunc].widens:
        dtype = np.result_type(out.dtype, x.dtype)
    return deliver(scan_value(ufunc, x, k, dtype), out)


def scan_value(ufunc: np.ufunc, x: Value, axis: int, dtype: Any = None) -> Value:
    """The running reduction of a value along ``axis`` in NumPy's accumulator dtype."""
    b = builder()
    kind = accumulator(x.dtype, dtype, FOLDS[ufunc].widens)
    if is_bool(kind) and ufunc in (np.add, np.multiply):
        wide = b.convert(b.convert(x, "bool"), "u8")
        name = "cummax" if ufunc is np.add else "cummin"
        return b.convert(b.op(name, wide, axis=axis), "bool")
    return b.op(_SCANS[ufunc], b.convert(x, kind), axis=axis)  # type: ignore[no-any-return]


def _cumulative(ufunc: np.ufunc) -> Any:
    def scan(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
        x = value_of(a)
        if axis is None or not x.rank:
            axes_of(axis, x.rank)
            x, axis = builder().reshape(x, (ex.product(x.shape),)), 0
        (k,) = axes_of(axis, x.rank)
        return deliver(scan_value(ufunc, x, k, dtype), out)

    return scan


cumsum = covers(np.cumsum, method=True)(_cumulative(np.add))
cumprod = covers(np.cumprod, method=True)(_cumulative(np.multiply))


@covers(np.ptp)
def ptp(a: Any, axis: Any = None, out: Any = None, keepdims: Any = NO_VALUE) -> Any:
    """Maximum minus minimum."""
    return np.subtract(amax(a, axis, None, keepdims), amin(a, axis, None, keepdims), out=out)
