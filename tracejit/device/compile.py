"""From a Program and a signature to something that calls it on a device."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tracejit import abi
from tracejit.abi import capi
from tracejit.codegen_llvm.engine import shared_engine
from tracejit.codegen_llvm.lower import Core
from tracejit.codegen_llvm.runtime import runtime_symbols
from tracejit.codegen_ptx.lower import PtxProgram, ptx_module
from tracejit.device import memory
from tracejit.device.driver import Driver, driver
from tracejit.device.entry import DeviceEntry
from tracejit.device.host_text import lower_host
from tracejit.device.kernel_cache import KernelCache
from tracejit.device.products import needs_kernel
from tracejit.device.staging import why_on_host
from tracejit.device.transfers import upload_constant
from tracejit.ir.core import Instr
from tracejit.ir.program import Program
from tracejit.lower.device_scalars import device_scalars
from tracejit.lower.expand_masked import plain
from tracejit.lower.host_numbers import host_numbers
from tracejit.lower.join_points import join_points
from tracejit.lower.outline import outline

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
    ) -> None:
        """``slots``: where parameters are found, and where results go; ``cache``: whether kernels
        may come from files, and are kept there."""
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
        text = self.core.text
        available: dict[str, int] = {
            **capi.symbols(),
            **runtime_symbols(),
            **self.driver.addresses,
            **memory.symbols(),
            **self.core.symbols,
            "kernels": ctypes.addressof(self._kernels),
            "constants": ctypes.addressof(self._places),
        }
        if "@cublas" in text:
            available |= self.driver.blas
        wanted = {name: available[name] for name in _NAME.findall(text) if name in available}
        module = shared_engine().compile(text, wanted, ["core"], opt_level, cache)
        return DeviceSpecialisation(self, module, signature, rejecting, names)


class DeviceSpecialisation:
    """One core with its entry, as `python_entry.entry.Specialisation` is for the CPU."""

    def __init__(
        self,
        code: DeviceCode,
        module: Any,
        signature: abi.Signature,
        rejecting: Sequence[int],
        names: Callable[[int], str],
    ) -> None:
        self.code = code
        self.module = module
        self.signature = signature
        self.chained = None
        core: Core = code.core
        self.portable = DeviceEntry(
            signature,
            module.addresses["core"],
            core.errors,
            core.host,
            rejecting,
            code.driver,
            code.device,
            names,
        )

    @property
    def kernels(self) -> Mapping[Instr, str]:
        return self.code.core.kernels

    def __call__(self, *args: Any) -> Any:
        return self.portable.call(args)


def _table(words: Sequence[int]) -> Any:
    return (ctypes.c_int64 * max(1, len(words)))(*words)
