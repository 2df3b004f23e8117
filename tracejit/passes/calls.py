"""Calls with derivative rules of their own, once no derivative is taken any more: in line."""

from __future__ import annotations

from tracejit.ir.core import Function
from tracejit.ir.traits import Trait
from tracejit.passes.rebuild import Rebuild, each_region


def inline_calls(function: Function) -> Function:
    """The function with the primal body in the place of each ``call``."""
    function = each_region(function, inline_calls)
    if not any(i.has(Trait.CALL) for i in function.instrs):
        return function
    re = Rebuild(function)
    for instr in function.instrs:
        if instr.has(Trait.CALL):
            now = re.renamed(instr)
            made = re.inline(now.regions[0], now.operands) or []
            for old, new in zip(instr.results, made, strict=True):
                re.replace(old, new)
        else:
            re.emit(instr)
    return re.finish()
