"""Arrays in the memory of a GPU: which objects are one, and the NumPy array that stands for it.

What a call is made of (dtypes, extents, strides, which memory overlaps) is asked of NumPy arrays
everywhere. For an array on a GPU it is asked of an array that says the same of the memory there.
Nobody may read or write the elements of such an array. cupy is not imported to know its arrays.
"""

from __future__ import annotations

from typing import Any

import numpy as np

#: `kDLCUDA` of DLPack.
_DLPACK_CUDA = 2


class DeviceMemory:
    """The memory of a cupy array as NumPy's array interface; keeps it alive."""

    def __init__(self, of: Any) -> None:
        self.of = of
        self.device = int(of.data.device_id)
        self.__array_interface__ = {
            "data": (int(of.data.ptr), False),
            "shape": of.shape,
            "strides": of.strides,
            "typestr": _name(of.dtype),
            "version": 3,
        }


def _name(dtype: np.dtype[Any]) -> str:
    """A dtype for the array interface; of one from outside of NumPy (bfloat16): its bits."""
    name = dtype.str
    return name if np.dtype(name) == dtype else f"<u{dtype.itemsize}"


def is_cupy_array(x: Any) -> bool:
    """Whether `x` is exactly a `cupy.ndarray`."""
    kind = type(x)
    return kind.__name__ == "ndarray" and kind.__module__ == "cupy"


def is_foreign(x: Any) -> bool:
    """Whether `x` is another library's array on a GPU (torch, numba, JAX)."""
    kind = type(x)
    if kind.__module__ in ("builtins", "numpy"):
        return False
    if hasattr(kind, "__cuda_array_interface__"):
        try:
            return x.__cuda_array_interface__ is not None
        except (AttributeError, RuntimeError, TypeError):  # torch: a tensor that is on the CPU
            return False
    if hasattr(kind, "__dlpack_device__"):
        try:
            return bool(x.__dlpack_device__()[0] == _DLPACK_CUDA)
        except (BufferError, RuntimeError, TypeError, ValueError):
            return False
    return False


def stand_in(x: Any) -> np.ndarray[Any, Any]:
    """The NumPy array that stands for a cupy array: its address, dtype, shape and strides."""
    found = np.asarray(DeviceMemory(x))
    return found if found.dtype == x.dtype else found.view(x.dtype)


def device_of(x: np.ndarray[Any, Any]) -> int | None:
    """The GPU that an array's memory is on; None for an array of NumPy's own."""
    found: Any = x
    while type(found) is np.ndarray:
        found = found.base
    device = getattr(found, "device", None)
    return device if type(device) is int else None
