"""``set`` and ``frozenset``, displays and comprehensions: plain sets, or ``Distinct`` where an item
is a number that only the run knows."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

import numpy as np

from tracejit.errors import asks
from tracejit.trace.python.distinct import Distinct, differing
from tracejit.trace.python.dynamic_list_methods import as_array
from tracejit.trace.python.ordering import builtin_list
from tracejit.trace.session.session import current
from tracejit.trace.values import containers, dunder_methods
from tracejit.trace.values.all import Array, Tracer, name_of
from tracejit.trace.values.dynamic_list import is_grown, refuse, run_of
from tracejit.trace.values.entries import is_table
from tracejit.trace.values.iterables import Looped, is_endless, steps_of
from tracejit.trace.values.scalar_join import is_number
from tracejit.trace.values.scalars import weak_kind


@asks(TypeError)
def set_of(kind: type, items: Any) -> Any:
    """A set or frozenset of some items; ``TypeError`` where one has no hash."""
    if isinstance(items, Distinct):
        return Distinct(items.elements, items.is_python, kind is frozenset)
    if isinstance(items, Looped) and not is_endless(items):
        items = builtin_list(items)
    if isinstance(items, Array) and items.ndim:
        if items.ndim > 1:
            hash(items)  # its rows are arrays, which have none
        return _distinct(kind, items, is_python=False)
    if isinstance(items, list) and is_grown(items):
        kinds, make = run_of(items).form
        if make is None and kinds[0].shape is None:
            if kinds[0].is_tagged:  # of 1 and 1.0 the first would be the item
                refuse("a set of numbers of several kinds")
            return _distinct(kind, as_array(items), is_python=kinds[0].weak is not None)
        refuse("a set of what is no number")
    listed = items if isinstance(items, list | tuple) else list(items)
    traced = any(isinstance(x, Tracer) for x in listed)
    if not (traced and all(map(is_number, listed)) and _are_alike(listed)):
        return containers.made(current(), kind(listed))
    array = name_of(np.array)(list(listed))
    return _distinct(kind, array, is_python=weak_kind(listed[0]) is not None)


def _distinct(kind: type, x: Array, *, is_python: bool) -> Distinct:
    call = current().operators.call
    return Distinct(call(differing, x), is_python, kind is frozenset)


def _are_alike(items: Any) -> bool:
    """Whether all are numbers of one kind, so that an array holds them as they are."""
    kinds = {weak_kind(x) or x.dtype for x in items}
    return len(kinds) == 1


def _builtin(kind: type) -> Callable[..., Any]:
    def made(*items: Any) -> Any:
        if len(items) != 1:
            return containers.made(current(), kind(*items))
        (given,) = items
        if is_table(given) and isinstance(given, set) and kind is set:
            return containers.made(current(), set(given))
        if steps_of(given) is None:
            given = dunder_methods.iterable(current().operators, given)
        return set_of(kind, given)

    return made


SETS: dict[Any, Callable[..., Any]] = {
    builtins.set: _builtin(builtins.set),
    builtins.frozenset: _builtin(builtins.frozenset),
}
