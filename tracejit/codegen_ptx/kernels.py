"""One phase of a kernel as GPU kernels: points over the grid, rows over blocks, totals in two."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias

from tracejit.codegen_ptx import emit
from tracejit.codegen_ptx.device_text import (
    DevicePointer,
    DeviceText,
    Reduction,
    real_parts,
    registers,
)
from tracejit.codegen_ptx.emit import I32, KernelParam, KernelText, PTXEmitter, Values, kernel_text
from tracejit.codegen_ptx.kept import Keeping, keeping
from tracejit.codegen_ptx.points import over_blocks, over_threads, points, wide_points
from tracejit.codegen_ptx.selection import Selection
from tracejit.codegen_ptx.tiles import tiled_points, tiles
from tracejit.codegen_ptx.wide import wide
from tracejit.dtypes import is_complex, part_of
from tracejit.ir.core import Instr, Value
from tracejit.ir.extent import Dim, product
from tracejit.ir.scalar.emit import BOOL, I64, DType
from tracejit.ir.traits import Trait
from tracejit.ir.types import TensorType
from tracejit.llvm_text.emit import Reg
from tracejit.llvm_text.lower_function import joined
from tracejit.lower.parallel import Kernel, Phase, Role, needed_by, short
from tracejit.records import dataclass

#: Threads of a block, by role.
THREADS: dict[Role, int] = {"map": 256, "rows": 128, "total": 128, "compact": 256, "serial": 32}
Source: TypeAlias = Literal["operand", "result", "partial", "blocks"]
Stage: TypeAlias = Literal[
    "map", "tiles", "rows", "partials", "finish", "counts", "compact", "serial"
]


@dataclass(frozen=True)
class Argument:
    """What a kernel parameter is given at a launch.

    Real `part` of `operand` `index`; the address of `part` of launch result `index`; the address of
    the blocks' parts of a total, number `index`; or how many `blocks` left such a part.
    """

    source: Source
    index: int
    part: int
    param: KernelParam


@dataclass(frozen=True)
class Stages:
    """A phase's kernels: text, what each is, its parameters, points that a thread does at once."""

    texts: tuple[KernelText, ...]
    stages: tuple[Stage, ...]
    arguments: tuple[tuple[Argument, ...], ...]
    width: int = 1


class _Parameters:
    """The parameters of one GPU kernel."""

    def __init__(self, kernel: Kernel, talk: bool = False) -> None:
        self.kernel = kernel
        #: Whether threads read what others of their block have written. LLVM would move loads of
        #: memory that is `noalias` over the place where they meet.
        self.talk = talk
        self.arguments: list[Argument] = []
        for k, value in enumerate(kernel.function.params):
            if isinstance(value.type, TensorType):
                for part, dtype in enumerate(real_parts(value)):
                    self._add("operand", k, part, dtype)
            else:
                self._buffer(k, value)

    def _buffer(self, k: int, value: Value) -> None:
        part = part_of(value.dtype) if is_complex(value.dtype) else value.dtype
        stored = value in self.kernel.stored
        alone = not stored or not (self.talk or value in self.kernel.overlap)
        param = KernelParam(f"a{k}", part, buffer=True, readonly=not stored, noalias=alone)
        self.arguments.append(Argument("operand", k, 0, param))

    def _add(self, source: Source, index: int, part: int, dtype: DType, at: bool = False) -> None:
        name = f"{source[0]}{index}_{part}"
        param = KernelParam(name, dtype, buffer=at, noalias=at)
        self.arguments.append(Argument(source, index, part, param))

    def outputs(self, source: Source, values: Sequence[Value]) -> None:
        """An address for each part of each value."""
        for index, value in enumerate(values):
            for part, dtype in enumerate(real_parts(value)):
                self._add(source, index, part, dtype, at=True)

    def blocks(self) -> None:
        """How many parts there are."""
        self._add("blocks", 0, 0, I64)

    def bind(self, f: DeviceText, given: Sequence[Reg | emit.SpacePointer]) -> None:
        """The kernel's own parameters."""
        found: dict[int, list[str]] = {}
        for argument, value in zip(self.arguments, given, strict=True):
            if argument.source == "operand":
                found.setdefault(argument.index, []).append(value.text)
        for k, param in enumerate(self.kernel.function.params):
            if isinstance(param.type, TensorType):
                f.env[param] = joined(param.type, iter(found[k]))
            else:
                f.env[param] = DevicePointer(found[k][0])

    def take(self, source: Source, given: Sequence[Any]) -> list[Any]:
        """The given values of one source, in order."""
        pairs = zip(self.arguments, given, strict=True)
        return [value for argument, value in pairs if argument.source == source]


