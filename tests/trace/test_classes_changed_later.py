"""What a class gets, or loses, after code was compiled: the next call does as Python does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from tracejit import jit


def _init(self: Any) -> None:
    self.t = 1.0
    self.n = 0


def _class(**body: Any) -> type:
    return type("P", (), {"__init__": _init, **body})


def _times_100(self: Any, name: str, value: Any) -> None:
    object.__setattr__(self, name, value * 100)


def _log(self: Any, value: Any) -> None:
    object.__setattr__(self, "log", getattr(self, "log", 0.0) + value)


def _asked(self: Any, name: str) -> Any:
    return 50.0 if name in ("t", "m") else object.__getattribute__(self, name)


def _asked_for_m(self: Any, name: str) -> Any:
    return (lambda v: 9.0) if name == "m" else object.__getattribute__(self, name)


def _increased(self: Any, other: Any) -> Any:
    self.t = self.t * 3
    return self


def _new_init(self: Any) -> None:
    self.t = 9.0


def adds(p: Any, v: Any) -> Any:
    p += v
    return p if isinstance(p, tuple) else p.t


def adds_right(p: Any, v: Any) -> Any:
    return v + p


def truth(p: Any, v: Any) -> Any:
    return v if p else -v


def equal(p: Any, v: Any) -> Any:
    return v if p == p else -v


def unequal(p: Any, v: Any) -> Any:
    return v if p != p else -v


def contains(p: Any, v: Any) -> Any:
    return v if 3 in p else -v


def loops(p: Any, v: Any) -> Any:
    for x in p:
        v += x
    return v


def reads(p: Any, v: Any) -> Any:
    return p.t + v


def reads_what_is_not_there(p: Any, v: Any) -> Any:
    return getattr(p, "zz", v), hasattr(p, "zz")


def calls(p: Any, v: Any) -> Any:
    return p(v) if callable(p) else -v


def calls_a_method(p: Any, v: Any) -> Any:
    return p.m(v)


def writes(p: Any, v: Any) -> Any:
    p.t = v
    p.t = v + 1
    p.q = v
    return v


def writes_in_a_loop(p: Any, v: Any) -> Any:
    for i in range(4):
        p.n = i


def makes(p: Any, v: Any) -> Any:
    q = type(p)()
    q.t = v
    q.w = v
    return q.t + q.w


def makes_and_asks(p: Any, v: Any) -> Any:
    q = type(p)()
    return q.t + v, q.zz if hasattr(q, "zz") else 0


def measures(p: Any, v: Any) -> Any:
    return len(p) * v


CASES: list[tuple[Callable[..., Any], dict[str, Any], dict[str, Any]]] = [
    (adds, {"__add__": lambda s, o: ("add", o)}, {"__iadd__": _increased}),
    (adds_right, {"__radd__": lambda s, o: ("one", o)}, {"__radd__": lambda s, o: ("other", o)}),
    (truth, {}, {"__bool__": lambda s: False}),
    (truth, {}, {"__len__": lambda s: 0}),
    (truth, {"__len__": lambda s: 3}, {"__bool__": lambda s: False}),
    (equal, {}, {"__eq__": lambda s, o: False}),
    (unequal, {"__eq__": lambda s, o: True}, {"__ne__": lambda s, o: True}),
    (contains, {"__iter__": lambda s: iter((1, 3))}, {"__contains__": lambda s, o: False}),
    (loops, {"__getitem__": lambda s, k: (1, 2, 3)[k]}, {"__iter__": lambda s: iter((10,))}),
    (reads, {}, {"__getattribute__": _asked}),
    (reads, {}, {"t": property(lambda s: 7.0, lambda s, x: None)}),
    (reads_what_is_not_there, {}, {"__getattr__": lambda s, n: 50.0}),
    (reads_what_is_not_there, {}, {"zz": None}),
    (calls, {}, {"__call__": lambda s, v: v * 7}),
    (calls_a_method, {"m": lambda s, v: v + 1}, {"m": lambda s, v: v + 2}),
    (calls_a_method, {"m": lambda s, v: v + 1}, {"__getattribute__": _asked_for_m}),
    (writes, {}, {"__setattr__": _times_100}),
    (writes, {}, {"t": property(lambda s: 3.0, _log)}),
    (writes, {"q": 0.0}, {"q": property(lambda s: 3.0, _log)}),
    (writes, {"q": 0.0}, {"q": 1.0}),
    (writes_in_a_loop, {}, {"n": property(lambda s: 3.0, _log)}),
    (writes_in_a_loop, {}, {"__setattr__": _times_100}),
    (makes, {}, {"__setattr__": _times_100}),
    (makes, {}, {"t": property(lambda s: 3.0, lambda s, x: None)}),
    (makes, {}, {"w": property(lambda s: 3.0, lambda s, x: None)}),
    (makes, {}, {"__getattribute__": _asked}),
    (makes, {}, {"__init__": _new_init}),
    (makes_and_asks, {}, {"zz": 5.0}),
    (makes_and_asks, {}, {"zz": None}),
    (makes_and_asks, {}, {"__getattr__": lambda s, n: 50.0}),
    (measures, {"__len__": lambda s: 2}, {"__len__": lambda s: 3}),
]


def _ids(case: Any) -> str:
    return f"{case[0].__name__}-{'-'.join(case[2])}"


def _outcomes(f: Callable[..., Any], cls: type, later: dict[str, Any]) -> list[Any]:
    """Of two calls, of two after the class has got what is new, and of one after it has lost it."""
    found = []
    before = dict(vars(cls))
    for k in range(5):
        if k in (2, 4):
            for name, value in later.items():
                if k == 2:
                    setattr(cls, name, value)
                elif name in before:
                    setattr(cls, name, before[name])
                else:
                    delattr(cls, name)
        p = cls()
        found.append((f(p, 2.0), dict(object.__getattribute__(p, "__dict__"))))
    return found


@pytest.mark.parametrize("case", CASES, ids=_ids)
def test_as_python(case: Any) -> None:
    function, body, later = case
    want = _outcomes(function, _class(**body), later)
    fast = jit(function, cache=False)
    assert _outcomes(fast, _class(**body), later) == want
    if later != {"q": 1.0}:
        assert want[1] != want[3], "the class has changed nothing"


def test_a_default_of_another_value_compiles_nothing() -> None:
    """A class attribute that instances go before: its type is guarded, not its value."""

    @dataclass
    class Settings:
        t: float = 0.0

    fast = jit(lambda s, v: setattr(s, "t", v), cache=False)
    for k in range(4):
        Settings.t = float(k)
        s = Settings(1.0)
        fast(s, 2.0)
        assert vars(s) == {"t": 2.0}
    assert fast.stats().compilations == 1


def test_the_guards_are_native() -> None:
    class Vector:
        __slots__ = ("x", "y")

        def __init__(self, x: Any, y: Any) -> None:
            self.x, self.y = x, y

        def __add__(self, other: Any) -> Any:
            return Vector(self.x + other.x, self.y + other.y)

    def total(a: Any, b: Any) -> Any:
        v = Vector(a, b) + Vector(b, a)
        return v.x * v.y

    fast = jit(total, cache=False)
    for _ in range(3):
        assert fast(1.0, 2.0) == total(1.0, 2.0)
    assert fast.stats().slow_calls == 1
    assert np.isclose(fast(2.0, 2.0), 16.0)
