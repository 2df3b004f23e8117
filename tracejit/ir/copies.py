"""Which kernels of a Program copy all of an array, and which of them a loop runs again and again.

``Program.copies`` says why the lowering copied; this looks at what is there, merged kernels too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

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
                for source, target in _copied(region, inner, {}):
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


def _copied(
    function: Function, names: Names, loops: Mapping[Value, Dim]
) -> Iterator[tuple[Value, Value]]:
    """Source and target of stores of what was loaded, where the loops visit all of the source."""
    loaded: dict[Value, Instr] = {}
    for instr in function.instrs:
        if instr.has(Trait.LOADS):
            loaded[instr.result] = instr
        elif instr.has(Trait.STORES) and instr.operands[1] in loaded:
            read = loaded[instr.operands[1]]
            source, target = (_name(names, i.operands[0]) for i in (read, instr))
            over = _variables(read.operands[1:], names) & loops.keys()
            everything = product(tuple(n for v, n in loops.items() if v in over))
            same = over == _variables(instr.operands[2:], names) & loops.keys()
            if over and same and everything == _elements(source):
                yield source, target
        counted = is_counted(instr)
        for region in instr.regions if counted or instr.has(Trait.BRANCH) else ():
            trip = {region.params[0]: _dim(instr.operands[0], names)} if counted else {}
            yield from _copied(region, _passed(instr, region, names), {**loops, **trip})


def _variables(index: Sequence[Value], names: Names) -> set[Value]:
    return {_name(names, v) for i in index for v in leaves(i.dim) if isinstance(v, Value)}


def _elements(buffer: Value) -> Dim:
    assert isinstance(buffer.type, BufferType)
    return product(buffer.type.shape)


def _dim(value: Value, names: Names) -> Dim:
    """The number of trips, in the names outside."""
    return subst(
        value.dim, {v: _name(names, v).dim for v in leaves(value.dim) if isinstance(v, Value)}
    )
