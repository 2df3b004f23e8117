"""How often programs launch, wait, and run on one thread: counts that may only shrink."""

from __future__ import annotations

import pytest

pytest.importorskip("cupy")

from tests.programs import all_programs
from tests.ptx.counts import counted

#: Launches, waits, kernels of one thread.
COUNTS = {
    "nussinov": (2, 1, 1),
    "escape_time": (2, 1, 1),
    "cholesky": (107, 0, 1),
    "householder": (32, 0, 0),
    "insertion_sort": (1, 1, 1),
    "crc16": (1, 1, 1),
    "histogram": (2, 1, 1),
    "thomas": (2, 0, 1),
    "haar": (15, 0, 0),
    "convex_hull": (11, 5, 4),
    "lorenz": (3, 0, 1),
    "jacobi_rotations": (3, 0, 1),
    "laplace_determinant": (4, 1, 2),
    "n_body_loops": (2, 0, 1),
    "mandelbrot_shrinking": (488, 122, 33),
}


@pytest.mark.parametrize("name", COUNTS)
def test_counts(name: str) -> None:
    (program,) = [p for p in all_programs.ALL if p.name == name]
    found = counted(program)
    row = (found.calls["cuLaunchKernel"], found.waits, found.one_thread)
    assert row == COUNTS[name], "fewer is better: lower the numbers"
