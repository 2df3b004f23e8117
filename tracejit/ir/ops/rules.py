"""Type-rule vocabulary shared by the rows: checks that raise ``TypeError`` with the types shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tracejit.ir.core import Function, Value
from tracejit.ir.extent import Dim
from tracejit.ir.types import INDEX, TensorType, Type

Operands = Sequence[Value]
Attrs = Mapping[str, Any]
Regions = Sequence[Function]


def require(condition: bool, message: str, *context: object) -> None:
    """Raise TypeError with the offending types unless ``condition``."""
    if not condition:
        raise TypeError(f"{message}: {', '.join(map(str, context))}" if context else message)


def arity(operands: Operands, count: int) -> None:
    """The exact number of operands."""
    require(len(operands) == count, f"expected {count} operands, got {len(operands)}")


def all_tensors(operands: Operands) -> None:
    """Every operand is a tensor."""
    for v in operands:
        require(isinstance(v.type, TensorType), "operand is not a tensor", v.type)


def indices(operands: Operands) -> None:
    """Every operand is a rank-0 i64."""
    for v in operands:
        require(v.type == INDEX, "index operand must be i64[]", v.type)


def same_shape(operands: Operands) -> tuple[Dim, ...]:
    """The common shape."""
    for v in operands[1:]:
        require(v.shape == operands[0].shape, "shapes differ", *(o.type for o in operands))
    return operands[0].shape


def same_dtype(operands: Operands) -> np.dtype[np.generic]:
    """The common dtype."""
    for v in operands[1:]:
        require(v.dtype == operands[0].dtype, "dtypes differ", *(o.type for o in operands))
    return operands[0].dtype


def axes_in_range(axes: Sequence[int], rank: int) -> None:
    """Axes are distinct, sorted where it matters to the caller, and within the rank."""
    require(len(set(axes)) == len(axes), "axes repeat", axes)
    require(all(0 <= a < rank for a in axes), f"axes outside rank {rank}", axes)


def one(type_: Type) -> tuple[Type, ...]:
    """A single result."""
    return (type_,)
