"""Program -> LLVM text of one `core` that drives a GPU: the CPU back end's host function, with
driver calls for the statements about memory and kernels.

Work goes to the stream of the context, in program order. What the host has to know (a fetched
element, a kernel's scalar results) waits for the stream. A driver call that fails ends the core
with an error of its own, which names the kernel and the user's line.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tracejit.codegen_llvm.lower import RULES as CPU_RULES
from tracejit.codegen_llvm.lower import Core, lower_program
from tracejit.codegen_ptx.lower import FOR_SEVERAL, PARTED, KernelInfo, PtxProgram
from tracejit.codegen_ptx.parameters import Argument
from tracejit.device.host_function import HostFunction, host_function
from tracejit.device.products import product
from tracejit.device.staging import STAGED
from tracejit.errors import UnsupportedError, raise_at
from tracejit.ir.core import Instr, Value
from tracejit.ir.extent import Dim, leaves, subst
from tracejit.ir.program import Program
from tracejit.ir.types import BufferType
from tracejit.llvm_text.emit import Reg
from tracejit.llvm_text.lower_function import FunctionText, Module, Pointer, Rule, parts
from tracejit.llvm_text.lower_memory import address, byte_count, load_scalar, store_scalar
from tracejit.lower.memory_plan import memory_plan

#: Room for one scalar of any dtype, and bytes that one access moves at most.
_SCALAR, _ACCESS = "[2 x i64]", 16


def _alloc(f: FunctionText, instr: Instr) -> None:
    type_ = instr.result.type
    assert isinstance(type_, BufferType)
    host = host_function(f)
    host.begin(instr)
    f.env[instr.result] = host.place(instr.result) or host.allocate(byte_count(f, type_))


def _free(f: FunctionText, instr: Instr) -> None:
    host = host_function(f)
    if host.place(instr.operands[0]) is None:
        host.release(f.pointer(instr.operands[0]))
    host.end(instr)


def _fetch(f: FunctionText, instr: Instr) -> None:
    buffer, *index = instr.operands
    cell = f.stack(_SCALAR, 16)
    size = f.const(buffer.dtype.itemsize)
    host_function(f).download(cell, address(f, buffer, index), size, "a copy of one element", instr)
    host_function(f).wait("what was under way when an element was read", instr)
    f.env[instr.result] = load_scalar(f, cell, buffer.dtype)


def _const_buffer(f: FunctionText, instr: Instr) -> None:
    """A literal array lies on the device as long as the code is loaded."""
    host = host_function(f)
    array = instr.attrs["value"].array
    key = (array.dtype, array.shape, array.tobytes())
    known = [(a.dtype, a.shape, a.tobytes()) for a in host.constants]
    if key not in known:
        host.constants.append(array)
        known.append(key)
    f.env[instr.result] = host.entry_of("@constants", known.index(key))


def _launch(f: FunctionText, instr: Instr) -> None:
    _Launch(host_function(f), instr, instr.results).run()


def _gemm(f: FunctionText, instr: Instr) -> None:
    host = host_function(f)
    launch = host.ptx.products.get(instr)
    product(host, instr, None if launch is None else _Launch(host, launch, ()).run)


class _Launch:
    """The kernels of one launch, one after another, and its scalar results."""

    def __init__(self, f: HostFunction, instr: Instr, results: Sequence[Value]) -> None:
        self.f, self.instr, self.results = f, instr, results
        (kernel,) = instr.regions
        self.inner: dict[Any, Value] = dict(zip(kernel.params, instr.operands, strict=True))
        self.places: list[Pointer] = []
        self.partials: dict[tuple[int, int], Pointer] = {}
        self.blocks: Reg | None = None
        self.room = Pointer("null")

    def run(self) -> None:
        f, infos = self.f, self.f.ptx.launches[self.instr]
        f.begin(self.instr)
        planned, size = f.place(self.instr), room(infos, self.results)
        if size:
            self.room = planned or f.allocate(f.const(size))
        at = _places(self.results)
        self.places = [f.at(self.room, where) for where, _ in at]
        used = at[-1][1] if at else 0
        for info in infos:
            used = self._kernel(info, used)
        if self.results:
            self._fetch(f"a result of {infos[-1].name}")
        if size and planned is None:
            f.release(self.room)
        f.end(self.instr)

    def _fetch(self, what: str) -> None:
        f = self.f
        cells = [f.stack(_SCALAR, 16) for _ in self.results]
        for result, cell, place in zip(self.results, cells, self.places, strict=True):
            f.download(cell, place, f.const(result.dtype.itemsize), what, self.instr)
        f.wait(what, self.instr)
        for result, cell in zip(self.results, cells, strict=True):
            f.env[result] = load_scalar(f, cell, result.dtype)

    def _kernel(self, info: KernelInfo, used: int) -> int:
        """Queue a kernel; how many bytes of the room are used after that."""
        f = self.f
        grid = _grid(f, info, self.inner)
        if info.stage in PARTED:
            self.blocks = grid
            for argument, size in _parts(info):
                self.partials[argument.index, argument.part] = f.at(self.room, used)
                used += size
        if info.stage in FOR_SEVERAL:  # one block has none before it
            self._if_several(grid, lambda: self._queue(info, grid))
        else:
            self._queue(info, grid)
        return used

    def _if_several(self, blocks: Reg, body: Callable[[], None]) -> None:
        e = self.f.e
        several, on = e.fresh_label("several"), e.fresh_label("on")
        e.line(f"br {e.icmp('gt', blocks, self.f.const(1))}, label %{several}, label %{on}")
        e.label(several)
        body()
        e.line(f"br label %{on}")
        e.label(on)

    def _queue(self, info: KernelInfo, grid: Reg) -> None:
        f = self.f
        count = len(info.params)
        cells, pointers = f.stack(f"[{count} x i64]"), f.stack(f"[{count} x ptr]")
        for k, argument in enumerate(info.params):
            at = f.at(cells, 8 * k)
            store_scalar(f, at, self._argument(argument))
            f.e.line(f"store {at}, {f.at(pointers, 8 * k)}")
        handle = f.entry_of("@kernels", f.handles[info.name])
        blocks = f.e.fresh()
        f.e.line(f"{blocks} = trunc {grid} to i32")
        shape = f"i32 {blocks}, i32 1, i32 1, i32 {info.block}, i32 1, i32 1, i32 0"
        call = f"@cuLaunchKernel({handle}, {shape}, ptr %stream, {pointers}, ptr null)"
        f.drive(call, f"kernel {info.name}", self.instr)

    def _argument(self, a: Argument) -> Any:
        f = self.f
        if a.source == "blocks":
            assert self.blocks is not None
            return self.blocks
        if a.source == "partial":
            return self.partials[a.index, a.part]
        if a.source == "result":
            return f.at(self.places[a.index], a.part * a.param.dtype.itemsize)
        operand = self.instr.operands[a.index]
        if a.param.buffer:
            return f.pointer(operand)
        return parts(f.scalar(operand))[a.part]


def room(infos: Sequence[KernelInfo], results: Sequence[Value]) -> int:
    """Bytes that the kernels of a launch need besides: for its results, and for parts."""
    places = _places(results)
    parts = sum(size for info in infos for _, size in _parts(info))
    return parts + (places[-1][1] if places else 0)


def _places(results: Sequence[Value]) -> list[tuple[int, int]]:
    """Where each result begins and ends."""
    ends = [*itertools.accumulate(_whole(r.dtype.itemsize) for r in results)]
    return [*zip([0, *ends], ends)]


def _parts(info: KernelInfo) -> list[tuple[Argument, int]]:
    """The parameters for parts that a kernel leaves, and how many bytes each is of."""
    if info.stage not in PARTED:
        return []
    most = info.known_left or info.most_blocks
    partial = [a for a in info.params if a.source == "partial"]
    return [(a, _whole(most * a.param.dtype.itemsize)) for a in partial]


def _whole(size: int) -> int:
    """Bytes, so that what comes next begins at a multiple of what one access moves at most."""
    return -(-size // _ACCESS) * _ACCESS


def _grid(f: HostFunction, info: KernelInfo, inner: Mapping[Any, Value]) -> Reg:
    """Blocks to launch: `KernelInfo.grid` in the host's integers."""
    if info.fixed_grid is not None:
        return f.const(info.fixed_grid)
    assert info.points is not None
    known: dict[Any, Dim] = {v: inner[v].dim for v in leaves(info.points)}
    e, points = f.e, f.dim(subst(info.points, known))
    points = e.select(e.icmp("lt", points, f.const(0)), f.const(0), points)
    per, most = info.points_per_block, f.const(info.most_blocks)
    wanted = e.udiv(f.add(points, f.const(per - 1)), f.const(per))
    wanted = e.select(e.icmp("gt", wanted, most), most, wanted)
    return e.select(e.icmp("lt", wanted, f.const(1)), f.const(1), wanted)


