"""Every whole program through `jit` on cupy arrays: values, mutation, aliases, exceptions, output,
and of some of them how often they launch, wait and run on one thread.

A program without arrays among its arguments is sent there by `target="cuda"`. Among all tests it is
half of the programs, and those that are counted; `make test-gpu` has all of them.
"""

from __future__ import annotations

import gc
import os
import zlib
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("cupy")

from tests.programs import all_programs
from tests.programs.program import Program, assert_same, run
from tests.ptx.device_calls import run_on
from tests.ptx.fake_device import fake_device
from tracejit import jit, trees

#: Programs in which NumPy refuses to write to a read-only array, which cupy does not have.
READ_ONLY = {"read_only"}

#: Launches, waits, kernels of one thread: they may only shrink.
COUNTS = {
    "nussinov": (2, 1, 1),
    "escape_time": (2, 1, 1),
    "cholesky": (72, 0, 1),
    "householder": (32, 0, 0),
    "insertion_sort": (1, 1, 1),
    "crc16": (1, 1, 1),
    "histogram": (2, 1, 1),
    "thomas": (2, 0, 1),
    "haar": (15, 0, 0),
    "convex_hull": (11, 5, 4),
    "lorenz": (3, 0, 1),
    "jacobi_rotations": (2, 0, 1),
    "laplace_determinant": (2, 1, 2),
    "n_body_loops": (2, 0, 1),
    "mandelbrot_shrinking": (488, 122, 3),
}
assert COUNTS.keys() <= {p.name for p in all_programs.ALL}


_ALL = bool(os.environ.get("TRACEJIT_ALL_ON_DEVICE"))
PROGRAMS = [
    p for p in all_programs.ALL if _ALL or p.name in COUNTS or zlib.crc32(p.name.encode()) % 2 == 0
]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.name)
def test_program(program: Program) -> None:
    if program.name in READ_ONLY:
        pytest.skip("cupy has no read-only arrays")
    want = run(program.fn, program.arguments(0))
    arrays = any(isinstance(x, np.ndarray) for x in trees.leaves_of(program.arguments(0)))
    with fake_device() as gpu:
        fast = jit(program.fn, target=None if arrays else "cuda")
        got = run_on(gpu, fast, program.arguments(0), want)
        assert gpu.error is None
        row = gpu.counts.calls["cuLaunchKernel"], gpu.counts.waits, gpu.counts.one_thread
        assert row == COUNTS.get(program.name, row), "fewer is better: lower the numbers"
        assert_same(got, want, replace(program, exact=False), "on the device")  # sums: see docs
        del got, fast
        gc.collect()
        assert gpu.allocations == 0, "memory is left"
