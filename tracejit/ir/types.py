"""Types of IR values: tensors, buffers (Program level) and tapes. dtypes have one spelling here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, Union

import numpy as np

from tracejit.ir.extent import Dim, ResultRef, subst

if TYPE_CHECKING:
    from tracejit.ir.core import Value

DTypeLike: TypeAlias = Union[str, "np.dtype[np.generic]"]

_NAMES = {
    "bool": np.bool_,
    "i8": np.int8,
    "i16": np.int16,
    "i32": np.int32,
    "i64": np.int64,
    "u8": np.uint8,
    "u16": np.uint16,
    "u32": np.uint32,
    "u64": np.uint64,
    "f32": np.float32,
    "f64": np.float64,
    "c64": np.complex64,
    "c128": np.complex128,
}
DTYPES: dict[str, np.dtype[np.generic]] = {k: np.dtype(v) for k, v in _NAMES.items()}
_SHORT: dict[np.dtype[np.generic], str] = {v: k for k, v in DTYPES.items()}


def dtype_of(spec: DTypeLike) -> np.dtype[np.generic]:
    """The native-endian dtype for a short name (``"f64"``) or anything NumPy accepts.

    Raises TypeError for dtypes outside bool, ints, float32/64 and complex64/128.
    """
    if isinstance(spec, str) and spec in DTYPES:
        return DTYPES[spec]
    dtype = np.dtype(spec).newbyteorder("=")
    for known in _SHORT:
        if dtype == known:
            return known
    raise TypeError(f"dtype {np.dtype(spec)} is not supported")


def short_name(dtype: np.dtype[np.generic]) -> str:
    """``f64`` for float64 and so on."""
    return _SHORT[dtype]


def is_inexact(dtype: np.dtype[np.generic]) -> bool:
    """Whether the dtype is floating or complex (the ones that have derivatives)."""
    return dtype.kind in "fc"


@dataclass(frozen=True)
class TensorType:
    """``dtype[shape]``; rank 0 is a scalar."""

    dtype: np.dtype[np.generic]
    shape: tuple[Dim, ...] = ()

    @property
    def rank(self) -> int:
        return len(self.shape)


@dataclass(frozen=True)
class BufferType:
    """Memory of ``shape`` elements; element (i, j, …) lies at ``data + sum(i * stride)`` bytes.

    ``strides`` are in bytes and may be run-time values; ``space`` is global, shared or register.
    """

    dtype: np.dtype[np.generic]
    shape: tuple[Dim, ...]
    strides: tuple[Dim, ...]
    space: str = "global"

    @property
    def rank(self) -> int:
        return len(self.shape)


@dataclass(frozen=True)
class TapeType:
    """A last-in first-out tape of residuals, threaded linearly through ``push`` and ``pop``."""


Type: TypeAlias = TensorType | BufferType | TapeType


def tensor(dtype: DTypeLike, shape: tuple[Dim, ...] = ()) -> TensorType:
    """A tensor type from a short dtype name or a NumPy dtype."""
    return TensorType(dtype_of(dtype), tuple(shape))


def dense_strides(dtype: np.dtype[np.generic], shape: tuple[Dim, ...]) -> tuple[Dim, ...]:
    """C-order strides in bytes."""
    strides: list[Dim] = []
    step: Dim = dtype.itemsize
    for extent in reversed(shape):
        strides.append(step)
        step = extent * step
    return tuple(reversed(strides))


def dense_buffer(type_: TensorType, space: str = "global") -> BufferType:
    """The C-contiguous buffer that holds a tensor of this type."""
    return BufferType(type_.dtype, type_.shape, dense_strides(type_.dtype, type_.shape), space)


INDEX = TensorType(DTYPES["i64"])
BOOL = TensorType(DTYPES["bool"])


def subst_dims(dims: tuple[Dim, ...], mapping: Mapping[Value | ResultRef, Dim]) -> tuple[Dim, ...]:
    """Substitute atoms in each extent."""
    return tuple(subst(d, mapping) for d in dims)


def subst_type(type_: Type, mapping: Mapping[Value | ResultRef, Dim]) -> Type:
    """Substitute atoms in every extent of a type."""
    if isinstance(type_, TensorType):
        return TensorType(type_.dtype, subst_dims(type_.shape, mapping))
    if isinstance(type_, BufferType):
        return BufferType(
            type_.dtype,
            subst_dims(type_.shape, mapping),
            subst_dims(type_.strides, mapping),
            type_.space,
        )
    return type_
