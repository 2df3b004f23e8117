"""What derivatives of elementwise rows are written in: each JVP is one line of mathematics.

``jvp=unary(lambda t, x, y: …)`` is the tangent of ``y = name(x)`` along ``t``; ``jvp=binary(f, g)``
has the shares of both operands in the tangent of ``z = name(a, b)``, each from ``t, a, b, z``. Rows
that are linear in some operands give a transpose (``derivatives_linear.py``) instead.

Conventions. Complex tangents follow JAX: a cotangent ``c`` pairs with a tangent ``t`` as
``Re(c * t)``, so ``vjp`` transposes without conjugation and the gradient of a real function of
``x + iy`` is ``d/dx - i d/dy``. Ties of minimum and maximum share evenly. Where a function has a
kink or a pole whose factor is a limit (``hypot`` at 0, ``x**0`` at 0), the finite value is used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, Union

import numpy as np

from tracejit.dtypes import is_complex
from tracejit.ir.core import Value

if TYPE_CHECKING:
    from tracejit.ir.builder import Builder

Operand: TypeAlias = Union["Expr", int, float, complex]
Jvp: TypeAlias = Callable[
    ["Builder", Sequence[Value], Sequence[Value | None], Sequence[Value], Mapping[str, Any]],
    "list[Value | None]",
]


class Expr:
    """A value with operators, so that a rule reads as mathematics; numbers take its type."""

    __slots__ = ("b", "v")

    def __init__(self, b: Builder, v: Value) -> None:
        self.b, self.v = b, v

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.v.dtype

    def lift(self, other: Operand) -> Value:
        return other.v if isinstance(other, Expr) else self.b.lit(other, self.v)

    def op(self, name: str, *others: Operand) -> Expr:
        return Expr(self.b, self.b.op(name, self.v, *map(self.lift, others)))

    def __add__(self, other: Operand) -> Expr:
        return self.op("add", other)

    __radd__ = __add__

    def __sub__(self, other: Operand) -> Expr:
        return self.op("sub", other)

    def __rsub__(self, other: Operand) -> Expr:
        return Expr(self.b, self.lift(other)) - self

    def __mul__(self, other: Operand) -> Expr:
        return self.op("mul", other)

    __rmul__ = __mul__

    def __truediv__(self, other: Operand) -> Expr:
        return self.op("div", other)

    def __rtruediv__(self, other: Operand) -> Expr:
        return Expr(self.b, self.lift(other)) / self

    def __neg__(self) -> Expr:
        return self.op("neg")

    def same(self, other: Operand) -> Expr:
        """Elementwise equality, a bool expression."""
        return self.op("eq", other)

    def where(self, yes: Expr, no: Operand) -> Expr:
        """``yes`` where this bool expression holds, else ``no``."""
        return Expr(self.b, self.b.op("select", self.v, yes.v, yes.lift(no)))

    def nonzero(self) -> Expr:
        """Itself with zeros replaced by ones: a divisor whose numerator is zero there anyway."""
        return self.same(0).where(self * 0 + 1, self)

    def num(self, number: Operand) -> Expr:
        """A constant of this type."""
        return Expr(self.b, self.lift(number))


def apply(name: str) -> Callable[..., Expr]:
    """A primitive as a function of expressions."""
    return lambda x, *rest: x.op(name, *rest)


def shifted(x: Expr, number: float) -> Expr:
    """``x + number``; a complex sum in parts, as ``-0.0 + 0.0`` would leave the side of a cut."""
    if not is_complex(x.dtype):
        return x + number
    return Expr(x.b, x.b.op("complex", (x.op("real") + number).v, x.op("imag").v))


def turned(x: Expr) -> Expr:
    """``1j * x`` for complex x, exactly."""
    return Expr(x.b, x.b.op("complex", (-x.op("imag")).v, x.op("real").v))


Partial: TypeAlias = Callable[[Expr, Expr, Expr, Expr], Expr]


def unary(rule: Callable[..., Expr | None]) -> Jvp:
    """The JVP of a row of one operand: ``rule(tangent, operand, result, **attrs)``."""

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
        out = rule(Expr(b, t), Expr(b, operands[0]), Expr(b, results[0]), **attrs)
        return [None if out is None else out.v]

    return jvp


def binary(*partials: Partial | None) -> Jvp:
    """The JVP of a row of two operands; None where one has no share."""

    def jvp(
        b: Builder,
        operands: Sequence[Value],
        tangents: Sequence[Value | None],
        results: Sequence[Value],
        attrs: Mapping[str, Any],
    ) -> list[Value | None]:
        x, y, z = (Expr(b, v) for v in (*operands, *results))
        total: Expr | None = None
        for partial, t in zip(partials, tangents, strict=True):
            if t is not None and partial is not None:
                share = partial(Expr(b, t), x, y, z)
                total = share if total is None else total + share
        return [None if total is None else total.v]

    return jvp
