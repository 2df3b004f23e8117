"""Whether an instruction stays inside of the arrays it is given, whatever the data are.

What runs where the program would not have run it (before a loop without iterations, for an example
that takes the other side of a branch) has to.
"""

from __future__ import annotations

from tracejit.ir.core import Instr
from tracejit.ir.extent import ARITHMETIC, Dim, product, provably_ge
from tracejit.ir.traits import Trait


def stays_in_range(instr: Instr) -> bool:
    """Whether all reads and writes are in range by the types alone."""
    if instr.has(Trait.NOT_EMPTY):
        return all(provably_ge(d, 1) for d in instr.operands[0].shape)
    if not (instr.has(Trait.INDEXES) or instr.prim.updates):
        return True
    x = instr.operands[0]
    if instr.has(Trait.SAME_ELEMENTS):
        return product(x.shape) == product(instr.result.shape)
    return instr.has(Trait.WINDOW) and _window_in_range(instr)


def _window_in_range(instr: Instr) -> bool:
    x, arrays = instr.operands[0], 1 + instr.prim.updates
    window = instr.operands[1].shape if instr.prim.updates else instr.result.shape
    bounds: list[Dim | None] = [v.expr for v in instr.operands[arrays:]]
    axes = zip(bounds[: x.rank], bounds[x.rank :], window, x.shape, strict=True)
    return all(_inside(*axis) for axis in axes)


def _inside(start: Dim | None, step: Dim | None, n: Dim, extent: Dim) -> bool:
    if n == 0:
        return True
    if start is None or not isinstance(step, int):
        return False
    last = ARITHMETIC["add"](start, ARITHMETIC["mul"](step, ARITHMETIC["add"](n, -1)))
    low, high = (start, last) if step > 0 else (last, start)
    room = ARITHMETIC["sub"](ARITHMETIC["add"](extent, -1), high)
    return all(isinstance(d, int) and d >= 0 for d in (low, room))  # offsets may be negative
