"""Nests whose iterations touch elements at places that are data: `x[i[k]] += v[k]`.

All that an iteration stores to, and all that it reads of that, lies at one place. Then iterations
of different places have nothing to do with each other. Who takes all iterations of some places, in
their order, leaves the bits that one thread would leave.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Sequence

from tracejit.ir.accesses import Access
from tracejit.ir.core import Instr, Value, uses
from tracejit.ir.extent import leaves
from tracejit.records import dataclass


@dataclass(frozen=True)
class Scatter:
    """A leaf in two: `ahead` reads nothing that the nest stores, and finds the place.

    `store`: of which the address says whose an iteration is. `rest`: what only the owner may do.
    """

    ahead: tuple[Instr, ...]
    store: Instr
    rest: tuple[Instr, ...]


def scatter(
    leaf: Sequence[Instr],
    accesses: Collection[Access],
    stored: Container[Value],
    shared: Container[Value],
) -> Scatter | None:
    """The leaf of a nest as a scatter, if it is one.

    `accesses`: its own. `stored`: buffers that the nest may change; `shared`: those that others
    overlap, or that are reached through views.
    """
    touching = [a for a in accesses if a.root in stored]
    stores = [a for a in touching if a.stores]
    if not stores or any(i.regions for i in leaf):
        return None
    if any(a.root in shared or a.index != stores[0].index for a in touching):
        return None
    changed = {a.instr for a in touching}
    rest = _after(leaf, changed)
    ahead = [i for i in leaf if i not in rest]
    found = {r for i in leaf for r in i.results}
    if not any(v in found for at in stores[0].index for v in leaves(at)):
        return None
    if any(v in r.results for v in stores[0].instr.operands[2:] for r in rest):
        return None
    return Scatter(tuple(ahead), stores[0].instr, tuple(i for i in leaf if i in rest))


def _after(leaf: Sequence[Instr], changed: Collection[Instr]) -> set[Instr]:
    """The accesses of what changes, and all that needs what they load."""
    found: set[Instr] = set()
    made: set[Value] = set()
    for instr in leaf:
        if instr in changed or any(v in made for v in uses(instr)):
            found.add(instr)
            made.update(instr.results)
    return found
