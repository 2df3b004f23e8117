"""Program -> Program for a GPU: host loops over single elements become kernels.

On the CPU such a loop is native code already. With kernels elsewhere each statement of it would be
a launch, and each element that is read a wait. A loop qualifies when all that it does is scalar
arithmetic, kernels of few points, elements that are read, and checks.

Temporary arrays of known extents in such a loop are made before it, once.

What of its checks can be looked at before the loop is (`checked_ahead.py`); the others are in the
kernel (`outlined.py`).

Of nested loops the outermost that qualifies becomes the kernel, unless it would run in one thread
and the loops in it would not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import tracejit.ir.ops  # noqa: F401  (enters the op table)
from tracejit.dtypes import is_exact
from tracejit.ir.core import TABLE, Function, Instr
from tracejit.ir.program import Program
from tracejit.ir.region_ops import RegionOp
from tracejit.ir.roots import walk
from tracejit.ir.traits import Trait
from tracejit.ir.types import BufferType, TensorType
from tracejit.lower.checked_ahead import checked_ahead
from tracejit.lower.host_bodies import Inside, Memory, rewrite_bodies
from tracejit.lower.outlined import FETCH, LITERAL_ARRAY, Outlined, is_made_once, is_site, payload
from tracejit.lower.parallel import Kernel

#: Statements of the host that a kernel can do, besides scalar arithmetic.
_ALLOWED = {
    *(TABLE[name] for name in ("launch", "fetch", "view", "const_buffer", "alloc", "free")),
    *(TABLE[name] for name in ("check", "raise", "for", "while", "cond")),
}
#: Points of a kernel, known when compiling, that one thread does about as fast as it is launched.
SMALL = 16


def outline(program: Program) -> Program:
    """The Program with such loops as kernels."""
    return rewritten(program, _statement)


#: What stands for a statement of the host that has regions; the function: that statement with its
#: own statements rewritten.
Rewrite = Callable[[Instr, Memory, Callable[[], Instr]], Sequence[Instr]]


def rewritten(program: Program, rewrite: Rewrite) -> Program:
    """The Program with its statements that have regions, but launches, rewritten."""

    def body(function: Function, memory: Memory, inside: Inside) -> Iterator[Instr]:
        for instr in function.instrs:
            if instr.regions and not instr.has(Trait.LAUNCHES):
                yield from rewrite(instr, memory, partial(inside, instr))
            else:
                yield instr

    return rewrite_bodies(program, body)


def _statement(instr: Instr, roots: Memory, rewritten_inside: Callable[[], Instr]) -> list[Instr]:
    whole = Outlined(instr, roots).statements() if _qualifies(instr) else None
    if whole is not None and all(map(_spreads, _kernels(whole))):
        return whole
    ahead = checked_ahead(instr, roots) if whole is not None else None
    if ahead is not None and all(_spreads(i) for i in ahead if i.has(Trait.LAUNCHES)):
        return ahead
    inside = rewritten_inside()
    inner = [k for r in inside.regions for k in _kernels(r.instrs)]
    if whole is None or (inner and all(map(_spreads, inner))):
        return [inside]
    return whole


def _kernels(instrs: Sequence[Instr]) -> list[Instr]:
    return [i for i in walk(instrs) if i.has(Trait.LAUNCHES)]


def _spreads(launch: Instr) -> bool:
    """Whether the threads of a grid share a kernel, all of it."""
    kernel = Kernel(launch.regions[0], launch.attrs.get("aliases", ()))
    return all(phase.role != "serial" for phase in kernel.phases())


# -- which loops -----------------------------------------------------------------------------------


def _qualifies(instr: Instr) -> bool:
    if not instr.has(Trait.LOOP) or not _is_allowed(instr):
        return False
    return any(i.has(Trait.LAUNCHES) or i.prim is FETCH for i in walk([instr]))


def _is_allowed(instr: Instr) -> bool:
    if instr.prim not in _ALLOWED:
        return instr.prim.effect == "none" and not instr.regions and _is_scalar(instr)
    if instr.has(Trait.LAUNCHES):
        return _points(instr.regions[0]) <= SMALL
    if is_site(instr):
        return all(is_exact(v.dtype) for v in payload(instr))
    if any(isinstance(v.type, BufferType) for v in (*RegionOp(instr).inits, *instr.results)):
        return instr.has(Trait.VIEWS) or instr.has(Trait.ALLOCATES)
    return all(_keeps_memory(r) and all(map(_is_allowed, r.instrs)) for r in instr.regions)


def _keeps_memory(region: Function) -> bool:
    """Whether arrays that a region makes are of known extents, and freed there: one array made
    before the loop then does for all iterations."""
    made = {i.result for i in region.instrs if is_made_once(i) and i.prim is not LITERAL_ARRAY}
    freed = {v for i in region.instrs if i.has(Trait.FREES) for v in i.operands}
    known = all(isinstance(n, int) for v in made for n in v.shape)
    return known and made == freed


def _points(kernel: Function) -> float:
    """How often the innermost statements of a kernel run; infinity where only the run knows."""
    most = 1.0
    for instr in kernel.instrs:
        inner = max((_points(r) for r in instr.regions), default=1.0)
        if instr.has(Trait.LOOP) or instr.has(Trait.SUMS):
            trip = RegionOp(instr).known_trip
            inner *= math.inf if trip is None else max(trip, 0)
        most = max(most, inner)
    return most


def _is_scalar(instr: Instr) -> bool:
    return all(isinstance(r.type, TensorType) for r in instr.results)
