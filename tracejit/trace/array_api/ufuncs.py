"""Ufunc calls on traced values with NumPy's full argument list, and the ufunc methods.

The steps are NumPy's: resolve the loop's dtypes, cast, broadcast, compute, write to ``out``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tracejit.dtypes import is_inexact, is_integer, is_number, is_signed
from tracejit.errors import UnsupportedError, throw
from tracejit.ir.builder import Builder
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.trace.array_api.creation import asarray
from tracejit.trace.array_api.delivery import result_like, write
from tracejit.trace.array_api.names import NAMES, unsupported
from tracejit.trace.array_api.operands import (
    Operand,
    builder,
    cast,
    check,
    full_like,
    operand,
    value_of,
)
from tracejit.trace.array_api.promotion import loop_dtypes
from tracejit.trace.array_api.reductions import accumulate_ufunc, reduce_ufunc
from tracejit.trace.array_api.scatters import scatter_at
from tracejit.trace.array_api.ufunc_loops import LOOPS
from tracejit.trace.array_api.ufunc_methods import reduceat_by_loop
from tracejit.trace.session.concretize import shown_shape
from tracejit.trace.session.session import current
from tracejit.trace.values.all import Array
from tracejit.trace.views.broadcast import (
    broadcast_shapes,
    broadcast_together,
    shapes_message,
    stretch,
)
from tracejit.trace.views.views import is_writeable

_COMPARISONS = {
    np.equal,
    np.not_equal,
    np.less,
    np.less_equal,
    np.greater,
    np.greater_equal,
}


def call_ufunc(
    ufunc: np.ufunc,
    *args: Any,
    out: Any = None,
    where: Any = True,
    casting: Any = "same_kind",
    order: str = "K",
    dtype: Any = None,
    subok: bool = True,
    signature: Any = None,
) -> Any:
    """``ufunc(*args, out=…)`` on traced values; outputs may also follow the inputs."""
    name = f"np.{ufunc.__name__}"
    unsupported(name, order=(order, "K"))
    inputs, outs = _split_arguments(ufunc, args, out)
    operands = [operand(x) for x in inputs]
    out_dtypes = [None if o is None else o.dtype for o in outs]
    operands = _wide_comparison(ufunc, operands)
    known = _out_of_range(ufunc, operands)
    if known is not None:
        return _deliver(ufunc, (known,), inputs, outs, where)
    dtypes = loop_dtypes(ufunc, operands, out_dtypes, dtype, signature, casting)
    values = [cast(x, d) for x, d in zip(operands, dtypes, strict=False)]
    values = _before(ufunc, operands, values)
    extra = [o.read() for o in outs if o is not None]
    values = _together(values, extra, where)
    results = _loop(ufunc, operands, values)
    b = builder()
    results = tuple(b.convert(r, d) for r, d in zip(results, dtypes[ufunc.nin :], strict=True))
    return _deliver(ufunc, results, inputs, outs, where)


def _split_arguments(
    ufunc: np.ufunc, args: Sequence[Any], out: Any
) -> tuple[list[Any], list[Array | None]]:
    nin, nout = ufunc.nin, ufunc.nout
    if not nin <= len(args) <= nin + nout:
        throw(
            TypeError(
                f"{ufunc.__name__}() takes from {nin} to {nin + nout} positional arguments "
                f"but {len(args)} were given"
            )
        )
    outs: list[Any] = list(out) if isinstance(out, tuple) else [out] * (out is not None)
    outs = [*args[nin:], *outs]
    outs += [None] * (nout - len(outs))
    for o in outs:
        if o is not None and not isinstance(o, Array):
            throw(TypeError("return arrays must be of ArrayType"))
        if o is not None and not is_writeable(o):
            throw(ValueError("output array is read-only"))
    return list(args[:nin]), outs


def _together(values: list[Value], extra: Sequence[Value], where: Any) -> list[Value]:
    """Inputs broadcast against each other and the mask; to the outputs, where there are any."""
    masks = [] if where is True else [value_of(where)]
    if not extra:
        return broadcast_together([*values, *masks])[: len(values)]
    message = _check_outputs([*values, *masks], extra)
    return [stretch(v, extra[0].shape, message) for v in values]


def _check_outputs(inputs: Sequence[Value], outs: Sequence[Value]) -> str:
    """All shapes must fit, and outputs not be stretched; what is said where they do not fit."""
    shapes = [v.shape for v in (*inputs, *outs)]
    message = shapes_message(shapes)
    common = broadcast_shapes(shapes, message)
    ranges = current().ranges
    for out in outs:
        refused = (
            f"non-broadcastable output operand with shape {shown_shape(out.shape)} doesn't match "
            f"the broadcast shape {shown_shape(common)}"
        )
        longer = len(common) > len(out.shape)
        for v in inputs:
            for d, w in zip(reversed(v.shape), reversed(out.shape), strict=False):
                if d not in (1, w) and (longer or ranges.equal(w, 1) is not False):
                    _not_stretched(d, w, message, refused)
        if longer:
            throw(ValueError(refused))
    return message


def _not_stretched(d: Dim, w: Dim, message: str, refused: str) -> None:
    """An axis of an output that may have one element, and the extent of an input's."""
    session = current()
    if session.remembered(("not stretched", d, w)):
        return
    b = session.b
    have, want, one = b.index(d), b.index(w), b.const(1, "i64")
    ok = b.op("bitwise_or", b.op("eq", have, one), b.op("eq", have, want))
    texts = [t.replace("{", "{{").replace("}", "}}") for t in (message, refused)]
    session.check(b.op("bitwise_or", ok, b.op("eq", want, one)), ValueError, texts[0])
    session.check(ok, ValueError, texts[1])
    session.remember(("not stretched", d, w), True)
    session.remember(("one or", d, w), True)
    if session.ranges.equal(d, 1) is False:
        session.remember(("equal", d, w), True)


