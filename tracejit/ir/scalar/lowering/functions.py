"""The elementary functions by primitive name, real and complex."""

from __future__ import annotations

from typing import Any

from tracejit.ir.scalar import elementary
from tracejit.ir.scalar.elementary import complex_functions
from tracejit.ir.scalar.emit import Emitter
from tracejit.ir.scalar.lowering import integers
from tracejit.ir.scalar.lowering.rule import Lower, by_kind


def _sqrt(e: Emitter, a: Any) -> Any:
    return e.sqrt(a)


_REAL_ONLY = ("cbrt", "erf", "arctan2", "hypot", "logaddexp", "logaddexp2", "logistic")
_BOTH = (
    *("exp", "exp2", "expm1", "log", "log2", "log10", "log1p"),
    *("sin", "cos", "tan", "arcsin", "arccos", "arctan"),
    *("sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh"),
)

FUNCTIONS: dict[str, Lower] = {
    **{name: by_kind(f=getattr(elementary, name)) for name in _REAL_ONLY},
    **{
        name: by_kind(f=getattr(elementary, name), c=getattr(complex_functions, name))
        for name in _BOTH
    },
    "sqrt": by_kind(f=_sqrt, c=complex_functions.sqrt),
    "pow": by_kind(f=elementary.pow, c=complex_functions.pow, n=integers.power),
}
