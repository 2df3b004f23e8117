"""Derivatives of ``scipy.special``'s incomplete gamma and beta functions by their parameters.

They have no closed form, so each is a row: what ``derivatives_ufuncs.py`` says of ``gammainc`` and
its kin is written with them. The interpreter runs their scalar code by NumPy. By the argument they
have a derivative in turn, the density's by the parameter; by a parameter none is known, and asking
for it is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tracejit.errors import throw
from tracejit.ir.core import Value
from tracejit.ir.ops.derivatives import Expr, Jvp
from tracejit.ir.ops.derivatives_ufuncs import (
    beta_density_by_a,
    beta_density_by_b,
    gamma_density_by_a,
    student_density_by_df,
)
from tracejit.ir.ops.elementwise import elementwise, same
from tracejit.ir.samples import Samples
from tracejit.ir.scalar.emit_numpy import apply
from tracejit.ir.scalar.incomplete_beta import betainc_by_a, betainc_by_b, stdtr_by_df
from tracejit.ir.scalar.incomplete_gamma import gammainc_by_a
from tracejit.ir.scalar.lowering.rule import by_kind, rounded

if TYPE_CHECKING:
    from tracejit.ir.builder import Builder


def _by_argument(name: str, rule: Callable[..., Expr]) -> Jvp:
    """The JVP along the last operand; TypeError along a parameter."""

    def jvp(
        b: Builder,
        operands: Sequence[Value],
        tangents: Sequence[Value | None],
        results: Sequence[Value],
        attrs: Mapping[str, Any],
    ) -> list[Value | None]:
        *parameters, t = tangents
        for k, tangent in enumerate(parameters, 1):
            if tangent is not None:
                throw(
                    TypeError(
                        f"the derivative of scipy.special.{name} by a parameter has no derivative "
                        f"by its argument {k}: second derivatives by parameters are not known; "
                        "stop the one there with tracejit.stop_gradient, or take differences"
                    )
                )
        assert t is not None
        return [(Expr(b, t) * rule(*(Expr(b, v) for v in operands))).v]

    return jvp


def _moderate(*operands: Any) -> Any:
    """Not more steps than a test has time for."""
    with np.errstate(invalid="ignore"):
        return np.all([(np.abs(x) < 2000) | ~np.isfinite(x) for x in operands], axis=0)


def _row(name: str, code: Any, count: int, doc: str, jvp: Jvp) -> None:
    lower = by_kind(f=code)
    elementwise(
        name,
        same("f"),
        lambda *operands: apply(rounded(lower), *operands),
        lower,
        count=count,
        jvp=jvp,
        cost=600,
        samples=Samples(where=_moderate, smooth_in=""),
        doc=doc,
    )


_row(
    "gammainc_by_a",
    gammainc_by_a,
    2,
    "gammainc_by_a(a, x): the derivative of SciPy's gammainc by its parameter.",
    _by_argument("gammainc", gamma_density_by_a),
)
_row(
    "betainc_by_a",
    betainc_by_a,
    3,
    "betainc_by_a(a, b, x): the derivative of SciPy's betainc by its first parameter.",
    _by_argument("betainc", beta_density_by_a),
)
_row(
    "betainc_by_b",
    betainc_by_b,
    3,
    "betainc_by_b(a, b, x): the derivative of SciPy's betainc by its second parameter.",
    _by_argument("betainc", beta_density_by_b),
)
_row(
    "stdtr_by_df",
    stdtr_by_df,
    2,
    "stdtr_by_df(df, t): the derivative of SciPy's stdtr by its degrees of freedom.",
    _by_argument("stdtr", student_density_by_df),
)
