"""Which kernels of a Program copy all of an array, and which of them a loop runs again and again.

``Program.copies`` says why the lowering copied; this looks at what is there, merged kernels too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tracejit.ir.accesses import Access, accesses
from tracejit.ir.core import Function, Instr, Value
from tracejit.ir.extent import Dim, leaves, product, subst
from tracejit.ir.program import Program
from tracejit.ir.region_ops import RegionOp, is_counted
from tracejit.ir.traits import Trait
from tracejit.ir.types import BufferType
from tracejit.records import dataclass


@dataclass(frozen=True)
class WholeCopy:
    """A store that, with the loops of its kernel, copies every element of ``source``.

    ``loops``: how many host loops are around the kernel.
    """

    source: Value
    target: Value
    loops: int


def copies_in_loops(program: Program) -> list[WholeCopy]:
    """Copies of whole arrays that run in every iteration of a host loop, in program order."""
    return [c for c in whole_copies(program) if c.loops]


def whole_copies(program: Program) -> Iterator[WholeCopy]:
    """Every copy of a whole array. A window, a row or an element of one is not its whole."""
    return _host(program.host, {}, 0)


#: What the values of a body are called outside it, views by the name of the memory they are of.
Names = Mapping[Value, Value]


def _host(function: Function, around: Names, loops: int) -> Iterator[WholeCopy]:
    names = dict(around)
    for instr in function.instrs:
        if instr.has(Trait.VIEWS):
            names[instr.result] = _name(names, instr.operands[0])
        for region in instr.regions:
            inner = _passed(instr, region, names)
            if instr.has(Trait.LAUNCHES):
                for source, target in _copied(region, inner):
                    yield WholeCopy(source, target, loops)
            else:
                yield from _host(region, inner, loops + instr.has(Trait.LOOP))


def _passed(instr: Instr, region: Function, names: Names) -> Names:
    """The names in a region: some of its parameters are operands, the same in each trip."""
    op = RegionOp(instr)
    pairs = zip(op.consts_in(region), op.consts, strict=True)
    return {**names, **{p: _name(names, v) for p, v in pairs}}


def _name(names: Names, value: Value) -> Value:
    return names.get(value, value)


def _copied(kernel: Function, names: Names) -> Iterator[tuple[Value, Value]]:
    """Source and target of stores of what was loaded, where the loops visit all of the source."""
    found = accesses(kernel.instrs).values()
    loaded = {a.instr.result: a for a in found if not a.stores}
    for target in found:
        source = loaded.get(target.instr.operands[1]) if target.stores else None
        if source is None or not all(is_counted(i) or i.has(Trait.BRANCH) for i in target.around):
            continue
        trips = {i.regions[0].params[0]: i.operands[0] for i in target.around if is_counted(i)}
        over = _variables(source) & trips.keys()
        everything = product(tuple(_dim(target.roots.dim(trips[v]), names) for v in over))
        buffer = _name(names, source.root)
        if over and over == _variables(target) & trips.keys() and everything == _elements(buffer):
            yield buffer, _name(names, target.root)


def _variables(access: Access) -> set[Value]:
    return {v for dim in access.index for v in leaves(dim) if isinstance(v, Value)}


def _elements(buffer: Value) -> Dim:
    assert isinstance(buffer.type, BufferType)
    return product(buffer.type.shape)


def _dim(trip: Dim, names: Names) -> Dim:
    """A number of trips, in the names outside."""
    inner = [v for v in leaves(trip) if isinstance(v, Value)]
    return subst(trip, {v: _name(names, v).dim for v in inner})
