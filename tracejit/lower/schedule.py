"""Which loops of a kernel run on several threads of this machine, and from how much work on.

A loop is shared out when no iteration touches what another writes (`parallel.py`), a sum by the
halves of NumPy's order, a fold of exact operations in any order. So the bits are the same for any
number of threads. What a kernel does besides stays in the thread that launched it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

from tracejit.ir.core import Function, Instr, Value
from tracejit.ir.extent import Dim, floordiv, leaves, product, subst
from tracejit.ir.region_ops import is_counted
from tracejit.ir.traits import Trait
from tracejit.lower.parallel import Kernel, fold_names
from tracejit.records import dataclass

#: Machine operations (`Primitive.cost`) below which work stays in one thread: 0.1 ms or so. A
#: thread that sleeps is awake after 10 to 50 µs.
WORTH = 600_000
#: The least work of one piece.
PIECE = 100_000
#: How often a loop of unknown length runs.
_UNKNOWN_TRIP = 16
#: An axis known to be shorter is not the one to share out, when there is another.
_SHORT_AXIS = 16
_SIDE_BY_SIDE = 512
#: Exact operations that a fold may be shared out by: those that memory can be updated with at once.
_UPDATES = frozenset(["add", "bitwise_and", "bitwise_or", "bitwise_xor", "minimum", "maximum"])

Way: TypeAlias = Literal["loop", "sum", "fold"]


@dataclass(frozen=True)
class Shared:
    """How an instruction at the top of a kernel is shared out.

    The iterations of `loop` (for a sum or fold: the instruction itself) are handed out; there are
    `trip` of them, and all of the work is `trip * cost`, both in terms of the kernel's own values.
    """

    way: Way
    loop: Instr
    trip: Dim
    cost: Dim
    folds: tuple[str, ...] = ()
    #: Iterations that a piece has at least.
    least: int = 1


#: For each instruction at the top that repeats anything: how it is shared out, or why it is not.
Schedule: TypeAlias = Mapping[Instr, Shared | str]


def schedule(launch: Instr) -> Schedule:
    """The schedule of a launch's kernel."""
    (function,) = launch.regions
    tops = [i for i in function.instrs if i.has(Trait.REPEATS_REGION)]
    if not tops:
        return {}
    kernel = Kernel(function, launch.attrs.get("aliases", ()))
    return {instr: _shared(kernel, function, instr) for instr in tops}


def _shared(kernel: Kernel, function: Function, instr: Instr) -> Shared | str:
    if not is_counted(instr):
        if instr.has(Trait.SUMS) and instr.prim.passing.lead == 1:
            return _whole(kernel, "sum", instr)
        return "which steps there are is known only as it runs"
    if instr.attrs["carried"]:
        names = fold_names(instr)
        if names is None or not _UPDATES.issuperset(names):
            return "each step needs the one before"
        if any(a.stores for a in kernel.accesses((instr,))):
            return "each step needs the one before"
        return _whole(kernel, "fold", instr, tuple(names))
    phase = kernel.phase((), (instr,))
    if not phase.parallel or phase.atomic is not None:
        return "a step may touch what another one writes"
    k = _axis(phase.trips, phase.parallel)
    trip = phase.trips[k]
    loops = {loop.regions[0].params[0]: t for loop, t in zip(phase.loops, phase.trips, strict=True)}
    rest = product(tuple(t for n, t in enumerate(phase.trips) if n != k))
    cost = rest * _Work(kernel, function, loops).of(phase.leaf)
    # Of lines side by side in memory, a piece takes more than some cache lines at a time.
    least = _SIDE_BY_SIDE if k else 1
    return _if_worth(Shared("loop", phase.loops[k], trip, cost, least=least))


def _axis(trips: Sequence[Dim], parallel: Sequence[int]) -> int:
    """The outermost loop that is long enough, or else the longest."""
    for k in parallel:
        trip = trips[k]
        if not isinstance(trip, int) or trip >= _SHORT_AXIS:
            return k
    return max(parallel, key=lambda k: (trips[k], -k))


def _whole(kernel: Kernel, way: Way, instr: Instr, folds: tuple[str, ...] = ()) -> Shared | str:
    trip = kernel.roots.dim(instr.operands[0])
    (body,) = instr.regions
    cost = _Work(kernel, kernel.function, {body.params[0]: trip}).of(body.instrs)
    return _if_worth(Shared(way, instr, trip, cost, folds))


def _if_worth(shared: Shared) -> Shared | str:
    total = shared.trip * shared.cost
    if isinstance(total, int) and total < WORTH:
        return "it is little work"
    return shared


class _Work:
    """Counts machine operations; `trips` are the lengths of the loops around, by their variable.

    Where a length depends on such a variable, it is taken in the middle of its loop.
    """

    def __init__(self, kernel: Kernel, function: Function, trips: Mapping[Value, Dim]) -> None:
        self.roots = kernel.roots
        self.own = {*function.params, *(r for i in function.instrs for r in i.results)}
        self.middles = {v: floordiv(trip, 2) for v, trip in trips.items()}

    def of(self, instrs: Sequence[Instr]) -> Dim:
        """The operations of some instructions, at least one."""
        total: Dim = 0
        for instr in instrs:
            total = total + self._one(instr)
        return 1 if total == 0 else total

    def _one(self, instr: Instr) -> Dim:
        if not instr.regions:
            return instr.prim.cost
        if not instr.has(Trait.REPEATS_REGION):
            return sum((self.of(r.instrs) for r in instr.regions), start=instr.prim.cost)
        trip: Dim = _UNKNOWN_TRIP
        if instr.prim.passing.counted:
            found = self._bound(self.roots.dim(instr.operands[instr.prim.passing.lead - 1]))
            trip = _UNKNOWN_TRIP if found is None else found
            for region in instr.regions:
                self.middles[region.params[0]] = floordiv(trip, 2)
        return trip * sum((self.of(r.instrs) for r in instr.regions), start=1)

    def _bound(self, trip: Dim) -> Dim | None:
        """A length in terms of the kernel's own values, if it can be said in them."""
        for _ in range(len(self.middles)):
            trip = subst(trip, self.middles)  # type: ignore[arg-type]
        return trip if all(leaf in self.own for leaf in leaves(trip)) else None
