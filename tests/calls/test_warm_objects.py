"""Once compiled, calls make the program's objects and set their attributes natively; a class with
slots compiles once."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from dataclasses import dataclass, is_dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest

from tests.calls.warm import NATIVE
from tracejit import jit
from tracejit.errors import UnsupportedError


class Held:
    def __init__(self, t: Any) -> None:
        self.t = t

    def moved(self, v: Any) -> Any:
        return Held(self.t + v)


class Slotted:
    __slots__ = ("t", "unset")

    def __init__(self, t: Any) -> None:
        self.t = t


class More(Slotted):
    __slots__ = ("u",)

    def __init__(self, t: Any, u: Any) -> None:
        super().__init__(t)
        self.u = u


class Beside(Slotted):
    def __init__(self, t: Any) -> None:
        super().__init__(t)
        self.extra = t


class Pair(NamedTuple):
    t: float
    rest: Any = None

    def swapped(self) -> Any:
        return Pair(self.rest, self.t)


class OtherPair(Pair):
    def __new__(cls, t: Any, rest: Any) -> Any:
        return super().__new__(cls, t, rest)


@dataclass
class Record:
    t: float
    n: int = 0


@dataclass(slots=True)
class SlottedRecord:
    t: float
    n: int = 0


@dataclass(frozen=True)
class Frozen:
    t: float
    n: int = 0


OUTSIDE, SLOTS = Held(1.0), Slotted(2.0)


def set_inside(c: Any, v: Any) -> None:
    c.t.t = v


def set_twice(c: Any, v: Any) -> None:
    c.t.t = v
    c.t = Held(v + 1)


def set_deep(c: Any, v: Any) -> Any:
    c.t.t.t += v
    return c.t.t.t


def set_outside(c: Any, v: Any) -> Any:
    OUTSIDE.t += v
    SLOTS.t = OUTSIDE.t
    return c.t


def set_slot(c: Any, v: Any) -> Any:
    c.t += v
    return c.t


def chosen(c: Any, v: Any) -> Any:
    w = Slotted(v) if v > 1.5 else Slotted(-v)
    return w.t + c.t


def in_a_loop(c: Any, v: Any) -> Any:
    w = Slotted(v)
    for _ in range(3):
        w = Slotted(w.t + c.t)
    return w


CASES: list[tuple[Callable[..., Any], Callable[[], Any], bool]] = [
    (set_inside, lambda: Held(Held(1.0)), True),
    (set_inside, lambda: Slotted(Slotted(1.0)), True),
    (set_twice, lambda: Held(Held(1.0)), False),
    (set_deep, lambda: Held(Held(Held(1.0))), True),
    (set_outside, lambda: Held(1.0), True),
    (set_slot, lambda: Slotted(1.0), True),
    (set_slot, lambda: More(1.0, 2.0), True),
    (set_slot, lambda: SlottedRecord(1.0), True),
    (chosen, lambda: Slotted(1.0), True),
    (in_a_loop, lambda: Slotted(1.0), True),
    (lambda c, v: c.moved(v), lambda: Held(1.0), False),
    (lambda c, v: Held(v), lambda: Held(1.0), True),
    (lambda c, v: (c, Held([v, Held(v)]), Held(c)), lambda: Held(1.0), False),
    (lambda c, v: Held([v, Held(v)]), lambda: Held(1.0), True),
    (lambda c, v: Slotted(v), lambda: Held(1.0), True),
    (lambda c, v: More(v, c.t), lambda: Held(1.0), True),
    (lambda c, v: Beside(v), lambda: Held(1.0), True),
    (lambda c, v: {"a": [Record(v)], "b": Frozen(v, 3)}, lambda: Held(1.0), True),
    (lambda c, v: SlottedRecord(v), lambda: Held(1.0), True),
    (lambda c, v: Pair(v, [Pair(v), c.t]), lambda: Held(1.0), True),
    (lambda c, v: Pair(v, c.t).swapped(), lambda: Held(1.0), True),
    (lambda c, v: OtherPair(v, c.t), lambda: Held(1.0), False),
    (lambda c, v: [x := Held(v), x], lambda: Held(1.0), False),
]


def _seen(x: Any) -> Any:
    """A value with the classes and attributes of all objects in it."""
    if isinstance(x, list | tuple):
        return type(x), [_seen(i) for i in x]
    if isinstance(x, dict):
        return {k: _seen(i) for k, i in x.items()}
    if not isinstance(x, Held | Slotted) and not is_dataclass(x):
        return x
    names = [n for c in type(x).__mro__ for n in getattr(c, "__slots__", ())]
    held = {n: getattr(x, n) for n in dict.fromkeys(names) if hasattr(x, n)}
    return type(x), _seen({**held, **getattr(x, "__dict__", {})})


def _outcomes(f: Any, made: Callable[[], Any]) -> list[Any]:
    OUTSIDE.t, SLOTS.t = 1.0, 2.0
    found = []
    for v in (1.0, 2.0, 0.5, 3.0):
        given = made()
        answer = f(given, v)
        found.append((_seen(answer), _seen(given), OUTSIDE.t, SLOTS.t))
    return found


@pytest.mark.parametrize("number", range(len(CASES)))
def test_as_python(number: int) -> None:
    function, made, _ = CASES[number]
    assert _outcomes(jit(function, cache=False), made) == _outcomes(function, made)


@NATIVE
@pytest.mark.parametrize("number", [k for k, case in enumerate(CASES) if case[2]])
def test_no_python_code_runs(number: int) -> None:
    function, made, _ = CASES[number]
    f, calls = jit(function, cache=False), []
    given = [made() for _ in range(6)]
    for c in given[:5]:
        f(c, 1.0)
    gc.collect()
    before = f.stats().slow_calls
    counts = [sys.getrefcount(x) for x in (given[5], OUTSIDE, SLOTS, Held, Slotted)]
    sys.setprofile(lambda frame, event, arg: calls.append((event, frame.f_code.co_name)))
    f(given[5], 2.0)
    sys.setprofile(None)
    assert [name for event, name in calls if event == "call"] == []
    assert f.stats().slow_calls == before <= 2, "one version for all objects of a class"
    assert [sys.getrefcount(x) for x in (given[5], OUTSIDE, SLOTS, Held, Slotted)] == counts


def test_one_object_in_two_places() -> None:
    f = jit(lambda v: (x := Held(v), [x], x.t))
    for v in (1.0, 2.0, 3.0):
        a, (b,), t = f(v)
        assert a is b
        assert a.t == t == v


def test_an_unset_slot() -> None:
    def f(c: Any) -> Any:
        return c.unset if hasattr(c, "unset") else -1.0

    g, c = jit(f), Slotted(1.0)
    assert g(c) == g(c) == -1.0
    c.unset = 5.0
    assert g(c) == 5.0
    del c.unset
    assert g(c) == -1.0


def test_a_method_that_python_calls_sets_no_slot_while_compiling() -> None:
    class Counting(Slotted):
        __slots__ = ()

        def __index__(self) -> int:
            self.t += 1
            return 1

    c = Counting(0)
    with pytest.raises(UnsupportedError, match="would be set once"):
        jit(lambda c, x: x[c])(c, np.arange(3.0))
    assert c.t == 0


def test_what_is_in_the_way_is_found_before_it_is_changed() -> None:
    """Two objects that hold each other."""

    def f(c: Any, d: Any, v: Any) -> None:
        c.t.t = v
        d.t = v * 2

    for g in (f, jit(f)):
        for _ in range(3):
            c = Held(1.0)
            d = Held(c)
            g(d, c, 5.0)
            assert c.t == 10.0
            assert d.t is c


def test_a_list_of_an_object_says_what_helps() -> None:
    class Logged:
        def __init__(self) -> None:
            self.log = [1.0]

    def added(c: Any, v: Any) -> None:
        c.log.append(v)

    def put(c: Any, v: Any) -> None:
        c.log[0] = v

    for f in (added, put):
        c = Logged()
        with pytest.raises(UnsupportedError, match="make Logged a dataclass, pass it"):
            jit(f)(c, 2.0)
        assert c.log == [1.0]
        g = jit(f)
        kind = dataclass(type("Fields", (), {"__annotations__": {"log": list}}))
        for _ in range(3):
            ours, theirs = kind([1.0]), kind([1.0])
            g(ours, 2.0)
            f(theirs, 2.0)
            assert ours == theirs