def _loop(ufunc: np.ufunc, operands: Sequence[Operand], values: Sequence[Value]) -> Any:
    if ufunc not in LOOPS:
        raise UnsupportedError(f"np.{ufunc.__name__} is not supported on traced values")
    b = builder()
    if ufunc is np.power and not operands[1].shape:
        special = _easy_power(b, values[0], known_number(operands[1]))
        if special is not None:
            return (special,)
    found = LOOPS[ufunc](b, *values)
    return found if isinstance(found, tuple) else (found,)


def known_number(x: Operand) -> Any:
    """The number that a rank-0 operand is known to be, else None."""
    if x.value is None:
        return x.literal
    known = current().literal(x.value)
    return None if known is None else known[()]


def _easy_power(b: Builder, x: Value, exponent: Any) -> Value | None:
    """The exponents that NumPy's power loops treat apart where the exponent is one number."""
    if exponent is None or not is_number(x.dtype):
        return None
    if exponent == 2:
        return b.op("mul", x, x)  # type: ignore[no-any-return]
    if exponent == 1:
        return x
    if exponent == 0:
        return full_like(1, x)
    if exponent == 0.5 and is_inexact(x.dtype):
        return b.op("sqrt", x)  # type: ignore[no-any-return]
    if exponent == -1 and is_inexact(x.dtype):
        return b.op("div", full_like(1, x), x)  # type: ignore[no-any-return]
    return None


def _before(ufunc: np.ufunc, operands: Sequence[Operand], values: list[Value]) -> list[Value]:
    """Errors that NumPy's loops raise by value."""
    if ufunc is np.power and is_signed(values[1].dtype):
        message = "Integers to negative integer powers are not allowed."
        known, y = known_number(operands[1]) if not operands[1].shape else None, values[1]
        if known is not None and known < 0:
            throw(ValueError(message))
        if known is None:
            b = builder()
            ok = b.op("ge", y, full_like(0, y))
            if y.rank:
                ok = b.op("reduce_and", ok, axes=tuple(range(y.rank)))
            check(ok, "ValueError", message)
    return values


