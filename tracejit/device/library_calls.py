"""Host code's calls of `libraries`: arrays of a call as cupy arrays, its numbers, its errors."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from tracejit.codegen_llvm.runtime import scalar_from_slots, scalar_slots, store_scalar
from tracejit.device.driver import CudaError, Driver, driver
from tracejit.device.libraries import Destination, LibraryRow, answer
from tracejit.device.transfers import fill
from tracejit.ir.core import Value
from tracejit.ir.ops.extern import Reference
from tracejit.ir.types import BufferType
from tracejit.llvm_text.tables import Location, traceback_at
from tracejit.records import dataclass


@dataclass(frozen=True)
class LibraryCall:
    """One call of a row, as a function of the address of its slots (see `HostCall.raw`)."""

    entry: LibraryRow
    reference: Reference
    operands: tuple[tuple[np.dtype[Any], int | None], ...]
    results: tuple[tuple[np.dtype[Any], int | None], ...]
    location: Location | None

    @property
    def name(self) -> str:
        """What the user may know: ``cupy.linalg.solve``."""
        return f"cupy.{self.entry.uses[0]}"

    def __call__(self, address: int) -> None:
        device, values = driver(), [*self.operands, *self.results]
        *starts, _ = accumulate(map(_width, values), initial=0)
        found = [
            _scalar(dtype, at) if rank is None else _array(device, dtype, rank, at)
            for (dtype, rank), at in zip(values, (address + 8 * s for s in starts), strict=True)
        ]
        given, results = found[: len(self.operands)], found[len(self.operands) :]
        places = [
            Destination(dtype, None if rank is None else x)
            for (dtype, rank), x in zip(self.results, results, strict=True)
        ]
        try:
            numbers = self._answers(device, given, places)
        except RuntimeError as error:
            raised = CudaError(f"CUDA error in {self.name}: {error}")
            if self.location is not None:
                raised = raised.with_traceback(traceback_at(self.location))
            raise raised from error
        for number, start, (dtype, rank) in zip(
            numbers, starts[len(self.operands) :], self.results, strict=True
        ):
            if rank is None:
                store_scalar(dtype, number, address + 8 * start)

    def _answers(
        self, device: Driver, given: list[Any], places: Sequence[Destination]
    ) -> list[Any]:
        """By cupy; by NumPy where there is nothing to read."""
        if any(getattr(x, "size", 1) == 0 for x in given):
            return self._of_nothing(device, given, places)
        count = len(given) - len(self.reference.extents)
        sizes = map(int, given[count:])
        attrs = {**dict(self.reference.attrs), **dict(zip(self.reference.extents, sizes))}
        return answer(self.entry, device.library, given[:count], attrs, places)

    def _of_nothing(
        self, device: Driver, given: list[Any], places: Sequence[Destination]
    ) -> list[Any]:
        empty = [np.empty(x.shape, x.dtype) if hasattr(x, "data") else x for x in given]
        found = self.reference(*empty)
        values = found if isinstance(found, tuple) else (found,)
        for place, value in zip(places, values, strict=True):
            if place.array is not None:
                fill(device, place.array, np.asarray(value, place.dtype))
        return [v if p.array is None else None for p, v in zip(places, values, strict=True)]


def described(values: Sequence[Value]) -> tuple[tuple[np.dtype[Any], int | None], ...]:
    """Dtypes and ranks of operands or results; None: a number."""
    return tuple((v.dtype, v.rank if isinstance(v.type, BufferType) else None) for v in values)


def _width(value: tuple[np.dtype[Any], int | None]) -> int:
    dtype, rank = value
    return scalar_slots(dtype) if rank is None else 1 + 2 * rank


def _scalar(dtype: np.dtype[Any], address: int) -> Any:
    return scalar_from_slots(dtype, address)


def _array(device: Driver, dtype: np.dtype[Any], rank: int, address: int) -> Any:
    """The cupy array that slots describe. Its memory is the call's."""
    import cupy

    pointer, *sizes = (ctypes.c_int64 * (1 + 2 * rank)).from_address(address)
    shape, strides = tuple(sizes[:rank]), tuple(sizes[rank:])
    span = dtype.itemsize + sum((n - 1) * abs(s) for n, s in zip(shape, strides) if n > 0)
    memory = cupy.cuda.UnownedMemory(pointer, span, None, device.device())
    return cupy.ndarray(shape, dtype, cupy.cuda.MemoryPointer(memory, 0), strides=strides)
