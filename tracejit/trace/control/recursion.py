"""Calls of one function within one another: those that only a run-time value ends are refused."""

from __future__ import annotations

from dataclasses import dataclass
from types import CodeType
from typing import Any

from tracejit.trace.session.session import current
from tracejit.trace.values.all import Array, PyScalar, Scalar, Tracer

_LIMIT = 8


@dataclass(frozen=True)
class Call:
    """A call under way: how many regions it is in, what is known of its arguments, and how many
    calls around it knew the same and were decided at run time."""

    depth: int
    known: Any
    alike: int


class under_way:  # noqa: N801
    """While a function runs. If each call is in a branch or loop inside the call before, and
    nothing that is known when compiling differs, then nothing will ever end them."""

    def __init__(self, code: CodeType, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        session = current()
        self.calls = session.calls.setdefault(code, [])
        depth = len(session.frames)
        known = _known((args, kwargs))
        alike = 0
        if self.calls and self.calls[-1].known == known:
            alike = self.calls[-1].alike + (depth > self.calls[-1].depth)
        if alike > _LIMIT:
            raise RecursionError("calls within one another that run-time values decide")
        self.call = Call(depth, known, alike)

    def __enter__(self) -> None:
        self.calls.append(self.call)

    def __exit__(self, *error: object) -> None:
        self.calls.pop()


def _known(x: Any) -> Any:
    """What the trace may decide on: values, known extents, dtypes, and which object it is."""
    if isinstance(x, Array):
        return x.dtype, tuple(d if isinstance(d, int) else None for d in x.dims)
    if isinstance(x, PyScalar | Scalar):
        return type(x), x.static_value()
    if isinstance(x, Tracer):
        return type(x)
    if isinstance(x, list | tuple):
        return type(x), tuple(map(_known, x))
    if isinstance(x, dict):
        return tuple((key, _known(value)) for key, value in x.items())
    if x is None or isinstance(x, bool | int | float | complex | str | bytes):
        return type(x), x
    return id(x)
