"""What a block keeps near of a row that it works on in stages.

Elements are kept in shared memory, single numbers in registers. So a row is read once. What the
stages alone need is never written to the memory of the device.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tracejit.codegen_ptx.device_text import DeviceText
from tracejit.codegen_ptx.emit import SpacePointer
from tracejit.dtypes import is_complex
from tracejit.ir.accesses import Access, Along
from tracejit.ir.core import Instr, Value
from tracejit.ir.extent import Dim, leaves
from tracejit.ir.region_ops import is_counted
from tracejit.ir.roots import walk
from tracejit.ir.traits import Trait
from tracejit.llvm_text.emit import Reg
from tracejit.lower.parallel import Kernel, Phase
from tracejit.lower.stages import Stage
from tracejit.records import dataclass

#: Bytes of shared memory for rows of known length, and for others. There the room is for the
#: longest row, and room that a block does not use keeps other blocks away all the same.
KNOWN_BYTES, UNKNOWN_BYTES = 40 << 10, 24 << 10


@dataclass(frozen=True)
class KeptRow:
    """A row in shared memory, element i in the slot that thread `i mod threads` alone uses.

    `axis`: along which it lies. `fills`: the load that brings the elements, where the first stage
    does not store them. `own`: whether nothing else reads the buffer.
    """

    axis: int
    fills: Instr | None
    own: bool


@dataclass(frozen=True)
class Keeping:
    """What of its buffers a block keeps.

    Rows have `length` elements, `most` at most; longer ones are left where they are. `numbers`: an
    element each, stored before it is read, and whether nothing else reads it.
    """

    rows: Mapping[Value, KeptRow]
    length: Dim
    most: int
    numbers: Mapping[Value, bool]

    def fits(self, f: DeviceText) -> Reg | None:
        """Whether the rows of a call do; None: they always do."""
        if isinstance(self.length, int):
            return None
        return f.e.icmp("le", f.dim(self.length), f.const(self.most))

    def begin(self, f: DeviceText, rows: bool = True) -> None:
        """From here on the buffers are kept, the rows only where they fit."""
        for buffer, own in self.numbers.items():
            f.near[f.pointer(buffer).text] = _Number(f, own)
        for buffer, row in self.rows.items() if rows else ():
            room = f.e.shared(buffer.dtype, self.most)
            f.near[f.pointer(buffer).text] = _Row(f, row, room)


class _Number:
    """A number in a register, of which the first thread stores a copy for others."""

    def __init__(self, f: DeviceText, own: bool) -> None:
        self.f, self.own = f, own
        self.value: Any = None

    def load(self, instr: Instr, load: Callable[[], Any]) -> Any:
        return self.value

    def store(self, instr: Instr, store: Callable[[], None]) -> None:
        self.value = self.f.scalar(instr.operands[1])
        if not self.own:
            store()


class _Row:
    """A row in shared memory."""

    def __init__(self, f: DeviceText, row: KeptRow, room: SpacePointer) -> None:
        self.f, self.row, self.room = f, row, room

    def _slot(self, buffer: Value, index: Sequence[Value]) -> SpacePointer:
        return self.f.e.element(self.room, self.f.scalar(index[self.row.axis]), buffer.dtype)

    def load(self, instr: Instr, load: Callable[[], Any]) -> Any:
        buffer, *index = instr.operands
        slot = self._slot(buffer, index)
        if instr is not self.row.fills:
            return self.f.e.load(slot, buffer.dtype)
        value = load()
        self.f.e.store(slot, value)
        return value

    def store(self, instr: Instr, store: Callable[[], None]) -> None:
        buffer, value, *index = instr.operands
        self.f.e.store(self._slot(buffer, index), self.f.scalar(value))
        if not self.row.own:
            store()


def keeping(kernel: Kernel, phase: Phase, own: frozenset[Value]) -> Keeping | None:
    """What a block keeps of a phase's rows; `own`: buffers that only this kernel touches."""
    if phase.stages is None:
        return None
    leaf = _Leaf(kernel, phase.stages.stages)
    found: dict[Value, list[Access]] = {}
    for stage in phase.stages.stages:
        for access in stage.accesses:
            found.setdefault(access.root, []).append(access)
    near = {b: a for b, a in found.items() if leaf.may_keep(b)}
    all_of = Counter(a.root for a in kernel.accesses(kernel.function.instrs))
    own = frozenset(b for b in own if len(found.get(b, ())) == all_of[b])
    numbers = {b: b in own for b, a in near.items() if leaf.is_number(a)}
    rows = {b: row for b, a in near.items() if (row := leaf.row(a, b in own)) is not None}
    length, chosen, most = _chosen(leaf, near, rows)
    if not chosen and not numbers:
        return None
    return Keeping({b: rows[b] for b in chosen}, length, most, numbers)


