"""LLVM text in, native code out: target machine, optimisation pipeline, object code, linking.

Code is for this processor, or for the one that `TRACEJIT_CPU` names (any name LLVM knows, such as
x86-64-v3), of which it then has exactly the features.

One `Engine` serves a process. Code is unloaded when its `CompiledModule` is collected: whoever can
call into it holds that. What arrays and types point to for ever is compiled with `forever`. Nothing
here knows what the code computes.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
import weakref
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, Protocol

import llvmlite
import llvmlite.binding as llvm

from tracejit.codegen_llvm.linker import Linker, llvm_lock
from tracejit.codegen_llvm.object_cache import default_cache
from tracejit.codegen_llvm.processors import Subtarget, problem
from tracejit.errors import SettingError
from tracejit.llvm_text.narrow import CASTS, Instructions, with_conversions
from tracejit.records import dataclass

# Emitters end each `define` with #0; the engine says what #0 means on this host.
ATTRIBUTE_GROUP = "#0"
# Object code also depends on the options below that the text does not show: count up with them.
_PIPELINE = "1"

_ADD_SIXTEEN = """
define void @add(ptr %p) "prefer-vector-width"="512" {
  %x = load <16 x float>, ptr %p
  %y = fadd <16 x float> %x, %x
  store <16 x float> %y, ptr %p
  ret void
}
"""
_WIDEN_HALVES = """
define <8 x float> @widen(<8 x half> %x) {
  %y = fpext <8 x half> %x to <8 x float>
  ret <8 x float> %y
}
"""


class CodegenError(RuntimeError):
    """The compiler handed LLVM something it rejects: a bug in tracejit, not the user's."""


class ObjectCache(Protocol):
    """Where object code is kept between processes (a folder, a dict in tests)."""

    def get(self, key: str) -> bytes | None: ...

    def put(self, key: str, code: bytes) -> None: ...


@dataclass(frozen=True)
class Machine:
    """What code is for: LLVM's triple, its relocation model, and the name of the calling convention
    where the triple alone does not say it."""

    triple: str
    reloc: str = "pic"
    abi: str = ""


@dataclass(frozen=True, eq=False)
class CompiledModule:
    """Linked code: `addresses` by exported name, the relocatable `object_code`, time by stage.

    The addresses are valid for as long as this object lives.
    """

    engine: Engine
    source: str
    opt_level: int
    addresses: Mapping[str, int]
    object_code: bytes
    milliseconds: Mapping[str, float]
    from_cache: bool = False

    def llvm_ir_optimised(self) -> str:
        """The module after the optimisation pipeline (run again on demand: it is deterministic)."""
        return str(self.engine.optimise(self.source, self.opt_level))

    def asm(self) -> str:
        """Assembly text for the engine's target."""
        module = self.engine.optimise(self.source, self.opt_level)
        return str(self.engine.target_machine(self.opt_level).emit_assembly(module))


#: Processors whose microcode slows gathers down, so that they leak nothing (Intel-SA-00828): one of
#: eight elements then takes longer than eight loads.
_SLOW_GATHERS = frozenset(
    [
        *("skylake", "skylake-avx512", "cascadelake", "cooperlake", "cannonlake"),
        *("icelake-client", "icelake-server", "tigerlake", "rocketlake"),
    ]
)


def _host_features() -> str:
    found = str(llvm.get_host_cpu_features().flatten())
    slow = llvm.get_host_cpu_name() in _SLOW_GATHERS
    return f"{found},+prefer-no-gather" if slow else found


