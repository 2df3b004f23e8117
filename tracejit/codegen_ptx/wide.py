"""Which nests move 16 bytes at a time, and what must hold in a call for that.

A nest whose accesses lie side by side along one loop is done several iterations at a time. The
offsets of its accesses are polynomials; what they do not prove (that a pointer is aligned, that
rows follow each other without a gap) the kernel asks when it starts, and goes element by element
where the answer is no. This file knows nothing of LLVM.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tracejit.ir.accesses import Access, linear
from tracejit.ir.core import Instr, Value
from tracejit.ir.extent import Dim
from tracejit.lower.parallel import Kernel, Phase
from tracejit.records import dataclass

#: What one access moves at most.
BYTES = 16
#: A thread's iterations together cost at most this (`Primitive.cost`), or there are fewer of them.
MOST_COST = 1200


@dataclass(frozen=True)
class Wide:
    """`width` iterations of the loop at `axis` at a time.

    The loops at `line`, innermost first, go on where that one ends: all of them count as one loop.
    `rows` are the other ones. `aligned` has the bytes that an access may move, where that is more
    than an element. In a call the pairs of `equal` must be equal and the `multiples` (a buffer's
    address or none, an offset, a number of bytes) be multiples.
    """

    axis: int
    width: int
    line: tuple[int, ...]
    rows: tuple[int, ...]
    aligned: Mapping[Instr, int]
    equal: tuple[tuple[Dim, Dim], ...]
    multiples: tuple[tuple[Value | None, Dim, int], ...]

    @property
    def order(self) -> tuple[int, ...]:
        """The loops, the one along memory last."""
        return (*self.rows, *reversed(self.line), self.axis)


@dataclass(frozen=True)
class Moved:
    """One element moved: `rest` bytes from the start of `buffer`, plus the loops times `slopes`.

    No slopes: its place depends on more than the loops.
    """

    access: Access
    slopes: tuple[Dim, ...] = ()
    rest: Dim = 0

    @property
    def instr(self) -> Instr:
        return self.access.instr

    @property
    def buffer(self) -> Value:
        return self.access.root

    @property
    def size(self) -> int:
        return self.access.size

    @property
    def stores(self) -> bool:
        return self.access.stores


def wide(kernel: Kernel, phase: Phase) -> Wide | None:
    """How a `map` phase may go several iterations at a time, or None."""
    if any(i.regions for i in phase.leaf) or len(phase.parallel) != len(phase.loops):
        return None
    accesses = moved(kernel, phase)
    if any(a.buffer in kernel.windows or (a.stores and not a.slopes) for a in accesses):
        return None
    known = [a for a in accesses if a.slopes]
    axis = _axis(phase, known)
    if axis is None:
        return None
    along = [a for a in known if a.slopes[axis] != 0]
    width = _width(phase, along)
    line, equal = _line(kernel, phase, axis, accesses)
    rows = tuple(k for k in phase.parallel if k != axis and k not in line)
    aligned = {a.instr: min(BYTES, width * a.size) for a in along if _may_align(a, rows, width)}
    aligned = {i: n for i, n in aligned.items() if n > i.operands[0].dtype.alignment}
    if not any(n == BYTES for n in aligned.values()):
        return None
    multiples = _multiples([a for a in along if a.instr in aligned], aligned, rows)
    return Wide(axis, width, line, rows, aligned, equal, multiples)


def moved(kernel: Kernel, phase: Phase) -> list[Moved]:
    """What a leaf moves."""
    found = []
    for access in kernel.accesses(phase.leaf):
        slopes, rest = linear(access.offset, _variables(phase)) or ((), 0)
        known = all(map(kernel.invariant, (*slopes, rest)))
        found.append(Moved(access, slopes, rest) if known else Moved(access))
    return found


def _variables(phase: Phase) -> list[Value]:
    return [loop.regions[0].params[0] for loop in phase.loops]


def _axis(phase: Phase, known: Sequence[Moved]) -> int | None:
    """The loop, inner ones first, along which each access stays or goes on by an element."""
    for axis in reversed(range(len(phase.loops))):
        steps = [(a.slopes[axis], a) for a in known]
        if all(step == a.size or (step == 0 and not a.stores) for step, a in steps) and any(
            a.stores for a in known
        ):
            return axis
    return None


def _width(phase: Phase, along: Sequence[Moved]) -> int:
    """How many iterations: what makes 16 bytes of the smallest elements, unless that is a lot."""
    width = max(1, BYTES // min(a.size for a in along))
    cost = sum(i.prim.cost for i in phase.leaf)
    while width > 1 and width * cost > MOST_COST:
        width //= 2
    return width


def _line(
    kernel: Kernel, phase: Phase, axis: int, accesses: Sequence[Moved]
) -> tuple[tuple[int, ...], tuple[tuple[Dim, Dim], ...]]:
    """The loops that go on where the one at `axis` ends, and which sizes must be equal for that."""
    line: list[int] = []
    equal: list[tuple[Dim, Dim]] = []
    free = set(phase.parallel) - _used(kernel, phase, accesses)
    trip = phase.trips[axis]
    known = [a for a in accesses if a.slopes]
    for k in reversed([k for k in phase.parallel if k != axis]):
        pairs = [(a.slopes[k], trip * a.slopes[axis]) for a in known]
        if {axis, k} - free or not all(_may_equal(*pair) for pair in pairs):
            continue
        line.append(k)
        equal += [pair for pair in pairs if pair[0] != pair[1] and pair not in equal]
        trip = phase.trips[k] * trip
    return tuple(line), tuple(equal)


def _may_equal(a: Dim, b: Dim) -> bool:
    """Whether two steps are equal, or may turn out to be."""
    return a == b or (a != 0 and b != 0 and not isinstance(a - b, int))


def _used(kernel: Kernel, phase: Phase, accesses: Sequence[Moved]) -> set[int]:
    """Loops whose variables are more than indices of known accesses."""
    where = {v: k for k, v in enumerate(_variables(phase))}
    known = {a.instr for a in accesses if a.slopes}

    def operands() -> Iterator[Value]:
        for instr in phase.leaf:
            yield from instr.operands if instr not in known else ()
        yield from (a.instr.operands[1] for a in accesses if a.slopes and a.stores)
        for loop in phase.loops[:-1]:
            for instr in loop.regions[0].instrs[:-1]:
                yield from instr.operands

    return {where[root] for v in operands() if (root := kernel.roots.value(v)) in where}


def _may_align(access: Moved, rows: Sequence[int], width: int) -> bool:
    """Whether nothing known says that an access is not aligned."""
    bytes_ = min(BYTES, width * access.size)
    steps = [access.rest, *(access.slopes[k] for k in rows)]
    return all(step % bytes_ == 0 for step in steps if isinstance(step, int))


def _multiples(
    along: Sequence[Moved], aligned: Mapping[Instr, int], rows: Sequence[int]
) -> tuple[tuple[Value | None, Dim, int], ...]:
    found: dict[tuple[Value | None, Dim, int], None] = {}
    for a in along:
        found[a.buffer, a.rest, aligned[a.instr]] = None
        for k in rows:
            if not isinstance(a.slopes[k], int):
                found[None, a.slopes[k], aligned[a.instr]] = None
    return tuple(found)
