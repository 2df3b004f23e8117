"""Indices and slice bounds: wrapped, clipped, and checked unless they are provably in range."""

from __future__ import annotations

from typing import Any

from tracejit.errors import throw
from tracejit.ir import extent as ex
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.trace.session.session import current
from tracejit.trace.values.all import as_dim

_OUT = "index {0} is out of bounds for axis {1} with size {2}"
_NO_STEP = "slice step cannot be zero"


def check_index(item: Any, n: Dim, axis: int) -> Dim:
    """An integer index as a non-negative extent below ``n``; IndexError as NumPy."""
    i = as_dim(item)
    session = current()
    ranges = session.ranges
    if isinstance(i, int) and isinstance(n, int):
        if not -n <= i < n:
            throw(IndexError(_OUT.format(i, axis, n)))
        return i + n if i < 0 else i
    if ranges.at_least(i, 0) and ranges.at_least(n, i + 1):
        return i
    if ranges.at_least(-1, i) and ranges.at_least(i + n, 0):
        return i + n
    found = session.remembered(("index", i, n))
    if found is not None:
        return found  # type: ignore[no-any-return]
    wrapped = _wrapped_index(i, n, axis)
    session.remember(("index", i, n), wrapped)
    return wrapped


def _wrapped_index(i: Dim, n: Dim, axis: int) -> Dim:
    session = current()
    b, ranges = session.b, session.ranges
    value, size = b.index(i), b.index(n)
    ok = b.op("lt", value, size)
    if not ranges.at_least(i, 0):
        ok = b.op("bitwise_and", ok, b.op("ge", value, b.index(-n)))
    session.check(ok, IndexError, _OUT, value, axis, size)
    if ranges.at_least(i, 0):
        return i
    negative = b.op("lt", value, b.const(0, "i64"))
    result = b.op("select", negative, b.op("add", value, size), value)
    ranges.bound(result, 0, n - 1)
    return result.dim  # type: ignore[no-any-return]


def check_indices(index: Value, n: Dim, axis: int) -> Value:
    """An integer index array as non-negative i64 below ``n``; IndexError at the first bad one."""
    if index.rank == 0:
        return current().b.index(check_index(index, n, axis))
    session = current()
    literal = session.literal(index)
    if literal is not None and isinstance(n, int):
        return _static_indices(literal, n, axis)
    b = session.b
    index = b.convert(index, "i64")
    found = session.remembered(("indices", index, n))
    if found is not None:
        return found  # type: ignore[no-any-return]
    size = b.broadcast(b.index(n), index.shape, ())
    negative = b.op("lt", index, b.full(0, index.tensor))
    wrapped = b.op("select", negative, b.op("add", index, size), index)
    low = b.op("ge", wrapped, b.full(0, index.tensor))
    good = b.op("bitwise_and", low, b.op("lt", wrapped, size))
    ok = b.op("reduce_and", good, axes=tuple(range(index.rank)))
    _raise_first_bad(ok, good, index, n, axis)
    session.remember(("indices", index, n), wrapped)
    return wrapped  # type: ignore[no-any-return]


def _static_indices(literal: Any, n: int, axis: int) -> Value:
    for i in literal.reshape(-1).tolist():
        if not -n <= i < n:
            throw(IndexError(_OUT.format(i, axis, n)))
    fixed = literal.astype("i8")
    return current().b.const((fixed + n) * (fixed < 0) + fixed * (fixed >= 0), "i64")


def _raise_first_bad(ok: Value, good: Value, index: Value, n: Dim, axis: int) -> None:
    """A cold branch that finds the first bad index for the message."""
    from tracejit.trace.session.regions import emit_cond

    session = current()

    def payload() -> list[Value]:
        b = session.b
        line = (ex.product(index.shape),)
        bad = b.op("invert", b.reshape(good, line))
        first = b.op("argmax", bad, axis=0)
        picked = b.op("gather", b.reshape(index, line), first, axes=(0,))
        return [picked, b.const(axis, "i64"), b.index(n)]

    def find() -> list[Value]:
        session.b.op("raise", *payload(), exc="IndexError", message=_OUT)
        return []

    if session.catching and session.catching[-1].takes(ok, IndexError, _OUT, payload):
        return
    emit_cond(ok, list, find)


def slice_bounds(s: slice, n: Dim) -> tuple[Dim, Dim, Dim]:
    """Start, step and extent of a slice of an axis of extent ``n``, as ``slice.indices``."""
    step = 1 if s.step is None else as_dim(s.step)
    if isinstance(step, int):
        if step == 0:
            throw(ValueError(_NO_STEP))
        return _fixed_step(s, n, step)
    return _traced_step(s, n, step)


