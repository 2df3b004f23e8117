"""Iterators over what is looped over at run time: ``map``, ``iter``, ``next`` and ``itertools``.

Each is a count of items and how the item of a number is made; endless ones are those of which the
count is beyond all others. What is known while tracing, item by item, is left to Python's own.
"""

from __future__ import annotations

import builtins
import itertools
import math
from collections.abc import Callable
from typing import Any

from tracejit.errors import UnsupportedError, all_ask, throw
from tracejit.ir import extent as ex
from tracejit.ir.extent import Dim
from tracejit.trace.control.branch import as_test
from tracejit.trace.control.generated import Generated
from tracejit.trace.control.loop_attempt import UNROLL_LIMIT
from tracejit.trace.python import iterators_in_python as in_python
from tracejit.trace.python.tuples import Columns
from tracejit.trace.session.concretize import BoundMethod, structural_int
from tracejit.trace.session.session import current, where
from tracejit.trace.session.tracer import Steps
from tracejit.trace.values.all import as_dim, dim_value
from tracejit.trace.values.dynamic_list import is_grown
from tracejit.trace.values.iterables import (
    ENDLESS,
    Counted,
    Lazily,
    Looped,
    Once,
    ReadAgain,
    as_met,
    is_endless,
    iterated,
    iterator_key,
    part_of,
    side_by_side,
    steps_of,
    take_one,
    walked,
)


def _is_staged(x: Any) -> bool:
    """Whether something is looped over at run time, whatever stands beside it."""
    return not (isinstance(x, builtins.range) or is_endless(x)) and steps_of(x) is not None


def _loops(x: Any) -> bool:
    return isinstance(x, builtins.range) or _is_staged(x)


def builtin_map(f: Any, /, *parts: Any) -> Any:
    """The function is called when an item is asked for."""
    operators, key = current().operators, iterator_key()
    if len(parts) == 1 and isinstance(parts[0], Columns):
        return parts[0].mapped(f)
    if not any(_is_staged(as_met(part, key)) for part in parts):
        items = [iterated(part, key) for part in parts]
        return builtins.map(lambda *row: operators.call(f, *row), *items)

    def steps() -> Steps:
        return side_by_side([part_of(p) for p in parts], lambda row: operators.call(f, *row))

    return Lazily(steps, "map")


def builtin_iter(x: Any, /, *sentinel: Any) -> Any:
    if isinstance(x, Once) and not sentinel:
        return x
    if sentinel or not (_is_staged(x) or isinstance(x, list | tuple | builtins.range)):
        return builtins.iter(x, *sentinel)
    session = current()
    if _is_staged(x) or session.loop_is(iterator_key(), "unroll"):
        return Lazily(lambda: part_of(x), "iter")
    made = builtins.iter(x)
    session.followable[id(made)] = made, iterator_key()
    return made


def builtin_next(x: Any, /, *default: Any) -> Any:
    if not isinstance(x, Looped):
        return builtins.next(x, *default)
    whole = x.whole() if isinstance(x, Once) else x.steps()
    at = take_one(x)
    session = current()
    there: Any = True
    if whole.trip != ENDLESS:
        there = session.operators.compare_one("<", at, dim_value(whole.trip))
    if default:
        return session.operators.if_expr(
            there, lambda: whole.item(as_dim(at)), lambda: default[0], None
        )
    test = as_test(there)
    if test is False:
        return builtins.next(builtins.iter(()))  # raises
    if test is not True:
        session.check(test, StopIteration, "")
    return whole.item(as_dim(at))


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

    def some() -> Steps:
        steps = part_of(iterable)
        stop = steps.trip if given.stop is None else ex.emin(given.stop, steps.trip)
        trip = ex.ceildiv(stop - start, step)
        return Steps(trip, lambda i: steps.item(start + i * step), sources=walked(steps))

    return Lazily(some, "islice")


def pairwise(iterable: Any, /) -> Any:
    if not _loops(iterable):
        return itertools.pairwise(iterable)

    def pairs() -> Steps:
        steps = part_of(iterable)
        pair = lambda i: (steps.item(i), steps.item(i + 1))  # noqa: E731
        return Steps(steps.trip - 1, pair, sources=(*walked(steps), ReadAgain(iterable)))

    return Lazily(pairs, "pairwise")


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


# Iterators that are generators in Python ----------------------------------------------------------


def _is_long(count: Dim) -> bool:
    """Whether items are better gone through at run time than one by one while tracing."""
    return not isinstance(count, int) or count > UNROLL_LIMIT


def _is_many(x: Any) -> bool:
    """Whether something is gone through at run time: what is traced, or long."""
    if isinstance(x, builtins.range):
        return len(x) > UNROLL_LIMIT
    return isinstance(x, Generated) or _is_staged(x)


def _python(function: Callable[..., Any], *args: Any) -> Any:
    return current().operators.call(function, *args)


