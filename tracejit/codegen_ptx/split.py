"""Reductions at few points, each of many elements, in two kernels.

A block a row, or a thread a column, would leave most of a GPU idle. Here many blocks, or threads,
leave a part each; then a block a point joins the parts in a fixed order and does what follows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from tracejit.codegen_ptx.device_text import DeviceText, Reduction, identity, registers
from tracejit.codegen_ptx.emit import SpacePointer, Values
from tracejit.codegen_ptx.leaf import by_first, together
from tracejit.codegen_ptx.points import level, over_blocks, over_threads, walk
from tracejit.ir.core import TABLE, Instr, Value
from tracejit.ir.regions import needed
from tracejit.llvm_text.emit import Reg
from tracejit.lower.parallel import Kernel, Phase, short

#: Threads of a block that leaves a part of a row, and of one that leaves a part of a column each.
ROW_THREADS, COLUMN_THREADS = 128, 256


class SplitPhase:
    """`values`: what a part is of; `points`: how many reductions there are; `left`: how many parts,
    `per` of them by a block of `threads` threads."""

    values: Sequence[Value]
    threads: int
    per: int

    def __init__(self, kernel: Kernel, phase: Phase) -> None:
        self.kernel, self.phase, self.count = kernel, phase, phase.split
        self.trips = [t for k in phase.parallel if isinstance(t := phase.trips[k], int)]
        assert len(self.trips) == len(phase.parallel)
        self.points = math.prod(self.trips)
        self.left = self.points * self.count

    def parts(self, f: DeviceText, places: Sequence[SpacePointer]) -> None:
        """The first kernel: parts are left."""
        raise NotImplementedError

    def join(self, f: DeviceText, places: Sequence[SpacePointer]) -> None:
        """The second kernel: a block a point joins its parts."""
        block, blocks = over_blocks(f.e)

        def point(at: Sequence[Reg]) -> None:
            flat = _flat(f, at, self.trips)
            self._level(f, at, lambda: self._joined(f, flat, places))

        walk(f, [f.const(t) for t in self.trips], block, blocks, point)

    def _level(self, f: DeviceText, at: Sequence[Reg], leaf: Callable[[], None]) -> None:
        level(f, self.phase, 0, dict(zip(self.phase.parallel, at, strict=True)), leaf)

    def _joined(self, f: DeviceText, flat: Reg, places: Sequence[SpacePointer]) -> None:
        raise NotImplementedError

    def _total(
        self,
        f: DeviceText,
        place: Callable[[Reg], Reg],
        places: Sequence[SpacePointer],
        neutral: Values,
        combine: Callable[[Values, Values], Sequence[Reg]],
    ) -> Values:
        """All parts of a point; part i is at `place(i)`."""
        e = f.e

        def step(i: Reg, carried: Values) -> Sequence[Reg]:
            at = place(i)
            found = [
                e.load(e.element(p, at, v.dtype), v.dtype)
                for p, v in zip(places, carried, strict=True)
            ]
            return combine(carried, tuple(found))

        return e.block_reduce(e.block_stride(f.const(self.count), neutral, step), neutral, combine)


class SplitRows(SplitPhase):
    """A reduction of a leaf, by blocks."""

    threads, per = ROW_THREADS, 1

    def __init__(self, kernel: Kernel, phase: Phase) -> None:
        super().__init__(kernel, phase)
        leaf = phase.leaf
        (self.shared,) = [i for i in leaf if kernel.cooperative(i) and not short(kernel, i)]
        self.values = self.shared.results
        self.before = needed(leaf[: leaf.index(self.shared)], self.shared.operands)

    def parts(self, f: DeviceText, places: Sequence[SpacePointer]) -> None:
        e, count = f.e, f.const(self.count)
        block, blocks = over_blocks(e)
        trips = [*(f.const(t) for t in self.trips), count]

        def part(at: Sequence[Reg]) -> None:
            flat = _flat(f, at, [*self.trips, self.count])

            def leaf() -> None:
                f.all(self.before)
                thread = f.e.int_cast(e.thread(), flat.dtype)
                start = f.add(f.mul(at[-1], f.const(self.threads)), thread)
                values = Reduction(f, self.shared).part(start, f.const(self.count * self.threads))
                for place, value in zip(places, values, strict=True):
                    by_first(
                        f,
                        lambda place=place, value=value: e.store(  # type: ignore[misc]
                            e.element(place, flat, value.dtype), value
                        ),
                    )

            self._level(f, at[:-1], leaf)

        walk(f, trips, block, blocks, part)

    def _joined(self, f: DeviceText, flat: Reg, places: Sequence[SpacePointer]) -> None:
        first = f.mul(flat, f.const(self.count))

        def reduced(instr: Instr) -> Sequence[Any]:
            reduction = Reduction(f, instr)
            neutral = tuple(reduction.neutral)
            total = self._total(f, lambda i: f.add(first, i), places, neutral, reduction.combine)
            return reduction.finish(total)

        together(f, self.kernel, self.phase, reduced)


class SplitColumns(SplitPhase):
    """An element in memory to which a loop around the points adds, by threads."""

    threads = per = COLUMN_THREADS

    def __init__(self, kernel: Kernel, phase: Phase) -> None:
        super().__init__(kernel, phase)
        found = kernel.accumulation(phase)
        assert found is not None
        self.found = found
        self.values = [found.value]
        (self.loop,) = [k for k in range(len(phase.loops)) if k not in phase.parallel]

    def _combine(self, f: DeviceText) -> Callable[[Values, Values], Sequence[Reg]]:
        lower = TABLE[self.found.combine.name].lower
        assert lower is not None
        return lambda a, b: [lower(f.e, a[0], b[0])]

    def _neutral(self, f: DeviceText) -> Values:
        dtype = self.found.value.dtype
        return (f.e.const(identity(self.found.combine.name, dtype), dtype),)

    def parts(self, f: DeviceText, places: Sequence[SpacePointer]) -> None:
        e = f.e
        combine, neutral = self._combine(f), self._neutral(f)
        before = needed(self.phase.leaf, [self.found.value])
        trip = self.phase.trips[self.loop]
        assert isinstance(trip, int)

        def part(at: Sequence[Reg]) -> None:
            flat = _flat(f, at, [self.count, *self.trips])
            where = dict(zip(self.phase.parallel, at[1:], strict=True))

            def step(i: Reg, carried: Values) -> Sequence[Reg]:
                level(f, self.phase, 0, {**where, self.loop: i}, lambda: f.all(before))
                return combine(carried, tuple(registers([f.scalar(self.found.value)])))

            values = e.strided_loop(at[0], f.const(trip), f.const(self.count), neutral, step)
            for place, value in zip(places, values, strict=True):
                e.store(e.element(place, flat, value.dtype), value)

        trips = [f.const(self.count), *(f.const(t) for t in self.trips)]
        walk(f, trips, *over_threads(e), part)

    def _level(self, f: DeviceText, at: Sequence[Reg], leaf: Callable[[], None]) -> None:
        where = dict(zip(self.phase.parallel, at, strict=True))
        level(f, self.phase, 0, {**where, self.loop: f.const(0)}, leaf)

    def _joined(self, f: DeviceText, flat: Reg, places: Sequence[SpacePointer]) -> None:
        points = f.const(self.points)
        (total,) = self._total(
            f,
            lambda i: f.add(f.mul(i, points), flat),
            places,
            self._neutral(f),
            self._combine(f),
        )
        found, leaf = self.found, self.phase.leaf
        f.all(needed(leaf, [*found.load.operands, *found.store.operands[2:]]))
        f.env[found.value] = total

        def store() -> None:
            f.all([found.load, found.combine, found.store])

        by_first(f, store)


def _flat(f: DeviceText, at: Sequence[Reg], trips: Sequence[int]) -> Reg:
    """The number of a point from its indices, the last one fastest."""
    found = f.const(0)
    for i, trip in zip(at, trips, strict=True):
        found = f.add(f.mul(found, f.const(trip)), i)
    return found
