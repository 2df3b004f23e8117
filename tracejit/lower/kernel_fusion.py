"""Program -> Program: neighbouring kernels over the same outer loop become one.

Rows are then computed while they are in cache: softmax, layer norm and variance are one pass over
memory. Two loops merge when every element that one writes and the other touches has, along one
axis, the same index in both, which moves with the loop: no iteration needs another's.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import replace

from tracejit.ir.core import Function, Instr, Value, uses
from tracejit.ir.program import Program
from tracejit.ir.region_ops import RegionOp, is_counted
from tracejit.ir.traits import Trait
from tracejit.ir.types import BufferType
from tracejit.lower.fusion import KERNEL_LIMIT
from tracejit.lower.loop_fusion import FusedBody, Growth


def merge(program: Program) -> Program:
    """Merge neighbouring kernels everywhere in the host function."""
    roots = {p: p for p in program.host.params}
    return replace(program, host=_merge_body(program.host, roots))


# -- hosts -------------------------------------------------------------------------------------


def _merge_body(function: Function, roots: dict[Value, Value]) -> Function:
    """Merge in one host body; ``roots``: the memory that each buffer is a view of."""
    new: list[Instr] = []
    pending: _Launches | None = None
    late: list[Instr] = []
    for instr in function.instrs:
        if instr.has(Trait.VIEWS):
            roots[instr.result] = roots.get(instr.operands[0], instr.operands[0])
        if instr.has(Trait.LAUNCHES):
            if pending is not None and pending.join(instr):
                continue
            new += [pending.build(), *late] if pending is not None else []
            pending, late = _Launches(instr, roots), []
            continue
        if pending is not None and _may_pass(instr, pending.made):
            (late if instr.has(Trait.FREES) else new).append(instr)
            continue
        new += [pending.build(), *late] if pending is not None else []
        pending, late = None, []
        new.append(_nested(instr, roots))
    new += [pending.build(), *late] if pending is not None else []
    return _with_instrs(function, new)


def _may_pass(instr: Instr, made: Container[Value]) -> bool:
    """Whether an instruction can move before a launch that made these values (a ``free``: wait
    until after the next)."""
    if instr.has(Trait.FREES):
        return True
    still = instr.prim.effect == "none" and not instr.regions
    return (still or instr.has(Trait.ALLOCATES)) and not any(v in made for v in uses(instr))


def _nested(instr: Instr, roots: Mapping[Value, Value]) -> Instr:
    if not instr.regions or instr.has(Trait.LAUNCHES):
        return instr
    regions = tuple(_merge_region(instr, region, roots) for region in instr.regions)
    return replace(instr, regions=regions)


def _merge_region(instr: Instr, region: Function, roots: Mapping[Value, Value]) -> Function:
    inner: dict[Value, Value] = {}
    owner: dict[Value, Value] = {}
    for param, operand in RegionOp(instr).bound(region):
        if isinstance(param.type, BufferType):
            root = roots.get(operand, operand)
            inner[param] = owner.setdefault(root, param)
    return _merge_body(region, inner)


def _with_instrs(function: Function, instrs: Sequence[Instr]) -> Function:
    if len(instrs) == len(function.instrs) and all(
        map(lambda a, b: a is b, instrs, function.instrs)
    ):
        return function
    return Function(function.name, function.params, tuple(instrs), function.results)


# -- kernels -----------------------------------------------------------------------------------


class _Launches:
    """Launches that become one: the first, and those after it that joined."""

    def __init__(self, first: Instr, roots: Mapping[Value, Value]) -> None:
        self.first = first
        self.roots = roots
        self.made = dict.fromkeys(first.results)
        self.count = 1
        self.size = _size(first.regions[0])
        self.growth = Growth()
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


def aliases_of(operands: Sequence[Value], roots: Mapping[Value, Value]) -> Mapping[str, object]:
    groups: dict[Value, list[int]] = {}
    for k, v in enumerate(operands):
        if isinstance(v.type, BufferType):
            groups.setdefault(roots.get(v, v), []).append(k)
    found = tuple(tuple(g) for g in groups.values() if len(g) > 1)
    return {"aliases": found} if found else {}


def _size(function: Function) -> int:
    """Scalar operations in a kernel's text, as the fusion of expressions counts them."""
    return sum(instr.prim.cost + sum(map(_size, instr.regions)) for instr in function.instrs)


def _loops(function: Function) -> int:
    return sum(map(is_counted, function.instrs))
