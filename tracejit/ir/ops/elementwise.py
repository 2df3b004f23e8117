"""What elementwise rows are written with: all operands have one shape, nothing is broadcast.

``arithmetic.py``, ``functions.py``, ``comparison.py`` and ``bits.py`` hold the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tracejit.dtypes import kind_of, part_of
from tracejit.ir.core import Primitive, row
from tracejit.ir.ops.rules import Attrs, Operands, Regions, all_tensors, arity, require, same_shape
from tracejit.ir.scalar.lowering.rule import rounded
from tracejit.ir.types import BOOL, TensorType, Type

DtypeRule = Callable[[Operands], np.dtype[np.generic]]


def common(operands: Operands, kinds: str) -> np.dtype[np.generic]:
    """The dtype of all operands, which is of one of these kinds."""
    dtype = operands[0].dtype
    for v in operands:
        require(v.dtype == dtype, "dtypes differ", *(o.type for o in operands))
    require(kind_of(dtype) in kinds, f"dtype kind must be one of {kinds!r}", dtype)
    return dtype


def same(kinds: str) -> DtypeRule:
    """Results have the dtype of the operands."""
    return lambda operands: common(operands, kinds)


def to(dtype: np.dtype[Any], kinds: str) -> DtypeRule:
    """Results have a dtype of their own."""

    def rule(operands: Operands) -> np.dtype[np.generic]:
        common(operands, kinds)
        return dtype

    return rule


def to_bool(kinds: str) -> DtypeRule:
    """Results are bools."""
    return to(BOOL.dtype, kinds)


def to_real(operands: Operands) -> np.dtype[np.generic]:
    """Results have the dtype of a part of a complex number."""
    dtype = common(operands, "iufcb")
    return part_of(dtype)


def elementwise(
    name: str,
    dtype: DtypeRule,
    reference: Callable[..., Any],
    lower: Callable[..., Any],
    *,
    count: int,
    own_format: bool = False,
    **columns: Any,
) -> Primitive:
    """Enter a row: its dtype rule, NumPy reference and scalar code; then any other columns.

    NumPy's ufunc as the reference is one that users can call: this is its loop.
    ``own_format``: the scalar code takes narrow floats as they are (`computed_in`, `dtypes.py`).
    """

    def infer(operands: Operands, attrs: Attrs, regions: Regions) -> Sequence[Type]:
        arity(operands, count)
        all_tensors(operands)
        return (TensorType(dtype(operands), same_shape(operands)),)

    ufunc = reference if isinstance(reference, np.ufunc) else None
    lower = lower if own_format else rounded(lower)
    columns = {"lower": lower, "arity": count, "ufunc": ufunc, **columns}
    return row(Primitive(name, "elementwise", infer, quiet(reference), **columns))


def quiet(reference: Callable[..., Any]) -> Callable[..., Any]:
    """The reference without NumPy's warnings."""

    def evaluate(*operands: Any, **attrs: Any) -> Any:
        with np.errstate(all="ignore"):
            return np.asarray(reference(*operands, **attrs))

    return evaluate
