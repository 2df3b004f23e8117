"""Answers are never stale: what a function read outside of itself is looked at in each call, also
what was not there, and what Python reads by itself in methods such as ``__len__``."""

from __future__ import annotations

import dataclasses
import functools
import importlib
import math
from collections.abc import Callable
from enum import IntEnum
from typing import Any

import numpy as np
import pytest

from tracejit import UnsupportedError, jit


class Box:
    """An object with attributes, as programs have them."""

    known = 1.0


class Special:
    """Python calls all of these by itself."""

    def __init__(self, k: float) -> None:
        self.k = k

    def __len__(self) -> int:
        return int(self.k)

    def __contains__(self, item: Any) -> bool:
        return item < self.k

    def __iter__(self) -> Any:
        return iter([self.k])

    def each(self) -> Any:
        yield self.k

    def __float__(self) -> float:
        return self.k

    def __mul__(self, other: Any) -> Any:
        return other * self.k

    __rmul__ = __mul__


class Yields:
    def __iter__(self) -> Any:
        yield SPECIAL.k


class Truth:
    def __init__(self, k: float) -> None:
        self.k = k

    def __bool__(self) -> bool:
        return self.k > 2

    def __eq__(self, other: object) -> bool:
        return self.k == other

    __hash__ = object.__hash__


BOX, SPECIAL, TRUTH = Box(), Special(1.0), Truth(1.0)
TABLE: dict[str, float] = {}
ITEMS: list[float] = []


def reads_attribute(x):  # type: ignore[no-untyped-def]
    return x * BOX.late


def reads_class(x):  # type: ignore[no-untyped-def]
    return x * Box.late


def asks_hasattr(x):  # type: ignore[no-untyped-def]
    return x * BOX.late if hasattr(BOX, "late") else x


def asks_getattr(x):  # type: ignore[no-untyped-def]
    return x * getattr(BOX, "late", 1.0)


def asks_vars(x):  # type: ignore[no-untyped-def]
    return x * vars(BOX)["late"]


def reads_key(x):  # type: ignore[no-untyped-def]
    return x * TABLE["late"]


def catches_key(x):  # type: ignore[no-untyped-def]
    try:
        return x * TABLE["late"]
    except KeyError:
        return -x


def reads_item(x):  # type: ignore[no-untyped-def]
    return x * ITEMS[1]


def reads_name(x):  # type: ignore[no-untyped-def]
    return x * LATE  # type: ignore[name-defined]  # noqa: F821


def catches_name(x):  # type: ignore[no-untyped-def]
    try:
        return x * LATE  # type: ignore[name-defined]
    except NameError:
        return -x


def outcome(f: Callable[[float], Any]) -> Any:
    try:
        return f(2.0)
    except (AttributeError, LookupError, NameError) as error:
        return type(error)


def check(function: Callable[[float], Any], *changes: Callable[[], Any]) -> None:
    compiled = jit(function)
    assert outcome(compiled) == outcome(function)
    for change in changes:
        change()
        assert outcome(compiled) == outcome(function)


@pytest.mark.parametrize(
    "function", [reads_attribute, reads_class, asks_hasattr, asks_getattr, asks_vars]
)
def test_attributes_that_come_and_go(function: Any) -> None:
    owner: Any = Box if function is reads_class else BOX
    check(
        function,
        lambda: setattr(owner, "late", 3.0),
        lambda: setattr(owner, "late", 4.0),
        lambda: delattr(owner, "late"),
    )


@pytest.mark.parametrize("function", [reads_key, catches_key])
def test_keys_that_come_and_go(function: Any) -> None:
    check(function, lambda: TABLE.update(late=3.0), lambda: TABLE.clear())


def test_items_that_come_and_go() -> None:
    check(reads_item, lambda: ITEMS.extend([3.0, 4.0]), lambda: ITEMS.clear())


@pytest.mark.parametrize("function", [reads_name, catches_name])
def test_names_that_come_and_go(function: Any) -> None:
    check(function, lambda: globals().update(LATE=3.0), lambda: globals().pop("LATE"))


def test_enclosing_variable_that_is_bound_late() -> None:
    def reads(x):  # type: ignore[no-untyped-def]
        return x * late

    def bind(value: float) -> None:
        nonlocal late
        late = value

    check(reads, lambda: bind(3.0), lambda: bind(4.0))
    if not reads(1.0):
        late = 0.0


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x * len(SPECIAL),
        lambda x: x if 2 in SPECIAL else -x,
        lambda x: sum(x * v for v in SPECIAL),
        lambda x: sum(x * v for v in SPECIAL.each()),
        lambda x: x * sum(Yields()),
        lambda x: x * float(SPECIAL),
        lambda x: x * SPECIAL,
        lambda x: SPECIAL * x,
    ],
)
def test_special_methods_of_objects_outside(function: Any) -> None:
    SPECIAL.k = 1.0
    check(function, lambda: setattr(SPECIAL, "k", 3.0), lambda: setattr(SPECIAL, "k", 4.0))


