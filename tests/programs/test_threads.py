"""Whole programs on 1, 2, 3 and 7 threads: the same bits, however little work there is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.programs import all_programs
from tests.programs.program import Program, assert_same, run
from tracejit import jit, set_num_threads, trees

COUNTS = (1, 2, 3, 7)


def bits(outcome: Any) -> list[Any]:
    """What a run left behind, to the last bit."""
    found = trees.leaves_of((outcome.results, outcome.arguments))
    return [
        (x.dtype.str, x.shape, np.ascontiguousarray(x).tobytes())
        if isinstance(x, np.ndarray | np.generic) and x.dtype != object
        else repr(x)
        for x in found
    ]


@pytest.mark.parametrize("program", all_programs.ALL[::4], ids=lambda p: p.name)
def test_the_same_bits(program: Program) -> None:
    fast = jit(program.fn)
    found = []
    for count in COUNTS:
        set_num_threads(count)
        found.append(run(fast, program.arguments(0)))
        want = run(program.fn, program.arguments(0))
        assert_same(found[-1], want, program, f"{count} threads")
    for count, got in zip(COUNTS[1:], found[1:], strict=True):
        assert bits(got) == bits(found[0]), count
