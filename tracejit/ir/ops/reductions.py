"""Reductions over axes, arg-reductions, and scans along one axis."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tracejit.dtypes import is_exact
from tracejit.ir.core import Primitive, row
from tracejit.ir.ops import derivatives_linear as linear
from tracejit.ir.ops import derivatives_reductions as d
from tracejit.ir.ops.rules import Attrs, Operands, Regions, arity, axes_in_range, require
from tracejit.ir.traits import Trait
from tracejit.ir.types import DTYPES, TensorType, Type


def _reduce(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    arity(operands, 1)
    (x,), axes = operands, attrs["axes"]
    axes_in_range(axes, x.rank)
    require(tuple(sorted(axes)) == tuple(axes), "reduction axes must be sorted", axes)
    return (TensorType(x.dtype, tuple(d for a, d in enumerate(x.shape) if a not in axes)),)


def _bool_reduce(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    require(is_exact(operands[0].dtype), "operand must be bool or integer", operands[0].type)
    return _reduce(operands, attrs, regions)


def _arg(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    arity(operands, 1)
    (x,), axis = operands, attrs["axis"]
    axes_in_range((axis,), x.rank)
    return (TensorType(DTYPES["i64"], tuple(d for a, d in enumerate(x.shape) if a != axis)),)


def _scan(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    arity(operands, 1)
    axes_in_range((attrs["axis"],), operands[0].rank)
    return (operands[0].type,)


def _reducer(ufunc: np.ufunc) -> Callable[..., Any]:
    def evaluate(x: Any, *, axes: tuple[int, ...], **_: Any) -> Any:
        x = np.asarray(x)
        return ufunc.reduce(x, axis=axes, dtype=x.dtype) if axes else x.copy()

    return evaluate


def _scanner(ufunc: np.ufunc) -> Callable[..., Any]:
    def evaluate(x: Any, *, axis: int, reverse: bool = False) -> Any:
        x = np.asarray(x)
        flipped = np.flip(x, axis) if reverse else x
        out = ufunc.accumulate(flipped, axis=axis, dtype=x.dtype)
        return np.flip(out, axis).copy() if reverse else out

    return evaluate


_LINEAR = linear.linear((0,), linear.maps(linear.reduce_sum))
_EXTREME: dict[str, Any] = {"jvp": d.reduce_extreme, "traits": frozenset([Trait.NOT_EMPTY])}
for _name, _ufunc, _columns, _doc in [
    ("reduce_sum", np.add, _LINEAR, "Sum in NumPy's order (see docs/ir.md)."),
    ("reduce_prod", np.multiply, {"jvp": d.reduce_prod}, "Product, one after another."),
    ("reduce_min", np.minimum, _EXTREME, "Minimum; nan wins. Extents must not be zero."),
    ("reduce_max", np.maximum, _EXTREME, "Maximum; nan wins. Extents must not be zero."),
]:
    row(Primitive(_name, "reduction", _reduce, _reducer(_ufunc), **_columns, doc=_doc))
for _name, _ufunc in [
    ("reduce_and", np.bitwise_and),
    ("reduce_or", np.bitwise_or),
    ("reduce_xor", np.bitwise_xor),
]:
    row(
        Primitive(
            _name,
            "reduction",
            _bool_reduce,
            _reducer(_ufunc),
            differentiable=False,
            doc="Bitwise on integers, logical on bool.",
        )
    )
for _name, _arg_fn in [("argmin", np.argmin), ("argmax", np.argmax)]:
    row(
        Primitive(
            _name,
            "reduction",
            _arg,
            lambda x, *, axis, _fn=_arg_fn: np.asarray(_fn(x, axis=axis), np.int64),
            differentiable=False,
            traits=frozenset([Trait.NOT_EMPTY, Trait.FINDS_PLACE]),
            doc="Index of the first extremum along axis; the first nan wins.",
        )
    )
for _name, _ufunc, _derivative in [
    ("cumsum", np.add, linear.linear((0,), linear.maps(linear.cumsum))),
    ("cumprod", np.multiply, {"jvp": d.Expand(d.cumprod_loop)}),
    ("cummin", np.minimum, {"jvp": d.running_extreme}),
    ("cummax", np.maximum, {"jvp": d.running_extreme}),
]:
    row(
        Primitive(
            _name,
            "scan",
            _scan,
            _scanner(_ufunc),
            **_derivative,
            doc="Running reduction along axis, from the end when reverse.",
        )
    )
