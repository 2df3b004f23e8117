"""Builtins and ``itertools`` in Python, converted like the program's own functions.

They take and give items in the order in which Python's do. ``item`` gives the item of a number, of
``count``; ``items`` is gone through in a ``for`` statement.
"""

from __future__ import annotations

# ruff: noqa: F821  (a declared variable is bound in the first turn)
from typing import Any

from tracejit.errors import throw

# What goes through all items, or through some ----------------------------------------------------


def listed(items: Any) -> Any:
    out = []
    for x in items:
        out.append(x)
    return out


def extended(out: Any, items: Any) -> None:
    for x in items:
        out.append(x)


def total(items: Any, start: Any) -> Any:
    for x in items:
        start = start + x
    return start


def any_of(items: Any) -> Any:
    for x in items:  # noqa: SIM110
        if x:
            return True
    return False


def all_of(items: Any) -> Any:
    for x in items:  # noqa: SIM110
        if not x:
            return False
    return True


def reduced(f: Any, items: Any, value: Any) -> Any:
    for x in items:
        value = f(value, x)
    return value


def extremum(f: Any, items: Any, key: Any, default: Any) -> Any:
    kept = []
    keys = []
    for x in items:
        kept.append(x)
        keys.append(key(x))
    if default and len(kept) == 0:
        return default[0]
    return kept[f(range(len(keys)), key=lambda k: keys[k])]


def first_or(items: Any, default: Any) -> Any:
    for x in items:
        return x
    return default


def first(items: Any) -> Any:
    for x in items:
        return x
    throw(StopIteration())


def holds(items: Any, wanted: Any) -> Any:
    for x in items:  # noqa: SIM110
        if x is wanted or x == wanted:
            return True
    return False


# Iterators ---------------------------------------------------------------------------------------


def enumerated(items: Any, start: Any) -> Any:
    k = start
    for x in items:
        yield k, x
        k += 1


def mapped(f: Any, items: Any) -> Any:
    for x in items:
        yield f(x)


def mapped_rows(f: Any, items: Any) -> Any:
    for row in items:
        yield f(*row)


def filtered(f: Any, items: Any) -> Any:
    for x in items:
        if f(x):
            yield x


def filtered_by_truth(items: Any) -> Any:
    for x in items:
        if x:
            yield x


def filtered_out(f: Any, items: Any) -> Any:
    for x in items:
        if not f(x):
            yield x


def zipped(before: Any, row_before: Any, items: Any, after: Any, row_after: Any) -> Any:
    """``zip`` with a generator between parts that have numbered items, ``before`` and ``after`` of
    them (None: without an end)."""
    k = 0
    if before is None or before > 0:
        for x in items:
            if after is not None and k >= after:
                return
            yield (*row_before(k), x, *row_after(k))
            k += 1
            if before is not None and k >= before:
                return


def chained(parts: Any) -> Any:
    for items in parts:
        yield from items


def taken_while(f: Any, items: Any) -> Any:
    for x in items:
        if not f(x):
            return
        yield x


def dropped_while(f: Any, items: Any) -> Any:
    dropping = True
    for x in items:
        if dropping and f(x):
            continue
        dropping = False
        yield x


def compressed(data: Any, selectors: Any) -> Any:
    for x, chosen in zip(data, selectors, strict=False):
        if chosen:
            yield x


def sliced(items: Any, start: Any, stop: Any, step: Any) -> Any:
    if stop is not None and stop == 0:
        return
    at = start
    for k, x in enumerate(items, 1):
        if k > at:
            yield x
            at += step
        if stop is not None and k >= stop:
            return


def in_pairs(items: Any) -> Any:
    before: Any
    some = False
    for x in items:
        if some:
            yield before, x
        before = x
        some = True


def accumulated_numbers(count: Any, item: Any, f: Any) -> Any:
    if count > 0:
        value = item(0)
        yield value
        for k in range(1, count):
            value = f(value, item(k))
            yield value


def accumulated(items: Any, f: Any) -> Any:
    value: Any
    some = False
    for x in items:
        value = f(value, x) if some else x
        some = True
        yield value


def accumulated_from(items: Any, f: Any, initial: Any) -> Any:
    value = initial
    yield value
    for x in items:
        value = f(value, x)
        yield value


def zipped_longest(length: Any, row: Any) -> Any:
    for k in range(length):
        yield row(k)


def combinations(count: Any, item: Any, start: Any, r: int, again: int) -> Any:
    """In the order of numbers; ``again``: 0 where an item may be taken more than once, else 1."""
    if r == 0:
        yield ()
        return
    for k in range(start, count - (r - 1) * again):
        for others in combinations(count, item, k + again, r - 1, again):
            yield (item(k), *others)


def permutations(count: Any, item: Any, r: int, taken: Any) -> Any:
    if r == 0:
        yield ()
        return
    for k in range(count):
        if k not in taken:
            for others in permutations(count, item, r - 1, (*taken, k)):
                yield (item(k), *others)


def grouped(items: Any, key: Any) -> Any:
    current: Any
    some = False
    group: list[Any] = []
    for x in items:
        k = x if key is None else key(x)
        if some and k != current:
            yield current, group
            group = []
        group.append(x)
        current = k
        some = True
    if some:
        yield current, group
