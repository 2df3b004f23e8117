"""Which primal values of a region are kept for its reverse, and which arrays are undone instead.

An array that the body changes only by updates is not kept: the overwritten elements are (the undo
log), and the reverse puts them back, so that anything read from the array can be read again.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import field

from tracejit.autodiff.cut import minimum_cut, recomputable, size
from tracejit.autodiff.regions import (
    Joint,
    NotRestoredError,
    NotSettledError,
    leaf_values,
)
from tracejit.autodiff.undoing import Undo
from tracejit.ir.core import Instr, Value, type_uses, uses
from tracejit.ir.regions import outer_values
from tracejit.ir.types import TapeType, TensorType
from tracejit.records import dataclass


@dataclass
class Residuals:
    """``kept`` values (undo windows among them) and their bytes; ``undone`` result positions,
    their undos."""

    kept: list[Value]
    undos: dict[Value, Undo] = field(default_factory=dict)
    undone: list[int] = field(default_factory=list)
    cost: int = 0

    def reads(self) -> dict[Instr, list[Instr]]:
        """Reads of windows about to be overwritten, by the update they must precede."""
        found: dict[Instr, list[Instr]] = {}
        for undo in self.undos.values():
            if undo.read is not None:
                found.setdefault(undo.update, []).append(undo.read)
        return found


class Chooser:
    """Chooses residuals of one region; ``blocked`` values must not be recomputed."""

    def __init__(
        self,
        joint_: Joint,
        free: Sequence[Value],
        carried: Sequence[tuple[int, Value]],
        also_needed: Sequence[Value],
    ) -> None:
        self.joint = joint_
        self.free = set(free)
        self.defs = joint_.defs
        self.blocked: set[Value] = set()
        self.param_at = dict(carried)
        self.needed = self._needed(also_needed)
        self.groups = self._groups()

    def _needed(self, also: Sequence[Value]) -> list[Value]:
        primal = {*self.joint.params, *self.defs}
        found: dict[Value, None] = {}
        for instr in self.joint.reverse:
            if not instr.regions and any(u in self.joint.final for u in uses(instr)):
                raise NotSettledError
            found.update((u, None) for u in uses(instr) if u in primal)
        ends = [*also, *(g for g in self.joint.grads if g is not None)]
        ends += [u for u in self.joint.used if isinstance(u, Value)]
        for value in ends:
            found.update((u, None) for u in (value, *type_uses(value.type)) if u in primal)
        return [v for v in found if not isinstance(v.type, TapeType)]

    def _groups(self) -> list[dict[int, list[Undo]]]:
        """Cycles of carried positions whose arrays are only updated (or swapped) by the body."""
        at = {param: k for k, param in self.param_at.items()}
        chains: dict[int, tuple[list[Undo], int]] = {}
        for k, param in self.param_at.items():
            if isinstance(param.type, TensorType) and param.rank:
                found = self.joint.undo(k)
                if found is not None and found[1] in at:
                    chains[k] = found[0], at[found[1]]
        groups, seen = [], set()
        for start in chains:
            cycle, k = [], start
            while k in chains and k not in seen:
                seen.add(k)
                cycle.append(k)
                k = chains[k][1]
            if cycle and k == start:
                groups.append({k: chains[k][0] for k in cycle})
        return groups

    def parents(self, v: Value) -> Sequence[Value] | None:
        """What a value is recomputed from; None when it cannot be."""
        if v in self.blocked:
            return None
        if v.expr is not None:
            return leaf_values(v)
        instr = self.defs.get(v)
        if instr is None or not recomputable(instr):
            return None
        if v not in self.joint.readable and any(u in self.joint.final for u in uses(instr)):
            return None
        return outer_values([instr])

    def can_undo(self) -> set[int]:
        """Positions of results that can be undone."""
        return {k for group in self.groups for k in group}

    def choose(self, wanted: Collection[int] = (), *, only: bool = False) -> Residuals:
        """The cheapest residuals: what is ``wanted`` is undone, and unless ``only`` that is, any
        other array where it saves bytes."""
        taken = [group for group in self.groups if any(k in wanted for k in group)]
        best = self._try(taken)
        for group in self.groups:
            if only or group in taken:
                continue
            found = self._try([*taken, group])
            if found.cost < best.cost:
                best = found
                taken.append(group)
        return best

    def _try(self, groups: list[dict[int, list[Undo]]]) -> Residuals:
        undos = {u.earlier: u for g in groups for chain in g.values() for u in chain}
        versions = {*undos, *(u.later for u in undos.values())}
        for g in groups:
            versions.update(self.param_at[k] for k in g)
        free = self.free | versions
        logged = [u for u in undos.values() if u.old is not None]
        bounds = [v for u in logged for v in u.update.operands[2:]]
        blocked = self._readers_in_cone(bounds, versions)
        olds = [u.old for u in logged if u.old is not None]

        def parents(v: Value) -> Sequence[Value] | None:
            return None if v in blocked else self.parents(v)

        needed = [*self.needed, *bounds]
        kept, cost = minimum_cut(needed, parents, free.__contains__)
        kept, cost = self._with_extents([*kept, *olds], cost + sum(map(size, olds)), free)
        return Residuals(kept, undos, sorted(k for g in groups for k in g), cost)

    def _with_extents(
        self, kept: list[Value], cost: int, free: set[Value]
    ) -> tuple[list[Value], int]:
        """What is kept on a tape needs its extents to be known before it is popped."""
        have = {*kept, *free}
        for value in list(kept):
            for leaf in type_uses(value.type):
                if leaf not in have:
                    have.add(leaf)
                    kept.append(leaf)
                    cost += size(leaf)
        return kept, cost

    def _readers_in_cone(self, roots: Sequence[Value], versions: set[Value]) -> set[Value]:
        """Values that bounds of updates depend on and that are read from an undone array: kept."""
        found: set[Value] = set()
        stack, seen = list(roots), set()
        while stack:
            v = stack.pop()
            if v in seen or v in self.free:
                continue
            seen.add(v)
            sources = self.parents(v) or ()
            if any(u in versions for u in sources):
                found.add(v)
            else:
                stack += sources
        return found

    def learn(self, problem: NotRestoredError) -> None:
        """After a version was wanted too early: keep its reader, or stop undoing that array."""
        if problem.reader is not None:
            self.blocked.add(problem.reader)
            return
        self.groups = [
            g
            for g in self.groups
            if all(u.earlier is not problem.version for chain in g.values() for u in chain)
        ]
