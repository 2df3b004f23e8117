"""``special``: Python's own ``math.gamma``, ``lgamma`` and ``erfc``, and what differentiates them.

Values are those of the ``math`` module to the bit: Python is called. Where it would raise, the
result is nan or infinite; the error is a ``check`` beside the row. ``polygamma`` is ours, by its
asymptotic series, recurrence and reflection (NIST DLMF 5.15), within some units in the last place.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from tracejit.ir.core import Primitive, Value, row
from tracejit.ir.ops.derivatives import Expr
from tracejit.ir.ops.rules import Attrs, Operands, Regions, arity, require
from tracejit.ir.types import TensorType, Type

if TYPE_CHECKING:
    from tracejit.ir.builder import Builder

_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)


@cache
def _cotangent(order: int) -> np.polynomial.Polynomial:
    """The derivative of this order of ``cot``, as a polynomial of ``cot``."""
    if order == 0:
        return np.polynomial.Polynomial([0.0, 1.0])
    return np.polynomial.Polynomial([-1.0, 0.0, -1.0]) * _cotangent(order - 1).deriv()


def polygamma(n: int, x: float) -> float:
    """The derivative of order ``n`` of digamma; nan at its poles."""
    if math.isnan(x) or x == -math.inf or (x <= 0 and x == math.floor(x)):
        return math.nan
    sign = -1.0 if n % 2 == 0 else 1.0
    if x < 0:
        turned = 1.0 / math.tan(math.pi * (x - math.floor(x)))
        mirrored = math.pi ** (n + 1) * float(_cotangent(n)(turned))
        return -sign * polygamma(n, 1.0 - x) - mirrored
    total, size = 0.0, math.factorial(n)
    while x < 10.0 + n:
        total += size / x ** (n + 1)
        x += 1.0
    if n == 0:
        return math.log(x) - 0.5 / x - total - _tail(0, x)
    return sign * (total + (size / n) / x**n + 0.5 * size / x ** (n + 1) + _tail(n, x))


def _tail(n: int, x: float) -> float:
    terms = [
        number * math.factorial(2 * k + n - 1) / math.factorial(2 * k) / x ** (2 * k + n)
        for k, number in enumerate(_BERNOULLI, 1)
    ]
    return math.fsum(reversed(terms))


def _number(name: str, n: int, x: float) -> float:
    if name == "polygamma":
        return polygamma(n, x)
    try:
        return getattr(math, name)(x)  # type: ignore[no-any-return]
    except ValueError:
        return math.nan
    except OverflowError:
        return math.inf


def _infer(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    arity(operands, 1)
    require(operands[0].dtype == np.float64, "the operand is not f64", operands[0].type)
    return (TensorType(operands[0].dtype, operands[0].shape),)


def _eval(x: Any, *, name: str, n: int) -> Any:
    x = np.asarray(x)
    return np.array([_number(name, n, v) for v in x.ravel().tolist()]).reshape(x.shape)[()]


def _jvp(
    b: Builder,
    operands: Sequence[Value],
    tangents: Sequence[Value | None],
    results: Sequence[Value],
    attrs: Mapping[str, Any],
) -> list[Value | None]:
    (t,) = tangents
    if t is None:
        return [None]
    x, y, name = Expr(b, operands[0]), Expr(b, results[0]), attrs["name"]
    if name == "erfc":
        slope = (-(x * x)).op("exp") * (-2 / math.sqrt(math.pi))
    else:
        order = attrs["n"] + 1 if name == "polygamma" else 0
        slope = Expr(b, b.op("special", x.v, name="polygamma", n=order))
        slope = y * slope if name == "gamma" else slope
    return [(Expr(b, t) * slope).v]


row(
    Primitive(
        "special",
        "extern",
        _infer,
        _eval,
        jvp=_jvp,
        cost=200,
        doc="special(x) {name, n}: `gamma`, `lgamma` or `erfc` of Python; `polygamma` of order n.",
    )
)