class Engine:
    """Compiles and links modules for the host. Use `shared_engine()`; a fresh one is for tests.

    `cpu`: an LLVM name; its features are those of that processor unless `features` says otherwise.
    `cache`: where object code is looked for and kept, if anywhere.
    `machine`: another machine, for which code is emitted and not linked.
    """

    def __init__(
        self,
        cpu: str | None = None,
        features: str | None = None,
        cache: ObjectCache | None = None,
        machine: Machine | None = None,
    ) -> None:
        self.cache = cache
        native = machine is None
        if machine is None:
            llvm.initialize_native_target()
            llvm.initialize_native_asmprinter()
            machine = Machine(llvm.get_process_triple())
            if features is None:
                features = "" if cpu else _host_features()
            cpu = cpu or llvm.get_host_cpu_name()
        else:
            llvm.initialize_all_targets()
            llvm.initialize_all_asmprinters()
        self.machine = machine
        self.triple: str = machine.triple
        self.cpu: str = cpu or ""
        self.features: str = features or ""
        self._machines: dict[int, Any] = {}
        if native:
            self.linker = Linker(lambda: self._new_machine(2))
        self._forever: list[CompiledModule] = []

    @cached_property
    def attributes(self) -> str:
        """Attribute group #0. Without the width, LLVM leaves half of an AVX-512 register idle."""
        words = ["nounwind"]
        if self.has_wide_registers:
            words.append('"prefer-vector-width"="512"')
        return f"attributes {ATTRIBUTE_GROUP} = {{ {' '.join(words)} }}"

    @cached_property
    def has_wide_registers(self) -> bool:
        """Whether the target has registers of 512 bits."""
        if self.features:
            return "+avx512f" in self.features.split(",")
        return self._writes(_ADD_SIXTEEN, "zmm")

    @cached_property
    def converts(self) -> Instructions:
        """What the target has for conversions of narrow floats."""
        return CASTS if self._writes(_WIDEN_HALVES, "vcvtph2ps") else {}

    def _writes(self, text: str, what: str) -> bool:
        """Whether LLVM makes this of some text: only it knows what a name stands for."""
        with llvm_lock:
            module = llvm.parse_assembly(text)
            return what in str(self.target_machine().emit_assembly(module))

    def _new_machine(self, opt_level: int) -> Any:
        target = llvm.Target.from_triple(self.triple)
        # PIC and the small code model: the same object can be cached, relinked or exported, and
        # JITLink makes the stubs for far symbols.
        return target.create_target_machine(
            cpu=self.cpu,
            features=self.features,
            opt=opt_level,
            reloc=self.machine.reloc,
            codemodel="default",
            abiname=self.machine.abi,
        )

    def target_machine(self, opt_level: int = 3) -> Any:
        """The llvmlite target machine for `opt_level` (0 to 3), made once."""
        if opt_level not in self._machines:
            self._machines[opt_level] = self._new_machine(opt_level)
        return self._machines[opt_level]

    @property
    def target(self) -> tuple[str, ...]:
        """All but the text and its options that object code depends on."""
        versions = (llvmlite.__version__, str(llvm.llvm_version_info), _PIPELINE)
        return (self.triple, self.cpu, self.features, *versions)

    def cache_key(self, text: str, opt_level: int) -> str:
        """Everything that the object code depends on, hashed."""
        parts = (with_conversions(text, self.converts), str(opt_level), *self.target)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def parse(self, text: str) -> Any:
        """A verified llvmlite module. Raises `CodegenError` quoting the rejected line."""
        if not re.search(r"^attributes #0\b", text, re.MULTILINE):
            text = f"{with_conversions(text, self.converts)}\n{self.attributes}\n"
        try:
            module = llvm.parse_assembly(text)
            module.verify()
        except RuntimeError as error:
            raise CodegenError(_quote_rejected(text, str(error))) from None
        module.triple = self.triple
        module.data_layout = str(self.target_machine().target_data)
        return module

    def optimise(self, text: str, opt_level: int = 3) -> Any:
        """Parse and run the pipeline of `opt_level`; returns the llvmlite module."""
        with llvm_lock:
            return self._run_passes(self.parse(text), opt_level)

    def _run_passes(self, module: Any, opt_level: int) -> Any:
        if opt_level == 0:
            return module
        options = llvm.create_pipeline_tuning_options(speed_level=opt_level)
        options.loop_vectorization = opt_level >= 2
        options.loop_interleaving = opt_level >= 2
        options.loop_unrolling = opt_level >= 2
        # Kernels are loops already; SLP costs compile time and reorders nothing that pays here.
        options.slp_vectorization = False
        builder = llvm.create_pass_builder(self.target_machine(opt_level), options)
        passes = builder.getModulePassManager()
        passes.run(module, builder)
        # llvmlite 0.50 would never free it (60 kB): `_dispose` of a base class hides the one here.
        llvm.newpassmanagers.NewPassManager._dispose(passes)
        passes.detach()
        return module

    def emit(self, text: str, opt_level: int = 3) -> tuple[bytes, dict[str, float]]:
        """Object code and the milliseconds of each stage, without linking it."""
        with llvm_lock:
            return self._emit(text, opt_level)

    def emit_together(self, texts: Sequence[str], opt_level: int = 3) -> bytes:
        """One object of several modules, of which internal names may be the same."""
        with llvm_lock:
            module, *others = map(self.parse, texts)
            for other in others:
                module.link_in(other)
            self._run_passes(module, opt_level)
            code: bytes = self.target_machine(opt_level).emit_object(module)
            return code

    def _emit(self, text: str, opt_level: int) -> tuple[bytes, dict[str, float]]:
        """``emit``, whose caller has the lock until also the module here is gone."""
        clock = [time.perf_counter()]
        module = self.parse(text)
        clock.append(time.perf_counter())
        self._run_passes(module, opt_level)
        clock.append(time.perf_counter())
        code: bytes = self.target_machine(opt_level).emit_object(module)
        clock.append(time.perf_counter())
        stages = ("parse", "optimise", "emit")
        spent = {s: (b - a) * 1e3 for s, a, b in zip(stages, clock, clock[1:], strict=False)}
        return code, spent

    def compile(
        self,
        text: str,
        symbols: Mapping[str, int] | None = None,
        exports: Iterable[str] = (),
        opt_level: int = 3,
        cache: bool = True,
        forever: bool = False,
    ) -> CompiledModule:
        """Compile and link `text`; `symbols` are addresses that it calls.

        `cache`: whether its object code may come from the engine's cache, and is kept there.
        `forever`: whether it stays loaded until the process ends.
        """
        kept = self.cache if cache else None
        key = self.cache_key(text, opt_level) if kept is not None else ""
        code = kept.get(key) if kept is not None else None
        from_cache = code is not None
        spent: dict[str, float] = {}
        if code is None:
            code, spent = self.emit(text, opt_level)
            if kept is not None:
                kept.put(key, code)
        made = self.linked(text, code, symbols or {}, exports, opt_level, spent, from_cache)
        if forever:
            self._forever.append(made)
        return made

    def linked(
        self,
        text: str,
        code: bytes,
        symbols: Mapping[str, int],
        exports: Iterable[str],
        opt_level: int,
        spent: Mapping[str, float] | None = None,
        from_cache: bool = True,
    ) -> CompiledModule:
        """Object code in this process; ``text``: what it was made from, as far as that is known."""
        start = time.perf_counter()
        try:
            linked = self.linker.link(code, symbols, tuple(exports))
        except RuntimeError as error:
            raise CodegenError(f"linking native code failed: {error}") from None
        spent = {**(spent or {}), "link": (time.perf_counter() - start) * 1e3}
        made = CompiledModule(self, text, opt_level, linked.addresses, code, spent, from_cache)
        # At exit nothing is unloaded: threads and arrays may outlive the modules of Python.
        weakref.finalize(made, self.linker.drop, linked).atexit = False
        return made


