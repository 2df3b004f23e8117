"""Where cupy's objects keep what native code reads: probed, as NumPy's are in `abi.capi`."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

from tracejit.records import dataclass


@dataclass(frozen=True)
class Fields:
    """Offsets in bytes. In `cupy.ndarray`: vectors of C++ with extents and strides, the dtype, the
    pointer object; in that one (`MemoryPointer`): the address and the device."""

    shape: int = 40
    strides: int = 64
    dtype: int = 104
    data: int = 112
    address: int = 24
    device: int = 32


@cache
def fields() -> Fields | None:
    """Of this version of cupy; None where its objects are other than they were."""
    import cupy

    found = Fields()
    if cupy.ndarray.__basicsize__ < found.data + 8:
        return None
    owner = cupy.cuda.UnownedMemory(0x7000, 4096, None, 5)
    for shape, strides, dtype in (
        ((2, 3, 5), (8, 16, 48), "f8"),
        ((7,), (-4,), "i4"),
        ((), (), "?"),
    ):
        memory = cupy.cuda.MemoryPointer(owner, 0x111)
        if not _has(found, cupy.ndarray(shape, dtype, memory, strides=strides)):
            return None
    return found


def _has(found: Fields, x: Any) -> bool:
    """Whether an array has these fields; no pointer is followed before what is beside it fits."""

    def word(of: Any, at: int) -> int:
        return ctypes.c_int64.from_address(id(of) + at).value

    pointer = x.data
    if word(x, found.dtype) != id(x.dtype) or word(x, found.data) != id(pointer):
        return False
    if word(pointer, found.address) != pointer.ptr:
        return False
    if ctypes.c_int32.from_address(id(pointer) + found.device).value != pointer.device_id:
        return False
    for at, wanted in ((found.shape, x.shape), (found.strides, x.strides)):
        first, end = word(x, at), word(x, at + 8)
        if end - first != 8 * len(wanted):
            return False
        if wanted and tuple((ctypes.c_int64 * len(wanted)).from_address(first)) != wanted:
            return False
    return True
