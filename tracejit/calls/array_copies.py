"""Native copies of arrays that lie in memory as these do."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from tracejit.trace.session.stride_classes import packing_of

NDArray: TypeAlias = "np.ndarray[Any, Any]"


def copy_of(x: NDArray) -> NDArray:
    """A native copy of the same packing, so that NumPy makes views of both alike."""
    native = x.dtype.newbyteorder("=")
    if x.flags.forc:
        return np.array(x, dtype=native, order="K")
    strides = [x.itemsize] * x.ndim
    size = x.itemsize
    low = high = 0
    for axis, kind in reversed(packing_of(x)):
        step = size if kind == "packed" else abs(size) + x.itemsize
        strides[axis] = step = {"-": -step, "0": 0}.get(kind, step)
        size = x.shape[axis] * step
        reach = step * (x.shape[axis] - 1)
        low, high = low + min(0, reach), high + max(0, reach)
    memory = np.empty(high - low + x.itemsize, np.uint8)
    copy: NDArray = np.ndarray(x.shape, native, memory, -low, strides)
    copy[...] = x
    return copy
