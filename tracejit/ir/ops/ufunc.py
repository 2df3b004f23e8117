"""``ufunc``: a ufunc of a library, such as ``scipy.special``, on operands of one shape.

The row names the function and the loop of it that runs, such as ``dd->d``; the library computes,
so that values are its own to the bit. Which derivatives are known is said in
``derivatives_ufuncs.py``; differentiating through any other function is an error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from tracejit.errors import throw
from tracejit.ir.core import Primitive, Value, row
from tracejit.ir.ops.derivatives import Expr
from tracejit.ir.ops.derivatives_ufuncs import PARTIALS
from tracejit.ir.ops.rules import Attrs, Operands, Regions, require
from tracejit.ir.types import TensorType, Type

if TYPE_CHECKING:
    from tracejit.ir.builder import Builder


@cache
def function_at(place: str) -> Any:
    """The function at ``module:name``."""
    module, name = place.split(":")
    return getattr(import_module(module), name)


def loop_types(loop: str) -> tuple[list[np.dtype[Any]], list[np.dtype[Any]]]:
    """Dtypes of a loop's operands and results."""
    operands, results = loop.split("->")
    return list(map(np.dtype, operands)), list(map(np.dtype, results))


def _infer(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    takes, gives = loop_types(attrs["loop"])
    have = [v.type for v in operands]
    require([v.dtype for v in operands] == takes, f"the loop is {attrs['loop']}", *have)
    require(all(v.shape == operands[0].shape for v in operands), "shapes differ", *have)
    return tuple(TensorType(dtype, operands[0].shape) for dtype in gives)


def _eval(*operands: Any, function: str, loop: str) -> Any:
    with np.errstate(all="ignore"):
        return function_at(function)(*operands, signature=loop)


def _jvp(
    b: Builder,
    operands: Sequence[Value],
    tangents: Sequence[Value | None],
    results: Sequence[Value],
    attrs: Mapping[str, Any],
) -> list[Value | None]:
    place = attrs["function"]
    partials = PARTIALS.get(place, ())
    values = [Expr(b, v) for v in (*operands, *results)]
    total: Expr | None = None
    for k, t in enumerate(tangents):
        if t is None:
            continue
        partial = partials[k] if k < len(partials) else None
        if partial is None:
            _refuse(place, k, len(operands))
        share = Expr(b, t) * partial(*values)
        total = share if total is None else total + share
    return [None if total is None else total.v]


def _refuse(place: str, k: int, count: int) -> NoReturn:
    """TypeError: no derivative is known by an operand that is active."""
    name = place.replace(":", ".").replace("._ufuncs._", ".")
    by = f" by its argument {k + 1}" if count > 1 else ""
    throw(
        TypeError(
            f"{name} has no derivative{by}, and what is differentiated goes through it; give it "
            "one with tracejit.custom_jvp, or stop there with tracejit.stop_gradient"
        )
    )


row(
    Primitive(
        "ufunc",
        "extern",
        _infer,
        _eval,
        jvp=_jvp,
        cost=40,
        doc="ufunc(x…) {function, loop}: the ufunc at `module:name` of a library, by that loop.",
    )
)
