"""Constants: instructions on literals are computed, branches and loops that are decided are cut.

Values come from the rows' NumPy references, so folding cannot differ from the specification.
Only results of at most ``LIMIT`` elements become literals; a repeated scalar stays one broadcast.
"""

from __future__ import annotations

from typing import Any

from tracejit.ir.core import Constant, Function, Instr, Value, attr_dims, instr_effect, is_splat
from tracejit.ir.extent import product
from tracejit.ir.region_ops import RegionOp
from tracejit.ir.traits import Trait
from tracejit.passes.rebuild import Rebuild

#: The largest literal that folding makes.
LIMIT = 16


def fold(function: Function) -> Function:
    """Evaluate what is known; inline decided branches and loops of no or one trip."""
    return _fold(function, {})


def _fold(function: Function, bound: dict[Value, Constant]) -> Function:
    re = Rebuild(function, bound)
    for instr in function.instrs:
        if re.ended:
            re.changed = True
            break
        now = re.renamed(instr)
        if now.regions:
            _control(re, instr, now)
        elif now.has(Trait.GUARD) and _is(re, now.operands[0], True):
            re.changed = True
        elif not (_evaluated(re, instr, now) or _splat(re, instr, now)):
            re.emit(instr, now)
    return re.finish()


def _is(re: Rebuild, value: Value, want: bool) -> bool:
    array = re.constant(value)
    return array is not None and array.ndim == 0 and bool(array) is want


def _evaluated(re: Rebuild, old: Instr, now: Instr) -> bool:
    prim = now.prim
    if not prim.computes or prim.eval is None or now.has(Trait.KEPT) or not now.operands:
        return False
    arrays = [re.constant(v) for v in now.operands]
    if any(a is None or a.size == 0 for a in arrays) or any(attr_dims(now.attrs)):
        return False
    for r in now.results:
        size = product(r.shape)
        if not isinstance(size, int) or size > LIMIT:
            return False
        # A scalar repeated is one broadcast, which every pass sees through.
        if is_splat(now):
            return False
    try:
        got = prim.eval(*arrays, **now.attrs)
    except (AssertionError, IndexError):
        return False  # never run: the check before it fails
    for r, array in zip(old.results, got if len(now.results) != 1 else (got,), strict=True):
        re.replace(r, re.b.const(array, r.dtype))
    return True


def _splat(re: Rebuild, old: Instr, now: Instr) -> bool:
    """An elementwise instruction on repeated literals: the scalar, repeated."""
    if not now.prim.elementwise or now.prim.eval is None or len(now.results) != 1:
        return False
    if now.result.rank == 0:
        return False
    literals = [re.literal(v) for v in now.operands]
    if any(x is None for x in literals):
        return False
    got = now.prim.eval(*literals, **now.attrs)
    re.replace(old.result, re.b.full(got, now.result.tensor))
    return True


def _control(re: Rebuild, old: Instr, now: Instr) -> None:
    op = RegionOp(now)
    if op.is_branch and re.constant(now.operands[0]) is not None:
        side = now.regions[0 if _is(re, now.operands[0], True) else 1]
        _splice(re, old, side, op.given)
        return
    trip = op.known_trip
    if trip is not None and trip <= 1:
        if trip <= 0:
            _alias(re, old, op.inits)
        else:
            _splice(re, old, op.body, [re.b.const(0, "i64"), *op.given])
        return
    regions = tuple(_fold(r, _known(re, now, r)) for r in now.regions)
    if op.test is not None and _never(regions[0]):
        _alias(re, old, op.inits)
        return
    re.emit(old, re.with_regions(now, regions))


def _never(test: Function) -> bool:
    """Whether a loop's test is false at once, without effects."""
    if test.diverges or any(instr_effect(i) != "none" for i in test.instrs):
        return False
    made = [i for i in test.instrs if test.results[0] in i.results]
    return bool(made) and made[0].has(Trait.LITERAL) and not made[0].attrs["value"].array


def _splice(re: Rebuild, old: Instr, region: Function, args: Any) -> None:
    results = re.inline(fold(region), args)
    if results is not None:
        _alias(re, old, results)


def _alias(re: Rebuild, old: Instr, values: Any) -> None:
    for r, v in zip(old.results, values, strict=True):
        re.replace(r, v)


def _known(re: Rebuild, instr: Instr, region: Function) -> dict[Value, Constant]:
    """Region parameters that are literals in every iteration."""
    found = {}
    for p, v in RegionOp(instr).constants(region):
        array = re.constant(v)
        if array is not None and array.size <= LIMIT:
            found[p] = Constant(array)
    return found
