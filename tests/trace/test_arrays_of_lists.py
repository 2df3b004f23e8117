"""``np.array``, and NumPy's functions, of lists in lists, where the run says how long these are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import pytest

from tracejit import grad, jit

X = np.linspace(-1.0, 2.0, 210).reshape(70, 3)
Y = np.linspace(0.5, 1.5, 240).reshape(80, 3)


def distances(x: Any, y: Any) -> Any:
    return np.array([[np.sum((a - b) ** 2) for a in x] for b in y])


def appended(x: Any, y: Any) -> Any:
    rows = []
    for a in x:
        rows.append([a[0] * b[1] for b in y])
    return np.array(rows)


def converted(x: Any, y: Any) -> Any:
    return np.asarray([[i * 10 + j for j in range(len(y))] for i in range(len(x))], np.float32)


def of_kinds(x: Any, y: Any) -> Any:
    return np.array([[i if b[0] > 1 else b[0] for b in y] for i in range(len(x))])


def reduced(x: Any, y: Any) -> Any:
    rows = [[a[1] - b[2] for b in y] for a in x]
    return np.sum(rows), np.mean(rows, axis=0), np.max(rows, axis=1)


def changed(x: Any, y: Any) -> Any:
    rows = [[a[0] + b[0] for b in y] for a in x]
    before = np.array(rows)
    for i in range(len(x)):
        rows[i][i % 3] = -1.0
    return before, np.array(rows)


def longer(x: Any, y: Any) -> Any:
    rows: list[Any] = [[] for _ in x]
    for b in y:
        for i in range(len(x)):
            rows[i].append(b[0] * i)
    return np.array(rows)


PROGRAMS = (distances, appended, converted, of_kinds, reduced, changed, longer)
SHAPES: tuple[Literal["auto", "dynamic"], ...] = ("auto", "dynamic")


@pytest.mark.parametrize("shapes", SHAPES)
@pytest.mark.parametrize("program", PROGRAMS)
def test_one_row_for_each_list(program: Callable[..., Any], shapes: Any) -> None:
    f = jit(program, shapes=shapes)
    for x, y in ((X, Y), (X[:4], Y), (X, Y[:5])):
        got, want = f(x, y), program(x, y)
        assert type(got) is type(want)
        for one, other in zip(*(r if type(r) is tuple else (r,) for r in (got, want)), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-12)
            assert np.asarray(one).dtype == np.asarray(other).dtype


def ragged(n: int) -> Any:
    return np.array([[0.5 * i] * (2 + (i == 70)) for i in range(n)])


def three_deep(x: Any, k: int) -> Any:
    rows: list[Any] = []
    for i in range(len(x)):
        rows.append([[x[i] + a for a in range(k)] for _ in range(2)])
    return np.array(rows)


@pytest.mark.parametrize("shapes", SHAPES)
def test_rows_of_several_lengths_are_numpys_error(shapes: Any) -> None:
    f = jit(ragged, shapes=shapes)
    assert np.array_equal(f(69), ragged(69))
    with pytest.raises(ValueError, match="inhomogeneous") as raised:
        ragged(80)
    with pytest.raises(ValueError, match="inhomogeneous") as ours:
        f(80)
    assert str(ours.value).splitlines()[0] == str(raised.value)


def test_lists_in_lists_in_lists() -> None:
    for x in (X[:, 0], X[:5, 0]):
        np.testing.assert_array_equal(jit(three_deep)(x, 3), three_deep(x, 3))


def test_the_gradient_goes_through_the_rows() -> None:
    def loss(x: Any) -> Any:
        return np.sum(np.array([[a * b for a in x] for b in x]))

    x = np.linspace(0.0, 1.0, 70)
    np.testing.assert_allclose(grad(loss)(x), np.full(70, 2 * x.sum()))
