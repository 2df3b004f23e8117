"""What of a kernel may run at once: phases, their loops, and how each one maps onto a GPU's grid.

`schedule.py` asks for the same loops what the threads of this machine share out.

A kernel is cut into phases that run one after another.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Sequence
from dataclasses import replace
from typing import Literal, TypeAlias

import tracejit.ir.ops  # noqa: F401  (enters the op table)
from tracejit.dtypes import is_bool, is_exact
from tracejit.ir.accesses import Access, Along, Touches, accesses, linear, touched_by
from tracejit.ir.core import TABLE, Function, Instr, Value, uses
from tracejit.ir.extent import Dim, leaves, product
from tracejit.ir.region_ops import RegionOp, is_counted
from tracejit.ir.regions import needed
from tracejit.ir.roots import Roots, walk
from tracejit.ir.traits import Trait
from tracejit.ir.types import INDEX
from tracejit.lower.accumulations import Accumulation, accumulation
from tracejit.lower.running import added, searches, totals
from tracejit.lower.scatters import Scatter, scatter
from tracejit.lower.stages import LeafStages, Share, stages
from tracejit.records import dataclass

#: map: points over threads. rows: one block a point, which does it in stages. total: reduction by
#: the grid in two kernels. compact: what is selected goes side by side, in two kernels as well.
#: scan: a running total, again in two. scatter: each place to a warp. serial: one thread.
Role: TypeAlias = Literal["map", "rows", "total", "compact", "scan", "scatter", "serial"]

#: Threads that keep a large GPU busy: 1,024 for each of 132 multiprocessors.
BUSY = 132 * 1024
#: Elements that a part of a reduction has at least: one that a block takes, and one of a thread.
BLOCK_PART, THREAD_PART = 512, 64
#: What memory can be updated with at once.
ATOMIC = {
    *(TABLE[name] for name in ("add", "minimum", "maximum")),
    *(TABLE[f"bitwise_{name}"] for name in ("and", "or", "xor")),
}
#: Points that are few for threads that take one each.
FEW = 1024
#: A reduction of fewer elements than this (known when compiling) is left to one thread.
SHORT = 128


@dataclass(frozen=True)
class Phase:
    """Some of a kernel's instructions; `before` are the pure ones that they may need.

    `loops` are perfectly nested `for`s, outermost first; those at `parallel` have iterations that
    touch distinct elements. `trips` are their trip counts in terms of the kernel's own body.
    `stages`: of the leaf, where the role is `rows`. `split`: in how many parts the reduction at
    each point is taken, where there are few points; otherwise 0. `atomic`: what the leaf adds to an
    element that others may add to at once. `scatter`: its leaf, where the role is that.
    """

    role: Role
    before: tuple[Instr, ...]
    instrs: tuple[Instr, ...]
    loops: tuple[Instr, ...] = ()
    parallel: tuple[int, ...] = ()
    trips: tuple[Dim, ...] = ()
    stages: LeafStages | None = None
    split: int = 0
    atomic: Accumulation | None = None
    scatter: Scatter | None = None

    @property
    def leaf(self) -> tuple[Instr, ...]:
        """What is done at each point of the loops."""
        return self.loops[-1].regions[0].instrs if self.loops else self.instrs


def _acts(instr: Instr) -> bool:
    """Whether an instruction of a kernel does more than compute a value."""
    return bool(instr.regions) or instr.has(Trait.STORES)


class Kernel:
    """A kernel being cut into phases. `aliases` are positions of parameters that may overlap."""

    def __init__(self, function: Function, aliases: Sequence[Sequence[int]] = ()) -> None:
        self.function = function
        self.roots = Roots(function.instrs)
        self._accesses = accesses(function.instrs, self.roots)
        #: Buffers that may overlap, by one of each group.
        self.overlap = {function.params[k]: function.params[g[0]] for g in aliases for k in g}
        #: What is reached through views.
        self.windows = {a.root for a in self._accesses.values() if a.root is not a.buffer}
        self.stored = self._stored(function.instrs)

    def accesses(self, instrs: Sequence[Instr]) -> list[Access]:
        """What some instructions of the kernel load and store, at every depth."""
        return [self._accesses[i] for i in walk(instrs) if i in self._accesses]

    def _stored(self, instrs: Sequence[Instr]) -> set[Value]:
        """Buffers that may change: those stored to, and what they overlap."""
        stored = {a.root for a in self.accesses(instrs) if a.stores}
        memory = {self.overlap[b] for b in stored if b in self.overlap}
        return stored | {b for b, group in self.overlap.items() if group in memory}

    def _touched(self, found: Sequence[Access], variable: Value | None = None) -> Touches:
        return touched_by(found, variable, self.overlap)

    def phases(self) -> list[Phase]:
        """The whole kernel."""
        top = self.function.instrs
        effects = [i for i in top if _acts(i)]
        reads = self._reads([i for i in top if not i.regions], self.stored)
        if self.function.results or self._passes_on(top, effects) or reads:
            return [self._whole(top)]
        before: list[Instr] = []
        groups: list[tuple[tuple[Instr, ...], list[Instr]]] = []
        for instr in top:
            if not _acts(instr):
                before.append(instr)
            elif groups and instr.has(Trait.STORES) and groups[-1][1][-1].has(Trait.STORES):
                groups[-1] = (tuple(before), [*groups[-1][1], instr])
            else:
                groups.append((tuple(before), [instr]))
        return _joined([self.phase(pure, instrs) for pure, instrs in groups])

    def _passes_on(self, top: Sequence[Instr], effects: Sequence[Instr]) -> bool:
        """Whether an instruction needs what one that does something computes."""
        made = {r for i in effects for r in i.results}
        return bool(made) and any(v in made for i in top for v in uses(i))

    def _whole(self, top: tuple[Instr, ...]) -> Phase:
        together = [i for i in top if self.cooperative(i) and not short(self, i)]
        if len(together) == 1 and self._may_finish(top, top.index(together[0])):
            return Phase("total", (), top)
        in_parts = self._in_parts(top)
        if in_parts is not None:
            return in_parts
        found = self._stages(top, top)
        return Phase("serial" if found is None else "rows", (), top, stages=found)

    def _in_parts(self, top: tuple[Instr, ...]) -> Phase | None:
        """A loop with what is around it that blocks share although it carries something."""
        if self._compacts(top):
            return Phase("compact", (), top)
        return Phase("scan", (), top) if self._runs(top) else None

    def _may_finish(self, top: tuple[Instr, ...], at: int) -> bool:
        """Whether one thread may do what stands around a reduction: see `needed`."""
        first = top[: at + 1]
        if any(i.regions and not self.cooperative(i) for i in first):
            return False
        if self._stored(first[:-1]):
            return False
        # What each iteration stores besides is its own: each runs once. What stands before them
        # reads none of that, because it may be done after them.
        own = self._stored((top[at],))
        if own and (not self._is_parallel(top[at], top[at]) or self._reads(top[:at], own)):
            return False
        # All threads of the last block know where the reduction begins.
        changed = self._stored(top)
        return not self._reads(needed(top[:at], RegionOp(top[at]).inits), changed)

    def _compacts(self, top: tuple[Instr, ...]) -> bool:
        """Whether a kernel is a loop that stores, where something holds, to the next place.

        Such a loop carries a number. A branch at the end of its body stores to elements of that
        number, each of another one, and adds 1 to it, or does nothing. All that is read is not
        stored to; what follows the loop needs the last number at most.
        """
        loop = next((i for i in top if _acts(i)), None)
        if loop is None or not is_counted(loop) or loop.attrs["carried"] != 1:
            return False
        if any(_acts(i) for i in top if i is not loop) or loop.result.type != INDEX:
            return False
        (body,) = loop.regions
        *pure, branch = body.instrs or (loop,)
        number = body.params[1]
        if not branch.has(Trait.BRANCH) or body.results != branch.results:
            return False
        if any(map(_acts, pure)) or any(number in uses(i) for i in pure):
            return False
        then, otherwise = branch.regions
        names = zip(then.params, otherwise.params, RegionOp(branch).consts, strict=True)
        found = [(a, b) for a, b, outer in names if outer is number]
        if len(found) != 1 or otherwise.instrs or otherwise.results != (found[0][1],):
            return False
        if then.diverges or self.roots.dim(then.results[0]) - number.dim != 1:
            return False
        return self._stores_at(number, loop) and not self._reads(top, self._stored((loop,)))

    def _runs(self, top: Sequence[Instr]) -> bool:
        """Whether a kernel is a loop with a running total, and what needs its last one."""
        loop = next((i for i in top if _acts(i)), None)
        if loop is None or not self.scans(loop):
            return False
        rest = [i for i in top if i is not loop]
        if any(i.regions for i in rest) or self._reads(rest, self._stored((loop,))):
            return False
        # One thread stores the others while blocks may still be in the loop.
        stored = self._stored(rest)
        return all(a.root not in stored for a in self.accesses((loop,))) and not self._reads(
            rest, stored
        )

    def scans(self, loop: Instr) -> bool:
        """Whether threads may share a loop with a running total."""
        if not totals(loop) or short(self, loop) or not self._is_apart(loop):
            return False
        # What is added is read before any iteration stores.
        instrs, values = loop.regions[0].instrs, added(loop)
        first = next((k for k, i in enumerate(instrs) if self._stored((i,))), len(instrs))
        late = [i for i in values if instrs.index(i) > first]
        return not self._reads(late, self._stored(instrs))

    def _is_apart(self, loop: Instr) -> bool:
        """Whether no iteration touches what another one stores, wherever the loop is."""
        inner = list(walk([loop]))
        own = {r for i in inner for r in i.results}
        own |= {p for i in inner for r in i.regions for p in r.params}
        return self._is_parallel(loop, loop, lambda dim: not own & set(leaves(dim)))

    def _stores_at(self, place: Value, loop: Instr) -> bool:
        """Whether all stores of a loop are to elements that `place` alone tells apart."""
        found = self._touched([a for a in self.accesses((loop,)) if a.stores], place)
        return bool(found) and all(
            t.told_apart and any(a == Along(a.axis, 1, 0) for a in t.along) for t in found.values()
        )

    def _reads(self, instrs: Sequence[Instr], buffers: Container[Value]) -> bool:
        return any(not a.stores and a.root in buffers for a in self.accesses(instrs))

    def phase(self, before: tuple[Instr, ...], instrs: Sequence[Instr]) -> Phase:
        """Some instructions at the top, each of which does something."""
        first = instrs[0]
        in_parts = self._in_parts((*before, first))
        if in_parts is not None:
            return in_parts
        if not is_counted(first):
            return Phase("serial", before, tuple(instrs))
        loops, trips = self._nest(first)
        parallel = tuple(k for k, loop in enumerate(loops) if self._is_parallel(loop, first))
        added = self._atomic(first, loops) if len(parallel) < len(loops) else None
        if added is not None and not (parallel and self._adds_to_one(added, loops, parallel)):
            every = tuple(range(len(loops)))
            return Phase("map", before, (first,), tuple(loops), every, tuple(trips), atomic=added)
        if not parallel:
            return self._scatter(before, first, loops, trips)
        leaf = loops[-1].regions[0].instrs
        found = self._stages(leaf, (first,)) if len(parallel) == len(loops) else None
        if found is not None and self._across(loops, trips, found):
            found = None
        role: Role = "map" if found is None else "rows"
        made = Phase(role, before, (first,), tuple(loops), parallel, tuple(trips), found)
        return replace(made, split=self._parts(made))

    def _scatter(
        self,
        before: tuple[Instr, ...],
        first: Instr,
        loops: Sequence[Instr],
        trips: Sequence[Dim],
    ) -> Phase:
        """A nest of which no loop is parallel: each place is one warp's, or one thread does all."""
        total = product(tuple(trips))
        leaf = loops[-1].regions[0].instrs if loops else ()
        shared = {*self.overlap, *self.windows}
        found = scatter(leaf, self.accesses(leaf), self._stored((first,)), shared)
        if found is None or (isinstance(total, int) and total < SHORT):
            return Phase("serial", before, (first,))
        return Phase("scatter", before, (first,), tuple(loops), (), tuple(trips), scatter=found)

    def _across(self, loops: Sequence[Instr], trips: Sequence[Dim], found: LeafStages) -> bool:
        """Whether blocks would read lines across memory along which the points lie: a thread a
        point reads along it. Where there are few points, blocks do it all the same."""
        if isinstance(known := product(tuple(trips)), int) and known < FEW:
            return False
        last = loops[-1].regions[0].params[0]
        return any(
            (at := linear(a.offset, [last, stage.variable])) is not None
            and at[0][0] == a.size
            and at[0][1] not in (0, a.size, -a.size)
            for stage in found.stages
            if stage.variable is not None
            for a in stage.accesses
        )

    def _nest(self, loop: Instr) -> tuple[list[Instr], list[Dim]]:
        """The perfect nest that begins at a `for`, as far as its trip counts are invariant."""
        loops, trips = [], []
        while loop.attrs["carried"] == 0:
            trip = self.roots.dim(loop.operands[0])
            if not self.invariant(trip):
                break
            loops.append(loop)
            trips.append(trip)
            *pure, last = loop.regions[0].instrs or (loop,)
            inside = any(map(_acts, pure)) or self._reads(pure, self.stored)
            if not is_counted(last) or last is loop or inside:
                break
            loop = last
        return loops, trips

    def invariant(self, dim: Dim) -> bool:
        """Whether a polynomial mentions only values of the kernel's own body."""
        own = {*self.function.params, *(r for i in self.function.instrs for r in i.results)}
        return all(leaf in own for leaf in leaves(dim))

    def known(self, dim: Dim) -> bool:
        """Whether a polynomial mentions only parameters of the kernel."""
        return all(leaf in self.function.params for leaf in leaves(dim))

    def _is_parallel(
        self, loop: Instr, phase: Instr, fixed: Callable[[Dim], bool] | None = None
    ) -> bool:
        """Whether no element written in one iteration is touched in another one.

        That holds when all accesses to each written buffer have, along one axis, one and the same
        index: the loop variable times a number, plus something that does not change: by `fixed`,
        otherwise only what is known outside of the phase is that.
        """
        found = self._touched(self.accesses((phase,)), loop.regions[0].params[0])
        return all(t.by_one(fixed or self.invariant) for t in found.values())

    # -- reductions ----------------------------------------------------------------------------

    def cooperative(self, instr: Instr) -> bool:
        """Whether a reduction may be taken in any order: a sum, a fold of exact operations, or a
        search for the best element."""
        if instr.has(Trait.SUMS):
            return True
        folds = is_counted(instr) and RegionOp(instr).count > 0
        return folds and fold_names(instr, searches(instr)[1]) is not None

    def _stages(self, leaf: Sequence[Instr], phase: Sequence[Instr]) -> LeafStages | None:
        """How a block does a leaf together, where that is worth it."""
        long = [i for i in leaf if i.regions and not i.has(Trait.BRANCH) and not short(self, i)]
        if not long:
            return None
        if not all(t.told_apart for t in self._touched(self.accesses(leaf)).values()):
            return None
        return stages(leaf, self.accesses, self._stored(phase), self._share)

    def _parts(self, phase: Phase) -> int:
        """In how many parts the reductions of a phase are taken, all sizes being known; or 0."""
        points = math.prod(t if isinstance(t := phase.trips[k], int) else 0 for k in phase.parallel)
        if phase.role == "rows":
            assert phase.stages is not None
            long = [i for i in phase.leaf if self.cooperative(i) and not short(self, i)]
            # What meets before the reduction would have to be done for each part of it.
            early = phase.leaf[: phase.leaf.index(long[0]) + 1] if long else ()
            alone = len(long) == 1 and not phase.stages.spread
            alone = alone and phase.stages.meetings.isdisjoint(early)
            length = self.roots.dim(long[0].operands[0]) if alone else 0
            per, wanted = BLOCK_PART, BUSY // SHORT
        else:
            around = [k for k in range(len(phase.loops)) if k not in phase.parallel]
            added = self.accumulation(phase) if len(around) == 1 else None
            adds = added is not None and self._adds_to_one(added, phase.loops, phase.parallel)
            length = phase.trips[around[0]] if adds else 0
            per, wanted = THREAD_PART, BUSY
        if not isinstance(length, int) or points <= 0:
            return 0
        parts = min(length // per, -(-wanted // points))
        return parts if parts > 1 else 0

    def accumulation(self, phase: Phase) -> Accumulation | None:
        """What a leaf adds to an element, if that is all that it does, and the order is free."""
        return accumulation(phase.leaf, self.accesses(phase.leaf), self.overlap)

    def _atomic(self, first: Instr, loops: Sequence[Instr]) -> Accumulation | None:
        """What a nest adds to elements wherever they are, if that is all that it stores, and a GPU
        has an instruction for it. Of exact operations the order does not matter."""
        leaf = loops[-1].regions[0].instrs if loops else ()
        found = accumulation(leaf, self.accesses(leaf), self.overlap)
        if found is None or found.combine.prim not in ATOMIC or found.value.dtype.itemsize < 4:
            return None
        if not is_exact(found.value.dtype) or is_bool(found.value.dtype):
            return None
        target = self._accesses[found.store].root
        touching = [a.instr for a in self.accesses((first,)) if a.root is target]
        return found if touching == [found.load, found.store] else None

    def _adds_to_one(
        self, added: Accumulation, loops: Sequence[Instr], parallel: Sequence[int]
    ) -> bool:
        """Whether a nest adds to one and the same element at each point of its parallel loops."""
        fixed = {loops[k].regions[0].params[0] for k in parallel}
        fixed |= {*self.function.params, *(r for i in self.function.instrs for r in i.results)}
        index = self._accesses[added.store].index
        return all(leaf in fixed for at in index for leaf in leaves(at))

    def _share(self, instr: Instr) -> Share:
        """How a block does an instruction of a leaf that has regions."""
        inner = list(walk([instr]))
        if instr.has(Trait.BRANCH):
            long = any(i.has(Trait.LOOP) or i.has(Trait.SUMS) for i in inner)
            return "alone" if long else "alike"
        if self.cooperative(instr):
            return "alike" if short(self, instr) else "reduced"
        if self.scans(instr):
            return "running"
        if not is_counted(instr) or RegionOp(instr).count:
            return "alone"
        return "spread" if self._is_apart(instr) else "alone"


def _joined(phases: Sequence[Phase]) -> list[Phase]:
    """The phases, those that one thread does after one another as one of them."""
    found: list[Phase] = []
    for phase in phases:
        if found and found[-1].role == phase.role == "serial":
            # What is pure stays so: nothing that the kernel stores is read there.
            found[-1] = Phase("serial", phase.before, (*found[-1].instrs, *phase.instrs))
        else:
            found.append(phase)
    return found


def short(kernel: Kernel, instr: Instr) -> bool:
    """Whether a reduction is known to be too short for a block."""
    trip = kernel.roots.dim(instr.operands[0])
    return isinstance(trip, int) and trip < SHORT


def fold_names(loop: Instr, positions: Sequence[int] | None = None) -> list[str] | None:
    """The exact, associative operations that a `for` folds its carried values with, or those at
    some positions; None where it does something else with one."""
    (body,) = loop.regions
    carried = RegionOp(loop).carried_in(body)
    makers = {r: i for i in body.instrs for r in i.results}
    names = []
    for k in range(len(carried)) if positions is None else positions:
        param, result = carried[k], body.results[k]
        maker = makers.get(result)
        if maker is None or not maker.has(Trait.FOLDS) or not is_exact(result.dtype):
            return None
        if maker.operands.count(param) != 1:
            return None
        users = [i for i in body.instrs if param in i.operands or result in i.operands]
        if users != [maker] or body.results.count(result) != 1:
            return None
        names.append(maker.name)
    return names
