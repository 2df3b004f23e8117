"""How an array that is not dense lies in memory, as far as NumPy's decisions depend on it.

`reshape` and `ravel` make views or copies, and results take their axis order, by comparing strides.
A packing keeps exactly that of the strides: what compares equal, signs, and the order of the axes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tracejit.ir.arguments import ArrayArg, Layout, Packing
from tracejit.ir.extent import Dim

# Between axes that are not packed; no step that a program takes is likely to bridge it.
_GAP = 1_000_003


def packing_of(x: np.ndarray[Any, Any]) -> Packing:
    """The packing of an array."""
    axes = [a for a in range(x.ndim) if x.shape[a] > 1]
    order = sorted(axes, key=lambda a: -abs(x.strides[a]))
    dense = [x.shape[b] * x.strides[b] for b in order[1:]] + [x.itemsize]
    return tuple(
        (a, "packed" if x.strides[a] == wanted else _sign(x.strides[a]))
        for a, wanted in zip(order, dense, strict=True)
    )


def layout_of(x: np.ndarray[Any, Any]) -> Layout:
    """Whether an array is dense, and in which order."""
    return "C" if x.flags.c_contiguous else "F" if x.flags.f_contiguous else "strided"


def is_native(x: np.ndarray[Any, Any]) -> bool:
    """Whether compiled code can read the array where it lies."""
    return bool(
        x.dtype.isnative
        and x.flags.aligned
        and all(n < 2 or s % x.itemsize == 0 for n, s in zip(x.shape, x.strides, strict=True))
    )


def array_arg(x: np.ndarray[Any, Any], dtype: np.dtype[Any]) -> ArrayArg:
    """An array as an argument of exactly its shape; ``dtype``: as the IR has it."""
    layout = layout_of(x)
    packing = packing_of(x) if layout == "strided" else None
    return ArrayArg(dtype, x.shape, layout, bool(x.flags.writeable), packing)


def _sign(stride: int) -> str:
    return "+" if stride > 0 else "-" if stride < 0 else "0"


def order_in(packing: Packing, rank: int) -> tuple[int, ...]:
    """All axes from slowest to fastest; those of one element or none are where they were."""
    slow = iter(axis for axis, _ in packing)
    known = {axis for axis, _ in packing}
    return tuple(next(slow) if axis in known else axis for axis in range(rank))


def strides_in(packing: Packing, shape: Sequence[Dim]) -> tuple[Dim, ...]:
    """Strides, in elements, that compare as the strides of every array of this packing do."""
    strides: list[Dim] = [1] * len(shape)
    size: Dim = 1  # extent times stride of the axis before, without its sign
    sign = 1
    for axis, kind in reversed(packing):
        step = size
        if kind != "packed":
            sign = {"+": 1, "-": -1, "0": 0}[kind]
            step = sign * sign * (2 * size + _GAP)
        strides[axis] = sign * step
        size = shape[axis] * step
    return tuple(strides)
