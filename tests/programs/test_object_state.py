"""Attributes of the caller's objects, set in loops and branches that the run decides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from tracejit import UnsupportedError, jit

X = np.array([0.2, 0.7, 1.5])


class Body:
    def __init__(self, x: float = 0.0) -> None:
        self.x = x
        self.n = 0
        self.v = np.ones(2)

    def step(self, dt: float) -> None:
        self.x += dt
        self.n += 1
        self.v = self.v * 0.5

    def push(self, a: float) -> None:
        self.v += a


@dataclass
class Record:
    t: float
    k: int
    a: Any


class Counter:
    count = 0

    def hit(self) -> None:
        self.count += 1


def stepped(p: Any, n: Any) -> Any:
    for _ in range(n):
        p.step(0.1)
    return p.x


def pushed(p: Any, n: Any) -> Any:
    for _ in range(n):
        p.push(1.0)
    return p.v


def until(p: Any, _: Any) -> Any:
    while p.x < 1.0:
        p.step(0.25)
    return p.n


def chosen(p: Any, c: Any) -> Any:
    if c > 0:
        p.x = c * 1.0
    else:
        p.n = 7
    return p.x, p.n


def exchanged(p: Any, n: Any) -> Any:
    for _ in range(n):
        p.x, p.n = p.n * 1.0, p.n + 1


def recorded(d: Any, x: Any) -> Any:
    for v in x:
        d.t += v
        if v > 1:
            d.k += 1
        d.a = d.a + v
    return d.t


def all_moved(bodies: Any, x: Any) -> Any:
    for v in x:
        for p in bodies:
            p.x += v
    return [p.x for p in bodies]


def of_the_class(c: Any, x: Any) -> Any:
    for v in x:
        if v > 0.5:
            c.hit()
    return c.count


def made_in_a_loop(_: Any, x: Any) -> Any:
    total = 0.0
    for v in x:
        p = Body(v)
        p.step(0.5)
        total += p.x
    return total


def twins() -> tuple[Any, Any]:
    p = Body()
    return [p, p], X.copy()


CASES: list[tuple[Callable[..., Any], Callable[[], tuple[Any, ...]]]] = [
    (stepped, lambda: (Body(), 5)),
    (stepped, lambda: (Body(2.0), 100)),
    (stepped, lambda: (Body(2.0), 0)),
    (pushed, lambda: (Body(), 70)),
    (until, lambda: (Body(), 0)),
    (until, lambda: (Body(3.0), 0)),
    (chosen, lambda: (Body(), 5)),
    (chosen, lambda: (Body(), -5)),
    (exchanged, lambda: (Body(), 80)),
    (recorded, lambda: (Record(0.0, 1, np.zeros(2)), X.copy())),
    (all_moved, lambda: ([Body(), Body(1.0)], X.copy())),
    (all_moved, twins),
    (of_the_class, lambda: (Counter(), X.copy())),
    (made_in_a_loop, lambda: (None, X.copy())),
]


class Counting:
    """What Python calls by itself counts."""

    def __init__(self) -> None:
        vars(self).update(n=0, x=1.0)

    @property
    def twice(self) -> Any:
        self.n += 1
        return 2 * self.x

    @twice.setter
    def twice(self, value: Any) -> None:
        self.n += 10
        self.x = value / 2

    def __getitem__(self, k: Any) -> Any:
        self.n += 100
        return self.x + k

    def __contains__(self, x: Any) -> Any:
        self.n += 1000
        return x > 0.5


class Setting:
    def __init__(self) -> None:
        object.__setattr__(self, "sets", 0)
        super().__setattr__("x", 0.0)

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__("sets", self.sets + 1)
        object.__setattr__(self, name, value)

    def __getattr__(self, name: str) -> Any:
        if name != "y":
            raise AttributeError(name)
        self.x += 1.0
        return 2.0


class Half:
    def __get__(self, obj: Any, cls: Any = None) -> Any:
        obj.n += 1
        return obj.x / 2

    def __set__(self, obj: Any, value: Any) -> None:
        obj.n += 10
        obj.x = 2 * value


class Described(Counting):
    half = Half()

    def __getattribute__(self, name: str) -> Any:
        if name == "third":
            self.n += 100
            return object.__getattribute__(self, "x") / 3
        return super().__getattribute__(name)


def counted(p: Any, x: Any) -> Any:
    total = 0.0
    for k in range(len(x)):
        if x[k] > 0.5:
            total += p.twice + p[k]
        p.twice = x[k]
        if x[k] in p:
            total += 1
    return total


def counted_inside(_: Any, x: Any) -> Any:
    p = Counting()
    return counted(p, x), p.n, p.x


def set_by_its_class(p: Any, x: Any) -> Any:
    for k in range(len(x)):
        p.x = x[k]
        if x[k] > 0.5:
            p.x += p.y
    return p.x


def described(p: Any, x: Any) -> Any:
    for k in range(len(x)):
        p.half += x[k] + p.third
    return p.n


CASES += [
    (counted, lambda: (Counting(), np.linspace(0, 1, 70))),
    (counted_inside, lambda: (None, np.linspace(0, 1, 70))),
    (set_by_its_class, lambda: (Setting(), np.linspace(0, 1, 70))),
    (described, lambda: (Described(), np.linspace(0, 1, 70))),
]


def held(x: Any) -> Any:
    """What something holds, with the types."""
    if isinstance(x, list | tuple):
        return [held(item) for item in x]
    if isinstance(x, np.ndarray):
        return str(x.dtype), x.tolist()
    if hasattr(x, "__dict__"):
        return type(x), [(name, held(value)) for name, value in vars(x).items()]
    return type(x), x


@pytest.mark.parametrize(("f", "make"), CASES)
def test_state_of_objects(f: Any, make: Any) -> None:
    theirs, ours = make(), make()
    want, got = f(*theirs), jit(f)(*ours)
    assert held(got) == held(want)
    assert held(ours) == held(theirs)


def test_attributes_that_a_loop_reads_only_are_not_set() -> None:
    class Watched(Body):
        def __setattr__(self, name: str, value: Any) -> None:
            raise AssertionError(name)

    p: Any = Watched.__new__(Watched)
    vars(p).update(vars(Body(2.0)))

    def read(p: Any, n: Any) -> Any:
        total = 0.0
        for i in range(n):
            total += p.x * i
        return total

    assert jit(read)(p, 70) == read(p, 70)


def test_first_set_in_a_branch_is_refused() -> None:
    def first(p: Any, c: Any) -> None:
        if c > 0:
            p.fresh = c

    with pytest.raises(UnsupportedError, match="set it in __init__"):
        jit(first)(Body(), 1.5)


def test_attributes_set_by_what_is_not_compiled_are_refused() -> None:
    class Index(Body):
        def __index__(self) -> int:
            self.n += 1
            return 1

    def read(p: Any, x: Any) -> Any:
        return x[p] if x[0] > 0 else 0.0

    p = Index()
    with pytest.raises(UnsupportedError, match="attribute 'n' of an Index from outside would be"):
        jit(read)(p, X)
    assert p.n == 0


class Log:
    def __init__(self, items: list[Any]) -> None:
        self.items = items
        self.n = 0

    def __enter__(self) -> Log:
        return self

    def __exit__(self, *error: object) -> None:
        self.items.append(2)
        self.n += 1


def in_an_object(items: Any, n: Any) -> Any:
    log = Log(items)
    for i in range(n):
        items[0] += i
        log.n += 1
    log.items.append(3)
    return log.n


def in_a_dict(items: Any, n: Any) -> Any:
    log = {"items": [items], "n": 0}
    while log["n"] < n:
        log["items"][0][0] += 5  # type: ignore[index]
        log["n"] += 1  # type: ignore[operator]
    items.append(3)
    return log


def around_a_loop(items: Any, n: Any) -> Any:
    with Log(items) as log:
        for i in range(n):
            items[0] += i
    return log.n


@pytest.mark.parametrize("f", [in_an_object, in_a_dict, around_a_loop])
def test_a_list_in_what_a_loop_changes_is_the_list_from_before(f: Callable[..., Any]) -> None:
    for n in (3, 0):
        ours, theirs = [0], [0]
        assert jit(f)(ours, n) == f(theirs, n)
        assert ours == theirs


def test_a_list_in_a_dict_that_becomes_a_table_in_the_loop() -> None:
    def f(n: Any) -> Any:
        log: dict[str, Any] = {"items": [0], "of": {"n": 0}}
        items, of = log["items"], log["of"]
        for i in range(n):
            items[0] += 1
            of["n"] += 2
            log["z"] = i
        items.append(1)
        of["q"] = 3
        return log

    for n in (3, 0):
        assert jit(f)(n) == f(n)
