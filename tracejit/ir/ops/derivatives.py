"""Derivatives of elementwise rows: each JVP is one line of mathematics.

``UNARY[name](t, x, y)`` is the tangent of ``y = name(x)`` along ``t``; ``PARTIALS[name][k](t, a, b,
z)`` is the share of operand ``k`` in the tangent of ``z = name(a, b)``. Rows that are linear in
some operands give a transpose in ``derivatives_linear.py`` instead.

Conventions. Complex tangents follow JAX: a cotangent ``c`` pairs with a tangent ``t`` as
``Re(c * t)``, so ``vjp`` transposes without conjugation and the gradient of a real function of
``x + iy`` is ``d/dx - i d/dy``. Ties of minimum and maximum share evenly. Where a function has a
kink or a pole whose factor is a limit (``hypot`` at 0, ``x**0`` at 0), the finite value is used.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, Union

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


def _fn(name: str) -> Callable[..., Expr]:
    return lambda x, *rest: x.op(name, *rest)


_cos, _sin, _cosh, _sinh, _exp, _log, _sqrt = map(
    _fn, ("cos", "sin", "cosh", "sinh", "exp", "log", "sqrt")
)
_LN2, _LN10 = math.log(2.0), math.log(10.0)


def _is_complex(x: Expr) -> bool:
    return x.v.dtype.kind == "c"


def _imaginary(x: Expr) -> Expr:
    """``i`` times a real expression."""
    return Expr(x.b, x.b.op("complex", x.num(0).v, x.v))


def _shifted(x: Expr, number: float) -> Expr:
    """``x + number``; a complex sum in parts, as ``-0.0 + 0.0`` would leave the side of a cut."""
    if not _is_complex(x):
        return x + number
    return Expr(x.b, x.b.op("complex", (x.op("real") + number).v, x.op("imag").v))


def _turned(x: Expr) -> Expr:
    """``1j * x`` for complex x, exactly."""
    return Expr(x.b, x.b.op("complex", (-x.op("imag")).v, x.op("real").v))


def _arcsin_root(x: Expr) -> Expr:
    """``sqrt(1 - x**2)`` on the side of the cuts that x is on, also where the square overflows."""
    return _sqrt(_shifted(-x, 1)) * _sqrt(_shifted(x, 1))


def _arcsinh_root(x: Expr) -> Expr:
    """``sqrt(1 + x**2)`` likewise: ``arcsinh(x)`` is ``-1j * arcsin(1j * x)``."""
    return _arcsin_root(_turned(x)) if _is_complex(x) else x.op("hypot", 1)


def _one_plus_square(x: Expr) -> Expr:
    """``1 + x**2``, without cancellation near the poles ``1j`` and ``-1j``."""
    if not _is_complex(x):
        return x * x + 1
    return _shifted(_turned(x), 1) * _shifted(-_turned(x), 1)


def _abs(t: Expr, x: Expr, y: Expr) -> Expr:
    if not _is_complex(x):
        return t * x.op("sign")
    unit = x.op("conj") / Expr(x.b, x.b.convert(y.nonzero().v, x.v.dtype))
    return (t * unit).op("real")


def _sign(t: Expr, x: Expr, y: Expr) -> Expr | None:
    if not _is_complex(x):
        return None
    turn = (y.op("conj") * t).op("imag") / x.op("abs").nonzero()
    return y * _imaginary(turn)


def _frexp_mantissa(t: Expr, x: Expr, y: Expr) -> Expr:
    exponent = x.b.convert(x.op("frexp_exponent").v, "i64")
    return Expr(x.b, x.b.op("ldexp", t.v, x.b.op("neg", exponent)))


UNARY: dict[str, Callable[[Expr, Expr, Expr], Expr | None]] = {
    "abs": _abs,
    "sign": _sign,
    "sqrt": lambda t, x, y: t / (2 * y),
    "cbrt": lambda t, x, y: t / (3 * y * y),
    "exp": lambda t, x, y: t * y,
    "exp2": lambda t, x, y: t * (y * _LN2),
    "expm1": lambda t, x, y: t * _exp(x),
    "log": lambda t, x, y: t / x,
    "log2": lambda t, x, y: t / (x * _LN2),
    "log10": lambda t, x, y: t / (x * _LN10),
    "log1p": lambda t, x, y: t / _shifted(x, 1),
    "sin": lambda t, x, y: t * _cos(x),
    "cos": lambda t, x, y: t * -_sin(x),
    "tan": lambda t, x, y: t * (y * y + 1),
    "arcsin": lambda t, x, y: t / _arcsin_root(x),
    "arccos": lambda t, x, y: -(t / _arcsin_root(x)),
    "arctan": lambda t, x, y: t / _one_plus_square(x),
    "sinh": lambda t, x, y: t * _cosh(x),
    "cosh": lambda t, x, y: t * _sinh(x),
    "tanh": lambda t, x, y: t * ((1 - y) * (1 + y)),
    "arcsinh": lambda t, x, y: t / _arcsinh_root(x),
    "arccosh": lambda t, x, y: t / (_sqrt(_shifted(x, -1)) * _sqrt(_shifted(x, 1))),
    "arctanh": lambda t, x, y: t / (_shifted(-x, 1) * _shifted(x, 1)),
    "erf": lambda t, x, y: t * (2 / math.sqrt(math.pi) * _exp(-(x * x))),
    "logistic": lambda t, x, y: t * (y * (-x).op("logistic")),
    "frexp_mantissa": _frexp_mantissa,
}


def _tie(t: Expr, mine: Expr, other: Expr, z: Expr) -> Expr:
    """Share of an operand of an extremum: all, half on ties, none (as for a nan)."""
    return mine.same(z).where(other.same(z).where(t * 0.5, t), 0.0)


def _pow_base(t: Expr, a: Expr, b: Expr, z: Expr) -> Expr:
    return t * b.same(0).where(b.num(0), b * a.op("pow", b - 1))


def _pow_exponent(t: Expr, a: Expr, b: Expr, z: Expr) -> Expr:
    return t * (z * a.same(0).where(a.num(0), _log(a.nonzero())))


def _share(name: str) -> Callable[[Expr, Expr, Expr], Expr]:
    """``exp(x - z)`` for logaddexp, exactly 1 where ``x == z`` so that infinities stay finite."""
    return lambda t, x, z: t * x.same(z).where(x.num(0), x - z).op(name)


_exp_share, _exp2_share = _share("exp"), _share("exp2")


def _unit(x: Expr, z: Expr) -> Expr:
    return x / z.nonzero()


def _radius(a: Expr, b: Expr) -> Expr:
    return a.op("hypot", b).nonzero()


def _same_sign(a: Expr, b: Expr) -> Expr:
    return a.op("signbit").op("eq", b.op("signbit")).where(a.num(1), -1)


Partial: TypeAlias = Callable[[Expr, Expr, Expr, Expr], Expr]
PARTIALS: dict[str, tuple[Partial | None, Partial | None]] = {
    "div": (lambda t, a, b, z: t / b, lambda t, a, b, z: -(t * (z / b))),
    "remainder": (lambda t, a, b, z: t, lambda t, a, b, z: -(t * a.op("floor_divide", b))),
    "fmod": (lambda t, a, b, z: t, lambda t, a, b, z: -(t * ((a - z) / b).op("rint"))),
    "pow": (_pow_base, _pow_exponent),
    "arctan2": (
        lambda t, a, b, z: t * (b / _radius(a, b)) / _radius(a, b),
        lambda t, a, b, z: -(t * (a / _radius(a, b)) / _radius(a, b)),
    ),
    "hypot": (lambda t, a, b, z: t * _unit(a, z), lambda t, a, b, z: t * _unit(b, z)),
    "minimum": (lambda t, a, b, z: _tie(t, a, b, z), lambda t, a, b, z: _tie(t, b, a, z)),
    "maximum": (lambda t, a, b, z: _tie(t, a, b, z), lambda t, a, b, z: _tie(t, b, a, z)),
    "fmin": (lambda t, a, b, z: _tie(t, a, b, z), lambda t, a, b, z: _tie(t, b, a, z)),
    "fmax": (lambda t, a, b, z: _tie(t, a, b, z), lambda t, a, b, z: _tie(t, b, a, z)),
    "copysign": (lambda t, a, b, z: t * _same_sign(a, b), None),
    "nextafter": (lambda t, a, b, z: t, None),
    "logaddexp": (
        lambda t, a, b, z: _exp_share(t, a, z),
        lambda t, a, b, z: _exp_share(t, b, z),
    ),
    "logaddexp2": (
        lambda t, a, b, z: _exp2_share(t, a, z),
        lambda t, a, b, z: _exp2_share(t, b, z),
    ),
}

#: Rows whose derivative is zero wherever it exists, or whose operands have none.
_FLAT = """
    floor ceil trunc rint spacing isnan isinf isfinite signbit invert bit_count frexp_exponent
    floor_divide eq ne lt le gt ge bitwise_and bitwise_or bitwise_xor shift_left shift_right gcd lcm
"""
FLAT = frozenset(_FLAT.split())


def _unary(rule: Callable[[Expr, Expr, Expr], Expr | None]) -> Jvp:
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
        out = rule(Expr(b, t), Expr(b, operands[0]), Expr(b, results[0]))
        return [None if out is None else out.v]

    return jvp


def _binary(partials: tuple[Partial | None, Partial | None]) -> Jvp:
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


JVP: dict[str, Jvp] = {name: _unary(rule) for name, rule in UNARY.items()}
JVP |= {name: _binary(pair) for name, pair in PARTIALS.items()}
