"""Python's side of what a core can do besides computing: call the host, give its memory away.

`HostTable` runs Python functions on the core's buffers. `runtime_symbols` gives the addresses
of the native functions in `runtime_text`; `mem_handler` is their NEP 49 handler.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

import numpy as np

from tracejit.abi import DType, capi
from tracejit.codegen_llvm import runtime_text
from tracejit.codegen_llvm.engine import shared_engine
from tracejit.dtypes import as_dtype, is_complex, is_signed, memory_dtype
from tracejit.llvm_text.tables import HostArray, HostCalls, HostScalar


class _Borrowed:
    """Gives NumPy a view of memory that the core owns."""

    def __init__(
        self, address: int, shape: tuple[int, ...], strides: tuple[int, ...], dtype: DType
    ):
        self.__array_interface__ = {
            "data": (address, False),
            "shape": shape,
            "strides": strides,
            "typestr": memory_dtype(dtype).str,
            "version": 3,
        }


class HostTable(HostCalls):
    """What `tj_host_call(ctx, k, slots)` reaches: row `k` of `calls`."""

    def __call__(self, number: int, address: int, context: int) -> None:
        row = self.calls[number]
        operands = []
        for operand in row.operands:
            value, address = _read(operand, address)
            operands.append(value)
        answer = row.function(*operands)
        if len(row.results) == 1:
            _write(row.results[0], answer, address, context)
        elif row.results:
            for result, value in zip(row.results, answer, strict=True):
                address = _write(result, value, address, context)


def _words(address: int, count: int) -> tuple[int, ...]:
    return tuple((ctypes.c_int64 * count).from_address(address)) if count else ()


def _view(array: HostArray, address: int) -> tuple[np.ndarray[Any, Any], int]:
    n = array.ndim
    words = _words(address, 1 + 2 * n)
    at = address + 8 * (1 + 2 * n)
    shape = words[1 : n + 1]
    if 0 in shape:  # its pointer may be anything
        return np.empty(shape, array.dtype), at
    made = np.asarray(_Borrowed(words[0], shape, words[n + 1 :], array.dtype))
    return as_dtype(made, array.dtype), at


def _read(operand: HostArray | HostScalar, address: int) -> tuple[Any, int]:
    if isinstance(operand, HostArray):
        return _view(operand, address)
    value = scalar_from_slots(operand.dtype, address)
    return (value.item() if operand.weak else value), address + 8 * scalar_slots(operand.dtype)


def _write(result: HostArray | HostScalar, value: Any, address: int, context: int) -> int:
    if isinstance(result, HostScalar):
        store_scalar(result.dtype, value, address)
        return address + 8 * scalar_slots(result.dtype)
    if result.preallocated:
        out, after = _view(result, address)
        out[...] = value
        return after
    array = np.ascontiguousarray(value, dtype=result.dtype).reshape(np.shape(value))
    data = _alloc()(context, array.nbytes)
    if not data:
        raise MemoryError
    ctypes.memmove(data, array.__array_interface__["data"][0], array.nbytes)
    words = (ctypes.c_int64 * (1 + result.ndim)).from_address(address)
    words[:] = [data, *array.shape]
    return address + 8 * (1 + result.ndim)


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
        text, capi.symbols(), runtime_text.EXPORTS, opt_level=0, forever=True
    )
    return dict(module.addresses)


def native_function(name: str, result: Any, *arguments: Any) -> Any:
    """A runtime function to call from Python; it runs with the GIL held."""
    return ctypes.PYFUNCTYPE(result, *arguments)(runtime_symbols()[name])


def peak_taken() -> int:
    """The most bytes that a call has owned since this was last asked."""
    return int(native_function("tj_peak_taken", ctypes.c_int64)())


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
