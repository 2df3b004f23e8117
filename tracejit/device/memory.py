"""Device memory that a call owns: what host code allocates, until it frees it or a result takes it.

All of it comes from cupy's current allocator, whose pool keeps what is freed for the stream that
used it. Where a native entry has put the allocator into the context, host code calls it and keeps
what it makes in a list. Other host code, and what needs the handle of cuBLAS, goes through C
functions of this file.
"""

from __future__ import annotations

import ctypes
import re
from functools import cache
from typing import Any

from tracejit import abi
from tracejit.device.driver import Driver
from tracejit.device.fields import fields
from tracejit.llvm_text.nested import plain

DECLARATIONS = (
    "declare ptr @tj_device_alloc(ptr, i64)",  # null, and the context says why: return 1
    "declare void @tj_device_free(ptr, ptr)",
    "declare ptr @PyLong_FromLongLong(i64)",
    "declare ptr @PyObject_CallOneArg(ptr, ptr)",
    "declare ptr @PyList_New(i64)",
    "declare i64 @PyList_Size(ptr)",
    "declare ptr @PyList_GetItem(ptr, i64)",
    "declare i32 @PyList_Append(ptr, ptr)",
    "declare i32 @PyList_SetSlice(ptr, i64, i64, ptr)",
    "declare void @Py_DecRef(ptr)",
)
_TEXT = """
define internal ptr @tj_device_take(ptr %ctx, i64 %size) noinline nounwind {
entry:
  %function = load ptr, ptr %ctx[i64 ALLOCATE]
  %negative = icmp slt i64 %size, 0
  br i1 (icmp eq ptr %function, null), label %outside, label %inside
outside:
  %other = call ptr @tj_device_alloc(ptr %ctx, i64 %size)
  ret ptr %other
inside:
  br i1 %negative, label %none, label %sized
none:
  store i64 NO_MEMORY, ptr %ctx
  ret ptr null
sized:
  %some = icmp sgt i64 %size, 0
  %bytes = select i1 %some, i64 %size, i64 1
  %number = call ptr @PyLong_FromLongLong(i64 %bytes)
  br i1 (icmp eq ptr %number, null), label %fail, label %call
call:
  %memory = call ptr @PyObject_CallOneArg(ptr %function, ptr %number)
  call void @Py_DecRef(ptr %number)
  br i1 (icmp eq ptr %memory, null), label %fail, label %listed
listed:
  %known = load ptr, ptr %ctx[i64 MEMORY]
  br i1 (icmp eq ptr %known, null), label %new, label %keep
new:
  %made = call ptr @PyList_New(i64 0)
  br i1 (icmp eq ptr %made, null), label %drop, label %enter
enter:
  store ptr %made, ptr %ctx[i64 MEMORY]
  br label %keep
keep:
  %list = phi ptr [ %known, %listed ], [ %made, %enter ]
  %status = call i32 @PyList_Append(ptr %list, ptr %memory)
  %where = load ptr, ptr %memory[i8 ADDRESS]
  call void @Py_DecRef(ptr %memory)
  br i1 (icmp eq i32 %status, 0), label %done, label %fail
done:
  ret ptr %where
drop:
  call void @Py_DecRef(ptr %memory)
  br label %fail
fail:
  store i64 IN_PYTHON, ptr %ctx
  ret ptr null
}

define internal void @tj_device_give(ptr %ctx, ptr %address) noinline nounwind {
entry:
  %list = load ptr, ptr %ctx[i64 MEMORY]
  br i1 (icmp eq ptr %list, null), label %outside, label %inside
outside:
  call void @tj_device_free(ptr %ctx, ptr %address)
  ret void
inside:
  %count = call i64 @PyList_Size(ptr %list)
  br label %head
head:
  %after = phi i64 [ %count, %inside ], [ %at, %item ]
  %at = sub i64 %after, 1
  br i1 (icmp eq i64 %after, 0), label %done, label %item
item:
  %memory = call ptr @PyList_GetItem(ptr %list, i64 %at)
  %where = load ptr, ptr %memory[i8 ADDRESS]
  br i1 (icmp eq ptr %where, %address), label %found, label %head
found:
  %status = call i32 @PyList_SetSlice(ptr %list, i64 %at, i64 %after, ptr null)
  br label %done
done:
  ret void
}
"""


def text() -> str:
    """The functions `tj_device_take` and `tj_device_give` of host code."""
    where = fields()
    words = {
        "ADDRESS": 0 if where is None else where.address,  # then no entry sets an allocator
        "ALLOCATE": abi.CTX_ALLOCATE,
        "MEMORY": abi.CTX_MEMORY,
        "NO_MEMORY": abi.ERROR_MEMORY,
        "IN_PYTHON": abi.ERROR_PYTHON,
    }
    return re.sub(r"\b[A-Z_]{4,}\b", lambda found: str(words[found[0]]), plain(_TEXT))


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
