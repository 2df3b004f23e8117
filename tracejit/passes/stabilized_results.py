"""Some results of a function stabilised, the others as they are. What has effects happens once.

Derivatives are taken of stabilised results, which are the same real function; the value stays bit
for bit what NumPy computes.
"""

from __future__ import annotations

from dataclasses import replace

from tracejit.ir.builder import Builder
from tracejit.ir.core import Function, Instr, Value, instr_effect, uses
from tracejit.ir.types import TapeType
from tracejit.passes.dce import dce
from tracejit.passes.pipeline import DEFAULT
from tracejit.passes.runner import run
from tracejit.passes.stabilize import EXACT, stabilize
from tracejit.passes.stable import Some

#: Every rule has one of them in its pattern.
_NAMES = """
    exp exp2 expm1 log log2 log10 log1p sqrt pow sinh cosh tanh
    sin cos tan arcsin arctan arcsinh arctanh
"""
_MARKS = frozenset(_NAMES.split())


def twice(function: Function, some: Some) -> Function:
    """``function`` with its results once more, stabilised; once where the rules that apply keep
    every bit, itself where none applies."""
    if function.diverges or not _has_marks(function):
        return function
    plain = run(function, DEFAULT)
    exact = stabilize(plain, some=some, rules=EXACT)
    both = replace(exact, results=(*exact.results, *exact.results))
    found = stabilized_after(both, len(plain.results), some)
    if found is not both:
        return found
    return function if exact is plain else exact


def stabilized_after(function: Function, keep: int, some: Some) -> Function:
    """``function`` with results from number ``keep`` on stabilised, the others bit for bit as they
    are; itself where no rule applies."""
    stable = stabilize(function, some=some)
    if stable is function or function.diverges:
        return function
    stable = dce(stable)  # what a loop carries for nobody would have a derivative
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
    both = dce(b.build([*function.results[:keep], *results[keep:]]))
    return both if _tapes_are_read_once(both) else function


def _tapes_are_read_once(function: Function) -> bool:
    """Whether no tape goes to an instruction and to the stabilised form of it."""
    used = [v for i in function.instrs for v in i.operands if isinstance(v.type, TapeType)]
    return len(used) == len(set(used))


def _has_marks(function: Function) -> bool:
    def marked(instr: Instr) -> bool:
        return instr.name in _MARKS or any(map(_has_marks, instr.regions))

    return any(map(marked, function.instrs))
