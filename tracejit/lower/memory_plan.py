"""Where the temporary memory of a host body lies: one block for many arrays, by when they live.

Arrays that a body makes and frees, of sizes that are known where the first of them is made, share a
block. An array takes a slot of it, which the next one may have when it is free. Slots with sizes of
the run are for arrays of one size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from typing import TypeAlias

from tracejit.ir.core import Function, Instr, Value, type_uses
from tracejit.ir.extent import Dim, product
from tracejit.ir.traits import Trait
from tracejit.ir.types import BufferType
from tracejit.records import dataclass

#: Slots begin at multiples of this.
ALIGNMENT = 256
#: What has a place: an array, or an instruction that needs room while it runs.
Tenant: TypeAlias = Value | Instr


@dataclass(frozen=True)
class Block:
    """Memory that is asked for where `first` is done, and given back after `last`.

    `slots`: bytes, or the type of an array that fits. `places`: the slot of each tenant.
    """

    first: Instr
    last: Instr
    slots: tuple[int | BufferType, ...]
    places: Mapping[Tenant, int]


def memory_plan(function: Function, room: Callable[[Instr], int]) -> Iterator[Block]:
    """The blocks of a host function, of all of its bodies. ``room``: how many bytes an instruction
    needs while it runs."""
    yield from _blocks(function, room)
    for instr in function.instrs:
        if not instr.has(Trait.LAUNCHES):
            for region in instr.regions:
                yield from memory_plan(region, room)


@dataclass(frozen=True)
class _Stay:
    """A tenant, from an instruction to another one, both by number."""

    tenant: Tenant
    size: int | BufferType
    first: int
    last: int


def _blocks(function: Function, room: Callable[[Instr], int]) -> Iterator[Block]:
    left = _stays(function, room)
    instrs = function.instrs
    while left:
        known = {*function.params, *(r for i in instrs[: left[0].first] for r in i.results)}
        some = [s for s in left if _is_known(s, known)]
        left = [s for s in left if s not in some]
        if len(some) > 1:
            slots = _Slots()
            places = {s.tenant: slots.take(s) for s in some}
            last = max(s.last for s in some)
            sizes = tuple(slots.sizes)
            yield Block(instrs[some[0].first], instrs[last], sizes, places)


def _stays(function: Function, room: Callable[[Instr], int]) -> list[_Stay]:
    freed = {i.operands[0]: k for k, i in enumerate(function.instrs) if i.has(Trait.FREES)}
    found = []
    for k, instr in enumerate(function.instrs):
        if instr.has(Trait.ALLOCATES) and instr.result in freed:
            type_ = instr.result.type
            assert isinstance(type_, BufferType)
            size = _bytes(type_)
            held = size if isinstance(size, int) else type_
            found.append(_Stay(instr.result, held, k, freed[instr.result]))
        elif needed := room(instr):
            found.append(_Stay(instr, needed, k, k))
    return found


def _bytes(type_: BufferType) -> Dim:
    return product(type_.shape) * type_.dtype.itemsize


def _is_known(stay: _Stay, known: set[Value]) -> bool:
    return isinstance(stay.size, int) or known.issuperset(type_uses(stay.size))


@dataclass
class _Slots:
    """The slots of a block: their sizes, and from which instruction on each is free."""

    sizes: list[int | BufferType] = field(default_factory=list)
    free: list[int] = field(default_factory=list)

    def take(self, stay: _Stay) -> int:
        """A slot for a tenant; tenants come in the order in which they move in."""
        fitting = [
            k for k, until in enumerate(self.free) if until <= stay.first and self._fits(k, stay)
        ]
        if fitting:
            slot = min(fitting, key=lambda k: self._waste(k, stay))
            size = self.sizes[slot]
            if isinstance(size, int) and isinstance(stay.size, int):
                self.sizes[slot] = max(size, stay.size)
        else:
            slot = len(self.sizes)
            self.sizes.append(stay.size)
            self.free.append(0)
        self.free[slot] = stay.last + 1
        return slot

    def _fits(self, slot: int, stay: _Stay) -> bool:
        a, b = self.sizes[slot], stay.size
        if isinstance(a, int) or isinstance(b, int):
            return isinstance(a, int) and isinstance(b, int)
        return _bytes(a) == _bytes(b)

    def _waste(self, slot: int, stay: _Stay) -> int:
        a, b = self.sizes[slot], stay.size
        return abs(a - b) if isinstance(a, int) and isinstance(b, int) else 0
