"""`PTXEmitter`: what kernels need beyond scalar arithmetic, as LLVM IR text for NVPTX.

Thread indices, grid-stride loops, loads and stores in global memory, reductions over a warp and a
block, integer atomics, and the text around a kernel. Values are `Reg`s of the scalar emitter. No
float atomics: a reduction's order depends on its sizes only, so its bits are the same in every run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from tracejit.dtypes import is_bool, is_signed
from tracejit.ir.scalar.emit import BOOL, F32, DType
from tracejit.ir.types import Math
from tracejit.llvm_text.emit import LLVMEmitter, Reg, llvm_type
from tracejit.records import dataclass

WARP = 32
GLOBAL, SHARED = 1, 3  # LLVM address spaces
I32, I64 = np.dtype(np.int32), np.dtype(np.int64)
U32 = np.dtype(np.uint32)
#: The names that LLVM has for what memory is updated with.
_UPDATES = {
    "add": "add",
    "bitwise_and": "and",
    "bitwise_or": "or",
    "bitwise_xor": "xor",
    "minimum": "min",
    "maximum": "max",
}

Values = tuple[Reg, ...]
Combine = Callable[[Values, Values], Sequence[Reg]]


@dataclass(frozen=True, eq=False)
class SpacePointer:
    """An address: its register and LLVM address space (1 global, 3 shared)."""

    text: str
    space: int

    def __str__(self) -> str:
        return f"ptr addrspace({self.space}) {self.text}"


@dataclass(frozen=True)
class KernelParam:
    """A parameter: a scalar of `dtype`, or (with `buffer`) a pointer to global elements of it.

    `readonly` and `noalias` are promises about the whole launch; loads of a parameter with both
    may go through the read-only cache.
    """

    name: str
    dtype: DType
    buffer: bool = False
    readonly: bool = False
    noalias: bool = False

    def __str__(self) -> str:
        if not self.buffer:
            return f"{_memory_type(self.dtype)} %{self.name}"
        flags = "".join(f"{f} " for f in ("noalias", "readonly") if getattr(self, f))
        align = self.dtype.itemsize
        return f"ptr addrspace({GLOBAL}) {flags}align {align} %{self.name}"


def _memory_type(dtype: DType) -> str:
    return "i8" if is_bool(dtype) else llvm_type(dtype)


class PTXEmitter(LLVMEmitter):
    """The scalar emitter of one kernel of `threads` threads a block (a multiple of the warp)."""

    def __init__(self, lines: list[str], name: str, threads: int, math: Math = "portable") -> None:
        super().__init__(lines)
        if threads % WARP or not WARP <= threads <= 1024:
            raise ValueError(f"a block has whole warps, 32 to 1024 threads; not {threads}")
        self.name = name
        self.threads = threads
        self.math = math
        self._shared = 0

    # Approximations of the device: see `device_math.py`.
    def approximate(self, name: str, a: Reg) -> Reg:
        """An approximate instruction of the device on a float32, such as `ex2.approx`."""
        symbol = f"@llvm.nvvm.{name}.f"
        self.declares[symbol] = f"declare float {symbol}(float)"
        return self.op(F32, f"call float {symbol}({a})")

    @contextmanager
    def approximate_quotients(self) -> Iterator[None]:
        """While active, quotients of float32 are products with an approximate reciprocal."""
        self.rounds_quotients = False
        try:
            yield
        finally:
            self.rounds_quotients = True

    def fdiv(self, a: Reg, b: Reg) -> Reg:
        if self.rounds_quotients or a.dtype != F32:
            return super().fdiv(a, b)
        inverse = self.approximate("rcp.approx.ftz", b)
        return inverse if self.known(a) == 1.0 else self.fmul(a, inverse)

    def shortcut(self, quick: Callable[[], tuple[Reg, Reg]], full: Callable[[], Reg]) -> Reg:
        """Threads that may not take it, and those alone, take the full way."""
        holds, usual = quick()
        rest = self.ixor(holds, self.const(True, holds.dtype))
        (found,) = self._branch_rarely(rest, [usual], lambda: [full()])
        return found

    # Where a thread is.
    def special(self, name: str) -> Reg:
        """A special register, such as `tid.x`, `ctaid.y` or `nctaid.x`, as an int32."""
        symbol = f"@llvm.nvvm.read.ptx.sreg.{name}"
        self.declares[symbol] = f"declare i32 {symbol}()"
        return self.op(I32, f"call i32 {symbol}()")

    def thread(self) -> Reg:
        return self.special("tid.x")

    def global_thread(self) -> Reg:
        """The thread's number in the whole one-dimensional grid, as an int64."""
        block = self.int_cast(self.special("ctaid.x"), I64)
        start = self.imul(block, self.const(self.threads, I64))
        return self.iadd(start, self.int_cast(self.thread(), I64))

    def grid_threads(self) -> Reg:
        blocks = self.int_cast(self.special("nctaid.x"), I64)
        return self.imul(blocks, self.const(self.threads, I64))

    # Loops and branches.
    def strided_loop(
        self,
        start: Reg,
        stop: Reg,
        step: Reg,
        carried: Sequence[Reg],
        body: Callable[[Reg, Values], Sequence[Reg]],
    ) -> Values:
        """`for i in range(start, stop, step)`, a positive step; returns the last carried values."""

        def stepped(values: Values) -> Sequence[Reg]:
            inner = body(values[0], values[1:])
            return [self.iadd(values[0], step), *inner]

        results = self.while_loop(
            [start, *carried], lambda values: self.icmp("lt", values[0], stop), stepped
        )
        return results[1:]

    def grid_stride(
        self, count: Reg, carried: Sequence[Reg], body: Callable[[Reg, Values], Sequence[Reg]]
    ) -> Values:
        """Each index of `range(count)` in one thread of the grid, in ascending order per thread."""
        start, step = self.global_thread(), self.grid_threads()
        return self.strided_loop(start, count, step, carried, body)

    def block_stride(
        self, count: Reg, carried: Sequence[Reg], body: Callable[[Reg, Values], Sequence[Reg]]
    ) -> Values:
        """Each index of `range(count)` in one thread of every block."""
        start = self.int_cast(self.thread(), I64)
        return self.strided_loop(start, count, self.const(self.threads, I64), carried, body)

    def when(self, condition: Reg, body: Callable[[], None]) -> None:
        """`body` where `condition` holds; the threads meet again after it."""
        inside, after = self.fresh_label("then"), self.fresh_label("after")
        self.line(f"br {condition}, label %{inside}, label %{after}")
        self.label(inside)
        body()
        self.line(f"br label %{after}")
        self.label(after)

    # Memory.
    def element(self, base: SpacePointer, index: Reg, dtype: DType) -> SpacePointer:
        """The address of element `index` (an int64) of contiguous elements at `base`."""
        name = self.fresh()
        self.line(f"{name} = getelementptr inbounds {_memory_type(dtype)}, {base}, {index}")
        return SpacePointer(name, base.space)

    def load(self, address: SpacePointer, dtype: DType) -> Reg:
        text = f"load {_memory_type(dtype)}, {address}, align {dtype.itemsize}"
        if not is_bool(dtype):
            return self.op(dtype, text)
        name = self.fresh()
        self.line(f"{name} = {text}")
        return self.op(BOOL, f"icmp ne i8 {name}, 0")

    def store(self, address: SpacePointer, value: Reg) -> None:
        held = value.text
        if is_bool(value.dtype):
            held = self.fresh()
            self.line(f"{held} = zext {value} to i8")
        kind = _memory_type(value.dtype)
        self.line(f"store {kind} {held}, {address}, align {value.dtype.itemsize}")

    def update(self, name: str, address: object, value: Reg) -> None:
        """Combine an integer in memory with a value, at once: other threads may do so, too."""
        what = _UPDATES[name]
        if what in ("min", "max") and not is_signed(value.dtype):
            what = f"u{what}"
        self.line(f"{self.fresh()} = atomicrmw {what} {address}, {value} monotonic")

    def param(self, param: KernelParam) -> Reg | SpacePointer:
        """A parameter's value at the start of the kernel."""
        if param.buffer:
            return SpacePointer(f"%{param.name}", GLOBAL)
        if is_bool(param.dtype):
            return self.op(BOOL, f"icmp ne i8 %{param.name}, 0")
        return Reg(f"%{param.name}", param.dtype)

    def shared(self, dtype: DType, count: int) -> SpacePointer:
        """Shared memory for `count` elements, with undefined contents."""
        symbol = f"@{self.name}.shared{self._shared}"
        self._shared += 1
        kind = f"[{count} x {_memory_type(dtype)}]"
        self.tables[symbol] = (
            f"{symbol} = internal addrspace({SHARED}) global {kind} undef, align 16"
        )
        return SpacePointer(symbol, SHARED)

    def barrier(self) -> None:
        """Waits for every thread of the block; memory written before is seen after."""
        self._nvvm("barrier0", "void", ())

    def warp_barrier(self) -> None:
        """Waits for every lane of the warp; memory written before is seen after."""
        self._nvvm("bar.warp.sync", "void", ("i32 -1",))

    def _nvvm(self, name: str, result: str, args: Sequence[str]) -> str:
        symbol = f"@llvm.nvvm.{name}"
        types = ", ".join(a.split()[0] for a in args)
        self.declares[symbol] = f"declare {result} {symbol}({types}) #1"
        call = f"call {result} {symbol}({', '.join(args)})"
        if result == "void":
            self.line(call)
            return ""
        register = self.fresh()
        self.line(f"{register} = {call}")
        return register

    # Reductions.
    def shuffle_xor(self, value: Reg, distance: int) -> Reg:
        """The value of the lane whose number differs by xor `distance`; all lanes take part."""
        return self._shuffle(value, "bfly", distance)

    def shuffle_up(self, value: Reg, distance: int) -> Reg:
        """The value of the lane `distance` before; its own where there is none."""
        return self._shuffle(value, "up", distance)

    def _shuffle(self, value: Reg, mode: str, distance: int) -> Reg:
        if is_bool(value.dtype):
            word = self._shuffle_word(self.int_cast(value, U32), mode, distance)
            return self._narrow(word, BOOL)
        integer = np.dtype(f"u{value.dtype.itemsize}")
        bits = self.bitcast(value, integer)
        if integer.itemsize < 8:
            moved = self._shuffle_word(self.int_cast(bits, U32), mode, distance)
            return self.bitcast(self._narrow(moved, integer), value.dtype)
        half = self.const(32, integer)
        low = self._shuffle_word(self.int_cast(bits, U32), mode, distance)
        high = self._shuffle_word(self.int_cast(self.lshr(bits, half), U32), mode, distance)
        top = self.shl(self.int_cast(high, integer), half)
        return self.bitcast(self.ior(top, self.int_cast(low, integer)), value.dtype)

    def _narrow(self, word: Reg, dtype: DType) -> Reg:
        if dtype.itemsize == 4:
            return Reg(word.text, dtype)
        return self.op(dtype, f"trunc {word} to {llvm_type(dtype)}")

    def _shuffle_word(self, word: Reg, mode: str, distance: int) -> Reg:
        last = 0 if mode == "up" else WARP - 1
        args = ("i32 -1", f"i32 {word.text}", f"i32 {distance}", f"i32 {last}")
        return Reg(self._nvvm(f"shfl.sync.{mode}.i32", "i32", args), U32)

    def warp_reduce(self, values: Values, combine: Combine, lanes: int = WARP) -> Values:
        """`values` combined over each aligned group of `lanes` lanes, the result in all of them.

        `combine` must be commutative bit for bit, or lanes would disagree; all lanes take part.
        """
        distance = lanes // 2
        while distance:
            others = tuple(self.shuffle_xor(v, distance) for v in values)
            values = tuple(combine(values, others))
            distance //= 2
        return values

    def ballot(self, chosen: Reg) -> Reg:
        """A bit for each lane of the warp that is chosen; all lanes take part."""
        return Reg(self._nvvm("vote.ballot.sync", "i32", ("i32 -1", f"i1 {chosen.text}")), I32)

    def block_rank(self, chosen: Reg, room: SpacePointer) -> tuple[Reg, Reg]:
        """How many threads of the block before this one are chosen, and how many there are.

        `room`: shared memory for an int32 of each warp. Must be reached by all threads of the
        block. May be used in a loop.
        """
        bits = self.ballot(chosen)
        one, thread = self.const(1, I32), self.thread()
        lane = self.iand(thread, self.const(WARP - 1, I32))
        below = self.isub(self.shl(one, lane), one)
        rank = self.ctpop(self.iand(bits, below))
        warp = self.lshr(thread, self.const(5, I32))
        mine = self.element(room, self.int_cast(warp, I64), I32)
        self.when(
            self.icmp("eq", lane, self.const(0, I32)), lambda: self.store(mine, self.ctpop(bits))
        )
        self.barrier()
        total = self.const(0, I32)
        for k in range(self.threads // WARP):
            of_warp = self.load(self.element(room, self.const(k, I64), I32), I32)
            before = self.icmp("lt", self.const(k, I32), warp)
            rank = self.iadd(rank, self.select(before, of_warp, self.const(0, I32)))
            total = self.iadd(total, of_warp)
        self.barrier()  # the next tile may write where a slow warp still reads
        return rank, total

    def block_scan(
        self, values: Values, identity: Values, combine: Combine, room: Sequence[SpacePointer]
    ) -> tuple[Values, Values]:
        """`values` of the threads up to this one combined, in their order, and those of all.

        `room`: shared memory for a value of each warp. Must be reached by all threads of the block.
        May be used in a loop.
        """
        thread = self.thread()
        lane = self.iand(thread, self.const(WARP - 1, I32))
        distance = 1
        while distance < WARP:
            others = tuple(self.shuffle_up(v, distance) for v in values)
            inside = self.icmp("ge", lane, self.const(distance, I32))
            sums = combine(others, values)
            values = tuple(self.select(inside, s, v) for s, v in zip(sums, values, strict=True))
            distance *= 2
        warp = self.lshr(thread, self.const(5, I32))
        mine = self.int_cast(warp, I64)

        def leave() -> None:
            for place, value in zip(room, values, strict=True):
                self.store(self.element(place, mine, value.dtype), value)

        self.when(self.icmp("eq", lane, self.const(WARP - 1, I32)), leave)
        self.barrier()
        before = total = identity
        for k in range(self.threads // WARP):
            at = self.const(k, I64)
            of_warp = tuple(
                self.load(self.element(place, at, v.dtype), v.dtype)
                for place, v in zip(room, values, strict=True)
            )
            is_before = self.icmp("lt", self.const(k, I32), warp)
            more = combine(before, of_warp)
            before = tuple(self.select(is_before, m, b) for m, b in zip(more, before, strict=True))
            total = tuple(combine(total, of_warp))
        self.barrier()  # the next tile may write where a slow warp still reads
        return tuple(combine(before, values)), total

    def block_reduce(self, values: Values, identity: Values, combine: Combine) -> Values:
        """`values` combined over the block in a fixed order; every thread has the result.

        Must be reached by all threads of the block. May be used in a loop.
        """
        values = self.warp_reduce(values, combine)
        warps = self.threads // WARP
        if warps == 1:
            return values
        room = [self.shared(v.dtype, warps) for v in values]
        thread = self.thread()
        lane = self.iand(thread, self.const(WARP - 1, I32))
        warp = self.int_cast(self.lshr(thread, self.const(5, I32)), I64)

        def leave() -> None:
            for place, value in zip(room, values):
                self.store(self.element(place, warp, value.dtype), value)

        self.when(self.icmp("eq", lane, self.const(0, I32)), leave)
        self.barrier()
        # Every group of so many lanes combines all parts, so that each lane has the result.
        lanes = 1 << (warps - 1).bit_length()
        part = self.iand(lane, self.const(lanes - 1, I32))
        inside = self.icmp("lt", part, self.const(warps, I32))
        index = self.int_cast(self.select(inside, part, self.const(0, I32)), I64)
        partial = []
        for place, value, neutral in zip(room, values, identity):
            found = self.load(self.element(place, index, value.dtype), value.dtype)
            partial.append(self.select(inside, found, neutral))
        self.barrier()  # the next reduction may write where a slow warp still reads
        return self.warp_reduce(tuple(partial), combine, lanes)


@dataclass(frozen=True)
class KernelText:
    """A kernel's definition and the module-level lines (declarations, shared memory) it needs."""

    name: str
    threads: int
    definition: str
    module_lines: tuple[str, ...]


def kernel_text(
    name: str,
    params: Sequence[KernelParam],
    threads: int,
    body: Callable[[PTXEmitter, list[Reg | SpacePointer]], None],
    math: Math = "portable",
) -> KernelText:
    """A kernel of `threads` threads a block; `body(emitter, params)` emits what it does."""
    emitter = PTXEmitter([], name, threads, math)
    body(emitter, [emitter.param(p) for p in params])
    arguments = ", ".join(map(str, params))
    head = f"define ptx_kernel void @{name}({arguments}) nounwind {{"
    lines = [head, "entry:", *emitter.lines, "  ret void", "}"]
    return KernelText(name, threads, "\n".join(lines), tuple(emitter.module_lines()))


def module_text(kernels: Sequence[KernelText]) -> str:
    """One LLVM module. Block sizes are required ones: a launch with another size fails."""
    lines = sorted({line for kernel in kernels for line in kernel.module_lines})
    lines += [kernel.definition for kernel in kernels]
    lines.append("attributes #1 = { convergent nounwind }")
    # An annotation, not a function attribute: every LLVM since 20 reads it. Stating .maxntid too
    # would make the assembler refuse the kernel.
    names = ", ".join(f"!{k}" for k in range(len(kernels)))
    lines.append(f"!nvvm.annotations = !{{{names}}}")
    for k, kernel in enumerate(kernels):
        lines.append(f'!{k} = !{{ptr @{kernel.name}, !"reqntidx", i32 {kernel.threads}}}')
    return "\n".join(lines) + "\n"
