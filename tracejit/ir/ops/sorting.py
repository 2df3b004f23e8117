"""Sorts, which NumPy computes: rows of kind ``extern``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tracejit.ir.core import Primitive, row
from tracejit.ir.ops.derivatives_reductions import Out, Tangents, Values, take_along
from tracejit.ir.ops.extern import types
from tracejit.ir.ops.rules import Attrs, Operands, Regions, all_tensors, arity, require
from tracejit.ir.types import Type

if TYPE_CHECKING:
    from tracejit.ir.builder import Builder


def _sort(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    arity(operands, 1)
    all_tensors(operands)
    return _along_axis(operands, attrs)


def _sort_jvp(
    b: Builder, operands: Values, tangents: Tangents, results: Values, attrs: Attrs
) -> Out:
    """Tangents go where their elements go."""
    (x,), (t,) = operands, tangents
    if t is None:
        return [None]
    return [take_along(b, t, b.op("argsort", x, **attrs), attrs["axis"])]


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
        jvp=_sort_jvp,
        doc="sort(x) {axis, kind}: nan last.",
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
