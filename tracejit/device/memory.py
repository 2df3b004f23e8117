"""Device memory that a call owns: what host code allocates, until it frees it or a result takes it.

All of it comes from cupy's current allocator, whose pool keeps what is freed for the stream that
used it. Host code reaches it, and the handle of cuBLAS, through C functions and the call's context.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

from tracejit import abi
from tracejit.device.driver import Driver

DECLARATIONS = (
    "declare ptr @tj_device_alloc(ptr, i64)",  # null, and the context says why: return 1
    "declare void @tj_device_free(ptr, ptr)",
)


class CallMemory:
    """The device memory of one call. A context manager: at its end all that is left is freed."""

    def __init__(self, driver: Driver, context: int) -> None:
        self.driver = driver
        self._context = context
        self._owned: dict[int, Any] = {}
        #: What an allocation raised, other than that there is no memory.
        self.error: BaseException | None = None

    def __enter__(self) -> CallMemory:
        _under_way[self._context] = self
        return self

    def __exit__(self, *_: object) -> None:
        del _under_way[self._context]
        self._owned.clear()

    def allocate(self, size: int) -> int:
        """The address of `size` bytes. MemoryError: there are not so many."""
        if size < 0:
            raise MemoryError
        memory = self.driver.memory(max(size, 1))
        address = int(memory.ptr)
        self._owned[address] = memory
        return address

    def take(self, address: int) -> Any:
        """The memory at an address, which is the call's no more."""
        return self._owned.pop(address)


class AroundCore:
    """What native entries call before and after a core that takes device memory."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def begin(self, context: int) -> None:
        """The call with its context at this address may allocate."""
        CallMemory(self._driver, context).__enter__()

    def end(self, context: int) -> None:
        """What it has left is freed. Raises what an allocation raised."""
        memory = _under_way[context]
        memory.__exit__()
        if memory.error is not None:
            raise memory.error


_under_way: dict[int, CallMemory] = {}


def _allocate(context: int, size: int) -> int:
    memory = _under_way[context]
    try:
        return memory.allocate(size)
    except MemoryError:
        ctypes.c_int64.from_address(context).value = abi.ERROR_MEMORY
    except BaseException as error:  # raised again where the call ends
        ctypes.c_int64.from_address(context).value = abi.ERROR_PYTHON
        memory.error = error
    return 0


def _blas(context: int) -> int:
    memory = _under_way[context]
    try:
        return memory.driver.blas_handle()
    except BaseException as error:  # raised again where the call ends
        ctypes.c_int64.from_address(context).value = abi.ERROR_PYTHON
        memory.error = error
    return 0


def _free(context: int, address: int) -> None:
    _under_way[context].take(address)


@cache
def symbols() -> dict[str, int]:
    """The addresses of the functions."""
    pointer, word = ctypes.c_void_p, ctypes.c_int64
    functions = {
        "tj_device_alloc": ctypes.CFUNCTYPE(pointer, pointer, word)(_allocate),
        "tj_blas": ctypes.CFUNCTYPE(pointer, pointer)(_blas),
        "tj_device_free": ctypes.CFUNCTYPE(None, pointer, pointer)(_free),
    }
    _kept.extend(functions.values())
    return {name: _address(function) for name, function in functions.items()}


_kept: list[Any] = []


def _address(function: Any) -> int:
    found = ctypes.cast(function, ctypes.c_void_p).value
    assert found is not None
    return found
