"""Exported object code run in an emulator; what it needs of a C library is Python here."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import unicorn as uc
from unicorn import arm64_const as arm64
from unicorn import arm_const as arm
from unicorn import riscv_const as riscv
from unicorn import x86_const as x86

from tests.export.calling import call, trampoline
from tests.export.elf import link
from tracejit.calls.versions import Options
from tracejit.export.export import Exported, exported
from tracejit.export.targets import TARGETS

CODE, STUBS, STACK, DATA = 0x100000, 0x400000, 0x600000, 0x800000
_SIZE = 0x200000


class Machine:
    """How a processor is set up, and where its calling convention has what a C function gets.

    ``returns``: the instruction that returns; ``thumb``: what is added to addresses of code.
    """

    def __init__(
        self, mode: tuple[int, int], ints: Sequence[int], sp: int, link_register: int | None,
        returns: bytes, doubles: Sequence[int], bits: int = 64, thumb: int = 0, model: int = -1,
    ) -> None:  # fmt: skip
        self.mode, self.ints, self.sp, self.link_register = mode, ints, sp, link_register
        self.returns, self.doubles, self.bits, self.thumb = returns, doubles, bits, thumb
        self.model = model


_ARM = [arm.UC_ARM_REG_R0 + k for k in range(4)]
_ARM_DOUBLES = [arm.UC_ARM_REG_D0 + k for k in range(4)]
MACHINES = {
    "x86-64": Machine(
        (uc.UC_ARCH_X86, uc.UC_MODE_64),
        [x86.UC_X86_REG_RDI, x86.UC_X86_REG_RSI, x86.UC_X86_REG_RDX, x86.UC_X86_REG_RAX],
        x86.UC_X86_REG_RSP, None, b"\xc3", [x86.UC_X86_REG_XMM0 + k for k in range(3)],
    ),
    "aarch64": Machine(
        (uc.UC_ARCH_ARM64, uc.UC_MODE_ARM), [arm64.UC_ARM64_REG_X0 + k for k in range(4)],
        arm64.UC_ARM64_REG_SP, arm64.UC_ARM64_REG_LR, b"\xc0\x03\x5f\xd6",
        [arm64.UC_ARM64_REG_D0 + k for k in range(3)],
    ),
    "armv7": Machine(
        (uc.UC_ARCH_ARM, uc.UC_MODE_ARM), _ARM, arm.UC_ARM_REG_SP, arm.UC_ARM_REG_LR,
        b"\x1e\xff\x2f\xe1", _ARM_DOUBLES, bits=32,
    ),
    "thumbv7em": Machine(
        (uc.UC_ARCH_ARM, uc.UC_MODE_THUMB), _ARM, arm.UC_ARM_REG_SP,
        arm.UC_ARM_REG_LR, b"\x70\x47", _ARM_DOUBLES, 32, 1, arm.UC_CPU_ARM_MAX,
    ),
    "riscv64": Machine(
        (uc.UC_ARCH_RISCV, uc.UC_MODE_RISCV64), [riscv.UC_RISCV_REG_A0 + k for k in range(4)],
        riscv.UC_RISCV_REG_SP, riscv.UC_RISCV_REG_RA, b"\x67\x80\x00\x00",
        [riscv.UC_RISCV_REG_FA0 + k for k in range(3)],
    ),
}  # fmt: skip


class Emulated:
    """A loaded object. ``call(f, args)`` gives its status, results and error words."""

    def __init__(self, target: str, made: Exported, extra: bytes) -> None:
        self.machine = machine = MACHINES[target]
        self.cpu = uc.Uc(*machine.mode)
        if machine.model >= 0:
            self.cpu.ctl_set_cpu_model(machine.model)
        self._stubs: dict[int, str] = {}
        self._free = DATA
        image = link(extra, CODE, self._stub)
        self.symbols = image.symbols
        for start in (CODE, STUBS, STACK, DATA):
            self.cpu.mem_map(start, _SIZE)
        self.cpu.mem_write(CODE, bytes(image.data))
        for k in range(256):
            self.cpu.mem_write(STUBS + 16 * k, machine.returns)
        self.cpu.hook_add(uc.UC_HOOK_CODE, self._library, begin=STUBS, end=STUBS + 4096)
        self._floats(target)

    def _floats(self, target: str) -> None:
        """Processors begin without floating point."""
        if target in ("armv7", "thumbv7em"):
            self.cpu.reg_write(arm.UC_ARM_REG_C1_C0_2, 0xF << 20)
            self.cpu.reg_write(arm.UC_ARM_REG_FPEXC, 1 << 30)
        elif target == "aarch64":
            self.cpu.reg_write(arm64.UC_ARM64_REG_CPACR_EL1, 3 << 20)
        elif target == "riscv64":
            status = self.cpu.reg_read(riscv.UC_RISCV_REG_MSTATUS)
            self.cpu.reg_write(riscv.UC_RISCV_REG_MSTATUS, status | 0x6000)

    def _stub(self, name: str) -> int:
        at = STUBS + 16 * (len(self._stubs) + 1)
        self._stubs[at] = name
        return at + self.machine.thumb

    def memory(self, size: int) -> int:
        at = self._free
        self._free += size + 63 & -64
        assert self._free < DATA + _SIZE
        return at

    def call(self, function: str, argument: int) -> int:
        """Call ``i32 function(ptr)``."""
        m, stop = self.machine, STUBS
        sp = STACK + _SIZE - 4096
        if m.link_register is None:
            sp -= 8
            self.cpu.mem_write(sp, struct.pack("<Q", stop))
        else:
            self.cpu.reg_write(m.link_register, stop + m.thumb)
        self.cpu.reg_write(m.sp, sp)
        self.cpu.reg_write(m.ints[0], argument)
        self.cpu.emu_start(self.symbols[function] | m.thumb, stop, timeout=20_000_000)
        result = m.ints[3] if m.link_register is None else m.ints[0]
        return int(np.int32(np.uint32(self.cpu.reg_read(result) & 0xFFFFFFFF)))

    def _double(self, k: int) -> float:
        raw = self.cpu.reg_read(self.machine.doubles[k]) & (2**64 - 1)
        return float(struct.unpack("<d", struct.pack("<Q", raw))[0])

    def _library(self, cpu: Any, address: int, size: int, data: Any) -> None:
        name = self._stubs.get(address)
        if name is None:
            return
        m = self.machine
        a, b, c, d = (cpu.reg_read(r) & (2**m.bits - 1) for r in m.ints)
        answer: int | None = None
        if name == "malloc":
            answer = self.memory(a)
        elif name in ("memcpy", "memmove"):
            cpu.mem_write(a, bytes(cpu.mem_read(b, c)))
            answer = a
        elif name == "memset":
            cpu.mem_write(a, bytes([b & 0xFF]) * c)
            answer = a
        elif name == "rint":
            self._returns(float(np.rint(self._double(0))))
        elif name == "fma":
            self._returns(_fma(*map(self._double, range(3))))
        elif name in ("__aeabi_ldivmod", "__divdi3"):
            x, y = (int(np.int64(np.uint64(w))) for w in (a | b << 32, c | d << 32))
            quotient = math.trunc(Fraction(x, y))
            for r, value in zip(m.ints, _halves(quotient, x - quotient * y), strict=True):
                cpu.reg_write(r, value)
        elif name in ("__aeabi_ul2d", "__floatundidf"):
            bits = struct.unpack("<Q", struct.pack("<d", float(a | b << 32)))[0]
            self._returns(float(a | b << 32))
            for r, value in zip(m.ints, _halves(bits), strict=False):
                cpu.reg_write(r, value)
        elif name != "free":
            raise NotImplementedError(f"the emulated C library has no {name}")
        if answer is not None:
            cpu.reg_write(m.ints[3] if m.link_register is None else m.ints[0], answer)

    def _returns(self, value: float) -> None:
        bits = struct.unpack("<Q", struct.pack("<d", value))[0]
        self.cpu.reg_write(self.machine.doubles[0], bits)


def _halves(*words: int) -> list[int]:
    return [w >> shift & 0xFFFFFFFF for w in words for shift in (0, 32)]


def _fma(a: float, b: float, c: float) -> float:
    if not all(map(math.isfinite, (a, b, c))):
        return a * b + c
    exact = Fraction(a) * Fraction(b) + Fraction(c)
    return float(exact) if exact else a * b + c


def run(
    function: Any, signature: Any, args: Sequence[Any], target: str, cpu: str | None = None
) -> tuple[int, list[Any], list[int]]:
    """Status, results and error words of a call in the emulator. ``args``: arrays, whose extents
    follow where they are parameters, and numbers, in the order of the C function."""
    made = exported(function, Options(), signature, TARGETS[target], cpu)
    (f,) = made.functions
    engine = TARGETS[target].engine(cpu)
    loaded = Emulated(target, made, engine.emit_together([*made.texts, trampoline(f)]))
    return call(loaded, f, args)
