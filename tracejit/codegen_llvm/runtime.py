"""Python's side of what a core can do besides computing: call the host, give its memory away.

`HostTable` runs Python functions on the core's buffers. `runtime_symbols` gives the addresses
of the native functions in `runtime_text`; `mem_handler` is their NEP 49 handler.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Sequence
from functools import cache
from itertools import accumulate
from typing import Any

import numpy as np

from tracejit.abi import DType, capi
from tracejit.codegen_llvm import runtime_text, stack_text
from tracejit.codegen_llvm.engine import shared_engine
from tracejit.dtypes import as_dtype, is_complex, is_signed, memory_dtype
from tracejit.llvm_text.tables import HostArray, HostCall, HostCalls, HostScalar


class HostTable(HostCalls):
    """What `tj_host_call(ctx, k, slots)` reaches: row `k` of `calls`."""

    def __init__(self, calls: Sequence[HostCall] = ()) -> None:
        super().__init__(calls)
        #: What `tj_host_numbers` calls with numbers.
        self.functions = list(map(_of_numbers, self.calls))
        self._plans: dict[int, _Plan] = {}

    def add(self, call: HostCall) -> int:
        self.functions.append(_of_numbers(call))
        return super().add(call)

    def __call__(self, number: int, address: int, context: int) -> None:
        row = self.calls[number]
        if row.raw:
            row.function(address)
            return
        plan = self._plans.get(number)
        if plan is None:
            plan = self._plans[number] = _Plan(row)
        answer = row.function(*plan.operands(address))
        answers = (answer,) if len(row.results) == 1 else answer if row.results else ()
        for result, at, value in zip(row.results, plan.result_places, answers, strict=True):
            if isinstance(result, HostScalar):
                store_scalar(result.dtype, value, address + 8 * at)
            elif result.preallocated:
                _view(result, address + 8 * at)[...] = value
            else:
                _hand_over(result, value, address + 8 * at, context)


def _of_numbers(call: HostCall) -> Any:
    """What is called where all operands are Python's numbers."""
    return getattr(call.function, "of_numbers", call.function)


class _Plan:
    """Where the operands and the results of a row are, and how operands are read."""

    def __init__(self, row: HostCall) -> None:
        widths = [_slots(v) for v in (*row.operands, *row.results)]
        places = list(accumulate(widths, initial=0))
        first = len(row.operands)
        self._operands = list(zip(row.operands, places, strict=False))
        self.result_places = places[first:-1]
        formats = [_format(operand) for operand in row.operands]
        #: All operands at once, where each is one number of those that Python reads.
        self._numbers = None if None in formats else struct.Struct("<" + "".join(map(str, formats)))
        self._kinds = [None if getattr(x, "weak", False) else x.dtype.type for x in row.operands]
        self._weak = not any(self._kinds)

    def operands(self, address: int) -> Sequence[Any]:
        """What the function is called with."""
        if self._numbers is None:
            return [_operand(operand, address + 8 * at) for operand, at in self._operands]
        found = self._numbers.unpack(ctypes.string_at(address, self._numbers.size))
        if self._weak:
            return found
        return [x if kind is None else kind(x) for x, kind in zip(found, self._kinds, strict=True)]


#: Slots with numbers that Python reads as they are.
_FORMATS = {np.dtype(np.float64): "d", np.dtype(np.int64): "q", np.dtype(np.bool_): "?7x"}


def _format(operand: HostArray | HostScalar) -> str | None:
    """How Python reads the slot of an operand, if it is a number of one slot."""
    return _FORMATS.get(operand.dtype) if isinstance(operand, HostScalar) else None


def _operand(operand: HostArray | HostScalar, address: int) -> Any:
    if isinstance(operand, HostArray):
        return _view(operand, address)
    value = scalar_from_slots(operand.dtype, address)
    return value.item() if operand.weak else value


def _slots(value: HostArray | HostScalar) -> int:
    """How many slots a value takes."""
    if isinstance(value, HostScalar):
        return scalar_slots(value.dtype)
    return 1 + (2 if value.preallocated else 1) * value.ndim


