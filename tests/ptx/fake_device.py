"""`fake_device()`: a GPU that is not there. Real cupy arrays, and a driver with C functions.

Device memory has addresses that nobody can read or write (the host's pages there are protected): a
host access ends the process, as it would with a GPU. The bytes are in a buffer beside. Kernels run
in the PTX interpreter. Work is queued and done when something waits for it, so that what is read
too early is not there yet. Freed memory turns to 0xFF in the stream's order.
"""

from __future__ import annotations

import contextlib
import ctypes
import mmap
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests.ptx.fake_blas import PRODUCT_TYPES, Product
from tests.ptx.fake_library import FakeLibrary
from tests.ptx.memory import GUARD, AccessError, Device, Space
from tests.ptx.parse import PtxError, parse_module
from tests.ptx.simulator import launch as simulate
from tracejit.device.driver import PRODUCT, CudaError, using
from tracejit.device_arrays import stand_in

#: What the driver says of a kernel or copy that left its memory, and of an allocation that failed.
ILLEGAL_ADDRESS, OUT_OF_MEMORY, UNKNOWN = 700, 2, 999
_PAGE = 4096
_STREAM = 0x5EED
_HANDLE = 0xB1A5


class Arena(Space):
    """Global memory at addresses of its own, which the host cannot touch."""

    def __init__(self, size: int = 1 << 30) -> None:
        super().__init__("global")
        self.base = _reserve(size)
        self.bytes = np.zeros(1 << 20, np.uint8)
        self.room = size
        self.size = GUARD

    def allocate(self, name: str, size: int, align: int = 256, *, writable: bool = True) -> int:
        start = super().allocate(name, size, align, writable=writable)
        assert self.size < self.room, "the fake device has no more addresses"
        self.regions[-1].start = start + self.base
        self._index()
        self.bytes[start : start + size] = 0xFF
        return start + self.base

    def release(self, address: int) -> None:
        """The memory at an address is no more: it turns to 0xFF and out of bounds."""
        (k,) = [k for k, r in enumerate(self.regions) if r.start == address]
        region = self.regions.pop(k)
        self._index()
        self.window(address, region.size)[:] = 0xFF

    def window(self, address: int, size: int) -> np.ndarray:
        """The bytes at an address."""
        return self.bytes[address - self.base : address - self.base + size]

    def inside(self, address: int, size: int) -> np.ndarray:
        """The bytes at an address, which must lie in one allocation."""
        if not any(r.start <= address and address + size <= r.start + r.size for r in self.regions):
            raise PtxError(f"a copy of {size} bytes outside of device memory, at {address:#x}")
        return self.window(address, size)

    def _index(self) -> None:
        self._starts = np.array([r.start for r in self.regions], np.int64)
        self._ends = np.array([r.start + r.size for r in self.regions], np.int64)

    def fill(self, start: int, data: bytes) -> None:
        self.window(start, len(data))[:] = np.frombuffer(data, np.uint8)

    def place(self, address: Any, width: int, owner: Any, use: str) -> Any:
        return super().place(address, width, owner, use) - self.base


