"""Some results of a function stabilised, the others as they are. What has effects happens once.

Derivatives are taken of stabilised results, which are the same real function; the value stays bit
for bit what NumPy computes.
"""

from __future__ import annotations

from dataclasses import replace

from tracejit.ir.builder import Builder
from tracejit.ir.core import Function, Instr, Value, instr_effect, uses
from tracejit.passes.pipeline import DEFAULT
from tracejit.passes.runner import run
from tracejit.passes.stabilize import Some, stabilize

#: Every rule has one of them in its pattern.
_MARKS = frozenset(["log", "log1p", "exp"])


def twice(function: Function, some: Some) -> Function:
    """``function`` with its results once more, stabilised; itself where no rule applies."""
    if function.diverges or not _has_marks(function):
        return function
    plain = run(function, DEFAULT)
    both = replace(plain, results=(*plain.results, *plain.results))
    found = stabilized_after(both, len(plain.results), some)
    return function if found is both else found


def stabilized_after(function: Function, keep: int, some: Some) -> Function:
    """``function`` with results from number ``keep`` on stabilised, the others bit for bit as they
    are; itself where no rule applies."""
    stable = stabilize(function, some=some)
    if stable is function or function.diverges:
        return function
    b = Builder(function.name)
    b.params = list(function.params)
    b.instrs = list(function.instrs)
    there = {id(i) for i in function.instrs}
    effects = iter([i for i in function.instrs if instr_effect(i) == "ordered"])
    mapping: dict[Value, Value] = {}
    for instr in stable.instrs:
        if instr_effect(instr) == "ordered":
            mapping.update(zip(instr.results, next(effects).results, strict=True))
        elif id(instr) not in there or any(v in mapping for v in uses(instr)):
            b.clone(instr, mapping)
    results = [mapping.get(r, r) for r in stable.results]
    if any(a.type != b.type for a, b in zip(function.results, results, strict=True)):
        return function
    return b.build([*function.results[:keep], *results[keep:]])


def _has_marks(function: Function) -> bool:
    def marked(instr: Instr) -> bool:
        return instr.name in _MARKS or any(map(_has_marks, instr.regions))

    return any(map(marked, function.instrs))
