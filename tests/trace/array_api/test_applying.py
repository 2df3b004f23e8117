"""Functions of the user on elements, rows and indices, natively: vectorize, apply_*, ndindex."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tracejit

X = np.linspace(-2.0, 3.0, 12).reshape(3, 4)


@np.vectorize
def clipped(a: float, b: float = 1.0) -> float:
    if a < 0:
        return 0.0
    return a * b


def by_index(x: np.ndarray) -> Any:
    total = 0.0
    for i, j in np.ndindex(x.shape):
        total += x[i, j] * i - j
    return total


def by_index_and_element(x: np.ndarray) -> Any:
    total, rows = 0.0, 0
    for (i, j), v in np.ndenumerate(x):
        total += v * i - j
        rows += i
    return total, rows


def numbered(x: np.ndarray) -> Any:
    total = 0
    for n, (i, j) in enumerate(np.ndindex(*x.shape)):
        total += n * i - j
    return total


def of_two(a: float, b: float) -> float:
    return a if a > b else b


CALLS: dict[str, Callable[[Any], Any]] = {
    "ndindex": by_index,
    "ndenumerate": by_index_and_element,
    "enumerate": numbered,
    "vectorize": lambda x: clipped(x),
    "vectorize broadcast": lambda x: clipped(x, x[0]),
    "vectorize keyword": lambda x: clipped(x, b=2),
    "vectorize scalar": lambda x: (clipped(x[0, 0]), clipped(2.5)),
    "vectorize two": lambda x: np.vectorize(of_two)(x, x[::-1]),
    "vectorize tuple": lambda x: np.vectorize(lambda p: (p, -p))(x),
    "vectorize otypes": lambda x: np.vectorize(lambda p: p * 2, otypes=[np.float32])(x),
    "vectorize float32": lambda x: np.vectorize(lambda p: p * 2)(x.astype(np.float32)),
    "vectorize int": lambda x: np.vectorize(int)(x),
    "vectorize rows": lambda x: np.vectorize(lambda v: v.sum(), signature="(n)->()")(x),
    "vectorize core": lambda x: np.vectorize(np.multiply, signature="(n),(n)->(n)")(x, x[0]),
    "along sum": lambda x: np.apply_along_axis(np.sum, 0, x),
    "along reversed": lambda x: np.apply_along_axis(lambda v: v[::-1] * 2, 1, x),
    "along outer": lambda x: np.apply_along_axis(lambda v: np.outer(v, v), 0, x),
    "along a line": lambda x: np.apply_along_axis(np.sum, 0, x[0]),
    "along with arguments": lambda x: np.apply_along_axis(lambda v, k: v[:2] + k, -1, x, 3.0),
    "over": lambda x: (np.apply_over_axes(np.sum, x, [0, 1]), np.apply_over_axes(np.max, x, 0)),
}


def same(got: Any, want: Any) -> None:
    assert type(got) is type(want)
    if isinstance(want, tuple):
        for g, w in zip(got, want, strict=True):
            same(g, w)
        return
    assert getattr(got, "dtype", None) == getattr(want, "dtype", None)
    assert np.shape(got) == np.shape(want)
    np.testing.assert_allclose(got, want)


@pytest.mark.parametrize("shapes", ["static", "dynamic"])
@pytest.mark.parametrize("name", CALLS)
def test_call(name: str, shapes: Any) -> None:
    call = CALLS[name]
    same(tracejit.jit(call, shapes=shapes)(X), call(X))


def test_code_does_not_grow_with_the_array() -> None:
    compiled = tracejit.jit(by_index, shapes="dynamic")
    for n in (3, 50):
        x = np.arange(2.0 * n).reshape(2, n)
        same(compiled(x), by_index(x))
    assert compiled.stats().compilations == 1


@pytest.mark.parametrize(
    "call",
    [
        lambda x: np.vectorize(abs)(x[:0]),
        lambda x: np.apply_along_axis(np.sum, 1, x[:0]),
        lambda x: np.apply_along_axis(np.sum, 5, x),
    ],
)
def test_errors(call: Callable[[Any], Any]) -> None:
    with pytest.raises(ValueError) as plain:
        call(X)
    with pytest.raises(type(plain.value), match=str(plain.value)[:30]):
        tracejit.jit(call)(X)


def test_gradient() -> None:
    def total(x: np.ndarray) -> Any:
        return np.vectorize(lambda p: p * p if p > 0 else -p)(x).sum()

    np.testing.assert_allclose(tracejit.grad(total)(X), np.where(X > 0, 2 * X, -1.0))


def test_gradient_of_ufunc_methods() -> None:
    def total(x: np.ndarray) -> Any:
        return np.subtract.reduceat(x, [0, 2]).sum() + np.multiply.accumulate(x).sum()

    tracejit.check_grads(total, (np.array([3.0, 1.0, 2.0, 5.0]),))
