"""Comparisons, extrema, ``select``, and what kind of number a float is."""

from __future__ import annotations

from typing import Any

import numpy as np

from tracejit.ir.core import Value
from tracejit.ir.ops.derivatives import Expr, binary
from tracejit.ir.ops.derivatives_linear import Attrs, Map, linear, maps
from tracejit.ir.ops.elementwise import common, elementwise, same, to_bool
from tracejit.ir.ops.rules import Operands, require
from tracejit.ir.samples import Samples
from tracejit.ir.scalar.lowering import comparison
from tracejit.ir.traits import Trait
from tracejit.ir.types import BOOL

_FLAT: dict[str, Any] = {"differentiable": False}
_ANY = "biufc"
_reference: np.ufunc

for _name, _reference, _lower in [
    ("isnan", np.isnan, comparison.isnan),
    ("isinf", np.isinf, comparison.isinf),
    ("isfinite", np.isfinite, comparison.isfinite),
]:
    elementwise(_name, to_bool("fc"), _reference, _lower, count=1, **_FLAT)
for _name, _reference, _lower in [
    ("eq", np.equal, comparison.eq),
    ("ne", np.not_equal, comparison.ne),
    ("lt", np.less, comparison.order("lt")),
    ("le", np.less_equal, comparison.order("le")),
    ("gt", np.greater, comparison.order("gt")),
    ("ge", np.greater_equal, comparison.order("ge")),
]:
    elementwise(_name, to_bool(_ANY), _reference, _lower, count=2, **_FLAT)


def _tie(t: Expr, mine: Expr, other: Expr, z: Expr) -> Expr:
    """Share of an operand of an extremum: all, half on ties, none (as for a nan)."""
    return mine.same(z).where(other.same(z).where(t * 0.5, t), 0.0)


for _name, _reference, _lower, _folds in [
    (
        "minimum",
        np.minimum,
        comparison.extremum("lt", ignore_nan=False),
        (Trait.EXTREME, Trait.FOLDS),
    ),
    (
        "maximum",
        np.maximum,
        comparison.extremum("gt", ignore_nan=False),
        (Trait.EXTREME, Trait.FOLDS),
    ),
    ("fmin", np.fmin, comparison.extremum("lt", ignore_nan=True), ()),
    ("fmax", np.fmax, comparison.extremum("gt", ignore_nan=True), ()),
]:
    elementwise(
        _name,
        same(_ANY),
        _reference,
        _lower,
        count=2,
        own_format=True,
        traits=frozenset([Trait.STEADY, *_folds]),
        jvp=binary(lambda t, a, b, z: _tie(t, a, b, z), lambda t, a, b, z: _tie(t, b, a, z)),
        samples=Samples(smooth=((-2.0, -0.2), (0.2, 2.0)), smooth_in="f"),
    )


def _masked(keep: bool) -> Map:
    def rule(b: Any, ct: Value, operands: Operands, attrs: Attrs) -> Value:
        zero = b.zeros_like(ct)
        sides = (ct, zero) if keep else (zero, ct)
        return b.op("select", operands[0], *sides)  # type: ignore[no-any-return]

    return rule


def _selected(operands: Operands) -> np.dtype[np.generic]:
    require(operands[0].dtype == BOOL.dtype, "select condition must be bool", operands[0].type)
    return common(operands[1:], _ANY)


elementwise(
    "select",
    _selected,
    np.where,
    comparison.select,
    count=3,
    own_format=True,
    **linear((1, 2), maps(None, _masked(True), _masked(False))),
    traits=frozenset([Trait.CHOOSES, Trait.STEADY]),
    samples=Samples(dtypes={0: BOOL.dtype}),
)
