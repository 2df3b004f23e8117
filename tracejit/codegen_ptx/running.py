"""A loop with a running total, shared by the threads of a block, or by the blocks of a grid.

A block goes through its part of the loop tile by tile, an element a thread. In a tile the lanes of
a warp add what those before them have, in doubling distances; then the warps do. The order depends
on the sizes alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tracejit.codegen_ptx.device_text import DeviceText, identity, real_parts, registers, scalars
from tracejit.codegen_ptx.emit import WARP, SpacePointer, Values
from tracejit.dtypes import is_inexact
from tracejit.ir.core import Instr
from tracejit.ir.regions import needed
from tracejit.ir.scalar.emit import I64
from tracejit.ir.traits import Trait
from tracejit.llvm_text.emit import Reg
from tracejit.lower.running import added, totals


class RunningTotal:
    """The loop in a kernel; see `lower/running.py` for its form."""

    def __init__(self, f: DeviceText, loop: Instr) -> None:
        self.f, self.loop = f, loop
        self.totals = totals(loop)
        (self.body,) = loop.regions
        trip, *rest = [f.scalar(v) for v in loop.operands]
        count = len(self.totals)
        self.trip: Reg = trip
        self.inits, self.consts = rest[:count], rest[count:]
        self.first = tuple(registers(self.inits))
        self.threads = f.const(f.e.threads)

    @property
    def neutral(self) -> Values:
        """What changes nothing: of sums of floats that is -0.0."""
        found: list[Reg] = []
        for t in self.totals:
            dtype = t.total.dtype
            start = -0.0 if is_inexact(dtype) else identity(t.combine.name, dtype)
            found += [self.f.e.const(start, kind) for kind in real_parts(t.total)]
        return tuple(found)

    def combine(self, a: Values, b: Values) -> list[Reg]:
        """The totals of two parts that follow each other."""
        out = []
        for t, x, y in zip(self.totals, self._scalars(a), self._scalars(b), strict=True):
            lower = t.combine.prim.lower
            assert lower is not None
            out.append(lower(self.f.e, x, y))
        return registers(out)

    def _scalars(self, parts: Sequence[Reg]) -> list[Any]:
        return scalars([t.total for t in self.totals], parts)

    # -- iterations ----------------------------------------------------------------------------

    def _values(self, i: Reg) -> list[Reg]:
        """What the i-th iteration adds."""
        f, values = self.f, [t.value for t in self.totals]
        f.bind(self.body.params, [i, *self._scalars(self.neutral), *self.consts])
        f.all(added(self.loop))
        return registers(f.scalar(v) for v in values)

    def _rest(self, i: Reg, found: Values) -> None:
        """What the i-th iteration does with its totals."""
        f, given = self.f, self._scalars(found)
        f.bind(self.body.params, [i, *given, *self.consts])
        f.bind([t.total for t in self.totals], given)
        steps = {k for t in self.totals for k in t.steps}
        f.all(needed([k for k in self.body.instrs if k not in steps], (), _stores))

    def part(self, start: Reg, stop: Reg) -> Values:
        """The total of a part of the loop, in every thread."""
        e = self.f.e
        mine = self.f.add(start, e.int_cast(e.thread(), I64))

        def step(i: Reg, found: Values) -> list[Reg]:
            return self.combine(found, tuple(self._values(i)))

        own = e.strided_loop(mine, stop, self.threads, self.neutral, step)
        return e.block_reduce(own, self.neutral, self.combine)

    def run(self, start: Reg, stop: Reg, before: Values) -> Values:
        """A part of the loop, after what those before it have; the total at its end."""
        f, e = self.f, self.f.e
        room = [e.shared(v.dtype, e.threads // WARP) for v in before]
        thread = e.int_cast(e.thread(), I64)

        def tile(first: Reg, carried: Values) -> list[Reg]:
            i = f.add(first, thread)
            one = f.const(1)
            last = self._least(f.add(i, one), stop)  # once, or not at all
            value = e.strided_loop(i, last, one, self.neutral, lambda k, _: self._values(k))
            mine, of_tile = e.block_scan(value, self.neutral, self.combine, room)
            total = tuple(self.combine(carried, mine))
            e.when(e.icmp("lt", i, stop), lambda: self._rest(i, total))
            return self.combine(carried, of_tile)

        return e.strided_loop(start, stop, self.threads, before, tile)

    def _least(self, a: Reg, b: Reg) -> Reg:
        return self.f.e.select(self.f.e.icmp("lt", a, b), a, b)

    def begin(self) -> Values:
        """What the first iteration adds to."""
        found: list[Reg] = []
        for t, init, neutral in zip(
            self.totals, self.inits, self._scalars(self.neutral), strict=True
        ):
            found += registers([neutral if t.fresh else init])
        return tuple(found)

    def finish(self, total: Values) -> list[Any]:
        """The results of the loop, of which no iteration may have run."""
        e = self.f.e
        some = e.icmp("gt", self.trip, self.f.const(0))
        parts = [e.select(some, a, b) for a, b in zip(total, self.first, strict=True)]
        return scalars(self.loop.results, parts)

    # -- who does it ---------------------------------------------------------------------------

    def by_block(self) -> list[Any]:
        """By all threads of one block."""
        return self.finish(self.run(self.f.const(0), self.trip, self.begin()))

    def section(self) -> tuple[Reg, Reg]:
        """Where the part of this block begins and ends: whole tiles."""
        f, e = self.f, self.f.e
        block, blocks = (e.int_cast(e.special(r), I64) for r in ("ctaid.x", "nctaid.x"))
        per = e.udiv(f.add(self.trip, f.add(blocks, f.const(-1))), blocks)
        tiles = e.udiv(f.add(per, f.const(e.threads - 1)), self.threads)
        start = f.mul(block, f.mul(tiles, self.threads))
        return start, self._least(f.add(start, f.mul(tiles, self.threads)), self.trip)

    def before(self, places: Sequence[SpacePointer]) -> Values:
        """What the blocks before this one have, of which the parts are at `places`."""
        e = self.f.e
        block = e.int_cast(e.special("ctaid.x"), I64)

        def step(k: Reg, found: Values) -> list[Reg]:
            parts = [
                e.load(e.element(p, k, v.dtype), v.dtype)
                for p, v in zip(places, found, strict=True)
            ]
            return self.combine(found, tuple(parts))

        mine = e.block_stride(block, self.neutral, step)
        total = e.block_reduce(mine, self.neutral, self.combine)
        return tuple(self.combine(self.begin(), total))


def _stores(instr: Instr) -> bool:
    return instr.has(Trait.STORES) or any(_stores(i) for r in instr.regions for i in r.instrs)
