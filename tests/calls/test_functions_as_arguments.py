"""A function that one line makes anew at each call is one argument, where nothing tells them
apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.calls.warm import X, assert_same, assert_warm
from tracejit import jit


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