def phase_kernels(
    kernel: Kernel, phase: Phase, name: str, own: frozenset[Value] = frozenset()
) -> Stages:
    """The GPU kernels of a phase; `own`: parameters whose memory only this launch touches.

    Raises NotImplementedError for what has no GPU code.
    """
    threads = THREADS[phase.role]
    params = _Parameters(kernel, phase.stages is not None and bool(phase.stages.meetings))
    results = kernel.function.results
    if phase.role == "total":
        return _total(kernel, phase, name)
    if phase.role == "compact":
        return _compact(kernel, phase, name)
    params.outputs("result", results)
    together = wide(kernel, phase) if phase.role == "map" else None
    turned = tiles(kernel, phase) if phase.role == "map" and together is None else None
    near = keeping(kernel, phase, own) if phase.loops else None

    def body(e: PTXEmitter, given: list[Reg | emit.SpacePointer]) -> None:
        f = DeviceText(e)
        params.bind(f, given)
        if phase.role == "serial":
            first = e.icmp("eq", e.global_thread(), f.const(0))
            places = params.take("result", given)
            e.when(first, lambda: _alone(f, [*phase.before, *phase.instrs], kernel, places))
            return
        f.all(phase.before)
        if together is not None:
            wide_points(f, phase, over_threads(e), together)
        elif turned is not None:
            tiled_points(f, phase, over_blocks(e), turned)
        elif phase.role == "map":
            points(f, phase, over_threads(e), lambda: f.all(phase.leaf))
        elif phase.loops:
            _rows(f, kernel, phase, near)
        else:
            _together(f, kernel, phase)
            _yield(f, kernel, params.take("result", given))

    text = kernel_text(name, [a.param for a in params.arguments], threads, body)
    stage: Stage = phase.role if phase.role in ("map", "serial") else "rows"
    if turned is not None:
        stage = "tiles"
    width = 1 if together is None else together.width
    return Stages((text,), (stage,), (tuple(params.arguments),), width)


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
        _by_first(f, lambda place=place, part=part: f.e.store(place, part))  # type: ignore[misc]


def _by_first(f: DeviceText, body: Callable[[], None]) -> None:
    e = f.e
    e.when(e.icmp("eq", e.thread(), e.const(0, I32)), body)


def _rows(f: DeviceText, kernel: Kernel, phase: Phase, near: Keeping | None) -> None:
    """The leaf at every point of a nest, each by a block."""

    def leaf(kept: Keeping | None, rows: bool) -> None:
        if kept is not None:
            kept.begin(f, rows)
        points(f, phase, over_blocks(f.e), lambda: _together(f, kernel, phase))
        f.near.clear()

    fits = None if near is None else near.fits(f)
    if fits is None:
        leaf(near, True)
        return
    f.e.when(fits, lambda: leaf(near, True))
    f.e.when(f.e.ixor(fits, Reg("true", BOOL)), lambda: leaf(near, False))


