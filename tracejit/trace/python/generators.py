"""Generators of the program: how they are made, and builtins and ``itertools`` over them.

What those do is Python (``iterators_in_python``), converted like the program's own functions, so a
generator goes through the same loops wherever its items go.
"""

from __future__ import annotations

import builtins
import collections
import functools
import inspect
import itertools
from collections.abc import Callable
from types import FunctionType, GeneratorType, MethodType
from typing import Any

import numpy as np

from tracejit.trace.control.calls_under_way import under_way
from tracejit.trace.control.generated import Generated, Put, go_through
from tracejit.trace.convert import Site, Turns, VarInfo
from tracejit.trace.python import iterators_in_python as python
from tracejit.trace.session.concretize import BoundMethod
from tracejit.trace.session.registry import CLASS_SEEN
from tracejit.trace.session.session import current
from tracejit.trace.values.all import Tracer, as_dim, dim_value
from tracejit.trace.values.iterables import is_endless, part_of

CLASS_SEEN[Generated] = lambda x: GeneratorType

#: Of a generator that is turned inside out: whether closing it at a ``yield`` runs something.
CLEANS_UP = "__tracejit_cleans_up__"


def is_generator(function: FunctionType) -> bool:
    return bool(function.__code__.co_flags & inspect.CO_GENERATOR)


