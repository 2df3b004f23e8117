"""Both sides of a branch for all examples of a batch: which may be, and what keeps to its own.

A side then also runs for examples that do not take it. For them a check holds, and what is read or
written at a place of the run is at place 0: their results are not chosen.
"""

from __future__ import annotations

from collections.abc import Sequence

from tracejit.ir.builder import Builder
from tracejit.ir.core import Instr, Value, instr_effect, type_uses
from tracejit.ir.extent import ARITHMETIC, Dim, provably_ge
from tracejit.ir.in_range import stays_in_range
from tracejit.ir.traits import Trait


def side_by_side(instr: Instr) -> bool:
    """Whether both sides of a branch may be computed for all examples: they do nothing else, and
    have results of one shape."""
    own = set(instr.results)
    return all(
        not region.diverges and all(map(_harmless, region.instrs)) for region in instr.regions
    ) and not any(u in own for r in instr.results for u in type_uses(r.type))


def passing(instr: Instr) -> bool | None:
    """With which value of operand 0 it does nothing, where with the other it raises; None: it is
    something else."""
    if instr.has(Trait.GUARD):
        return True
    if instr.has(Trait.BRANCH) and not instr.results and instr_effect(instr) != "ordered":
        then, other = instr.regions
        if other.diverges and not then.diverges and not then.instrs:
            return True
        if then.diverges and not other.diverges and not other.instrs:
            return False
    return None


def _harmless(instr: Instr) -> bool:
    if passing(instr) is not None:
        return True
    if instr.has(Trait.BRANCH):
        return side_by_side(instr)
    quiet = instr_effect(instr) == "none" and not instr.regions
    return quiet and (_in_range(instr) or _begins_in_range(instr))


def _in_range(instr: Instr) -> bool:
    """What reads ``x[i]`` where ``i`` is in range has been checked, or not taken, for one
    example."""
    types = [r.type for r in instr.results]
    whole = [v.type for v in instr.operands] == types and len(types) == 1
    return whole or stays_in_range(instr)


def _places(instr: Instr) -> slice:
    """Which operands say where in operand 0 something is read or written."""
    arrays = 2 if instr.prim.updates else 1
    if instr.has(Trait.WINDOW):
        return slice(arrays, arrays + instr.operands[0].rank)
    picks = instr.has(Trait.PICKS) or (instr.prim.updates and "axes" in instr.attrs)
    return slice(arrays, len(instr.operands)) if picks else slice(0, 0)


def _begins_in_range(instr: Instr) -> bool:
    """Whether it stays in range where all its places are 0."""
    if instr.operands[_places(instr)] == ():
        return False
    x = instr.operands[0]
    if not instr.has(Trait.WINDOW):
        return all(provably_ge(x.shape[a], 1) for a in instr.attrs["axes"])
    window = instr.operands[1].shape if instr.prim.updates else instr.result.shape
    steps = [v.expr for v in instr.operands[-x.rank :]]
    return all(map(_fits, window, steps, x.shape))


def _fits(n: Dim, step: Dim | None, extent: Dim) -> bool:
    if n == 0:
        return True
    if not isinstance(step, int) or step < 1:
        return False
    return provably_ge(
        extent, ARITHMETIC["add"](ARITHMETIC["mul"](step, ARITHMETIC["add"](n, -1)), 1)
    )


class Taken:
    """The examples that take the side under way: bools, one for each."""

    def __init__(self, b: Builder, flags: Value, differ: set[Value]) -> None:
        self.b, self.flags, self.differ = b, flags, differ

    def operands(self, instr: Instr, operands: Sequence[Value]) -> list[Value]:
        """The operands of an instruction, such that nothing happens for the other examples."""
        found = list(operands)
        passes = passing(instr)
        if passes is not None:
            found[0] = self._passing(operands[0], passes)
        elif not instr.regions and not _in_range(instr):
            for k in range(len(found))[_places(instr)]:
                found[k] = self._or_zero(operands[k])
        return found

    def _any(self) -> Value:
        return self.b.op("reduce_or", self.flags, axes=(0,))  # type: ignore[no-any-return]

    def _passing(self, given: Value, passes: bool) -> Value:
        b, each = self.b, given in self.differ
        taken = self.flags if each else self._any()
        if passes:
            found: Value = b.op("bitwise_or", given, b.op("invert", taken))
        else:
            found = b.op("bitwise_and", given, taken)
        if each:
            self.differ.add(found)
        return found

    def _or_zero(self, place: Value) -> Value:
        b, each = self.b, place in self.differ
        if each:
            chosen = b.broadcast(self.flags, place.shape, (0,))
        else:
            chosen = b.broadcast(self._any(), place.shape, ())
        found: Value = b.op("select", chosen, place, b.zeros_like(place))
        if each:
            self.differ.add(found)
        return found