def _wide_comparison(ufunc: np.ufunc, operands: list[Operand]) -> list[Operand]:
    """A traced Python int compared with integers keeps its value: compare it as int64."""
    if ufunc not in _COMPARISONS:
        return operands
    other = any(x.weak is None and is_integer(x.dtype) for x in operands)
    if not other:
        return operands
    return [Operand(x.value) if x.weak is int and x.value is not None else x for x in operands]


def _out_of_range(ufunc: np.ufunc, operands: Sequence[Operand]) -> Value | None:
    """The constant answer of comparing integers with a Python int that their dtype cannot hold, or
    with infinity or nan."""
    if ufunc not in _COMPARISONS:
        return None
    for k, x in enumerate(operands):
        other = operands[1 - k]
        if x.value is None and other.value is not None and is_integer(other.value.dtype):
            beyond = _beyond(x.literal, other.value.dtype)
            if beyond is not None:
                pair: list[Any] = [0, 0]
                pair[k] = beyond
                b = builder()
                return b.broadcast(b.const(bool(_answer(ufunc, pair))), other.shape)
    return None


def _beyond(literal: Any, dtype: Any) -> Any:
    """What compares with zero as a number does with all integers of a dtype, if there is such."""
    if type(literal) is float and not np.isfinite(literal):
        return literal
    info = np.iinfo(dtype)
    if type(literal) is int and not info.min <= literal <= info.max:
        return 1 if literal > 0 else -1
    return None


def _answer(ufunc: Any, pair: Sequence[Any]) -> Any:
    return ufunc(*pair)


def _deliver(
    ufunc: np.ufunc,
    results: Sequence[Value],
    inputs: Sequence[Any],
    outs: Sequence[Array | None],
    where: Any,
) -> Any:
    """Results written to ``out`` where given, else wrapped; masked-off elements are kept."""
    delivered = []
    for value, out in zip(results, outs, strict=True):
        if where is not True:
            value = _masked(value, where, out)
        delivered.append(result_like(value, inputs) if out is None else write(out, value))
    return delivered[0] if len(delivered) == 1 else tuple(delivered)


def _masked(value: Value, where: Any, out: Array | None) -> Value:
    b = builder()
    mask = stretch(b.convert(value_of(where), "bool"), value.shape)
    if out is None:
        old = b.op("empty", shape=value.shape, dtype=value.dtype)
    else:
        old = b.convert(out.read(), value.dtype)
    return b.op("select", mask, value, old)  # type: ignore[no-any-return]


def _outer(ufunc: np.ufunc, x: Any, y: Any, **kwargs: Any) -> Any:
    x, y = asarray(x), asarray(y)
    return NAMES[ufunc](x[(..., *[None] * y.ndim)], y, **kwargs)


class Ufunc:
    """What ``NAMES`` holds for a ufunc: callable, with the ufunc methods."""

    def __init__(self, ufunc: np.ufunc) -> None:
        self.ufunc = ufunc
        self.__name__ = ufunc.__name__

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        return call_ufunc(self.ufunc, *args, **kwargs)

    def reduce(self, /, *args: Any, **kwargs: Any) -> Any:
        return reduce_ufunc(self.ufunc, *args, **kwargs)

    def accumulate(self, /, *args: Any, **kwargs: Any) -> Any:
        return accumulate_ufunc(self.ufunc, *args, **kwargs)

    def outer(self, x: Any, y: Any, **kwargs: Any) -> Any:
        return _outer(self.ufunc, x, y, **kwargs)

    def at(self, a: Any, indices: Any, b: Any = None) -> None:
        scatter_at(self.ufunc, a, indices, b)

    def reduceat(self, /, *args: Any, **kwargs: Any) -> Any:
        return reduceat_by_loop(self.ufunc, *args, **kwargs)


for _ufunc in LOOPS:
    NAMES[_ufunc] = Ufunc(_ufunc)
