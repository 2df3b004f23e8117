"""The points of a nest, spread over threads or blocks: one at a time, or 16 bytes at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from tracejit.codegen_ptx.device_text import DeviceText
from tracejit.codegen_ptx.emit import PTXEmitter, Values
from tracejit.codegen_ptx.wide import Wide
from tracejit.ir.extent import Dim
from tracejit.ir.scalar.emit import I64
from tracejit.llvm_text.emit import Reg
from tracejit.llvm_text.lower_function import number
from tracejit.lower.parallel import Phase

#: Which of them one is, and how many there are.
Spread: TypeAlias = tuple[Reg, Reg]
_BOOL = np.dtype(np.bool_)


def over_threads(e: PTXEmitter) -> Spread:
    """The threads of the grid."""
    return e.global_thread(), e.grid_threads()


def over_blocks(e: PTXEmitter) -> Spread:
    """The blocks of the grid."""
    block, blocks = (e.int_cast(e.special(r), I64) for r in ("ctaid.x", "nctaid.x"))
    return block, blocks


def points(
    f: DeviceText,
    phase: Phase,
    spread: Spread,
    leaf: Callable[[], None],
    order: Sequence[int] = (),
    done: Reg | None = None,
) -> None:
    """`leaf` at every point of a nest, its parallel loops spread, the others inside of them.

    `order` names the parallel loops, the one that varies fastest last; `done` points are left out.
    """
    order = order or phase.parallel
    trips = [count(f, phase.trips[k]) for k in order]
    start = spread[0] if done is None else f.add(spread[0], done)

    def point(at: Sequence[Reg]) -> None:
        level(f, phase, 0, dict(zip(order, at, strict=True)), leaf)

    walk(f, trips, start, spread[1], point)


def wide_points(f: DeviceText, phase: Phase, spread: Spread, wide: Wide) -> None:
    """The leaf at every point of a nest, several at a time as far as the call allows that."""
    e = f.e
    rows = [count(f, phase.trips[k]) for k in wide.rows]
    line = product(f, [count(f, phase.trips[k]) for k in (wide.axis, *wide.line)])
    good = _conditions(f, wide)
    width = f.const(wide.width)
    groups = e.udiv(line, width)
    if rows:
        good = e.iand(good, e.icmp("eq", f.mul(groups, width), line))

    def group(at: Sequence[Reg]) -> None:
        where = dict(zip(wide.rows, at, strict=False))
        where.update(dict.fromkeys(wide.line, f.const(0)))
        _lanes(f, phase, wide, where, f.mul(at[-1], width))

    e.when(good, lambda: walk(f, [*rows, groups], *spread, group))
    done = e.select(good, f.mul(product(f, [*rows, groups]), width), f.const(0))
    points(f, phase, spread, lambda: f.all(phase.leaf), wide.order, done)


def _conditions(f: DeviceText, wide: Wide) -> Reg:
    """Whether what a wide nest needs holds in this call."""
    e = f.e
    good = Reg("true", _BOOL)
    for a, b in wide.equal:
        good = e.iand(good, e.icmp("eq", f.dim(a), f.dim(b)))
    for buffer, offset, bytes_ in wide.multiples:
        place = f.dim(offset)
        if buffer is not None:
            base = e.op(I64, f"ptrtoint {f.pointer(buffer)} to i64")
            place = f.add(base, place)
        odd = e.iand(place, f.const(bytes_ - 1))
        good = e.iand(good, e.icmp("eq", odd, f.const(0)))
    return good


def _lanes(f: DeviceText, phase: Phase, wide: Wide, where: dict[int, Reg], first: Reg) -> None:
    """Some iterations, one instruction in all of them after another: their accesses meet."""
    outside = f.env
    lanes = []
    for k in range(wide.width):
        f.env = dict(outside)
        at = {**where, wide.axis: f.add(first, f.const(k))}
        level(f, phase, 0, at, lambda: None)
        lanes.append(f.env)
    for instr in phase.leaf:
        bytes_ = wide.aligned.get(instr, 0)
        for k, env in enumerate(lanes):
            f.env = env
            begins = bytes_ and (k * instr.operands[0].dtype.itemsize) % bytes_ == 0
            f.alignment = bytes_ if begins else 0
            f.instr(instr)
    f.env, f.alignment = outside, 0


def product(f: DeviceText, trips: Sequence[Reg]) -> Reg:
    """How many points there are in all."""
    total = f.const(1)
    for trip in trips:
        total = f.mul(total, trip)
    return total


def walk(
    f: DeviceText,
    trips: Sequence[Reg],
    start: Reg,
    step: Reg,
    point: Callable[[Sequence[Reg]], None],
) -> None:
    """Every `step`-th point from the `start`-th on, by its indices, the last one fastest.

    Indices with a run-time extent go on by addition: a division for each point would cost more
    than most points.
    """
    total = product(f, trips)
    if all(number(trip) is not None for trip in trips[1:]):

        def divided(flat: Reg, _: Values) -> list[Reg]:
            point(indices(f, flat, trips))
            return []

        f.e.strided_loop(start, total, step, [], divided)
        return
    steps = indices(f, step, trips)

    def added(_: Reg, at: Values) -> list[Reg]:
        point(at)
        return _later(f, at, steps, trips)

    f.e.strided_loop(start, total, step, indices(f, start, trips), added)


def indices(f: DeviceText, flat: Reg, trips: Sequence[Reg]) -> list[Reg]:
    """Those of the flat-th point, the last one fastest."""
    found: list[Reg] = []
    for trip in reversed(trips[1:]):
        some = f.e.select(f.e.icmp("gt", trip, f.const(0)), trip, f.const(1))
        found.append(f.e.urem(flat, some))
        flat = f.e.udiv(flat, some)
    return [flat, *reversed(found)]


def _later(
    f: DeviceText, at: Sequence[Reg], steps: Sequence[Reg], trips: Sequence[Reg]
) -> list[Reg]:
    """The sum of two numbers by their digits."""
    e, zero = f.e, f.const(0)
    found: list[Reg] = []
    carry = zero
    for k in reversed(range(1, len(trips))):
        digit = f.add(f.add(at[k], steps[k]), carry)
        over = e.icmp("lt", digit, trips[k])
        found.append(e.select(over, digit, e.isub(digit, trips[k])))
        carry = e.select(over, zero, f.const(1))
    return [f.add(f.add(at[0], steps[0]), carry), *reversed(found)]


def count(f: DeviceText, trip: Dim) -> Reg:
    if isinstance(trip, int):
        return f.const(max(trip, 0))
    count = f.dim(trip)
    return f.e.select(f.e.icmp("gt", count, f.const(0)), count, f.const(0))


def level(
    f: DeviceText, phase: Phase, k: int, at: dict[int, Reg], leaf: Callable[[], None]
) -> None:
    """The loops from the k-th on."""
    if k == len(phase.loops):
        leaf()
        return
    (body,) = phase.loops[k].regions
    trip, *consts = [f.scalar(v) for v in phase.loops[k].operands]

    def inside(i: Reg, _: Values = ()) -> list[Reg]:
        f.bind(body.params, [i, *consts])
        if k + 1 < len(phase.loops):
            f.all(body.instrs[:-1])
        level(f, phase, k + 1, at, leaf)
        return []

    if k in at:
        inside(at[k])
    else:
        f.e.strided_loop(f.const(0), trip, f.const(1), [], inside)