def _reserve(size: int) -> int:
    """Addresses without memory: any access to them is a segmentation fault."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    word, size_t = ctypes.c_int, ctypes.c_size_t
    libc.mmap.argtypes = [ctypes.c_void_p, size_t, word, word, word, ctypes.c_long]
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    found = libc.mmap(None, size, 0, flags, -1, 0)
    assert found not in (None, ctypes.c_void_p(-1).value), "no addresses"
    return int(found)


@dataclass
class Counts:
    """What calls did: driver calls by name, launches by the stage of their kernel, blocks."""

    calls: Counter[str] = field(default_factory=Counter)
    launches: Counter[str] = field(default_factory=Counter)
    #: Launches of one thread, by the name of their kernel.
    alone: Counter[str] = field(default_factory=Counter)

    @property
    def one_thread(self) -> int:
        return self.alone.total()

    @property
    def waits(self) -> int:
        return self.calls["cuStreamSynchronize"]


class FakeDriver:
    """The driver of a device that is not there; see `tracejit.device.driver.Driver`."""

    def __init__(self, number: int = 0) -> None:
        self.number = number
        #: What its machine code is for; code for something else is refused.
        self.kind = "sm_90 of the tests"
        self.machine = Device()
        self.memory_space = Arena()
        self.machine.memory = self.memory_space
        self.counts = Counts()
        #: Functions of cupy that are not there.
        self.missing: set[str] = set()
        self.error: BaseException | None = None
        self._sticky = 0
        self._fail_at = 0
        self._limit = 1 << 62
        self._used = 0
        self._queue: list[Callable[[], None]] = []
        self._kernels: dict[int, tuple[str, str, list[int]]] = {}
        self._functions = {name: self._function(name, types) for name, types in _TYPES.items()}
        self._blas = self._function(PRODUCT, PRODUCT_TYPES)
        self._natives = {
            "tj_device_stream": ctypes.PYFUNCTYPE(_Z)(self.stream),
            "tj_device_number": ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_int)(
                lambda _: self.device()
            ),
        }

    # -- as `Driver` ---------------------------------------------------------------------------

    @property
    def addresses(self) -> dict[str, int]:
        return {n: ctypes.cast(f, ctypes.c_void_p).value or 0 for n, f in self._functions.items()}

    def device(self) -> int:
        return self.number

    def on(self, device: int) -> contextlib.AbstractContextManager[Any]:
        return contextlib.nullcontext()

    def stream(self) -> int:
        return _STREAM

    def architecture(self) -> str:
        return "sm_90"

    def kind_of_device(self) -> str:
        return self.kind

    def assemble(self, text: str) -> bytes:
        self.counts.calls["assemble"] += 1
        parse_module(text)
        return f"{self.kind}\n{text}".encode()

    def load(self, code: bytes, names: Sequence[str]) -> tuple[object, list[int]]:
        kind, _, text = code.decode(errors="replace").partition("\n")
        if kind != self.kind:
            raise CudaError("CUDA error in the loading of kernels: for another device")
        module = parse_module(text)
        handles = []
        for name in names:
            handle = 0x1000 + 16 * len(self._kernels)
            self._kernels[handle] = text, name, [p.size for p in module.kernels[name].params]
            handles.append(handle)
        return None, handles

    def memory(self, size: int) -> Any:
        import cupy

        if self._due("alloc") or self._used + size > self._limit:
            raise MemoryError("the fake device's limit")
        return cupy.cuda.MemoryPointer(_Block(self, size).as_cupy(), 0)

    def wrap(self, x: Any) -> Any:
        return x.cupy_array()

    def cause(self) -> BaseException | None:
        return self.error

    @property
    def blas(self) -> dict[str, int]:
        return {PRODUCT: ctypes.cast(self._blas, ctypes.c_void_p).value or 0}

    @property
    def natives(self) -> dict[str, int]:
        return {n: ctypes.cast(f, ctypes.c_void_p).value or 0 for n, f in self._natives.items()}

    @property
    def library(self) -> FakeLibrary:
        return FakeLibrary(self)

    def blas_handle(self) -> int:
        if self._due("cublasSetStream"):
            raise RuntimeError("no handle")
        return _HANDLE

    # -- C functions ---------------------------------------------------------------------------

    def _function(self, name: str, types: Sequence[Any]) -> Any:
        work = getattr(self, f"_{name}")

        def call(*args: Any) -> int:
            try:
                if self._due(name):
                    return UNKNOWN
                if self._sticky:
                    return self._sticky
                work(*args)
            except (PtxError, AccessError) as error:
                self.error, self._sticky = error, ILLEGAL_ADDRESS
                return ILLEGAL_ADDRESS
            except BaseException as error:
                self.error, self._sticky = error, UNKNOWN
                return UNKNOWN
            return 0

        return ctypes.CFUNCTYPE(ctypes.c_int, *types)(call)

    def _due(self, name: str) -> bool:
        """Notes a call; whether it is the one that is to fail."""
        self.counts.calls[name] += 1
        self._fail_at -= 1
        return self._fail_at == 0

    def _cuLaunchKernel(
        self, handle: int, gx: int, gy: int, gz: int, bx: int, by: int, bz: int, *rest: Any
    ) -> None:
        shared, stream, params, _ = rest
        assert stream == _STREAM, "another stream"
        text, name, sizes = self._kernels[handle]
        # The driver takes the arguments' bytes now, too.
        given = [ctypes.string_at(params[k], size) for k, size in enumerate(sizes)]
        self.counts.launches[name.rpartition("_")[2]] += 1
        if name.endswith("_serial"):
            self.counts.alone[name] += 1

        def run() -> None:
            simulate(self.machine, text, name, (gx, gy, gz), (bx, by, bz), given, shared)

        self._queue.append(run)

    def _cuMemcpyDtoHAsync(self, to: int, source: int, size: int, stream: int) -> None:
        assert stream == _STREAM, "another stream"
        ctypes.memset(to, 0xA5, size)  # not there yet

        def copy() -> None:
            ctypes.memmove(to, self.memory_space.inside(source, size).tobytes(), size)

        self._queue.append(copy)

    def _cuMemcpyHtoDAsync(self, to: int, source: int, size: int, stream: int) -> None:
        assert stream == _STREAM, "another stream"
        data = np.frombuffer(ctypes.string_at(source, size), np.uint8)

        def copy() -> None:
            self.memory_space.inside(to, size)[:] = data

        self._queue.append(copy)

    def _cublasGemmStridedBatchedEx_64(self, handle: int, *arguments: Any) -> None:
        assert handle == _HANDLE, "another handle"
        product = Product(*arguments)
        self._queue.append(lambda: product.run(self.memory_space.inside))

    def _cuStreamSynchronize(self, stream: int) -> None:
        assert stream == _STREAM, "another stream"
        self.finish()

    # -- for tests -----------------------------------------------------------------------------

    def finish(self) -> None:
        """Do what is queued."""
        while self._queue:
            self._queue.pop(0)()

    def put(self, x: Any) -> Any:
        """A cupy array with the elements, strides and extents of a NumPy array."""
        import cupy

        low, high = np.lib.array_utils.byte_bounds(x) if x.size else (0, 0)
        memory = cupy.cuda.MemoryPointer(_Block(self, max(high - low, 1)).as_cupy(), 0)
        if x.size:
            self.memory_space.fill(memory.ptr, ctypes.string_at(low, high - low))
        offset = x.__array_interface__["data"][0] - low if x.size else 0
        return cupy.ndarray(x.shape, x.dtype, memory + offset, strides=x.strides)

    def get(self, x: Any) -> np.ndarray:
        """The elements of a cupy array."""
        self.finish()
        if not x.size:
            return np.empty(x.shape, x.dtype)
        low, high = np.lib.array_utils.byte_bounds(stand_in(x))
        data = np.frombuffer(self.memory_space.inside(low, high - low).tobytes(), np.uint8)
        return np.ndarray(x.shape, x.dtype, data, x.data.ptr - low, x.strides).copy()

    def library_call(self, path: str) -> None:
        """A call of cupy's: it fails, if it is the one."""
        if self._due(f"cupy.{path}"):
            raise RuntimeError("a library fails")

    def put_later(self, x: np.ndarray) -> Any:
        """A new cupy array that has these elements when the stream has come there."""
        import cupy

        made = cupy.ndarray(x.shape, x.dtype, self.memory(max(x.nbytes, 1)))
        self.write_later(made, x)
        return made

    def write_later(self, to: Any, x: np.ndarray) -> None:
        """A cupy array has these elements when the stream has come there."""
        if not x.size:
            return
        low, high = np.lib.array_utils.byte_bounds(stand_in(to))
        first, shape, strides = to.data.ptr - low, to.shape, to.strides

        def write() -> None:
            memory = self.memory_space.inside(low, high - low)
            np.ndarray(shape, x.dtype, memory, first, strides)[...] = x

        self._queue.append(write)

    def fail_at(self, n: int) -> None:
        """The n-th driver call from now fails (1: the next)."""
        self._fail_at = n

    def limit(self, size: int) -> None:
        """Allocations that would make more than these bytes fail."""
        self._limit = size

    @property
    def allocations(self) -> int:
        """How many blocks of memory there are."""
        self.finish()
        return sum(r.name == "block" for r in self.memory_space.regions)

    def recover(self) -> None:
        """As in a new context: errors are forgotten, and the work that was queued."""
        self._queue = [work for work in self._queue if isinstance(work, _Release)]
        self.error, self._sticky, self._fail_at = None, 0, 0