@pytest.mark.parametrize(
    "function", [lambda x: x if TRUTH else -x, lambda x: x if TRUTH == 3.0 else -x]
)
def test_truth_of_objects_outside(function: Any) -> None:
    TRUTH.k = 1.0
    check(function, lambda: setattr(TRUTH, "k", 3.0), lambda: setattr(TRUTH, "k", 1.0))


def test_special_methods_of_arguments() -> None:
    special = Special(1.0)
    compiled = jit(lambda x, p: x * p + len(p))
    for k in (1.0, 2.0, 5.0):
        special.k = k
        assert compiled(2.0, special) == 2.0 * k + int(k)


def test_attributes_are_not_deleted_when_compiling() -> None:
    def deletes(x):  # type: ignore[no-untyped-def]
        del BOX.late  # type: ignore[attr-defined]
        return x

    BOX.late = 1.0  # type: ignore[attr-defined]
    try:
        with pytest.raises(UnsupportedError, match="'late' of an object from outside"):
            jit(deletes)(1.0)
        assert BOX.late == 1.0  # type: ignore[attr-defined]
    finally:
        del BOX.late  # type: ignore[attr-defined]


@dataclasses.dataclass(frozen=True)
class Frozen:
    k: Any


@pytest.mark.parametrize("wrap", [lambda v: v, lambda v: (v,), lambda v: ((v, 1),), Frozen])
def test_static_arguments_that_are_equal_but_not_the_same(wrap: Any) -> None:
    def times(x, n):  # type: ignore[no-untyped-def]
        while isinstance(n, tuple):
            n = n[0]
        return x * (n.k if isinstance(n, Frozen) else n)

    compiled = jit(times, static_argnums=1)
    for value in (1, 1.0, True, 0.0, -0.0, np.float32(1), np.float32(-0.0), 1 + 0j):
        want, have = times(2, wrap(value)), compiled(2, wrap(value))
        assert type(have) is type(want)
        assert repr(have) == repr(want)
    assert compiled.stats().compilations == 8


def test_nan_is_one_static_value() -> None:
    compiled = jit(lambda x, n: x * n[0], static_argnums=1)
    for _ in range(3):
        assert np.isnan(compiled(2.0, (float("nan"),)))
    assert compiled.stats().compilations == 1


class Marked(float):
    """A number with attributes."""

    k = 1.0


class Level(IntEnum):
    LOW = 1


MARKED, SCALE = Marked(2.0), 2.0


def test_attributes_of_numbers() -> None:
    f = jit(lambda x: x * MARKED.k + MARKED + Level.LOW.k)
    for k in (1.0, 3.0):
        MARKED.k = Level.LOW.k = k  # type: ignore[attr-defined]
        assert f(1.0) == 2 * k + 2.0


@functools.lru_cache
def remembered(n: int) -> Any:
    return np.arange(n) * SCALE


class Remembers:
    k = 1.0

    @functools.lru_cache
    def times(self, n: float) -> float:
        return n * self.k


def test_functions_that_remember(monkeypatch: pytest.MonkeyPatch) -> None:
    """They give what they remember, until they are told to forget, or what it is was changed."""
    thing = Remembers()

    def f(x: Any) -> Any:
        return remembered(3) * x + thing.times(2.0)

    def change() -> None:
        remembered(3)[0] = 50.0

    def other() -> None:
        monkeypatch.setitem(globals(), "SCALE", 9.0)
        thing.k = 7.0

    def forget() -> None:
        remembered.cache_clear()
        Remembers.times.cache_clear()

    g = jit(f)
    for step in (lambda: None, change, other, forget):
        step()
        assert g(2.0).tolist() == f(2.0).tolist()


def test_slices_are_equal_by_their_parts() -> None:
    part = jit(lambda x, s: x[s].sum())
    x = np.arange(6.0)
    assert [part(x, slice(1, n)) for n in (3, 3, 4)] == [3.0, 3.0, 6.0]
    assert part.stats().compilations == 2


class Vector:
    """Arithmetic on an array that Python calls by itself."""

    def __init__(self, v: Any) -> None:
        self.v = v

    def __add__(self, other: Any) -> Any:
        return Vector(self.v + other.v)

    def __getitem__(self, k: int) -> Any:
        return self.v[k]


