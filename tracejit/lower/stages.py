"""What a block of threads does together at one point of a nest: stages, and where threads meet.

Each instruction at the top of the leaf is a stage. Scalar code is done by every thread alike, a
store by the first one. A reduction is shared, and so are the iterations of a loop: the i-th element
is the work of thread `i mod threads`. So a later stage may read the same element without waiting.
Where it touches what another thread has written, the threads meet before it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

from tracejit.ir.accesses import Access
from tracejit.ir.core import Instr, Value
from tracejit.records import dataclass

#: How a block does an instruction: its threads share the elements of a reduction, the iterations of
#: a loop, or of one with a running total; each does all of it, alike; or a block is no help.
Share: TypeAlias = Literal["reduced", "spread", "running", "alike", "alone"]


@dataclass(frozen=True)
class Stage:
    """An instruction of a leaf. `variable`: of the loop or the reduction of which threads share
    out the elements; None where all of them do it alike (a store: the first one)."""

    instr: Instr
    variable: Value | None
    accesses: tuple[Access, ...]

    @property
    def stores(self) -> bool:
        return any(a.stores for a in self.accesses)

    def conflicts(self, other: Stage, changed: set[Value]) -> bool:
        """Whether a thread touches what another one stores in the other stage."""
        return any(
            a.root is b.root and a.root in changed and self._meets(other, a, b)
            for a in self.accesses
            for b in other.accesses
        )

    def _meets(self, other: Stage, a: Access, b: Access) -> bool:
        return (a.stores or b.stores) and not self._by_same_thread(other, a, b) and not a.apart(b)

    def _by_same_thread(self, other: Stage, a: Access, b: Access) -> bool:
        """Whether one and the same element is touched by one and the same thread."""
        if self.variable is None or other.variable is None:
            return self.variable is other.variable and a.stores and b.stores
        return bool(a.along(self.variable) & b.along(other.variable))


@dataclass(frozen=True)
class LeafStages:
    """How a block does a leaf. `spread`: loops whose iterations its threads share out; `running`:
    those of them with a running total. `meetings`: instructions before which they wait for each
    other. `stages`: all of the leaf."""

    spread: frozenset[Instr]
    running: frozenset[Instr]
    meetings: frozenset[Instr]
    stages: tuple[Stage, ...]


def stages(
    leaf: Sequence[Instr],
    accesses: Callable[[Sequence[Instr]], Sequence[Access]],
    changed: set[Value],
    share: Callable[[Instr], Share],
) -> LeafStages | None:
    """The stages of a leaf; None where a block may not do it together.

    `accesses`: of instructions. `changed`: the buffers that are written. `share`: how threads do an
    instruction with regions.
    """
    shared: dict[Share, set[Instr]] = {"spread": set(), "running": set()}
    found: list[Stage] = []
    for instr in leaf:
        how = share(instr) if instr.regions else "alike"
        if how == "alone":
            return None
        if how in shared:
            shared[how].add(instr)
        variable = None if how == "alike" else instr.regions[0].params[0]
        found.append(Stage(instr, variable, tuple(accesses([instr]))))
        if instr.regions and how not in shared and found[-1].stores:
            return None
    meetings: set[Instr] = set()
    since = 0
    for k, stage in enumerate(found):
        if any(earlier.conflicts(stage, changed) for earlier in found[since:k]):
            meetings.add(stage.instr)
            since = k
    spread, running = (frozenset(shared[how]) for how in ("spread", "running"))
    return LeafStages(spread | running, running, frozenset(meetings), tuple(found))
