"""A function of one example as a function of a batch: what differs gets a first axis.

Rows are batched by their kind (``batching_rules.py``); what has no rule is done for one example
after another, as is the whole function where examples differ in size or have ordered effects.
"""

from __future__ import annotations

from collections.abc import Sequence

from tracejit.autodiff import storage
from tracejit.autodiff.region_rules import rules_of
from tracejit.autodiff.sides import Taken, passing, side_by_side
from tracejit.autodiff.spread import (
    NeedsLoop,
    call_flags,
    length_differs,
    results_of,
    spread,
    spread_branch,
    spread_loop,
)
from tracejit.errors import UnsupportedError
from tracejit.ir.builder import Builder, rename_attr, rename_type
from tracejit.ir.core import Function, Instr, Value, type_uses
from tracejit.ir.extent import Dim
from tracejit.ir.region_ops import RegionOp
from tracejit.ir.regions import outer_values
from tracejit.ir.traits import Trait
from tracejit.ir.types import INDEX, TensorType, Type


def batched(
    b: Builder, function: Function, args: Sequence[Value], flags: Sequence[bool], size: Dim
) -> tuple[list[Value], list[bool]]:
    """Emit ``function`` for each of ``size`` examples; its results, and which differ.

    ``args``: those flagged have one more axis, the first, of that extent. It means what a loop
    over the examples means. Raises UnsupportedError where results would differ in size.
    """
    batcher = Batcher(b, size)
    whole = {v for v, f in zip(args, flags, strict=True) if not f}
    # A batch may also be read as it is: of each value it is known whether it has the first axis.
    args = [
        b.op("reshape", v, shape=v.shape) if f and v in whole else v
        for v, f in zip(args, flags, strict=True)
    ]
    batcher.differ.update(v for v, f in zip(args, flags, strict=True) if f)
    try:
        found = spread(function, flags)
    except NeedsLoop:
        return batcher.looped(function, args), [True] * len(function.results)
    results = batcher.run(function, args)
    return [batcher.full(r) if f else r for r, f in zip(results, found, strict=True)], found


