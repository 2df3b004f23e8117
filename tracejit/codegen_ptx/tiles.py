"""Nests that read an array across the direction in which they write: in tiles.

In `a.T + b` neighbouring threads would read elements of `a` that lie a row apart, each from a
sector of its own. A block takes a tile of the nest instead: first its threads read the tile of `a`
along memory, into shared memory. Then they meet, and each does its points with what it finds there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tracejit.codegen_ptx.device_text import DeviceText
from tracejit.codegen_ptx.emit import SpacePointer
from tracejit.codegen_ptx.points import Spread, count, level, walk
from tracejit.codegen_ptx.wide import Moved, moved
from tracejit.dtypes import is_complex
from tracejit.ir.core import Instr, Value
from tracejit.ir.scalar.emit import I64
from tracejit.llvm_text.emit import Reg
from tracejit.llvm_text.lower_memory import load_scalar
from tracejit.lower.parallel import Kernel, Phase
from tracejit.records import dataclass

#: Points of a tile in both directions; a row of shared memory has one element more, so that the
#: elements of a column lie in different banks.
SIDE = 32
#: Bytes of shared memory for the tiles of a block.
MOST_BYTES = 40 << 10


@dataclass(frozen=True)
class Tiles:
    """Tiles of the loops at `down` and `along`; the loads of `turned` lie along `down` in memory,
    all others, and the stores, along `along`."""

    down: int
    along: int
    turned: tuple[Moved, ...]


def tiles(kernel: Kernel, phase: Phase) -> Tiles | None:
    """How a `map` phase is done in tiles, or None where that is no help."""
    if len(phase.loops) < 2 or len(phase.parallel) != len(phase.loops):
        return None
    along = phase.parallel[-1]
    found = moved(kernel, phase)
    if not any(a.stores and a.slopes and a.slopes[along] == a.size for a in found):
        return None
    turned: list[Moved] = []
    down, room = None, MOST_BYTES
    for access in found:
        at = _across(kernel, access, along)
        if at is None or down not in (None, at) or _short(phase, at) or _short(phase, along):
            continue
        room -= SIDE * (SIDE + 1) * access.size
        if room >= 0:
            down = at
            turned.append(access)
    return None if down is None else Tiles(down, along, tuple(turned))


def _short(phase: Phase, k: int) -> bool:
    """Whether a loop is known to leave most of a tile empty."""
    trip = phase.trips[k]
    return isinstance(trip, int) and 2 * trip < SIDE


def _across(kernel: Kernel, access: Moved, along: int) -> int | None:
    """The loop along which a load lies in memory, where that is not the one at `along`."""
    kept = access.buffer in kernel.stored or access.buffer in kernel.windows
    if access.stores or kept or is_complex(access.buffer.dtype) or not access.slopes:
        return None
    if access.slopes[along] in (0, access.size):
        return None
    return next((k for k, slope in enumerate(access.slopes) if slope == access.size), None)


def tiled_points(f: DeviceText, phase: Phase, spread: Spread, tiles: Tiles) -> None:
    """The leaf at every point of a nest, tile by tile; `spread`: over the blocks."""
    e = f.e
    others = [k for k in phase.parallel if k not in (tiles.down, tiles.along)]
    trips = {k: count(f, phase.trips[k]) for k in phase.parallel}
    side = f.const(SIDE)
    rows, columns = (
        e.udiv(f.add(trips[k], f.const(SIDE - 1)), side) for k in (tiles.down, tiles.along)
    )
    thread = e.int_cast(e.thread(), I64)
    lane, first = e.iand(thread, f.const(SIDE - 1)), e.udiv(thread, side)
    rooms = {a.instr: e.shared(a.buffer.dtype, SIDE * (SIDE + 1)) for a in tiles.turned}
    passes = range(0, SIDE, e.threads // SIDE)

    def each(at: Sequence[Reg], first_at: int, do: Callable[[dict[int, Reg], Reg], None]) -> None:
        """Every point of a tile, the lanes of a warp side by side along the loop `first_at`."""
        down, along = (f.mul(i, side) for i in at[-2:])
        for past in passes:
            line = f.add(first, f.const(past))
            steps = (line, lane) if first_at == tiles.along else (lane, line)
            where = dict(zip(others, at, strict=False))
            where[tiles.down] = f.add(down, steps[0])
            where[tiles.along] = f.add(along, steps[1])
            inside = e.iand(*(e.icmp("lt", where[k], trips[k]) for k in (tiles.down, tiles.along)))
            e.when(inside, lambda where=where, line=line: do(where, line))  # type: ignore[misc]

    def slot(room: SpacePointer, value: Value, row: Reg, column: Reg) -> SpacePointer:
        return e.element(room, f.add(f.mul(row, f.const(SIDE + 1)), column), value.dtype)

    def bring(where: dict[int, Reg], line: Reg) -> None:
        for access in tiles.turned:
            offset = f.dim(access.rest)
            for k, slope in enumerate(access.slopes):
                offset = f.add(offset, f.mul(where[k], f.dim(slope)))
            value = load_scalar(f, f.at(f.pointer(access.buffer), offset), access.buffer.dtype)
            e.store(slot(rooms[access.instr], access.buffer, line, lane), value)

    def point(where: dict[int, Reg], line: Reg) -> None:
        for access in tiles.turned:
            tile = f.near.setdefault(f.pointer(access.buffer).text, _Tile({}))
            assert isinstance(tile, _Tile)
            room = rooms[access.instr]
            tile.loads[access.instr] = lambda room=room, value=access.buffer: e.load(  # type: ignore[misc]
                slot(room, value, lane, line), value.dtype
            )
        level(f, phase, 0, where, lambda: f.all(phase.leaf))
        f.near.clear()

    def tile(at: Sequence[Reg]) -> None:
        each(at, tiles.down, bring)
        e.barrier()
        each(at, tiles.along, point)
        e.barrier()

    walk(f, [*(trips[k] for k in others), rows, columns], *spread, tile)


class _Tile:
    """What stands for an array of which some loads are taken from tiles."""

    def __init__(self, loads: Mapping[Instr, Callable[[], Any]]) -> None:
        self.loads = dict(loads)

    def load(self, instr: Instr, load: Callable[[], Any]) -> Any:
        return self.loads.get(instr, load)()

    def store(self, instr: Instr, store: Callable[[], None]) -> None:
        raise AssertionError("what is read in tiles is not written")
