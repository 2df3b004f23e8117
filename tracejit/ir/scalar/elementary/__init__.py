"""Elementary functions as branch-free polynomials over the abstract emitter, float32 and float64.

Each function takes an emitter and real scalars of one float dtype and returns one scalar, within
2 ulp of the truth over the full range (measured: `docs/accuracy.md`). `complex_functions` builds
the complex ones from these.
"""

from tracejit.ir.scalar.elementary.exponential import exp, exp2, expm1, logistic
from tracejit.ir.scalar.elementary.hyperbolic import arccosh, arcsinh, arctanh, cosh, sinh, tanh
from tracejit.ir.scalar.elementary.inverse_trigonometric import arccos, arcsin, arctan, arctan2
from tracejit.ir.scalar.elementary.logarithm import log, log1p, log2, log10
from tracejit.ir.scalar.elementary.power import cbrt, erf, hypot, logaddexp, logaddexp2, pow
from tracejit.ir.scalar.elementary.trigonometric import cos, sin, tan

__all__ = [
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctan2",
    "arctanh",
    "cbrt",
    "cos",
    "cosh",
    "erf",
    "exp",
    "exp2",
    "expm1",
    "hypot",
    "log",
    "log1p",
    "log2",
    "log10",
    "logaddexp",
    "logaddexp2",
    "logistic",
    "pow",
    "sin",
    "sinh",
    "tan",
    "tanh",
]
