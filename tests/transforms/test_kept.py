"""What a transform compiled is found again by its function, and goes when that goes."""

from __future__ import annotations

import functools
import gc
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tracejit import grad, jit, jvp, value_and_grad, vjp, vmap
from tracejit.codegen_llvm.engine import shared_engine
from tracejit.transforms import kept

X = np.linspace(0.5, 2.0, 5)


def loss(x: Any) -> Any:
    return np.sum(np.sin(x) * x)


def curve(x: Any) -> Any:
    return np.sin(x) * x


def compilations() -> int:
    return shared_engine().linker.linked


def compiled_by(call: Callable[[], Any]) -> int:
    before = compilations()
    call()
    return compilations() - before


def closure(k: float) -> Callable[..., Any]:
    def scaled(x: Any) -> Any:
        return np.sum(k * x * x)

    return scaled


@functools.cache
def once(name: str) -> Callable[..., Any]:
    return {
        "closure": closure(3.0),
        "partial": functools.partial(lambda k, x: np.sum(k * x), 2.0),
        "jitted": jit(closure(4.0)),
        "default": lambda x, k=2.0: np.sum(k * x),
    }[name]


REPEATED: dict[str, Callable[[], Any]] = {
    "grad": lambda: grad(loss)(X),
    "value_and_grad": lambda: value_and_grad(loss, (0,))(X),
    "argnums as a list": lambda: grad(loss, argnums=[0])(X),
    "jvp": lambda: jvp(curve, (X,), (X,)),
    "vjp": lambda: vjp(curve, X),
    "vjp and its pullback": lambda: vjp(curve, X)[1](X),
    "grad of grad": lambda: grad(lambda x: np.sum(grad(loss)(x)))(X),
    "grad of a transform": lambda: jvp(grad(loss), (X,), (X,)),
    "grad of jit": lambda: grad(jit(loss))(X),
    "a lambda written anew": lambda: grad(lambda x: np.sum(np.cos(x)))(X),
    "a closure": lambda: grad(once("closure"))(X),
    "a partial function": lambda: grad(once("partial"))(X),
    "jit of a closure": lambda: grad(once("jitted"))(X),
    "a default": lambda: grad(once("default"))(X),
}


@pytest.mark.parametrize("name", REPEATED)
def test_a_transform_called_again_compiles_nothing(name: str) -> None:
    REPEATED[name]()
    assert compiled_by(REPEATED[name]) == 0


def test_methods_of_one_object_are_found_again() -> None:
    class Model:
        def __init__(self, w: float) -> None:
            self.w = w

        def loss(self, x: Any) -> Any:
            return np.sum(self.w * x)

    a, b = Model(2.0), Model(3.0)
    for _ in range(2):
        assert grad(a.loss)(X)[0] == 2.0
        assert grad(b.loss)(X)[0] == 3.0
    assert compiled_by(lambda: (grad(a.loss)(X), grad(b.loss)(X))) == 0
    b.w = 5.0
    assert grad(b.loss)(X)[0] == 5.0


def test_closures_are_not_mistaken_for_each_other() -> None:
    for k in (1.0, 2.0, 1.0):
        np.testing.assert_array_equal(grad(closure(k))(X), 2 * k * X)
    made = []
    for k in range(3):
        made.append(grad(lambda x: np.sum(k * x)))
        assert made[-1](X)[0] == k
    assert [g(X)[0] for g in made] == [2.0, 2.0, 2.0]  # as Python binds k
    for k in range(3):
        assert grad(lambda x, k=k: np.sum(k * x))(X)[0] == k


def test_what_a_function_is_may_change() -> None:
    def f(x: Any) -> Any:
        return np.sum(x)

    def other(x: Any) -> Any:
        return np.sum(2 * x)

    assert grad(f)(X)[0] == 1.0
    f.__code__ = other.__code__
    assert grad(f)(X)[0] == 2.0
    part = functools.partial(lambda x, k: np.sum(k * x), k=2.0)
    assert grad(part)(X)[0] == 2.0
    part.keywords["k"] = 3.0
    assert grad(part)(X)[0] == 3.0


def test_dropped_functions_are_freed_with_their_code() -> None:
    def dropped(k: int) -> Any:
        f = closure(float(k))
        assert grad(f)(X)[0] == 2 * k * X[0]
        vjp(f, X)[1](1.0)
        return weakref.ref(f)

    def collected() -> int:
        while gc.collect():  # what one collection frees may free more
            pass
        return shared_engine().linker.loaded

    dropped(1)  # what all calls share is loaded then
    loaded = collected()
    gone = [dropped(k) for k in range(20)]
    # Of what other tests left, the bounded cache may have let some go meanwhile.
    assert collected() <= loaded
    assert [r() for r in gone] == [None] * 20


def test_the_number_of_kept_transforms_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "LIMIT", 4)
    monkeypatch.setattr(kept, "LIMIT_ALIVE", 2)

    class Slope:
        def __init__(self, k: float) -> None:
            self.k = k

        def __call__(self, x: Any) -> Any:
            return np.sum(self.k * x)

    functions = [closure(float(k)) for k in range(6)]
    slopes = [Slope(float(k)) for k in range(4)]
    for f in functions:
        grad(f)(X)
    assert compiled_by(lambda: grad(functions[-1])(X)) == 0
    assert compiled_by(lambda: grad(functions[0])(X)) == 1
    gone = [weakref.ref(s) for s in slopes]
    for s in slopes:
        assert grad(s)(X)[0] == s.k
    del slopes, s
    gc.collect()
    assert sum(r() is None for r in gone) == 2


def test_functions_die_while_room_is_made() -> None:
    """A collection may run at any allocation, and with it what happens when a function goes."""

    def circle(k: float) -> Any:
        f = closure(k)
        kept.compiled(grad(f))
        held: list[Any] = [f]
        held.append(held)
        return held

    thresholds = gc.get_threshold()
    gc.disable()
    try:
        for most in range(1, 9):
            circles = [circle(float(k)) for k in range(40)]
            gc.collect(0)  # they are not the youngest, and go at the second collection to come
            circles.clear()
            pairs = [(k, k) for k in range(5000)]  # Python keeps no freed ones then
            gc.set_threshold(most, 1, 10)
            gc.enable()
            kept._forget()
            gc.disable()
            pairs.clear()
    finally:
        gc.enable()
        gc.set_threshold(*thresholds)
    gc.collect()
    assert all(e.anchor is None or e.anchor() is not None for e in kept._entries.values())


def test_functions_of_libraries_are_found_in_the_tables() -> None:
    """What is kept is of the function itself: the tables do not know a copy of it."""
    special = pytest.importorskip("scipy.special")
    x = np.array([1.0, 2.0, 4.0])
    np.testing.assert_allclose(grad(special.logsumexp)(x), special.softmax(x))
    np.testing.assert_allclose(vmap(special.logsumexp)(x[:, None]), x)
    slope = jit(grad(special.zeta, argnums=1))(2.0, 3.0)
    assert np.isclose(slope, -2 * special.zeta(3, 3.0))
