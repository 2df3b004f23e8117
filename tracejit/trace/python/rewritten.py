"""Functions of Python's library that are written in C, and the Python that stands for them."""

from __future__ import annotations

import bisect
import heapq
from collections.abc import Callable
from typing import Any

from tracejit.trace.control.watched import as_is
from tracejit.trace.python import library_in_python
from tracejit.trace.session.session import current
from tracejit.trace.values.all import Array, Tracer
from tracejit.trace.values.dynamic_list import form_of, is_grown, replace_items, run_of_items


def _staged(theirs: Callable[..., Any], ours: Callable[..., Any]) -> Callable[..., Any]:
    def call(items: Any, *args: Any, **kwargs: Any) -> Any:
        given = (*args, *kwargs.values())
        inside = items if type(items) is list else ()
        traced = any(isinstance(x, Tracer) for x in (items, *given)) or is_grown(items)
        if not traced and not any(_is_traced(x) for x in (*inside, *given)):
            return as_is(theirs, (items, *args), kwargs)
        if type(items) is list and not is_grown(items):
            become_run(items, given)
        if isinstance(items, Array) or type(items) is list:
            return current().operators.converted(ours)(items, *args, **kwargs)
        return as_is(theirs, (items, *args), kwargs)

    return call


def _of_sorted(theirs: Callable[..., Any], ours: Callable[..., Any]) -> Callable[..., Any]:
    """Of any items, as ``sorted`` of them is."""

    def call(n: Any, iterable: Any, key: Any = None) -> Any:
        known = isinstance(iterable, list | tuple) and not is_grown(iterable) and key is None
        if known and not any(map(_is_traced, (n, *iterable))):
            return as_is(theirs, (n, iterable), {})
        return current().operators.converted(ours)(n, iterable, key)

    return call


def _merge(*iterables: Any, key: Any = None, reverse: Any = False) -> Any:
    """``heapq.merge``, of lists: all is made at once."""
    operators = current().operators
    lists = [operators.call(list, x) for x in iterables]
    if not any(is_grown(x) or any(map(_is_traced, x)) for x in lists):
        return as_is(heapq.merge, tuple(lists), {"key": key, "reverse": reverse})
    found = lists[0]
    for other in lists[1:]:
        ours = operators.converted(library_in_python.merged)
        found = ours(found, other, (lambda x: x) if key is None else key, bool(reverse))
    return operators.call(iter, found)


def _is_traced(x: Any) -> bool:
    return isinstance(x, Tracer) or (type(x) is tuple and any(map(_is_traced, x)))


def become_run(items: list[Any], given: tuple[Any, ...] = ()) -> None:
    """Of a list of numbers of one kind: items are read and written at places that the run says."""
    form = form_of(items) or form_of(given[:1])
    if form is not None:
        replace_items(items, run_of_items(list(items), form))


REWRITTEN: dict[Any, Callable[..., Any]] = {
    theirs: _staged(theirs, ours)
    for theirs, ours in (
        (heapq.heappush, library_in_python.heappush),
        (heapq.heappop, library_in_python.heappop),
        (heapq.heappushpop, library_in_python.heappushpop),
        (heapq.heapreplace, library_in_python.heapreplace),
        (heapq.heapify, library_in_python.heapify),
        (bisect.bisect_left, library_in_python.bisect_left),
        (bisect.bisect_right, library_in_python.bisect_right),
        (bisect.insort_left, library_in_python.insort_left),
        (bisect.insort_right, library_in_python.insort_right),
    )
}
REWRITTEN |= {
    heapq.merge: _merge,
    heapq.nlargest: _of_sorted(heapq.nlargest, library_in_python.nlargest),
    heapq.nsmallest: _of_sorted(heapq.nsmallest, library_in_python.nsmallest),
}
