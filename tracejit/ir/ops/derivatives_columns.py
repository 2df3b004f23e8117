"""The derivative columns of a row by name: ``row(Primitive(..., **derivative("sin")))``."""

from __future__ import annotations

from typing import Any

from tracejit.ir.ops.derivatives import FLAT, JVP
from tracejit.ir.ops.derivatives_linear import LINEAR, tape_jvp_pop, tape_jvp_push
from tracejit.ir.ops.derivatives_reductions import JVP_OTHER

_JVP = {**JVP, **JVP_OTHER, "push": tape_jvp_push, "pop": tape_jvp_pop}


def derivative(name: str) -> dict[str, Any]:
    """``jvp``, ``linear`` and ``transpose`` of a row, or ``differentiable=False``.

    Raises KeyError for a name that has no rule, so that a new row cannot forget it.
    """
    if name in FLAT:
        return {"differentiable": False}
    columns: dict[str, Any] = {}
    if name in _JVP:
        columns["jvp"] = _JVP[name]
    if name in LINEAR:
        columns["linear"], columns["transpose"] = LINEAR[name]
    if not columns:
        raise KeyError(f"no derivative rule for {name!r}")
    return columns
