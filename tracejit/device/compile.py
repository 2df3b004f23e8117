"""From a Program and a signature to something that calls it on a device."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from tracejit import abi
from tracejit.abi import capi
from tracejit.codegen_llvm.engine import shared_engine
from tracejit.codegen_llvm.runtime import runtime_symbols
from tracejit.codegen_ptx.lower import PtxProgram, ptx_module
from tracejit.device import entry_text, memory
from tracejit.device.driver import Driver, driver
from tracejit.device.entry import DeviceEntry, exception_of
from tracejit.device.fields import fields, new_array
from tracejit.device.host_text import lower_host
from tracejit.device.kernel_cache import KernelCache
from tracejit.device.memory import AroundCore
from tracejit.device.products import needs_kernel
from tracejit.device.staging import why_on_host
from tracejit.device.transfers import upload_constant
from tracejit.ir.core import Instr
from tracejit.ir.program import Program
from tracejit.ir.types import Math
from tracejit.lower.device_scalars import device_scalars
from tracejit.lower.expand_masked import plain
from tracejit.lower.host_numbers import host_numbers
from tracejit.lower.join_points import join_points
from tracejit.lower.outline import outline
from tracejit.python_entry import boxing_text
from tracejit.python_entry import entry_text as cpu_entry
from tracejit.python_entry.entry import merge_declarations, native_symbols, uses_native_entry

_NAME = re.compile(r"@([\w.$]+)")


class DeviceCode:
    """A loaded Program: its kernels, its host function, and the tables between them."""

    def __init__(
        self,
        program: Program,
        device: int,
        slots: tuple[Sequence[int], Sequence[int]],
        *,
        cache: bool = True,
        math: Math = "portable",
    ) -> None:
        """``slots``: where parameters are found, and where results go; ``cache``: whether kernels
        may come from files, and are kept there; ``math``: as `ptx_module` takes it."""
        kept = KernelCache(shared_engine().cache if cache else None)
        self.driver: Driver = driver()
        self.device = device
        with self.driver.on(device):
            self.ptx: PtxProgram = ptx_module(
                device_scalars(join_points(host_numbers(outline(plain(program))))),
                self.driver.architecture(),
                needs_kernel=needs_kernel,
                compiled=kept.ptx,
                why_on_host=lambda instr: why_on_host(instr, self.driver.library),
                math=math,
            )
            self.core, constants = lower_host(self.ptx, *slots)
            names = [k.name for k in self.ptx.kernels]
            self._loaded, handles = (
                kept.load(self.driver, self.ptx.text, names) if names else (None, [])
            )
            self._constants = [upload_constant(self.driver, c) for c in constants]
        self._kernels = _table(handles)
        self._places = _table([int(m.ptr) for m in self._constants])

    def specialise(
        self,
        signature: abi.Signature,
        opt_level: int,
        *,
        cache: bool,
        rejecting: Sequence[int],
        names: Callable[[int], str],
    ) -> DeviceSpecialisation:
        """What calls it by this signature."""
        core = self.core.text
        entry = None if rejecting else self._entry(signature)
        text = core if entry is None else merge_declarations("\n".join([core, *entry.parts]))
        available: dict[str, int] = {
            **(capi.symbols() if entry is None else native_symbols()),
            **runtime_symbols(),
            **self.driver.addresses,
            **self.driver.natives,
            **memory.symbols(),
            **self.core.symbols,
            "kernels": ctypes.addressof(self._kernels),
            "constants": ctypes.addressof(self._places),
        }
        if "@cublas" in core:
            available |= self.driver.blas
        wanted = {name: available[name] for name in _NAME.findall(text) if name in available}
        exports = ["core"] if entry is None else ["core", "entry"]
        module = shared_engine().compile(text, wanted, exports, opt_level, cache)
        found = (self.core.errors, self.core.host, rejecting, self.driver, self.device, names)
        portable = DeviceEntry(signature, module.addresses["core"], *found)
        return DeviceSpecialisation(self, module, signature, portable, entry)

    def _entry(self, signature: abi.Signature) -> NativeEntry | None:
        """The native entry, where there can be one."""
        natives = self.driver.natives
        if not uses_native_entry() or not all(name in natives for name in entry_text.NATIVES):
            return None
        where = fields()
        if where is None or not entry_text.is_native(signature):
            return None
        import cupy

        around, core = AroundCore(self.driver), self.core.text
        made = entry_text.DeviceEntryText(
            signature,
            where,
            self.device,
            cupy.ndarray,
            new_array(),
            self.driver.memory,
            entry_text.calls(core, "tj_device_take"),
            (around.begin, around.end) if entry_text.calls(core, "tj_blas") else None,
        )
        env = list(made.env)
        env[0] = partial(exception_of, self.core.errors, self.driver)
        env[1] = self.core.host
        return NativeEntry(made.text, env)


class NativeEntry:
    """The text of an entry, and the environment that it is called with."""

    def __init__(self, text: str, env: Sequence[Any]) -> None:
        self.parts = (
            text,
            cpu_entry.DECLARATIONS,
            boxing_text.DECLARATIONS,
            entry_text.DECLARATIONS,
        )
        self._objects = list(env)  # the words below are bare pointers to them
        self._words = (ctypes.c_void_p * len(env))(*map(id, self._objects))
        self.env_address = ctypes.addressof(self._words)
        self.entry_address = 0


class DeviceSpecialisation:
    """One core with its entries, as `python_entry.entry.Specialisation` is for the CPU.

    ``chained``: the native one, as a chain takes it; None where there is none.
    """

    def __init__(
        self,
        code: DeviceCode,
        module: Any,
        signature: abi.Signature,
        portable: DeviceEntry,
        entry: NativeEntry | None,
    ) -> None:
        self.code = code
        self.module = module
        self.signature = signature
        self.portable = portable
        self.chained = entry
        if entry is not None:
            entry.entry_address = module.addresses["entry"]

    @property
    def kernels(self) -> Mapping[Instr, str]:
        return self.code.core.kernels

    def __call__(self, *args: Any) -> Any:
        return self.portable.call(args)


def _table(words: Sequence[int]) -> Any:
    return (ctypes.c_int64 * max(1, len(words)))(*words)
