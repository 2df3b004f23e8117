"""Rows that return an operand with some elements replaced; in place when the operand dies.

Bounds are the builder's responsibility, as for index maps.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tracejit.dtypes import is_bool
from tracejit.ir.core import Primitive, row
from tracejit.ir.ops import derivatives_linear as d
from tracejit.ir.ops.derivatives_reductions import ExpandWhere, product_loop, scatter
from tracejit.ir.ops.index_maps import picked, window
from tracejit.ir.ops.rules import (
    Attrs,
    Operands,
    Regions,
    arity,
    axes_in_range,
    indices,
    require,
    same_dtype,
    same_shape,
)
from tracejit.ir.traits import Trait
from tracejit.ir.types import TensorType, Type

#: NumPy ufunc that combines the old and the new element, per scatter mode (None: replace).
MODES: dict[str, Any] = {
    "set": None,
    "add": np.add,
    "mul": np.multiply,
    "minimum": np.minimum,
    "maximum": np.maximum,
}


def _put_slice(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    x, v = operands[0], operands[1]
    arity(operands, 2 + 2 * x.rank)
    same_dtype((x, v))
    require(v.rank == x.rank, "put_slice value has another rank", x.type, v.type)
    indices(operands[2:])
    return (x.type,)


def _eval_put_slice(x: Any, v: Any, *bounds: int) -> Any:
    out = np.array(x)
    out[window(bounds, np.shape(v), np.shape(x))] = v
    return out


def _add_slice(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    require(not is_bool(operands[0].dtype), "add_slice of bool", operands[0].type)
    return _put_slice(operands, attrs, regions)


def _eval_add_slice(x: Any, v: Any, *bounds: int) -> Any:
    out = np.array(x)
    out[window(bounds, np.shape(v), np.shape(x))] += v
    return out


def _scatter(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    x, v, index = operands[0], operands[1], operands[2:]
    axes = attrs["axes"]
    require(attrs["mode"] in MODES, "unknown scatter mode", attrs["mode"])
    axes_in_range(axes, x.rank)
    require(len(index) == len(axes) > 0, "scatter needs one index per axis", axes)
    for i in index:
        require(i.dtype.str[1:] == "i8", "scatter index must be i64", i.type)
    same_dtype((x, v))
    rest = tuple(d for a, d in enumerate(x.shape) if a not in axes)
    want = TensorType(x.dtype, same_shape(index) + rest)
    require(v.type == want, "scatter value has the wrong type", v.type, want)
    return (x.type,)


def _eval_scatter(x: Any, v: Any, *index: Any, axes: tuple[int, ...], mode: str) -> Any:
    order, picks = picked(axes, index, np.shape(x))
    out = np.array(x)
    view = np.transpose(out, order)
    if MODES[mode] is None:
        view[picks] = v
    else:
        MODES[mode].at(view, picks, v)
    return out


row(
    Primitive(
        "put_slice",
        "update",
        _put_slice,
        _eval_put_slice,
        **d.linear((0, 1), d.put_slice),
        traits=frozenset([Trait.WINDOW]),
        doc="put_slice(x, v, *starts, *steps): x with that window replaced by v.",
    )
)
row(
    Primitive(
        "add_slice",
        "update",
        _add_slice,
        _eval_add_slice,
        **d.linear((0, 1), d.add_slice),
        traits=frozenset([Trait.WINDOW]),
        doc="add_slice(x, v, *starts, *steps): x with v added to that window.",
    )
)
row(
    Primitive(
        "scatter",
        "update",
        _scatter,
        _eval_scatter,
        jvp=ExpandWhere(product_loop, lambda attrs: attrs["mode"] == "mul", scatter),
        **d.linear((0, 1), d.scatter),
        doc="Inverse of gather: elements of v are combined into x one after another, in C order.",
    )
)
