"""``heapq``, ``bisect`` and more of the library, in Python converted like the program's functions.

They compare and move items in the order in which Python's do.
"""

from __future__ import annotations

import math
from statistics import StatisticsError
from typing import Any

from tracejit.errors import throw


def _sift_up(heap: Any, place: Any, first: int, item: Any) -> None:
    """Put an item at an empty place, or as far above it as the item is less than what is there."""
    while place > first:
        parent = (place - 1) >> 1
        if not item < heap[parent]:
            break
        heap[place] = heap[parent]
        place = parent
    heap[place] = item


def _leaf_below(heap: Any, place: Any) -> Any:
    """Move the lesser items below an empty place up; the place without items below, which is then
    empty."""
    end, child = len(heap), 2 * place + 1
    while child < end:
        if child + 1 < end and not heap[child] < heap[child + 1]:
            child += 1
        heap[place] = heap[child]
        place = child
        child = 2 * place + 1
    return place


def heappush(heap: Any, item: Any) -> None:
    heap.append(item)
    _sift_up(heap, len(heap) - 1, 0, item)


def heappop(heap: Any) -> Any:
    last = heap.pop()
    if len(heap) == 0:
        return last
    top = heap[0]
    _sift_up(heap, _leaf_below(heap, 0), 0, last)
    return top


def heapreplace(heap: Any, item: Any) -> Any:
    top = heap[0]
    _sift_up(heap, _leaf_below(heap, 0), 0, item)
    return top


def heappushpop(heap: Any, item: Any) -> Any:
    if len(heap) == 0 or not heap[0] < item:
        return item
    return heapreplace(heap, item)


def heapify(heap: Any) -> None:
    for start in range(len(heap) // 2 - 1, -1, -1):
        item = heap[start]
        _sift_up(heap, _leaf_below(heap, start), start, item)


def nlargest(n: Any, items: Any, key: Any = None) -> Any:
    return sorted(items, key=key, reverse=True)[: max(n, 0)]


def nsmallest(n: Any, items: Any, key: Any = None) -> Any:
    return sorted(items, key=key)[: max(n, 0)]


def merged(a: Any, b: Any, key: Any, reverse: Any) -> Any:
    """``heapq.merge`` of two lists; of more it is that of what it gives and the next."""
    out = []
    i = j = 0
    while i < len(a) and j < len(b):
        mine, other = key(a[i]), key(b[j])
        if (mine < other) if reverse else (other < mine):
            out.append(b[j])
            j += 1
        else:
            out.append(a[i])
            i += 1
    out.extend(a[i:])
    out.extend(b[j:])
    return out


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
    a.insert(bisect_left(a, x), x)


def insort_right(a: Any, x: Any) -> None:
    a.insert(bisect_right(a, x), x)


def digits(n: Any) -> Any:
    """``len(str(n))``."""
    found, rest = 1, n
    if n < 0:
        found = 2
        if n <= -10:
            found += 1
        rest = n // -10  # which fits, unlike -n
    while rest >= 10:
        rest //= 10
        found += 1
    return found


def must_be_a_width(n: Any) -> None:
    """As a replacement field says it of a text."""
    if n < 0:
        throw(ValueError("Sign not allowed in string format specifier"))


def padding(size: Any, width: Any, fill: Any, side: Any, centred: Any) -> Any:
    """What stands before and behind a text of so many letters that is so wide at least."""
    n = width - size
    if side == ">":
        return fill * n, ""
    if side == "<":
        return "", fill * n
    before = n // 2
    if centred:
        before += n & width & 1
    return fill * before, fill * (n - before)


def copies(x: Any, n: Any) -> Any:
    return [x for _ in range(n)]


def index_of(items: Any, wanted: Any) -> Any:
    for k, x in enumerate(items):
        if x is wanted or x == wanted:
            return k
    throw(ValueError("sequence.index(x): x not in sequence"))


def count_of(items: Any, wanted: Any) -> Any:
    found = 0
    for x in items:
        if x is wanted or x == wanted:
            found += 1
    return found


def dist(p: Any, q: Any) -> Any:
    """``math.dist`` of arrays whose length the run decides."""
    if len(p) != len(q):
        throw(ValueError("both points must have the same number of dimensions"))
    total = 0.0
    for i in range(len(p)):
        total = math.hypot(total, float(p[i]) - float(q[i]))
    return total


def mode(data: Any) -> Any:
    counts: dict[Any, int] = {}
    for x in data:
        counts[x] = counts.get(x, 0) + 1
    if len(counts) == 0:
        throw(StatisticsError("no mode for empty data"))
    return max(counts, key=lambda x: counts[x])


def multimode(data: Any) -> Any:
    counts: dict[Any, int] = {}
    for x in data:
        counts[x] = counts.get(x, 0) + 1
    most = 0
    for k in counts.values():
        most = max(most, k)
    return [x for x, k in counts.items() if k == most]


def print_each(parts: Any, sep: Any, end: Any) -> None:
    """``print`` of all items of some lists."""
    some = False
    for items in parts:
        for x in items:
            if some:
                print(sep, end="")
            print(x, end="")
            some = True
    print(end=end)


def close(manager: Any, *error: Any) -> None:
    """``__exit__`` of ``contextlib.closing``."""
    manager.thing.close()


def same_dict(a: Any, b: Any) -> bool:
    """``a == b`` of dicts."""
    if len(a) != len(b):
        return False
    for key, value in a.items():
        if key not in b:
            return False
        if b[key] != value:
            return False
    return True
