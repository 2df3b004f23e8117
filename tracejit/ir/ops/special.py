"""Functions of Python's ``math`` that NumPy has none of: ``gamma``, ``lgamma``, ``erfc``; and
``polygamma``, which differentiates them.

Where Python would raise, the result is nan or infinite; the error is a ``check`` beside the row.
The interpreter runs their scalar code by NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from tracejit.ir.ops.derivatives import Expr, unary
from tracejit.ir.ops.elementwise import elementwise, same
from tracejit.ir.samples import Samples
from tracejit.ir.scalar import gamma_functions as scalar
from tracejit.ir.scalar.emit_numpy import apply
from tracejit.ir.scalar.lowering.rule import by_kind, rounded


def _polygamma(x: Expr, n: int) -> Expr:
    return Expr(x.b, x.b.op("polygamma", x.v, n=n))


def _row(name: str, code: Callable[..., Any], slope: Callable[..., Expr], **columns: Any) -> None:
    lower = by_kind(f=scalar.in_double(code))
    elementwise(
        name,
        same("f"),
        lambda x, **attrs: apply(rounded(lower), x, **attrs),
        lower,
        count=1,
        jvp=unary(slope),
        **columns,
    )


_POSITIVE = Samples(smooth=((0.6, 3.0),))

_row(
    "gamma",
    scalar.gamma,
    lambda t, x, y: t * (y * _polygamma(x, 0)),
    cost=150,
    samples=_POSITIVE,
    doc="gamma(x): Python's `math.gamma`, to 6 ulp; nan at its poles.",
)
_row(
    "lgamma",
    scalar.lgamma,
    lambda t, x, y: t * _polygamma(x, 0),
    cost=120,
    samples=_POSITIVE,
    doc="lgamma(x): Python's `math.lgamma`, to 8 units in the last place of it or of 1.",
)
_row(
    "erfc",
    scalar.erfc,
    lambda t, x, y: t * (-(x * x)).op("exp") * (-2 / math.sqrt(math.pi)),
    cost=80,
    doc="erfc(x): Python's `math.erfc`, to 3 ulp.",
)
_row(
    "polygamma",
    scalar.polygamma,
    lambda t, x, y, n=0: t * _polygamma(x, n + 1),
    cost=120,
    samples=_POSITIVE,
    doc="polygamma(x) {n}: the derivative of order n (0) of digamma.",
)
