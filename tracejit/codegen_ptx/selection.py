"""A loop that stores what it selects side by side, shared by the blocks of a grid.

Each block has a part of the loop, its threads side by side in it. A block first counts what it
selects; then it knows how many the blocks before it have, and where its own go. The order is the
loop's.
"""

from __future__ import annotations

from typing import Any

from tracejit.codegen_ptx.device_text import DeviceText
from tracejit.codegen_ptx.emit import I32, WARP, SpacePointer, Values
from tracejit.ir.core import Instr
from tracejit.ir.scalar.emit import I64
from tracejit.llvm_text.emit import Reg


class Selection:
    """The loop in one of its two kernels; see `Kernel._compacts` for its form."""

    def __init__(self, f: DeviceText, loop: Instr) -> None:
        self.f = f
        (self.body,) = loop.regions
        *self.pure, self.branch = self.body.instrs
        trip, self.first, *self.consts = [f.scalar(v) for v in loop.operands]
        self.trip: Reg = trip
        e = f.e
        self.block, blocks = (e.int_cast(e.special(r), I64) for r in ("ctaid.x", "nctaid.x"))
        self.threads = f.const(e.threads)
        per = e.udiv(f.add(trip, f.add(blocks, f.const(-1))), blocks)
        tiles = e.udiv(f.add(per, f.const(e.threads - 1)), self.threads)
        self.start = f.mul(self.block, f.mul(tiles, self.threads))
        self.stop = self._least(f.add(self.start, f.mul(tiles, self.threads)), trip)

    def _least(self, a: Reg, b: Reg) -> Reg:
        return self.f.e.select(self.f.e.icmp("lt", a, b), a, b)

    def _selects(self, i: Reg) -> Any:
        """Whether the i-th iteration selects."""
        f = self.f
        f.bind(self.body.params, [i, f.const(0), *self.consts])
        f.all(self.pure)
        return f.scalar(self.branch.operands[0])

    def count(self) -> Reg:
        """How many iterations of this block select."""
        f, e = self.f, self.f.e
        mine = f.add(self.start, e.int_cast(e.thread(), I64))

        def step(i: Reg, found: Values) -> list[Reg]:
            return [f.add(found[0], e.int_cast(self._selects(i), I64))]

        (number,) = e.strided_loop(mine, self.stop, self.threads, [f.const(0)], step)
        return self._total(number)

    def _total(self, number: Reg) -> Reg:
        f, e = self.f, self.f.e
        (total,) = e.block_reduce((number,), (f.const(0),), lambda a, b: [f.add(a[0], b[0])])
        return total

    def place(self, counts: SpacePointer) -> Reg:
        """Store what this block selects; the number that the loop carries at the end of it."""
        f, e = self.f, self.f.e

        def before(block: Reg, found: Values) -> list[Reg]:
            return [f.add(found[0], e.load(e.element(counts, block, I64), I64))]

        (mine,) = e.block_stride(self.block, [f.const(0)], before)
        number = f.add(self.first, self._total(mine))
        room = e.shared(I32, e.threads // WARP)
        thread = e.int_cast(e.thread(), I64)

        def tile(start: Reg, carried: Values) -> list[Reg]:
            i = f.add(start, thread)
            # A thread without an iteration of its own looks at the last one.
            at = self._least(i, f.add(self.stop, f.const(-1)))
            chosen = e.iand(self._selects(at), e.icmp("lt", i, self.stop))
            rank, found = e.block_rank(chosen, room)
            at_number = f.add(carried[0], e.int_cast(rank, I64))
            e.when(chosen, lambda: self._take(at_number))
            return [f.add(carried[0], e.int_cast(found, I64))]

        (last,) = e.strided_loop(self.start, self.stop, self.threads, [number], tile)
        return last

    def _take(self, number: Reg) -> None:
        """What an iteration does that selects, as the number-th of them."""
        f = self.f
        f.env[self.body.params[1]] = number
        then = self.branch.regions[0]
        f.run(then, [f.scalar(v) for v in self.branch.operands[1:]])
