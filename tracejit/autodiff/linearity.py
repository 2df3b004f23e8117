"""Whether a rule for tangents is linear in them: what is not has no transpose.

Each row says in which groups of its operands it is linear; loops and branches are linear in what
goes through them where no tangent decides about them.
"""

from __future__ import annotations

from collections.abc import Sequence

from tracejit.autodiff.region_rules import rules_of
from tracejit.ir.core import Function, Instr
from tracejit.ir.ops.derivatives_linear import ALL
from tracejit.ir.region_ops import RegionOp


class NotLinearError(Exception):
    """``instr`` is not linear in the values that are to be."""

    def __init__(self, instr: Instr) -> None:
        super().__init__(instr.name)
        self.instr = instr


def linear_results(function: Function, flags: Sequence[bool]) -> list[bool]:
    """Which results depend on the flagged parameters. Raises NotLinearError."""
    moving = {p for p, f in zip(function.params, flags, strict=True) if f}
    for instr in function.instrs:
        found = [v in moving for v in instr.operands]
        if any(found) and instr.results:  # a check gives nothing
            moved = _step(instr, found)
            moving.update(r for r, m in zip(instr.results, moved, strict=True) if m)
    return [r in moving for r in function.results]


def _step(instr: Instr, flags: list[bool]) -> list[bool]:
    rules = rules_of(instr)
    if rules is not None:
        return rules.linear(instr, flags)
    for group in instr.prim.linear:
        members = range(len(flags)) if group == (ALL,) else group
        if all(k in members for k, f in enumerate(flags) if f):
            return [True] * len(instr.results)
    raise NotLinearError(instr)


def linear_branch(instr: Instr, flags: Sequence[bool]) -> list[bool]:
    """A branch that no tangent decides is linear where its sides are."""
    lead, _, given = RegionOp(instr).split(flags)
    if any(lead):
        raise NotLinearError(instr)
    sides = [linear_results(r, given) for r in instr.regions]
    alive = [s for s, r in zip(sides, instr.regions, strict=True) if not r.diverges]
    return [any(s[k] for s in alive) for k in range(len(instr.results))]


def linear_loop(instr: Instr, flags: Sequence[bool]) -> list[bool]:
    """A loop whose length no tangent decides is linear where its body is."""
    op = RegionOp(instr)
    lead, _, consts = op.split(flags)
    if any(lead):
        raise NotLinearError(instr)
    now = op.flagged(flags, linear_results)
    if op.test is not None and any(linear_results(op.test, [*now, *consts])):
        raise NotLinearError(instr)
    return now
