"""Which values of a function differ between examples of a batch, and whether all have one shape.

Never too few: a result of an instruction differs if one of its operands does.
"""

from __future__ import annotations

from collections.abc import Sequence

from tracejit.autodiff.region_rules import rules_of
from tracejit.autodiff.sides import passing, side_by_side
from tracejit.dtypes import is_inexact
from tracejit.ir.core import Function, Instr, Value, type_uses, uses
from tracejit.ir.region_ops import RegionOp
from tracejit.ir.traits import Trait
from tracejit.ir.types import TapeType


class NeedsLoop(Exception):  # noqa: N818  (the batch is gone through in a loop, nothing failed)
    """Examples do not go side by side: their sizes differ, or their effects have an order."""


def spread(function: Function, flags: Sequence[bool]) -> list[bool]:
    """Which results differ where the flagged parameters do. Raises NeedsLoop."""
    differ = {p for p, f in zip(function.params, flags, strict=True) if f}
    _require_one_shape(function.params, differ)
    for instr in function.instrs:
        if instr.prim.effect == "ordered" or any(
            isinstance(r.type, TapeType) for r in instr.results
        ):
            raise NeedsLoop
        found = [v in differ for v in instr.operands]
        if not any(found):
            for region in instr.regions:
                spread(region, [False] * len(region.params))
        elif instr.prim.finds_size or instr.has(Trait.ENDS):
            raise NeedsLoop
        else:
            moved = results_of(instr, found)
            differ.update(r for r, m in zip(instr.results, moved, strict=True) if m)
        own = (*instr.operands, *instr.results)
        if any(u in differ for u in uses(instr) if u not in own):
            raise NeedsLoop
        _require_one_shape(instr.results, differ)
    return [r in differ for r in function.results]


def _require_one_shape(values: Sequence[Value], differ: set[Value]) -> None:
    if any(u in differ for v in values for u in type_uses(v.type)):
        raise NeedsLoop


def results_of(instr: Instr, flags: Sequence[bool]) -> list[bool]:
    """Which results of an instruction differ where the flagged operands do."""
    rules = rules_of(instr)
    if rules is not None:
        return rules.spread(instr, flags)
    told = 2 if instr.has(Trait.TELLS) else 0
    return [*[True] * (len(instr.results) - told), *[False] * told]


def spread_branch(instr: Instr, flags: Sequence[bool]) -> list[bool]:
    """Which results of a branch differ; all of them where examples take different sides."""
    if passing(instr) is not None:
        return []
    lead, _, given = RegionOp(instr).split(flags)
    if any(lead) and instr.attrs.get("idle"):
        return spread(instr.regions[0], given)
    if any(lead):
        for region in instr.regions if side_by_side(instr) else ():
            spread(region, given)
        return [True] * len(instr.results)
    sides = [spread(r, given) for r in instr.regions]
    alive = [s for s, r in zip(sides, instr.regions, strict=True) if not r.diverges]
    return [any(s[k] for s in alive) for k in range(len(instr.results))]


def spread_call(instr: Instr, flags: Sequence[bool]) -> list[bool]:
    """All results of a call differ."""
    for region, given in zip(instr.regions, call_flags(instr, flags), strict=True):
        spread(region, given)
    return [True] * len(instr.results)


def call_flags(instr: Instr, flags: Sequence[bool]) -> list[list[bool]]:
    """Which parameters of each region of a ``call`` differ: all that have derivatives do."""
    count = instr.attrs["args"]
    inexact = [is_inexact(v.dtype) for v in instr.operands[:count]]
    args = [f or i for f, i in zip(flags, inexact, strict=False)]
    outer = list(flags[count:])
    found = [[*args, *outer]]
    if instr.attrs["rule"] in ("jvp", "both", "solve"):
        found.append([*args, *[True] * sum(inexact), *outer])
    if instr.attrs["rule"] in ("solve", "solved"):
        linear = instr.attrs["linear"]
        found.append([*[True] * linear, *args[linear:], *outer])
    if instr.attrs["rule"] in ("vjp", "both"):
        found.append([*args, *outer])
        own = len(instr.regions[-1].params) - len(outer)
        found.append([*[True] * own, *outer])
    return found


def spread_loop(instr: Instr, flags: Sequence[bool]) -> list[bool]:
    """Which carried values of a loop differ; all of them where its length does."""
    op = RegionOp(instr)
    return [True] * op.count if length_differs(instr, flags) else op.flagged(flags, spread)


def length_differs(instr: Instr, flags: Sequence[bool]) -> bool:
    """Whether examples leave a loop after different numbers of iterations."""
    op = RegionOp(instr)
    lead, _, consts = op.split(flags)
    if op.test is None:
        return any(lead)
    return spread(op.test, [*op.flagged(flags, spread), *consts]) == [True]
