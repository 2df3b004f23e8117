"""Copies between the host and a device, and the cupy arrays that a call makes."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from tracejit import abi
from tracejit.device.driver import CudaError, Driver
from tracejit.device.memory import CallMemory
from tracejit.device_arrays import device_of, stand_in


def array(shape: tuple[int, ...], dtype: Any, memory: Any) -> Any:
    """A cupy array in C order over memory that it keeps."""
    import cupy

    return cupy.ndarray(shape, dtype, memory)


def empty(driver: Driver, shape: tuple[int, ...], dtype: Any) -> Any:
    """A new cupy array, by cupy's current allocator."""
    size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
    return array(shape, dtype, driver.memory(max(size, 1)))


def fill(driver: Driver, x: Any, value: np.ndarray[Any, Any]) -> None:
    """Give a cupy array in C order the elements of a NumPy array."""
    dense = np.ascontiguousarray(value)
    _copy(driver, "cuMemcpyHtoDAsync", int(x.data.ptr), _address(dense), dense.nbytes)
    wait(driver)


def scalar(driver: Driver, value: Any) -> Any:
    """A cupy array without axes of a host number."""
    host = np.asarray(value)
    found = empty(driver, (), host.dtype)
    _copy(driver, "cuMemcpyHtoDAsync", int(found.data.ptr), _address(host), host.nbytes)
    wait(driver)
    return found


def host(driver: Driver, x: Any) -> np.ndarray[Any, Any]:
    """The elements of a contiguous cupy array."""
    found = np.empty(x.shape, x.dtype)
    _copy(driver, "cuMemcpyDtoHAsync", _address(found), int(x.data.ptr), found.nbytes)
    wait(driver)
    return found


def upload(driver: Driver, x: np.ndarray[Any, Any], memory: CallMemory) -> tuple[int, int]:
    """Copy the bytes that a NumPy array spans: where they are now, and its first element there."""
    low, high = _bounds(x)
    start = memory.allocate(high - low)
    _copy(driver, "cuMemcpyHtoDAsync", start, low, high - low)
    wait(driver)
    return start, start + _address(x) - low


def download(driver: Driver, x: np.ndarray[Any, Any], start: int) -> None:
    """Give a NumPy array what is now in the copy of its bytes."""
    low, high = _bounds(x)
    _copy(driver, "cuMemcpyDtoHAsync", low, start, high - low)
    wait(driver)


def like(driver: Driver, x: np.ndarray[Any, Any]) -> Any:
    """A cupy array with the elements, shape and strides of a NumPy array."""
    import cupy

    low, high = _bounds(x)
    memory = driver.memory(max(high - low, 1))
    _copy(driver, "cuMemcpyHtoDAsync", int(memory.ptr), low, high - low)
    wait(driver)
    return cupy.ndarray(x.shape, x.dtype, memory + (_address(x) - low), strides=x.strides)


def start_of(x: Any) -> int:
    """The address of the first byte that a cupy array spans."""
    return _bounds(stand_in(x))[0]


def upload_constant(driver: Driver, x: np.ndarray[Any, Any]) -> Any:
    """Device memory that holds an array in C order."""
    dense = np.ascontiguousarray(x)
    found = driver.memory(max(dense.nbytes, 1))
    _copy(driver, "cuMemcpyHtoDAsync", int(found.ptr), _address(dense), dense.nbytes)
    wait(driver)
    return found


class Saved:
    """What a call may have to put back: arrays on the device as bytes, the rest as objects."""

    def __init__(self, rollback: abi.Rollback, values: Any, driver: Driver) -> None:
        self._driver, self._rollback = driver, rollback
        given = [values[k] for k in rollback.params]
        self._arrays = [(x, self._bytes(x)) for x in given if _is_on_device(x)]
        self._others = rollback.save(*(x for x in given if not _is_on_device(x)))

    def _bytes(self, x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        low, high = _bounds(x)
        kept = np.empty(high - low, np.uint8)
        _copy(self._driver, "cuMemcpyDtoHAsync", _address(kept), low, kept.nbytes)
        wait(self._driver)
        return kept

    def restore(self) -> None:
        for x, kept in self._arrays:
            _copy(self._driver, "cuMemcpyHtoDAsync", _bounds(x)[0], _address(kept), kept.nbytes)
        wait(self._driver)
        self._rollback.restore(self._others)


def wait(driver: Driver) -> None:
    """Until all work of the current stream is done."""
    kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)
    status = kind(driver.addresses["cuStreamSynchronize"])(driver.stream())
    if status:
        raise CudaError(f"CUDA error {status} in a copy") from driver.cause()


def _copy(driver: Driver, name: str, to: int, source: int, size: int) -> None:
    if size == 0:
        return
    pointer = ctypes.c_void_p
    kind = ctypes.CFUNCTYPE(ctypes.c_int, pointer, pointer, ctypes.c_size_t, pointer)
    status = kind(driver.addresses[name])(to, source, size, driver.stream())
    if status:
        raise CudaError(f"CUDA error {status} in a copy") from driver.cause()


def _is_on_device(x: Any) -> bool:
    return type(x) is np.ndarray and device_of(x) is not None


def _address(x: np.ndarray[Any, Any]) -> int:
    found: int = x.__array_interface__["data"][0]
    return found


def _bounds(x: np.ndarray[Any, Any]) -> tuple[int, int]:
    low, high = np.lib.array_utils.byte_bounds(x)
    return (low, high) if x.size else (low, low)
