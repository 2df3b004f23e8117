"""Iterators over what is looped over at run time: ``map``, ``iter``, ``next`` and ``itertools``.

Each is a count of items and how the item of a number is made; endless ones are those of which the
count is beyond all others. What is known while tracing, item by item, is left to Python's own.
"""

from __future__ import annotations

import builtins
import itertools
from collections.abc import Callable
from typing import Any

from tracejit.errors import UnsupportedError, all_ask
from tracejit.ir import extent as ex
from tracejit.ir.extent import Dim
from tracejit.trace.session.session import current, where
from tracejit.trace.values.all import as_dim, dim_value
from tracejit.trace.values.iterables import (
    ENDLESS,
    Counted,
    Looped,
    is_endless,
    part_of,
    steps_of,
    take_one,
)


def _is_staged(x: Any) -> bool:
    """Whether something is looped over at run time, whatever stands beside it."""
    return not (isinstance(x, builtins.range) or is_endless(x)) and steps_of(x) is not None


def _loops(x: Any) -> bool:
    return isinstance(x, builtins.range) or _is_staged(x)


def builtin_map(f: Any, /, *parts: Any) -> Any:
    """The function is called when an item is asked for."""
    operators = current().operators
    if not any(map(_is_staged, parts)):
        return builtins.map(lambda *row: operators.call(f, *row), *parts)
    every = [part_of(p) for p in parts]
    trip = every[0].trip
    for part in every[1:]:
        trip = ex.emin(trip, part.trip)
    return Counted(trip, lambda i: operators.call(f, *(p.item(i) for p in every)), "map")


def builtin_iter(x: Any, /, *sentinel: Any) -> Any:
    if sentinel or isinstance(x, Looped) or not _is_staged(x):
        return x if isinstance(x, Looped) and not sentinel else builtins.iter(x, *sentinel)
    steps = part_of(x)
    return Counted(steps.trip, steps.item, "iter")


def builtin_next(x: Any, /, *default: Any) -> Any:
    """The next item of an iterator that is surely there."""
    if not isinstance(x, Looped):
        return builtins.next(x, *default)
    steps = steps_of(x)
    assert steps is not None
    at = take_one(x)
    if current().ranges.at_least(steps.trip, 1):
        return steps.item(0)
    if isinstance(steps.trip, int):
        return builtins.next(builtins.iter(()), *default)
    raise UnsupportedError(
        f"{where()}: next() number {at + 1} of an iterator whose length is known at run time only: "
        "test the length and index instead"
    )


def count(start: Any = 0, step: Any = 1) -> Any:
    return Counted(ENDLESS, lambda i: start + dim_value(i) * step, "count")


def repeat(object: Any, times: Any = None) -> Any:
    trip = ENDLESS if times is None else as_dim(times)
    if isinstance(trip, int):
        trip = max(trip, 0)
    return Counted(trip, lambda i: object, "repeat")


def cycle(iterable: Any, /) -> Any:
    """Of what is known to have items."""
    if not _loops(iterable) and not isinstance(iterable, list | tuple):
        return itertools.cycle(iterable)
    steps = part_of(iterable)
    if not current().ranges.at_least(steps.trip, 1):
        if steps.trip == 0:
            return builtins.iter(())
        raise UnsupportedError(f"{where()}: cycle() of what may have no items; index with i % n")
    return Counted(ENDLESS, lambda i: steps.item(ex.mod(i, steps.trip)), "cycle")


def islice(iterable: Any, /, *bounds: Any) -> Any:
    if steps_of(iterable) is None or not all(b is None or type(b) is int for b in bounds):
        return itertools.islice(iterable, *bounds)
    itertools.islice((), *bounds)  # raises what is wrong with them
    given = slice(*bounds)
    start, step = given.start or 0, given.step or 1
    steps = part_of(iterable)
    stop = steps.trip if given.stop is None else ex.emin(given.stop, steps.trip)
    return Counted(ex.ceildiv(stop - start, step), lambda i: steps.item(start + i * step), "islice")


def pairwise(iterable: Any, /) -> Any:
    if not _loops(iterable):
        return itertools.pairwise(iterable)
    steps = part_of(iterable)
    return Counted(steps.trip - 1, lambda i: (steps.item(i), steps.item(i + 1)), "pairwise")


def product(*iterables: Any, repeat: Any = 1) -> Any:
    if not iterables or not all(map(_loops, iterables)):
        return itertools.product(*iterables, repeat=repeat)
    every = [part_of(p) for p in iterables] * repeat

    def item(i: Dim) -> Any:
        found = []
        for steps in reversed(every):
            found.append(steps.item(ex.mod(i, steps.trip)))
            i = ex.floordiv(i, steps.trip)
        return tuple(reversed(found))

    trip: Dim = 1
    for steps in every:
        trip = trip * steps.trip
    return Counted(trip, item, "product")


ITERATORS: dict[Any, Callable[..., Any]] = {
    builtins.map: builtin_map,
    builtins.iter: builtin_iter,
    builtins.next: builtin_next,
    itertools.count: count,
    itertools.repeat: repeat,
    itertools.cycle: cycle,
    itertools.islice: islice,
    itertools.pairwise: pairwise,
    itertools.product: product,
}


all_ask(globals(), TypeError, ValueError, ArithmeticError)
