"""What a GPU is to the rest of this room: C functions by address, memory, streams, modules.

`RealDriver` is `libcuda` beside cupy, which has the contexts, the streams and the memory; tests put
one of their own in its place (`using`). Nothing here is imported, and cupy neither, before the
first call with a device array.
"""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Protocol

from tracejit.codegen_ptx.compile import architecture_for
from tracejit.device.libraries import DeviceLibrary, RealLibrary
from tracejit.errors import TracejitError

#: Functions that host code calls, as `libcuda` names them.
FUNCTIONS = {
    "cuLaunchKernel": "cuLaunchKernel",
    "cuMemcpyDtoHAsync": "cuMemcpyDtoHAsync_v2",
    "cuMemcpyHtoDAsync": "cuMemcpyHtoDAsync_v2",
    "cuStreamSynchronize": "cuStreamSynchronize",
}
#: The one of cuBLAS that host code calls.
PRODUCT = "cublasGemmStridedBatchedEx_64"
OUT_OF_MEMORY = 2


class CudaError(TracejitError, RuntimeError):
    """The CUDA driver reports an error; says which kernel or copy, and the user's line."""


class NoDeviceError(TracejitError, RuntimeError):
    """There is no cupy, no driver or no device: says which, and what to do."""


class Driver(Protocol):
    """One process's way to its devices. Methods mean the device that is given, or the current."""

    @property
    def addresses(self) -> Mapping[str, int]:
        """The C functions of `FUNCTIONS`, by the name that host code has for them."""

    @property
    def blas(self) -> Mapping[str, int]:
        """The C function of cuBLAS that host code calls, by name."""

    @property
    def natives(self) -> Mapping[str, int]:
        """The C functions of `entry_text.NATIVES` that there are: native entries need all."""

    @property
    def library(self) -> DeviceLibrary:
        """The functions of cupy."""

    def blas_handle(self) -> int:
        """cupy's cuBLAS handle for the current device, at work on the current stream."""

    def device(self) -> int:
        """The current device."""

    def on(self, device: int) -> contextlib.AbstractContextManager[Any]:
        """Makes a device the current one."""

    def stream(self) -> int:
        """The handle of cupy's current stream."""

    def architecture(self) -> str:
        """The newest architecture of `codegen_ptx` that the current device runs."""

    def kind_of_device(self) -> str:
        """What machine code depends on besides PTX: the current device, the driver's version."""

    def assemble(self, text: str) -> bytes:
        """Machine code of PTX for the current device. CudaError: the driver takes it not."""

    def load(self, code: bytes, names: Sequence[str]) -> tuple[object, list[int]]:
        """Loads machine code on the current device: what keeps it loaded, and the kernels' handles.

        CudaError: it is none for this device and driver.
        """

    def memory(self, size: int) -> Any:
        """A `cupy.cuda.MemoryPointer` by cupy's current allocator. MemoryError: there is none."""

    def wrap(self, x: Any) -> Any:
        """The cupy array over the memory of another library's device array."""

    def cause(self) -> BaseException | None:
        """What is known of the last error beyond its number."""


