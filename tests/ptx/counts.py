"""What the whole programs do on a GPU: launches, waits, and kernels of one thread.

    python -m tests.ptx.counts [NAME ...]

prints a line for each program of `tests/programs` (or those named), and the sums. Counts do not
depend on the machine.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np

from tests.programs import all_programs
from tests.programs.program import Program, run
from tests.ptx.device_calls import run_on
from tests.ptx.fake_device import Counts, fake_device
from tracejit import jit, trees


def counted(program: Program) -> Counts:
    """What one call of a program does on the device."""
    want = run(program.fn, program.arguments(0))
    arrays = any(isinstance(x, np.ndarray) for x in trees.leaves_of(program.arguments(0)))
    with fake_device() as gpu:
        fn = jit(program.fn, target=None if arrays else "cuda")
        found = run_on(gpu, fn, program.arguments(0), want)
        if type(found.raised) is not type(want.raised):
            raise AssertionError(f"{program.name} did not run as with NumPy") from found.raised
        return gpu.counts


def main(names: Sequence[str]) -> None:
    total = np.zeros(3, np.int64)
    for program in all_programs.ALL:
        if names and program.name not in names:
            continue
        found = counted(program)
        row = (found.calls["cuLaunchKernel"], found.waits, found.one_thread)
        total += row
        print(f"{program.name:28s} {row[0]:6d} launches {row[1]:6d} waits {row[2]:6d} one thread")
    print(f"{'all':28s} {total[0]:6d} launches {total[1]:6d} waits {total[2]:6d} one thread")


if __name__ == "__main__":
    main(sys.argv[1:])
