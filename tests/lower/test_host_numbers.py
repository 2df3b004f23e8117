"""Kernels of numbers alone are the host's: the Program interpreter gives what it gave before."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.lower.test_outline import outcome
from tracejit import jit
from tracejit.ir.core import Instr
from tracejit.ir.program import kernels, verify_program
from tracejit.lower.expand_masked import plain
from tracejit.lower.host_numbers import host_numbers


def shrinking(x: Any, rounds: int) -> Any:
    """The side that leaves the loop makes arrays, of sizes that a kernel of one constant gives."""
    for i in range(rounds):
        if not len(x):
            break
        x = x[x > i]
    return x


def _touches_memory(launch: Instr) -> bool:
    return any(i.regions or i.name in ("load", "store") for i in launch.regions[0].instrs)


def test_same_as_before() -> None:
    for rounds in (2, 9):
        args = np.arange(6.0), rounds
        made = jit(shrinking)._dispatcher.version_for(*args).artefacts
        program = plain(made.program)
        found = host_numbers(program)
        verify_program(found)
        assert outcome(made.traced, found, args) == outcome(made.traced, program, args)
        assert all(map(_touches_memory, kernels(found.host)))
        assert not all(map(_touches_memory, kernels(program.host)))