@dataclass
class _Release:
    """A block is freed, where the stream has come to it."""

    driver: FakeDriver
    address: int

    def __call__(self) -> None:
        self.driver.memory_space.release(self.address)


_P, _U, _Z = ctypes.c_void_p, ctypes.c_uint, ctypes.c_size_t
_TYPES: dict[str, tuple[Any, ...]] = {
    "cuLaunchKernel": (_P, _U, _U, _U, _U, _U, _U, _U, _P, ctypes.POINTER(_P), _P),
    "cuMemcpyDtoHAsync": (_P, _P, _Z, _P),
    "cuMemcpyHtoDAsync": (_P, _P, _Z, _P),
    "cuStreamSynchronize": (_P,),
}


class _Block:
    """Memory that cupy arrays hold; freed in the order of the stream when the last one is gone."""

    def __init__(self, driver: FakeDriver, size: int) -> None:
        self.driver, self.size = driver, size
        self.address = driver.memory_space.allocate("block", size)
        driver._used += size

    def as_cupy(self) -> Any:
        import cupy

        return cupy.cuda.UnownedMemory(self.address, self.size, self, self.driver.number)

    def __del__(self) -> None:
        self.driver._used -= self.size
        self.driver._queue.append(_Release(self.driver, self.address))


@contextlib.contextmanager
def fake_device() -> Iterator[FakeDriver]:
    """A device for the time of the context; what is compiled meanwhile runs there."""
    driver = FakeDriver()
    with using(driver):
        yield driver
