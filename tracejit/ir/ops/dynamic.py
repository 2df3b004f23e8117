"""Rows that bind an extent found at run time, which later types mention."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tracejit.ir.core import Primitive, Value, row
from tracejit.ir.extent import Dim, ResultRef, atom_dim
from tracejit.ir.ops.derivatives_reductions import compress
from tracejit.ir.ops.rules import Attrs, Operands, Regions, indices, require
from tracejit.ir.traits import Trait
from tracejit.ir.types import BOOL, DTYPES, INDEX, TensorType, Type


def _compress(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    x, mask, *known = operands
    axis = attrs["axis"]
    require(
        mask.type == TensorType(BOOL.dtype, (x.shape[axis],)),
        "compress mask must be bool along the axis",
        x.type,
        mask.type,
    )
    count = _count(known)
    shape = tuple(count if a == axis else d for a, d in enumerate(x.shape))
    return (INDEX, TensorType(x.dtype, shape))


def _count(known: Sequence[Value]) -> Dim:
    """The size of a selection: the last operand when it is known, else the first result."""
    require(len(known) < 2, "too many operands")
    indices(known)
    return known[0].dim if known else atom_dim(ResultRef(0))


def _eval_compress(x: Any, mask: Any, count: Any = None, *, axis: int) -> Any:
    out = np.compress(mask, x, axis)
    return np.int64(out.shape[axis]), out


def _nonzero(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    mask, *known = operands
    require(mask.dtype == BOOL.dtype and mask.rank > 0, "nonzero needs a bool array", mask.type)
    line = TensorType(DTYPES["i64"], (_count(known),))
    return (INDEX, *[line] * mask.rank)


def _eval_nonzero(mask: Any, count: Any = None) -> Any:
    found = np.nonzero(mask)
    return (np.int64(len(found[0])), *found)


row(
    Primitive(
        "compress",
        "dynamic",
        _compress,
        _eval_compress,
        jvp=compress,
        traits=frozenset([Trait.SELECTS]),
        doc="%k, %z = compress(x, mask): the slices of x along axis where mask holds; their number "
        "may be the last operand.",
    )
)
row(
    Primitive(
        "nonzero",
        "dynamic",
        _nonzero,
        _eval_nonzero,
        differentiable=False,
        doc="%k, %i0, … = nonzero(mask): indices of true elements in C order, one row per axis; "
        "their number may be the last operand.",
    )
)