def made_by_call(
    ops: Any, f: FunctionType | MethodType, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Generated:
    """What a call of a generator function gives: nothing of it has run yet."""
    function: Any = f.__func__ if isinstance(f, MethodType) else f
    every = (f.__self__, *args) if isinstance(f, MethodType) else args
    function(*every, **kwargs)  # raises what is wrong with the arguments, and runs nothing
    given = inspect.signature(function, follow_wrapped=False).bind(*every, **kwargs)
    given.apply_defaults()
    turned, why = ops.turned(function)

    def give(put: Put) -> Any:
        with under_way(function.__code__, every, kwargs):
            return turned(put, *given.args, **given.kwargs)

    def items() -> Any:
        with under_way(function.__code__, every, kwargs):
            return ops.converted(f)(*args, **kwargs)

    made = Generated(function.__name__, give if turned else None, items, why)
    made.cleans_up = getattr(turned, CLEANS_UP, False)
    return made


def of_expression(
    ops: Any, turned: Callable[..., Any], items: Callable[[Any], Any], source: Any
) -> Generated:
    """What a generator expression gives."""
    return Generated("<genexpr>", lambda put: turned(put, source), lambda: ops.made(items(source)))


def _ours(function: Callable[..., Any], *args: Any) -> Any:
    return current().operators.call(function, *args)


# Generators that are taken apart ------------------------------------------------------------------


def listed(ops: Any, turns: Turns, source: Generated, site: Site, flat: bool) -> Any:
    """The list of a comprehension over a generator."""
    out: list[Any] = ops.made([])
    put = out.extend if flat else out.append
    turn = _turn(ops, turns, site, lambda item: ops.call(put, item))
    go_through(ops, source, turn, tuple, lambda state: None, (), None)
    return out


def of_turns(ops: Any, turns: Turns, source: Any, site: Site) -> Generated:
    """The generator expression of which the turns are known."""
    names = (VarInfo("whether more is wanted", True, True, "flag"),)

    def give(put: Put) -> None:
        state = [False]

        def get() -> tuple[Any, ...]:
            return (state[0],)

        def set_state(values: tuple[Any, ...]) -> None:
            (state[0],) = values

        def consume(item: Any) -> None:
            state[0] = put(item)

        turn = _turn(ops, turns, site, consume, (get, set_state, names))
        own = (get, set_state, names)
        ops.for_stmt(source, turn, *own, site, lambda: ops.not_(state[0]))

    def items() -> Any:
        return (value() for test, value in turns(ops.iterate(source)) if test is None or test())

    return Generated("<genexpr>", give, items)


def _turn(
    ops: Any,
    turns: Turns,
    site: Site,
    consume: Callable[[Any], None],
    state: tuple[Any, ...] = (tuple, lambda state: None, ()),
) -> Callable[[Any], None]:
    def turn(item: Any) -> None:
        ((test, value),) = turns(iter((item,)))
        if test is None:
            consume(value())
        else:
            ops.if_stmt(test(), lambda: consume(value()), lambda: None, *state, site)

    return turn


# Builtins over generators -------------------------------------------------------------------------


def called(f: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The result of a builtin that is given generators; NotImplemented where Python takes their
    items one by one, while tracing, or where they are passed on as they are."""
    if isinstance(getattr(f, "__self__", None), list) and f.__name__ == "extend":
        return _ours(python.extended, f.__self__, *args)
    try:
        ours = _OF_GENERATORS.get(f)
    except TypeError:
        return NotImplemented
    return NotImplemented if ours is None else ours(*args, **kwargs)


def _is_whole(x: Any) -> bool:
    return isinstance(x, Generated) and x.is_whole


def _of_list(f: Any) -> Callable[..., Any]:
    """What Python makes of a list of all items, too."""

    def call(items: Any, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(items, Generated):
            return NotImplemented
        return _ours(functools.partial(f, **kwargs), _ours(python.listed, items), *args)

    return call


def holds(items: Generated, wanted: Any) -> Any:
    """``wanted in items``."""
    return _ours(python.holds, items, wanted)


def items_up_to(items: Generated, count: int | None) -> Any:
    """The list of the first items, of no more than ``count``."""
    some = items if count is None else _ours(python.sliced, items, 0, count, 1)
    return _ours(python.listed, some)


def _sum(items: Any, /, start: Any = 0) -> Any:
    if isinstance(start, str | bytes | bytearray):
        builtins.sum([], start)  # raises
    return _ours(python.total, items, start)


def _next(items: Generated, *default: Any) -> Any:
    if not (items.is_whole or items.is_over):
        return NotImplemented
    return _ours(python.first_or if default else python.first, items, *default)


def _reduce(f: Any, items: Any, *initial: Any) -> Any:
    if initial:
        return _ours(python.reduced, f, items, *initial)
    return _ours(functools.reduce, f, _ours(python.listed, items))


def _zip(*parts: Any, strict: bool = False) -> Any:
    """Of one generator, between parts that have numbered items."""
    places = [k for k, part in enumerate(parts) if isinstance(part, Generated)]
    if len(places) > 1 or strict or not _is_whole(parts[places[0]]):
        return NotImplemented
    if len(parts) == 1:
        return _ours(python.mapped, lambda_of(lambda x: (x,)), parts[0])
    (at,) = places
    before, row_before = _rows(parts[:at])
    after, row_after = _rows(parts[at + 1 :])
    return _ours(python.zipped, before, row_before, parts[at], after, row_after)


def _rows(parts: tuple[Any, ...]) -> tuple[Any, Any]:
    """How many rows some parts of a ``zip`` have (None: no end is in sight), and the row of a
    number."""
    every = [part_of(part) for part in parts]
    ends = [steps.trip for steps, part in zip(every, parts, strict=True) if not is_endless(part)]
    row = lambda_of(lambda k: tuple(steps.item(as_dim(k)) for steps in every))
    if not ends:
        return None, row
    counts = list(map(dim_value, ends))
    return (counts[0] if len(counts) == 1 else _ours(builtins.min, *counts)), row


def lambda_of(function: Callable[..., Any]) -> Any:
    """A function of the tracer's own, called as it is."""
    return BoundMethod(None, lambda _, *args: function(*args))


def _enumerate(iterable: Any, start: Any = 0) -> Any:
    return _ours(python.enumerated, iterable, start)


def _map(f: Any, /, *parts: Any) -> Any:
    if len(parts) == 1:
        return _ours(python.mapped, f, parts[0])
    rows = _zip(*parts)
    return NotImplemented if rows is NotImplemented else _ours(python.mapped_rows, f, rows)


def _islice(items: Any, /, *bounds: Any) -> Any:
    if all(b is None or type(b) is int for b in bounds):
        itertools.islice((), *bounds)  # raises what is wrong with them
    given = slice(*bounds)
    start = 0 if given.start is None else given.start
    return _ours(python.sliced, items, start, given.stop, 1 if given.step is None else given.step)


def _product(*parts: Any, repeat: Any = 1) -> Any:
    every = [_ours(python.listed, p) if isinstance(p, Generated) else p for p in parts]
    return _ours(functools.partial(itertools.product, repeat=repeat), *every)


def _extremum(f: Any) -> Callable[..., Any]:
    of_list = _of_list(f)

    def call(items: Any, *others: Any, **kwargs: Any) -> Any:
        if others or kwargs.get("key") is None or kwargs.keys() - {"key", "default"}:
            return of_list(items, *others, **kwargs)
        default = (kwargs["default"],) if "default" in kwargs else ()
        return _ours(python.extremum, f, items, kwargs["key"], default)

    return call


def _fromiter(items: Any, dtype: Any, count: int = -1) -> Any:
    known = not isinstance(count, Tracer)
    some = _ours(python.sliced, items, 0, count, 1) if known and count >= 0 else items
    return _ours(np.fromiter, _ours(python.listed, some), dtype, count)


def _reversed(items: Any, /) -> Any:
    return builtins.reversed(items.items())  # raises


def _len(items: Any, /) -> Any:
    return builtins.len(items.items())  # raises


_OF_GENERATORS: dict[Any, Callable[..., Any]] = {
    builtins.sum: _sum,
    builtins.any: lambda items: _ours(python.any_of, items),
    builtins.all: lambda items: _ours(python.all_of, items),
    builtins.list: lambda items: _ours(python.listed, items),
    builtins.iter: lambda items: items,
    builtins.next: _next,
    builtins.enumerate: _enumerate,
    builtins.zip: _zip,
    builtins.map: _map,
    builtins.reversed: _reversed,
    builtins.len: _len,
    functools.reduce: _reduce,
    np.fromiter: _fromiter,
    itertools.islice: _islice,
    itertools.product: _product,
    itertools.pairwise: lambda items: _ours(python.in_pairs, items),
}
_OF_GENERATORS |= {f: _extremum(f) for f in (builtins.min, builtins.max)}
_OF_GENERATORS |= {
    f: _of_list(f)
    for f in (
        builtins.tuple, builtins.sorted, builtins.set,
        builtins.frozenset, itertools.cycle, builtins.dict, collections.Counter,
    )
}  # fmt: skip
