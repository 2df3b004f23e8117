"""Which elements the loops of a kernel load and store, and which loops leave each other's alone.

What is known of a loop is kept per memory, so that asking whether another loop may join costs the
accesses of the other loop, however many have joined before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tracejit.ir.core import Function, Instr, Value, element_of
from tracejit.ir.region_ops import RegionOp
from tracejit.ir.traits import Trait
from tracejit.records import dataclass


@dataclass
class Touched:
    """One memory in a loop: its names outside, whether it is stored to, and the axes that every
    access indexes by the loop's variable itself."""

    buffers: set[Value]
    stored: bool
    axes: frozenset[int]

    def joined(self, other: Touched) -> Touched:
        """The same of both loops."""
        buffers = self.buffers | other.buffers
        return Touched(buffers, self.stored or other.stored, self.axes & other.axes)

    def apart(self) -> bool:
        """Whether no iteration touches what another writes."""
        return not self.stored or (len(self.buffers) == 1 and bool(self.axes))


#: What a loop touches, by memory.
Accesses = dict[Value, Touched]


def accesses(loop: Instr, roots: Mapping[Value, Value]) -> Accesses:
    """What a loop touches; ``roots``: the memory that each buffer is a view of."""
    body = loop.regions[0]
    names = dict(zip(body.params[1:], loop.operands[1:], strict=True))
    found: Accesses = {}
    for buffer, one in _walk(body, body.params[0], names):
        extend(found, {roots.get(buffer, buffer): one})
    return found


def extend(found: Accesses, more: Accesses) -> None:
    """Add what another loop touches."""
    for root, one in more.items():
        found[root] = found[root].joined(one) if root in found else one


def independent(first: Accesses, second: Accesses) -> bool:
    """Whether no iteration of one loop touches what another iteration of the other writes."""
    return all(first[root].joined(one).apart() for root, one in second.items() if root in first)


def _walk(
    function: Function, i: Value | None, names: Mapping[Value, Value]
) -> Iterator[tuple[Value, Touched]]:
    """Accesses of a body whose outer buffers are ``names`` and whose outer variable is ``i``."""
    for instr in function.instrs:
        stores = instr.has(Trait.STORES)
        if stores or instr.has(Trait.LOADS):
            outer, index = element_of(instr)
            buffer = names.get(outer, outer)
            axes = frozenset(k for k, v in enumerate(index) if i is not None and v is i)
            yield buffer, Touched({buffer}, stores, axes)
        op = RegionOp(instr)
        for region in instr.regions:
            inner: dict[Value, Value] = {}
            counter: Value | None = None
            for param, operand in zip(op.consts_in(region), op.consts, strict=True):
                if operand is i:
                    counter = param
                inner[param] = names.get(operand, operand)
            yield from _walk(region, counter, inner)
