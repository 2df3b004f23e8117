"""Common subexpressions: a pure instruction that repeats an earlier one of its body is dropped.

A ``check`` that repeats an earlier one is dropped too: that one has raised already. Regions are
bodies of their own; a loop constant passed twice is passed once.
"""

from __future__ import annotations

from typing import Any

from tracejit.ir.core import Function, Instr, Value
from tracejit.ir.region_ops import RegionOp
from tracejit.ir.traits import Trait
from tracejit.passes.rebuild import Rebuild


def cse(function: Function) -> Function:
    """Merge equal pure instructions."""
    return _cse(function, {})


def _cse(function: Function, bound: dict[Value, Value]) -> Function:
    re = Rebuild(function, bound)
    seen: dict[Any, tuple[Value, ...]] = {}
    for instr in function.instrs:
        now = re.renamed(instr)
        if now.regions:
            regions = tuple(_cse(r, _merged(now, r)) for r in now.regions)
            re.emit(instr, re.with_regions(now, regions))
            continue
        key = _key(now)
        if key is None:
            re.emit(instr, now)
            continue
        found = seen.get(key)
        if found is None:
            seen[key] = now.results
            re.emit(instr, now)
            continue
        re.changed = True
        for old, by in zip(instr.results, found, strict=True):
            re.replace(old, by)
    return re.finish()


def _key(instr: Instr) -> Any:
    """Equal for instructions that compute the same; None for those that must stay."""
    if instr.has(Trait.GUARD):
        return ("check", instr.operands[0])
    pure = instr.prim.effect == "none" and not instr.has(Trait.DISTINCT)
    if pure or instr.has(Trait.SAME_ELEMENTS):
        return (instr.name, instr.operands, tuple(instr.attrs.items()))
    return None


def _merged(instr: Instr, region: Function) -> dict[Value, Value]:
    """Region parameters that are another name of an earlier loop constant."""
    found: dict[Value, Value] = {}
    bound: dict[Value, Value] = {}
    for p, v in RegionOp(instr).constants(region):
        if v in found:
            bound[p] = found[v]
        else:
            found[v] = p
    return bound
