"""Numbers found in globals, closures, attributes and containers that change from call to call are
run-time values from their second value on, unless the code depends on them in structure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tracejit import grad, jit

X = np.arange(4.0)


class Box:
    """Where the number is."""

    def __init__(self, value: Any) -> None:
        self.value = value
        self.inner = self

    def method(self, x: Any) -> Any:
        return x * self.value

    def step(self, x: Any) -> Any:
        self.value += 0.5
        return x * self.value


VALUE: Any = 0.0


def by_global(use: Callable[[Any, Any], Any]) -> tuple[Any, Callable[[Any], None]]:
    def set_global(value: Any) -> None:
        global VALUE
        VALUE = value

    return (lambda x: use(x, VALUE)), set_global


def by_closure(use: Callable[[Any, Any], Any]) -> tuple[Any, Callable[[Any], None]]:
    held: Any = 0.0

    def set_closure(value: Any) -> None:
        nonlocal held
        held = value

    return (lambda x: use(x, held)), set_closure


def by_attribute(use: Callable[[Any, Any], Any]) -> tuple[Any, Callable[[Any], None]]:
    box = Box(0.0)
    return (lambda x: use(x, box.inner.value)), lambda value: setattr(box, "value", value)


def by_default(use: Callable[[Any, Any], Any]) -> tuple[Any, Callable[[Any], None]]:
    def helper(x: Any, value: Any = 0.0) -> Any:
        return use(x, value)

    return (lambda x: helper(x)), lambda value: setattr(helper, "__defaults__", (value,))


def by_item(use: Callable[[Any, Any], Any]) -> tuple[Any, Callable[[Any], None]]:
    held: dict[str, Any] = {"value": 0.0}
    return (lambda x: use(x, held["value"])), lambda value: held.update(value=value)


PLACES = {"global": by_global, "closure": by_closure, "attribute": by_attribute, "item": by_item}

FLOATS: list[Any] = [0.5, 1.5, -0.0, 1e300, float("inf"), 2.0]
INTS: list[Any] = [2, 3, 5, 4, 2, 7]
#: How a number is used, its values, and how often that is compiled.
USES: dict[str, tuple[Callable[[Any, Any], Any], list[Any], int]] = {
    "a float in arithmetic": (lambda x, v: (x * v, v, [v + 1], {"v": v}), FLOATS, 2),
    "a float in a branch": (lambda x, v: x + 1 if v > 1.0 else x - v, FLOATS, 2),
    "a float that decides structure": (lambda x, v: x if v > 1.0 else [x], FLOATS, 6),
    "a complex number": (lambda x, v: x * v, [1j, 2 + 1j, 0j, complex(-0.0, 1.0)], 2),
    "a float32": (lambda x, v: (x * v, v), [np.float32(k) for k in FLOATS if k < 9], 2),
    "an int8": (lambda x, v: (x * v, v + v), [np.int8(k) for k in (1, 100, -128, 3)], 2),
    "an int in arithmetic": (lambda x, v: (x * v, v // 2, v / 3, -v), INTS, 2),
    "an int as an extent": (lambda x, v: np.zeros(v) + x[0], INTS, 2),
    "an int as the length of a loop": (lambda x, v: sum(x[k % 4] for k in range(v)), INTS, 2),
    "an int as a rank": (lambda x, v: np.zeros((2,) * v), [1, 2, 3], 3),
    "an int as an axis": (lambda x, v: np.zeros((2, 3, 4)).sum(axis=v), [0, 1, 2], 3),
    "an int of any size": (lambda x, v: v % 7, [2**61, 2**62, 2**63, 2**64], 4),
    "a bool": (lambda x, v: x if v else None, [True, False], 2),
    "None": (lambda x, v: x if v is None else x * v, [None, 2.0, None, 3.0], 3),
    "a text": (lambda x, v: x if v == "a" else -x, ["a", "b", "c"], 3),
    "kinds of numbers": (lambda x, v: x * v, [1, 2.0, np.float64(3.0), 4], 4),
    "another kind later": (
        lambda x, v: x if v is None else (x * v, v),
        [3.0, 4.0, 5.0, 1, 2, True, 2.5, np.float32(0.5), None, 1j, False, 2j, 3, 2**70, 6.0],
        9,
    ),
    "a derivative": (lambda x, v: grad(lambda y: (y * y * v).sum())(x), FLOATS, 2),
}


def same(a: Any, b: Any) -> bool:
    """Values and types alike, all the way down."""
    if type(a) is not type(b):
        return False
    if isinstance(a, tuple | list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")
    return repr(a) == repr(b)


@pytest.mark.parametrize("name", USES)
@pytest.mark.parametrize("place", PLACES)
def test_numbers_that_change(place: str, name: str) -> None:
    use, values, compilations = USES[name]
    f, set_value = PLACES[place](use)
    g = jit(f)
    for value in values:
        set_value(value)
        with np.errstate(all="ignore"):
            assert same(g(X), f(X))
    assert g.stats().compilations == compilations


def test_a_default_that_is_of_another_kind_later() -> None:
    use, values, _ = USES["another kind later"]
    f, set_value = by_default(use)
    g = jit(f)
    for value in values:
        set_value(value)
        assert same(g(X), f(X))


def test_an_attribute_that_a_method_sets() -> None:
    mine, theirs = Box(0.0), Box(0.0)
    step = jit(mine.step)
    for _ in range(20):
        assert same(step(2.0), theirs.step(2.0))
    assert mine.value == theirs.value
    assert type(mine.value) is float
    assert step.stats().compilations == 2


def test_a_number_that_stays_is_a_constant() -> None:
    f, set_value = by_closure(lambda x, v: x * v)
    g = jit(f)
    set_value(3.0)
    for x in (1.0, 2.0):
        g(x)
    assert "3.0" in g.inspect_ir(1.0)
    assert g.stats().compilations == 1


def test_only_the_integer_that_decides_structure_stays_a_constant() -> None:
    rank, scale = Box(1), Box(0.5)
    f = lambda x: np.ones((2,) * rank.value) * scale.value * x  # noqa: E731
    g = jit(f)
    for k in range(1, 4):
        rank.value, scale.value = k, 0.5 * k
        assert same(g(2.0), f(2.0))
    for k in range(10):
        scale.value = 0.1 * k
        assert same(g(2.0), f(2.0))
    assert g.stats().compilations == 3


def test_a_new_family_of_arguments_knows_of_the_numbers() -> None:
    f, set_value = by_closure(lambda x, v: x * v)
    g = jit(f)
    for k in range(3):
        set_value(0.5 * k)
        g(1.0)
    for k in range(3):
        set_value(0.25 * k)
        assert same(g(X), f(X))
    assert g.stats().compilations == 3


def test_a_warning_says_why_a_function_is_compiled_so_often() -> None:
    f, set_value = by_closure(lambda x, v: x if v == "a" else -x)
    g = jit(f)

    def many() -> None:
        for k in range(25):
            set_value(str(k))
            g(1.0)

    match = r"compiled for the 20th time: held is another \(19"
    with pytest.warns(UserWarning, match=match) as told:
        many()
    assert len([w for w in told if "20th" in str(w.message)]) == 1
    assert told[0].filename == __file__
    h = jit(lambda x, mode: x if mode == "a" else -x)
    for k in range(19):
        h(1.0, str(k))
    with pytest.warns(UserWarning, match="argument 'mode' is another str"):
        h(1.0, "19")


def test_functions_made_anew_are_alike() -> None:
    h = jit(lambda f, x: f(x))
    for k in range(5):
        assert h(lambda y: y + 1, 2.0) == 3.0
        assert h(lambda y, k=1.5: y + k, 2.0) == 3.5
        assert h(lambda y: y + k, 2.0) == 2.0 + k
    assert h.stats().compilations == 4
    made = [lambda y, k=k: y + k for k in (1, 1.0, True, 0.0, -0.0)]
    for f in (*made, *made):
        assert same(h(f, 2.0), f(2.0))
    assert h.stats().compilations == 9
