"""Lists, dicts and records that a call passes in several places are one object inside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from tracejit import UnsupportedError, jit


@dataclass
class Held:
    x: float
    items: list[float]


class Plain:
    def __init__(self, items: list[int]) -> None:
        self.items = items


def appended(a: Any, b: Any) -> Any:
    a.append(5)
    b.append(6)
    return len(a), len(b), sum(b), a is b


def item_set(a: Any, b: Any) -> Any:
    a[0] = 9.0
    return b[0], a


def key_set(a: Any, b: Any) -> Any:
    a["x"] = a["x"] + 1
    b["y"] = 5
    return b["x"], list(a)


def inner_appended(a: Any, b: Any) -> Any:
    a[0].append(3)
    return len(b), a


def field_set(a: Any, b: Any) -> Any:
    a.x += 1.0
    b.items.append(2.0)
    return b.x, len(a.items), a is b


def field_appended(a: Any, b: Any) -> Any:
    b.append(3.0)
    return len(a.items), sum(a.items)


def array_put(a: Any, b: Any) -> Any:
    a[0] = np.ones(2)
    b[0][1] += 1
    return a[0], b[0]


def rows(a: Any, x: Any) -> Any:
    for k in range(len(x)):
        if x[k] > 0:
            a[0][1] += x[k]
    return a[1][1], a[0] is a[1]


def twice(x: Any) -> tuple[Any, Any]:
    return x, x


def inside(x: Any) -> tuple[Any, Any]:
    return [x], x


def held_too() -> tuple[Any, Any]:
    items = [1.0, 2.0]
    return Held(0.5, items), items


CASES: list[tuple[Callable[..., Any], Callable[[], Any], Callable[[], Any]]] = [
    (appended, lambda: twice([1, 2]), lambda: ([1, 2], [1, 2])),
    (item_set, lambda: twice([1.0, 2.0]), lambda: ([1.0, 2.0], [1.0, 2.0])),
    (item_set, lambda: twice([float(k) for k in range(99)]), lambda: ([1.0], [2.0])),
    (key_set, lambda: twice({"x": 1}), lambda: ({"x": 1}, {"x": 1})),
    (inner_appended, lambda: inside([1]), lambda: ([[1]], [1])),
    (field_set, lambda: twice(Held(1.0, [1.0])), lambda: (Held(1.0, [1.0]), Held(1.0, [1.0]))),
    (field_appended, held_too, lambda: (Held(0.5, [1.0, 2.0]), [1.0, 2.0])),
    (array_put, lambda: twice([np.zeros(2)]), lambda: ([np.zeros(2)], [np.zeros(2)])),
    (
        rows,
        lambda: ([[0.0] * 3] * 2, np.array([1.0, -2.0, 3.0])),
        lambda: ([[0.0] * 3 for _ in range(2)], np.array([1.0, -2.0, 3.0])),
    ),
]


@pytest.mark.parametrize(("f", "shared", "apart"), CASES)
@pytest.mark.parametrize("shapes", ["auto", "dynamic"])
def test_one_object_in_several_places(f: Any, shared: Any, apart: Any, shapes: str) -> None:
    compiled = jit(f, shapes=shapes)
    for make in (apart, shared, apart, shared):
        given, wanted = make(), make()
        want, got = f(*wanted), compiled(*given)
        assert repr((got, given)) == repr((want, wanted))


def test_by_keyword() -> None:
    def f(a: Any, *, b: Any) -> Any:
        a["k"].append(1)
        return len(b["k"])

    given = {"k": [1]}
    assert jit(f)(given, b=given) == 2
    assert given == {"k": [1, 1]}


OUTSIDE = [1, 2]


def test_what_is_found_in_another_way_too_is_refused() -> None:
    def of_attribute(o: Any, items: Any) -> Any:
        items.append(3)
        return len(o.items)

    def of_global(items: Any) -> Any:
        items.append(3)
        return len(OUTSIDE)

    items = [1, 2]
    with pytest.raises(UnsupportedError, match=r"Plain\.items too"):
        jit(of_attribute)(Plain(items), items)
    assert items == [1, 2]
    assert jit(of_attribute)(Plain([1, 2]), items) == 2
    assert items == [1, 2, 3]
    with pytest.raises(UnsupportedError, match="OUTSIDE too"):
        jit(of_global)(OUTSIDE)
    assert jit(of_global)([7]) == 2
