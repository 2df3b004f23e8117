"""Sets, deques, buffers and objects that a program makes: new in each call, one object each."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from tracejit import UnsupportedError, jit

X = np.array([1.0, 2.0, 1.0])


class Point:
    def __init__(self, a: Any, b: Any) -> None:
        self.a, self.b = a, b


class Ring:
    def __init__(self, v: Any) -> None:
        self.v, self.me, self.tags = v, self, {"a"}


@dataclass
class Record:
    p: Point
    tags: set[int]


def known_set(x: Any) -> Any:
    s = {1, 2}
    return s, [s]


def known_set_in_a_dict(x: Any) -> Any:
    return {"a": [{5}], "b": x[0]}, bytearray(b"ab")


def set_of_the_run(x: Any) -> Any:
    s = set(x)
    return s, {"s": s}


def a_deque(x: Any) -> Any:
    d = deque([x[0], 2.0])
    return d, (d,)


def known_object(x: Any) -> Any:
    p = Point(1, [2])
    return p, p.b


def object_of_the_run(x: Any) -> Any:
    p = Point(x[0], [x, 1])
    return p, {"k": p}, p.b


def several(x: Any) -> Any:
    points = [Point(x[k], k) for k in range(2)]
    return points, points[0], Record(points[1], {3})


def in_a_circle(x: Any) -> Any:
    return Ring(x.sum())


def changed_in_a_branch(x: Any) -> Any:
    p = Point(1.0, 2)
    if x[0] > 0:
        p.a = x[1]
    return p


def or_none(x: Any) -> Any:
    return Point(x[0], 1) if x[0] > 0 else None


def shape_of(x: Any, names: dict[int, int] | None = None) -> Any:
    """A result as text in which one object has one number."""
    names = {} if names is None else names
    if isinstance(x, list | tuple | deque | dict | set) or hasattr(x, "__dict__"):
        if id(x) in names:
            return f"#{names[id(x)]}"
        names[id(x)] = len(names)
        held = vars(x) if hasattr(x, "__dict__") else x
        items = held.items() if isinstance(held, dict) else enumerate(held)
        return type(x).__name__, [(k, shape_of(v, names)) for k, v in items]
    return repr(x)


def changeable(x: Any, met: dict[int, Any]) -> dict[int, Any]:
    if id(x) not in met and not isinstance(x, tuple | np.ndarray):
        if isinstance(x, list | deque | dict | set | bytearray) or hasattr(x, "__dict__"):
            met[id(x)] = x
    held = vars(x) if hasattr(x, "__dict__") else x
    held = held.values() if isinstance(held, dict) else held
    for part in held if isinstance(held, tuple | list | deque | type({}.values())) else ():
        if id(part) not in met:
            changeable(part, met)
    return met


CASES: list[Callable[..., Any]] = [
    known_set, known_set_in_a_dict, set_of_the_run, a_deque, known_object, object_of_the_run,
    several, in_a_circle, changed_in_a_branch, or_none,
]  # fmt: skip


@pytest.mark.parametrize("f", CASES)
@pytest.mark.parametrize("shapes", ["auto", "dynamic"])
def test_new_in_each_call(f: Callable[..., Any], shapes: str) -> None:
    compiled = jit(f, shapes=shapes)
    results = [compiled(X) for _ in range(3)]
    for got in results:
        assert shape_of(got) == shape_of(f(X))
    first, second = (changeable(r, {}) for r in results[:2])
    assert first
    assert not first.keys() & second.keys()


def test_the_caller_s_own_stay_in_new_objects() -> None:
    def wrapped(items: Any, x: Any) -> Any:
        return Point(items, x)

    items, x = [1, 2], X.copy()
    got = jit(wrapped)(items, x)
    assert got.a is items
    assert got.b is x


@pytest.mark.parametrize("make", [lambda x: iter([1, 2]), lambda x: reversed([1, 2])])
def test_iterators_are_not_returned(make: Any) -> None:
    with pytest.raises(UnsupportedError, match="cannot be returned"):
        jit(make)(X)


def test_functions_that_are_made_inside_stay_inside() -> None:
    """Their bodies are part of the compiled code, and Python makes another one in each call."""

    def counter(x: Any) -> Any:
        count = 0

        def more() -> int:
            nonlocal count
            count += 1
            return count

        return more

    for made in (counter, lambda x: lambda y: y + 1, lambda x: [lambda: 1]):
        with pytest.raises(UnsupportedError, match="make it outside"):
            jit(made)(np.ones(3))

    def outside(y: Any) -> Any:
        return y if y > 0 else -y

    given = jit(lambda x, f: (f, outside))(np.ones(3), outside)
    assert given[0] is outside
    assert given[1] is outside
    assert jit(lambda x: counter(x)() + counter(x)())(np.ones(3)) == 2
