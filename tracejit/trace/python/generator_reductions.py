"""``sum``, ``min``, ``max``, ``any`` and ``all`` of generators: loops at run time if long.

Each is the loop that Python makes of it, one item after the other. What is known while tracing is
gone through then: a range whose items need no loop gives a constant.
"""

from __future__ import annotations

import builtins
import collections
import math
import statistics
from collections.abc import Callable
from dataclasses import field, replace
from types import FunctionType
from typing import Any

from tracejit.errors import StructureError, UnsupportedError
from tracejit.ir.extent import Dim
from tracejit.records import dataclass
from tracejit.trace.control.branch import bool_of
from tracejit.trace.control.loop_attempt import UNROLL_LIMIT, UnrolledCode
from tracejit.trace.convert import Site, Traits, Turns, VarInfo
from tracejit.trace.python import dynamic_list_methods
from tracejit.trace.python.comparisons import choose, compared
from tracejit.trace.session.frames import Restart
from tracejit.trace.session.session import Session, current, user_lines, where
from tracejit.trace.session.tracer import Steps
from tracejit.trace.values.all import Array, Tracer
from tracejit.trace.values.dynamic_list import is_grown
from tracejit.trace.values.iterables import Enumerate, Lazily, Reversed, Zip, spend, steps_of

#: Up to this many items known while tracing are gone through then.
_FEW = 16


@dataclass(eq=False)
class Fold:
    """One call, as the loop ``for item in ...: if test: consume(expression)``."""

    ops: Any
    turns: Turns
    steps: Steps
    site: Site
    tests: bool
    """Whether the generator has an ``if``."""
    unrolled: bool
    code: UnrolledCode | None = None
    """How much code its turns make where they are unrolled and may be a loop."""
    state: list[Any] = field(default_factory=list)
    """The variables of the loop."""
    seen: list[Any] = field(default_factory=list)
    """What shows whether all until now is known while tracing."""
    consume: Callable[[Any], None] = field(init=False)
    go_on: Callable[[], Any] | None = None
    """Whether the next item is asked for; None where all are."""
    lists: bool = False
    """Whether it makes a list: what an item is says nothing of the others then."""

    def turn(self, item: Any) -> None:
        """What one item does. An error that is proved may be one of what stands for an item:
        then no loop is made, and what Python raises is seen."""
        if self.unrolled:
            self._turn(item)
            if self.code is not None:
                self.code.add()
            return
        try:
            self._turn(item)
        except (UnsupportedError, StructureError):
            raise
        except Exception as error:
            text = f"{where()}: an error in a generator over many items: {error}"
            raise UnsupportedError(text) from error

    def _turn(self, item: Any) -> None:
        ((test, value),) = self.turns(iter((item,)))
        if test is None:
            self.consume(value())
            return

        def taken() -> None:
            self.consume(value())

        own = (self._get, self._set, self._names())
        self.ops.if_stmt(test(), taken, lambda: None, *own, self.site)

    def rest(self, first: int) -> None:
        """A loop at run time from an item on."""
        steps = self.steps
        rest = replace(steps, trip=steps.trip - first, item=lambda i: steps.item(i + first))
        items: Any = Lazily(lambda: rest)
        if self.unrolled:
            assert isinstance(steps.trip, int)
            items = self.ops.made(map(steps.item, builtins.range(first, steps.trip)))
        own = (self._get, self._set, self._names())
        self.ops.for_stmt(items, self.turn, *own, self.site, self.go_on)

    def run(self, first: int, is_plain: bool) -> None:
        """All items from one on: those that are known while tracing are gone through then."""
        if not is_plain:
            self.rest(first)
            return
        place = self.site.key, user_lines()
        if self.lists and place in current().of_the_run:
            self.rest(first)
            return
        assert isinstance(self.steps.trip, int)
        for k in builtins.range(first, self.steps.trip):
            self.turn(self.steps.item(k))
            if self.go_on is not None and self.go_on() is False:
                return
            if _is_traced(self.seen[-1:]) or self._makes_lists():  # the others were looked at
                current().of_the_run.add(place)
                self._under_go_on(k + 1)
                return

    def _makes_lists(self) -> bool:
        """Whether the items are empty lists, which are to be many, and are to be filled."""
        return len(self.seen) == 1 and type(self.seen[0]) is list and not self.seen[0]

    def _under_go_on(self, first: int) -> None:
        if self.go_on is None:
            self.rest(first)
            return
        own = (self._get, self._set, self._names())
        self.ops.if_stmt(self.go_on(), lambda: self.rest(first), lambda: None, *own, self.site)

    def _get(self) -> tuple[Any, ...]:
        return tuple(self.state)

    def _set(self, values: tuple[Any, ...]) -> None:
        self.state[:] = values

    def _names(self) -> tuple[VarInfo, ...]:
        return tuple(VarInfo("the result so far", True, True) for _ in self.state)


