"""Program -> Program: neighbouring kernels over the same outer loop become one.

Rows are then computed while they are in cache: softmax, layer norm and variance are one pass over
memory. Two loops merge when every element that one writes and the other touches has, along one
axis, the same index in both, which moves with the loop: no iteration needs another's.
"""

from __future__ import annotations

from collections.abc import Container
from functools import partial

from tracejit.ir.core import Function, Instr, Value, uses
from tracejit.ir.program import Program
from tracejit.ir.region_ops import is_counted
from tracejit.ir.traits import Trait
from tracejit.lower.fusion import KERNEL_LIMIT
from tracejit.lower.host_bodies import Inside, Memory, aliases_of, rewrite_bodies
from tracejit.lower.loop_fusion import FusedBody, Growth


def merge(program: Program, *, gpu: bool = False) -> Program:
    """Merge neighbouring kernels everywhere in the host function; ``gpu``: of a GPU."""
    return rewrite_bodies(program, partial(_merged, gpu=gpu))


# -- hosts -------------------------------------------------------------------------------------


def _merged(function: Function, memory: Memory, inside: Inside, *, gpu: bool) -> list[Instr]:
    """The statements of a body, kernels merged."""
    new: list[Instr] = []
    pending: _Launches | None = None
    late: list[Instr] = []
    for instr in function.instrs:
        if instr.has(Trait.LAUNCHES):
            if pending is not None and pending.join(instr):
                continue
            new += [pending.build(), *late] if pending is not None else []
            pending, late = _Launches(instr, memory, gpu=gpu), []
            continue
        if pending is not None and _may_pass(instr, pending.made):
            (late if instr.has(Trait.FREES) else new).append(instr)
            continue
        new += [pending.build(), *late] if pending is not None else []
        pending, late = None, []
        new.append(inside(instr))
    return new + ([pending.build(), *late] if pending is not None else [])


def _may_pass(instr: Instr, made: Container[Value]) -> bool:
    """Whether an instruction can move before a launch that made these values (a ``free``: wait
    until after the next)."""
    if instr.has(Trait.FREES):
        return True
    still = instr.prim.effect == "none" and not instr.regions
    return (still or instr.has(Trait.ALLOCATES)) and not any(v in made for v in uses(instr))


# -- kernels -----------------------------------------------------------------------------------


class _Launches:
    """Launches that become one: the first, and those after it that joined."""

    def __init__(self, first: Instr, roots: Memory, *, gpu: bool) -> None:
        self.first = first
        self.roots = roots
        self.made = dict.fromkeys(first.results)
        self.count = 1
        self.size = _size(first.regions[0])
        self.growth = Growth(gpu=gpu)
        self.kernel: FusedBody | None = None
        self.outs: list[Value] = []

    def join(self, launch: Instr) -> bool:
        """Add a launch, when at least one pair of loops then becomes one."""
        kernel = launch.regions[0]
        if self.made and any(v in self.made for v in uses(launch)):
            return False
        size = self.size + _size(kernel)
        if size > KERNEL_LIMIT or not (_loops(self.first.regions[0]) and _loops(kernel)):
            return False
        body = self._started()
        new = body.take(launch.operands, self.roots)
        args = [body.outer[v] for v in launch.operands]
        # The loops of a first kernel join each other, too; later all of those are done.
        alone = self.count == 1 and len(body.loops) < _loops(self.first.regions[0])
        if not alone and not body.would_join(kernel, args):
            body.forget(new)
            return False
        before = 0 if self.count == 1 else self.growth.joins
        self.outs += body.add(kernel, args)
        self.made |= dict.fromkeys(launch.results)
        self.count += 1
        self.size = size - (self.growth.joins - before)
        return True

    def _started(self) -> FusedBody:
        if self.kernel is None:
            self.kernel = FusedBody("kernel", self.growth)
            self.kernel.take(self.first.operands, self.roots)
            args = [self.kernel.outer[v] for v in self.first.operands]
            self.outs += self.kernel.add(self.first.regions[0], args)
        return self.kernel

    def build(self) -> Instr:
        """The launch of all of them."""
        if self.kernel is None or self.count == 1:
            return self.first
        kernel = self.kernel.build([], self.outs)
        operands = tuple(self.kernel.outer)
        aliases = aliases_of(operands, self.roots)
        return Instr(
            self.first.prim, operands, aliases, (kernel,), tuple(self.made), self.first.loc
        )


def _size(function: Function) -> int:
    """Scalar operations in a kernel's text, as the fusion of expressions counts them."""
    return sum(instr.prim.cost + sum(map(_size, instr.regions)) for instr in function.instrs)


def _loops(function: Function) -> int:
    return sum(map(is_counted, function.instrs))
