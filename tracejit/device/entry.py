"""The entry of code for a GPU: guards, slots and results as the portable entry has them, with
arrays that lie on the device and results that cupy owns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from tracejit import abi
from tracejit.codegen_llvm.core_call import CoreCall
from tracejit.codegen_llvm.runtime import HostTable
from tracejit.device import transfers
from tracejit.device.driver import OUT_OF_MEMORY, CudaError, Driver
from tracejit.device.memory import CallMemory
from tracejit.device_arrays import device_of
from tracejit.llvm_text.tables import ErrorTable
from tracejit.python_entry.lists import Lists
from tracejit.python_entry.portable import (
    Miss,
    PortableEntry,
    assemble,
    evaluate,
    known,
    matches,
    read_source,
)

#: Bytes of an array of NumPy's in a global that are copied to the device in each call.
MOST_UPLOADED = 1 << 16


class DeviceEntry(PortableEntry):
    """Calls one core whose kernels run on a device. `call(args)` returns its result or raises
    `Miss`; `args` has stand-ins for arrays (see `device_arrays`)."""

    def __init__(
        self,
        signature: abi.Signature,
        core: int,
        errors: ErrorTable,
        host: HostTable | None,
        rejecting: Sequence[int],
        driver: Driver,
        device: int,
        names: Callable[[int], str],
    ) -> None:
        """``names``: what hidden parameter k is called in the program."""
        super().__init__(signature, core, errors, host, rejecting)
        self._driver = driver
        self._device = device
        self._names = names
        self._writes = {k for k, p in enumerate(signature.all_params) if _is_written(p)}

    def call(self, args: Sequence[Any]) -> Any:
        """Check, call, and build the result."""
        if len(args) != len(self.signature.params):
            raise Miss
        values = [*args, *(read_source(h.source, args) for h in self.signature.hidden)]
        if not matches(self.signature, values):
            raise Miss
        return self.run(self.slots_of(values), values, complete=False)

    def run(self, slots: Any, values: Sequence[Any], *, complete: bool = True) -> Any:
        """The result of a call of the core; ``complete``: all arrays lie on the device, and nothing
        may have to be put back."""
        with self._driver.on(self._device):
            call = CoreCall(slots, self.host)
            call.context[abi.CTX_STREAM] = self._driver.stream()
            arrays = self._allocate(slots, values)
            with CallMemory(self._driver, call.address) as memory:
                run = self._run if complete else self._careful_run
                leaves = run(call, values, memory, arrays)
        return assemble(self.signature.structure, leaves)

    def _careful_run(
        self, call: CoreCall, values: Sequence[Any], memory: CallMemory, arrays: dict[int, Any]
    ) -> list[Any]:
        """A call with NumPy arrays copied to the device, and what it wrote put back if need be."""
        uploaded = self._uploaded(values, call.slots, memory)
        rollback = self.signature.rollback
        saved = None if rollback is None else transfers.Saved(rollback, values, self._driver)
        try:
            return self._run(call, values, memory, arrays, saved)
        finally:
            for k, address in uploaded.items():
                if k in self._writes:
                    transfers.download(self._driver, values[k], address)

    def _run(
        self,
        call: CoreCall,
        values: Sequence[Any],
        memory: CallMemory,
        arrays: dict[int, Any],
        saved: transfers.Saved | None = None,
    ) -> list[Any]:
        try:
            if not call.run(self._core):
                if saved and call.error in self.rejecting:
                    saved.restore()
                self._failed(call, memory)
            for k, result in enumerate(self.signature.results):
                if isinstance(result, abi.ArrayResult) and k not in arrays:
                    at = self.layout.results[k]
                    shape = known(result.shape, at.extents, call.slots, values)
                    own = memory.take(call.slots[at.data])
                    arrays[k] = transfers.array(shape, result.dtype, own)
            lists = Lists(arrays.__getitem__)
            return [self._leaf(out, arrays, call, values, lists) for out in self.signature.outs]
        finally:
            call.free()

    def _allocate(self, slots: Any, values: Sequence[Any]) -> dict[int, Any]:
        arrays: dict[int, Any] = {}
        for k, result in enumerate(self.signature.results):
            if isinstance(result, abi.ArrayResult) and not result.core_allocates:
                shape = tuple(evaluate(e, values) for e in result.shape if e is not None)
                arrays[k] = transfers.empty(self._driver, shape, result.dtype)
                slots[self.layout.results[k].data] = int(arrays[k].data.ptr)
        return arrays

    def _uploaded(self, values: Sequence[Any], slots: Any, memory: CallMemory) -> dict[int, int]:
        """Copies of NumPy arrays among the parameters, by number."""
        found: dict[int, int] = {}
        params = zip(self.signature.all_params, self.layout.params, values, strict=True)
        for k, (param, at, value) in enumerate(params):
            if not isinstance(param, abi.ArrayParam) or device_of(value) is not None:
                continue
            if value.nbytes > MOST_UPLOADED:
                raise TypeError(
                    f"{self._names(k)} is a NumPy array of {value.nbytes} bytes, which each call "
                    "would copy to the GPU: make it a cupy array, once, with cupy.asarray"
                )
            found[k], slots[at.data] = transfers.upload(self._driver, value, memory)
        return found

    def _failed(self, call: CoreCall, memory: CallMemory) -> NoReturn:
        if memory.error is not None:
            raise memory.error
        if call.error <= 0:
            raise call.exception(self.errors)
        first = abi.CTX_PAYLOAD
        payload = call.context[first : first + abi.PAYLOAD_WORDS]
        raise exception_of(self.errors, self._driver, call.error, *payload)


def exception_of(errors: ErrorTable, driver: Driver, number: int, *payload: int) -> BaseException:
    """The exception for an error of a core, with what the driver knows of it."""
    if errors.sites[number - 1].exception is not CudaError:
        return errors.build(number, *payload)
    out = payload[0] == OUT_OF_MEMORY
    error = MemoryError() if out else errors.build(number, *payload)
    error.__cause__ = driver.cause()
    return error


def _is_written(param: abi.Param) -> bool:
    return isinstance(param, abi.ArrayParam) and param.writable
