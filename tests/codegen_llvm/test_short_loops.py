"""Short loops of kernels are vector code, and have the bits of plain ones."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tracejit import jit


def scaled(x: Any, y: Any) -> Any:
    out = np.empty_like(x)
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            out[i, j] = x[i, j] * y[j] + 1.0
    return out


def lowest(x: Any, y: Any) -> Any:
    return np.min(x * y, axis=1)


def shifted(x: Any, y: Any) -> Any:
    out = np.zeros((x.shape[0], x.shape[1] + 1))
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            out[i, j + 1] = x[i, j] * y[j] + 1.0
    return out


def running(x: Any, y: Any) -> None:
    for i in range(x.shape[0]):
        for j in range(1, x.shape[1]):
            x[i, j] = x[i, j - 1] * y[j] + x[i, j]


def in_one_place(x: Any, y: Any) -> None:
    for i in range(x.shape[0]):
        for j in range(1, x.shape[1]):
            x[i, 0] = x[i, 0] * y[j] + x[i, j]


def waves(x: Any, y: Any) -> Any:
    return np.sin(x) * y


@pytest.mark.parametrize(
    ("program", "columns"), [(scaled, 19), (shifted, 19), (lowest, 16), (waves, 16)]
)
def test_which_are_vector_code(program: Callable[..., Any], columns: int) -> None:
    rng = np.random.default_rng(columns)
    whole = rng.standard_normal((30, columns + 1))
    x, y = whole[:, 1:], rng.standard_normal(columns)
    compiled = jit(shapes="static")(program)
    np.testing.assert_allclose(compiled(x, y), program(x, y), rtol=1e-14)
    core = compiled.inspect_llvm(x, y)
    assert re.search(r"fmul <\d+ x double>", core)


def test_hints_of_all_kinds_in_one_module() -> None:
    """Draws say which way a branch goes, rare ways and short loops how they are compiled."""

    def program(rng: Any, x: Any, y: Any) -> Any:
        return rng.standard_normal(3), np.sin(x) * rng.random(), scaled(x, y)

    x, y = np.linspace(-1, 1, 48).reshape(3, 16), np.arange(16.0)
    found = jit(program)(np.random.default_rng(3), x, y)
    want = program(np.random.default_rng(3), x, y)
    for a, b in zip(found, want, strict=True):
        np.testing.assert_array_almost_equal_nulp(a, b, 4)


@pytest.mark.parametrize("program", [running, in_one_place])
def test_what_iterations_hand_on_in_memory_is_written_out(program: Callable[..., Any]) -> None:
    x, y = np.linspace(-1, 1, 160).reshape(10, 16), np.linspace(0, 1, 16)
    compiled = jit(shapes="static")(program)
    found, want = x.copy(), x.copy()
    compiled(found, y)
    program(want, y)
    np.testing.assert_array_equal(found, want)
    (version,) = compiled._dispatcher.versions()
    assert "followup_all" not in version.artefacts.core_text
