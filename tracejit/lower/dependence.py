"""Which elements the loops of a kernel load and store, and which loops leave each other's alone.

What is known of a loop is kept per memory, so that asking whether another loop may join costs the
accesses of the other loop, however many have joined before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tracejit.ir.core import Function, Instr, Value


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
        if instr.name in ("load", "store"):
            index = instr.operands[2 if instr.name == "store" else 1 :]
            buffer = names.get(instr.operands[0], instr.operands[0])
            axes = frozenset(k for k, v in enumerate(index) if i is not None and v is i)
            yield buffer, Touched({buffer}, instr.name == "store", axes)
        if not instr.regions:
            continue
        for region, first, operands in _passed(instr):
            inner: dict[Value, Value] = {}
            counter: Value | None = None
            for param, operand in zip(region.params[first:], operands, strict=True):
                if operand is i:
                    counter = param
                inner[param] = names.get(operand, operand)
            yield from _walk(region, counter, inner)


def _passed(instr: Instr) -> Iterator[tuple[Function, int, Sequence[Value]]]:
    """Regions, with the parameters (from that position on) that are just operands passed in."""
    for region in instr.regions:
        if instr.name == "cond":
            yield region, 0, instr.operands[1:]
        elif instr.name in ("for_true", "sum_true"):
            first = 1 + (instr.attrs.get("carried", 0) if region is instr.regions[-1] else 0)
            skipped = len(instr.operands) - len(region.params)
            yield region, first, instr.operands[skipped + first :]
        else:
            first = instr.attrs.get("carried", 0) + (instr.name != "while")
            yield region, first, instr.operands[first:]
