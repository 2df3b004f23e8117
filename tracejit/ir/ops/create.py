"""Rows that make tensors from nothing: ``constant``, ``iota``, ``empty``."""

from __future__ import annotations

from typing import Any

import numpy as np

from tracejit.dtypes import is_real
from tracejit.ir.core import Primitive, row
from tracejit.ir.ops.rules import Attrs, Operands, Regions, arity, require
from tracejit.ir.traits import Trait
from tracejit.ir.types import TensorType, Type, dtype_of


def _constant(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    arity(operands, 0)
    array = attrs["value"].array
    return (TensorType(dtype_of(array.dtype), array.shape),)


def _iota(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    arity(operands, 0)
    require(0 <= attrs["axis"] < len(attrs["shape"]), "iota axis outside its shape")
    require(is_real(attrs["dtype"]), "iota dtype must be integer or float", attrs["dtype"])
    return (TensorType(attrs["dtype"], attrs["shape"]),)


def _eval_iota(*, shape: tuple[int, ...], axis: int, dtype: np.dtype[Any]) -> Any:
    line = np.arange(shape[axis]).astype(dtype)
    ones = [1] * len(shape)
    ones[axis] = -1
    return np.broadcast_to(line.reshape(ones), shape).copy()


def _empty(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    arity(operands, 0)
    return (TensorType(attrs["dtype"], attrs["shape"]),)


row(
    Primitive(
        "constant",
        "create",
        _constant,
        lambda *, value: value.array,
        cost=0,
        differentiable=False,
        traits=frozenset([Trait.LITERAL]),
        doc="A literal scalar or small array.",
    )
)
row(
    Primitive(
        "iota",
        "create",
        _iota,
        _eval_iota,
        cost=0,
        differentiable=False,
        traits=frozenset([Trait.BOUNDED, Trait.COUNTS, Trait.STEADY]),
        doc="result[i, …] = i_axis, converted to dtype.",
    )
)
row(
    Primitive(
        "empty",
        "create",
        _empty,
        lambda *, shape, dtype: np.zeros(shape, dtype),
        differentiable=False,
        traits=frozenset([Trait.DISTINCT]),
        doc="Undefined but frozen contents; the interpreter and derivatives use zeros.",
    )
)
