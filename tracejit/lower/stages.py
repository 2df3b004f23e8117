"""What a block of threads does together at one point of a nest: stages, and where threads meet.

Each instruction at the top of the leaf is a stage. Scalar code is done by every thread alike, a
store by the first one. A reduction is shared, and so are the iterations of a loop: the i-th element
is the work of thread `i mod threads`. So a later stage may read the same element without waiting.
Where it touches what another thread has written, the threads meet before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal, TypeAlias

from tracejit.ir.core import Instr, Value, element_of
from tracejit.ir.extent import Dim, Extent, leaves, linear_in
from tracejit.ir.traits import Trait
from tracejit.lower.roots import Roots, walk
from tracejit.records import dataclass

#: How a block does an instruction: its threads share the elements of a reduction, or the iterations
#: of a loop; each does all of it, alike; or a block is no help.
Share: TypeAlias = Literal["reduced", "spread", "alike", "alone"]


@dataclass(frozen=True)
class Touch:
    """An element that a stage touches. `variable`: of the loop whose iteration does it, if any."""

    instr: Instr
    buffer: Value
    index: tuple[Dim, ...]
    variable: Value | None

    @property
    def stores(self) -> bool:
        return self.instr.has(Trait.STORES)

    def apart(self, axis: int) -> tuple[int, Dim] | None:
        """`number, rest` where the index along an axis is `number * variable + rest`, without the
        variable in the rest, and the number is not 0."""
        index = self.index[axis]
        if self.variable is None or not isinstance(index, Extent):
            return None
        number, rest = linear_in(index, self.variable) or (0, index)
        if not isinstance(number, int) or number == 0 or self.variable in leaves(rest):
            return None
        return number, rest

    def by_same_thread(self, other: Touch) -> bool:
        """Whether one and the same element is touched by one and the same thread."""
        if self.variable is None or other.variable is None:
            return self.variable is other.variable and self.stores and other.stores
        return any(
            found is not None and found == other.apart(axis)
            for axis in range(len(self.index))
            for found in [self.apart(axis)]
        )


@dataclass(frozen=True)
class LeafStages:
    """How a block does a leaf. `spread`: loops whose iterations its threads share out.
    `meetings`: instructions before which they wait for each other. `touched`: all accesses."""

    spread: frozenset[Instr]
    meetings: frozenset[Instr]
    touched: tuple[Touch, ...]


def stages(
    leaf: Sequence[Instr],
    roots: Roots,
    changed: set[Value],
    share: Callable[[Instr], Share],
) -> LeafStages | None:
    """The stages of a leaf; None where a block may not do it together.

    `changed`: the buffers that are written. `share`: how threads do an instruction with regions.
    """
    spread: set[Instr] = set()
    found: list[list[Touch]] = []
    for instr in leaf:
        how = share(instr) if instr.regions else "alike"
        if how == "alone":
            return None
        if how == "spread":
            spread.add(instr)
        variable = None if how == "alike" else instr.regions[0].params[0]
        found.append(list(_accesses(instr, variable, roots)))
        if instr.regions and how != "spread" and any(a.stores for a in found[-1]):
            return None
    meetings: set[Instr] = set()
    since = 0
    for k, instr in enumerate(leaf):
        earlier = [a for stage in found[since:k] for a in stage if a.buffer in changed]
        if any(_conflict(a, b) for a in earlier for b in found[k]):
            meetings.add(instr)
            since = k
    return LeafStages(frozenset(spread), frozenset(meetings), tuple(a for s in found for a in s))


def _conflict(a: Touch, b: Touch) -> bool:
    if a.buffer is not b.buffer or not (a.stores or b.stores) or a.by_same_thread(b):
        return False
    between = [x - y for x, y in zip(a.index, b.index, strict=True)]
    return not any(isinstance(d, int) and d != 0 for d in between)


def _accesses(instr: Instr, variable: Value | None, roots: Roots) -> Iterator[Touch]:
    for inner in walk([instr]):
        if inner.has(Trait.LOADS) or inner.has(Trait.STORES):
            memory, index = element_of(inner)
            where = None if inner is instr else variable
            yield Touch(inner, roots.value(memory), tuple(roots.dim(v) for v in index), where)
