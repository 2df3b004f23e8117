"""Roots, exponentials, logarithms, trigonometric and hyperbolic functions, powers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tracejit.dtypes import is_complex, is_signed
from tracejit.ir.core import ELEMENTARY_COST
from tracejit.ir.ops.derivatives import Expr, apply, binary, shifted, turned, unary
from tracejit.ir.ops.elementwise import elementwise, same
from tracejit.ir.samples import ROUNDED, Samples
from tracejit.ir.scalar import elementary as real
from tracejit.ir.scalar.elementary import complex_functions as complex_
from tracejit.ir.scalar.lowering import floats, integers
from tracejit.ir.scalar.lowering.rule import by_kind
from tracejit.ir.traits import Trait

_LN2, _LN10 = math.log(2.0), math.log(10.0)
_cos, _sin, _cosh, _sinh, _exp, _log, _sqrt = map(
    apply, ("cos", "sin", "cosh", "sinh", "exp", "log", "sqrt")
)
"""Only derivatives use these: a rule reads as mathematics."""
_STEADY = frozenset([Trait.STEADY])
_CODE = {"f": real, "c": complex_}


def _function(
    reference: Any,
    rule: Callable[[Expr, Expr, Expr], Expr],
    *,
    name: str = "",
    kinds: str = "fc",
    lower: Any = None,
    cost: int = ELEMENTARY_COST,
    traits: frozenset[Trait] = frozenset(),
    **samples: Any,
) -> None:
    """A row of one operand whose derivative is ``rule``; the rest is said of its samples.

    It has the name of its reference; the scalar code, where none is given, is the elementary
    function of that name.
    """
    name = name or reference.__name__
    if lower is None:
        lower = by_kind(**{kind: getattr(_CODE[kind], name) for kind in kinds})
    where = Samples(**{"ulps": ROUNDED, **samples})
    columns: dict[str, Any] = {"jvp": unary(rule), "cost": cost, "traits": traits, "samples": where}
    elementwise(name, same(kinds), reference, lower, count=1, **columns)


def _near_operand(want: Any, x: Any) -> Any:
    """NumPy's complex expm1 and log1p cancel near zero, ours do not."""
    return np.maximum(np.abs(want), np.abs(x))


_function(
    np.sqrt,
    lambda t, x, y: t / (2 * y),
    lower=floats.sqrt,
    cost=4,
    ulps=0,
    complex_ulps=8,
    smooth=((0.5, 2.0),),
)
_function(
    np.cbrt,
    lambda t, x, y: t / (3 * y * y),
    kinds="f",
    exact=lambda mp, x: mp.sign(x) * mp.cbrt(abs(x)),
    smooth=((0.5, 2.0),),
)
_function(np.exp, lambda t, x, y: t * y, exact="exp", interval=(-750.0, 712.0))
_function(
    np.exp2,
    lambda t, x, y: t * (y * _LN2),
    exact=lambda mp, x: mp.power(2, x),
    interval=(-1080.0, 1026.0),
)
_function(
    np.expm1,
    lambda t, x, y: t * _exp(x),
    exact="expm1",
    interval=(-40.0, 712.0),
    complex_reach=_near_operand,
)
_function(np.log, lambda t, x, y: t / x, exact="log", interval=(0.3, 3.0), smooth=((0.5, 2.0),))
_function(
    np.log2,
    lambda t, x, y: t / (x * _LN2),
    exact=lambda mp, x: mp.log(x, 2),
    interval=(0.3, 3.0),
    smooth=((0.5, 2.0),),
)
_function(
    np.log10,
    lambda t, x, y: t / (x * _LN10),
    exact=lambda mp, x: mp.log(x, 10),
    interval=(0.3, 3.0),
    smooth=((0.5, 2.0),),
)
_function(
    np.log1p,
    lambda t, x, y: t / shifted(x, 1),
    exact="log1p",
    interval=(-1.0, 4.0),
    smooth=((-0.4, 2.0),),
    complex_reach=_near_operand,
)
_function(np.sin, lambda t, x, y: t * _cos(x), traits=_STEADY, exact="sin", periodic=True)
_function(np.cos, lambda t, x, y: t * -_sin(x), traits=_STEADY, exact="cos", periodic=True)
_function(
    np.tan, lambda t, x, y: t * (y * y + 1), exact="tan", periodic=True, smooth=((-1.0, 1.0),)
)


def _arcsin_root(x: Expr) -> Expr:
    """``sqrt(1 - x**2)`` on the side of the cuts that x is on, also where the square overflows."""
    return _sqrt(shifted(-x, 1)) * _sqrt(shifted(x, 1))


def _arcsinh_root(x: Expr) -> Expr:
    """``sqrt(1 + x**2)`` likewise: ``arcsinh(x)`` is ``-1j * arcsin(1j * x)``."""
    return _arcsin_root(turned(x)) if is_complex(x.dtype) else x.op("hypot", 1)


def _one_plus_square(x: Expr) -> Expr:
    """``1 + x**2``, without cancellation near the poles ``1j`` and ``-1j``."""
    if not is_complex(x.dtype):
        return x * x + 1
    return shifted(turned(x), 1) * shifted(-turned(x), 1)


