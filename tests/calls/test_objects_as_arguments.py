"""Objects of the program's own classes as arguments: a class is compiled once, not once for each
object, and nothing of one object is taken for another's."""

from __future__ import annotations

import copy
import dataclasses
import gc
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tracejit import grad, jit

X = np.arange(1.0, 4.0)


def doubled(x: Any) -> Any:
    return 2 * x


def halved(x: Any) -> Any:
    return x / 2


class Layer:
    def __init__(self, k: float) -> None:
        self.w = np.full(3, float(k))

    def __call__(self, x: Any) -> Any:
        return x * self.w


class Model:
    """One of each kind of attribute; ``k`` decides their values."""

    bias = 0.25

    def __init__(self, k: int) -> None:
        self.w = np.arange(3.0) + k
        self.rate = 0.5 * k
        self.count = k + 2
        self.mode = "add" if k % 2 else "mul"
        self.act = doubled if k % 2 else halved
        self.inner = Layer(k)
        self.layers = [Layer(k), Layer(k + 1)]
        self.numbers = [float(k), 2.0]
        self.named = {"a": np.full(3, float(k)), "b": 1.0}
        self.pair = (k, np.full(3, 0.5 * k))
        self.same = self.w
        self.me = self

    def method(self, x: Any) -> Any:
        return self.rate * x + self.w

    @property
    def scaled(self) -> Any:
        return self.w * self.rate

    def __len__(self) -> int:
        return int(self.count)

    def __iter__(self) -> Any:
        return iter([self.rate, self.w])

    def __contains__(self, item: Any) -> bool:
        return bool(item < self.rate)

    def __getitem__(self, key: Any) -> Any:
        return self.w[key] * self.rate

    def __matmul__(self, other: Any) -> Any:
        return self.w @ other

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, Model) and bool(self.rate == other.rate)

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return f"Model({self.rate})"

    def __str__(self) -> str:
        return f"rate {self.rate}"

    def turns(self) -> Any:
        yield self.rate
        yield self.w

    def step(self, dt: Any) -> Any:
        self.rate += dt
        self.w = self.w + self.rate
        return self.rate

    def push(self, x: Any) -> None:
        self.w += x
        self.count += 1


def by_mode(m: Model, x: Any) -> Any:
    if m.mode == "add":
        return x + m.rate
    return x * m.rate


def over_layers(m: Model, x: Any) -> Any:
    for layer in m.layers:
        x = layer(x)
    return x


def in_loop(m: Model, x: Any) -> Any:
    for k in range(m.count):
        x = x + k * m.rate
    return x


def set_and_read(m: Model, x: Any) -> Any:
    m.rate = m.rate + 1
    m.new = x * m.rate  # type: ignore[attr-defined]
    return m.rate, m.new  # type: ignore[attr-defined]


def chosen(m: Model, x: Any) -> Any:
    return m.w if x[0] > m.rate else x


def closure(m: Model, x: Any) -> Any:
    scale = lambda v: v * m.rate  # noqa: E731
    return list(map(scale, [x[0], x[1]]))