class RealDriver:
    """The driver of this machine. NoDeviceError where there is none."""

    def __init__(self) -> None:
        try:
            import cupy
        except ImportError as error:
            raise NoDeviceError(
                "arrays on a GPU need cupy: pip install 'tracejit[gpu]' (for CUDA 13)"
            ) from error
        try:
            count = cupy.cuda.runtime.getDeviceCount()
        except cupy.cuda.runtime.CUDARuntimeError as error:
            raise NoDeviceError(f"no usable NVIDIA driver: {error}") from error
        if not count:
            raise NoDeviceError("the NVIDIA driver sees no device")
        self._cupy = cupy

    @cached_property
    def addresses(self) -> Mapping[str, int]:
        library = ctypes.CDLL("libcuda.so.1")
        found = {}
        for name, symbol in FUNCTIONS.items():
            address = ctypes.cast(getattr(library, symbol), ctypes.c_void_p).value
            assert address is not None
            found[name] = address
        return found

    @cached_property
    def blas(self) -> Mapping[str, int]:
        assert self._cupy.cuda.cublas  # loads the library
        version = self._cupy.cuda.runtime.runtimeGetVersion() // 1000
        address = ctypes.cast(
            getattr(ctypes.CDLL(f"libcublas.so.{version}"), PRODUCT), ctypes.c_void_p
        ).value
        assert address is not None
        return {PRODUCT: address}

    @cached_property
    def natives(self) -> Mapping[str, int]:
        cuda = self._cupy.cuda
        found = {
            "tj_device_stream": _exported(
                cuda.stream, "get_current_stream_ptr", b"intptr_t (void)"
            ),
            "tj_device_number": _exported(
                cuda.device, "get_device_id", b"int (int __pyx_skip_dispatch)"
            ),
        }
        return {name: address for name, address in found.items() if address is not None}

    @cached_property
    def library(self) -> DeviceLibrary:
        return RealLibrary()

    def blas_handle(self) -> int:
        handle = int(self._cupy.cuda.Device().cublas_handle)
        self._cupy.cuda.cublas.setStream(handle, self.stream())
        return handle

    def device(self) -> int:
        return int(self._cupy.cuda.Device().id)

    def on(self, device: int) -> contextlib.AbstractContextManager[Any]:
        found: contextlib.AbstractContextManager[Any] = self._cupy.cuda.Device(device)
        return found

    def stream(self) -> int:
        return int(self._cupy.cuda.get_current_stream().ptr)

    def architecture(self) -> str:
        capability = self._cupy.cuda.Device().compute_capability
        return architecture_for((int(capability[:-1]), int(capability[-1]))).name

    def kind_of_device(self) -> str:
        capability = self._cupy.cuda.Device().compute_capability
        return f"{capability} {self._cupy.cuda.runtime.driverGetVersion()}"

    def assemble(self, text: str) -> bytes:
        with self._errors("the assembly of kernels"):
            linker = self._cupy.cuda.function.LinkState()
            linker.add_ptr_data(text, "kernels.ptx")
            return bytes(linker.complete())

    def load(self, code: bytes, names: Sequence[str]) -> tuple[object, list[int]]:
        with self._errors("the loading of kernels"):
            module = self._cupy.cuda.function.Module()
            module.load(code)
            functions = [module.get_function(name) for name in names]
        return (module, functions), [int(f.ptr) for f in functions]

    @contextlib.contextmanager
    def _errors(self, what: str) -> Iterator[None]:
        try:
            yield
        except self._cupy.cuda.driver.CUDADriverError as error:
            raise CudaError(f"CUDA error in {what}: {error}") from error

    def memory(self, size: int) -> Any:
        try:
            return self._cupy.cuda.alloc(size)
        except self._cupy.cuda.memory.OutOfMemoryError as error:
            raise MemoryError(str(error)) from error

    def wrap(self, x: Any) -> Any:
        if hasattr(type(x), "__cuda_array_interface__"):
            return self._cupy.asarray(x)
        return self._cupy.from_dlpack(x)

    def cause(self) -> BaseException | None:
        return None


def _exported(module: Any, name: str, signature: bytes) -> int | None:
    """The address of a C function that a module of Cython exports; None if it is another now."""
    capsule = getattr(module, "__pyx_capi__", {}).get(name)
    python = ctypes.pythonapi
    is_valid, pointer = python.PyCapsule_IsValid, python.PyCapsule_GetPointer
    is_valid.argtypes, is_valid.restype = [ctypes.py_object, ctypes.c_char_p], ctypes.c_int
    pointer.argtypes, pointer.restype = [ctypes.py_object, ctypes.c_char_p], ctypes.c_void_p
    if capsule is None or not is_valid(capsule, signature):
        return None
    address: int | None = pointer(capsule, signature)
    return address


_in_use: list[Driver] = []


def driver() -> Driver:
    """The driver in use, this machine's unless another one is."""
    if not _in_use:
        _in_use.append(RealDriver())
    return _in_use[-1]


@contextlib.contextmanager
def using(other: Driver) -> Iterator[None]:
    """While this lasts, calls go to another driver: one that is not there, say."""
    _in_use.append(other)
    try:
        yield
    finally:
        _in_use.remove(other)
