"""Statements that compute with arrays outside of kernels: by cupy, or on the host.

What cupy computes (`libraries.py`) is a call of it. The rest is copied to the host, computed there
and copied back: other NumPy functions, `print`, random draws, and what a tape keeps. Each waits for
the stream. The rule that does the work is the CPU's own, on host memory.
"""

from __future__ import annotations

from collections.abc import Sequence

from tracejit.codegen_llvm.lower import RULES as CPU_RULES
from tracejit.codegen_llvm.lower_extern import call_host, parts_of
from tracejit.device.driver import driver
from tracejit.device.host_function import host_function
from tracejit.device.libraries import DeviceLibrary, LibraryRow, row_for
from tracejit.device.library_calls import LibraryCall, described
from tracejit.ir.core import Instr, Value
from tracejit.ir.interpret.draws import HostDraw, HostMake
from tracejit.ir.scalar.emit import I64
from tracejit.ir.types import BufferType
from tracejit.llvm_text.emit import Reg
from tracejit.llvm_text.lower_control import location_of
from tracejit.llvm_text.lower_function import FunctionText, Pointer, Rule


def _span(f: FunctionText, type_: BufferType) -> tuple[Reg, Reg]:
    """Where the bytes of a buffer begin, relative to its first element, and how many they are."""
    e, zero = f.e, f.const(0)
    low, high = zero, f.const(type_.dtype.itemsize)
    some = f.e.icmp("eq", zero, zero)
    for extent, stride in zip(type_.shape, type_.strides, strict=True):
        n, step = f.dim(extent), f.dim(stride)
        reach = e.imul(step, e.isub(n, f.const(1)))
        back = e.icmp("lt", reach, zero)
        low = e.iadd(low, e.select(back, reach, zero))
        high = e.iadd(high, e.select(back, zero, reach))
        some = e.iand(some, e.icmp("gt", n, zero))
    return e.select(some, low, zero), e.select(some, e.isub(high, low), zero)


class _Staged:
    """Host copies of buffers while one statement runs."""

    def __init__(self, f: FunctionText, instr: Instr, buffers: Sequence[Value]) -> None:
        self.f, self.instr = host_function(f), instr
        self.what = f"a copy for {instr.name}"
        self.device = {b: f.pointer(b) for b in dict.fromkeys(buffers)}
        self.spans: dict[Value, tuple[Pointer, Pointer, Reg]] = {}

    def enter(self) -> None:
        f = self.f
        f.module.declare("declare ptr @tj_alloc(ptr, i64)")
        f.module.declare("declare void @tj_free(ptr, ptr)")
        for buffer, pointer in self.device.items():
            assert isinstance(buffer.type, BufferType)
            low, size = _span(f, buffer.type)
            memory = f.call_pointer(f"@tj_alloc(ptr %ctx, {size})")
            first = f.at(pointer, low, bound="")
            self.spans[buffer] = memory, first, size
            self._unless_empty(size, lambda m=memory, p=first, s=size: self._down(m, p, s))
            f.env[buffer] = f.at(memory, f.e.isub(f.const(0), low), bound="")
        if self.spans:
            f.wait(self.what, self.instr)

    def leave(self, written: Sequence[Value]) -> None:
        f = self.f
        for buffer in dict.fromkeys(written):
            memory, first, size = self.spans[buffer]
            self._unless_empty(size, lambda m=memory, p=first, s=size: self._up(p, m, s))
        if written:
            f.wait(self.what, self.instr)
        for buffer, pointer in self.device.items():
            f.e.line(f"call void @tj_free(ptr %ctx, {self.spans[buffer][0]})")
            f.env[buffer] = pointer

    def _down(self, to: Pointer, source: Pointer, size: Reg) -> None:
        self.f.download(to, source, size, self.what, self.instr)

    def _up(self, to: Pointer, source: Pointer, size: Reg) -> None:
        self.f.upload(to, source, size, self.what, self.instr)

    def _unless_empty(self, size: Reg, body: object) -> None:
        """The driver takes no copies of nothing."""
        e = self.f.e
        some, on = e.fresh_label("some"), e.fresh_label("on")
        e.line(f"br {e.icmp('gt', size, Reg('0', I64))}, label %{some}, label %{on}")
        e.label(some)
        body()  # type: ignore[operator]
        e.line(f"br label %{on}")
        e.label(on)


def staged(rule: Rule) -> Rule:
    """A rule for buffers in host memory as one for buffers on the device."""

    def lower(f: FunctionText, instr: Instr) -> None:
        buffers = [v for v in instr.operands if isinstance(v.type, BufferType)]
        around = _Staged(f, instr, buffers)
        around.enter()
        rule(f, instr)
        around.leave(_written(instr))

    return lower


def _written(instr: Instr) -> list[Value]:
    """The operands that a statement fills."""
    if instr.name == "tape_pop":
        _, *found = instr.operands
    elif "inputs" in instr.attrs:
        found = list(instr.operands[instr.attrs["inputs"] :])
    else:
        found = []
    return [v for v in found if isinstance(v.type, BufferType)]


def why_on_host(instr: Instr, library: DeviceLibrary) -> str | None:
    """Why the host computes a statement; None where a library does it on the device."""
    found = row_for(instr, library)
    if isinstance(found, LibraryRow):
        return None
    if found or instr.name in _REASONS:
        return found or _REASONS[instr.name]
    draws = isinstance(instr.attrs["fn"], (HostDraw, HostMake))
    return "a generator of NumPy's draws" if draws else "it is code in Python"


_REASONS = {
    "print": "Python prints",
    "tape": "the run decides how much is kept",
    "tape_push": "the run decides how much is kept",
    "tape_pop": "the run decides how much is kept",
}
_by_numpy = staged(CPU_RULES["host_call"])


def _host_call(f: FunctionText, instr: Instr) -> None:
    entry = row_for(instr, driver().library)
    if not isinstance(entry, LibraryRow) or not any(
        isinstance(v.type, BufferType) for v in instr.operands
    ):
        _by_numpy(f, instr)
        return
    function, operands, results = parts_of(instr)
    location = location_of(instr.loc)
    call = LibraryCall(entry, function, described(operands), described(results), location)
    call_host(f, call, operands, results, raw=True)


STAGED: dict[str, Rule] = {
    "host_call": _host_call,
    **{name: staged(CPU_RULES[name]) for name in ("print", "tape_push", "tape_pop")},
}
