"""One call of a core from Python: its context, its slots, and what it raises.

The native entry is the other way to call one: its text is in ``python_entry/entry_text.py``.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from tracejit import abi
from tracejit.codegen_llvm.runtime import (
    HostTable,
    native_function,
    scalar_from_slots,
    store_scalar,
)
from tracejit.llvm_text.tables import ErrorTable


def new_slots(count: int) -> Any:
    """Room for so many slots."""
    return (ctypes.c_int64 * max(1, count))()


def callable_core(address: int) -> Any:
    """The core at an address, as a function of the addresses of a context and of slots."""
    return ctypes.PYFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p)(address)


class CoreCall:
    """``slots`` are filled by the caller before ``run``, and read after it; then ``free``."""

    def __init__(self, slots: Any, host: HostTable | None) -> None:
        self.slots = slots
        self.context = (ctypes.c_int64 * abi.CTX_WORDS)()
        self.context[abi.CTX_HOST] = id(host)

    @property
    def address(self) -> int:
        """Of the context."""
        return ctypes.addressof(self.context)

    @property
    def error(self) -> int:
        """The number of the error that it ended with."""
        return int(self.context[abi.CTX_ERROR])

    def run(self, core: Any) -> bool:
        """Whether it succeeds."""
        return not core(self.address, ctypes.addressof(self.slots))

    def exception(self, errors: ErrorTable) -> BaseException:
        """What the error is to Python."""
        if self.error == abi.ERROR_MEMORY:
            return MemoryError()
        first = abi.CTX_PAYLOAD
        return errors.build(self.error, *self.context[first : first + abi.PAYLOAD_WORDS])

    def free(self) -> None:
        """Give back what the core has allocated."""
        _free_all()(self.address)

    def store(self, dtype: abi.DType, value: Any, slot: int) -> None:
        """Put a number into its slots."""
        store_scalar(dtype, value, ctypes.addressof(self.slots) + 8 * slot)

    def scalar(self, dtype: abi.DType, slot: int) -> Any:
        """The number of NumPy's in these slots."""
        return scalar_from_slots(dtype, ctypes.addressof(self.slots) + 8 * slot)

    def array(self, dtype: abi.DType, shape: Sequence[int], slot: int) -> np.ndarray[Any, Any]:
        """A copy of memory of the core's. (Owning it needs fields of the array, as native code
        sets them.)"""
        made = np.empty(tuple(shape), dtype)
        ctypes.memmove(address_of(made), self.slots[slot], made.nbytes)
        return made


def address_of(array: np.ndarray[Any, Any]) -> int:
    """Where the elements lie."""
    # Not `array.ctypes.data`, which makes several objects a call and keeps some of them.
    address: int = array.__array_interface__["data"][0]
    return address


@cache
def _free_all() -> Any:
    return native_function("tj_free_all", None, ctypes.c_void_p)