def folded(
    ops: Any, f: Any, turns: Turns, traits: Traits, source: Any, site: Site, args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:  # fmt: skip
    """The result of ``f(generator, *args, **kwargs)``; NotImplemented where Python can go through
    the generator itself, while tracing."""
    fold_of_f = _fold_of(f, args, kwargs)
    if fold_of_f is None:
        return NotImplemented
    session = current()
    session.outside.whole(source)
    steps = steps_of(source)
    if steps is None:
        return NotImplemented
    site = replace(site, segment=f"{site.segment} ({f.__name__} of a generator)")
    key = site.key
    is_known = isinstance(steps.trip, int)
    tests, shows_items = traits
    is_few = _is_few(steps, key, _FEW)
    must = session.loop_is(key, "unroll") or (shows_items and _counts(source))
    unrolled = is_known and (is_few or must)
    if unrolled and not (tests and steps.trip):
        return NotImplemented
    spend(source)
    code = _code(session, key, steps) if is_few and not must else None
    fold = Fold(ops, turns, steps, site, tests, unrolled, code)
    try:
        return fold_of_f(fold, is_known and _is_plain(source), *args, **kwargs)
    except (UnsupportedError, StructureError) as error:
        if unrolled or not is_known:
            raise
        raise Restart(key, "unroll", str(error)) from error


def folded_as_they_are(f: Any, items: Any) -> Any:
    """``f(items)`` as of the generator that gives the items as they are."""

    def turns(some: Any) -> Any:
        return ((None, lambda item=item: item) for item in some)

    fold = Fold(current().operators, turns, _steps(items), Site(where(), 0, "", ""), False, False)
    return _FOLDS[f](fold, False)


def _steps(items: Any) -> Steps:
    steps = steps_of(items)
    assert steps is not None
    return steps


def listed(
    ops: Any, turns: Turns, traits: Traits, source: Any, site: Site, flat: bool = False
) -> Any:
    """The list of a comprehension, or of a generator; NotImplemented where Python can make it
    itself, while tracing. ``flat``: of the items of the list that each item gives."""
    session = current()
    session.outside.whole(source)
    tests, _ = traits
    steps = steps_of(source)
    items = list(ops.iterate(source)) if steps is None and tests else None
    if items is not None:
        steps = Steps(len(items), lambda i: items[i])  # type: ignore[index]
    if steps is None:
        return NotImplemented
    key = site.key
    is_known = isinstance(steps.trip, int)
    is_few = _is_few(steps, key, UNROLL_LIMIT)
    must = items is not None or session.loop_is(key, "unroll")
    unrolled = is_known and (is_few or must)
    if unrolled and not tests:
        return NotImplemented
    spend(source)
    code = _code(session, key, steps) if is_few and not must else None
    fold = Fold(ops, turns, steps, site, tests, unrolled, code)
    try:
        return _list(fold, is_known and _is_plain(source), flat)
    except (UnsupportedError, StructureError) as error:
        if unrolled or not is_known:
            raise
        raise Restart(key, "unroll", str(error)) from error


def _is_few(steps: Steps, key: Any, limit: int) -> bool:
    """Whether so many turns are unrolled, as long as that is little code."""
    few = isinstance(steps.trip, int) and steps.trip <= limit
    return few and not current().loop_is(key, "rolled")


def _code(session: Session, key: Any, steps: Steps) -> UnrolledCode:
    assert isinstance(steps.trip, int)
    return UnrolledCode(session, key, trip=steps.trip)


def measured(turns: Turns, source: Any, site: Site) -> Turns:
    """The turns of a comprehension that Python goes through while tracing: where they make much
    code, and it may be a loop of the run, the trace begins again with one."""
    session = current()
    steps = steps_of(source)
    if steps is None or session.loop_is(site.key, "unroll"):
        return turns

    def counted(items: Any) -> Any:
        code = _code(session, site.key, steps)
        for test, value in turns(items):
            yield test, value
            code.add()

    return counted


def _list(fold: Fold, is_plain: bool, flat: bool = False) -> Any:
    items: list[Any] = fold.ops.made([])
    put = items.extend if flat else items.append
    fold.lists = True
    fold.seen = items
    fold.consume = lambda item: fold.ops.call(put, item)
    fold.run(0, is_plain and not current().loop_is(fold.site.key, "rolled"))
    return items


def _fold_of(f: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Callable[..., Any] | None:
    """What stands for ``f(generator, *args, **kwargs)``; None for what goes through it itself."""
    if not isinstance(f, type(builtins.sum) | type):
        return None
    started = len(args) + len(kwargs) == 1 and set(kwargs) <= {"start"}
    if (args or kwargs) and not (started and (f is builtins.sum or (f is math.prod and kwargs))):
        return None
    if f.__name__ == "join" and isinstance(getattr(f, "__self__", None), str):
        return _as_list(f)
    return _FOLDS.get(f)


def _is_plain(source: Any) -> bool:
    """Whether the items are known while tracing."""
    if isinstance(source, Enumerate):
        return not isinstance(source.start, Tracer) and _is_plain(source.inner)
    if isinstance(source, Reversed):
        return _is_plain(source.inner)
    if isinstance(source, Zip):
        return all(map(_is_plain, source.parts))
    return isinstance(source, builtins.range)


def _counts(source: Any) -> bool:
    """Whether integers that Python knows are among the items."""
    if isinstance(source, Reversed):
        return _counts(source.inner)
    if isinstance(source, Zip):
        return any(map(_counts, source.parts))
    return not isinstance(source, Array) and not is_grown(source)


def _is_traced(x: Any) -> bool:
    if is_grown(x):
        return True
    return isinstance(x, Tracer) or (isinstance(x, list | tuple) and any(map(_is_traced, x)))


# What the builtins do with the items --------------------------------------------------------------


def _sum(fold: Fold, is_plain: bool, start: Any = 0) -> Any:
    if isinstance(start, str | bytes | bytearray):
        builtins.sum([], start)  # raises
    state = fold.state = fold.seen = [start]

    def consume(item: Any) -> None:
        state[0] = fold.ops.binary("+", state[0], item)

    fold.consume = consume
    fold.run(0, is_plain)
    return state[0]


def _all_or_any(name: str) -> Callable[[Fold, bool], Any]:
    def search(fold: Fold, is_plain: bool) -> Any:
        state = fold.state = fold.seen = [name == "all"]

        def consume(item: Any) -> None:
            state[0] = bool_of(item)

        fold.consume = consume
        fold.go_on = (lambda: state[0]) if name == "all" else (lambda: fold.ops.not_(state[0]))
        fold.run(0, is_plain)
        return state[0]

    return search


def _extremum(name: str) -> Callable[[Fold, bool], Any]:
    symbol = "gt" if name == "max" else "lt"

    def extremum(fold: Fold, is_plain: bool) -> Any:
        """Without a condition the first item counts; with one the items are listed."""
        _check_some(name, fold.steps.trip)
        if fold.tests:
            return _as_list(getattr(builtins, name))(fold, is_plain)
        ((_, value),) = fold.turns(iter((fold.steps.item(0),)))
        state = fold.state = fold.seen = [value()]

        def consume(item: Any) -> None:
            state[0] = choose(compared(symbol, item, state[0]), item, state[0])

        fold.consume = consume
        fold.run(1, is_plain and not _is_traced(state))
        return state[0]

    return extremum


def _check_some(name: str, count: Dim) -> None:
    """ValueError, as Python's of nothing, where there are no items."""
    session = current()
    if session.ranges.at_least(count, 1):
        return
    b = session.b
    some = b.op("ge", b.index(count), b.const(1, "i64"))
    session.check(some, ValueError, dynamic_list_methods.of_nothing(name))


def _as_list(f: Any) -> Callable[..., Any]:
    """What makes a list of the items first."""
    return lambda fold, is_plain, **kwargs: fold.ops.call(f, _list(fold, is_plain), **kwargs)


_FOLDS: dict[Any, Callable[..., Any]] = {
    builtins.sum: _sum,
    builtins.any: _all_or_any("any"),
    builtins.all: _all_or_any("all"),
    builtins.max: _extremum("max"),
    builtins.min: _extremum("min"),
    builtins.list: _list,
    **{f: _as_list(f) for f in (builtins.tuple, builtins.sorted, builtins.dict)},
    **{f: _as_list(f) for f in (collections.Counter, math.prod, math.fsum)},
    **{f: _as_list(f) for f in vars(statistics).values() if isinstance(f, FunctionType)},
}
