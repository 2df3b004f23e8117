"""Loops that hand a float on and compute something dear: the dear part is done apart, in chunks.

``s += np.log(x[i])`` must add in order, so LLVM makes no vector code of the loop. What an iteration
computes from its number and from memory alone needs no order, though. Of this, what is dear is
done for a chunk of iterations first, by a loop of its own, into memory on the stack; the loop that
is left reads it there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from typing import Any

from tracejit.dtypes import is_inexact, is_wide_float
from tracejit.ir.builder import Builder
from tracejit.ir.core import ELEMENTARY_COST, Function, Instr, Value, uses
from tracejit.ir.traits import Trait
from tracejit.ir.types import INDEX, TensorType, dense_buffer
from tracejit.llvm_text import lower_usual
from tracejit.llvm_text.emit import Reg
from tracejit.llvm_text.loops import CountedLoop, Phis, chunk_end, poll
from tracejit.llvm_text.lower_function import FunctionText, Pointer, loops_inside
from tracejit.records import dataclass

#: Iterations of a chunk.
CHUNK = 512
#: A loop known to be shorter stays as it is.
FEW = 16
#: At most so many values of an iteration are kept for the loop that is left.
KEPT = 4


@dataclass(frozen=True)
class Parts:
    """The two bodies. Both have, behind the constants of the loop, the first iteration of a chunk
    and a buffer for each value that is kept."""

    apart: Function
    rest: Function
    kept: tuple[Value, ...]


def parts_of(body: Function, carried: int, trip: int | None) -> Parts | None:
    """How a loop with this body is done in two; None where it gains nothing or is not safe."""
    if body.diverges or (trip is not None and trip < FEW) or not _waits(body, carried):
        return None
    straight = _straight(body.instrs)
    if straight is None:
        return None
    instrs, renamed = straight
    results = tuple(renamed.get(r, r) for r in body.results)
    late = _late(body, carried, instrs)
    made = {r: i for i in instrs for r in i.results}
    left = [i for i in instrs if not i.results or late.intersection(i.results)]
    kept = tuple(_dear([*(v for i in left for v in uses(i)), *results], made, late))
    if not 0 < len(kept) <= KEPT:
        return None
    return _parts(body, carried, instrs, results, kept)


def _waits(body: Function, carried: int) -> bool:
    """Whether iterations hand on a float: of what does not, LLVM makes vector code itself."""
    makers = {r: i for i in body.instrs for r in i.results}
    for param, result in zip(body.params[1 : 1 + carried], body.results, strict=True):
        maker = makers.get(result)
        floats = isinstance(param.type, TensorType) and is_inexact(param.dtype)
        if floats and maker is not None and not maker.has(Trait.EXTREME):
            return True
    return False


def _straight(instrs: Sequence[Instr]) -> tuple[list[Instr], dict[Value, Value]] | None:
    """The instructions with those of kernels without loops in the place of their launch.

    None where there are other regions.
    """
    found = Builder()
    new: dict[Value, Value] = {}
    for instr in instrs:
        if instr.has(Trait.LAUNCHES) and not any(map(loops_inside, instr.regions)):
            (kernel,) = instr.regions
            out = found.inline(kernel, [new.get(v, v) for v in instr.operands])
            new.update(zip(instr.results, out, strict=True))
        elif instr.regions:
            return None
        elif new.keys() & set(uses(instr)):
            found.clone(instr, new)
        else:
            found.instrs.append(instr)
    return found.instrs, new


def _late(body: Function, carried: int, instrs: Iterable[Instr]) -> set[Value]:
    """The values that must wait for their iteration."""
    late = set(body.params[1 : 1 + carried])
    stores = any(i.has(Trait.STORES) for i in instrs)
    checked = False
    for instr in instrs:
        if instr.has(Trait.LOADS):
            free = not stores and not checked
        else:
            plain = instr.prim.effect == "none"
            checked = checked or not plain
            free = plain and (instr.prim.elementwise or instr.has(Trait.LITERAL))
        if not free or late.intersection(uses(instr)):
            late.update(instr.results)
    return late


def _dear(values: Iterable[Value], made: dict[Value, Instr], late: set[Value]) -> list[Value]:
    """The real numbers to keep, so that what is computed from ``values`` again is cheap."""
    found: dict[Value, None] = {}
    seen: set[Value] = set()

    def look(value: Value) -> None:
        if value in seen or value in late or value not in made:
            return
        seen.add(value)
        if _cost(value, made, set()) < ELEMENTARY_COST:
            return
        if isinstance(value.type, TensorType) and is_wide_float(value.dtype):
            found[value] = None
        else:
            for operand in uses(made[value]):
                look(operand)

    for value in values:
        look(value)
    return list(found)


def _cost(value: Value, made: dict[Value, Instr], seen: set[Value]) -> int:
    """Machine operations behind a value."""
    if value in seen or value not in made:
        return 0
    seen.add(value)
    return made[value].prim.cost + sum(_cost(v, made, seen) for v in uses(made[value]))


def _parts(
    body: Function,
    carried: int,
    instrs: Sequence[Instr],
    results: tuple[Value, ...],
    kept: tuple[Value, ...],
) -> Parts:
    counter, waits, consts = (
        body.params[0],
        body.params[1 : 1 + carried],
        body.params[1 + carried :],
    )
    start = Value(INDEX, "start")
    buffers = [Value(dense_buffer(TensorType(v.dtype, (CHUNK,))), "kept") for v in kept]

    first = Builder("apart")
    first.params += [counter, *consts, start, *buffers]
    first.instrs += _needed(instrs, set(kept), effects=False)
    at = first.op("sub", counter, start)
    for value, buffer in zip(kept, buffers, strict=True):
        first.op("store", buffer, value, at)

    rest = Builder("rest")
    rest.params += [counter, *waits, *consts, start, *buffers]
    at = rest.op("sub", counter, start)
    new = {v: rest.op("load", buffer, at) for v, buffer in zip(kept, buffers, strict=True)}
    for instr in _needed(instrs, set(results), set(kept), effects=True):
        if new.keys() & set(uses(instr)):
            rest.clone(instr, new)
        else:
            rest.instrs.append(instr)
    return Parts(first.build(()), rest.build([new.get(r, r) for r in results]), kept)


def _needed(
    instrs: Sequence[Instr], wanted: set[Value], given: Set[Value] = frozenset(), *, effects: bool
) -> list[Instr]:
    """What is done to compute the wanted, where some are given."""
    found = []
    for instr in reversed(instrs):
        acts = instr.prim.effect != "none" and not instr.has(Trait.LOADS)
        if (effects and acts) or wanted.intersection(instr.results) - given:
            found.append(instr)
            wanted.update(uses(instr))
    return found[::-1]


class Apart:
    """A loop over chunks, each done in two loops."""

    def __init__(self, f: FunctionText, loop: CountedLoop, parts: Parts) -> None:
        self.f, self.loop, self.parts = f, loop, parts
        self.buffers = [_memory(f, k) for k in range(len(parts.kept))]

    def run(self, inside: str, after: str, first: Reg, trip: Reg) -> list[tuple[str, list[Any]]]:
        """From block `inside`, reached from the block at hand; the edges into `after`."""
        f, e, types = self.f, self.f.e, self.loop.types
        entry = e.block
        e.label(inside)
        phis = Phis(f, [INDEX, *types])
        phis.edge(entry, [first, *self.loop.inits])
        start, *carried = phis.values
        end = chunk_end(f, start, trip, CHUNK)
        consts = [*self.loop.consts, start, *self.buffers]
        self._apart(start, end, consts)
        before, rest, done = e.block, e.fresh_label("rest"), e.fresh_label("done")
        e.line(f"br label %{rest}")
        e.label(rest)
        loop = CountedLoop(f, self.parts.rest, carried, consts)
        ((_, results),) = loop.run(before, start, end, done)
        e.label(done)
        if not f.kernel:
            poll(f)
        phis.edge(e.block, [end, *results])
        phis.close()
        more = e.icmp("lt", end, trip)
        e.line(f"br {more}, label %{inside}, label %{after}")
        return [(e.block, results)]

    def _apart(self, start: Reg, end: Reg, consts: list[Any]) -> None:
        f, e = self.f, self.f.e
        before, inside, after = e.block, e.fresh_label("apart"), e.fresh_label("apart.done")
        body = self.parts.apart
        loop = CountedLoop(f, body, [], consts)
        usual = lower_usual.trial(f, body, consts)
        e.line(f"br label %{inside}")
        if usual is not None:
            lower_usual.Chunks(f, loop, start, end, usual).run(inside, after)
        else:
            e.label(inside)
            loop.run(before, start, end, after)
        e.label(after)


def _memory(f: FunctionText, k: int) -> Pointer:
    """The same for all loops of a function: no two of them are under way at once."""
    found = f.kept(("apart", k), lambda: f.stack(f"[{CHUNK} x double]", align=64))
    f.alone.add(found.text)
    return found
