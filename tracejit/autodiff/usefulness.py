"""What the results of a function depend on: nothing else has a cotangent.

A loop carries also what nothing reads in the end. Its cotangents would be zeros; but what it holds
may have become infinite, and zero times that is nan.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tracejit.ir.core import Function, Instr, Value
from tracejit.ir.region_ops import RegionOp
from tracejit.ir.traits import Trait


def useful_values(function: Function, wanted: Iterable[Value]) -> set[Value]:
    """The values of a function, of its parameters too, that ``wanted`` ones are computed from."""
    found = set(wanted)
    for instr in reversed(function.instrs):
        if any(r in found for r in instr.results):
            found.update(_read(instr, found))
    return found


def useful_results(instr: Instr, wanted: set[Value]) -> list[bool]:
    """Which results of a loop or branch matter, in a later iteration too, where those matter that
    are ``wanted``."""
    flags = [r in wanted for r in instr.results]
    op = RegionOp(instr)
    if not op.is_loop or op.body.diverges:
        return flags
    params = op.carried_in(op.body)
    while True:
        ends = [r for r, f in zip(op.body.results, flags, strict=True) if f]
        found = useful_values(op.body, ends)
        grown = [f or p in found for f, p in zip(flags, params, strict=True)]
        if grown == flags:
            return flags
        flags = grown


def doubtful_values(function: Function, doubtful: Iterable[Value]) -> set[Value]:
    """Values of a function that may turn out not to be used: a choice comes after them, or what
    they go into is ``doubtful``."""
    found = set(doubtful)
    for instr in reversed(function.instrs):
        if _leaves_out(instr) or any(r in found for r in instr.results):
            found.update(instr.operands)
    return found


def _leaves_out(instr: Instr) -> bool:
    """Whether the run decides, by one bool, that all of an operand is not used."""
    if instr.has(Trait.CHOOSES) or instr.has(Trait.BRANCH):
        return instr.operands[0].rank == 0
    if not instr.has(Trait.LOOP):
        return False
    op = RegionOp(instr)
    return not op.known_trip or any(_leaves_out(i) for i in op.body.instrs)


def _read(instr: Instr, wanted: set[Value]) -> Sequence[Value]:
    op = RegionOp(instr) if instr.regions else None
    if op is None or not op.is_loop:
        return instr.operands
    flags = useful_results(instr, wanted)
    inits = [v for v, f in zip(op.inits, flags, strict=True) if f]
    return [*instr.operands[: op.first], *inits, *op.consts]