def _quote_rejected(text: str, message: str) -> str:
    """LLVM's message with the lines around the one that it points at."""
    found = re.search(r":(\d+):(\d+): error", message)
    if not found:
        return f"LLVM rejected the generated code (a bug in tracejit): {message}"
    line = int(found.group(1))
    lines = text.splitlines()
    quoted = [
        f"{'>' if number == line else ' '} {number:5d} {lines[number - 1]}"
        for number in range(max(1, line - 4), min(len(lines), line + 2) + 1)
    ]
    reason = message.strip().splitlines()[1 if "\n" in message.strip() else 0]
    return "\n".join(["LLVM rejected the generated code (a bug in tracejit):", reason, *quoted])


_shared: list[Engine] = []


def named_cpu() -> str | None:
    """The processor that TRACEJIT_CPU names."""
    return os.environ.get("TRACEJIT_CPU", "").strip() or None


def _known_cpu() -> str | None:
    cpu = named_cpu()
    if cpu is None or cpu == llvm.get_host_cpu_name():
        return cpu
    wrong = problem(Subtarget(llvm.get_process_triple(), cpu))
    if wrong:
        raise SettingError(f"TRACEJIT_CPU={cpu}: {wrong}")
    return cpu


def shared_engine() -> Engine:
    """The engine of this process, made at first use.

    SettingError where LLVM does not know the processor that TRACEJIT_CPU names.
    """
    if not _shared:
        with llvm_lock:
            if not _shared:
                _shared.append(Engine(_known_cpu(), cache=default_cache()))
    return _shared[0]
