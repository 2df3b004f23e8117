"""The programs themselves: in plain NumPy they run, repeat, and are smooth where differentiated."""

from __future__ import annotations

import numpy as np
import pytest

from tests.programs import all_programs
from tests.programs.program import (
    Program,
    assert_same,
    directional,
    random_direction,
    run,
    scalar_loss,
)
from tracejit import trees


@pytest.mark.parametrize("program", all_programs.ALL, ids=lambda p: p.name)
def test_runs_and_repeats(program: Program) -> None:
    first = run(program.fn, program.arguments(0))
    assert (first.raised is not None) == program.raises, first.raised
    assert_same(run(program.fn, program.arguments(0)), first, program)
    if program.argnums:
        leaves = [np.asarray(x) for x in trees.leaves_of(first.results)]
        assert all(np.isfinite(x).all() for x in leaves if x.dtype.kind == "f")


@pytest.mark.parametrize("program", all_programs.DIFFERENTIABLE, ids=lambda p: p.name)
def test_differences_agree_at_two_steps(program: Program) -> None:
    loss = scalar_loss(program, np.random.default_rng(5))
    for argnum in program.argnums:
        direction = random_direction(program, 0, argnum)
        with np.errstate(all="ignore"):
            coarse = directional(loss, program, 0, argnum, direction, 3e-5)
            fine = directional(loss, program, 0, argnum, direction, 1e-5)
        assert coarse == pytest.approx(fine, rel=program.grad_rtol, abs=1e-6 * (1 + abs(fine)))


def test_names_are_unique() -> None:
    names = [program.name for program in all_programs.ALL]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("kind", all_programs.KINDS)
def test_every_kind_has_programs(kind: str) -> None:
    names = all_programs.KINDS[kind].split()
    assert names
    assert set(names) <= {program.name for program in all_programs.ALL}
