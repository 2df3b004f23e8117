"""Types of IR values: tensors, buffers (Program level) and tapes. dtypes have one spelling here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, TypeAlias, Union

import numpy as np

from tracejit.dtypes import ROWS, is_name, named, row_of
from tracejit.ir.extent import Dim, ResultRef, subst
from tracejit.records import dataclass

if TYPE_CHECKING:
    from tracejit.ir.core import Value

DTypeLike: TypeAlias = Union[str, "np.dtype[np.generic]"]

DTYPES: dict[str, np.dtype[np.generic]] = {row.name: row.dtype for row in ROWS.values()}


def dtype_of(spec: DTypeLike) -> np.dtype[np.generic]:
    """The native-endian dtype for a short name (``"f64"``) or anything NumPy accepts.

    Raises TypeError for dtypes outside bool, ints, float32/64 and complex64/128.
    """
    if isinstance(spec, str) and is_name(spec):
        return named(spec)
    dtype = np.dtype(spec).newbyteorder("=")
    row = row_of(dtype)
    if row is None:
        raise TypeError(f"dtype {np.dtype(spec)} is not supported")
    return row.dtype


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


#: How a GPU computes elementary functions: with the bits of the CPU, or by its own approximations.
Math: TypeAlias = Literal["portable", "device"]
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


def dense_buffer(type_: TensorType) -> BufferType:
    """The C-contiguous buffer that holds a tensor of this type."""
    return BufferType(type_.dtype, type_.shape, dense_strides(type_.dtype, type_.shape))


INDEX = TensorType(DTYPES["i64"])
BOOL = TensorType(DTYPES["bool"])


def subst_dims(dims: tuple[Dim, ...], mapping: Mapping[Value | ResultRef, Dim]) -> tuple[Dim, ...]:
    """Substitute atoms in each extent."""
    return tuple(subst(d, mapping) for d in dims)


def subst_type(type_: Type, mapping: Mapping[Value | ResultRef, Dim]) -> Type:
    """Substitute atoms in every extent of a type."""
    if not mapping:
        return type_
    if isinstance(type_, TensorType):
        if all(type(d) is int for d in type_.shape):
            return type_
        return TensorType(type_.dtype, subst_dims(type_.shape, mapping))
    if isinstance(type_, BufferType):
        return BufferType(
            type_.dtype,
            subst_dims(type_.shape, mapping),
            subst_dims(type_.strides, mapping),
            type_.space,
        )
    return type_
