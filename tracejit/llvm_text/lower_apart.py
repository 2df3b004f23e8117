"""Loops that hand a float on and compute something dear: the dear part is done apart, in chunks.

``s += np.log(x[i])`` must add in order, so LLVM makes no vector code of the loop. What an iteration
computes from its number and from memory alone needs no order, though. Of this, what is dear is
done for a chunk of iterations first, by a loop of its own, into memory on the stack; the loop that
is left reads it there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from tracejit.dtypes import is_inexact, is_wide_float
from tracejit.ir.builder import Builder
from tracejit.ir.core import ELEMENTARY_COST, Function, Instr, Value, uses
from tracejit.ir.regions import needed
from tracejit.ir.traits import Trait
from tracejit.ir.types import INDEX, TensorType, dense_buffer
from tracejit.llvm_text import lower_usual
from tracejit.llvm_text.emit import Reg
from tracejit.llvm_text.loops import CountedLoop, over_chunks, poll
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
    kept = _dear(instrs, results, late)
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


def _dear(instrs: Sequence[Instr], results: Iterable[Value], late: set[Value]) -> tuple[Value, ...]:
    """The real numbers to keep, so that what the loop that is left computes again is cheap."""
    dear = _dear_to_make(instrs)
    read = set(results)
    found: list[Value] = []
    for instr in reversed(instrs):
        if not instr.results or late.intersection(instr.results):
            read.update(uses(instr))
            continue
        for value in read.intersection(instr.results) & dear:
            if isinstance(value.type, TensorType) and is_wide_float(value.dtype):
                found.append(value)
            else:  # it is made of what is kept
                read.update(uses(instr))
    return tuple(found[::-1])


def _dear_to_make(instrs: Iterable[Instr]) -> set[Value]:
    """The values behind which there are so many machine operations that keeping them pays."""
    behind: dict[Value, set[Instr]] = {}  # of the cheap ones: few
    found: set[Value] = set()
    for instr in instrs:
        made = {instr}.union(*(behind.get(v, ()) for v in uses(instr)))
        dear = sum(i.prim.cost for i in made) >= ELEMENTARY_COST
        if dear or not found.isdisjoint(uses(instr)):
            found.update(instr.results)
        else:
            costly = {i for i in made if i.prim.cost}
            behind.update((r, costly) for r in instr.results)
    return found


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
    first.instrs += needed(instrs, kept)
    at = first.op("sub", counter, start)
    for value, buffer in zip(kept, buffers, strict=True):
        first.op("store", buffer, value, at)

    rest = Builder("rest")
    rest.params += [counter, *waits, *consts, start, *buffers]
    at = rest.op("sub", counter, start)
    new = {v: rest.op("load", buffer, at) for v, buffer in zip(kept, buffers, strict=True)}
    left = [i for i in instrs if new.keys().isdisjoint(i.results)]
    for instr in needed(left, results, _acts):
        if new.keys() & set(uses(instr)):
            rest.clone(instr, new)
        else:
            rest.instrs.append(instr)
    return Parts(first.build(()), rest.build([new.get(r, r) for r in results]), kept)


def _acts(instr: Instr) -> bool:
    return instr.prim.effect != "none" and not instr.has(Trait.LOADS)


class Apart:
    """A loop over chunks, each done in two loops."""

    def __init__(self, f: FunctionText, loop: CountedLoop, parts: Parts) -> None:
        self.f, self.loop, self.parts = f, loop, parts
        self.buffers = [_memory(f, k) for k in range(len(parts.kept))]

    def run(self, inside: str, after: str, first: Reg, trip: Reg) -> list[tuple[str, list[Any]]]:
        """From block `inside`, reached from the block at hand; the edges into `after`."""
        types, inits = self.loop.types, self.loop.inits
        blocks = inside, after
        return [over_chunks(self.f, types, inits, (first, trip), CHUNK, blocks, self._chunk)]

    def _chunk(self, start: Reg, end: Reg, carried: list[Any]) -> list[Any]:
        f, e = self.f, self.f.e
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
        return results

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
