"""Where the pieces of a concatenation meet: a loop for each piece has nothing to ask.

One loop over all of it asks at each element which piece that is from.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tracejit.ir.core import Instr, Value
from tracejit.ir.extent import Dim
from tracejit.lower.fusion import Inlining, each_once

#: Of more pieces, the code would be longer than what it saves.
_MOST = 8
#: Of what is computed from a concatenation, each piece repeats the arithmetic.
_MOST_COMPUTED = 3


def pieces(
    inlining: Inlining, value: Value, dim: Callable[[Dim], Dim]
) -> tuple[int, list[Dim]] | None:
    """The axis, and where its pieces begin and end, of what is computed from concatenations that
    all meet there. The pieces lie one after another in memory: all axes before have one element."""

    def instr_of(v: Value) -> Instr | None:
        return inlining.defs.get(v) if v is value or v in inlining.inlined else None

    def below(v: Value) -> Sequence[Value]:
        instr = instr_of(v)
        if instr is None or not instr.prim.elementwise:
            return ()
        return [x for x in instr.operands if x.shape == value.shape]

    found: set[tuple[int, tuple[Dim, ...]]] = set()
    for v in each_once(value, below):
        instr = instr_of(v)
        if instr is not None and instr.name in _ENDS:
            found.add((instr.attrs["axis"], _ENDS[instr.name](instr, dim)))
    if len(found) != 1:
        return None
    axis, ends = found.pop()
    outermost = all(dim(n) == 1 for n in value.shape[:axis])
    most = _MOST if inlining.defs[value].name in _ENDS else _MOST_COMPUTED
    return (axis, [0, *ends]) if outermost and len(ends) <= most else None


def _ends(instr: Instr, dim: Callable[[Dim], Dim]) -> tuple[Dim, ...]:
    axis, ends = instr.attrs["axis"], []
    end: Dim = 0
    for x in instr.operands:
        end = end + dim(x.shape[axis])
        ends.append(end)
    return tuple(ends)


_ENDS = {"concatenate": _ends}
