"""What a block of threads does at one point of a nest: see `lower/stages.py`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tracejit.codegen_ptx.device_text import DeviceText, Reduction
from tracejit.codegen_ptx.emit import I32, Values
from tracejit.codegen_ptx.running import RunningTotal
from tracejit.ir.core import Instr
from tracejit.ir.traits import Trait
from tracejit.llvm_text.emit import Reg
from tracejit.lower.parallel import Kernel, Phase, short


def by_first(f: DeviceText, body: Callable[[], None]) -> None:
    """The first thread of a block does something; the others wait for it."""
    e = f.e
    e.when(e.icmp("eq", e.thread(), e.const(0, I32)), body)


def together(
    f: DeviceText,
    kernel: Kernel,
    phase: Phase,
    reduced: Callable[[Instr], Sequence[Any]] | None = None,
) -> None:
    """A block runs scalar code alike in all threads, shares reductions and loops, stores once.

    `reduced`: the results of a reduction; otherwise the block takes it here.
    """
    stages = phase.stages
    assert stages is not None
    for instr in phase.leaf:
        if instr in stages.meetings:
            f.e.barrier()
        if instr.has(Trait.STORES):
            by_first(f, lambda instr=instr: f.instr(instr))  # type: ignore[misc]
        elif instr in stages.running:
            f.bind(instr.results, RunningTotal(f, instr).by_block())
        elif instr in stages.spread:
            _by_block(f, instr)
        elif kernel.cooperative(instr) and not short(kernel, instr):
            take = reduced or (lambda instr: Reduction(f, instr).by_block())
            f.bind(instr.results, take(instr))
        else:
            f.instr(instr)


def _by_block(f: DeviceText, loop: Instr) -> None:
    """The iterations of a loop, shared out among the threads of a block."""
    (body,) = loop.regions
    trip, *consts = [f.scalar(v) for v in loop.operands]

    def step(i: Reg, _: Values) -> list[Reg]:
        f.run(body, [i, *consts])
        return []

    f.e.block_stride(trip, [], step)
