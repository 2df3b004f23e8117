"""One phase of a kernel as GPU kernels: points over the grid, rows over blocks, totals in two."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

from tracejit.codegen_ptx import emit
from tracejit.codegen_ptx.device_text import (
    DeviceText,
    Reduction,
    registers,
)
from tracejit.codegen_ptx.emit import I32, KernelText, PTXEmitter, Values, kernel_text
from tracejit.codegen_ptx.kept import Keeping, keeping
from tracejit.codegen_ptx.leaf import by_first, together
from tracejit.codegen_ptx.parameters import Argument, Parameters
from tracejit.codegen_ptx.points import over_blocks, over_threads, points, wide_points
from tracejit.codegen_ptx.running import RunningTotal
from tracejit.codegen_ptx.scatter import scattered
from tracejit.codegen_ptx.selection import Selection
from tracejit.codegen_ptx.split import SplitColumns, SplitRows
from tracejit.codegen_ptx.tiles import tiled_points, tiles
from tracejit.codegen_ptx.wide import wide
from tracejit.ir.core import Instr, Value
from tracejit.ir.extent import Dim, product
from tracejit.ir.regions import needed
from tracejit.ir.scalar.emit import BOOL, I64
from tracejit.ir.types import Math
from tracejit.llvm_text.emit import Reg
from tracejit.llvm_text.lower_memory import address
from tracejit.lower.parallel import Kernel, Phase, Role, short
from tracejit.records import dataclass

#: Threads of a block, by role.
THREADS: dict[Role, int] = {
    "map": 256,
    "rows": 128,
    "total": 128,
    "compact": 256,
    "scan": 256,
    "scatter": 256,
    "serial": 32,
}
Stage: TypeAlias = Literal[
    "map",
    "tiles",
    "rows",
    "parts",
    "joined",
    "partials",
    "finish",
    "counts",
    "compact",
    "summed",
    "scan",
    "scatter",
    "serial",
]


@dataclass(frozen=True)
class Stages:
    """A phase's kernels: text, what each is, its parameters, points that a thread does at once.

    `points`: how many each is spread over, where that is known only here.
    """

    texts: tuple[KernelText, ...]
    stages: tuple[Stage, ...]
    arguments: tuple[tuple[Argument, ...], ...]
    width: int = 1
    points: tuple[int, ...] = ()


def phase_kernels(
    kernel: Kernel,
    phase: Phase,
    name: str,
    own: frozenset[Value] = frozenset(),
    math: Math = "portable",
) -> Stages:
    """The GPU kernels of a phase; `own`: parameters whose memory only this launch touches.

    Raises NotImplementedError for what has no GPU code.
    """
    threads = THREADS[phase.role]
    if phase.split:
        return _split(kernel, phase, name, math)
    meet = phase.stages is not None and bool(phase.stages.meetings)
    params = Parameters(kernel, meet or phase.scatter is not None)
    results = kernel.function.results
    if phase.role == "total":
        return _total(kernel, phase, name, math)
    if phase.role == "compact":
        return _compact(kernel, phase, name, math)
    if phase.role == "scan":
        return _scan(kernel, phase, name, math)
    params.outputs("result", results)
    plain = phase.role == "map" and phase.atomic is None
    widened = wide(kernel, phase) if plain else None
    turned = tiles(kernel, phase) if plain and widened is None else None
    near = keeping(kernel, phase, own) if phase.role == "rows" and phase.loops else None

    def body(e: PTXEmitter, given: list[Reg | emit.SpacePointer]) -> None:
        f = DeviceText(e)
        params.bind(f, given)
        if phase.role == "serial":
            first = e.icmp("eq", e.global_thread(), f.const(0))
            places = params.take("result", given)
            e.when(first, lambda: _alone(f, [*phase.before, *phase.instrs], kernel, places))
            return
        f.all(phase.before)
        if phase.scatter is not None:
            scattered(f, phase)
        elif widened is not None:
            wide_points(f, phase, over_threads(e), widened)
        elif turned is not None:
            tiled_points(f, phase, over_blocks(e), turned)
        elif phase.role == "map":
            points(f, phase, over_threads(e), lambda: _leaf(f, phase))
        elif phase.loops:
            _rows(f, kernel, phase, near)
        else:
            together(f, kernel, phase)
            _yield(f, kernel, params.take("result", given))

    text = kernel_text(name, [a.param for a in params.arguments], threads, body, math)
    stage: Stage = phase.role if phase.role in ("map", "scatter", "serial") else "rows"
    if turned is not None:
        stage = "tiles"
    width = 1 if widened is None else widened.width
    return Stages((text,), (stage,), (tuple(params.arguments),), width)


def _leaf(f: DeviceText, phase: Phase) -> None:
    """What a thread does at a point."""
    added = phase.atomic
    if added is None:
        f.all(phase.leaf)
        return
    own = (added.load, added.combine, added.store)
    f.all(i for i in phase.leaf if i not in own)
    buffer, _, *index = added.store.operands
    f.e.update(added.combine.name, address(f, buffer, index), f.scalar(added.value))


def _alone(
    f: DeviceText, instrs: Sequence[Instr], kernel: Kernel, places: Sequence[emit.SpacePointer]
) -> None:
    """One thread does some instructions, and leaves the kernel's results."""
    f.all(instrs)
    for place, part in zip(places, _results(f, kernel), strict=True):
        f.e.store(place, part)


