"""What the whole programs do on a GPU: launches, waits, and kernels of one thread.

    python -m tests.ptx.counts [NAME ...]

prints a line for each program of `tests/programs` (or those named), and the sums; below each, why
it waits, and why a kernel is of one thread. Counts do not depend on the machine.
"""

from __future__ import annotations

import ctypes
import sys
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from tests.programs import all_programs
from tests.programs.program import Program, run
from tests.ptx.device_calls import run_on
from tests.ptx.fake_device import Counts, fake_device
from tracejit import jit, trees
from tracejit.device.host_function import HostFunction
from tracejit.ir.core import Instr
from tracejit.lower.waits import waits

#: cupy has no read-only arrays.
LEFT_OUT = {"read_only"}


def counted(program: Program, **options: Any) -> tuple[Counts, Any]:
    """What one call of a program does on the device, and the function."""
    want = run(program.fn, program.arguments(0))
    arrays = any(isinstance(x, np.ndarray) for x in trees.leaves_of(program.arguments(0)))
    with fake_device() as gpu:
        fn = jit(program.fn, target=None if arrays else "cuda", **options)
        found = run_on(gpu, fn, program.arguments(0), want)
        if type(found.raised) is not type(want.raised):
            raise AssertionError(f"{program.name} did not run as with NumPy") from found.raised
        return gpu.counts, fn


def explained(program: Program) -> tuple[Counts, Counter[str], Counter[str]]:
    """The same with the reasons of waits and of kernels of one thread, and how often each was."""
    sites: list[tuple[str, ctypes.c_int64]] = []
    wait = HostFunction.wait

    def counting(self: HostFunction, what: str, instr: Instr) -> None:
        """Adds one in memory of ours before it waits."""
        whys = {id(i): why for i, why in waits(self.ptx.program.host)}
        sites.append((whys.get(id(instr), f"{instr.name}: {what}"), ctypes.c_int64()))
        at = f"ptr inttoptr (i64 {ctypes.addressof(sites[-1][1])} to ptr)"
        old, new = self.e.fresh(), self.e.fresh()
        self.e.line(f"{old} = load i64, {at}")
        self.e.line(f"{new} = add i64 {old}, 1")
        self.e.line(f"store i64 {new}, {at}")
        wait(self, what, instr)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(HostFunction, "wait", counting)
        counts, fn = counted(program, cache=False)
    waited: Counter[str] = Counter()
    for why, times in sites:
        waited[why] += times.value
    versions = [v.artefacts.spec.code.ptx for v in fn._dispatcher.versions()]
    reasons = {k.name: k.reason for ptx in versions for k in ptx.kernels}
    alone: Counter[str] = Counter()
    for name, times in counts.alone.items():
        alone[reasons[name]] += times
    return counts, +waited, alone


def main(names: Sequence[str]) -> None:
    total = np.zeros(3, np.int64)
    waited: Counter[str] = Counter()
    alone: Counter[str] = Counter()
    for program in all_programs.ALL:
        if (names and program.name not in names) or program.name in LEFT_OUT:
            continue
        found, why_wait, why_alone = explained(program)
        row = (found.calls["cuLaunchKernel"], found.waits, found.one_thread)
        total += row
        waited += why_wait
        alone += why_alone
        print(f"{program.name:28s} {row[0]:6d} launches {row[1]:6d} waits {row[2]:6d} one thread")
        for what, whys in (("waits", why_wait), ("one thread", why_alone)):
            for why, times in whys.most_common():
                print(f"    {times:6d} {what}: {why}", flush=True)
    print(f"{'all':28s} {total[0]:6d} launches {total[1]:6d} waits {total[2]:6d} one thread")
    for what, whys in (("waits", waited), ("one thread", alone)):
        for why, times in whys.most_common():
            print(f"    {times:6d} {what}: {why}")


if __name__ == "__main__":
    main(sys.argv[1:])
