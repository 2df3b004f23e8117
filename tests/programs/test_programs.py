"""Whole programs under `jit`: values, dtypes, mutation, aliases, exceptions and gradients."""

from __future__ import annotations

import functools
import warnings

import numpy as np
import pytest

from tests.programs import all_programs, small_programs
from tests.programs.cross_check import outcomes
from tests.programs.program import (
    Program,
    assert_same,
    assert_slopes,
    scalar_loss,
)
from tracejit import grad, jit, trees


@pytest.mark.parametrize("program", all_programs.ALL, ids=lambda p: p.name)
def test_same_as_numpy(program: Program) -> None:
    """In every way; natively also on other values, for which the compiled code must be right."""
    makers = [functools.partial(program.arguments, seed) for seed in (0, 1)]
    for way, got, want in outcomes(program.fn, makers):
        assert_same(got, want, program, way)


@pytest.mark.parametrize("program", all_programs.DIFFERENTIABLE, ids=lambda p: p.name)
def test_gradient(program: Program) -> None:
    """The gradient along a direction is the central difference; the arguments stay as they were."""
    loss = scalar_loss(program, np.random.default_rng(5))
    args = program.arguments(0)
    assert_slopes(program, loss, jit(grad(loss, argnums=program.argnums))(*args))
    for left, fresh in zip(trees.leaves_of(args), trees.leaves_of(program.arguments(0))):
        np.testing.assert_array_equal(left, fresh)


@pytest.mark.parametrize("steps", [0, 1, 2, 5])
def test_the_swapped_result_is_the_argument(steps: int) -> None:
    a, b = np.random.default_rng(0).random((2, 9))
    assert jit(small_programs.swapped_names)(a, b, steps) is (b if steps % 2 else a)


def test_python_ints_do_not_wrap() -> None:
    """Where Python's own int grows past 64 bits, the compiled program says so."""
    x = np.zeros(2, np.float32)
    compiled = jit(small_programs.weak_and_wide)
    assert compiled(x, 90) == small_programs.weak_and_wide(x, 90)
    with pytest.raises(OverflowError):
        compiled(x, 200)


def test_thousands_of_lengths_three_compilations() -> None:
    compiled = jit(small_programs.length_dependent)
    x = np.random.default_rng(0).standard_normal(3000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for n in range(2, 3000):
            np.testing.assert_array_equal(compiled(x[:n]), small_programs.length_dependent(x[:n]))
    assert len(compiled.signatures) <= 3
