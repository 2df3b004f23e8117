"""Whether the number that a name has when an iteration begins is another's when it ends.

Then it shows of which kind it is: a constant before the loop may not just take the kind that the
iterations give to its own name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tracejit.ir.core import Function, Instr, Value
from tracejit.ir.region_ops import RegionOp
from tracejit.trace.control.number_plans import is_any_number
from tracejit.trace.session.frames import Frame
from tracejit.trace.values.all import TaggedScalar, Tracer

#: What gives an operand on as it is, or as a number of another kind.
_GIVING = ("select", "convert", "copy")


def is_passed_on(x: Any, start: Sequence[Any], end: Sequence[Any], frame: Frame) -> bool:
    """Whether a number of the start of an iteration may be bound to another variable at its end."""
    if not isinstance(x, Tracer):
        return False
    values = list(_values(x))
    pairs = zip(start, end, strict=True)
    others = [now for before, now in pairs if before is not x and now is not before]
    made = _made_by(frame.builder.instrs)
    ends = [v for x in others for v in _values(x)]
    return any(_comes_from(v, value, made) for v in ends for value in values)


def _values(x: Any) -> Iterator[Value]:
    """The values of a number, or of those in a tuple or list."""
    if isinstance(x, tuple | list):
        for part in x:
            yield from _values(part)
    elif isinstance(x, TaggedScalar):
        for part in x.alternatives:
            yield from _values(part)
    elif isinstance(x, Tracer) and is_any_number(x):
        yield x.read()


def _made_by(instrs: Sequence[Instr]) -> dict[Value, tuple[Instr, int]]:
    return {r: (i, k) for i in instrs for k, r in enumerate(i.results)}


def _comes_from(value: Value, source: Value, made: Mapping[Value, tuple[Instr, int]]) -> bool:
    """Whether a value may be another one, unchanged but for its kind."""
    pending, seen = [value], {value}
    while pending:
        one = pending.pop()
        if one is source:
            return True
        new = [v for v in _givers(one, made) if v not in seen]
        pending += new
        seen.update(new)
    return False


def _givers(value: Value, made: Mapping[Value, tuple[Instr, int]]) -> Iterator[Value]:
    """Operands of the instruction that made a value which it may be."""
    if value not in made:
        return
    instr, k = made[value]
    if instr.name in _GIVING:
        yield from instr.operands
    elif instr.regions:
        op = RegionOp(instr)
        if op.is_loop:
            yield from op.inits[k : k + 1]
        for region in op.yielding:
            if not region.diverges:
                yield from _through(op, region, region.results[k])


def _through(op: RegionOp, region: Function, result: Value) -> Iterator[Value]:
    """Operands of a loop or branch that the result of a region may be."""
    inside = _made_by(region.instrs)
    yield from (v for param, v in op.bound(region) if _comes_from(result, param, inside))
