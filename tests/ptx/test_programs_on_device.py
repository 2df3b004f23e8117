"""Every whole program through `jit` on cupy arrays: values, mutation, aliases, exceptions, output.

A program without arrays among its arguments is sent there by `target="cuda"`.
"""

from __future__ import annotations

import gc
import os
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


#: Minutes in the PTX interpreter, where one thread selects elements; TRACEJIT_GPU_SLOW=1 runs them.
SLOW = {"mandelbrot_shrinking"}


@pytest.mark.parametrize("program", all_programs.ALL, ids=lambda p: p.name)
def test_program(program: Program) -> None:
    if program.name in READ_ONLY:
        pytest.skip("cupy has no read-only arrays")
    if program.name in SLOW and not os.environ.get("TRACEJIT_GPU_SLOW"):
        pytest.skip("slow")
    want = run(program.fn, program.arguments(0))
    arrays = any(isinstance(x, np.ndarray) for x in trees.leaves_of(program.arguments(0)))
    with fake_device() as gpu:
        fast = jit(program.fn, target=None if arrays else "cuda")
        got = run_on(gpu, fast, program.arguments(0), want)
        assert gpu.error is None
        assert_same(got, want, replace(program, exact=False), "on the device")  # sums: see docs
        del got, fast
        gc.collect()
        assert gpu.allocations == 0, "memory is left"
