"""The bodies of a Program's host, one by one, and which memory their buffers are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from operator import is_
from typing import TypeAlias

from tracejit.ir.core import Function, Instr, Value
from tracejit.ir.program import Program
from tracejit.ir.region_ops import RegionOp
from tracejit.ir.traits import Trait
from tracejit.ir.types import BufferType

#: The memory that each buffer of a body is a view of; of what is not there: its own.
Memory: TypeAlias = Mapping[Value, Value]
#: A statement, with the bodies in it rewritten.
Inside: TypeAlias = Callable[[Instr], Instr]
#: The statements that stand for those of a body.
Rewrite: TypeAlias = Callable[[Function, Memory, Inside], Iterable[Instr]]


def rewrite_bodies(program: Program, rewrite: Rewrite) -> Program:
    """The Program with every body of its host rewritten; kernels are not bodies."""

    def body(function: Function, memory: dict[Value, Value]) -> Function:
        for instr in function.instrs:
            if instr.has(Trait.VIEWS):
                memory[instr.result] = memory.get(instr.operands[0], instr.operands[0])
        new = tuple(rewrite(function, memory, lambda instr: inside(instr, memory)))
        if len(new) == len(function.instrs) and all(map(is_, new, function.instrs)):
            return function
        return Function(function.name, function.params, new, function.results)

    def inside(instr: Instr, memory: Memory) -> Instr:
        if instr.has(Trait.LAUNCHES):
            return instr
        regions = tuple(body(r, _passed(instr, r, memory)) for r in instr.regions)
        return instr if all(map(is_, regions, instr.regions)) else replace(instr, regions=regions)

    return replace(program, host=body(program.host, {}))


def _passed(instr: Instr, region: Function, memory: Memory) -> dict[Value, Value]:
    """The memory of a region's parameters: of those that share one, it is the first."""
    inner: dict[Value, Value] = {}
    owner: dict[Value, Value] = {}
    for param, operand in RegionOp(instr).bound(region):
        if isinstance(param.type, BufferType):
            inner[param] = owner.setdefault(memory.get(operand, operand), param)
    return inner


def aliases_of(operands: Sequence[Value], memory: Memory) -> Mapping[str, object]:
    """The attribute of a launch that says which of its operands may overlap."""
    groups: dict[Value, list[int]] = {}
    for k, v in enumerate(operands):
        if isinstance(v.type, BufferType):
            groups.setdefault(memory.get(v, v), []).append(k)
    found = tuple(tuple(g) for g in groups.values() if len(g) > 1)
    return {"aliases": found} if found else {}
