"""Globals, closures, containers and objects that change between calls; objects that are called."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest

from tests.calls.comparing import assert_same
from tracejit import jit
from tracejit.errors import UnsupportedTypeError

X = np.arange(5.0)
SCALE = 2.0
TABLE = np.arange(5.0)


def test_changed_globals(monkeypatch: pytest.MonkeyPatch) -> None:
    f = jit(lambda x: x * SCALE + TABLE)
    for scale in (2.0, 3.0, 4, np.ones(5), 2.0):
        monkeypatch.setitem(globals(), "SCALE", scale)
        assert_same(f(X), X * scale + TABLE)
    for table in (np.ones(5), np.ones((2, 5)), np.ones(5, "f4"), 3.0):
        monkeypatch.setitem(globals(), "TABLE", table)
        assert_same(f(X), X * SCALE + table)
    monkeypatch.setitem(globals(), "TABLE", np.zeros(5))
    f(X)
    TABLE[0] = 9
    assert_same(f(X), X * SCALE + TABLE)


def test_a_global_array_of_another_order_or_that_is_read_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def f(x: Any) -> Any:
        if TABLE.ndim == 1:
            TABLE[0] = 7.0
        return x + TABLE.sum()

    g = jit(f)
    square = np.arange(64.0).reshape(8, 8)
    table = np.ones(5)
    for found in (square[::2, ::2], square[::2, ::2].T, square[::-2, ::2], square[:4, :4]):
        monkeypatch.setitem(globals(), "TABLE", found)
        assert_same(g(X), f(X))
    monkeypatch.setitem(globals(), "TABLE", table)
    for writeable in (True, False, True):
        table[0], table.flags.writeable = 1.0, writeable
        if writeable:
            assert_same(g(X), X + 11.0)
        else:
            with pytest.raises(ValueError, match="read-only"):
                g(X)
        table.flags.writeable = True


def test_global_arrays_that_compiled_code_cannot_read_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    g = jit(lambda x: x + TABLE)
    misaligned = np.frombuffer(bytes(41), "u1")[1:].view("f8")
    for native in (np.ones(5), np.ones(5)):
        for found, what in ((misaligned, "misaligned"), (np.ones(5, ">f8"), "byte-swapped")):
            monkeypatch.setitem(globals(), "TABLE", found)
            with pytest.raises(UnsupportedTypeError, match=f"a {what} array .* pass it as one"):
                g(X)
        monkeypatch.setitem(globals(), "TABLE", native)
        assert_same(g(X), X + 1.0)


def test_changed_containers() -> None:
    found, some, by_name = {1, 2}, [1.0, 2.0], {"a": 1.0}
    nested = [np.ones(5), [np.ones(5)]]

    def f(x: Any) -> Any:
        total = x * len(found) + ("b" in by_name)
        for v in some:
            total = total + v
        return total * sum(by_name.values()) + nested[0] + nested[1][0] if some else x

    g = jit(f)
    for change in (
        lambda: found.add(3),
        lambda: some.append(7.0),
        lambda: some.__setitem__(0, -1.0),
        lambda: by_name.update(b=2.0),
        lambda: by_name.update(b=3.0),
        lambda: nested.__setitem__(0, np.zeros(5)),
        lambda: nested[1].__setitem__(0, np.full(5, 4.0)),
        some.clear,
    ):
        change()
        assert_same(g(X), f(X))


def test_changed_closures_and_defaults() -> None:
    s = 2.0

    def inner(x: Any) -> Any:
        return x * s

    f = jit(lambda x: inner(x))
    assert_same(f(X), X * 2)
    s = 3.0
    assert_same(f(X), X * 3)

    def inner(x: Any) -> Any:  # type: ignore[no-redef]  # noqa: F811
        return -x

    assert_same(f(X), -X)

    def g(x: Any, k: float = 2.0) -> Any:
        return x * k

    h = jit(g)
    h(X)
    g.__defaults__ = (3.0,)
    assert_same(h(X), X * 3)


class Layer:
    def __init__(self, w: Any) -> None:
        self.w, self.kind, self.k = w, "tanh", 1.0

    def __call__(self, x: Any) -> Any:
        return np.tanh(x * self.w) if self.kind == "tanh" else x * self.w * self.k


class Net:
    def __init__(self) -> None:
        self.layers = [Layer(np.ones(5)), Layer(np.full(5, 2.0))]

    def plain(self, x: Any) -> Any:
        for layer in self.layers:
            x = layer(x)
        return x

    compiled = jit(plain)


def test_changed_objects() -> None:
    net = Net()
    first, second = net.layers
    for change in (
        lambda: setattr(first, "w", np.full(5, 3.0)),
        lambda: setattr(second, "kind", "linear"),
        lambda: setattr(second, "k", 4.0),
        lambda: net.layers.append(Layer(np.full(5, 0.1))),
        lambda: first.w.__imul__(2),
        lambda: net.layers.__setitem__(0, Layer(np.full(5, 9.0))),
    ):
        np.testing.assert_allclose(net.compiled(X), net.plain(X), rtol=1e-14)
        change()
    np.testing.assert_allclose(net.compiled(X), net.plain(X), rtol=1e-14)


def test_callable_objects_and_partial() -> None:
    layer = Layer(np.ones(5))
    layer.kind = "linear"
    f = jit(layer)
    assert_same(f(X), X)
    layer.k = 4.0
    assert_same(f(X), X * 4.0)
    p = functools.partial(lambda k, x, b=1.0: k * x + b, 2.0, b=3.0)
    assert_same(jit(p)(X), p(X))
