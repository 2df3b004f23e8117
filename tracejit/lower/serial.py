"""Why one thread does a kernel, or a part of one, for people."""

from __future__ import annotations

from tracejit.ir.region_ops import RegionOp, is_counted
from tracejit.ir.traits import Trait
from tracejit.lower.parallel import SHORT, Kernel, Phase, short


def why_serial(kernel: Kernel, phase: Phase) -> str:
    """Why one thread does a `serial` phase, for people."""
    acting = [i for i in phase.instrs if i.regions]
    if not acting:
        return "it touches single elements"
    reduced = [i for i in acting if kernel.cooperative(i)]
    if reduced and all(short(kernel, i) for i in acting if i in reduced) and acting == reduced:
        return f"it reduces fewer than {SHORT} elements"
    first = next(i for i in acting if i not in reduced or len(acting) == len(reduced))
    if first.has(Trait.BRANCH):
        return "it is a branch"
    if first.has(Trait.LOOP) and not is_counted(first):
        return "only the run knows how often it goes round"
    if RegionOp(first).count and first not in reduced:
        return "each iteration needs what the one before has found"
    return "its iterations were not proved to touch distinct elements"
