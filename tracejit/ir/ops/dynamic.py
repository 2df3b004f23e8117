"""Rows that bind an extent found at run time, which later types mention."""

from __future__ import annotations

from typing import Any

import numpy as np

from tracejit.ir.core import Primitive, row
from tracejit.ir.extent import ResultRef, atom_dim
from tracejit.ir.ops.derivatives_columns import derivative
from tracejit.ir.ops.rules import Attrs, Operands, Regions, arity, require
from tracejit.ir.types import BOOL, DTYPES, INDEX, TensorType, Type


def _compress(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    arity(operands, 2)
    x, mask = operands
    axis = attrs["axis"]
    require(
        mask.type == TensorType(BOOL.dtype, (x.shape[axis],)),
        "compress mask must be bool along the axis",
        x.type,
        mask.type,
    )
    count = atom_dim(ResultRef(0))
    shape = tuple(count if a == axis else d for a, d in enumerate(x.shape))
    return (INDEX, TensorType(x.dtype, shape))


def _eval_compress(x: Any, mask: Any, *, axis: int) -> Any:
    out = np.compress(mask, x, axis)
    return np.int64(out.shape[axis]), out


def _nonzero(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    arity(operands, 1)
    (mask,) = operands
    require(mask.dtype == BOOL.dtype and mask.rank > 0, "nonzero needs a bool array", mask.type)
    line = TensorType(DTYPES["i64"], (atom_dim(ResultRef(0)),))
    return (INDEX, *[line] * mask.rank)


def _eval_nonzero(mask: Any) -> Any:
    found = np.nonzero(mask)
    return (np.int64(len(found[0])), *found)


row(
    Primitive(
        "compress",
        "dynamic",
        _compress,
        _eval_compress,
        **derivative("compress"),
        doc="%k, %z = compress(x, mask): the slices of x along axis where mask holds.",
    )
)
row(
    Primitive(
        "nonzero",
        "dynamic",
        _nonzero,
        _eval_nonzero,
        differentiable=False,
        doc="%k, %i0, … = nonzero(mask): indices of true elements in C order, one row per axis.",
    )
)