_function(
    np.arcsin,
    lambda t, x, y: t / _arcsin_root(x),
    exact="asin",
    interval=(-1.0, 1.0),
    smooth=((-0.6, 0.6),),
)
_function(
    np.arccos,
    lambda t, x, y: -(t / _arcsin_root(x)),
    exact="acos",
    interval=(-1.0, 1.0),
    smooth=((-0.6, 0.6),),
)
_function(np.arctan, lambda t, x, y: t / _one_plus_square(x), traits=_STEADY, exact="atan")
_function(np.sinh, lambda t, x, y: t * _cosh(x), exact="sinh", interval=(-720.0, 720.0))
_function(np.cosh, lambda t, x, y: t * _sinh(x), exact="cosh", interval=(-720.0, 720.0))
_function(np.tanh, lambda t, x, y: t * ((1 - y) * (1 + y)), traits=_STEADY, exact="tanh")
_function(np.arcsinh, lambda t, x, y: t / _arcsinh_root(x), exact="asinh")
_function(
    np.arccosh,
    lambda t, x, y: t / (_sqrt(shifted(x, -1)) * _sqrt(shifted(x, 1))),
    exact="acosh",
    interval=(1.0, 5.0),
    smooth=((1.5, 2.5),),
)
_function(
    np.arctanh,
    lambda t, x, y: t / (shifted(-x, 1) * shifted(x, 1)),
    exact="atanh",
    interval=(-1.0, 1.0),
    smooth=((-0.6, 0.6),),
)


def _eval_erf(x: Any) -> Any:
    out = np.vectorize(math.erf, otypes=[np.float64])(np.asarray(x, np.float64))
    return out.astype(np.asarray(x).dtype)


_function(
    _eval_erf,
    lambda t, x, y: t * (2 / math.sqrt(math.pi) * _exp(-(x * x))),
    name="erf",
    kinds="f",
    traits=_STEADY,
    exact="erf",
    interval=(-6.5, 6.5),
)
_function(
    lambda x: 1 / (1 + np.exp(-x)),
    lambda t, x, y: t * (y * (-x).op("logistic")),
    name="logistic",
    kinds="f",
)


def _pow_base(t: Expr, a: Expr, b: Expr, z: Expr) -> Expr:
    return t * b.same(0).where(b.num(0), b * a.op("pow", b - 1))


def _pow_exponent(t: Expr, a: Expr, b: Expr, z: Expr) -> Expr:
    return t * (z * a.same(0).where(a.num(0), _log(a.nonzero())))


def _pow_defined(a: Any, b: Any) -> Any:
    """No negative powers of integers, and not the infinite complex ones, which C leaves open."""
    if is_complex(a.dtype):
        return np.isfinite(a) & np.isfinite(b)
    return b >= 0 if is_signed(a.dtype) else np.ones(a.shape, bool)


def _pow_reach(want: Any, a: Any, b: Any) -> Any:
    """The error of ``b log a`` is that of its size."""
    size = np.abs(b * np.log(a))
    return np.abs(want) * (1 + np.where(np.isfinite(size), size, 0))


elementwise(
    "pow",
    same("iufc"),
    np.power,
    by_kind(f=real.pow, c=complex_.pow, n=integers.power),
    count=2,
    jvp=binary(_pow_base, _pow_exponent),
    cost=60,
    samples=Samples(
        ulps=ROUNDED,
        exact="power",
        smooth=((0.5, 2.0),),
        where=_pow_defined,
        complex_reach=_pow_reach,
    ),
)


def _radius(a: Expr, b: Expr) -> Expr:
    return a.op("hypot", b).nonzero()


_APART = ((-2.0, -0.2), (0.2, 2.0))
"""Two operands that are not equal, and not zero."""
elementwise(
    "arctan2",
    same("f"),
    np.arctan2,
    by_kind(f=real.arctan2),
    count=2,
    jvp=binary(
        lambda t, a, b, z: t * (b / _radius(a, b)) / _radius(a, b),
        lambda t, a, b, z: -(t * (a / _radius(a, b)) / _radius(a, b)),
    ),
    cost=40,
    samples=Samples(ulps=ROUNDED, exact="atan2", smooth=((0.3, 1.0), (-1.0, -0.3))),
)


def _unit(x: Expr, z: Expr) -> Expr:
    return x / z.nonzero()


elementwise(
    "hypot",
    same("f"),
    np.hypot,
    by_kind(f=real.hypot),
    count=2,
    jvp=binary(lambda t, a, b, z: t * _unit(a, z), lambda t, a, b, z: t * _unit(b, z)),
    cost=12,
    samples=Samples(ulps=ROUNDED, exact="hypot", smooth=_APART),
)


def _share(t: Expr, x: Expr, y: Expr, unit: float) -> Expr:
    """What ``logaddexp`` moves with ``x``: the logistic function of how much larger it is than
    ``y``, a half of equal infinities. Taken of the result, it would lose what rounding takes."""
    d = x - y
    d = d.same(d).where(d, x.same(y).where(d.num(0), d))
    return t * (d * unit).op("logistic")


def _half_larger(want: Any, x: Any, y: Any) -> Any:
    """NumPy's formula loses what it loses."""
    return np.maximum(np.abs(x), np.abs(y)) / 2


_SUM = Samples(ulps=ROUNDED, smooth=_APART, reach=_half_larger)
elementwise(
    "logaddexp",
    same("f"),
    np.logaddexp,
    by_kind(f=real.logaddexp),
    count=2,
    jvp=binary(lambda t, a, b, z: _share(t, a, b, 1.0), lambda t, a, b, z: _share(t, b, a, 1.0)),
    cost=ELEMENTARY_COST,
    samples=_SUM,
)
elementwise(
    "logaddexp2",
    same("f"),
    np.logaddexp2,
    by_kind(f=real.logaddexp2),
    count=2,
    jvp=binary(lambda t, a, b, z: _share(t, a, b, _LN2), lambda t, a, b, z: _share(t, b, a, _LN2)),
    cost=ELEMENTARY_COST,
    samples=_SUM,
)
