"""The demo's functions at a small size: what they compute under `jit`, and the gradient by hand."""

from __future__ import annotations

import numpy as np
import pytest

from demo import digits, fractal, photo
from tests.programs.program import Program, assert_same, run
from tracejit import jit, value_and_grad

PROGRAMS = (
    Program("smooth", photo.smooth, lambda r: (r.random((17, 23)), 4), exact=True),
    Program("smooth_bright", photo.smooth, lambda r: (1.5 * r.random((17, 23)), 4), exact=True),
    Program(
        "escape_time",
        fractal.escape_time,
        lambda r: (np.linspace(-2.0, 0.5 + 0.1 * r.random(), 9), np.linspace(-1.0, 1.0, 7), 50),
        exact=True,
    ),
)


def batch() -> tuple[digits.Params, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return digits.initial(rng), rng.random((20, 64)), rng.integers(0, 10, 20)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.name)
def test_same_as_numpy(program: Program) -> None:
    compiled = jit(program.fn)
    for seed in (0, 1):
        expected = run(program.fn, program.arguments(seed))
        assert_same(run(compiled, program.arguments(seed)), expected, program)


def test_the_gradient_by_hand_is_the_derivative_of_the_loss() -> None:
    value, grads = digits.gradient_by_hand(*batch())
    assert value == pytest.approx(digits.loss(*batch()), rel=1e-12)
    assert digits.worst_difference(*batch(), grads) < 1e-6


def test_the_compiled_gradient_is_the_one_by_hand() -> None:
    value, grads = jit(value_and_grad(digits.loss, argnums=0))(*batch())
    expected, by_hand = digits.gradient_by_hand(*batch())
    assert value == pytest.approx(expected, rel=1e-12)
    assert sorted(grads) == sorted(by_hand)
    for name in by_hand:
        np.testing.assert_allclose(grads[name], by_hand[name], rtol=1e-9, atol=1e-12)
