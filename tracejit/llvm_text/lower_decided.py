"""Innermost loops that ask whether any or all of something holds: they end where that is known.

Such a loop carries flags alone, each of which only rises or only falls, and does nothing else. It
runs in chunks, as vector code, and is left behind the first chunk after which no flag can change.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

from tracejit.dtypes import is_bool
from tracejit.ir.core import TABLE, Function, Instr, Value, uses
from tracejit.ir.scalar.emit import BOOL
from tracejit.ir.traits import Trait
from tracejit.ir.types import TensorType
from tracejit.llvm_text.emit import Reg
from tracejit.llvm_text.loops import CountedLoop, over_chunks
from tracejit.llvm_text.lower_function import FunctionText

#: Iterations of a chunk; a loop known to be no longer stays as it is.
CHUNK = 4096


def decided(body: Function, carried: int, trip: int | None) -> list[bool] | None:
    """Of a loop with this body what each flag is when it is decided; None where there is other
    that the loop does."""
    if body.diverges or not carried or (trip is not None and trip <= CHUNK):
        return None
    if any(i.regions or i.has(Trait.STORES) or not _only_computes(i) for i in body.instrs):
        return None
    makers = {r: i for i in body.instrs for r in i.results}
    users: dict[Value, int] = {}
    for v in (*(v for i in body.instrs for v in uses(i)), *body.results):
        users[v] = users.get(v, 0) + 1
    found = []
    for param, result in zip(body.params[1 : 1 + carried], body.results, strict=True):
        maker = makers.get(result)
        if not isinstance(param.type, TensorType) or not is_bool(param.dtype) or maker is None:
            return None
        rises = maker.prim is TABLE["bitwise_or"]
        if not rises and maker.prim is not TABLE["bitwise_and"]:
            return None
        if param not in maker.operands or users[param] != 1 or users[result] != 1:
            return None
        found.append(rises)
    return found


def _only_computes(instr: Instr) -> bool:
    return instr.prim.effect == "none" or instr.has(Trait.LOADS)


class Deciding:
    """A loop over chunks that ends early."""

    def __init__(self, f: FunctionText, loop: CountedLoop, last: Sequence[bool]) -> None:
        self.f, self.loop, self.last = f, loop, last

    def run(self, inside: str, after: str, first: Reg, trip: Reg) -> list[tuple[str, list[Any]]]:
        """From block `inside`, reached from the block at hand; the edges into `after`."""
        types, inits = self.loop.types, self.loop.inits
        span, blocks = (first, trip), (inside, after)
        return [over_chunks(self.f, types, inits, span, CHUNK, blocks, self._chunk, self._settled)]

    def _chunk(self, start: Reg, end: Reg, carried: list[Any]) -> list[Any]:
        e = self.f.e
        before, inside, done = e.block, e.fresh_label("ask"), e.fresh_label("asked")
        e.line(f"br label %{inside}")
        e.label(inside)
        ((_, found),) = self.loop.run(before, start, end, done, carried)
        e.label(done)
        return found

    def _settled(self, flags: list[Any]) -> Reg:
        e = self.f.e
        no = e.const(True, BOOL)
        known = (v if last else e.ixor(v, no) for v, last in zip(flags, self.last, strict=True))
        found: Reg = reduce(e.iand, known)
        return found
