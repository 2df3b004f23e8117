"""Lanes in lockstep: registers, reconvergence (lowest program counter first), warps and barriers.

All lanes of all blocks of one launch are one array axis. Each block is padded to whole warps;
padding lanes have exited before the first instruction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tests.ptx.parse import Imm, Kernel, Operand, PtxError, Reg, Statement, Sym

Array = NDArray[Any]
Ints = NDArray[np.int64]
Triple = tuple[int, int, int]

WARP = 32
NO_PC = 1 << 60


class Lanes:
    """Registers and control state of every lane of the blocks `blocks` of a launch."""

    def __init__(self, kernel: Kernel, grid: Triple, block: Triple, blocks: range) -> None:
        self.kernel = kernel
        threads = block[0] * block[1] * block[2]
        padded = -(-threads // WARP) * WARP
        self.count = padded * len(blocks)
        self.per_block = padded
        self.every = np.arange(self.count)
        self.thread = np.tile(np.arange(padded), len(blocks))
        self.block = np.repeat(np.arange(len(blocks)), padded)
        self.exited = self.thread >= threads
        self.parked = np.zeros(self.count, np.bool_)
        self.pc = np.zeros(self.count, np.int64)
        self.values: dict[str, Array] = {}
        self.defined: dict[str, NDArray[np.bool_] | None] = {}  # None: in every lane
        self.special = self._special(grid, block, np.array(blocks)[self.block])
        self.symbols: dict[str, int] = {}
        self.masks = np.zeros(self.count, np.uint32)  # member mask of a lane that waits

    def _special(self, grid: Triple, block: Triple, index: Ints) -> dict[str, Array]:
        t, lane = self.thread, self.thread % WARP
        bit = np.uint32(1) << lane.astype(np.uint32)
        below = bit - np.uint32(1)
        found: dict[str, Array] = {
            "%laneid": lane,
            "%warpid": t // WARP,
            "%nwarpid": np.full(self.count, self.per_block // WARP),
            "%lanemask_eq": bit,
            "%lanemask_lt": below,
            "%lanemask_le": below | bit,
            "%lanemask_gt": ~(below | bit),
            "%lanemask_ge": ~below,
        }
        for sizes, size_name, index_name, i in (
            (block, "ntid", "tid", t),
            (grid, "nctaid", "ctaid", index),
        ):
            positions = (i % sizes[0], i // sizes[0] % sizes[1], i // (sizes[0] * sizes[1]))
            for axis, position, size in zip("xyz", positions, sizes):
                found[f"%{index_name}.{axis}"] = position
                found[f"%{size_name}.{axis}"] = np.full(self.count, size)
        return {name: value.astype(np.uint32) for name, value in found.items()}

    # Registers hold bit patterns; a read gives them the type the instruction names.

    def read(self, operand: Operand | None, dtype: np.dtype, lanes: Ints | slice) -> Array:
        """Operand `operand` in `lanes` as `dtype`: wider registers are truncated.

        Literals and addresses come as arrays of one element.
        """
        if isinstance(operand, Imm):
            return literal_value(operand, dtype)
        if isinstance(operand, Sym):
            if operand.name not in self.symbols:
                raise PtxError(f"unknown name {operand.name}")
            return np.array([self.symbols[operand.name] + operand.offset]).astype(dtype)
        if not isinstance(operand, Reg):
            raise PtxError(f"an operand of this form cannot be read here: {operand}")
        bits = self._bits(operand.name, lanes)
        if bits.dtype.kind == "b":
            if dtype.kind != "b":
                raise PtxError(f"predicate {operand.name} read as {dtype}")
            return ~bits if operand.negated else bits
        if dtype.kind == "b" or dtype.itemsize > bits.dtype.itemsize:
            raise PtxError(f"{operand.name} has {8 * bits.dtype.itemsize} bits, read as {dtype}")
        return bits.astype(f"u{dtype.itemsize}", copy=False).view(dtype)

    def _bits(self, name: str, lanes: Ints | slice) -> Array:
        if name in self.special:
            return self.special[name][lanes]
        if name not in self.values:
            if name not in self.kernel.registers:
                raise PtxError(f"register {name} is not declared")
            raise PtxError(f"register {name} is read and was never written")
        defined = self.defined[name]
        if defined is not None and not defined[lanes].all():
            first = self.every[lanes][np.flatnonzero(~defined[lanes])[0]]
            raise PtxError(f"register {name} is read and was never written in {self.where(first)}")
        return self.values[name][lanes]

    def write(self, operand: Operand | None, value: Array, lanes: Ints | slice) -> None:
        """Stores `value`: narrower integers are extended by their own signedness."""
        if operand is None:
            return
        if not isinstance(operand, Reg) or operand.name not in self.kernel.registers:
            raise PtxError(f"not a register that can be written: {operand}")
        kind = self.kernel.registers[operand.name]
        if (kind.kind == "b") != (value.dtype.kind == "b") or value.dtype.itemsize > kind.itemsize:
            raise PtxError(f"{operand.name} ({kind}) cannot hold a value of type {value.dtype}")
        if value.dtype.kind == "f":
            value = np.ascontiguousarray(value).view(f"u{value.dtype.itemsize}")
        if operand.name not in self.values:
            self.values[operand.name] = np.zeros(self.count, kind)
            self.defined[operand.name] = np.zeros(self.count, np.bool_)
        self.values[operand.name][lanes] = value.astype(kind, copy=False)
        if isinstance(lanes, slice):
            self.defined[operand.name] = None
        elif (defined := self.defined[operand.name]) is not None:
            defined[lanes] = True

    def where(self, lane: int) -> str:
        """The words for a lane in messages; blocks count from the launch's first of this group."""
        thread = self.thread[lane]
        warp, position = divmod(int(thread), WARP)
        return f"block {self.block[lane]}, thread {thread} (warp {warp}, lane {position})"

    # Control

    #: Which of the warps that can go on does, until its control divides; None: all, in step.
    choose: ClassVar[Callable[[Ints], int] | None] = None

    def schedule(self) -> Iterator[tuple[int, Ints, int]]:
        """Yields (pc, lanes, stop): run these lanes from pc, at most up to stop."""
        while True:
            ready = ~self.exited & ~self.parked
            if not ready.any():
                break
            if Lanes.choose is not None:
                warps = np.arange(self.count) // WARP
                ready &= warps == Lanes.choose(np.unique(warps[ready]))
            pcs = np.where(ready, self.pc, NO_PC)
            lowest = int(pcs.min())
            lanes = np.flatnonzero(pcs == lowest)
            others = pcs[pcs > lowest]
            yield lowest, lanes, int(others.min()) if others.size else NO_PC
        if self.parked.any():
            raise PtxError(self._deadlock())

    def _deadlock(self) -> str:
        stuck = np.flatnonzero(self.parked)
        places = []
        for pc in np.unique(self.pc[stuck]):
            at = stuck[self.pc[stuck] == pc]
            statement = self.kernel.code[int(pc)]
            first = self.where(int(at[0]))
            places.append(
                f"{len(at)} lanes at line {statement.line} ({statement.text}), first {first}"
            )
        return "deadlock: lanes wait for others that never come: " + "; ".join(places)

    def exit(self, lanes: Ints) -> None:
        self.exited[lanes] = True
        self.parked[:] = False  # those that wait may now be complete: let them look again

    def warp_bits(self, which: NDArray[np.bool_]) -> NDArray[np.uint32]:
        """Per lane, the bits of its warp's lanes for which `which` is true."""
        packed = np.packbits(which.reshape(-1, WARP), axis=1, bitorder="little")
        return np.repeat(packed.view("<u4").ravel(), WARP)

    def meet(self, pc: int, arriving: Ints, mask: Array) -> Ints:
        """Lanes of warps in which every live lane of `mask` is at `pc`; the others park."""
        here = np.zeros(self.count, np.bool_)
        here[self.parked & (self.pc == pc)] = True
        here[arriving] = True
        self.pc[arriving] = pc
        self.parked[arriving] = True
        self.masks[arriving] = mask
        bits = np.uint32(1) << (self.thread % WARP).astype(np.uint32)
        if (self.masks[arriving] & bits[arriving] == 0).any():
            raise PtxError("a lane executes a warp instruction whose member mask leaves it out")
        missing = self.masks & self.warp_bits(~self.exited) & ~self.warp_bits(here)
        ready = np.flatnonzero(here & (missing == 0))
        self.parked[ready] = False
        return ready

    def barrier(self, pc: int, arriving: Ints, number: int, count: int | None) -> Ints:
        """Lanes of blocks that are complete at barrier `number`; the others park."""
        self.pc[arriving] = pc
        self.parked[arriving] = True
        waiting = np.zeros(self.count, np.bool_)
        for other, statement in enumerate(self.kernel.code):
            if is_barrier(statement, number):
                waiting |= self.parked & (self.pc == other)
        shape = (-1, self.per_block)
        alive = ~self.exited
        if count is None:
            complete = (waiting | ~alive).reshape(shape).all(axis=1)
        else:
            complete = waiting.reshape(shape).sum(axis=1) >= count
        ready = np.flatnonzero(waiting & np.repeat(complete, self.per_block))
        self._check_uniform(ready)
        self.parked[ready] = False
        return ready

    def _check_uniform(self, ready: Ints) -> None:
        warp = ready // WARP
        first = np.zeros(self.count // WARP, np.int64)
        first[warp[::-1]] = self.pc[ready][::-1]
        bad = np.flatnonzero(self.pc[ready] != first[warp])
        if bad.size:
            raise PtxError(f"the warp of {self.where(int(ready[bad[0]]))} meets different barriers")


def is_barrier(statement: Statement, number: int) -> bool:
    if statement.opcode not in ("bar", "barrier") or "warp" in statement.modifiers:
        return False
    return statement.operands[0] == Imm(number)


def literal_value(literal: Imm, dtype: np.dtype) -> Array:
    """The value of a literal as one element of `dtype`."""
    if dtype.kind == "b":
        return np.array([literal.bits != 0])
    if dtype.kind == "f" and literal.width not in (0, 8 * dtype.itemsize):
        raise PtxError(f"a {literal.width}-bit float literal read as {dtype}")
    width = 8 * dtype.itemsize
    return np.array([literal.bits & ((1 << width) - 1)], f"u{dtype.itemsize}").view(dtype)
