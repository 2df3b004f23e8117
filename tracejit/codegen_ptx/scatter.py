"""A nest that stores at places that are data, shared by the warps of a grid.

Each place is one warp's, by a hash of its address. All warps look at all iterations, 32 at a time:
a lane finds the place of one. What is the warp's is done by those lanes one after another. So the
iterations of a place keep their order, however many warps there are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tracejit.codegen_ptx.device_text import DeviceText
from tracejit.codegen_ptx.emit import I32, WARP, Values
from tracejit.codegen_ptx.points import count, indices, level, product
from tracejit.ir.scalar.emit import I64
from tracejit.llvm_text.emit import Reg
from tracejit.llvm_text.lower_memory import address
from tracejit.lower.parallel import Phase

_U64 = np.dtype(np.uint64)
#: 2**64 over the golden ratio: its products spread over all bits.
_SPREAD = 0x9E3779B97F4A7C15


def scattered(f: DeviceText, phase: Phase) -> None:
    """All iterations of a phase."""
    found = phase.scatter
    assert found is not None
    e = f.e
    trips = [count(f, trip) for trip in phase.trips]
    total, width = product(f, trips), f.const(WARP)
    warp, warps = (e.udiv(n, width) for n in (e.global_thread(), e.grid_threads()))
    lane = e.iand(e.thread(), e.const(WARP - 1, I32))
    own_bit = e.shl(e.const(1, I32), lane)

    def tile(start: Reg, _: Values) -> list[Reg]:
        flat = f.add(start, e.int_cast(lane, I64))
        there = e.icmp("lt", flat, total)
        # A lane without an iteration of its own looks at the first one.
        at = dict(enumerate(indices(f, e.select(there, flat, f.const(0)), trips)))
        level(f, phase, 0, at, lambda: f.all(found.ahead))
        buffer, index = found.store.operands[0], found.store.operands[2:]
        place = e.op(_U64, f"ptrtoint {address(f, buffer, index)} to i64")
        mine = e.icmp("eq", _owner(f, place, warps), warp)
        _in_turn(f, phase, e.ballot(e.iand(there, mine)), own_bit)
        return []

    e.strided_loop(f.const(0), total, width, [], tile)


def _owner(f: DeviceText, place: Reg, warps: Reg) -> Reg:
    """The warp that an address belongs to."""
    e = f.e
    half = e.const(32, _U64)
    hashed = e.lshr(e.imul(place, e.const(_SPREAD, _U64)), half)
    owner = e.lshr(e.imul(hashed, Reg(warps.text, _U64)), half)
    return Reg(owner.text, I64)


def _in_turn(f: DeviceText, phase: Phase, bits: Reg, own_bit: Reg) -> None:
    """What the lanes at some bits do, the lowest first; each sees what those before it stored."""
    e = f.e
    found = phase.scatter
    assert found is not None

    def some(left: Sequence[Reg]) -> Reg:
        return e.icmp("ne", left[0], e.const(0, I32))

    def turn(left: Sequence[Reg]) -> list[Reg]:
        others = e.iand(left[0], e.isub(left[0], e.const(1, I32)))
        is_next = e.icmp("eq", e.ixor(left[0], others), own_bit)
        e.when(is_next, lambda: f.all(found.rest))
        e.warp_barrier()
        return [others]

    e.while_loop([bits], some, turn)