class Batcher:
    """Emits a function for all examples into ``b``; ``differ`` holds values with a first axis.

    ``taken``: the examples that take the side of a branch under way; None where all do.
    """

    def __init__(self, b: Builder, size: Dim) -> None:
        self.b = b
        self.size = size
        self.differ: set[Value] = set()
        self.taken: Taken | None = None

    def run(self, function: Function, args: Sequence[Value]) -> list[Value]:
        """The results, those that differ with a first axis."""
        mapping = dict(zip(function.params, args, strict=True))
        for instr in function.instrs:
            outer, self.b.loc = self.b.loc, instr.loc
            now = mapping if self.taken is None else self._spared(instr, mapping, self.taken)
            operands = [now.get(v, v) for v in instr.operands]
            passes = passing(instr)
            shared = not any(v in self.differ for v in operands)
            if shared and (self.taken is None or passes is not None or not instr.has(Trait.BRANCH)):
                results: Sequence[Value] = self.b.clone(instr, dict(now)).results
            elif passes is not None:
                results = self._guard(instr, operands, passes)
            else:
                results = self._instr(instr, operands, now)
            self.b.loc = outer
            mapping.update(zip(instr.results, results, strict=True))
        return [] if function.diverges else [mapping[r] for r in function.results]

    def _spared(
        self, instr: Instr, mapping: dict[Value, Value], taken: Taken
    ) -> dict[Value, Value]:
        """The mapping by which it does nothing for examples that do not take this side."""
        before = [mapping.get(v, v) for v in instr.operands]
        pairs = zip(instr.operands, before, taken.operands(instr, before), strict=True)
        return {**mapping, **{v: now for v, old, now in pairs if now is not old}}

    def full(self, value: Value) -> Value:
        """The value with the first axis, repeated if it had none."""
        if value in self.differ:
            return value
        return self.made(self.b.broadcast(value, (self.size, *value.shape)))

    def made(self, value: Value) -> Value:
        """Note that a value has the first axis."""
        self.differ.add(value)
        return value

    def _instr(
        self, instr: Instr, operands: list[Value], mapping: dict[Value, Value]
    ) -> Sequence[Value]:
        from tracejit.autodiff.batching_rules import RULES

        flags = [v in self.differ for v in operands]
        rules = rules_of(instr)
        if rules is not None:
            done = rules.batch(self, instr, operands, flags)
            return self.one_by_one(instr, mapping) if done is None else done
        rule = RULES.get(instr.name) or RULES.get(instr.prim.kind)
        attrs = {k: rename_attr(v, mapping) for k, v in instr.attrs.items()}
        found = None if rule is None else rule(self, instr, operands, attrs)
        if found is None:
            return self.one_by_one(instr, mapping)
        differ = results_of(instr, flags)
        return [self.made(v) if d else v for v, d in zip(found, differ, strict=True)]

    def _guard(self, instr: Instr, operands: list[Value], passes: bool) -> Sequence[Value]:
        """What is shown of a failure may tell examples apart: then they are gone through, if there
        is one."""
        b, (given, *rest) = self.b, operands
        together = "reduce_and" if passes else "reduce_or"
        given = b.op(together, self.full(given), axes=(0,))
        if not any(v in self.differ for v in rest):
            return b.append(instr.prim, [given, *rest], instr.attrs, instr.regions, b.loc).results
        needed = [*dict.fromkeys([*operands, *self.size_leaves()])]
        needed += [u for v in needed for u in type_uses(v.type) if u not in needed]
        passed, failed = Builder("passed"), Builder("failed")
        passed.params_like(needed)
        made = failed.params_like(needed)
        inner = Batcher(failed, rename_attr(self.size, made))
        inner.differ.update(made[v] for v in operands if v in self.differ)
        mapping = {old: made[v] for old, v in zip(instr.operands, operands, strict=True)}
        inner.one_by_one(instr, mapping)
        sides = [passed.build([]), failed.build([])]
        return b.append(
            "cond", [given, *needed], {}, tuple(sides if passes else sides[::-1]), b.loc
        ).results

    # -- one example after another -------------------------------------------------------------

    def one_by_one(self, instr: Instr, mapping: dict[Value, Value]) -> list[Value]:
        params = tuple(outer_values([instr]))
        single = Function("example", params, (instr,), instr.results)
        return self.looped(single, [mapping.get(p, p) for p in params])

    def looped(self, function: Function, args: Sequence[Value]) -> list[Value]:
        """A loop over the examples that runs ``function`` on each."""
        b, mapping = self.b, dict(zip(function.params, args, strict=True))
        stores = [self._store(r, function, mapping) for r in function.results]
        w = Builder(f"{function.name}_examples")
        i = Value(INDEX)
        extents = [u for v in [*args, *stores] for u in type_uses(v.type)]
        operands = list(dict.fromkeys([*args, *extents, *self.size_leaves()]))
        made = Builder().params_like([*operands, *stores])
        w.params = [i, *(made[v] for v in [*stores, *operands])]
        given = [storage.get_row(w, made[v], i) if v in self.differ else made[v] for v in args]
        results = list(w.inline(function, given))
        ends = [storage.put_row(w, made[s], r, i) for s, r in zip(stores, results, strict=False)]
        body = w.build([] if function.diverges else ends)
        trips = b.index(self.size)
        new = b.append("for", [trips, *stores, *operands], {"carried": len(stores)}, (body,), b.loc)
        return [self.made(r) for r in new.results]

    def _store(self, result: Value, function: Function, mapping: dict[Value, Value]) -> Value:
        for u in type_uses(result.type):
            if u not in mapping or mapping[u] in self.differ:
                raise UnsupportedError(
                    "vmap: the size of a result differs between examples, so they are not one "
                    "array; return masks or padded arrays, or loop over the examples"
                )
        shape = rename_attr(result.shape, mapping)
        return self.b.op("empty", shape=(self.size, *shape), dtype=result.dtype)  # type: ignore[no-any-return]

    # -- control flow --------------------------------------------------------------------------

    def _region(self, region: Function, flags: Sequence[bool]) -> tuple[Batcher, list[Value]]:
        """A batcher for a region, after whose parameters comes the size; the parameters."""
        inner = Builder(region.name)
        extents = {v: Value(INDEX) for v in self.size_leaves()}
        batcher = Batcher(inner, rename_attr(self.size, extents))
        made: dict[Value, Value] = {}
        steady = [p for p, f in zip(region.params, flags, strict=True) if p.type == INDEX and not f]
        made.update((p, Value(INDEX)) for p in steady)
        for p, f in zip(region.params, flags, strict=True):
            if p not in made:
                made[p] = Value(batcher.type_of(rename_type(p.type, made), differs=f))
            if f:
                batcher.made(made[p])
        params = [made[p] for p in region.params]
        inner.params = [*params, *extents.values()]
        return batcher, params

    def type_of(self, type_: Type, *, differs: bool) -> Type:
        """A type, with the first axis if it differs."""
        if not differs:
            return type_
        assert isinstance(type_, TensorType), "tapes are looped over"
        return TensorType(type_.dtype, (self.size, *type_.shape))

    def _built(self, region: Function, flags: Sequence[bool], wanted: Sequence[bool]) -> Function:
        batcher, params = self._region(region, flags)
        results = batcher.run(region, params)
        if region.diverges:
            return batcher.b.build([])
        ends = [batcher.full(r) if w else r for r, w in zip(results, wanted, strict=True)]
        return batcher.b.build(ends)

    def size_leaves(self) -> list[Value]:
        """Values that the number of examples is arithmetic of."""
        return list(type_uses(TensorType(INDEX.dtype, (self.size,))))

    def loop(self, instr: Instr, operands: list[Value], flags: list[bool]) -> list[Value] | None:
        """One loop for all examples, where they leave it together."""
        if length_differs(instr, flags):
            return None
        op, moving = RegionOp(instr), spread_loop(instr, flags)
        lead, _, consts = op.split(flags)
        now = [*lead, *moving, *consts]
        regions = [self._built(op.body, now, moving)]
        if op.test is not None:
            regions.insert(0, self._built(op.test, now, [False]))
        given = [self.full(v) if f else v for v, f in zip(operands, now, strict=True)]
        given += self.size_leaves()
        new = self.b.append(instr.prim, given, dict(instr.attrs), tuple(regions), instr.loc)
        return self._noted(new, moving)

    def branch(self, instr: Instr, operands: list[Value], flags: list[bool]) -> list[Value] | None:
        """One branch where all examples take the same side; else both sides and a choice.

        Work that a branch spares some of the examples is done for all."""
        lead, _, given = RegionOp(instr).split(flags)
        if any(lead) and instr.attrs.get("idle"):
            found = self.run(instr.regions[0], operands[1:])
            moving = spread_branch(instr, flags)
            return [self.full(r) if m else r for r, m in zip(found, moving, strict=True)]
        if any(lead) or self.taken is not None:
            return self._both_sides(instr, operands) if side_by_side(instr) else None
        moving = spread_branch(instr, flags)
        regions = tuple(self._built(r, given, moving) for r in instr.regions)
        operands = [*operands, *self.size_leaves()]
        new = self.b.append(instr.prim, operands, dict(instr.attrs), regions, instr.loc)
        return self._noted(new, moving)

    def call(self, instr: Instr, operands: list[Value], flags: list[bool]) -> list[Value]:
        """The call of a batch: its rules are those of one example, batched."""
        every = call_flags(instr, flags)
        regions = tuple(
            self._built(region, given, [True] * len(region.results))
            for region, given in zip(instr.regions, every, strict=True)
        )
        given = [self.full(v) if f else v for v, f in zip(operands, every[0], strict=True)]
        given += self.size_leaves()
        new = self.b.append(instr.prim, given, dict(instr.attrs), regions, instr.loc)
        return self._noted(new, [True] * len(new.results))

    def _noted(self, instr: Instr, moving: Sequence[bool]) -> list[Value]:
        self.differ.update(r for r, m in zip(instr.results, moving, strict=True) if m)
        return list(instr.results)

    def _both_sides(self, instr: Instr, operands: list[Value]) -> list[Value]:
        """Both sides for all examples, then a choice for each."""
        pred, *args = operands
        b, outer, sides = self.b, self.taken, []
        for region, takes in zip(instr.regions, (pred, b.op("invert", pred)), strict=True):
            flags = takes if pred in self.differ else b.broadcast(takes, (self.size,), ())
            if outer is not None:
                flags = b.op("bitwise_and", outer.flags, flags)
            self.taken = Taken(b, flags, self.differ)
            if pred in self.differ:
                self.differ.add(takes)
            sides.append(self.run(region, args))
        self.taken = outer
        found = []
        for then, other in zip(*sides, strict=True):
            differ = pred in self.differ or then in self.differ or other in self.differ
            if differ:
                then, other = self.full(then), self.full(other)
            axes = (0,) if pred in self.differ else ()
            made = b.op("select", b.broadcast(pred, then.shape, axes), then, other)
            found.append(self.made(made) if differ else made)
        return found
