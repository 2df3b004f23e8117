"""Loops whose checks need nothing that the loop changes: a GPU looks for the first failure before.

`for k in range(n): x[i[k]] += v[k]` stops where `i[k]` is out of bounds. With a state that says so
each iteration needs the one before. So the loop becomes three things. One kernel finds the first
iteration of which a check does not hold: a minimum, for all threads. The iterations before it run
without checks, so what they touch decides how they are spread. If there is a failure the host does
that iteration as before, up to what it raises. What is done before a failure is NumPy's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tracejit.ir.builder import Builder
from tracejit.ir.core import Function, Instr, Value, uses
from tracejit.ir.region_ops import RegionOp, is_counted
from tracejit.ir.regions import needed, with_extents
from tracejit.ir.roots import walk
from tracejit.ir.traits import Trait
from tracejit.ir.types import INDEX, BufferType
from tracejit.lower.host_bodies import Memory
from tracejit.lower.outlined import Outlined, may_fail
from tracejit.lower.parallel import Kernel


def checked_ahead(loop: Instr, memory: Memory) -> list[Instr] | None:
    """The statements that stand for a loop, where it is one of these."""
    if not is_counted(loop) or not may_fail(loop):
        return None
    if any(i.has(Trait.ENDS) or i.has(Trait.ALLOCATES) for i in walk([loop])):
        return None
    (body,) = loop.regions
    looked_at = needed(body.instrs, (), may_fail)
    if any(i.has(Trait.LOOP) and not is_counted(i) for i in walk(looked_at)):
        return None  # after the first failure one may never end
    if not set(RegionOp(loop).carried_in(body)).isdisjoint(v for i in looked_at for v in uses(i)):
        return None
    search, first = _search(loop, looked_at, memory)
    unchecked = replace(
        loop, operands=(first, *loop.operands[1:]), regions=(_without_checks(body),)
    )
    rest = Outlined(unchecked, memory).statements()
    if not _apart(search, rest, memory):
        return None
    return [*search, *rest, *_failing(loop, first, memory)]


def _search(loop: Instr, looked_at: Sequence[Instr], memory: Memory) -> tuple[list[Instr], Value]:
    """What finds the first iteration that fails, or how many there are."""
    (body,) = loop.regions
    op = RegionOp(loop)
    trip = loop.operands[0]
    used = {v for i in looked_at for v in uses(i)}
    consts = [(p, v) for p, v in op.constants(body) if p in used]
    host = Builder("host", loop.loc)
    operands = with_extents([trip, *(v for _, v in consts)])
    kernel = Builder("kernel", loop.loc)
    outside = kernel.params_like(operands)
    inner = Builder("body", loop.loc)
    i, least = inner.param(INDEX), inner.param(INDEX)
    inside = inner.params_like(operands)
    names = {body.params[0]: i, **{p: inside[v] for p, v in consts}}
    holds = Outlined(loop, memory).holds(inner, looked_at, names)
    found = inner.op("select", holds, inside[trip], i)
    region = inner.build([inner.op("minimum", least, found)])
    passed = [outside[v] for v in operands]
    made = kernel.append(
        loop.prim, [outside[trip], outside[trip], *passed], {"carried": 1}, (region,), loop.loc
    )
    (first,) = host.append("launch", operands, {}, (kernel.build(made.results),), loop.loc).results
    return host.instrs, first


def _apart(search: Sequence[Instr], rest: Sequence[Instr], memory: Memory) -> bool:
    """Whether what is looked at is nothing that the rest changes."""
    read = {memory.get(v, v) for i in search for v in i.operands if isinstance(v.type, BufferType)}
    return not any(Kernel(k.regions[0]).stored for k in _launches(search)) and all(
        memory.get(v, v) not in read
        for k in _launches(rest)
        for v, param in zip(k.operands, k.regions[0].params, strict=True)
        if param in Kernel(k.regions[0]).stored
    )


def _launches(instrs: Sequence[Instr]) -> list[Instr]:
    return [i for i in instrs if i.has(Trait.LAUNCHES)]


def _without_checks(function: Function) -> Function:
    instrs = tuple(
        i
        if i.has(Trait.LAUNCHES) or not i.regions
        else replace(i, regions=tuple(map(_without_checks, i.regions)))
        for i in function.instrs
        if not i.has(Trait.GUARD)
    )
    return Function(function.name, function.params, instrs, function.results)


def _failing(loop: Instr, first: Value, memory: Memory) -> list[Instr]:
    """The iteration that fails, if one does."""
    trip, *rest = loop.operands
    count = RegionOp(loop).count
    rest[:count] = loop.results
    host = Builder("host", loop.loc)
    fails = host.op("lt", first, trip)
    operands = with_extents([first, *rest])
    then, otherwise = Builder("then", loop.loc), Builder("else", loop.loc)
    inside = then.params_like(operands)
    otherwise.params_like(operands)
    again = _only(loop, then.const(1, "i64"), inside[first], [inside[v] for v in rest])
    owner: dict[Value, Value] = {}
    inner = {
        p: owner.setdefault(memory.get(v, v), p)
        for v, p in inside.items()
        if isinstance(v.type, BufferType)
    }
    then.instrs += Outlined(again, inner).statements()
    host.append("cond", [fails, *operands], {}, (then.build([]), otherwise.build([])), loop.loc)
    return host.instrs


def _only(loop: Instr, once: Value, first: Value, rest: Sequence[Value]) -> Instr:
    """The loop with a single iteration."""
    (body,) = loop.regions
    b = Builder(body.name, loop.loc)
    i = b.param(INDEX)
    names = b.params_like(body.params[1:])
    at = b.param(INDEX)
    names[body.params[0]] = b.op("add", i, at)
    for instr in body.instrs:
        b.clone(instr, names)
    region = b.build([names[r] for r in body.results])
    outer = Builder("host", loop.loc)
    return outer.append(loop.prim, [once, *rest, first], loop.attrs, (region,), loop.loc)