def _results(f: DeviceText, kernel: Kernel) -> list[Reg]:
    return registers(f.scalar(r) for r in kernel.function.results)


def _yield(f: DeviceText, kernel: Kernel, places: Sequence[emit.SpacePointer]) -> None:
    """One thread of the block leaves the kernel's results."""
    for place, part in zip(places, _results(f, kernel), strict=True):
        by_first(f, lambda place=place, part=part: f.e.store(place, part))  # type: ignore[misc]


def _rows(f: DeviceText, kernel: Kernel, phase: Phase, near: Keeping | None) -> None:
    """The leaf at every point of a nest, each by a block."""

    def leaf(kept: Keeping | None, rows: bool) -> None:
        if kept is not None:
            kept.begin(f, rows)
        points(f, phase, over_blocks(f.e), lambda: together(f, kernel, phase))
        f.near.clear()

    fits = None if near is None else near.fits(f)
    if fits is None:
        leaf(near, True)
        return
    f.e.when(fits, lambda: leaf(near, True))
    f.e.when(f.e.ixor(fits, Reg("true", BOOL)), lambda: leaf(near, False))


def _total(kernel: Kernel, phase: Phase, name: str, math: Math) -> Stages:
    """A reduction of everything: each block leaves its part, one block combines them."""
    (shared,) = [i for i in phase.instrs if kernel.cooperative(i) and not short(kernel, i)]
    place = phase.instrs.index(shared)
    before = needed(phase.instrs[:place], shared.operands)
    after = [i for i in phase.instrs if i is not shared and i not in before]
    first, last = Parameters(kernel), Parameters(kernel)
    first.outputs("partial", shared.results)
    last.outputs("partial", shared.results)
    last.blocks()
    last.outputs("result", kernel.function.results)

    def partials(e: PTXEmitter, given: list[Reg | emit.SpacePointer]) -> None:
        f = DeviceText(e)
        first.bind(f, given)
        f.all(before)
        values = Reduction(f, shared).part_of_block()
        block = e.int_cast(e.special("ctaid.x"), I64)
        for at, value in zip(first.take("partial", given), values, strict=True):
            where = e.element(at, block, value.dtype)
            by_first(f, lambda where=where, value=value: e.store(where, value))  # type: ignore[misc]

    def finish(e: PTXEmitter, given: list[Reg | emit.SpacePointer]) -> None:
        f = DeviceText(e)
        last.bind(f, given)
        f.all(before)
        reduction, places = Reduction(f, shared), last.take("partial", given)
        (blocks,) = last.take("blocks", given)
        neutral = tuple(reduction.neutral)

        def step(i: Reg, carried: Values) -> list[Reg]:
            found = [
                e.load(e.element(p, i, v.dtype), v.dtype)
                for p, v in zip(places, carried, strict=True)
            ]
            return reduction.combine(carried, tuple(found))

        mine = e.block_stride(blocks, neutral, step)
        total = e.block_reduce(mine, neutral, reduction.combine)
        f.bind(shared.results, reduction.finish(total))
        places_of_results = last.take("result", given)
        by_first(f, lambda: _alone(f, after, kernel, places_of_results))

    threads = THREADS["total"]
    made = [
        kernel_text(f"{name}_{stage}", [a.param for a in p.arguments], threads, text, math)
        for stage, p, text in (("partials", first, partials), ("finish", last, finish))
    ]
    arguments = (tuple(first.arguments), tuple(last.arguments))
    return Stages(tuple(made), ("partials", "finish"), arguments)


def _split(kernel: Kernel, phase: Phase, name: str, math: Math) -> Stages:
    """A reduction at each of few points: many threads leave parts, a block a point joins them."""
    meet = phase.stages is not None and bool(phase.stages.meetings)
    first, last = Parameters(kernel), Parameters(kernel, meet)
    split = (SplitRows if phase.role == "rows" else SplitColumns)(kernel, phase)
    first.outputs("partial", split.values)
    last.outputs("partial", split.values)

    def parts(e: PTXEmitter, given: list[Reg | emit.SpacePointer]) -> None:
        f = DeviceText(e)
        first.bind(f, given)
        f.all(phase.before)
        split.parts(f, first.take("partial", given))

    def joins(e: PTXEmitter, given: list[Reg | emit.SpacePointer]) -> None:
        f = DeviceText(e)
        last.bind(f, given)
        f.all(phase.before)
        split.join(f, last.take("partial", given))

    made = [
        kernel_text(f"{name}_{stage}", [a.param for a in p.arguments], threads, text, math)
        for stage, p, threads, text in (
            ("parts", first, split.threads, parts),
            ("joined", last, THREADS["rows"], joins),
        )
    ]
    arguments = (tuple(first.arguments), tuple(last.arguments))
    points = split.left, split.points
    return Stages(tuple(made), ("parts", "joined"), arguments, split.per, points)