def test_arithmetic_of_objects_sees_their_arrays() -> None:
    a, b = Vector(np.ones(3)), Vector(np.ones(3))
    added = jit(lambda a, b: (a + b).v)
    item = jit(lambda a: a[0] * 2)  # a new object at each access
    for change in (lambda: None, lambda: a.v.__setitem__(0, 5.0), lambda: setattr(a, "v", b.v)):
        change()
        np.testing.assert_array_equal(added(a, b), a.v + b.v)
        assert item(a) == a.v[0] * 2


#: Arrays in containers outside, and the ways to come by them other than by ``HELD[0]``.
HELD: list[Any] = []
NAMED: dict[str, Any] = {}


def _loop(x: Any) -> Any:
    for w in HELD:
        x = x + w.sum()
    return x


def _unpacked(x: Any) -> Any:
    a, b = HELD
    return (a * 2 + b).sum() * x


def _numbered(x: Any) -> Any:
    for k, w in enumerate(HELD):
        x = x + w[k]
    return x


def _written(x: Any) -> Any:
    for w in HELD:
        w += x
    return HELD[0].sum()


COME_BY: list[Callable[[Any], Any]] = [
    _loop,
    _unpacked,
    _numbered,
    _written,
    lambda x: [(w * 2).sum() for w in HELD][1] * x,
    lambda x: sum((-w).sum() for w in HELD) * x,
    lambda x: sum(w[0] for w in NAMED.values()) * x,
    lambda x: sum(float(w.max()) for _, w in NAMED.items()) * x,
    lambda x: list(map(lambda w: w.sum() * x, HELD))[1],
    lambda x: [*NAMED.values()][-1].mean() * x,
    lambda x: HELD[-1:][0].dot(HELD[0]) * x,
    lambda x: NAMED.get("a") * x,
    lambda x: np.array(HELD) * x,
    lambda x: np.concatenate([HELD[0], *HELD]) * x,
    lambda x: np.stack(tuple(HELD)) * x,
    lambda x: sum(a @ b for a, b in zip(HELD, HELD, strict=True)) * x,
    lambda x: x if all(w[0] > 3 for w in HELD) else -x,
    lambda x: x if HELD[0] is HELD[1] else len(HELD[0]) * x,
    lambda x: sum(sum(w) for w in HELD) * x,
]


@pytest.mark.parametrize("f", COME_BY)
def test_arrays_in_containers_are_read_at_each_call(f: Callable[[Any], Any]) -> None:
    HELD[:] = [np.ones(3), np.ones(3)]
    NAMED["a"] = np.ones(3)
    g = jit(f)
    for k in range(4):
        for w in (*HELD, NAMED["a"]):
            w[...] = k * np.arange(1.0, 4.0)
        if k == 3:
            HELD[1], NAMED["a"] = np.full(3, 9.0), np.full(3, 7.0)
        want = [np.array(w) for w in HELD]
        expected = f(2.0)
        after = [np.array(w) for w in HELD]
        for w, old in zip(HELD, want, strict=True):
            w[...] = old
        got = g(2.0)
        assert type(got) is type(expected)
        np.testing.assert_array_equal(got, expected)
        np.testing.assert_array_equal(HELD, after)


REBOUND = """
import math
import numpy as np

act = math.sin
total = max


def f(x):
    return act(x) + abs(-1.0)


def g(x):
    return np.sum(x)


def h(x):
    return total(x, 2.0)


def around(inner):
    def k(x):
        return inner(x, 2.0)

    def change(new):
        nonlocal inner
        inner = new

    return k, change
"""


class Rebound:
    sum = staticmethod(np.max)


def test_names_of_what_is_built_in_may_be_bound_anew(tmp_path: Any, monkeypatch: Any) -> None:
    (tmp_path / "bound_anew.py").write_text(REBOUND)
    monkeypatch.syspath_prepend(tmp_path)
    m: Any = importlib.import_module("bound_anew")
    f, g, h = jit(m.f), jit(m.g), jit(m.h)
    inner, change = m.around(max)
    k = jit(inner)

    def check() -> None:
        for _ in range(2):
            assert f(1.0) == m.f(1.0)
            assert h(1.0) == m.h(1.0)
            assert k(1.0) == inner(1.0)
            assert g(np.arange(3.0)) == m.g(np.arange(3.0))

    check()
    m.act, m.total, m.np = math.cos, min, Rebound
    change(min)
    check()
    m.abs = lambda x: 10.0 * x
    check()
    m.act, m.total, m.np = math.sin, max, np
    del m.abs
    change(max)
    check()
