"""Whether a rule for tangents is linear in them: what is not has no transpose.

Each row says in which groups of its operands it is linear; loops and branches are linear in what
goes through them where no tangent decides about them.
"""

from __future__ import annotations

from collections.abc import Sequence

from tracejit.autodiff.tangents import has_tangent
from tracejit.ir.core import Function, Instr
from tracejit.ir.ops.derivatives_linear import ALL


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
    if instr.name == "cond" and not flags[0]:
        sides = [linear_results(r, flags[1:]) for r in instr.regions]
        alive = [s for s, r in zip(sides, instr.regions, strict=True) if not r.diverges]
        return [any(s[k] for s in alive) for k in range(len(instr.results))]
    if instr.name in ("for", "while"):
        return _loop(instr, flags)
    if instr.name == "call":
        return [has_tangent(r) for r in instr.results]  # its own rule says how
    for group in instr.prim.linear:
        members = range(len(flags)) if group == (ALL,) else group
        if all(k in members for k, f in enumerate(flags) if f):
            return [True] * len(instr.results)
    raise NotLinearError(instr)


def _loop(instr: Instr, flags: list[bool]) -> list[bool]:
    first, count = (1 if instr.name == "for" else 0), instr.attrs["carried"]
    if first and flags[0]:
        raise NotLinearError(instr)
    now, consts = flags[first : first + count], flags[first + count :]
    while True:
        found = linear_results(instr.regions[-1], [*[False] * first, *now, *consts])
        grown = [a or f for a, f in zip(now, found, strict=False)] or now
        if grown == now:
            break
        now = grown
    if not first and any(linear_results(instr.regions[0], [*now, *consts])):
        raise NotLinearError(instr)
    return now