#: What a program does with an object, and how often it is compiled for five of them; None where the
#: attributes of these differ in structure, or where it matters which object it is.
WAYS: dict[str, tuple[Callable[[Any, Any], Any], int | None]] = {
    "an array": (lambda m, x: m.w * x, 1),
    "a float": (lambda m, x: m.rate * x, 2),
    "an int": (lambda m, x: m.count * x, 2),
    "an int as an extent": (lambda m, x: np.ones(m.count) * x[0], 2),
    "a float of the class": (lambda m, x: m.bias * x, 1),
    "a text": (by_mode, None),
    "a function": (lambda m, x: m.act(x), None),
    "an object inside": (lambda m, x: m.inner(x) + m.inner.w, 1),
    "objects in a list": (over_layers, 1),
    "objects in a list by number": (lambda m, x: m.layers[1](x) + m.layers[0].w, 1),
    "numbers in a list": (lambda m, x: m.numbers[0] * x, 2),
    "the sum of numbers in a list": (lambda m, x: sum(m.numbers) * x, None),
    "arrays in a dict": (lambda m, x: m.named["a"] * x * m.named["b"], 1),
    "all of a dict": (lambda m, x: sum(v.sum() for v in [m.named["a"]]) * x, 1),
    "a tuple": (lambda m, x: m.pair[1] * x, 1),
    "a tuple unpacked": (lambda m, x: (lambda k, v: v * x)(*m.pair), None),
    "one array in two places": (lambda m, x: (m.same + m.w) * x, 1),
    "itself": (lambda m, x: m.me.me.w * x, 1),
    "a method": (lambda m, x: m.method(x), 2),
    "a property": (lambda m, x: m.scaled * x, 2),
    "a loop": (in_loop, 2),
    "getattr": (lambda m, x: getattr(m, "w") * getattr(m, "missing", 1.0), 1),
    "hasattr": (lambda m, x: x if hasattr(m, "w") and not hasattr(m, "z") else -x, 1),
    "vars": (lambda m, x: vars(m)["w"] * x, None),
    "isinstance": (lambda m, x: x if isinstance(m, Model) and type(m) is Model else None, 1),
    "len": (lambda m, x: x * len(m), None),
    "truth": (lambda m, x: x if m else -x, None),
    "iteration": (lambda m, x: [v * x for v in m][1], None),
    "in": (lambda m, x: x if 1.0 in m else -x, None),
    "an item": (lambda m, x: m[1] * x, None),
    "an operator": (lambda m, x: m @ x, 1),
    "==": (lambda m, x: x if m == m.me else -x, None),
    "is": (lambda m, x: x if m is m.me else -x, None),
    "is None": (lambda m, x: x if m is not None and m.inner is not None else -x, 1),
    "a generator": (lambda m, x: [v * x for v in m.turns()][1], None),
    "repr": (lambda m, x: repr(m), None),
    "an f-string": (lambda m, x: f"{m} {m!r}", None),
    "str.format": (lambda m, x: "{}".format(m), None),
    "hash": (lambda m, x: x * (hash(m) == hash(m.me)), None),
    "a set": (lambda m, x: x * len({m, m.me}), None),
    "a key": (lambda m, x: {m: x}[m], None),
    "sorted by key": (lambda m, x: sorted([m, m.me], key=lambda o: o.rate)[0].w * x, None),
    "copy.copy": (lambda m, x: copy.copy(m).w * x, None),
    "a bound method kept": (lambda m, x: (lambda f: f(x))(m.method), 2),
    "map of a method": (lambda m, x: list(map(m.method, [x, x]))[1], 2),
    "a closure": (closure, 2),
    "returned": (lambda m, x: (m, [m], x), 1),
    "returned from inside": (lambda m, x: (m.inner, m.layers), None),
    "a returned method": (lambda m, x: m.method, None),
    "an attribute set": (set_and_read, 2),
    "attributes set by a method": (lambda m, x: m.step(0.5), 2),
    "an array written": (lambda m, x: m.push(x), 2),
    "a branch on a value": (chosen, 2),
    "a derivative": (lambda m, x: grad(lambda y: (y * m.w * m.rate).sum())(x), 2),
}


def shown(x: Any) -> Any:
    """Everything in a value, in a form that can be compared."""
    if isinstance(x, np.ndarray):
        return x.dtype, x.tolist()
    if isinstance(x, list | tuple):
        return type(x), [shown(i) for i in x]
    if isinstance(x, Model | Layer):
        known = {k: v for k, v in vars(x).items() if k != "me"}
        return type(x), [(k, shown(v)) for k, v in known.items()]
    if isinstance(x, dict):
        return [(shown(k), shown(v)) for k, v in x.items()]
    if hasattr(x, "__self__"):
        return x.__name__, shown(x.__self__)
    return type(x), repr(x)


@pytest.mark.parametrize("name", WAYS)
def test_objects_are_told_apart(name: str) -> None:
    f, compilations = WAYS[name]
    g = jit(f)
    mine, theirs = [Model(k) for k in range(5)], [Model(k) for k in range(5)]
    for _ in range(2):
        for a, b in zip(mine, theirs, strict=True):
            got, want = g(a, X.copy()), f(b, X.copy())
            assert shown(got) == shown(want)
            assert shown(a) == shown(b)
            a.w[0] += 1.0
            b.w[0] += 1.0
            a.inner.w = b.inner.w * 1.5
            b.inner.w = b.inner.w * 1.5
    if compilations is not None:
        assert g.stats().compilations == compilations


