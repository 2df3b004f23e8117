"""Loads PTX text through cupy and launches kernels of it. cupy is imported on first use only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tracejit.records import dataclass


class GpuUnavailableError(RuntimeError):
    """There is no cupy, no driver or no device: the message says which, and what to do."""


def _cupy() -> Any:
    try:
        import cupy
    except ImportError as error:
        raise GpuUnavailableError(
            "the GPU target needs cupy: pip install 'tracejit[gpu]' (for CUDA 13)"
        ) from error
    try:
        count = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        raise GpuUnavailableError(f"no usable NVIDIA driver: {error}") from error
    if not count:
        raise GpuUnavailableError("the NVIDIA driver sees no device")
    return cupy


@dataclass(frozen=True)
class LoadedKernels:
    """A module on the current device."""

    _module: Any

    def launch(
        self, name: str, grid: int, block: int, args: Sequence[object], shared_bytes: int = 0
    ) -> None:
        """Queues kernel `name` on the current stream.

        `args` are NumPy scalars of the parameters' exact types and cupy arrays (their address).
        """
        self._module.get_function(name)((grid,), (block,), tuple(args), shared_mem=shared_bytes)


def load(ptx: str) -> LoadedKernels:
    """Loads PTX text on the current device. Raises GpuUnavailableError where there is none."""
    cupy = _cupy()
    module = cupy.cuda.function.Module()
    module.load(ptx.encode() + b"\0")
    return LoadedKernels(module)
