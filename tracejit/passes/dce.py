"""Dead code: pure instructions without a use, and what control flow carries for nobody.

Effects stay, but for what an instruction that nobody needs tells of itself. A carried value goes
when nothing but its own next value needs it; a branch result when nobody reads it; an operand of a
region when the region does not use it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tracejit.ir.builder import Builder
from tracejit.ir.core import Function, Instr, Value, instr_effect, type_uses, uses
from tracejit.ir.region_ops import RegionOp
from tracejit.ir.traits import Trait
from tracejit.passes.rebuild import Rebuild

Slim = tuple[Instr, list[int]]


def dce(function: Function) -> Function:
    """Drop what no result and no effect needs."""
    return _sweep(function)[0]


def _sweep(function: Function) -> tuple[Function, set[Value]]:
    """The function without dead code, and the parameters that it still uses."""
    live: set[Value] = set(function.results)
    _close(live, function.results)
    kept: list[tuple[Instr, Slim | None]] = []
    told = {r: i for i in function.instrs if i.has(Trait.TELLS) for r in i.results[-2:]}
    for instr in reversed(function.instrs):
        teller = told.get(instr.operands[0]) if instr.has(Trait.GUARD) else None
        if teller is not None and not any(r in live for r in teller.results):
            continue
        if not instr.regions:
            if instr.prim.effect == "none" and not any(r in live for r in instr.results):
                continue
            live.update(instr.operands)
            live.update(uses(instr))
            kept.append((instr, None))
            continue
        _close(live, [r for r in instr.results if r in live])
        wanted = [k for k, r in enumerate(instr.results) if r in live]
        if not wanted and instr_effect(instr) == "none":
            continue
        slim = _RULES.get(instr.name, _keep)(instr, wanted)
        live.update(uses(slim[0]))
        kept.append((instr, slim))
    re = Rebuild(function)
    for instr, slimmed in reversed(kept):
        if slimmed is None or slimmed[0] is instr:
            re.emit(instr)
        else:
            _emit(re, instr, *slimmed)
    re.changed |= len(kept) != len(function.instrs)
    return re.finish(), live.intersection(function.params)


def _close(live: set[Value], values: Iterable[Value]) -> None:
    """Values that the types of live ones mention are live."""
    for v in values:
        live.update(type_uses(v.type))


def _emit(re: Rebuild, instr: Instr, slim: Instr, wanted: list[int]) -> None:
    now = re.renamed(slim)
    re.b.instrs.append(now)
    re.changed = True
    for k, result in zip(wanted, now.results, strict=True):
        re.replace(instr.results[k], result)


def _params_used(region: Function, used: set[Value]) -> set[Value]:
    for p in reversed(region.params):
        if p in used:
            used.update(type_uses(p.type))
    return used


def _keep(instr: Instr, wanted: list[int]) -> Slim:
    return instr, list(range(len(instr.results)))


def _made(
    instr: Instr, operands: list[Value], regions: list[Function], attrs: dict[str, object]
) -> Instr:
    return Builder().append(instr.prim, operands, attrs, tuple(regions), instr.loc)


def _select(region: Function, params: list[int], results: list[int]) -> Function:
    outs = () if region.diverges else tuple(region.results[k] for k in results)
    return Function(region.name, tuple(region.params[k] for k in params), region.instrs, outs)


def _loop(instr: Instr, wanted: list[int]) -> Slim:
    """Grow the set of carried values until no live one needs another."""
    op = RegionOp(instr)
    first, last, carried = op.first, op.last, op.count
    need = set(wanted)
    while True:
        swept, used = _loop_regions(instr, sorted(need), last)
        grown = need | {k for k in range(carried) if k in used}
        if grown == need:
            break
        need = grown
    keep = sorted(need)
    consts = [k for k in range(last, len(instr.operands)) if k - first in used]
    places = [*range(first), *(first + k for k in keep), *consts]
    same = len(places) == len(instr.operands)
    if same and all(a is b for a, b in zip(swept, instr.regions, strict=True)):
        return instr, keep
    regions = []
    for region, old in zip(swept, instr.regions, strict=True):
        params = tuple(old.params[k] for k in places)
        regions.append(Function(region.name, params, region.instrs, region.results))
    attrs = {**instr.attrs, "carried": len(keep)}
    return _made(instr, [instr.operands[k] for k in places], regions, attrs), keep


def _loop_regions(instr: Instr, need: list[int], last: int) -> tuple[list[Function], set[int]]:
    """Swept regions that yield only ``need``; operand positions (less the trip count) in use."""
    first = RegionOp(instr).first
    swept, positions = [], set()
    for region in instr.regions:
        yields = region is instr.regions[-1]
        count = len(region.results)
        results = need if yields else list(range(count))
        body = region
        if len(results) != count and not region.diverges:
            body = _select(region, list(range(len(region.params))), results)
        new, used = _sweep(body)
        used.update(region.params[first + k] for k in need)
        swept.append(new)
        used = _params_used(region, used)
        positions |= {k - first for k, p in enumerate(region.params) if p in used and k >= first}
    return swept, positions


def _cond(instr: Instr, wanted: list[int]) -> Slim:
    if all(r.diverges for r in instr.regions):
        wanted = list(range(len(instr.results)))
    count = len(instr.operands) - 1
    swept, positions = [], set()
    for region in instr.regions:
        body = region
        if len(wanted) != len(instr.results):
            body = _select(region, list(range(count)), wanted)
        new, used = _sweep(body)
        swept.append(new)
        used = _params_used(region, used)
        positions |= {k for k, p in enumerate(region.params) if p in used}
    places = sorted(positions)
    same = len(places) == count
    if same and all(a is b for a, b in zip(swept, instr.regions, strict=True)):
        return instr, wanted
    regions = [
        Function(new.name, tuple(old.params[k] for k in places), new.instrs, new.results)
        for new, old in zip(swept, instr.regions, strict=True)
    ]
    operands = [instr.operands[0], *(instr.operands[1 + k] for k in places)]
    return _made(instr, operands, regions, dict(instr.attrs)), wanted


_RULES: dict[str, Callable[[Instr, list[int]], Slim]] = {
    "for": _loop,
    "while": _loop,
    "cond": _cond,
}