def _numbered(steps: Steps) -> tuple[Any, Any]:
    """How many items there are, and a function that gives the item of a number."""
    return dim_value(steps.trip), BoundMethod(None, lambda _, k: steps.item(as_dim(k)))


def builtin_filter(f: Any, items: Any, /) -> Any:
    if f is None or f is bool:
        return _python(in_python.filtered_by_truth, items)
    return _python(in_python.filtered, f, items)


def filterfalse(f: Any, items: Any, /) -> Any:
    return _python(in_python.filtered_out, builtins.bool if f is None else f, items)


def takewhile(f: Any, items: Any, /) -> Any:
    return _python(in_python.taken_while, f, items)


def dropwhile(f: Any, items: Any, /) -> Any:
    return _python(in_python.dropped_while, f, items)


def starmap(f: Any, items: Any, /) -> Any:
    return _python(in_python.mapped_rows, f, items)


def compress(data: Any, selectors: Any) -> Any:
    return _python(in_python.compressed, data, selectors)


def groupby(iterable: Any, key: Any = None) -> Any:
    return _python(in_python.grouped, iterable, key)


def accumulate(iterable: Any, func: Any = None, *, initial: Any = None) -> Any:
    def add(_: Any, a: Any, b: Any) -> Any:
        return current().operators.binary("+", a, b)

    f = BoundMethod(None, add) if func is None else func
    if initial is not None:
        return _python(in_python.accumulated_from, iterable, f, initial)
    if isinstance(iterable, Generated):
        return _python(in_python.accumulated, iterable, f)
    return _python(in_python.accumulated_numbers, *_numbered(part_of(iterable)), f)


def chain(*parts: Any) -> Any:
    if not any(map(_is_many, parts)):
        return itertools.chain(*parts)
    return _python(in_python.chained, parts)


def chain_from_iterable(parts: Any, /) -> Any:
    if isinstance(parts, list | tuple) and not is_grown(parts):
        return chain(*parts)
    return _python(in_python.chained, parts) if _is_many(parts) else chain(*parts)


def zip_longest(*parts: Any, fillvalue: Any = None) -> Any:
    if not any(map(_is_many, parts)):
        return itertools.zip_longest(*parts, fillvalue=fillvalue)
    if any(isinstance(p, Generated) for p in parts):
        parts = tuple(_python(in_python.listed, p) for p in parts)
    every = [part_of(p) for p in parts]
    counts = [dim_value(steps.trip) for steps in every]
    operators = current().operators

    def item(steps: Steps, count: Any, k: Any) -> Any:
        there = operators.compare_one("<", k, count)
        return operators.if_expr(there, lambda: steps.item(as_dim(k)), lambda: fillvalue, None)

    def row(_: Any, k: Any) -> Any:
        return tuple(item(steps, n, k) for steps, n in zip(every, counts, strict=True))

    longest = counts[0] if len(counts) == 1 else _python(builtins.max, *counts)
    return _python(in_python.zipped_longest, longest, BoundMethod(None, row))


def _chosen(name: str) -> Callable[..., Any]:
    """``combinations`` and its kin: of few items Python's own, of many loops in one another."""
    theirs = getattr(itertools, name)

    def choose(iterable: Any, r: Any = None) -> Any:
        if isinstance(iterable, Generated):
            iterable = _python(in_python.listed, iterable)
        elif steps_of(iterable) is None and not isinstance(iterable, list | tuple):
            iterable = list(iterable)
        steps = part_of(iterable)
        if r is None and name == "permutations":
            r = dim_value(steps.trip)
        r = structural_int(r, f"how many {name}() takes")
        if r < 0:
            throw(ValueError("r must be non-negative"))
        few = isinstance(steps.trip, int) and not _is_long(_how_many(name, steps.trip, r))
        if few and not is_grown(iterable):
            return theirs(map(steps.item, range(steps.trip)), r)  # type: ignore[arg-type]
        count, item = _numbered(steps)
        if name == "permutations":
            return _python(in_python.permutations, count, item, r, ())
        again = int(name == "combinations")
        return _python(in_python.combinations, count, item, 0, r, again)

    return choose


def _how_many(name: str, n: int, r: int) -> int:
    if name == "permutations":
        return math.perm(n, r)
    return math.comb(n if name == "combinations" else n + r - 1, r) if n else int(r == 0)


ITERATORS: dict[Any, Callable[..., Any]] = {
    builtins.filter: builtin_filter,
    itertools.filterfalse: filterfalse,
    itertools.takewhile: takewhile,
    itertools.dropwhile: dropwhile,
    itertools.starmap: starmap,
    itertools.compress: compress,
    itertools.groupby: groupby,
    itertools.accumulate: accumulate,
    itertools.chain: chain,
    itertools.chain.from_iterable: chain_from_iterable,
    itertools.zip_longest: zip_longest,
    itertools.combinations: _chosen("combinations"),
    itertools.combinations_with_replacement: _chosen("combinations_with_replacement"),
    itertools.permutations: _chosen("permutations"),
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
