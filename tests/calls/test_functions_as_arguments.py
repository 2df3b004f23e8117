"""A function that one line makes anew at each call is one argument, where nothing tells them
apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.calls.warm import X, assert_same, assert_warm
from tracejit import grad, jit


def doubled() -> Any:
    return lambda t: t * 2.0


def scaled(c: Any) -> Any:
    return lambda t: t * c


def applied(f: Any, x: Any) -> Any:
    return f(x)


FIRST, SECOND = doubled(), doubled()
TABLE = {FIRST: 1.0}


def test_functions_made_anew_stay_native() -> None:
    g = jit(applied)
    assert_warm(g, *(((doubled(), X), {}) for _ in range(5)))
    assert g.stats().compilations == 1


@pytest.mark.parametrize("make", [
    lambda: lambda t, c=1.5: t * c,
    lambda: lambda t, *, c=1.5: t * c,
    lambda: FIRST,
])  # fmt: skip
def test_defaults_of_functions_made_anew(make: Any) -> None:
    g = jit(applied)
    for _ in range(4):
        assert_same(g(make(), X), make()(X))
    assert g.stats().compilations == 1


def test_what_tells_functions_of_one_line_apart_is_seen() -> None:
    """Defaults, enclosing variables, names and attributes are of each."""
    g = jit(lambda f, x: f(x) + getattr(f, "offset", 0.0) + len(f.__qualname__))
    moved, named = doubled(), doubled()
    moved.offset, named.__qualname__ = 5.0, "f"
    other = doubled()
    other.__code__ = (lambda t: t * 3.0).__code__
    defaulted = [lambda t, c=c: t + c for c in (1.0, 2.0)]
    given = [doubled(), moved, named, other, *defaulted, scaled(2.0), scaled(3.0), doubled()]
    for _ in range(3):
        for f in given:
            assert_same(g(f, X), g.py_func(f, X))


BY_IDENTITY: dict[str, Any] = {
    "is": lambda f, g: (f is FIRST) * 1.0,
    "is the other": lambda f, g: (f is g) * 1.0,
    "equal": lambda f, g: (f == FIRST) * 1.0,
    "in a dict": lambda f, g: (f in TABLE) * 1.0,
    "key": lambda f, g: TABLE.get(f, 5.0),
    "place": lambda f, g: [FIRST, SECOND].index(f),
    "id": lambda f, g: (id(f) == id(FIRST)) * 1.0,
    "count": lambda f, g: [FIRST, SECOND, FIRST].count(f) * 1.0,
    "set": lambda f, g: len({f, g}) * 1.0,
    "result": lambda f, g: (f, f(1.0)),
    "results": lambda f, g: {"f": [g, f]},
}


@pytest.mark.parametrize("function", BY_IDENTITY.values(), ids=BY_IDENTITY)
def test_which_function_it_is_may_be_seen(function: Any) -> None:
    """The code is then for each function, whatever is made of the same."""
    g = jit(function)
    for _ in range(2):
        for f, other in ((FIRST, FIRST), (SECOND, FIRST), (FIRST, SECOND), (SECOND, SECOND)):
            assert g(f, other) == function(f, other)


def test_a_static_argument_may_be_seen_too() -> None:
    g = jit(lambda f, x: (f, f(x)), static_argnums=0)
    for f in (FIRST, SECOND, FIRST, SECOND):
        assert g(f, 2.0) == (f, 4.0)
    h = jit(applied, static_argnums=0)
    for _ in range(4):
        assert h(doubled(), 2.0) == 4.0
    assert h.stats().compilations == 1


CALLED: dict[str, Any] = {
    "map": lambda f, x: list(map(f, [x, x])),
    "default": lambda f, x: (lambda y, g=f: g(y))(x),
    "vectorize": lambda f, x: np.vectorize(f)(x),
    "grad": lambda f, x: grad(f)(x[0]),
    "key": lambda f, x: sorted([3.0, 1.0], key=f),
    "nested": lambda f, x: jit(f)(x),
    "along": lambda f, x: np.apply_along_axis(f, 0, x),
    "told": lambda f, x: f(x) if callable(f) and f is not None else x,
}


@pytest.mark.parametrize("function", CALLED.values(), ids=CALLED)
def test_a_function_that_is_only_called_is_compiled_once(function: Any) -> None:
    g = jit(function)
    results = [g(doubled(), X) for _ in range(3)]
    assert_same(results[0], results[2])
    assert g.stats().compilations == 1


def test_a_derivative_and_a_higher_one_see_it() -> None:
    def power(f: Any, x: Any) -> Any:
        return f(x) * x if f is FIRST else f(x)

    for g in (grad(power, argnums=1), jit(grad(jit(power), argnums=1))):
        for _ in range(2):
            assert (g(FIRST, 3.0), g(SECOND, 3.0), g(doubled(), 3.0)) == (12.0, 2.0, 2.0)


def test_a_function_is_kept_and_given_an_attribute() -> None:
    def mark(f: Any, held: Any) -> Any:
        held[0] = f
        f.calls = 3
        return f(2.0)

    g = jit(mark)
    for _ in range(3):
        f, held = doubled(), [None]
        assert g(f, held) == 4.0
        assert held[0] is f
        assert f.calls == 3


def test_arrays_that_functions_enclose_are_of_each() -> None:
    g = jit(applied)
    for k in range(4):
        c = np.full(3, float(k))
        assert_same(g(scaled(c), X), X * c)
