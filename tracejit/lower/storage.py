"""Who lives where: storages, their owners, and how long each tensor is read.

A storage is one piece of memory. ``owned`` memory was made here and is freed or moved out here;
``pinned`` memory belongs to the caller (an argument that is written, or a preallocated result) and
is filled in place. Anything else is borrowed and never written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Literal

from tracejit.ir.core import Function, Instr, Value, is_array, uses
from tracejit.ir.ops.recursion import turned
from tracejit.ir.region_ops import RegionOp
from tracejit.ir.traits import Trait
from tracejit.lower.fusion import Inlining
from tracejit.records import dataclass

Mode = Literal["owned", "pinned", "borrowed"]


@dataclass(eq=False)
class Storage:
    """Memory behind ``buffer``; ``values`` maps each tensor in it to the buffer it reads.

    ``whole``: other dense buffers over exactly the same bytes, under another shape.
    """

    buffer: Value
    mode: Mode
    arg: int | None = None
    values: dict[Value, Value] = field(default_factory=dict)
    whole: set[Value] = field(default_factory=set)

    @property
    def writable(self) -> bool:
        return self.mode != "borrowed"


class Liveness:
    """Effective last uses in one body: an inlined value reads its leaves where it is used.

    ``early``: values that are computed before their instruction, and where.
    """

    def __init__(
        self, function: Function, inlining: Inlining, early: Mapping[Value, int] = {}
    ) -> None:
        self.last: dict[Value, int] = {}
        self.position: dict[Value, int] = {}
        for t, instr in enumerate(function.instrs):
            for r in instr.results:
                self.position[r] = early.get(r, t)
            if any(r in inlining.inlined for r in instr.results):
                continue
            t = min([early.get(r, t) for r in instr.results], default=t)
            for v in uses(instr):
                self._read(v, t, inlining)
        for r in function.results:
            self._read(r, len(function.instrs), inlining)

    def _read(self, value: Value, t: int, inlining: Inlining) -> None:
        stack = [value]
        while stack:
            v = stack.pop()
            if self.last.get(v, -1) >= t:
                continue
            self.last[v] = t
            if v in inlining.inlined:
                stack.extend(o for o in inlining.defs[v].operands if is_array(o))

    def live_after(self, value: Value, t: int) -> bool:
        """Whether a value is read by something later than instruction ``t``."""
        return self.last.get(value, -1) > t


def may_fail(instr: Instr) -> bool:
    """Whether the call may end at an instruction, or someone else look at the caller's arrays."""
    if instr.has(Trait.WRITES_BACK):
        return False
    return instr.prim.effect != "none" or any(may_fail(i) for r in instr.regions for i in r.instrs)


def in_step(function: Function, value: Value, arg: int, end: int | None = None) -> bool:
    """Whether ``value`` is what was last written back to the caller's array ``arg`` at the end.

    A parameter is, where nothing was written: it came in as what the array holds.
    """
    before = function.instrs[:end]
    for t, instr in reversed(list(enumerate(before))):
        if instr.has(Trait.WRITES_BACK) and instr.attrs["arg"] == arg:
            return instr.operands[0] is value
        if arg not in written_args(instr):
            continue
        if value not in instr.results:
            return False
        op, k = RegionOp(instr), instr.results.index(value)
        if op.is_loop and not in_step(function, op.inits[k], arg, t):
            return False
        return all(r.diverges or in_step(r, r.results[k], arg) for r in op.yielding)
    return value in function.params


def written_args(instr: Instr) -> Iterator[int]:
    """Caller's arrays that regions write back to."""
    for region in instr.regions:
        for inner in region.instrs:
            if inner.has(Trait.WRITES_BACK):
                yield inner.attrs["arg"]
            yield from written_args(inner)


def turns(instr: Instr) -> bool:
    """Whether a region of an instruction, or it, gives arrays to a call of the recursion around."""
    mine = instr.has(Trait.CALLS_ITSELF) and bool(turned(instr))
    inner = not instr.has(Trait.RECURSION) and any(map(has_turns, instr.regions))
    return mine or inner


def has_turns(function: Function) -> bool:
    """Whether an instruction of a function does (see ``turns``)."""
    return any(map(turns, function.instrs))


def writes(function: Function) -> list[int]:
    """Caller's arrays that a function writes back to."""
    found = [i.attrs["arg"] for i in function.instrs if i.has(Trait.WRITES_BACK)]
    return found + [k for i in function.instrs for k in written_args(i)]


def versions(function: Function, value: Value) -> Iterator[Value]:
    """``value``, what it is an updated version of, and so on to the top of the in-place chain."""
    defs = {r: i for i in function.instrs for r in i.results}
    source: Value | None = value
    while source is not None:
        yield source
        source = updated_from(defs[source], source) if source in defs else None


def held_by(function: Function, value: Value) -> Value:
    """The tensor in whose memory ``value`` can be: what it is an updated version of, or the same
    elements under another shape, and so on to the top."""
    defs = {r: i for i in function.instrs for r in i.results}
    while value in defs:
        instr = defs[value]
        source = instr.operands[0] if instr.has(Trait.SAME_ELEMENTS) else updated_from(instr, value)
        if source is None:
            break
        value = source
    return value


def updated_from(instr: Instr, value: Value) -> Value | None:
    """The operand whose memory ``value`` would take over, when the instruction updates one."""
    if instr.prim.updates:
        return instr.operands[0]
    for taken, given in turned(instr):
        if given is value:
            return taken
    op = RegionOp(instr)
    if not (op.is_loop or op.is_branch):
        return None
    k, body = instr.results.index(value), op.body
    if op.is_loop:
        return op.inits[k] if not body.diverges and _stays(op, body, k) else None
    found = {
        op.given[side.params.index(top)] if top in side.params else None
        for side in instr.regions
        if not side.diverges
        for top in [held_by(side, side.results[k])]
    }
    found.discard(None)
    source = found.pop() if len(found) == 1 else None
    return source if source is not None and source.type == value.type else None


def _stays(op: RegionOp, body: Function, k: int) -> bool:
    """Whether what a loop carries ends each trip in the memory it began in, as large as it was."""
    result, param = body.results[k], op.carried_in(body)[k]
    return result.type == param.type and held_by(body, result) is param
