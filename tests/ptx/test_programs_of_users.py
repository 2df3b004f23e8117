"""NumPy programs, traced and optimised as under `jit`: on the GPU what the Program means."""

from __future__ import annotations

from typing import Any

import numpy as np
import optree
import pytest

from tests.programs import all_programs
from tests.programs.program import Program
from tests.ptx.run_program import Simulator, run_program
from tracejit import jit
from tracejit.codegen_ptx.lower import ptx_module
from tracejit.ir.interpret.program_interpreter import interpret_program

NAMES = ["heat_2d", "fdtd_2d", "lu", "cholesky", "sieve", "attention", "layer_norm", "escape_time"]
CHOSEN = [p for p in all_programs.ALL if p.name in NAMES]


@pytest.mark.parametrize("program", CHOSEN, ids=lambda p: p.name)
def test_same_as_the_program_interpreter(program: Program) -> None:
    compiled = jit(program.fn)
    compiled(*program.arguments(0))
    lowered = compiled._dispatcher.versions()[0].artefacts.program
    ptx = ptx_module(lowered)
    assert ptx.text == compiled.inspect_ptx(*program.arguments(0))
    given = [arguments(lowered, program) for _ in range(2)]
    with np.errstate(all="ignore"):
        want = interpret_program(lowered, given[0])
    got = run_program(ptx, given[1], Simulator(ptx.text))
    for g, w in zip([*got, *given[1]], [*want, *given[0]], strict=True):
        np.testing.assert_allclose(g, w, rtol=1e-5, atol=1e-5)


def arguments(lowered: Any, program: Program) -> list[Any]:
    """Fresh leaves of the arguments, those left out that the Program has as constants."""
    leaves = optree.tree_leaves(program.arguments(0))
    count = 1 + max((s.index for s in lowered.slots if s.kind != "out"), default=-1)
    if len(leaves) > count:
        leaves = [v for v in leaves if isinstance(v, np.ndarray)]
    return [v.copy() if isinstance(v, np.ndarray) else v for v in leaves]


def test_the_chosen_programs_exist() -> None:
    assert len(CHOSEN) == len(NAMES)
