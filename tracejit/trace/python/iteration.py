"""What a ``for`` statement goes over at run time: a trip count and the item of each iteration."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tracejit.errors import UnsupportedError, all_ask, throw
from tracejit.ir import extent as ex
from tracejit.ir.extent import Dim
from tracejit.trace.python import dynamic_list_methods
from tracejit.trace.python.builtin_functions import (
    Counted,
    Enumerate,
    Looped,
    Once,
    Range,
    Reversed,
    Zip,
)
from tracejit.trace.session.concretize import structural_int
from tracejit.trace.session.session import Frame, current, where
from tracejit.trace.values.all import Array, as_dim, dim_value
from tracejit.trace.values.dynamic_list import is_grown, refuse
from tracejit.trace.views.reshape import Flat


@dataclass(frozen=True)
class Steps:
    """``trip`` iterations (none where it is not positive); ``item(i)`` is the item of number i."""

    trip: Dim
    item: Callable[[Dim], Any]


def steps_of(iterable: Any) -> Steps | None:
    """How to go over ``iterable`` at run time; None for what Python goes over while tracing."""
    if isinstance(iterable, builtins.range):
        r = iterable
        return Steps(len(r), lambda i: dim_value(r.start + i * r.step))
    if isinstance(iterable, Range):
        return _range_steps(iterable)
    if isinstance(iterable, Array):
        if not iterable.dims:
            throw(TypeError("iteration over a 0-d array"))
        return Steps(iterable.dims[0], lambda i: iterable[dim_value(i)])
    if is_grown(iterable):
        return Steps(*dynamic_list_methods.steps(iterable))
    if isinstance(iterable, Flat):
        return steps_of(iterable.line())
    if isinstance(iterable, Once):
        whole, first = _whole(iterable), iterable.life.taken
        if not first:
            return whole
        return Steps(whole.trip - first, lambda i: whole.item(i + first))
    return None


def _whole(iterator: Once) -> Steps:
    """All items of an iterator, those that were taken from it too."""
    if isinstance(iterator, Reversed):
        inner = steps_of(iterator.inner)
        assert inner is not None
        return Steps(inner.trip, lambda i: inner.item(inner.trip - 1 - i))
    if isinstance(iterator, Enumerate):
        parts = part_of(iterator.inner)
        return Steps(parts.trip, lambda i: (iterator.start + dim_value(i), parts.item(i)))
    if isinstance(iterator, Zip):
        every = [part_of(p) for p in iterator.parts]
        trip = every[0].trip
        for part in every[1:]:
            trip = ex.emin(trip, part.trip)
        return Steps(trip, lambda i: tuple(p.item(i) for p in every))
    assert isinstance(iterator, Counted)
    return Steps(iterator.trip, iterator.item)


def spend(x: Any) -> None:
    """An iterator is about to be gone through, to its end for all that is known: nothing may go
    through it again, nor a loop do so at each turn."""
    if not isinstance(x, Once):
        return
    _must_be_here(x)
    x.life.spent = True


def take_one(x: Looped) -> int:
    """The number of the item that ``next`` takes from an iterator."""
    if not isinstance(x, Once):
        throw(TypeError(f"'{type(x).__name__.lower()}' object is not an iterator"))
    _must_be_here(x)
    if _inside(x):
        current().unroll_or_refuse(
            _inside(x),
            f"{where()}: next() in a branch or loop that is decided at run time, of an iterator "
            "from outside of it: count the items and index",
        )
    x.life.taken += 1
    return x.life.taken - 1


def _must_be_here(x: Once) -> None:
    reason = (
        f"{where()}: an iterator ({type(x).__name__.lower()}) is gone through more than once: "
        "what is left of it then is not known when compiling; make it anew each time"
    )
    if x.life.spent:
        raise UnsupportedError(reason)
    if any(frame.kind == "loop" for frame in _inside(x)):
        current().unroll_or_refuse(_inside(x), reason)


def _inside(x: Once) -> list[Frame]:
    """The regions under way inside of that which made an iterator."""
    frames = current().frames
    return frames[frames.index(x.life.made_in) + 1 :] if x.life.made_in in frames else frames


def strict_zip(parts: tuple[Any, ...]) -> Zip | Iterator[Any]:
    """``zip(..., strict=True)``: what Python goes over itself where it would raise at the end."""
    every = [part_of(p) for p in parts]
    if any(p.trip != every[0].trip for p in every):
        lengths = [structural_int(dim_value(p.trip), "a length in a strict zip()") for p in every]
        if any(n != lengths[0] for n in lengths):
            return _to_the_end([map(p.item, range(n)) for p, n in zip(every, lengths, strict=True)])
    return Zip(parts)


def _to_the_end(parts: list[Iterator[Any]]) -> Iterator[Any]:
    yield from builtins.zip(*parts, strict=True)


def iterated(x: Any) -> Iterator[Any]:
    """What Python goes over while tracing; a TypeError here is the program's own."""
    if type(x) is not list:
        return builtins.iter(x)
    return _checked(x)


def _checked(x: list[Any]) -> Iterator[Any]:
    for item in x:
        yield item
        _still_ordinary(x)


def _still_ordinary(x: list[Any]) -> None:
    """A list that Python goes over must not become one of which the run decides how long it is."""
    if is_grown(x):
        refuse("a change, in a loop over it,")


def part_of(x: Any) -> Steps:
    """One part of ``zip`` or ``enumerate``: sequences of Python are indexed by the counter."""
    steps = steps_of(x)
    if steps is not None:
        return steps
    listed = x if isinstance(x, list | tuple) else list(x)
    return Steps(len(listed), lambda i: current().operators.getitem(listed, dim_value(i)))


def trip_count(start: Any, stop: Any, step: Any) -> Dim:
    """``len(range(start, stop, step))``."""
    session = current()
    steps = _range_steps(Range(start, stop, step))
    if session.ranges.at_least(steps.trip, 0):
        return steps.trip
    return ex.emax(steps.trip, 0)


def _range_steps(r: Range) -> Steps:
    start, stop, step = (as_dim(x) for x in (r.start, r.stop, r.step))
    if isinstance(step, int):
        if step == 0:
            throw(ValueError("range() arg 3 must not be zero"))
        span = stop - start if step > 0 else start - stop
        trip = span if abs(step) == 1 else ex.ceildiv(span, abs(step))
    else:
        trip = _traced_step(start, stop, step)
    return Steps(trip, lambda i: dim_value(start + step * i))


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
