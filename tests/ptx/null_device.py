"""`null_device()`: a driver whose functions do nothing, natively. What a call costs on the host.

    python -m tests.ptx.null_device

prints what calls cost in terms of NumPy's `x + 1.0`, measured in turns.
"""

from __future__ import annotations

import contextlib
import statistics
import timeit
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from tests.ptx.fake_device import Arena
from tracejit import jit
from tracejit.codegen_llvm.engine import shared_engine
from tracejit.device.driver import FUNCTIONS, PRODUCT, using
from tracejit.device.entry_text import NATIVES
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
        text += """
define ptr @tj_device_stream() #0 { ret ptr null }
define i32 @tj_device_number(i32 %skip) #0 { ret i32 0 }"""
        self._module = shared_engine().compile(text, {}, [*types, *NATIVES], 2)
        self.natives = {name: self._module.addresses[name] for name in NATIVES}
        self.addresses = {name: self._module.addresses[name] for name in FUNCTIONS}
        self._arena = Arena()
        self._blocks: list[Any] = []
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

        if not self._blocks:
            step = 1 << 20
            for start in range(0, 1 << 28, step):
                block = cupy.cuda.UnownedMemory(self._arena.base + start, step, None, 0)
                self._blocks.append(cupy.cuda.MemoryPointer(block, 0))
        self._next = (self._next + 1) % len(self._blocks)
        return self._blocks[self._next]

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


def ratios(calls: Mapping[str, Callable[[], Any]], unit: Callable[[], Any]) -> dict[str, float]:
    """What calls cost in terms of another, measured in turns: the median of the quotients."""
    found: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(31):
        one = timeit.timeit(unit, number=300)
        for name, call in calls.items():
            found[name].append(timeit.timeit(call, number=300) / one)
    return {name: statistics.median(quotients) for name, quotients in found.items()}


def main() -> None:
    host = np.ones(10)
    functions = {
        "3 arrays, 1 launch": lambda x, y, z: x * y + z,
        "3 arrays, 5 launches": shifted,
        "3 arrays, temporaries": lambda x, y, z: (x[::2] + y[::2], z * y)[1] + np.cumsum(z),
    }
    with null_device() as gpu:
        given = [gpu.empty(1000, "f8") for _ in range(3)]
        calls = {}
        for name, function in functions.items():
            calls[name] = partial(jit(function), *given)
            calls[name]()
        spent = ratios(calls, lambda: host + 1.0)
    for name, ratio in spent.items():
        print(f"{name:27s} {ratio:6.2f} times NumPy's x + 1.0")


def shifted(x: Any, y: Any, z: Any) -> Any:
    """Statements of which each reads what the one before has written elsewhere."""
    y[1:] = x[:-1]
    x[1:] = y[:-1]
    y[1:] = x[:-1]
    x[1:] = y[:-1]
    return x * y + z


if __name__ == "__main__":
    main()
