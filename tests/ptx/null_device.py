"""`null_device()`: a driver whose functions do nothing, natively. What a call costs on the host.

    python -m tests.ptx.null_device

prints microseconds a call beside NumPy's `x + 1.0` in the same run.
"""

from __future__ import annotations

import contextlib
import timeit
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tests.ptx.fake_device import Arena
from tracejit import jit
from tracejit.codegen_llvm.engine import shared_engine
from tracejit.device.driver import FUNCTIONS, PRODUCT, using
from tracejit.device.libraries import DeviceLibrary, RealLibrary

_TYPES = {
    "cuLaunchKernel": "ptr, i32, i32, i32, i32, i32, i32, i32, ptr, ptr, ptr",
    "cuMemcpyDtoHAsync": "ptr, ptr, i64, ptr",
    "cuMemcpyHtoDAsync": "ptr, ptr, i64, ptr",
    "cuStreamSynchronize": "ptr",
}
_PRODUCT_TYPES = (
    "ptr, i32, i32, i64, i64, i64, ptr, ptr, i32, i64, i64, ptr, i32, i64, i64, ptr, ptr, i32, i64,"
    "i64, i64, i32, i32"
)


class NullDriver:
    """Memory is addresses that come again and again; nothing is copied or run."""

    def __init__(self) -> None:
        types = {**_TYPES, PRODUCT: _PRODUCT_TYPES}
        text = "\n".join(f"define i32 @{n}({types[n]}) #0 {{ ret i32 0 }}" for n in types)
        self._module = shared_engine().compile(text, {}, list(types), 2)
        self.addresses = {name: self._module.addresses[name] for name in FUNCTIONS}
        self._arena = Arena()
        self._next = 0

    @property
    def blas(self) -> dict[str, int]:
        return {PRODUCT: self._module.addresses[PRODUCT]}

    @property
    def library(self) -> DeviceLibrary:
        return RealLibrary()

    def blas_handle(self) -> int:
        return 1

    def device(self) -> int:
        return 0

    def on(self, device: int) -> contextlib.AbstractContextManager[Any]:
        return contextlib.nullcontext()

    def stream(self) -> int:
        return 0

    def architecture(self) -> str:
        return "sm_90"

    def kind_of_device(self) -> str:
        return "none"

    def assemble(self, text: str) -> bytes:
        return text.encode()

    def load(self, code: bytes, names: Sequence[str]) -> tuple[object, list[int]]:
        return None, list(range(1, len(names) + 1))

    def memory(self, size: int) -> Any:
        import cupy

        self._next = (self._next + size + 256) % (1 << 28)
        block = cupy.cuda.UnownedMemory(self._arena.base + self._next, size, None, 0)
        return cupy.cuda.MemoryPointer(block, 0)

    def wrap(self, x: Any) -> Any:
        return x

    def cause(self) -> BaseException | None:
        return None

    def empty(self, shape: Any, dtype: Any) -> Any:
        """A cupy array without memory."""
        import cupy

        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        return cupy.ndarray(shape, dtype, self.memory(size))


@contextlib.contextmanager
def null_device() -> Iterator[NullDriver]:
    """Calls with cupy arrays do nothing on a device for the time of the context."""
    driver = NullDriver()
    with using(driver):
        yield driver


def seconds(call: Any, number: int = 300) -> float:
    """The least time of a call."""
    return min(timeit.repeat(call, number=number, repeat=7)) / number


def main() -> None:
    host = np.ones(10)
    least = seconds(lambda: host + 1.0, 20_000)
    print(f"numpy x + 1.0               {least * 1e6:8.2f} us")
    functions = {
        "3 arrays, 1 launch": lambda x, y, z: x * y + z,
        "3 arrays, 2 launches": lambda x, y, z: (x[::2] + y[::2], z * y)[1] + np.cumsum(z),
    }
    with null_device() as gpu:
        given = [gpu.empty(1000, "f8") for _ in range(3)]
        for name, function in functions.items():
            fast = jit(function)
            fast(*given)
            spent = seconds(lambda fast=fast: fast(*given))
            print(f"{name:27s} {spent * 1e6:8.2f} us, {spent / least:6.1f} times that")


if __name__ == "__main__":
    main()
