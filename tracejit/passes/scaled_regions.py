"""Loops and branches that add up exponentials: they yield the coefficient and exponent as well.

The loop is made once more with two carried values beside each one that is scaled; what nothing
reads of either loop is dropped by ``dce``. Loops with effects in order stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping

from tracejit.ir.builder import Builder
from tracejit.ir.core import Function, Instr, Value, instr_effect
from tracejit.ir.region_ops import RegionOp
from tracejit.ir.traits import Trait
from tracejit.passes.scaled import NEVER, RULES, Scaled, scaled
from tracejit.passes.stable import Stable


def of_region(re: Stable, instr: Instr, value: Value, depth: int) -> Scaled | None:
    """The result ``value`` of a loop or a branch, scaled."""
    if instr_effect(instr) == "ordered" or any(r.diverges for r in instr.regions):
        return None
    k = instr.results.index(value)
    if instr.has(Trait.BRANCH):
        return _branch(re, instr, k, depth)
    return _loop(re, instr, k, depth) if instr.has(Trait.LOOP) else None


def _beside(re: Stable, values: tuple[Value, ...], depth: int) -> dict[int, Scaled]:
    """What is scaled among operands, by position, with a coefficient."""
    out = {}
    for k, v in enumerate(values):
        found = scaled(re, v, depth)
        if found is not None:
            out[k] = _filled(re, found)
    return out


def _filled(re: Stable, found: Scaled) -> Scaled:
    if found.coefficient is not None:
        return found
    return Scaled(found.exponent, re.full(1, found.exponent), found.flat)


def _pair(found: Scaled) -> list[Value]:
    assert found.coefficient is not None
    return [found.exponent, found.coefficient]


def _open(
    region: Function, outer: Stable, groups: list[list[int]], flat: Mapping[int, bool] = {}
) -> tuple[Stable, list[Value]]:
    """A copy of ``region`` under construction; after each group of parameters come the scaled
    pairs of those that ``groups`` names, ``flat`` or not. Its results are given too."""
    b = Builder(region.name)
    made = b.params_like(region.params)
    params = [made[p] for p in region.params]
    inner = Stable(Function(region.name, (), (), ()), outer.some, outer.rules)
    inner.b = b
    order: list[Value] = []
    start = 0
    for group in groups:
        stop = group[0]
        order += params[start:stop]
        for k in group[1:]:
            e, c = Value(params[k].type), Value(params[k].type)
            inner.scales[params[k]] = Scaled(e, c, flat.get(k, False))
            order += [e, c]
        start = stop
    b.params[:] = order
    return inner, list(b.inline(region, params))


def _loop(re: Stable, instr: Instr, k: int, depth: int) -> Scaled | None:
    op = RegionOp(instr)
    first, last, carried, body, value = op.first, op.last, op.count, op.body, instr.results[k]
    consts = _beside(re, instr.operands[last:], depth)
    start = scaled(re, instr.operands[first + k], depth)
    at_end = [len(body.params), *(last + c for c in consts)]
    if start is None:  # an exponential has to be in an iteration, not only in what it carries
        trial, results = _open(body, re, [at_end])
        if scaled(trial, results[k], depth) is None:
            return None
    flat = {last + c: pair.flat for c, pair in consts.items()}
    sums = start is None or start.flat
    inner, results = _open(body, re, [[last, first + k], at_end], {**flat, first + k: sums})
    found = scaled(inner, results[k], depth)
    if found is not None and sums and not found.flat:  # a product: its exponents add up
        sums = False
        inner, results = _open(body, re, [[last, first + k], at_end], flat)
        found = scaled(inner, results[k], depth)
    if found is None or results[k] in inner.b.params:
        return None
    regions = [inner.b.build([*results, *_pair(_filled(inner, found))])]
    if op.test is not None:
        after = [len(op.test.params), *(carried + c for c in consts)]
        test, answer = _open(op.test, re, [[carried, k], after])
        regions.insert(0, test.b.build(answer))
    operands = [
        *instr.operands[:last],
        *_pair(_start(re, instr.operands[first + k], start)),
        *instr.operands[last:],
        *(v for c in consts.values() for v in _pair(c)),
    ]
    attrs = {**instr.attrs, "carried": carried + 2}
    new = re.b.append(instr.name, operands, attrs, tuple(regions), instr.loc)
    fits = new.results[carried].type == value.type
    e, c = new.results[carried : carried + 2]
    return Scaled(e, c, sums) if fits else None


def _start(re: Stable, init: Value, found: Scaled | None) -> Scaled:
    if found is not None:
        return _filled(re, found)
    zero = re.literal(init) == 0
    return Scaled(re.full(NEVER if zero else 0, init), init, True)


def _branch(re: Stable, instr: Instr, k: int, depth: int) -> Scaled | None:
    args = RegionOp(instr).given
    beside = _beside(re, args, depth)
    flat = {c: found.flat for c, found in beside.items()}
    regions, any_found, sums = [], False, True
    for region in instr.regions:
        inner, results = _open(region, re, [[len(args), *beside]], flat)
        found = scaled(inner, results[k], depth)
        any_found |= found is not None
        sums &= found is None or found.flat
        if found is None:
            found = _start(inner, results[k], None)
        regions.append(inner.b.build([*results, *_pair(_filled(inner, found))]))
    if not any_found:
        return None
    extra = [v for c in beside.values() for v in _pair(c)]
    new = re.b.append("cond", [*instr.operands, *extra], {}, tuple(regions), instr.loc)
    count = len(instr.results)
    e, c = new.results[count : count + 2]
    return Scaled(e, c, sums)


RULES["region"] = of_region
