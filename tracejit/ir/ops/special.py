"""Functions of Python's ``math`` that NumPy has none of: ``gamma``, ``lgamma``, ``erfc``; and
``polygamma``, which differentiates them.

Where Python would raise, the result is nan or infinite; the error is a ``check`` beside the row.
The interpreter runs their scalar code by NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tracejit.ir.core import Value
from tracejit.ir.ops.derivatives import Expr, Jvp
from tracejit.ir.ops.elementwise import elementwise, same
from tracejit.ir.samples import Samples
from tracejit.ir.scalar import gamma_functions as scalar
from tracejit.ir.scalar.emit_numpy import apply
from tracejit.ir.scalar.lowering.rule import by_kind, rounded

if TYPE_CHECKING:
    from tracejit.ir.builder import Builder


def _slope(rule: Callable[..., Expr]) -> Jvp:
    """``rule(x, y, **attrs)``: the derivative, of operand and result."""

    def jvp(
        b: Builder,
        operands: Sequence[Value],
        tangents: Sequence[Value | None],
        results: Sequence[Value],
        attrs: Mapping[str, Any],
    ) -> list[Value | None]:
        (t,) = tangents
        if t is None:
            return [None]
        return [(Expr(b, t) * rule(Expr(b, operands[0]), Expr(b, results[0]), **attrs)).v]

    return jvp


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
        jvp=_slope(slope),
        **columns,
    )


_POSITIVE = Samples(smooth=((0.6, 3.0),))

_row(
    "gamma",
    scalar.gamma,
    lambda x, y: y * _polygamma(x, 0),
    cost=150,
    samples=_POSITIVE,
    doc="gamma(x): Python's `math.gamma`, to 6 ulp; nan at its poles.",
)
_row(
    "lgamma",
    scalar.lgamma,
    lambda x, y: _polygamma(x, 0),
    cost=120,
    samples=_POSITIVE,
    doc="lgamma(x): Python's `math.lgamma`, to 8 units in the last place of it or of 1.",
)
_row(
    "erfc",
    scalar.erfc,
    lambda x, y: (-(x * x)).op("exp") * (-2 / math.sqrt(math.pi)),
    cost=80,
    doc="erfc(x): Python's `math.erfc`, to 3 ulp.",
)
_row(
    "polygamma",
    scalar.polygamma,
    lambda x, y, n=0: _polygamma(x, n + 1),
    cost=120,
    samples=_POSITIVE,
    doc="polygamma(x) {n}: the derivative of order n (0) of digamma.",
)