def _chosen(
    leaf: _Leaf, found: Mapping[Value, list[Access]], rows: Mapping[Value, KeptRow]
) -> tuple[Dim, list[Value], int]:
    """Rows of one length for which there is room, those first that save most."""

    def saved(buffer: Value) -> int:
        return len(found[buffer]) - (not rows[buffer].own)

    order = sorted((b for b in rows if saved(b) > 0), key=saved, reverse=True)
    if not order:
        return 0, [], 0
    length = leaf.length(found[order[0]][0])
    alike = [b for b in order if leaf.length(found[b][0]) == length]
    if not isinstance(length, int):
        if not leaf.kernel.known(length):
            return 0, [], 0
        return length, alike, UNKNOWN_BYTES // sum(b.dtype.itemsize for b in alike)
    chosen, room = [], KNOWN_BYTES
    for buffer in alike:
        room -= length * buffer.dtype.itemsize
        if room >= 0:
            chosen.append(buffer)
    return length, chosen, max(length, 1)


class _Leaf:
    """What the stages of a phase do to its buffers."""

    def __init__(self, kernel: Kernel, stages: Sequence[Stage]) -> None:
        self.kernel = kernel
        self.stage = {a: stage for stage in stages for a in stage.accesses}
        regions = [r for s in stages for i in walk([s.instr]) for r in i.regions]
        self.inner = {p for r in regions for p in r.params}
        self.inner |= {v for r in regions for i in r.instrs for v in i.results}

    def may_keep(self, buffer: Value) -> bool:
        kernel = self.kernel
        alone = buffer not in kernel.windows and buffer not in kernel.overlap
        return alone and buffer in kernel.function.params and not is_complex(buffer.dtype)

    def length(self, access: Access) -> Dim:
        """How many elements the loop or the reduction of an access has."""
        return self.kernel.roots.dim(self.stage[access].instr.operands[0])

    def _fixed(self, index: Sequence[Dim]) -> bool:
        return not any(self.inner & set(leaves(dim)) for dim in index)

    def is_number(self, touched: Sequence[Access]) -> bool:
        """Whether stages touch one element, which the first thread has stored before."""
        first = touched[0]
        alike = all(a.same(first) for a in touched) and self._fixed(first.index)
        stored = [a for a in touched if a.stores]
        return alike and first.stores and all(self.stage[a].instr is a.instr for a in stored)

    def row(self, touched: Sequence[Access], own: bool) -> KeptRow | None:
        """Whether stages touch one row, element by element, each time all of it."""
        first = touched[0]
        if not self._always(first):
            return None
        for axis in range(len(first.index)):
            rest = [(*a.index[:axis], *a.index[axis + 1 :]) for a in touched]
            alike = all(r == rest[0] for r in rest) and self._fixed(rest[0])
            along = all(self._along(a, axis) for a in touched)
            if alike and along and len({self.length(a) for a in touched}) == 1:
                return KeptRow(axis, None if first.stores else first.instr, own)
        return None

    def _along(self, access: Access, axis: int) -> bool:
        """Whether each iteration of the stage touches the element of its number."""
        variable = self.stage[access].variable
        return variable is not None and Along(axis, 1, 0) in access.along(variable)

    def _always(self, access: Access) -> bool:
        """Whether each iteration of the stage does it."""
        stage = self.stage[access]
        whole = stage.instr.has(Trait.SUMS) or is_counted(stage.instr)
        return whole and stage.variable is not None and access.around[-1:] == (stage.instr,)
