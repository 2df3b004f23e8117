"""Once compiled, calls with containers stay native; what they change stays the caller's."""

from __future__ import annotations

import gc
import sys
import threading
from collections import OrderedDict, defaultdict, namedtuple
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from tests.calls.warm import NATIVE, X, Y, Z, assert_same, assert_warm
from tracejit import jit
from tracejit.python_entry import entry

Point = namedtuple("Point", "x y")
Other = namedtuple("Other", "x y")


@dataclass
class Record:
    x: Any
    y: Any = None


@dataclass
class Wider(Record):
    z: Any = 1.0


@dataclass(frozen=True)
class Frozen:
    x: Any
    y: Any


@dataclass(frozen=True, slots=True)
class Slotted:
    x: Any
    y: Any


def total(tree: Any) -> Any:
    return tree["a"] + tree["b"][0] * tree["b"][1]["c"]


def of_point(p: Any) -> Any:
    return p.x - p.y, type(p).__name__


def in_order(d: Any) -> Any:
    return [d[key] * k for k, key in enumerate(d)], list(d)


def of_keys(d: Any) -> Any:
    return {key: d[key] + 1 for key in d}


CONTAINERS: list[tuple[str, Any, list[Any]]] = [
    ("nested", total, [{"a": X, "b": [Y, {"c": Z}]}, {"b": [Y, {"c": Z}], "a": X},
                       {"a": X, "b": (Y, {"c": Z})}, {"a": X, "b": [Y, {"c": Z, "d": X}]},
                       {"a": 1.0, "b": [2, {"c": Z}]}]),
    ("named tuples", of_point, [Point(X, Y), Other(X, Y), Point(1.0, Y)]),
    ("records", of_point, [Record(X, Y), Wider(X, Y), Wider(X, Y, None), Frozen(X, Y)]),
    ("order", in_order, [{"a": X, "b": Y}, {"b": X, "a": Y}, {"a": X}, {}]),
    ("keys", of_keys, [{1: X, 1000: Y}, {"a" * 3: X, 1: Y}, {(1, 2): X}, {None: X, b"k": Y}]),
    ("lists", lambda x: x[::-1], [[X, Y], [X, Y, Z], [], [[X], [Y, []]]]),
    ("tuples", lambda x: x[0] + x[1], [(X, Y), (1.0, Y), [X, Y], (1, 2)]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("function", "trees"), [c[1:] for c in CONTAINERS], ids=[c[0] for c in CONTAINERS]
)
def test_containers(function: Any, trees: list[Any]) -> None:
    assert_warm(jit(function), *(((tree,), {}) for tree in trees))


@pytest.mark.parametrize(
    "tree",
    [
        OrderedDict(a=X, b=[Y, {"c": Z}]),
        defaultdict(list, a=X, b=[Y, {"c": Z}]),
    ],
    ids=lambda tree: type(tree).__name__,
)
def test_containers_that_are_flattened_in_python(tree: Any) -> None:
    f = jit(total)
    for _ in range(3):
        assert_same(f(tree), total(tree))


def test_slots() -> None:
    f = jit(of_point)
    for _ in range(3):
        assert_same(f(Slotted(X, Y)), of_point(Slotted(X, Y)))


@dataclass
class Asks:
    """Its attributes are read by code of its own."""

    x: Any
    y: Any

    def __getattribute__(self, name: str) -> Any:
        return object.__getattribute__(self, name)


def test_a_record_with_code_of_its_own() -> None:
    f = jit(of_point)
    for _ in range(3):
        assert_same(f(Asks(X, Y)), of_point(Asks(X, Y)))


def test_an_object_that_changes_between_calls() -> None:
    f = jit(of_point)
    record = Record(X, Y)
    assert_warm(f, ((record,), {}))
    record.y = Z
    assert_warm(f, ((record,), {}))
    record.extra = 3.0
    assert_warm(f, ((record,), {}))
    del record.extra
    record.x = 2.5
    assert_warm(f, ((record,), {}))
    record.__dict__ = {"y": X, "x": Y}
    assert_warm(f, ((record,), {}))
    record.__class__ = Wider
    assert_same(f(record), of_point(record))


def update(params: Any, step: Any = 0.5, *, log: Any = None) -> Any:
    for name in params:
        params[name] = params[name] - step
    if log is not None:
        log.append(params["w"].sum())
    params["count"] = params["count"] + 1
    return params


def test_containers_that_are_changed_stay_the_callers() -> None:
    f = jit(update)
    for k in range(4):
        got, want = {"w": X + k, "count": 1.0}, {"w": X + k, "count": 1.0}
        seen, expected = [], []
        assert f(got, log=seen) is got
        update(want, log=expected)
        assert_same(got, want)
        assert_same(seen, expected)
    before = f.stats().slow_calls
    f({"w": X, "count": 1.0}, log=[])
    f(params={"w": X, "count": 1.0}, log=[])
    if entry.uses_native_entry():
        assert f.stats().slow_calls == before


def test_attributes_that_are_set() -> None:
    def raised(box: Any, by: Any = 1.0) -> None:
        box.n = box.n + by

    class Box:
        n = 1.0

    f, box = jit(raised), Box()
    for k in range(4):
        f(box)
        assert box.n == 2.0 + k
    f(box, by=2.0)
    assert box.n == 7.0
    before = f.stats().slow_calls
    f(by=2.0, box=box)
    assert box.n == 9.0
    if entry.uses_native_entry():
        assert f.stats().slow_calls == before


def test_no_reference_to_arguments_is_kept() -> None:
    f = jit(total)
    good = {"a": X.copy(), "b": [Y.copy(), {"c": Z.copy()}]}
    bad = {"a": good["a"], "b": [good["b"][0], {"d": good["b"][1]["c"]}]}
    watched = [good, good["a"], good["b"], *good["b"], bad["b"][1]]

    def run(times: int) -> None:
        for _ in range(times):
            f(good)
            with pytest.raises(KeyError):
                f(bad)

    run(3)
    gc.collect()
    before = [sys.getrefcount(x) for x in watched]
    run(30)
    gc.collect()
    assert [sys.getrefcount(x) for x in watched] == before


@NATIVE
def test_python_is_given_the_arrays_that_it_needs() -> None:
    def f(a: Any, b: Any, x: Any, y: Any, z: Any) -> Any:
        a[0] = [b, y, x[::2]]
        return x + z

    def h(a: Any, b: Any, x: Any) -> None:
        a[0] = [b, x + 1.0]

    g, k = jit(f), jit(h)
    g([None], [1.0], X, Y, Z), k([None], [1.0], X)
    for compiled, arrays in ((g, (2, 3)), (k, ())):
        signature = compiled._dispatcher.versions()[0].artefacts.spec.signature
        assert signature.structure.build.arrays == arrays


def test_threads_change_containers_and_defaults_meanwhile() -> None:
    def f(tree: Any, scale: Any = 1.0) -> Any:
        return (tree["x"] * tree["n"][0]).sum() * scale

    g, stop = jit(f), threading.Event()
    tree: dict[str, Any] = {"x": np.ones(30_000), "n": [1.0]}
    g(tree), g({"x": np.ones(30_000), "n": [2.0, 1.0]})

    def change() -> None:
        k = 0
        while not stop.is_set():
            k += 1
            tree["x"] = np.ones(30_000)
            tree["n"] = [1.0] if k % 3 else [1.0, 2.0]
            f.__defaults__ = (1.0 + 0 * k,)

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(300):
            assert g(tree) == 30_000.0
    finally:
        stop.set()
        thread.join()
