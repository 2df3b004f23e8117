"""The function under construction that drives a GPU: its memory, its copies, its stream.

Work goes to the stream of the context, in program order. A driver call that fails ends the core
with an error of its own, which names what failed and the user's line.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tracejit import abi
from tracejit.codegen_ptx.lower import PtxProgram
from tracejit.device import memory
from tracejit.device.driver import CudaError
from tracejit.ir.core import Instr
from tracejit.ir.scalar.emit import BOOL
from tracejit.llvm_text.emit import Reg
from tracejit.llvm_text.lower_control import location_of
from tracejit.llvm_text.lower_function import FunctionText, Module, Pointer
from tracejit.llvm_text.lower_memory import byte_count
from tracejit.llvm_text.tables import ErrorSite
from tracejit.lower.memory_plan import ALIGNMENT, Block, Tenant

#: More bytes than there are on any device.
_TOO_MANY = 1 << 48
DECLARATIONS = (
    "declare i32 @cuLaunchKernel(ptr, i32, i32, i32, i32, i32, i32, i32, ptr, ptr, ptr)",
    "declare i32 @cuMemcpyDtoHAsync(ptr, ptr, i64, ptr)",
    "declare i32 @cuMemcpyHtoDAsync(ptr, ptr, i64, ptr)",
    "declare i32 @cuStreamSynchronize(ptr)",
    "declare ptr @PyEval_SaveThread()",
    "declare void @PyEval_RestoreThread(ptr)",
)


class HostFunction(FunctionText):
    """The host function under construction."""

    def __init__(self, module: Module, ptx: PtxProgram, plan: Iterable[Block] = ()) -> None:
        super().__init__(module, kernel=False)
        self.ptx = ptx
        #: Blocks of memory by the instructions that ask for them and give them back.
        self._begin: dict[Instr, list[Block]] = {}
        self._end: dict[Instr, list[Block]] = {}
        for block in plan:
            self._begin.setdefault(block.first, []).append(block)
            self._end.setdefault(block.last, []).append(block)
        self._memory: dict[int, Pointer] = {}
        self._places: dict[Tenant, Pointer] = {}
        self.handles = {k.name: n for n, k in enumerate(ptx.kernels)}
        self.constants: list[Any] = []
        self.entry += [
            f"  %stream.at = getelementptr i64, ptr %ctx, i64 {abi.CTX_STREAM}",
            "  %stream = load ptr, ptr %stream.at",
        ]
        for line in DECLARATIONS:
            module.declare(line)
        for table in ("@kernels", "@constants"):
            module.tables[table] = f"{table} = external global ptr"

    def drive(self, call: str, what: str, instr: Instr, library: str = "CUDA") -> None:
        """A driver call; where it fails the core ends with a CudaError about `what`."""
        site = ErrorSite(
            CudaError, f"{library} error {{}} in {what}", ("int",), location_of(instr.loc)
        )
        number = self.module.errors.add(site)
        status, failed = self.e.fresh(), self.e.fresh()
        bad, good = self.e.fresh_label("bad"), self.e.fresh_label("ok")
        self.e.line(f"{status} = call i32 {call}")
        self.e.line(f"{failed} = icmp ne i32 {status}, 0")
        self.e.line(f"br i1 {failed}, label %{bad}, label %{good}")
        self.e.label(bad)
        word = self.e.fresh()
        self.e.line(f"{word} = zext i32 {status} to i64")
        self.e.line(f"store i64 {word}, {self.at(Pointer('%ctx'), 8 * abi.CTX_PAYLOAD)}")
        self.e.line(f"store i64 {number}, ptr %ctx")
        self.e.line(f"br label %{self.fail()}")
        self.e.label(good)

    def allocate(self, size: Reg) -> Pointer:
        """Device memory that the call owns."""
        self._with_memory()
        return self.call_pointer(f"@tj_device_take(ptr %ctx, {size})")

    def release(self, place: Pointer) -> None:
        self._with_memory()
        self.e.line(f"call void @tj_device_give(ptr %ctx, {place})")

    def begin(self, instr: Instr) -> None:
        """Allocate the blocks that an instruction is the first to need."""
        for block in self._begin.get(instr, ()):
            total, many, starts = self.const(0), Reg("false", BOOL), []
            for slot in block.slots:
                starts.append(total)
                size = self.const(slot) if isinstance(slot, int) else byte_count(self, slot)
                # No device has so much; the sum of such sizes does not overflow.
                for pred, bound in (("lt", 0), ("gt", _TOO_MANY)):
                    many = self.e.ior(many, self.e.icmp(pred, size, self.const(bound)))
                whole = self.add(size, self.const(ALIGNMENT - 1))
                total = self.add(total, self.e.iand(whole, self.const(-ALIGNMENT)))
            made = self.allocate(self.e.select(many, self.const(-1), total))
            self._memory[id(block)] = made
            at = [self.at(made, start) for start in starts]
            self._places |= {tenant: at[slot] for tenant, slot in block.places.items()}

    def end(self, instr: Instr) -> None:
        """Give back the blocks that an instruction is the last to need."""
        for block in self._end.get(instr, ()):
            self.release(self._memory[id(block)])

    def place(self, tenant: Tenant) -> Pointer | None:
        """Where what a block has room for lies."""
        return self._places.get(tenant)

    def _with_memory(self) -> None:
        for line in memory.DECLARATIONS:
            self.module.declare(line)
        self.module.once("@tj_device_take", memory.text())

    def download(self, to: Pointer, source: Pointer, size: Reg, what: str, instr: Instr) -> None:
        """Queue a copy to the host: it is there after `wait`."""
        self.drive(f"@cuMemcpyDtoHAsync({to}, {source}, {size}, ptr %stream)", what, instr)

    def upload(self, to: Pointer, source: Pointer, size: Reg, what: str, instr: Instr) -> None:
        """Queue a copy to the device: `source` is free to change after `wait`."""
        self.drive(f"@cuMemcpyHtoDAsync({to}, {source}, {size}, ptr %stream)", what, instr)

    def wait(self, what: str, instr: Instr) -> None:
        """Until all work of the stream is done; other threads of Python run meanwhile."""
        thread = self.e.fresh()
        self.e.line(f"{thread} = call ptr @PyEval_SaveThread()")
        status = self.e.fresh()
        self.e.line(f"{status} = call i32 @cuStreamSynchronize(ptr %stream)")
        self.e.line(f"call void @PyEval_RestoreThread(ptr {thread})")
        self.module.once("@tj_status", "define internal i32 @tj_status(i32 %s) #0 { ret i32 %s }")
        self.drive(f"@tj_status(i32 {status})", what, instr)

    def entry_of(self, table: str, number: int) -> Pointer:
        """Word `number` of a table that is filled when the code is loaded."""
        name = self.e.fresh()
        self.e.line(f"{name} = load ptr, {self.at(Pointer(table), 8 * number)}")
        return Pointer(name)


def host_function(f: FunctionText) -> HostFunction:
    assert isinstance(f, HostFunction)
    return f
