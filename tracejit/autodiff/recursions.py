"""What the transforms do with a `recursion`: it has no derivative, and integers need none.

A batch of them is gone through one after another.
"""

from __future__ import annotations

from collections.abc import Sequence

from tracejit.autodiff.forward import Forward
from tracejit.autodiff.linearity import NotLinearError
from tracejit.autodiff.linearize import Linearizer
from tracejit.autodiff.tangents import refuse_opaque
from tracejit.ir.core import Instr, Value


def active_recursion(instr: Instr, flags: Sequence[bool]) -> list[bool]:
    """No result has a tangent; TypeError where one would."""
    if any(flags):
        refuse_opaque(instr)
    return [False] * len(instr.results)


def linear_recursion(instr: Instr, flags: Sequence[bool]) -> list[bool]:
    """It is linear in nothing."""
    if any(flags):
        raise NotLinearError(instr)
    return [False] * len(instr.results)


def spread_recursion(instr: Instr, flags: Sequence[bool]) -> list[bool]:
    """All results differ where an operand does."""
    return [any(flags)] * len(instr.results)


def forward_recursion(
    forward: Forward, instr: Instr, operands: list[Value], mapping: dict[Value, Value]
) -> None:
    """The primal alone."""
    refuse_opaque(instr)
    forward.b.clone(instr, mapping)


def linearize_recursion(lin: Linearizer, instr: Instr, mapping: dict[Value, Value]) -> None:
    """The primal alone."""
    refuse_opaque(instr)
    lin.b.clone(instr, mapping)
