"""Loops of few turns that make lists longer: unrolled where that is little code, one loop where it
is much, unrolled nevertheless where one loop would be refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tracejit import grad, jit


def much(x: Any, i: Any) -> Any:
    """A few dozen operations."""
    y = np.sin(x * i) + np.cos(x + i) * np.exp(-x) - np.tanh(x / (i + 1)) + np.sqrt(np.abs(x) + 1)
    z = y * 2 + np.log1p(y * y) - y**3 + np.arctan(y)
    return 0.3 * z / (1 + np.abs(z))


def upper_hull(points: Any, turns: int) -> Any:
    hull: list[Any] = []
    for p in points[:turns]:
        while len(hull) >= 2:
            a, b = hull[-2], hull[-1]
            if (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0]) <= 0:
                hull.pop()
            else:
                break
        hull.append(p)
    return np.array(hull)


def rows(x: Any, turns: int) -> Any:
    out = []
    for i in range(turns):
        out.append(much(x, i))
    return np.array(out)


def tuples(x: Any, turns: int) -> Any:
    out = []
    for i in range(turns):
        out.append((i, much(x[0, 0], i)))
    return out


def with_break(x: Any, turns: int) -> Any:
    out = []
    for i in range(turns):
        v = much(x[i % 3, 0], i)
        if v > 0.29:
            break
        out.append(v)
    else:
        out.append(-1.0)
    return out


def two_lists(x: Any, turns: int) -> Any:
    a, b = [], []
    for i in range(turns):
        v = much(x, i)
        a.append(v)
        b.append(v.sum())
    return np.stack(a).mean(0), max(b), b


def popped(x: Any, turns: int) -> Any:
    stack = [float(k) for k in range(turns)]
    total = 0.0
    for i in range(turns):
        total = total + much(x, i).sum() * stack.pop()
    return total, stack


def of_a_dict(x: Any, turns: int) -> Any:
    found = {}
    for i in range(turns):
        found[i] = much(x, i)
    return found


POINTS = np.random.default_rng(0).random((64, 2))
ONE_LOOP = [upper_hull, rows, tuples, with_break, two_lists, popped, of_a_dict]


def same(a: Any, b: Any) -> None:
    """One type and one value, item by item."""
    assert type(a) is type(b)
    if isinstance(a, dict):
        a, b = list(a.items()), list(b.items())
    if isinstance(a, list | tuple):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            same(x, y)
    elif isinstance(a, str):
        assert a == b
    else:
        np.testing.assert_allclose(a, b, rtol=1e-12)


def instructions(program: Callable[..., Any], turns: int) -> int:
    compiled = jit(program, static_argnums=1, cache=False)
    same(compiled(POINTS, turns), program(POINTS, turns))
    same(compiled(POINTS[::-1].copy(), turns), program(POINTS[::-1].copy(), turns))
    return str(compiled.inspect_ir(POINTS, turns)).count("\n")


@pytest.mark.parametrize("program", ONE_LOOP)
def test_much_code_is_one_loop(program: Callable[..., Any]) -> None:
    assert instructions(program, 60) <= instructions(program, 45) + 3


def test_little_code_is_unrolled_so_that_the_length_is_known() -> None:
    @jit
    def doubled(x: Any) -> Any:
        out = []
        for i in range(6):
            out.append(x[i, 0] * 2)
        return np.array(out)

    same(doubled(POINTS), POINTS[:6, 0] * 2)
    assert "f64[6] = concatenate" in str(doubled.inspect_ir(POINTS))


def of_other_shapes(x: Any) -> Any:
    out = []
    for i in range(30):
        out.append(much(x[: i + 1], i))
    return out


def of_texts(x: Any) -> Any:
    names = []
    for i in range(30):
        names.append(str(i))
        x = much(x, i)
    return names, x


@pytest.mark.parametrize("program", [of_other_shapes, of_texts])
def test_what_one_loop_refuses_is_unrolled_however_much_it_is(program: Callable[..., Any]) -> None:
    compiled = jit(program)
    for x in (POINTS, POINTS[::-1].copy()):
        same(compiled(x), program(x))


def test_derivatives_of_one_loop() -> None:
    def total(x: Any) -> Any:
        return np.sum(rows(x, 40) ** 2)

    x = np.linspace(0.1, 1, 5)
    step = 1e-6 * np.eye(5)
    differences = [(total(x + h) - total(x - h)) / 2e-6 for h in step]
    np.testing.assert_allclose(grad(total)(x), differences, rtol=1e-6)
