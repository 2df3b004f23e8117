"""Containers that are found outside, of any class: each call sees what they hold, in its order.

Also versions from the disk: arguments whose dicts differ in the order of keys alone.
"""

from __future__ import annotations

from collections import ChainMap, Counter, OrderedDict, UserDict, UserList, defaultdict, deque
from collections.abc import Callable
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

from tracejit import jit
from tracejit.codegen_llvm.engine import shared_engine


class Pairs(dict[str, float]):
    pass


class Row(list[float]):
    pass


class Named(NamedTuple):
    k: float
    many: list[float]


def in_order(d: Any) -> Callable[[float], Any]:
    def f(x: float) -> Any:
        total = x * 0
        for _, v in d.items():
            total = total * 10 + v
        return total, len(d)

    return f


def values_of(items: Any) -> Callable[[float], Any]:
    def f(x: float) -> Any:
        total = x * 0
        for v in items:
            total = total * 10 + v
        return total, sum(items), max(items)

    return f


def last_first(d: dict[str, float]) -> None:
    d["a"] = d.pop("a")


UNDER: dict[str, float] = {"a": 1.0, "b": 2.0}
NAMED = Named(1.0, [1.0, 2.0])
MAPPINGS: dict[str, tuple[Any, Callable[[Any], Any]]] = {
    "dict": ({"a": 1.0, "b": 2.0}, last_first),
    "OrderedDict": (OrderedDict(a=1.0, b=2.0), lambda d: d.move_to_end("a")),
    "OrderedDict grows": (OrderedDict(a=1.0), lambda d: d.update(z=3.0)),
    "Counter": (Counter(a=1, b=2), last_first),
    "Counter grows": (Counter(a=1), lambda d: d.update(z=3)),
    "defaultdict": (defaultdict(float, a=1.0, b=2.0), last_first),
    "defaultdict is asked": (defaultdict(float, a=1.0), lambda d: d["c"]),
    "derived": (Pairs(a=1.0, b=2.0), last_first),
    "UserDict": (UserDict(a=1.0, b=2.0), last_first),
    "ChainMap": (ChainMap({"a": 1.0}, {"b": 2.0}), lambda d: d.update(b=5.0)),
    "ChainMap below": (ChainMap({"a": 1.0}, {"b": 2.0}), lambda d: d.maps[1].update(b=5.0)),
    "view of a dict": (MappingProxyType(UNDER), lambda _: UNDER.update(a=7.0)),
}
SEQUENCES: dict[str, tuple[Any, Callable[[Any], Any]]] = {
    "list": ([1.0, 2.0], lambda x: x.append(3.0)),
    "derived": (Row([1.0, 2.0]), lambda x: x.append(3.0)),
    "derived, an item": (Row([1.0, 2.0]), lambda x: x.__setitem__(0, 3.0)),
    "UserList": (UserList([1.0, 2.0]), lambda x: x.append(3.0)),
    "deque": (deque([1.0, 2.0]), lambda x: x.appendleft(3.0)),
    "list in a named tuple": (NAMED.many, lambda x: x.append(3.0)),
}


def seen(f: Callable[[float], Any], change: Callable[[], Any]) -> None:
    g = jit(f)
    assert g(1.0) == f(1.0)
    change()
    assert g(1.0) == f(1.0)


@pytest.mark.parametrize("name", MAPPINGS)
def test_mappings(name: str) -> None:
    d, change = MAPPINGS[name]
    seen(in_order(d), lambda: change(d))


@pytest.mark.parametrize("name", SEQUENCES)
def test_sequences(name: str) -> None:
    items, change = SEQUENCES[name]
    seen(values_of(items), lambda: change(items))


def test_a_list_in_a_named_tuple() -> None:
    t = Named(1.0, [1.0])
    seen(lambda x: x + len(t.many) + sum(t[1]), lambda: t.many.append(4.0))


def test_orders_of_keys_are_different_versions_on_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    if shared_engine().cache is None:
        pytest.skip("there is no cache")
    monkeypatch.setenv("TRACEJIT_CACHE_VERSIONS", "1")

    def f(d: dict[str, float]) -> Any:
        total = 0.0
        for v in d.values():
            total = total * 10 + v
        return total, {k: v + 1 for k, v in d.items()}, next(iter(d.values())) * 2.0

    for g in (jit(f), jit(f)):
        for d in ({"b": 2.0, "a": 1.0}, {"a": 1.0, "b": 2.0}):
            found, want = g(d), f(d)
            assert found == want
            assert list(found[1]) == list(want[1])