def _recursion(f: FunctionText, instr: Instr) -> None:
    """One of numbers alone is the host's; its function does not know where device memory is."""
    if any(isinstance(v.type, BufferType) for v in instr.operands):
        error = UnsupportedError(
            "a function that calls itself cannot read arrays on a GPU: write a loop, or compile "
            'with target="cpu"'
        )
        if instr.loc is None:
            raise error
        raise_at(error, instr.loc.filename, instr.loc.line)
    CPU_RULES["recursion"](f, instr)


RULES: dict[str, Rule] = {
    **CPU_RULES,
    "recursion": _recursion,
    **STAGED,
    "launch": _launch,
    "gemm": _gemm,
    "alloc": _alloc,
    "free": _free,
    "fetch": _fetch,
    "const_buffer": _const_buffer,
}


def lower_host(
    ptx: PtxProgram, param_slots: Sequence[int], result_slots: Sequence[int]
) -> tuple[Core, list[Any]]:
    """The core of a Program whose kernels are PTX, and the literal arrays of `@constants`."""
    made: list[HostFunction] = []

    def needed(instr: Instr) -> int:
        infos = ptx.launches.get(instr)
        return 0 if infos is None else room(infos, instr.results)

    def text(module: Module, _: Program) -> HostFunction:
        made.append(HostFunction(module, ptx, memory_plan(ptx.program.host, needed)))
        return made[-1]

    core = lower_program(ptx.program, param_slots, result_slots, RULES, text)
    return core, made[0].constants