def _together(f: DeviceText, kernel: Kernel, phase: Phase) -> None:
    """A block runs scalar code alike in all threads, shares reductions and loops, stores once."""
    stages = phase.stages
    assert stages is not None
    for instr in phase.leaf:
        if instr in stages.meetings:
            f.e.barrier()
        if instr.has(Trait.STORES):
            _by_first(f, lambda instr=instr: f.instr(instr))  # type: ignore[misc]
        elif instr in stages.spread:
            _by_block(f, instr)
        elif kernel.cooperative(instr) and not short(kernel, instr):
            f.bind(instr.results, Reduction(f, instr).by_block())
        else:
            f.instr(instr)


def _by_block(f: DeviceText, loop: Instr) -> None:
    """The iterations of a loop, shared out among the threads of a block."""
    (body,) = loop.regions
    trip, *consts = [f.scalar(v) for v in loop.operands]

    def step(i: Reg, _: Values) -> list[Reg]:
        f.run(body, [i, *consts])
        return []

    f.e.block_stride(trip, [], step)


def _total(kernel: Kernel, phase: Phase, name: str) -> Stages:
    """A reduction of everything: each block leaves its part, one block combines them."""
    (shared,) = [i for i in phase.instrs if kernel.cooperative(i) and not short(kernel, i)]
    place = phase.instrs.index(shared)
    before = needed_by(shared.operands, phase.instrs[:place])
    after = [i for i in phase.instrs if i is not shared and i not in before]
    first, last = _Parameters(kernel), _Parameters(kernel)
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
            _by_first(f, lambda where=where, value=value: e.store(where, value))  # type: ignore[misc]

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
        _by_first(f, lambda: _alone(f, after, kernel, places_of_results))

    threads = THREADS["total"]
    made = [
        kernel_text(f"{name}_{stage}", [a.param for a in p.arguments], threads, text)
        for stage, p, text in (("partials", first, partials), ("finish", last, finish))
    ]
    arguments = (tuple(first.arguments), tuple(last.arguments))
    return Stages(tuple(made), ("partials", "finish"), arguments)


def _compact(kernel: Kernel, phase: Phase, name: str) -> Stages:
    """What is selected goes side by side: blocks count in parts of the loop, then each puts its own
    after those of the blocks before."""
    place = next(k for k, i in enumerate(phase.instrs) if i.regions)
    loop, before, after = phase.instrs[place], phase.instrs[:place], phase.instrs[place + 1 :]
    first, last = _Parameters(kernel), _Parameters(kernel)
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
        _by_first(f, lambda: e.store(e.element(at, block, I64), number))

    def compact(e: PTXEmitter, given: list[Reg | emit.SpacePointer]) -> None:
        f = DeviceText(e)
        last.bind(f, given)
        f.all(before)
        (at,) = last.take("partial", given)
        f.bind(loop.results, [Selection(f, loop).place(at)])
        places = last.take("result", given)
        block, blocks = e.special("ctaid.x"), e.special("nctaid.x")
        is_last = e.icmp("eq", e.iadd(block, e.const(1, I32)), blocks)
        e.when(is_last, lambda: _by_first(f, lambda: _alone(f, after, kernel, places)))

    threads = THREADS["compact"]
    made = [
        kernel_text(f"{name}_{stage}", [a.param for a in p.arguments], threads, text)
        for stage, p, text in (("counts", first, counts), ("place", last, compact))
    ]
    arguments = (tuple(first.arguments), tuple(last.arguments))
    return Stages(tuple(made), ("counts", "compact"), arguments)


def count(kernel: Kernel, phase: Phase) -> Dim | None:
    """How many points or elements a phase is spread over, in terms of the kernel's parameters.

    None where that is found on the way.
    """
    if phase.role == "total":
        (shared,) = [i for i in phase.instrs if kernel.cooperative(i) and not short(kernel, i)]
        found = kernel.roots.dim(shared.operands[0])
    elif phase.role == "compact":
        (loop,) = [i for i in phase.instrs if i.regions]
        found = kernel.roots.dim(loop.operands[0])
    else:
        found = product(tuple(phase.trips[k] for k in phase.parallel))
    return found if kernel.known(found) else None
