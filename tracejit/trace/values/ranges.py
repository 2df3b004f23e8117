"""``range`` of which only the run knows the bounds."""

from __future__ import annotations

from typing import Any

import numpy as np

from tracejit.errors import UnsupportedError, all_ask, throw
from tracejit.ir import extent as ex
from tracejit.ir.extent import Dim
from tracejit.records import dataclass
from tracejit.trace.session.session import current, where
from tracejit.trace.session.tracer import Steps, Tracer
from tracejit.trace.values.all import Array, as_dim, dim_value, name_of
from tracejit.trace.values.iterables import Looped


@dataclass(frozen=True)
class Range(Looped):
    """``range`` with a traced bound."""

    start: Any
    stop: Any
    step: Any

    def steps(self) -> Steps:
        start, stop, step = (as_dim(x) for x in (self.start, self.stop, self.step))
        if isinstance(step, int):
            if step == 0:
                throw(ValueError("range() arg 3 must not be zero"))
            span = stop - start if step > 0 else start - stop
            trip = span if abs(step) == 1 else ex.ceildiv(span, abs(step))
        else:
            trip = _traced_step(start, stop, step)
        return Steps(trip, lambda i: dim_value(start + step * i))

    def __repr__(self) -> str:
        """As Python's, with marks for what the run knows."""
        if isinstance(self.step, Tracer):
            raise UnsupportedError(
                f"{where()}: the text of a range whose step is known at run time only"
            )
        parts = [self.start, self.stop, *([] if self.step == 1 else [self.step])]
        return f"range({', '.join(map(format, parts))})"

    def __traced_array__(self) -> Array:
        """``np.arange``; see ``lift``."""
        made: Array = name_of(np.arange)(self.start, self.stop, self.step)
        return made

    def __hash__(self) -> int:
        raise UnsupportedError(
            f"{where()}: a range whose bounds are known at run time only is a key or an item of a "
            "set: take its bounds, (r.start, r.stop)"
        )


Range.__name__ = "range"  # as Python's messages name it


def trip_count(start: Any, stop: Any, step: Any) -> Dim:
    """``len(range(start, stop, step))``."""
    session = current()
    steps = Range(start, stop, step).steps()
    if session.ranges.at_least(steps.trip, 0):
        return steps.trip
    return ex.emax(steps.trip, 0)


def _traced_step(start: Dim, stop: Dim, step: Dim) -> Dim:
    session = current()
    b = session.b
    value, zero, one = b.index(step), b.const(0, "i64"), b.const(1, "i64")
    session.check(b.op("ne", value, zero), ValueError, "range() arg 3 must not be zero")
    span = b.op("sub", b.index(stop), b.index(start))
    forward = b.op("gt", value, zero)
    span = b.op("select", forward, span, b.op("neg", span))
    # The size of the step may be all of 64 bits: nothing is added to it.
    size = b.op("abs", b.op("maximum", value, b.const(-(2**63) + 1, "i64")))
    more = b.op("floor_divide", b.op("sub", span, one), size)
    return b.op("add", more, one).dim  # type: ignore[no-any-return]


all_ask(globals(), TypeError, ValueError, ArithmeticError)
