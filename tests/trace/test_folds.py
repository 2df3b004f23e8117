"""Builtins over generators are loops at run time: compiled code does not grow with the items."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tracejit import grad, jit


def adds(x: Any) -> Any:
    return sum(v * v for v in x)


def adds_chosen(x: Any) -> Any:
    return sum(v * k for k, v in enumerate(x) if v > 0.5)


def largest(x: Any) -> Any:
    return max(a * b for a, b in zip(x, x[1:], strict=False))


def smallest_chosen(x: Any) -> Any:
    return min(x[k] for k in range(len(x)) if x[k] > 0.5)


def searches(x: Any) -> Any:
    return any(v > 2 for v in x) or all(v > 0.5 for v in reversed(x))


FOLDS = [adds, adds_chosen, largest, smallest_chosen, searches]


@pytest.mark.parametrize("function", FOLDS)
def test_size_does_not_matter(function: Callable[..., Any]) -> None:
    """As many instructions for 20,000 items as for 20."""
    sizes = []
    for n in (20, 20_000):
        x = np.random.default_rng(0).random(n)
        compiled = jit(function)
        assert repr(compiled(x)) == repr(function(x))
        sizes.append(compiled.inspect_ir(x).count("\n"))
    assert sizes[0] == sizes[1]


@pytest.mark.parametrize("function", [adds, adds_chosen, largest])
@pytest.mark.parametrize("n", [8, 30])
def test_derivative(function: Callable[..., Any], n: int) -> None:
    x = np.random.default_rng(1).random(n)
    steps = 1e-6 * np.eye(n)
    want = [(function(x + d) - function(x - d)) / 2e-6 for d in steps]
    np.testing.assert_allclose(jit(grad(function))(x), want, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("n", [0, 4, 20])
def test_of_none(n: int) -> None:
    """ValueError where a condition, or an array, leaves nothing; the sum is zero."""
    x = np.random.default_rng(0).random(n)
    for shapes in ("auto", "dynamic"):
        for function in (lambda x: max(v for v in x if v > 2), lambda x: min(v for v in x[x > 2])):
            with pytest.raises(ValueError, match="empty"):
                jit(function, shapes=shapes)(x)
        assert jit(lambda x: sum(v for v in x if v > 2), shapes=shapes)(x) == 0


def lists(x: Any) -> Any:
    return sum([v] for v in x)


def test_errors_are_the_programs() -> None:
    with pytest.raises(TypeError, match="'int' and 'list'"):
        jit(lists)(np.ones(20))


def draws(x: Any, source: Any) -> Any:
    return any(source.random() > v for v in x), sum(source.random() * v for v in x if v > 0.5)


def test_no_more_is_drawn() -> None:
    """Nothing of an item behind the one that decides is computed."""
    x = np.random.default_rng(5).random(50)
    ours, numpys = np.random.default_rng(3), np.random.default_rng(3)
    assert jit(draws)(x, ours) == draws(x, numpys)
    assert ours.bit_generator.state == numpys.bit_generator.state


NUMBERS = {k: 2.0 * k for k in range(30)} | {(k, 1): 3.0 * k for k in range(30)}
TEXTS = {f"w{k}": float(k) for k in range(25)}


def looks_up(x: Any) -> Any:
    total = 0.0
    for k in range(20):
        total += NUMBERS.get(k, 0.5) * x[0] + NUMBERS[k, 1] * x[1]
        total += TEXTS[f"w{k}"] * x[2] + TEXTS.get(f"w{k + 10}", 0.5) * x[3]
    return total, sum(NUMBERS.get(k + 15, 0.5) * v for k, v in enumerate(x))


def test_keys_are_numbers() -> None:
    """A counter that is looked up in a dict is the number that it is in the iteration."""
    x = np.random.default_rng(2).random(20)
    assert jit(looks_up)(x) == looks_up(x)