def _compact(kernel: Kernel, phase: Phase, name: str, math: Math) -> Stages:
    """What is selected goes side by side: blocks count in parts of the loop, then each puts its own
    after those of the blocks before."""
    place = next(k for k, i in enumerate(phase.instrs) if i.regions)
    loop, before, after = phase.instrs[place], phase.instrs[:place], phase.instrs[place + 1 :]
    first, last = Parameters(kernel), Parameters(kernel)
    first.outputs("partial", loop.results)
    last.outputs("partial", loop.results)
    last.outputs("result", kernel.function.results)

    def counts(e: PTXEmitter, given: list[Reg | emit.SpacePointer]) -> None:
        f = DeviceText(e)
        first.bind(f, given)
        f.all(before)
        (at,) = first.take("partial", given)
        number = Selection(f, loop).count()
        block = e.int_cast(e.special("ctaid.x"), I64)
        by_first(f, lambda: e.store(e.element(at, block, I64), number))

    def compact(e: PTXEmitter, given: list[Reg | emit.SpacePointer]) -> None:
        f = DeviceText(e)
        last.bind(f, given)
        f.all(before)
        (at,) = last.take("partial", given)
        f.bind(loop.results, [Selection(f, loop).place(at)])
        places = last.take("result", given)
        _by_last_block(f, lambda: _alone(f, after, kernel, places))

    threads = THREADS["compact"]
    made = [
        kernel_text(f"{name}_{stage}", [a.param for a in p.arguments], threads, text, math)
        for stage, p, text in (("counts", first, counts), ("place", last, compact))
    ]
    arguments = (tuple(first.arguments), tuple(last.arguments))
    return Stages(tuple(made), ("counts", "compact"), arguments)


def _scan(kernel: Kernel, phase: Phase, name: str, math: Math) -> Stages:
    """A running total: blocks sum parts of the loop; then each goes on from those before it."""
    place = next(k for k, i in enumerate(phase.instrs) if i.regions)
    loop, after = phase.instrs[place], phase.instrs[place + 1 :]
    before = phase.instrs[:place]
    first, last = Parameters(kernel), Parameters(kernel)
    first.outputs("partial", loop.results)
    last.outputs("partial", loop.results)
    last.outputs("result", kernel.function.results)

    def summed(e: PTXEmitter, given: list[Reg | emit.SpacePointer]) -> None:
        f = DeviceText(e)
        first.bind(f, given)
        f.all(before)
        running = RunningTotal(f, loop)
        block = e.int_cast(e.special("ctaid.x"), I64)
        for at, part in zip(
            first.take("partial", given), running.part(*running.section()), strict=True
        ):
            where = e.element(at, block, part.dtype)
            by_first(f, lambda where=where, part=part: e.store(where, part))  # type: ignore[misc]

    def scanned(e: PTXEmitter, given: list[Reg | emit.SpacePointer]) -> None:
        f = DeviceText(e)
        last.bind(f, given)
        f.all(before)
        running = RunningTotal(f, loop)
        start, stop = running.section()
        total = running.run(start, stop, running.before(last.take("partial", given)))
        f.bind(loop.results, running.finish(total))
        _by_last_block(f, lambda: _alone(f, after, kernel, last.take("result", given)))

    threads = THREADS["scan"]
    made = [
        kernel_text(f"{name}_{stage}", [a.param for a in p.arguments], threads, text, math)
        for stage, p, text in (("summed", first, summed), ("scan", last, scanned))
    ]
    arguments = (tuple(first.arguments), tuple(last.arguments))
    return Stages(tuple(made), ("summed", "scan"), arguments)


def _by_last_block(f: DeviceText, body: Callable[[], None]) -> None:
    """The first thread of the last block does something."""
    e = f.e
    block, blocks = e.special("ctaid.x"), e.special("nctaid.x")
    is_last = e.icmp("eq", e.iadd(block, e.const(1, I32)), blocks)
    e.when(is_last, lambda: by_first(f, body))


def count(kernel: Kernel, phase: Phase) -> Dim | None:
    """How many points or elements a phase is spread over, in terms of the kernel's parameters.

    None where that is found on the way.
    """
    if phase.role == "total":
        (shared,) = [i for i in phase.instrs if kernel.cooperative(i) and not short(kernel, i)]
        found = kernel.roots.dim(shared.operands[0])
    elif phase.role in ("compact", "scan"):
        (loop,) = [i for i in phase.instrs if i.regions]
        found = kernel.roots.dim(loop.operands[0])
    elif phase.scatter is not None:
        found = product(phase.trips)
    else:
        found = product(tuple(phase.trips[k] for k in phase.parallel))
    return found if kernel.known(found) else None
