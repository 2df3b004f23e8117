"""What a value surely is where constants alone make it (``np.argsort([2, 0, 1])``), for code that
needs to know it now: an axis, a length.
"""

from __future__ import annotations

from typing import Any

from tracejit.ir import extent as ex
from tracejit.ir.core import Function, Instr, Value
from tracejit.ir.interpret.interpreter import values_of
from tracejit.trace.session.session import Session

#: So many instructions and elements are looked at.
_STEPS, _ELEMENTS = 256, 4096


def settled(session: Session, value: Value) -> Any | None:
    """The array that a value is, else None."""
    made_by = {r: i for frame in session.frames for i in frame.builder.instrs for r in i.results}
    steps = _steps(value, made_by)
    if steps is None:
        return None
    instrs = tuple(sorted(steps, key=list(dict.fromkeys(made_by.values())).index))
    return values_of(Function("settled", (), instrs, ()), ()).get(value)


def _steps(value: Value, made_by: dict[Value, Instr]) -> set[Instr] | None:
    """The instructions that make a value of constants; None where something else does."""
    found: set[Instr] = set()
    pending = [value]
    while pending:
        instr = made_by.get(pending.pop())
        if instr is None or instr.regions or instr.prim.effect != "none":
            return None
        if instr in found:
            continue
        found.add(instr)
        if len(found) > _STEPS or any(not _is_small(v) for v in instr.results):
            return None
        pending += instr.operands
        for attr in instr.attrs.values():
            for dim in attr if isinstance(attr, tuple) else (attr,):
                pending += [leaf for leaf in ex.leaves(dim) if isinstance(leaf, Value)]
    return found


def _is_small(value: Value) -> bool:
    size = ex.product(getattr(value.type, "shape", ()))
    return isinstance(size, int) and size <= _ELEMENTS
