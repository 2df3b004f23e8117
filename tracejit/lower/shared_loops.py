"""Program -> Program for the threads of this machine: loops that the user wrote become kernels.

On the host a loop over single elements is native code, but one thread runs it. As a kernel it is
shared out like those of array expressions, where `schedule.py` proves that no iteration touches
what another one writes. A loop qualifies when all that it does is scalar arithmetic, kernels,
elements that are read, and counted loops and branches of those. What may fail stays on the host: of
iterations that run at once, none is the first to fail. So does `while`, which Ctrl-C must be able
to end.

Of nested loops the outermost that threads may share becomes a kernel; the others stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import tracejit.ir.ops  # noqa: F401  (enters the op table)
from tracejit.ir.core import TABLE, Instr, Value
from tracejit.ir.program import Program
from tracejit.ir.region_ops import RegionOp, is_counted
from tracejit.ir.traits import Trait
from tracejit.ir.types import BufferType, TensorType
from tracejit.lower.outline import rewritten
from tracejit.lower.outlined import Outlined
from tracejit.lower.schedule import Shared, schedule

#: Statements of the host that a kernel can do, besides scalar arithmetic.
_ALLOWED = {TABLE[k] for k in ("launch", "fetch", "view", "const_buffer", "for", "cond")}


def share_loops(program: Program) -> Program:
    """The Program with such loops as kernels."""
    return rewritten(program, _statement)


def _statement(
    instr: Instr, roots: Mapping[Value, Value], inside: Callable[[], Instr]
) -> list[Instr]:
    if is_counted(instr) and _is_allowed(instr):
        statements = Outlined(instr, roots).statements()
        if any(_is_shared(i) for i in statements):
            return statements
    return [inside()]


def _is_allowed(instr: Instr) -> bool:
    if instr.prim not in _ALLOWED:
        scalars = all(isinstance(r.type, TensorType) for r in instr.results)
        return instr.prim.effect == "none" and not instr.regions and scalars
    if instr.has(Trait.LAUNCHES):
        return True
    moved = (*RegionOp(instr).inits, *instr.results) if instr.regions else ()
    if any(isinstance(v.type, BufferType) for v in moved):
        return False
    return all(_is_allowed(i) for r in instr.regions for i in r.instrs)


def _is_shared(instr: Instr) -> bool:
    return instr.has(Trait.LAUNCHES) and any(
        isinstance(how, Shared) for how in schedule(instr).values()
    )