def test_an_object_comes_back_itself() -> None:
    g = jit(lambda m, p, x: (p, [m, p["k"]], x))
    for k in range(3):
        m, n = Model(k), Model(k + 1)
        p = {"k": n}
        got = g(m, p, 1.0)
        assert got[0] is p
        assert got[1][0] is m
        assert got[1][1] is n
    assert g.stats().compilations == 1


def test_two_objects_that_may_be_one() -> None:
    def f(a: Any, b: Any) -> Any:
        a.rate = a.rate + 1.0
        b.rate = b.rate * 2.0
        a.w += b.w
        return a.rate + b.rate

    g = jit(f)
    for _ in range(2):
        for one in (False, True, False):
            a, c = Model(3), Model(3)
            b, d = (a, c) if one else (Model(4), Model(4))
            assert g(a, b) == f(c, d)
            assert shown([a, b]) == shown([c, d])


def test_an_object_inside_that_may_be_the_argument() -> None:
    def f(a: Any) -> Any:
        a.rate = a.rate + 1.0
        return a.me.rate * 2

    g = jit(f)
    for k in range(6):
        m, n = Model(k), Model(k)
        if k % 2:
            m.me, n.me = Model(7), Model(7)
        assert g(m) == f(n)
        assert g(m) == f(n)


def test_an_array_in_two_places_that_parts() -> None:
    f = lambda m, x: (m.same * 2 + m.w) * x  # noqa: E731
    g = jit(f)
    for k in range(4):
        m = Model(k)
        if k > 1:
            m.same = np.full(3, 9.0)
        assert shown(g(m, X)) == shown(f(m, X))


def test_a_method_that_an_object_has_of_its_own() -> None:
    f = lambda m, x: m.method(x)  # noqa: E731
    g = jit(f)
    for k in range(4):
        m: Any = Model(k)
        if k % 2:
            m.method = doubled
        assert shown(g(m, X)) == shown(f(m, X))


def test_an_attribute_that_comes_and_goes() -> None:
    f = lambda m, x: m.extra * x if hasattr(m, "extra") else -x  # noqa: E731
    g = jit(f)
    for k in range(6):
        m: Any = Model(1)
        if k % 2:
            m.extra = 0.5 * k
        assert shown(g(m, X)) == shown(f(m, X))


def test_no_object_is_kept_alive() -> None:
    @jit
    def f(m: Any, x: Any) -> Any:
        return m.w * m.rate * x

    gone = []
    for k in range(3):
        m = Model(k)
        m.me = None
        f(m, X)
        gone += [weakref.ref(m), weakref.ref(m.w)]
    del m
    gc.collect()
    assert [ref() for ref in gone] == [None] * 6


def test_a_jitted_method() -> None:
    class Spring:
        def __init__(self, k: float) -> None:
            self.k = np.full(2, k)

        @jit
        def force(self, x: Any) -> Any:
            return -self.k * x

    for k in range(12):
        assert Spring(k).force(np.ones(2)).tolist() == [-k, -k]
    assert Spring.force.stats().compilations == 1


def test_classes_are_kinds_of_their_own() -> None:
    class Other(Model):
        def method(self, x: Any) -> Any:
            return -x

    f = lambda m, x: m.method(x)  # noqa: E731
    g = jit(f)
    for m in (Model(1), Other(1), Model(2), Other(2)):
        assert shown(g(m, X)) == shown(f(m, X))


def test_a_dataclass_inside_an_object() -> None:
    @dataclasses.dataclass
    class Part:
        k: float

    f = lambda m, x: m.part.k * x  # noqa: E731
    g = jit(f)
    for k in range(5):
        m: Any = Model(k)
        m.part = Part(float(k))
        assert shown(g(m, X)) == shown(f(m, X))
    assert g.stats().compilations == 2


@pytest.mark.parametrize("portable", ["0", "1"])
def test_both_entries_look_at_which_objects_are_one(
    portable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tracejit.python_entry import entry

    monkeypatch.setenv("TRACEJIT_PORTABLE_ENTRY", portable)
    entry.uses_native_entry.cache_clear()
    try:
        test_an_object_inside_that_may_be_the_argument()
        test_an_array_in_two_places_that_parts()
        test_two_objects_that_may_be_one()
    finally:
        monkeypatch.undo()
        entry.uses_native_entry.cache_clear()
