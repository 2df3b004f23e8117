"""Innermost loops of kernels in which an operation has a rare, dear way (`Emitter.rarely`).

LLVM makes vector code of a loop without branches. So a chunk of some hundreds of elements runs on
the usual ways alone and notes whether any element was a rare one; if so, the chunk is done again
with branches, from the values that it began with. Where a chunk would overwrite what it reads, only
the question is asked first, without storing anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import product
from typing import Any, Literal, TypeAlias

import numpy as np

from tracejit.dtypes import is_complex, part_of
from tracejit.ir.accesses import Access, accesses
from tracejit.ir.core import TABLE, Function, Instr, Value, element_of
from tracejit.ir.scalar.emit import ComplexPair, DType
from tracejit.ir.traits import Trait
from tracejit.llvm_text.emit import LLVMEmitter, Reg
from tracejit.llvm_text.loops import CountedLoop, left_alone, merge, over_chunks, own_places
from tracejit.llvm_text.lower_function import FunctionText, Pointer

#: Elements of a chunk.
CHUNK = 512

#: How the usual form may be tried: stores and all, or without storing first.
Trial: TypeAlias = Literal["stores", "asks"]


def trial(f: FunctionText, body: Function, scalars: Sequence[Any]) -> Trial | None:
    """How the loop with this body may be tried; None where it gains nothing or is not safe.

    `scalars` are what the parameters of the body but the first, the counter, are at the start.
    """
    rare = [i for i in body.instrs if _rare(i)]
    if not rare or not all(_pure(f, i) for i in body.instrs):
        return None
    doubtful = _doubtful(body, rare, len(scalars))
    found = accesses(body.instrs)
    if any(doubtful.intersection(element_of(instr)[1]) for instr in found):
        return None  # what is not yet right must not be an address
    return _by_memory(f, body, found, dict(zip(body.params[1:], scalars, strict=True)))


def _pure(f: FunctionText, instr: Instr) -> bool:
    """Whether it may be computed twice, and by the lowering of its row."""
    prim = instr.prim
    plain = prim.elementwise and prim.lower is not None and prim.effect == "none"
    always = any(map(instr.has, (Trait.LOADS, Trait.STORES, Trait.LITERAL)))
    return always or (plain and f.module.rules.get(instr.name) is None)


def _rare(instr: Instr) -> bool:
    dtypes = tuple(v.dtype for v in instr.operands)
    if not instr.prim.elementwise or not any(np.issubdtype(d, np.inexact) for d in dtypes):
        return False
    return has_rare_way(instr.name, dtypes, tuple(sorted(instr.attrs.items())))


@lru_cache(1024)
def has_rare_way(
    name: str, dtypes: tuple[DType, ...], attrs: tuple[tuple[str, Any], ...] = ()
) -> bool:
    """Whether the lowering of a primitive uses `rarely`."""
    lower = TABLE[name].lower
    if lower is None:
        return False
    e = LLVMEmitter([])
    e.rare = []
    lower(e, *(_operand(k, dtype) for k, dtype in enumerate(dtypes)), **dict(attrs))
    return bool(e.rare)


def _operand(k: int, dtype: DType) -> Any:
    if not is_complex(dtype):
        return Reg(f"%x{k}", dtype)
    part = part_of(dtype)
    return ComplexPair(Reg(f"%x{k}", part), Reg(f"%y{k}", part))


def _doubtful(body: Function, rare: Sequence[Instr], consts: int) -> set[Value]:
    """Values that may be wrong until a chunk is done again."""
    found = {r for instr in rare for r in instr.results}
    while True:
        before = len(found)
        for instr in body.instrs:
            if found.intersection(instr.operands):
                found.update(instr.results)
        found.update(p for p, r in zip(body.params[1:], body.results) if r in found)
        if len(found) == before:
            return found


def _by_memory(
    f: FunctionText, body: Function, found: Mapping[Instr, Access], known: Mapping[Value, Any]
) -> Trial | None:
    """Whether what is stored may be read by the same loop, and if so only where it is stored."""
    place = {a: k for k, a in enumerate(found.values())}
    how: Trial = "stores"
    for store, load in product(found.values(), repeat=2):
        if not store.stores or load.stores:
            continue
        target, source = known.get(store.buffer), known.get(load.buffer)
        if not (isinstance(target, Pointer) and isinstance(source, Pointer)):
            return None
        if source.text == target.text:
            if place[load] > place[store] or not own_places([load, store], body):
                return None
            how = "asks"
        elif not f.alone.intersection((source.text, target.text)):
            return None  # each may reach what the other does
    return how


class Chunks:
    """A loop over chunks, each tried and, where an element is a rare one, done with branches."""

    def __init__(
        self, f: FunctionText, loop: CountedLoop, first: Reg, trip: Reg, how: Trial
    ) -> None:
        self.f, self.loop, self.first, self.trip, self.how = f, loop, first, trip, how

    def run(self, inside: str, after: str) -> list[tuple[str, list[Any]]]:
        """From block `inside`, reached from the block at hand; the edges into `after`."""
        types, inits, span = self.loop.types, self.loop.inits, (self.first, self.trip)
        return [over_chunks(self.f, types, inits, span, CHUNK, (inside, after), self._chunk)]

    def _chunk(self, start: Reg, end: Reg, carried: list[Any]) -> list[Any]:
        """One chunk from the block at hand; what it carries out."""
        f, e = self.f, self.f.e
        again, done = e.fresh_label("again"), e.fresh_label("done")
        f.stores = self.how == "stores"
        flag, results = self._usual(start, end, carried)
        f.stores = True
        asked = e.block
        if self.how == "stores":
            e.line(f"br {flag}, label %{again}, label %{done}")
        else:
            usual = e.fresh_label("usual")
            e.line(f"br {flag}, label %{again}, label %{usual}")
            e.label(usual)
            _, results = self._usual(start, end, carried)
            e.line(f"br label %{done}")
        edges = [(e.block, results)]
        e.label(again)
        edges += self.loop.run(asked, start, end, done, carried, left_alone(f.module))
        e.label(done)
        return merge(f, self.loop.types, edges)

    def _usual(self, start: Reg, end: Reg, carried: list[Any]) -> tuple[Reg, list[Any]]:
        """The loop without rare ways; whether one was called for, and what is carried out."""
        e = self.f.e
        before, inside, after = e.block, e.fresh_label("try"), e.fresh_label("tried")
        e.line(f"br label %{inside}")
        e.label(inside)
        e.rare = []
        ((_, (*results, flag)),) = self.loop.run(before, start, end, after, carried)
        e.rare = None
        e.label(after)
        return flag, results
