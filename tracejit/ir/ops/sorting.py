"""Sorts, which NumPy computes: rows of kind ``extern``."""

from __future__ import annotations

import numpy as np

from tracejit.dtypes import is_exact
from tracejit.ir.core import Primitive, row
from tracejit.ir.ops.extern import types
from tracejit.ir.ops.rules import Attrs, Operands, Regions, all_tensors, arity, require
from tracejit.ir.types import Type


def _sort(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    arity(operands, 1)
    all_tensors(operands)
    require(is_exact(operands[0].dtype), "sort is of integers and bools", operands[0].type)
    return _along_axis(operands, attrs)


def _along_axis(operands: Operands, attrs: Attrs) -> tuple[Type, ...]:
    require(0 <= attrs["axis"] < operands[0].rank, "no such axis", operands[0].type)
    return (operands[0].type,)


def _argsort(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    arity(operands, 1)
    all_tensors(operands)
    _along_axis(operands, attrs)
    return types((np.int64, operands[0].shape))


def _lexsort(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    arity(operands, 1)
    all_tensors(operands)
    require(operands[0].rank > 0, "lexsort needs keys", operands[0].type)
    return types((np.int64, operands[0].shape[1:]))


row(
    Primitive(
        "sort",
        "extern",
        _sort,
        lambda x, *, axis, kind: np.sort(x, axis=axis, kind=kind),
        differentiable=False,
        doc="sort(x) {axis, kind}: of integers and bools; floats are gathered by argsort.",
    )
)
row(
    Primitive(
        "argsort",
        "extern",
        _argsort,
        lambda x, *, axis, kind: np.argsort(x, axis=axis, kind=kind),
        differentiable=False,
        doc="argsort(x) {axis, kind}: the positions that sort.",
    )
)
row(
    Primitive(
        "lexsort",
        "extern",
        _lexsort,
        lambda keys: np.lexsort(keys),
        differentiable=False,
        doc="lexsort(keys): the positions that sort by the last key, then by those before it.",
    )
)
