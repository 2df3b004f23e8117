"""The instructions of a kernel at every depth, and the outermost name of each value.

Regions are closed, so a value of an outer body has one name per level.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tracejit.ir.core import Function, Instr, Value
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
    """The outermost name of each value of a kernel."""

    def __init__(self, kernel: Function) -> None:
        self._outer: dict[Value, Value] = {}
        self._dims: dict[Value, Dim] = {}
        self._enter(kernel)

    def _enter(self, function: Function) -> None:
        for instr in function.instrs:
            if instr.has(Trait.VIEWS):
                self._outer[instr.result] = instr.operands[0]
            op = RegionOp(instr)
            for region in instr.regions:
                self._outer.update(zip(op.consts_in(region), op.consts, strict=True))
                self._enter(region)

    def value(self, value: Value) -> Value:
        """The outermost name."""
        while value in self._outer:
            value = self._outer[value]
        return value

    def dim(self, value: Value) -> Dim:
        """An index as a polynomial over outermost names."""
        root = self.value(value)
        if root not in self._dims:
            found = root.dim
            inner = [v for v in leaves(found) if isinstance(v, Value)]
            if inner != [root]:
                found = subst(found, {v: self.dim(v) for v in inner})
            self._dims[root] = found
        return self._dims[root]
