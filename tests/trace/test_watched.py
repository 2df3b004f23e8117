"""What would change an object while tracing, once: refused, and the object is as it was."""

from __future__ import annotations

import array
import bisect
import collections
import copy
import functools
import heapq
import itertools
import queue
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tracejit import StructureError, UnsupportedError, jit


class Log:
    lines: list[Any] = []  # noqa: RUF012  (shared on purpose)
    scale = 2.0

    def add(self, v: Any) -> None:
        self.lines.append(v)


OUTSIDE: dict[str, Any] = {
    "list": [1],
    "dict": {"a": 1},
    "set": {1, 2},
    "deque": collections.deque([1, 2]),
    "Counter": collections.Counter("a"),
    "defaultdict": collections.defaultdict(list),
    "OrderedDict": collections.OrderedDict(a=1, b=2),
    "UserList": collections.UserList([1]),
    "nested": {"a": [collections.deque([{1}])]},
}
QUEUE: queue.Queue[Any] = queue.Queue()


def default(v: Any, seen: Any = []) -> Any:
    seen.append(v)
    return len(seen)


def keyword_default(v: Any, *, seen: Any = {1}) -> Any:
    seen.add(2)
    return v


def memo(n: int, cache: Any = {}) -> Any:
    if n not in cache:
        cache[n] = np.arange(n) * 2.0
    return cache[n]


def holder(x: Any) -> Any:
    return x


holder.log = []  # type: ignore[attr-defined]

CHANGES_OUTSIDE: dict[str, Callable[[Any], Any]] = {
    "append": lambda x: OUTSIDE["list"].append(x.sum()),
    "heappush": lambda x: heapq.heappush(OUTSIDE["list"], 2),
    "insort": lambda x: bisect.insort(OUTSIDE["list"], 2),
    "list +=": lambda x: OUTSIDE["list"].__iadd__([1]),
    "dict update": lambda x: OUTSIDE["dict"].update(b=x),
    "set add": lambda x: OUTSIDE["set"].add(3),
    "set |=": lambda x: OUTSIDE["set"].__ior__({5}),
    "deque append": lambda x: OUTSIDE["deque"].append(x),
    "deque rotate": lambda x: OUTSIDE["deque"].rotate(1),
    "Counter update": lambda x: OUTSIDE["Counter"].update("ab"),
    "Counter subtract": lambda x: OUTSIDE["Counter"].subtract("a"),
    "missing key": lambda x: OUTSIDE["defaultdict"]["new"],
    "missing key, appended to": lambda x: OUTSIDE["defaultdict"]["new"].append(1),
    "move_to_end": lambda x: OUTSIDE["OrderedDict"].move_to_end("a"),
    "UserList append": lambda x: OUTSIDE["UserList"].append(2),
    "deep inside": lambda x: OUTSIDE["nested"]["a"][0][0].add(2),
    "Queue put": lambda x: QUEUE.put(1),
    "default": lambda x: default(x.sum()),
    "keyword-only default": lambda x: keyword_default(x),
    "cache in a default": lambda x: x * memo(x.shape[0]),
    "attribute of a function": lambda x: holder.log.append(x),  # type: ignore[attr-defined]
    "attribute of a class": lambda x: Log().add(x),
    "attribute of a class, by name": lambda x: Log.lines.append(x),
}


def state() -> Any:
    defaults = default.__defaults__, keyword_default.__kwdefaults__, memo.__defaults__
    held = *defaults, holder.log, Log.lines, list(QUEUE.queue), QUEUE.unfinished_tasks  # type: ignore[attr-defined]
    return copy.deepcopy((OUTSIDE, held))


@pytest.mark.parametrize("how", CHANGES_OUTSIDE)
def test_objects_from_outside_are_not_changed_while_tracing(how: str) -> None:
    before = state()
    with pytest.raises(UnsupportedError, match=r"^test_watched.py:\d+: .* once, when compiling"):
        jit(CHANGES_OUTSIDE[how])(np.ones(3))
    assert state() == before


ITEMS = iter([1, 2, 3])


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x * next(ITEMS),
        lambda x: [x * v for v in ITEMS],
        lambda x: 2 in ITEMS,
        lambda x: list(ITEMS),
        lambda x: sum(zip(ITEMS, x)),
        lambda x: max(*ITEMS, 1),
    ],
)
def test_iterators_from_outside_are_not_advanced_while_tracing(f: Callable[[Any], Any]) -> None:
    with pytest.raises(UnsupportedError, match="a list_iterator, would be taken once"):
        jit(f)(np.ones(3))
    assert ITEMS.__length_hint__() == 3  # type: ignore[attr-defined]


