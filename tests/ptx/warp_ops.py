"""Instructions in which lanes meet: barriers, shuffles, votes and warp reductions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.ptx.lanes import WARP, Lanes
from tests.ptx.parse import DTYPES, Group, Imm, Operand, PtxError, Statement

Array = NDArray[Any]
Ints = NDArray[np.int64]
U32 = np.dtype("u4")


def barrier(lanes: Lanes, statement: Statement, pc: int, active: Ints) -> None:
    """bar.sync / barrier.sync [.aligned] a[, b], and bar.warp.sync mask."""
    m = statement.modifiers
    if "sync" not in m:
        raise PtxError("only the .sync form of a barrier is modelled")
    if "warp" in m:
        _meet(lanes, pc, active, statement.operands[0])
        return
    numbers = [x.bits if isinstance(x, Imm) else None for x in statement.operands]
    if None in numbers or not numbers:
        raise PtxError("a barrier's number and count must be literals")
    number, count = numbers[0], numbers[1] if len(numbers) > 1 else None
    ready = lanes.barrier(pc, active, number or 0, count)
    lanes.pc[ready] += 1


def _meet(lanes: Lanes, pc: int, active: Ints, mask: Operand) -> Ints:
    if not active.size:
        return active
    ready = lanes.meet(pc, active, lanes.read(mask, U32, active))
    lanes.pc[ready] = pc + 1
    return ready


def shuffle(lanes: Lanes, statement: Statement, pc: int, active: Ints) -> None:
    """shfl.sync.{up,down,bfly,idx}.b32 d[|p], a, b, c, mask: the formulas of the PTX ISA."""
    if statement.modifiers[0] != "sync" or statement.modifiers[-1] not in (
        "b32",
        "u32",
        "s32",
        "f32",
    ):
        raise PtxError("unknown form of shuffle")
    target, a, b, c, mask = statement.operands
    ready = _meet(lanes, pc, active, mask)
    if not ready.size:
        return
    lane = ready % WARP
    bound = lanes.read(c, U32, ready).astype(np.int64)
    step = lanes.read(b, U32, ready).astype(np.int64) & 31
    clamp, segment = bound & 31, (bound >> 8) & 31
    low, high = lane & segment, (lane & segment) | (clamp & ~segment)
    mode = statement.modifiers[1]
    choices = {
        "up": lane - step,
        "down": lane + step,
        "bfly": lane ^ step,
        "idx": low | (step & ~segment),
    }
    if mode not in choices:
        raise PtxError(f"unknown shuffle .{mode}")
    inside = choices[mode] >= high if mode == "up" else choices[mode] <= high
    source = ready - lane + np.where(inside, choices[mode], lane)
    taken = np.zeros(lanes.count, np.bool_)
    taken[ready] = True
    named = lanes.masks[ready] >> (source % WARP).astype(np.uint32) & np.uint32(1)
    bad = np.flatnonzero(~taken[source] | (named == 0))
    if bad.size:
        which = lanes.where(int(ready[bad[0]]))
        raise PtxError(f"shuffle from an inactive lane ({int(source[bad[0]]) % WARP}), {which}")
    values = lanes.read(a, U32, source)
    if isinstance(target, Group):
        lanes.write(target.items[1], np.broadcast_to(inside, ready.shape), ready)
        target = target.items[0]  # type: ignore[assignment]
    lanes.write(target, np.broadcast_to(values, ready.shape), ready)


def vote(lanes: Lanes, statement: Statement, pc: int, active: Ints) -> None:
    """vote.sync.{all,any,uni}.pred and vote.sync.ballot.b32."""
    if statement.modifiers[0] != "sync":
        raise PtxError("vote without .sync is gone from the ISA")
    target, predicate, mask = statement.operands
    ready = _meet(lanes, pc, active, mask)
    if not ready.size:
        return
    given = np.zeros(lanes.count, np.bool_)
    given[ready] = lanes.read(predicate, DTYPES["pred"], ready)
    present = np.zeros(lanes.count, np.bool_)
    present[ready] = True
    yes = lanes.warp_bits(given)[ready] & lanes.masks[ready]
    all_bits = lanes.warp_bits(present)[ready] & lanes.masks[ready]
    results = {
        "ballot": yes,
        "any": yes != 0,
        "all": yes == all_bits,
        "uni": (yes == 0) | (yes == all_bits),
    }
    if statement.modifiers[1] not in results:
        raise PtxError(f"unknown vote .{statement.modifiers[1]}")
    lanes.write(target, results[statement.modifiers[1]], ready)


_REDUCTIONS: dict[str, Any] = {
    "add": np.add,
    "min": np.minimum,
    "max": np.maximum,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
}


def warp_reduction(lanes: Lanes, statement: Statement, pc: int, active: Ints) -> None:
    """redux.sync.op.{u32,s32,b32}."""
    if statement.modifiers[0] != "sync" or statement.modifiers[1] not in _REDUCTIONS:
        raise PtxError("unknown form of redux")
    target, value, mask = statement.operands
    ready = _meet(lanes, pc, active, mask)
    if not ready.size:
        return
    given = np.broadcast_to(lanes.read(value, DTYPES[statement.modifiers[-1]], ready), ready.shape)
    team = (ready // WARP << 32) | lanes.masks[ready].astype(np.int64)
    for one in np.unique(team):
        at = team == one
        result = _REDUCTIONS[statement.modifiers[1]].reduce(given[at], dtype=given.dtype)
        lanes.write(target, np.full(int(at.sum()), result), ready[at])


def active_mask(lanes: Lanes, statement: Statement, pc: int, active: Ints) -> None:
    present = np.zeros(lanes.count, np.bool_)
    present[active] = True
    lanes.write(statement.operands[0], lanes.warp_bits(present)[active], active)


WARP_OPS: dict[str, Callable[[Lanes, Statement, int, Ints], None]] = {
    "bar": barrier,
    "barrier": barrier,
    "shfl": shuffle,
    "vote": vote,
    "redux": warp_reduction,
    "activemask": active_mask,
}