def slice_start(start: Any, n: Dim) -> Dim:
    """Where a slice from ``start`` on begins, also one without elements (whose ``slice_bounds`` say
    0): where ``list.insert`` puts an item."""
    return 0 if start is None else clip(as_dim(start), n, 0, n)


def _fixed_step(s: slice, n: Dim, step: int) -> tuple[Dim, Dim, Dim]:
    ranges = current().ranges
    start, stop = _ends(s, n, step > 0)
    span = stop - start if step > 0 else start - stop
    open_ended = s.start is None or s.stop is None  # what is clipped is within the other end
    if not (open_ended or ranges.at_least(span, 0)):
        span = 0 if ranges.at_least(0, span) else ex.emax(span, 0)
    count = span if abs(step) == 1 else ex.ceildiv(span, abs(step))
    if isinstance(count, int) and count == 0:
        return 0, 1, 0
    return start, step, count


def _ends(s: slice, n: Dim, is_forward: bool) -> tuple[Dim, Dim]:
    """Start and stop of a slice by the sign of its step."""
    if is_forward:
        return slice_start(s.start, n), n if s.stop is None else clip(as_dim(s.stop), n, 0, n)
    start = n - 1 if s.start is None else clip(as_dim(s.start), n, -1, n - 1)
    return start, -1 if s.stop is None else clip(as_dim(s.stop), n, -1, n - 1)


def slice_indices(s: slice, n: Dim) -> tuple[Dim, Dim, Dim]:
    """``s.indices(n)``: start, stop and step, also of a slice without elements."""
    step = 1 if s.step is None else as_dim(s.step)
    if isinstance(step, int):
        if step == 0:
            throw(ValueError(_NO_STEP))
        return *_ends(s, n, step > 0), step
    b = current().b
    forward = _is_forward(b.index(step))
    ends = zip(_ends(s, n, True), _ends(s, n, False), strict=True)
    start, stop = (b.op("select", forward, b.index(up), b.index(down)).dim for up, down in ends)
    return start, stop, step


def _is_forward(step: Value) -> Value:
    """Whether a step is above 0; ValueError where it is 0."""
    session = current()
    b = session.b
    zero = b.const(0, "i64")
    session.check(b.op("ne", step, zero), ValueError, _NO_STEP)
    return b.op("gt", step, zero)  # type: ignore[no-any-return]


def clip(i: Dim, n: Dim, low: Dim, high: Dim) -> Dim:
    """A slice bound: negative ones count from the end, then clipped to [low, high]."""
    session = current()
    ranges = session.ranges
    if ranges.at_least(i, 0):
        wrapped = i
    elif ranges.at_least(-1, i):
        wrapped = i + n
    else:
        wrapped = _counted_from_the_start(i, n)
    if not ranges.at_least(high, wrapped):
        wrapped = high if ranges.at_least(wrapped, high) else ex.emin(wrapped, high)
    if not ranges.at_least(wrapped, low):
        wrapped = low if ranges.at_least(low, wrapped) else ex.emax(wrapped, low)
    return wrapped


def _counted_from_the_start(i: Dim, n: Dim) -> Dim:
    """A bound of which only the run knows whether it counts from the end; one value for equal ones,
    so that extents of ``x[i:]`` and ``x[:i]`` cancel."""
    session = current()
    found: Value | None = session.remembered(("bound", i, n))
    if found is None:
        b = session.b
        value = b.index(i)
        negative = b.op("lt", value, b.const(0, "i64"))
        found = b.op("select", negative, b.op("add", value, b.index(n)), value)
        session.remember(("bound", i, n), found)
    return found.dim


def _traced_step(s: slice, n: Dim, step: Dim) -> tuple[Dim, Dim, Dim]:
    """Bounds where even the sign of the step is known at run time only."""
    session = current()
    b = session.b
    value = b.index(step)
    zero = b.const(0, "i64")
    forward = _is_forward(value)
    up = _fixed_step(slice(s.start, s.stop, 1), n, 1)
    down = _fixed_step(slice(s.start, s.stop, -1), n, -1)
    start = b.op("select", forward, b.index(up[0]), b.index(down[0]))
    span = b.op("select", forward, b.index(up[2]), b.index(down[2]))
    # The size of the step may be all of 64 bits: nothing is added to it.
    least = b.op("maximum", value, b.const(-(2**63) + 1, "i64"))
    last = b.op("sub", span, b.const(1, "i64"))
    more = b.op("floor_divide", last, b.op("abs", least))
    some = b.op("add", b.op("maximum", more, zero), b.const(1, "i64"))
    count = b.op("select", b.op("gt", span, zero), some, zero)
    session.ranges.extent(count)
    return start.dim, step, count.dim
