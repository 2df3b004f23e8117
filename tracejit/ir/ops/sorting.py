"""Sorts and selections, which NumPy computes: rows of kind ``extern``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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


def _partition(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    x, _ = _selected(operands, attrs)
    return (x.type,)


def _argpartition(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    x, _ = _selected(operands, attrs)
    return types((np.int64, x.shape))


def _selected(operands: Operands, attrs: Attrs) -> Operands:
    arity(operands, 2)
    all_tensors(operands)
    _along_axis(operands, attrs)
    kth = operands[1]
    require(kth.rank == 1 and kth.dtype == np.int64, "places are a line of i64", kth.type)
    return operands


def _on_axis(x: Any, kth: Any, axis: int) -> bool:
    n = x.shape[axis]
    return bool(np.all((kth >= -n) & (kth < n)))


def _eval_partition(x: Any, kth: Any, *, axis: int) -> Any:
    return np.partition(x, kth, axis) if _on_axis(x, kth, axis) else x


def _eval_argpartition(x: Any, kth: Any, *, axis: int) -> Any:
    if not _on_axis(x, kth, axis):
        return np.zeros(x.shape, np.int64)
    return np.argpartition(x, kth, axis)


def _partition_jvp(
    b: Builder, operands: Values, tangents: Tangents, results: Values, attrs: Attrs
) -> Out:
    """Tangents go where their elements go. NumPy's `argpartition` has an order of its own: so by
    the order of the elements before and after."""
    (x, _), t, (y,), axis = operands, tangents[0], results, attrs["axis"]
    if t is None:
        return [None]
    before, after = (b.op("argsort", v, axis=axis, kind="stable") for v in (x, y))
    back = b.op("argsort", after, axis=axis, kind="stable")
    return [take_along(b, t, take_along(b, before, back, axis), axis)]


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
row(
    Primitive(
        "partition",
        "extern",
        _partition,
        _eval_partition,
        jvp=_partition_jvp,
        doc="partition(x, kth) {axis}: the elements kth where a sort would put them, the smaller "
        "ones before each. Where a kth is outside of the axis: x.",
    )
)
row(
    Primitive(
        "argpartition",
        "extern",
        _argpartition,
        _eval_argpartition,
        differentiable=False,
        doc="argpartition(x, kth) {axis}: the positions that partition, in NumPy's order, which is "
        "not that of partition. Where a kth is outside of the axis: zeros.",
    )
)
