"""The instructions of a kernel at every depth, and the outermost name of each value.

Regions are closed, so a value of an outer body has one name per level.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tracejit.ir.core import Instr, Value
from tracejit.ir.extent import Dim, leaves, subst
from tracejit.ir.region_ops import RegionOp
from tracejit.ir.traits import Trait


def walk(instrs: Sequence[Instr]) -> Iterator[Instr]:
    """Instructions at every depth."""
    for instr in instrs:
        yield instr
        for region in instr.regions:
            yield from walk(region.instrs)


class Roots:
    """The outermost name of each value of some instructions."""

    def __init__(self, instrs: Sequence[Instr]) -> None:
        self._outer: dict[Value, Value] = {}
        self._views: dict[Value, Value] = {}
        self._dims: dict[Value, Dim] = {}
        for instr in walk(instrs):
            if instr.has(Trait.VIEWS):
                self._views[instr.result] = instr.operands[0]
            for region in instr.regions:
                op = RegionOp(instr)
                self._outer.update(zip(op.consts_in(region), op.consts, strict=True))

    def buffer(self, value: Value) -> Value:
        """The outermost name; a view is a buffer of its own."""
        while value in self._outer:
            value = self._outer[value]
        return value

    def value(self, value: Value) -> Value:
        """The outermost name, of a view what it is of."""
        value = self.buffer(value)
        while value in self._views:
            value = self.buffer(self._views[value])
        return value

    def dim(self, value: Value) -> Dim:
        """An index as a polynomial over outermost names."""
        root = self.value(value)
        if root not in self._dims:
            inner = [v for v in leaves(root.dim) if isinstance(v, Value)]
            self._dims[root] = root.dim if inner == [root] else self.over_outer(root.dim)
        return self._dims[root]

    def over_outer(self, dim: Dim) -> Dim:
        """An extent as a polynomial over outermost names."""
        return subst(dim, {v: self.dim(v) for v in leaves(dim) if isinstance(v, Value)})
