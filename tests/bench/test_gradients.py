"""The table of gradients, and what it says of memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tracejit import check_grads, checkpoint, grad, jit, trees
from tracejit.bench import gradients
from tracejit.bench.gradients import GradientRow

ROWS = Path(__file__).resolve().parents[2] / "benchmarks"


def steps(x: Any, count: int) -> Any:
    x = x.copy()
    for i in range(count):
        x[:] = np.sin(x) * 0.5 + x[i % 3]
    return np.sum(x * x)


def test_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    row = GradientRow("steps", steps, lambda rng: (rng.random(64), 10))
    found = gradients.cost(row, rounds=2)
    assert found.ratio > 0
    assert found.gradient_bytes > found.value_bytes >= 64 * 8
    assert gradients.show([row], rounds=1) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("| steps |")
    assert gradients.show([]) == 1


@pytest.mark.parametrize("row", gradients.load(ROWS), ids=lambda r: r.name)
def test_rows_are_programs(row: GradientRow) -> None:
    args = row.setup(np.random.default_rng(0))
    found, wanted = (trees.flatten(f(*args)) for f in (jit(row.function), row.function))
    assert found[1] == wanted[1]
    for mine, theirs in zip(found[0], wanted[0], strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-9)


@pytest.mark.parametrize(
    ("name", "bound"),
    [
        ("Cholesky by scalars, 128", 32 * 128**2),
        ("Cholesky by rows, 128", 33 * 128**2),
        ("LU, 128", 32 * 128**2),
        ("QR by rows, 96 x 64", 10 * 96 * 64 * 64 // 2),
        ("Gauss-Seidel, 512, 5 sweeps", 24 * 5 * 512),
        ("Jacobi, 256, 20 sweeps", 24 * 256**2),
        ("heat, 256 x 256, 20 steps", 9 * 256**2 * 20),
        ("hidden Markov, 16 states, 200 steps", 5 * 8 * 16 * 200),
        ("k-means, 2000 points of 8, 10 centres", 12 * 2000),
    ],
)
def test_what_reverse_mode_keeps_of_a_step(name: str, bound: int) -> None:
    """Bytes at the peak: a few numbers for each that the program makes."""
    (row,) = [row for row in gradients.load(ROWS) if row.name == name]
    gradient = jit(grad(row.function, argnums=row.argnums))
    assert gradient.peak_bytes(*row.setup(np.random.default_rng(0))) <= bound


def logistic(x: Any) -> Any:
    for _ in range(50):
        x = 3.7 * x * (1.0 - x)
    return np.sum(x)


def burgers(x: Any) -> Any:
    for _ in range(50):
        x[1:-1] = x[1:-1] - 0.1 * x[1:-1] * (x[2:] - x[:-2])
    return np.sum(x)


def pendulum(x: Any) -> Any:
    v = np.zeros_like(x)
    for _ in range(50):
        v = v - 0.1 * np.sin(x)
        x = x + 0.1 * v
    return np.sum(x)


@pytest.mark.parametrize("steps", [logistic, burgers, pendulum])
def test_whole_array_steps_keep_their_residuals_alone(steps: Any) -> None:
    """One number of each element and step: that at which the step's derivative is taken."""
    x = np.linspace(0.1, 0.9, 4000)
    assert jit(grad(steps)).peak_bytes(x) <= 1.1 * 50 * x.nbytes


def test_a_first_call_in_a_process_of_its_own() -> None:
    file = ROWS / "gradients.py"
    (row,) = [row for row in gradients.load(file) if row.name.startswith("Jacobi")]
    assert gradients.first_call(file, row.name, "gradient") > 0.0


def test_a_gradient_through_while_and_an_inner_gradient() -> None:
    """The row that has no peer to be compared with."""
    (row,) = [row for row in gradients.load(ROWS) if row.name.startswith("eval particle")]
    check_grads(row.function, (0.5,), order=1)


def test_peak_bytes() -> None:
    @jit
    def f(x: Any) -> Any:
        y = np.cumsum(x)
        z = np.cumsum(y[::-1])
        x[0] = 1.0
        return z[0] + y[1]

    x = np.zeros(100_000)
    assert f.stats().peak_bytes == 0
    found = f.peak_bytes(x)
    assert 800_000 <= found <= 2 * 1_700_000
    assert x[0] == 0.0
    assert f.stats().peak_bytes == found
    assert jit(lambda x: x + 1)(1) == 2
    assert jit(lambda x: x + 1).peak_bytes(1) == 0


def test_checkpoint_keeps_the_root_of_what_a_long_loop_keeps() -> None:
    def inner(x: Any, k: Any) -> Any:
        for _ in range(k):
            x = np.sin(x) * 1.1
        return x

    def outer(x: Any, k: Any, again: Any) -> Any:
        for _ in range(k):
            x = again(x, k)
        return np.sum(x)

    x, kept = np.ones(1000), {}
    for again in (inner, checkpoint(inner)):
        f = jit(grad(lambda x, k, again=again: outer(x, k, again)))
        kept[again] = [f.peak_bytes(x, k) for k in (16, 32)]
    plain, few = kept.values()
    assert plain[1] >= 32 * 32 * 8000
    assert few[1] <= 4 * 32 * 8000
    assert few[1] <= 2.2 * few[0]
