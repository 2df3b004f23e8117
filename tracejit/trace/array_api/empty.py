"""Reductions of nothing, which NumPy refuses where there is no identity."""

from __future__ import annotations

from tracejit.errors import throw
from tracejit.ir.core import Value
from tracejit.trace.array_api.operands import builder, check, size_of
from tracejit.trace.session.session import current


def known_not_empty(x: Value, axes: tuple[int, ...]) -> bool:
    """Whether there is something along these axes, whatever the run finds."""
    ranges = current().ranges
    return all(ranges.at_least(x.shape[a], 1) for a in axes)


def check_not_empty(x: Value, axes: tuple[int, ...], name: str) -> None:
    """NumPy's ValueError for reducing nothing, also where the result would be empty."""
    if known_not_empty(x, axes):
        return
    message = f"zero-size array to reduction operation {name} which has no identity"
    count = size_of(x, axes)
    if isinstance(count, int):
        if count == 0:
            throw(ValueError(message))
        return
    b = builder()
    check(b.op("gt", b.index(count), b.const(0, "i64")), "ValueError", message)
