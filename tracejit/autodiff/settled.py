"""Elements that never change again after a loop nest has read them: the reverse reads them as they
are, and nothing has to be put back.

In a factorisation each iteration reads rows and columns that later ones leave alone. Reads and
writes of an array that the nest only updates are collected with their indices as polynomials over
the counters of the loops around; a read is settled when every write that comes after it, in this or
a later iteration of any of those loops, provably goes elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field

from tracejit.autodiff.undoing import updated_operand, way
from tracejit.ir.core import Function, Instr, Value, uses, window_of
from tracejit.ir.extent import Dim, Extent, Opaque, leaves, linear_in, subst
from tracejit.ir.region_ops import RegionOp
from tracejit.ir.traits import Trait
from tracejit.ir.types import INDEX
from tracejit.records import dataclass


@dataclass(frozen=True, eq=False)
class Level:
    """One loop around an access: its counter, and the number of its trips where that is known."""

    counter: Value
    trip: Dim | None


@dataclass(frozen=True, eq=False)
class WindowAccess:
    """A window of the array: where it begins on each axis and how long it is; None: anywhere."""

    instr: Instr
    at: int
    levels: tuple[Level, ...]
    lows: tuple[Dim, ...] | None
    sizes: tuple[Dim, ...] = ()


@dataclass
class Settled:
    """What may be read from an array as it is in the end.

    ``arrays``: results of the loop; ``versions``: the values that they were, in all regions;
    ``reads``: the instructions that give the same when they are done again in the end.
    """

    arrays: set[int] = field(default_factory=set)
    versions: set[Value] = field(default_factory=set)
    reads: set[Instr] = field(default_factory=set)


@dataclass
class _Walk:
    """The accesses to one array in a loop nest; ``inside``: integers that iterations differ in."""

    versions: set[Value] = field(default_factory=set)
    reads: list[WindowAccess] = field(default_factory=list)
    writes: list[WindowAccess] = field(default_factory=list)
    inside: set[Value] = field(default_factory=set)
    count: int = 0

    def function(
        self,
        function: Function,
        names: dict[Value, Dim],
        mine: set[Value],
        chain: set[Value],
        levels: tuple[Level, ...],
    ) -> None:
        """``names``: integers of the region by what they are outside; ``mine``: its parameters
        that are the array; ``chain``: the versions of it that lead to the array in the end.

        What reads an older version than there is by then is as good as anywhere.
        """
        self.versions |= mine | chain
        now = set(mine)
        for instr in function.instrs:
            self.count += 1
            if any(v in chain and v not in now for v in uses(instr)):
                self.reads.append(WindowAccess(instr, self.count, levels, None))
            if instr.has(Trait.LOOP) or instr.has(Trait.BRANCH):
                self._regions(instr, names, now, chain, levels)
            elif any(v in now for v in uses(instr)):
                self._access(instr, names, now, chain, levels)
            updated = {r for r in instr.results if r in chain}
            now = updated or now

    def around(self, loop: Instr, k: int) -> None:
        """The accesses in a whole loop, to the array that is its result ``k``."""
        self._regions(loop, {}, {RegionOp(loop).inits[k]}, {loop.results[k]}, ())

    def _access(
        self,
        instr: Instr,
        names: dict[Value, Dim],
        mine: set[Value],
        chain: set[Value],
        levels: tuple[Level, ...],
    ) -> None:
        alone = instr.operands[0] in mine and not any(v in mine for v in instr.operands[1:])
        window = self._window(instr, names) if alone and instr.has(Trait.WINDOW) else None
        lows, sizes = window if window is not None else (None, ())
        access = WindowAccess(instr, self.count, levels, lows, sizes)
        updates = any(r in chain for r in instr.results)
        if updates:
            self.writes.append(access)
        if not updates or not alone:
            self.reads.append(access)

    def _window(
        self, instr: Instr, names: dict[Value, Dim]
    ) -> tuple[tuple[Dim, ...], tuple[Dim, ...]] | None:
        rank = instr.operands[0].rank
        window, shape = window_of(instr)
        bounds = [self._dim(v.dim, names) for v in window]
        if any(step != 1 for step in bounds[rank:]):
            return None
        return tuple(bounds[:rank]), tuple(self._dim(d, names) for d in shape)

    def _dim(self, dim: Dim, names: dict[Value, Dim]) -> Dim:
        for leaf in leaves(dim):
            if isinstance(leaf, Value) and leaf not in names:
                self.inside.add(leaf)
        return subst(dim, {v: names[v] for v in leaves(dim) if v in names})

    def _regions(
        self,
        instr: Instr,
        names: dict[Value, Dim],
        mine: set[Value],
        chain: set[Value],
        levels: tuple[Level, ...],
    ) -> None:
        op = RegionOp(instr)
        at = [k for k, r in enumerate(instr.results) if r in chain]
        for region in instr.regions:
            below = self._chain(op, region, at)
            inner = self._names(op, region, names)
            carried, arrays = op.carried_in(region), set()
            for param, operand in op.bound(region):
                if operand in mine and (param in below or not (at or param in carried)):
                    arrays.add(param)
                elif operand in mine:  # it goes its own way from here on
                    self.reads.append(WindowAccess(instr, self.count, levels, None))
            around = levels
            if op.trip is not None:
                trip = self._dim(op.trip, names)
                around = (*levels, Level(region.params[0], _positive(trip)))
            elif op.is_loop:
                around = (*levels, Level(Value(INDEX), None))
            self.function(region, inner, arrays, below, around)

    def _chain(self, op: RegionOp, region: Function, at: list[int]) -> set[Value]:
        """The versions in a region that lead to these results (a test has what is carried)."""
        if region.diverges:
            return set()
        if region is op.test:
            return {region.params[k] for k in at}
        return {v for k in at for v in way(region, k, strict=True)}

    def _names(self, op: RegionOp, region: Function, names: dict[Value, Dim]) -> dict[Value, Dim]:
        found = {p: self._dim(v.dim, names) for p, v in op.constants(region) if p.type == INDEX}
        found |= {p: p.dim for p in region.params[: op.own]}
        return found


def _positive(trip: Dim) -> Dim:
    """The number of trips where there is one: ``max(n, 0)`` is ``n`` there."""
    if isinstance(trip, Extent) and len(trip.terms) == 1:
        ((((atom, _),), coef),) = trip.terms.items()
        if coef == 1 and isinstance(atom, Opaque) and atom.kind == "max" and atom.b == 0:
            return atom.a
    return trip


def settled_reads(loop: Instr) -> Settled:
    """What is settled in a loop that has no loop around it."""
    found = Settled()
    moving: set[Instr] = set()
    for k, r in enumerate(loop.results):
        if updated_operand(loop, r, strict=True) is None:
            continue
        walk = _Walk()
        walk.around(loop, k)
        found.versions |= walk.versions
        found.arrays.add(k)
        found.reads |= {r.instr for r in walk.reads}
        moving |= {r.instr for r in walk.reads if not _is_settled(r, walk)}
    found.reads -= moving
    return found


def _is_settled(read: WindowAccess, walk: _Walk) -> bool:
    return all(_elsewhere(read, write, walk) for write in walk.writes)


def _elsewhere(read: WindowAccess, write: WindowAccess, walk: _Walk) -> bool:
    """Whether a write that comes after a read goes elsewhere, whichever loop brings it about."""
    common = 0
    for a, b in zip(read.levels, write.levels, strict=False):
        if a is not b and a.counter is not b.counter:
            break
        common += 1
    later = list(range(common))
    if write.at > read.at:
        later.append(common)
    return all(_apart(read, write, n, n < common, walk) for n in later)


def _apart(read: WindowAccess, write: WindowAccess, same: int, next_: bool, walk: _Walk) -> bool:
    """Whether the windows are apart when the first ``same`` counters are equal and, with
    ``next_``, the one after them is larger in the write."""
    if read.lows is None or write.lows is None:
        return False
    renamed: dict[Value, Dim] = {v: Value(INDEX).dim for v in walk.inside}
    bounds: list[Level] = list(read.levels)
    for n, level in enumerate(write.levels):
        if n < same:
            continue
        counter = Value(INDEX)
        if n == same and next_:
            bounds.append(Level(counter, None))
            renamed[level.counter] = level.counter.dim + 1 + counter.dim
            continue
        trip = None if level.trip is None else _subst(level.trip, renamed)
        bounds.append(Level(counter, trip))
        renamed[level.counter] = counter.dim
    for axis, (r, w) in enumerate(zip(read.lows, write.lows, strict=True)):
        w = _subst(w, renamed)
        size = _subst(write.sizes[axis], renamed)
        if _at_least_zero(w - r - read.sizes[axis], bounds):
            return True
        if _at_least_zero(r - w - size, bounds):
            return True
    return False


def _subst(dim: Dim, renamed: Mapping[Value, Dim]) -> Dim:
    return subst(dim, {v: renamed[v] for v in leaves(dim) if isinstance(v, Value) and v in renamed})


def _at_least_zero(dim: Dim, bounds: Sequence[Level]) -> bool:
    """Whether a number is not negative, each counter lying between 0 and its trips less one.

    Counters are replaced innermost first, because the trips of a loop are over those around it.
    """
    for level in reversed(bounds):
        slope, rest = linear_in(dim, level.counter) or (None, 0)
        if not isinstance(slope, int):
            return False
        if slope >= 0:
            dim = rest
        elif level.trip is None:
            return False
        else:
            dim = rest + slope * (level.trip - 1)
    return isinstance(dim, int) and dim >= 0
