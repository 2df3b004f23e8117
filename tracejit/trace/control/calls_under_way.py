"""Calls under way while tracing: whether calls of one function within one another will ever end.

Those that tracing decides end there; where only a value of the run says stop, the trace begins
again with a ``recursion`` (see ``recursion.py``).
"""

from __future__ import annotations

from types import CodeType
from typing import Any, NoReturn

from tracejit.errors import UnsupportedRecursionError, raise_at
from tracejit.ir.core import Loc
from tracejit.ir.roots import walk
from tracejit.records import dataclass
from tracejit.trace.session.frames import Restart
from tracejit.trace.session.session import current, user_location, where
from tracejit.trace.values.all import Array, PyScalar, Scalar, Tracer

#: Calls of which nothing known differs; calls in one another; calls of one function.
_ALIKE = 2
_DEEP = 20
_MANY = 100
#: Instructions of calls in line, of which that many more make compilation take minutes.
_MUCH_CODE = 10_000


def refuse_endless(loc: Loc | None) -> NoReturn:
    """A function that calls itself until a run-time value says stop is traced without end."""
    refused = UnsupportedRecursionError(
        "a function calls itself, or others in a circle, and only a value that is known at run "
        "time says when to stop, which works where it gives numbers for numbers, passes on the "
        "arrays that it was given (bounds in place of slices) and is not differentiated: write a "
        "loop, or let an argument in static_argnames say how deep"
    )
    if loc is not None:
        raise_at(refused, loc.filename, loc.line)
    raise refused from None


def _must_be_little_code(calls: int) -> None:
    """UnsupportedRecursionError where calls in one another, of which tracing knows the end, are too
    much code: each is code of its own."""
    frames = current().frames
    if sum(1 for frame in frames for _ in walk(frame.builder.instrs)) < _MUCH_CODE:
        return
    raise UnsupportedRecursionError(
        f"{where()}: a function calls itself, and its arguments say how deep: more than {calls} "
        "calls, each of which is code of its own: write a loop, or compile what one call does "
        "beside the calls inside, and let Python call it"
    )


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
        session.call_counts[code] += 1
        endless = alike > _ALIKE
        many = len(self.calls) >= _DEEP or session.call_counts[code] >= _MANY
        if endless or (self.calls and many):
            tried = session.loop_is(code, "recursion") or session.loop_is(code, "in line")
            if not (tried or session.catching):
                raise Restart(code, "recursion", "run-time values end calls within one another")
            if endless:
                refuse_endless(user_location())
            if session.call_counts[code] % _MANY == 0:
                _must_be_little_code(session.call_counts[code])
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
        return type(x), repr(x.static_value())
    if isinstance(x, Tracer):
        return type(x)
    if isinstance(x, list | tuple):
        return type(x), tuple(map(_known, x))
    if isinstance(x, dict):
        return tuple((key, _known(value)) for key, value in x.items())
    if x is None or isinstance(x, bool | int | float | complex | str | bytes):
        return type(x), repr(x)
    return id(x)
