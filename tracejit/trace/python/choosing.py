"""``min`` and ``max`` with their keywords, and ``functools.reduce``: loops over their items.

The best item is known by its place: with a key any kind of item may be the best.
"""

from __future__ import annotations

import builtins
import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from tracejit.dtypes import is_inexact
from tracejit.errors import all_ask, throw
from tracejit.ir.extent import Dim
from tracejit.trace.python.comparisons import choose, compared
from tracejit.trace.python.dynamic_list_methods import of_nothing
from tracejit.trace.session.session import current
from tracejit.trace.session.tracer import Steps
from tracejit.trace.values.all import Array, PyScalar, Tracer, as_dim, dim_value, name_of
from tracejit.trace.values.iterables import Counted, spend, steps_of
from tracejit.trace.values.scalars import EitherNumber

_NOT_GIVEN = object()
_REDUCED = "reduce() of empty iterable with no initial value"


def _extremum(name: str) -> Callable[..., Any]:
    plain = getattr(builtins, name)

    def extremum(*args: Any, key: Any = None, default: Any = _NOT_GIVEN) -> Any:
        if not args or (len(args) > 1 and default is not _NOT_GIVEN):
            return plain(*args, default=default) if args else plain()  # raises
        many = args[0] if len(args) == 1 else args
        steps = steps_of(many)
        if steps is None or (isinstance(many, builtins.range) and key is None):
            items = list(many)
            steps = Steps(len(items), lambda i: items[i])  # type: ignore[index]
            if key is None and not any(map(_is_traced, items)):
                return _with_default(steps.trip, default, name, lambda: plain(items))
            return _with_default(steps.trip, default, name, lambda: _of_items(name, items, key))
        if isinstance(many, Array) and key is None:
            return _with_default(steps.trip, default, name, lambda: _of_array(name, many))
        return _with_default(steps.trip, default, name, lambda: _of_steps(name, steps, key))

    return extremum


def _is_traced(x: Any) -> bool:
    return isinstance(x, Tracer) or (isinstance(x, tuple | list) and any(map(_is_traced, x)))


def _may_be_int(x: Any) -> bool:
    """Whether an item is an int in some runs, or has such a part."""
    return any(map(_may_be_int, x)) if isinstance(x, tuple) else isinstance(x, EitherNumber)


def _with_default(count: Dim, default: Any, name: str, found: Callable[[], Any]) -> Any:
    """What is found; where there is nothing the default, or ValueError."""
    if default is _NOT_GIVEN:
        _check_some(count, ValueError, of_nothing(name))
        return found()
    session = current()
    if session.ranges.at_least(count, 1):
        return found()
    if count == 0:
        return default
    b = session.b
    some = PyScalar("bool", b.op("ge", b.index(count), b.const(1, "i64")))
    return session.operators.if_expr(some, found, lambda: default, None)


def _check_some(count: Dim, kind: type[Exception], message: str) -> None:
    session = current()
    if not session.ranges.at_least(count, 1):
        b = session.b
        session.check(b.op("ge", b.index(count), b.const(1, "i64")), kind, message)


def _better(name: str, one: Any, other: Any) -> Any:
    """Whether one item is taken in place of another, as Python asks it."""
    if isinstance(one, tuple | list) or isinstance(other, tuple | list):
        return current().operators.compare_one(">" if name == "max" else "<", one, other)
    return compared("gt" if name == "max" else "lt", one, other)


def _of_items(name: str, items: list[Any], key: Any) -> Any:
    """Of items that are known one by one while tracing."""
    operators = current().operators
    keys = items if key is None else [operators.call(key, item) for item in items]
    best, top = items[0], keys[0]
    for item, mine in zip(items[1:], keys[1:], strict=True):
        test = _better(name, mine, top)
        held = (best, top)
        best, top = choose(test, (item, mine), held)
    return best


def _of_steps(name: str, steps: Steps, key: Any) -> Any:
    """A loop at run time. With a key it carries the place of the best item and its key; and where
    items are of several kinds, of which the best is one."""
    operators = current().operators
    if key is None and not _may_be_int(steps.item(0)):
        best = [steps.item(0)]

        def choose_item(item: Any) -> None:
            held = best[0]
            best[0] = choose(_better(name, item, held), item, held)

        operators.loop_over(Counted(steps.trip - 1, lambda i: steps.item(i + 1)), choose_item, best)
        return best[0]

    def key_of(item: Any) -> Any:
        return item if key is None else operators.call(key, item)

    state = [0, key_of(steps.item(0))]

    def choose_place(i: Any) -> None:
        mine = key_of(steps.item(as_dim(i)))
        held = tuple(state)
        state[:] = choose(_better(name, mine, held[1]), (i, mine), held)

    places = Counted(steps.trip - 1, lambda i: dim_value(i + 1))
    operators.loop_over(places, choose_place, state)
    return steps.item(as_dim(state[0]))


def _of_array(name: str, x: Array) -> Any:
    if x.dims[0] == 1:
        return x[0]
    if x.ndim != 1:
        throw(
            ValueError(
                "The truth value of an array with more than one element is ambiguous. "
                "Use a.any() or a.all()"
            )
        )
    if is_inexact(x.dtype):
        return _of_floats(name, x)
    return name_of(np.max if name == "max" else np.min)(x)


def _of_floats(name: str, x: Array) -> Any:
    """Python's max and min of floats depend on where a nan stands: the first element wins it."""
    ufunc: Any = name_of(np.fmax if name == "max" else np.fmin)
    best = ufunc.reduce(x)
    first = x[0]
    return choose(compared("ne", first, first), first, best)


def reduced(f: Any, items: Any, /, *initial: Any) -> Any:
    """``functools.reduce``."""
    operators = current().operators
    spend(items)
    steps = steps_of(items)
    if len(initial) > 1 or steps is None:
        calls = functools.partial(operators.call, f)
        return functools.reduce(calls, items, *initial)
    first = 0
    if not initial:
        _check_some(steps.trip, TypeError, _REDUCED)
        initial, first = (steps.item(0),), 1
    state = [initial[0]]

    def body(item: Any) -> None:
        state[0] = operators.call(f, state[0], item)

    rest = Counted(steps.trip - first, lambda i: steps.item(i + first))
    operators.loop_over(rest, body, state)
    return state[0]


CHOOSING: dict[Any, Callable[..., Any]] = {
    builtins.min: _extremum("min"),
    builtins.max: _extremum("max"),
    functools.reduce: reduced,
}


all_ask(globals(), TypeError, ValueError, ArithmeticError)
