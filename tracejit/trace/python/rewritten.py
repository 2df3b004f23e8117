"""Functions of Python's library that are written in C, as Python: converted like the program's own.

They are those of ``heapq`` and ``bisect``, which compare and move items in the same order.
"""

from __future__ import annotations

import bisect
import heapq
from collections.abc import Callable
from typing import Any

from tracejit.errors import throw
from tracejit.trace.control.watched import as_is
from tracejit.trace.session.session import current
from tracejit.trace.values.all import Array, Tracer
from tracejit.trace.values.dynamic_list import form_of, is_grown, replace_items, run_of_items


def heappush(heap: Any, item: Any) -> None:
    heap.append(item)
    place = len(heap) - 1
    while place > 0:
        parent = (place - 1) >> 1
        if not item < heap[parent]:
            break
        heap[place] = heap[parent]
        place = parent
    heap[place] = item


def heappop(heap: Any) -> Any:
    last = heap.pop()
    if len(heap) == 0:
        return last
    top = heap[0]
    end, place, child = len(heap), 0, 1
    while child < end:
        if child + 1 < end and not heap[child] < heap[child + 1]:
            child += 1
        heap[place] = heap[child]
        place = child
        child = 2 * place + 1
    while place > 0:
        parent = (place - 1) >> 1
        if not last < heap[parent]:
            break
        heap[place] = heap[parent]
        place = parent
    heap[place] = last
    return top


def heapreplace(heap: Any, item: Any) -> Any:
    top = heap[0]
    end, place, child = len(heap), 0, 1
    while child < end:
        if child + 1 < end and not heap[child] < heap[child + 1]:
            child += 1
        heap[place] = heap[child]
        place = child
        child = 2 * place + 1
    while place > 0:
        parent = (place - 1) >> 1
        if not item < heap[parent]:
            break
        heap[place] = heap[parent]
        place = parent
    heap[place] = item
    return top


def heapify(heap: Any) -> None:
    end = len(heap)
    for start in range(end // 2 - 1, -1, -1):
        item = heap[start]
        place, child = start, 2 * start + 1
        while child < end:
            if child + 1 < end and not heap[child] < heap[child + 1]:
                child += 1
            heap[place] = heap[child]
            place = child
            child = 2 * place + 1
        while place > start:
            parent = (place - 1) >> 1
            if not item < heap[parent]:
                break
            heap[place] = heap[parent]
            place = parent
        heap[place] = item


def bisect_left(a: Any, x: Any, lo: Any = 0, hi: Any = None) -> Any:
    if lo < 0:
        throw(ValueError("lo must be non-negative"))
    if hi is None:
        hi = len(a)
    while lo < hi:
        middle = (lo + hi) // 2
        if a[middle] < x:
            lo = middle + 1
        else:
            hi = middle
    return lo


def bisect_right(a: Any, x: Any, lo: Any = 0, hi: Any = None) -> Any:
    if lo < 0:
        throw(ValueError("lo must be non-negative"))
    if hi is None:
        hi = len(a)
    while lo < hi:
        middle = (lo + hi) // 2
        if x < a[middle]:
            hi = middle
        else:
            lo = middle + 1
    return lo


def insort_left(a: Any, x: Any) -> None:
    lo, hi = 0, len(a)
    while lo < hi:
        middle = (lo + hi) // 2
        if a[middle] < x:
            lo = middle + 1
        else:
            hi = middle
    a.insert(lo, x)


def insort_right(a: Any, x: Any) -> None:
    lo, hi = 0, len(a)
    while lo < hi:
        middle = (lo + hi) // 2
        if x < a[middle]:
            hi = middle
        else:
            lo = middle + 1
    a.insert(lo, x)


def _staged(theirs: Callable[..., Any], ours: Callable[..., Any]) -> Callable[..., Any]:
    def call(items: Any, *args: Any, **kwargs: Any) -> Any:
        given = (*args, *kwargs.values())
        inside = items if type(items) is list else ()
        traced = any(isinstance(x, Tracer) for x in (items, *given)) or is_grown(items)
        if not traced and not any(_is_traced(x) for x in (*inside, *given)):
            return as_is(theirs, (items, *args), kwargs)
        if type(items) is list and not is_grown(items):
            _become_run(items, given)
        if isinstance(items, Array) or type(items) is list:
            return current().operators.converted(ours)(items, *args, **kwargs)
        return as_is(theirs, (items, *args), kwargs)

    return call


def _is_traced(x: Any) -> bool:
    return isinstance(x, Tracer) or (type(x) is tuple and any(map(_is_traced, x)))


def _become_run(items: list[Any], given: tuple[Any, ...]) -> None:
    """Of a list of numbers of one kind: items are read and written at places that the run says."""
    form = form_of(items) or form_of(given[:1])
    if form is not None:
        replace_items(items, run_of_items(list(items), form))


REWRITTEN: dict[Any, Callable[..., Any]] = {
    theirs: _staged(theirs, ours)
    for theirs, ours in (
        (heapq.heappush, heappush),
        (heapq.heappop, heappop),
        (heapq.heapreplace, heapreplace),
        (heapq.heapify, heapify),
        (bisect.bisect_left, bisect_left),
        (bisect.bisect_right, bisect_right),
        (bisect.insort_left, insort_left),
        (bisect.insort_right, insort_right),
    )
}