def _view(array: HostArray, address: int) -> np.ndarray[Any, Any]:
    """An array over the memory that the slots at an address describe."""
    dtype = memory_dtype(array.dtype)
    made: np.ndarray[Any, Any] = _array_at()(address, dtype, array.ndim)
    return made if dtype is array.dtype else as_dtype(made, array.dtype)


def _hand_over(result: HostArray, value: Any, address: int, context: int) -> None:
    """A copy of an answer as memory that the call owns; its pointer and extents into slots."""
    array = np.ascontiguousarray(value, dtype=result.dtype).reshape(np.shape(value))
    data = _alloc()(context, array.nbytes)
    if not data:
        raise MemoryError
    ctypes.memmove(data, array.__array_interface__["data"][0], array.nbytes)
    words = (ctypes.c_int64 * (1 + result.ndim)).from_address(address)
    words[:] = [data, *array.shape]


def scalar_slots(dtype: DType) -> int:
    """Slots that a scalar takes."""
    return 2 if is_complex(dtype) else 1


def store_scalar(dtype: DType, value: Any, address: int) -> None:
    """Write a scalar's bits as the core expects them."""
    number = np.asarray(value).astype(dtype, casting="unsafe")[()]
    parts = (number.real, number.imag) if is_complex(dtype) else (number,)
    for k, part in enumerate(parts):
        raw = part.tobytes()
        negative = is_signed(dtype) and part < 0
        padded = raw + (b"\xff" if negative else b"\0") * (8 - len(raw))
        ctypes.memmove(address + 8 * k, padded, 8)


def scalar_from_slots(dtype: DType, address: int) -> Any:
    """The NumPy scalar whose bits are at `address`."""
    if not is_complex(dtype):
        return np.frombuffer(ctypes.string_at(address, dtype.itemsize), dtype)[0]
    half = dtype.itemsize // 2
    raw = ctypes.string_at(address, half) + ctypes.string_at(address + 8, half)
    return np.frombuffer(raw, dtype)[0]


@cache
def runtime_symbols() -> dict[str, int]:
    """Addresses of the functions in `runtime_text`, compiled at first use."""
    text = runtime_text.runtime_text()
    module = shared_engine().compile(
        text, capi.symbols() | stack_text.symbols(), runtime_text.EXPORTS, opt_level=0, forever=True
    )
    return dict(module.addresses)


def native_function(name: str, result: Any, *arguments: Any) -> Any:
    """A runtime function to call from Python; it runs with the GIL held."""
    return ctypes.PYFUNCTYPE(result, *arguments)(runtime_symbols()[name])


def peak_taken() -> int:
    """The most bytes that a call has owned since this was last asked."""
    return int(native_function("tj_peak_taken", ctypes.c_int64)())


@cache
def _array_at() -> Any:
    arguments = ctypes.c_void_p, ctypes.py_object, ctypes.c_int
    return native_function("tj_array_at", ctypes.py_object, *arguments)


@cache
def _alloc() -> Any:
    return native_function("tj_alloc", ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)


class _Allocator(ctypes.Structure):
    """`PyDataMem_Handler` of NumPy's C API."""

    _fields_ = (
        ("name", ctypes.c_char * 127),
        ("version", ctypes.c_uint8),
        ("ctx", ctypes.c_void_p),
        ("malloc", ctypes.c_void_p),
        ("calloc", ctypes.c_void_p),
        ("realloc", ctypes.c_void_p),
        ("free", ctypes.c_void_p),
    )


@cache
def mem_handler() -> Any:
    """The capsule that arrays over core-allocated memory keep: NumPy frees and resizes by it."""
    where = runtime_symbols()
    functions = [where[f"tj_data_{name}"] for name in ("malloc", "calloc", "realloc", "free")]
    handler = _Allocator(b"tracejit", 1, None, *functions)
    new = ctypes.pythonapi.PyCapsule_New
    new.restype, new.argtypes = (
        ctypes.py_object,
        [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p],
    )
    capsule = new(ctypes.addressof(handler), b"mem_handler", None)
    # NumPy arrays outlive modules at interpreter exit; neither block may go before they do.
    for immortal in (handler, capsule):
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(immortal))
    return capsule
