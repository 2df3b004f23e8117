"""Innermost loops that add up flags or narrow integers in 64 bits: in fewer bits, by chunks.

``n += x[i] != 0`` in 64 bits leaves a vector register room for eight counts, whatever is compared.
A chunk is so short that its sum fits into fewer bits, and is added to what there was before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tracejit.dtypes import is_bool, is_exact
from tracejit.ir.builder import Builder
from tracejit.ir.core import TABLE, Function, Instr, Value, uses
from tracejit.ir.scalar.emit import DType
from tracejit.ir.traits import Trait
from tracejit.ir.types import TensorType, tensor
from tracejit.llvm_text.emit import Reg
from tracejit.llvm_text.loops import CountedLoop, over_chunks
from tracejit.llvm_text.lower_function import FunctionText
from tracejit.records import dataclass

#: A loop known to be shorter stays as it is.
FEW = 256
#: A chunk has at most so many iterations, and at least the other number.
_MOST, _LEAST = 1 << 20, 1 << 12


@dataclass(frozen=True)
class Counts:
    """A body whose results of these numbers, sums, have fewer bits; iterations of a chunk."""

    body: Function
    sums: frozenset[int]
    dtype: DType
    chunk: int


def counts_of(body: Function, carried: int, trip: int | None) -> Counts | None:
    """How a loop with this body adds up in fewer bits; None where it gains nothing."""
    if body.diverges or (trip is not None and trip < FEW) or any(i.regions for i in body.instrs):
        return None
    terms = _terms(body, carried)
    if not terms:
        return None
    narrow = max(_bits(t.operands[0].dtype) for t in terms.values())
    wide = _widest(body, terms)
    for dtype in (np.dtype(np.int16), np.dtype(np.int32)):
        bits = 8 * dtype.itemsize
        chunk = min(_MOST, (1 << (bits - 1)) >> narrow)
        if wide <= bits and chunk >= _LEAST:
            return Counts(_narrowed(body, terms, dtype), frozenset(terms), dtype, chunk)
    return None


def _terms(body: Function, carried: int) -> dict[int, Instr]:
    """By the numbers of what is carried: the conversion of what an iteration adds to a sum."""
    makers = {r: i for i in body.instrs for r in i.results}
    users: dict[Value, int] = {}
    for v in (*(v for i in body.instrs for v in uses(i)), *body.results):
        users[v] = users.get(v, 0) + 1
    found: dict[int, Instr] = {}
    for k, (param, result) in enumerate(
        zip(body.params[1 : 1 + carried], body.results, strict=True)
    ):
        adds = makers.get(result)
        if adds is None or adds.prim is not TABLE["add"] or param not in adds.operands:
            continue
        (term,) = [v for v in adds.operands if v is not param] or [param]
        converts = makers.get(term)
        alone = users[param] == users[term] == users[result] == 1
        if alone and converts is not None and _widens(converts):
            found[k] = converts
    return found


def _widens(instr: Instr) -> bool:
    """Whether it makes 64 bits of a flag or an integer of fewer."""
    if instr.prim is not TABLE["convert"] or instr.result.dtype.itemsize < 8:
        return False
    source = instr.operands[0].dtype
    return is_exact(source) and is_exact(instr.result.dtype) and _bits(source) <= 16


def _bits(dtype: DType) -> int:
    return 1 if is_bool(dtype) else 8 * dtype.itemsize


def _widest(body: Function, terms: Mapping[int, Instr]) -> int:
    """Bits of the widest number that an iteration computes with, but for sums and places."""
    places = {v for i in body.instrs if i.has(Trait.LOADS) for v in i.operands[1:]}
    spared = {v for t in terms.values() for v in t.results} | places
    spared.update(body.results[k] for k in terms)
    computed = (v for i in body.instrs for v in i.results if v not in spared)
    return max(
        (8 * v.dtype.itemsize for v in computed if isinstance(v.type, TensorType)), default=8
    )


def _narrowed(body: Function, terms: Mapping[int, Instr], dtype: DType) -> Function:
    """The body with these sums in this dtype."""
    params = list(body.params)
    b = Builder(body.name)
    new: dict[Value, Value] = {}
    for k in terms:
        old, params[1 + k] = params[1 + k], Value(tensor(dtype), "count")
        new[old] = params[1 + k]
    b.params += params
    of_term = {t: k for k, t in terms.items()}
    of_sum = {body.results[k]: k for k in terms}
    for instr in body.instrs:
        if instr in of_term:
            new[instr.result] = b.convert(new.get(instr.operands[0], instr.operands[0]), dtype)
        elif instr.results and instr.results[0] in of_sum:
            param = body.params[1 + of_sum[instr.result]]
            (term,) = [v for v in instr.operands if v is not param]
            new[instr.result] = b.op("add", new[param], new[term])
        elif new.keys() & set(uses(instr)):
            b.clone(instr, new)
        else:
            b.instrs.append(instr)
    return b.build([new.get(r, r) for r in body.results])


class Counting:
    """A loop over chunks, each of which begins its sums at zero."""

    def __init__(self, f: FunctionText, loop: CountedLoop, counts: Counts) -> None:
        self.f, self.loop, self.counts = f, loop, counts

    def run(self, inside: str, after: str, first: Reg, trip: Reg) -> list[tuple[str, list[Any]]]:
        """From block `inside`, reached from the block at hand; the edges into `after`."""
        types, inits = self.loop.types, self.loop.inits
        span, blocks = (first, trip), (inside, after)
        return [over_chunks(self.f, types, inits, span, self.counts.chunk, blocks, self._chunk)]

    def _chunk(self, start: Reg, end: Reg, carried: Sequence[Any]) -> list[Any]:
        e, counts = self.f.e, self.counts
        zero = Reg("0", counts.dtype)
        inits = [zero if k in counts.sums else v for k, v in enumerate(carried)]
        before, inside, done = e.block, e.fresh_label("count"), e.fresh_label("counted")
        e.line(f"br label %{inside}")
        e.label(inside)
        loop = CountedLoop(self.f, counts.body, inits, self.loop.consts)
        ((_, found),) = loop.run(before, start, end, done)
        e.label(done)
        return [
            e.iadd(was, e.int_cast(now, was.dtype)) if k in counts.sums else now
            for k, (was, now) in enumerate(zip(carried, found, strict=True))
        ]
