"""Whole functions and their derivatives: oracle = Program interpreter = native code, at 0 and 3."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from tests.autodiff.programs import PROGRAMS
from tests.autodiff.test_random_programs import SIZE, program
from tests.passes.derived import derivative
from tracejit.codegen_llvm.compile import compile_program
from tracejit.ir.core import Function
from tracejit.ir.interpret.interpreter import interpret
from tracejit.ir.interpret.program_interpreter import interpret_program
from tracejit.ir.program import verify_program
from tracejit.lower.lower import lower


def typed(function: Function, args: Sequence[Any]) -> list[Any]:
    """Arguments as the compiled code takes them, arrays copied."""
    return [
        np.array(a, dtype=p.dtype) if p.rank else np.asarray(a).astype(p.dtype)[()]
        for a, p in zip(args, function.params, strict=True)
    ]


def outcome(run: Callable[[], Sequence[Any]]) -> tuple[str, Any]:
    try:
        with np.errstate(all="ignore"):
            return "returned", [np.asarray(r) for r in run()]
    except (ArithmeticError, LookupError, ValueError, TypeError) as error:
        return type(error).__name__, str(error)


def assert_same(got: tuple[str, Any], want: tuple[str, Any]) -> None:
    assert got[0] == want[0]
    if want[0] != "returned":
        assert got[1] == want[1]
        return
    assert len(got[1]) == len(want[1])
    for g, w in zip(got[1], want[1], strict=True):
        assert (g.dtype, g.shape) == (w.dtype, w.shape)
        # Elementary functions differ from NumPy's in the last places.
        np.testing.assert_allclose(g, w, rtol=1e-10, atol=1e-11)


def check(function: Function, args: Sequence[Any]) -> None:
    written: dict[int, Any] = {}
    want = outcome(
        lambda: interpret(function, args, write_back=lambda k, v: written.update({k: v.copy()}))
    )
    lowered = lower(function)
    verify_program(lowered)
    runs = [lambda a: interpret_program(lowered, a)]
    runs += [compile_program(lowered, level).call for level in (0, 3)]  # type: ignore[misc]
    for run in runs:
        mine = typed(function, args)
        assert_same(outcome(lambda: run(mine) if run is runs[0] else run(*mine)), want)
        for k, value in written.items():
            np.testing.assert_allclose(mine[k], value, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("name", PROGRAMS)
def test_program_and_its_derivative(name: str) -> None:
    function, args, wrt = PROGRAMS[name]()
    check(function, args)
    check(*derivative(function, args, wrt))


@pytest.mark.parametrize("seed", range(20))
def test_random_program_and_its_derivative(seed: int) -> None:
    rng = np.random.default_rng(seed)
    args = [SIZE, *rng.uniform(0.3, 1.2, 3), *rng.uniform(0.3, 1.2, (2, SIZE))]
    function = program(seed)
    check(function, args)
    check(*derivative(function, args, list(range(1, 6))))