def set_in_branch(x: Any) -> Any:
    seen: set[int] = set()
    if x[0] > 100:
        seen.add(1)
    return len(seen)


def array_in_branch(x: Any) -> Any:
    held = array.array("d", [0.0])
    if x[0] > 100:
        held[0] = 1.0
    return held[0]


def bytes_in_while(x: Any) -> Any:
    held, k = bytearray(1), 0
    while x[k] > 0:
        held.append(1)
        k += 1
    return len(held)


def next_in_branch(x: Any) -> Any:
    items = iter([1, 2, 3])
    if x[0] > 100:
        next(items)
    return next(items)


def next_in_long_loop(x: Any) -> Any:
    count, total = itertools.count(), 0
    for i in range(1000):
        total += next(count) * i
    return total


def for_over_iterator_in_branch(x: Any) -> Any:
    items = iter([1, 2, 3])
    total = 0
    if x[0] > 100:
        for v in items:
            total += v
    return total + sum(items)


def in_of_iterator_in_branch(x: Any) -> Any:
    items = iter([1, 2, 3])
    if x[0] > 100:
        _ = 2 in items
    return list(items)


def generator_with_state_in_branch(x: Any) -> Any:
    rows = [1, 2, 3]

    def taken() -> Any:
        while rows:
            yield rows.pop()

    given = taken()
    if x[0] > 100:
        next(given)
    return rows


def missing_key_in_branch(x: Any) -> Any:
    counts: dict[str, int] = collections.defaultdict(int)
    if x[0] > 100:
        counts["a"]
    return len(counts)


def order_of_keys_in_branch(x: Any) -> Any:
    names = collections.OrderedDict(a=1, b=2)
    if x[0] > 100:
        names.move_to_end("a")
    return list(names)


IN_REGIONS = [
    array_in_branch, bytes_in_while, for_over_iterator_in_branch,
    in_of_iterator_in_branch,
    missing_key_in_branch, order_of_keys_in_branch,
]  # fmt: skip
ITERATORS = [
    next_in_branch, next_in_long_loop, generator_with_state_in_branch,
]  # fmt: skip


@pytest.mark.parametrize("f", IN_REGIONS)
def test_what_the_run_decides_is_not_done_once(f: Callable[[Any], Any]) -> None:
    with pytest.raises((UnsupportedError, StructureError), match=r"^test_watched.py:\d+: "):
        jit(f)(np.arange(2000.0))


@pytest.mark.parametrize("first", [0.0, 200.0])
def test_a_set_is_added_to_as_the_run_decides(first: float) -> None:
    x = np.arange(first, first + 3.0)
    assert jit(set_in_branch)(x) == set_in_branch(x)


@pytest.mark.parametrize("f", ITERATORS)
@pytest.mark.parametrize("first", [0.0, 200.0])
def test_iterators_are_advanced_as_the_run_decides(f: Callable[[Any], Any], first: float) -> None:
    x = np.arange(first, first + 2000.0)
    assert jit(f)(x) == f(x)


def test_values_of_classes_are_noticed() -> None:
    f = jit(lambda x: x * Log().scale)
    try:
        assert f(np.ones(2))[0] == 2.0
        Log.scale = 3.0
        assert f(np.ones(2))[0] == 3.0
    finally:
        Log.scale = 2.0


def test_defaults_that_are_only_read_may_change() -> None:
    def scaled(x: Any, by: Any = [2.0]) -> Any:
        return x * by[0]

    f = jit(lambda x: scaled(x))
    assert f(np.ones(2))[0] == 2.0
    assert scaled.__defaults__ is not None
    scaled.__defaults__[0][0] = 5.0
    assert f(np.ones(2))[0] == 5.0


def test_a_counter_of_the_caller_is_changed() -> None:
    def count(c: Any, x: Any) -> Any:
        c["a"] += x[0]
        c.update(["b"])
        return c

    counts = collections.Counter(a=1)
    assert jit(count)(counts, np.array([3, 1])) is counts
    assert counts == collections.Counter(a=4, b=1)


def test_results_with_values_in_them_are_refused() -> None:
    for make in (lambda x: collections.UserList([x]), lambda x: functools.partial(max, x[0])):
        with pytest.raises(UnsupportedError, match="cannot be returned"):
            jit(make)(np.ones(2))
