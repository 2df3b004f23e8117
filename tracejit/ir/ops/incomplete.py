"""Derivatives of functions of ``scipy.special`` by parameters for which there is no closed form.

Each is a row, with the order of the derivative as its attribute: what ``derivatives_ufuncs.py``
says of ``gammainc`` and its kin is written with them, and so are their own derivatives, of any
order. The interpreter runs their scalar code by NumPy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tracejit.ir.core import Value
from tracejit.ir.ops.derivatives import Expr, Jvp
from tracejit.ir.ops.derivatives_ufuncs import (
    beta_density_by,
    betainc_by,
    gamma_density_by,
    gammainc_by,
    student_by,
    student_density_by,
    zeta_by,
)
from tracejit.ir.ops.elementwise import elementwise, same
from tracejit.ir.samples import Samples
from tracejit.ir.scalar import incomplete_beta, incomplete_gamma, zeta_function
from tracejit.ir.scalar.emit_numpy import apply
from tracejit.ir.scalar.lowering.rule import by_kind, rounded

if TYPE_CHECKING:
    from tracejit.ir.builder import Builder


def _partials(*rules: Callable[..., Expr]) -> Jvp:
    """The JVP from a partial derivative for each operand: ``rule(*operands, **attrs)``."""

    def jvp(
        b: Builder,
        operands: Sequence[Value],
        tangents: Sequence[Value | None],
        results: Sequence[Value],
        attrs: Mapping[str, Any],
    ) -> list[Value | None]:
        total: Expr | None = None
        for rule, t in zip(rules, tangents, strict=True):
            if t is not None:
                share = Expr(b, t) * rule(*(Expr(b, v) for v in operands), **attrs)
                total = share if total is None else total + share
        return [None if total is None else total.v]

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
        lambda *operands, **attrs: apply(rounded(lower), *operands, **attrs),
        lower,
        count=count,
        jvp=jvp,
        cost=600,
        samples=Samples(where=_moderate, smooth_in=""),
        doc=doc,
    )


_row(
    "gammainc_by",
    incomplete_gamma.gammainc_by,
    2,
    "gammainc_by(a, x) {n}: the derivative of order n (1) of SciPy's gammainc by its parameter.",
    _partials(
        lambda a, x, n=1: gammainc_by(a, x, n + 1),
        lambda a, x, n=1: gamma_density_by(a, x, n),
    ),
)
_row(
    "betainc_by",
    incomplete_beta.betainc_by,
    3,
    "betainc_by(a, b, x) {m, n}: SciPy's betainc differentiated m (1) times by a, n (0) times by "
    "b.",
    _partials(
        lambda a, b, x, m=1, n=0: betainc_by(a, b, x, m + 1, n),
        lambda a, b, x, m=1, n=0: betainc_by(a, b, x, m, n + 1),
        lambda a, b, x, m=1, n=0: beta_density_by(a, b, x, m, n),
    ),
)
_row(
    "stdtr_by",
    incomplete_beta.stdtr_by,
    2,
    "stdtr_by(df, t) {n}: the derivative of order n (1) of stdtr by its degrees of freedom.",
    _partials(
        lambda df, t, n=1: student_by(df, t, n + 1),
        lambda df, t, n=1: student_density_by(df, t, n),
    ),
)
_row(
    "zeta_by",
    zeta_function.zeta_by,
    2,
    "zeta_by(s, q) {n}: the derivative of order n (1) of Hurwitz' zeta function by s, from 0 on.",
    _partials(
        lambda s, q, n=1: zeta_by(s, q, n + 1),
        lambda s, q, n=1: -(s * zeta_by(s + 1, q, n) + n * zeta_by(s + 1, q, n - 1)),
    ),
)
