"""The machines that code is exported for."""

from __future__ import annotations

import platform
from functools import cache

import llvmlite.binding as llvm

from tracejit.codegen_llvm.engine import Engine, Machine
from tracejit.codegen_llvm.processors import Subtarget, problem
from tracejit.records import dataclass


@dataclass(frozen=True)
class Target:
    """``cpu`` and ``features``: what code is for unless asked otherwise, by LLVM's names.
    ``heap``: whether there is a ``malloc``; without one, sizes are fixed and buffers static.
    ``weak_blas``: whether a CBLAS that the program is linked with is found.
    ``deep_stack``: whether threads have megabytes of stack, as systems give them."""

    name: str
    machine: Machine
    cpu: str
    features: str = ""
    bits: int = 64
    heap: bool = True
    weak_blas: bool = True
    deep_stack: bool = True

    def engine(self, cpu: str | None) -> Engine:
        """What compiles for it; ``cpu``: another processor, ``"native"`` for this machine's.

        ValueError where LLVM does not know the processor.
        """
        if cpu == "native":
            if self.name != native():
                raise ValueError(f"this machine is {native()}; a processor of {self.name} is named")
            flags = llvm.get_host_cpu_features().flatten()
            return _engine(self, llvm.get_host_cpu_name(), flags)
        self.check(cpu)
        return _engine(self, cpu or self.cpu, self.features)

    def check(self, cpu: str | None) -> None:
        """ValueError where LLVM has no such processor for the machine."""
        if cpu and cpu not in (self.cpu, "native"):
            asked = Subtarget(self.machine.triple, cpu, self.features, self.machine.abi)
            if wrong := problem(asked):
                raise ValueError(wrong)


@cache
def _engine(target: Target, cpu: str, features: str) -> Engine:
    return Engine(cpu, features, machine=target.machine)


_TARGETS = (
    Target("x86-64", Machine("x86_64-unknown-linux-gnu"), "x86-64-v3"),
    Target("aarch64", Machine("aarch64-unknown-linux-gnu"), "generic"),
    Target("armv7", Machine("armv7-unknown-linux-gnueabihf"), "cortex-a7", bits=32),
    Target(
        "thumbv7em",
        Machine("thumbv7em-none-eabihf", "static"),
        "cortex-m7",
        bits=32,
        heap=False,
        weak_blas=False,
        deep_stack=False,
    ),
    Target(
        "riscv64",
        Machine("riscv64-unknown-linux-gnu", abi="lp64d"),
        "generic-rv64",
        "+m,+a,+f,+d,+c",
    ),
    Target(
        "wasm32",
        Machine("wasm32-unknown-unknown", "static"),
        "generic",
        "+bulk-memory,+nontrapping-fptoint,+sign-ext,+simd128",
        bits=32,
        weak_blas=False,
        deep_stack=False,
    ),
)
TARGETS = {target.name: target for target in _TARGETS}

_MACHINES = {"x86_64": "x86-64", "AMD64": "x86-64", "aarch64": "aarch64", "arm64": "aarch64",
             "riscv64": "riscv64", "armv7l": "armv7"}  # fmt: skip


def native() -> str:
    """The name of this machine."""
    return _MACHINES.get(platform.machine(), platform.machine())


def target_named(name: str | None) -> Target:
    """The target; None for this machine. ValueError for a name that is none."""
    found = TARGETS.get(native() if name is None else name)
    if found is None:
        known = ", ".join(TARGETS)
        raise ValueError(f"there is no target {name or native()!r}: it is one of {known}")
    return found
