"""Loop-invariant code: what a loop body computes from loop constants alone is computed before it.

Only what is safe when the loop does not run, or raises first, moves: total operations whose reads
are in range by static shape. Tensors that fusion would compute inside the loop for free stay;
costly ones move when the loop provably runs at least twice.
"""

from __future__ import annotations

import math

from tracejit.ir.builder import rename_type
from tracejit.ir.core import ELEMENTARY_COST, Function, Instr, Value, uses
from tracejit.ir.in_range import stays_in_range
from tracejit.ir.region_ops import RegionOp
from tracejit.ir.traits import Trait
from tracejit.ir.types import INDEX, TensorType
from tracejit.passes.rebuild import Rebuild

#: Tensors of at most this many elements count as scalars.
SMALL = 16


def hoist(function: Function) -> Function:
    """Move invariant instructions out of loops, innermost first."""
    re = Rebuild(function)
    for instr in function.instrs:
        now = re.renamed(instr)
        if now.regions:
            now = re.with_regions(now, tuple(hoist(r) for r in now.regions))
            if now.has(Trait.LOOP):
                now = _loop(re, now)
        re.emit(instr, now)
    return re.finish()


def _loop(re: Rebuild, loop: Instr) -> Instr:
    """Emit what leaves the loop's body; the loop that is left."""
    op = RegionOp(loop)
    body = op.body
    outside = dict(op.constants(body))
    surely = (op.known_trip or 0) >= 2
    moved: list[Instr] = []
    for instr in body.instrs:
        free = instr.has(Trait.LITERAL)
        if not free and not (_may_move(instr, surely) and all(v in outside for v in uses(instr))):
            continue
        if free:
            outside[instr.result] = re.b.const(instr.attrs["value"].array)
        else:
            re.b.clone(instr, outside)
            moved.append(instr)
    return _without(loop, moved, outside) if moved else loop


def _without(loop: Instr, moved: list[Instr], outside: dict[Value, Value]) -> Instr:
    """The loop with the results of ``moved`` as further loop constants."""
    body = loop.regions[-1]
    gone = set(moved)
    left = [i for i in body.instrs if i not in gone]
    used = {v for i in left for v in uses(i)} | set(body.results)
    passed = [r for i in moved for r in i.results if r in used]
    renamed: dict[Value, Value] = {}
    for r in passed:
        renamed[r] = Value(rename_type(r.type, renamed), r.hint)
    grown = Rebuild(Function(body.name, body.params, tuple(left), body.results), renamed)
    for instr in left:
        grown.emit(instr)
    inner = grown.finish()
    new = tuple(renamed.values())
    regions = [
        *(
            Function(r.name, (*r.params, *_fresh(new, body, r)), r.instrs, r.results)
            for r in loop.regions[:-1]
        ),
        Function(inner.name, (*body.params, *new), inner.instrs, inner.results),
    ]
    operands = (*loop.operands, *(outside[r] for r in passed))
    made = Rebuild(Function("loop", (), (), ())).b
    return made.append(loop.prim, operands, loop.attrs, tuple(regions), loop.loc)


def _fresh(params: tuple[Value, ...], body: Function, test: Function) -> list[Value]:
    """Parameters like ``params`` of the body for the other region of the loop."""
    mapping = dict(zip(body.params, test.params, strict=True))
    for p in params:
        mapping[p] = Value(rename_type(p.type, mapping), p.hint)
    return [mapping[p] for p in params]


def _may_move(instr: Instr, surely: bool) -> bool:
    moves = instr.prim.computes or instr.prim.external
    if instr.prim.effect != "none" or not moves or instr.prim.updates or instr.has(Trait.KEPT):
        return False
    if not stays_in_range(instr):
        return False
    if instr.has(Trait.INDEXES) and None in (_size(instr.operands[0]), _size(instr.result)):
        return False
    for r in instr.results:
        # An integer that types may mention by its normal form would lose it as a parameter.
        if r.type == INDEX and r.expr is not None:
            return False
    if not instr.prim.computes:
        return True
    sizes = [_size(r) for r in instr.results]
    if all(s is not None and s <= SMALL for s in sizes):
        return True
    if not surely:
        return False
    return instr.prim.loops or instr.prim.cost >= ELEMENTARY_COST


def _size(value: Value) -> int | None:
    assert isinstance(value.type, TensorType)
    dims = [d for d in value.type.shape if isinstance(d, int)]
    return math.prod(dims) if len(dims) == value.type.rank else None
