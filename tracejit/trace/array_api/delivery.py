"""How results leave an implementation: new arrays in NumPy's layout, NumPy scalars, or ``out``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tracejit.errors import throw
from tracejit.ir.core import Value
from tracejit.trace.array_api.operands import value_of
from tracejit.trace.session.session import current
from tracejit.trace.values.all import Array, Scalar, k_order, wrap
from tracejit.trace.views.broadcast import stretch


def result_like(value: Value, inputs: Sequence[Any]) -> Array | Scalar:
    """A ufunc's result: K order over the inputs; a NumPy scalar for rank 0."""
    return wrap(value, k_order(inputs, value.rank))


def write(out: Array, value: Value) -> Array:
    """Store a result whose cast NumPy has already allowed."""
    out.write(stretch(current().b.convert(value, out.dtype), out.dims))
    return out


def deliver(value: Value, out: Any = None, casting: Any = "same_kind") -> Any:
    """A new result, or ``out`` with the result stored in it (shape and cast as NumPy asks)."""
    if isinstance(out, tuple):
        (out,) = out
    if out is None:
        return wrap(value)
    if not isinstance(out, Array):
        throw(TypeError("return arrays must be of ArrayType"))
    if out.ndim != value.rank:
        throw(
            ValueError(
                f"output parameter has the wrong number of dimensions: {out.ndim}, not {value.rank}"
            )
        )
    if not np.can_cast(value.dtype, out.dtype, casting):
        throw(
            TypeError(
                f"Cannot cast array data from {value.dtype!r} to {out.dtype!r} "
                f"according to the rule '{casting}'"
            )
        )
    return write(out, value)


def stored(found: Any, out: Any) -> Any:
    """What was found as a finished result, or ``out`` with it stored there."""
    return found if out is None else deliver(value_of(found), out)
