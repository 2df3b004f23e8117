"""Forward mode: the primal and its tangents side by side, through loops and branches."""

from __future__ import annotations

from collections.abc import Sequence

from tracejit.autodiff import masking
from tracejit.autodiff.region_rules import rules_of
from tracejit.autodiff.tangents import (
    active_carried,
    expansion,
    has_tangent,
    makes_tape,
    push_forward,
    zero,
)
from tracejit.ir.builder import Builder
from tracejit.ir.core import Function, Instr, Value
from tracejit.ir.ops.derivatives_linear import is_tape
from tracejit.ir.region_ops import RegionOp
from tracejit.ir.traits import Trait


class Forward:
    """Emits a function and its tangents into ``b``; ``tangents`` holds the nonzero ones."""

    def __init__(self, b: Builder) -> None:
        self.b = b
        self.tangents: dict[Value, Value] = {}
        self.masks: dict[Value, Value] = {}
        self.finite: set[Value] = set()

    def dense(self, primal: Value) -> Value:
        """The tangent of a primal value, zeros when it has none."""
        t = self.tangents.get(primal)
        return zero(self.b, primal) if t is None else t

    def run(self, function: Function, args: Sequence[Value]) -> list[Value]:
        """The primal results (none if the function always raises)."""
        mapping = dict(zip(function.params, args, strict=True))
        for instr in function.instrs:
            operands = [mapping.get(v, v) for v in instr.operands]
            rules = rules_of(instr)
            if makes_tape(instr):
                tape = self.b.clone(instr, mapping).result
                self.tangents[tape] = zero(self.b, tape)
            elif all(v not in self.tangents for v in operands):
                self._note(self.b.clone(instr, mapping))
            elif rules is not None:
                rules.forward(self, instr, operands, mapping)
            else:
                self._rule(instr, mapping)
        return [] if function.diverges else [mapping[r] for r in function.results]

    def _rule(self, instr: Instr, mapping: dict[Value, Value]) -> None:
        expanded = expansion(instr, mapping)
        if expanded is not None:
            mapping.update(zip(instr.results, self.run(*expanded), strict=True))
            return
        new = self.b.clone(instr, mapping)
        outer, self.b.loc = self.b.loc, instr.loc
        tangents = [self.tangents.get(v) for v in new.operands]
        mark = len(self.b.instrs)
        found = push_forward(self.b, new, new.operands, tangents, new.results)
        self._mask(mark, {t for t in tangents if t is not None})
        self.b.loc = outer
        self._enter(new.results, found)

    def _mask(self, mark: int, linear: set[Value]) -> None:
        """Keep masked tangents zero in what a rule emitted, and note the masks of its results."""
        b = self.b
        emitted, moving = b.instrs[mark:], []
        del b.instrs[mark:]
        for step in emitted:
            if any(v in linear for v in step.operands):
                linear.update(step.results)
                moving.append(step)
            else:
                b.instrs.append(step)
                self._note(step)
        for step in moving:
            mask = self._mask_of(step, [v in linear for v in step.operands])
            if mask is None:
                b.instrs.append(step)
                continue
            self.masks[step.result] = mask
            k = next(k for k, v in enumerate(step.operands) if v in linear)
            if masking.guards(step, k, self.finite):
                self._guard(step, mask)
            else:
                b.instrs.append(step)

    def _mask_of(self, step: Instr, active: list[bool]) -> Value | None:
        if len(step.results) > 1 or is_tape(step.result):
            return None
        pairs = zip(step.operands, active, strict=True)
        masks = [self.masks.get(v) if a else None for v, a in pairs]
        if step.has(Trait.CHOOSES) and not active[0]:
            return masking.of_choice(self.b, step, masks, active)
        return masking.of_result(self.b, step, masks) if sum(active) == 1 else None

    def _guard(self, step: Instr, mask: Value) -> None:
        """``step`` under another name, and the choice that takes its result's place."""
        b, free = self.b, Value(step.result.type)
        b.instrs.append(Instr(step.prim, step.operands, step.attrs, (), (free,), step.loc))
        b.op("select", mask, free, b.zeros_like(free))
        made = b.instrs.pop()
        b.instrs.append(Instr(made.prim, made.operands, made.attrs, (), step.results, made.loc))

    def _note(self, instr: Instr) -> None:
        if masking.stays_finite(instr, self.finite):
            self.finite.add(instr.result)

    def _enter(self, primals: Sequence[Value], tangents: Sequence[Value | None]) -> None:
        for primal, t in zip(primals, tangents, strict=True):
            if t is not None and has_tangent(primal):
                self.tangents[primal] = t

    def loop(self, instr: Instr, operands: list[Value], mapping: dict[Value, Value]) -> None:
        """Operands become (trip), carried, their tangents, constants, their tangents."""
        op = RegionOp(instr)
        moving = active_carried(instr, [v in self.tangents for v in operands])
        lead, inits, consts = op.split(operands)
        fixed = [v in self.tangents for v in consts]
        regions = [self._body(op, moving, fixed)]
        if op.test is not None:
            regions.insert(0, self._test(op, op.test, moving, fixed))
        args = [
            *lead,
            *inits,
            *(self.dense(v) for v, m in zip(inits, moving, strict=True) if m),
            *consts,
            *(self.tangents[v] for v, f in zip(consts, fixed, strict=True) if f),
        ]
        count, carried = op.count, op.count + sum(moving)
        new = self.b.append(instr.prim, args, {"carried": carried}, tuple(regions), instr.loc)
        mapping.update(zip(instr.results, new.results[:count], strict=True))
        active = [r for r, m in zip(new.results[:count], moving, strict=True) if m]
        self._enter(active, new.results[count:])

    def _bind(
        self, b: Builder, region: Function, op: RegionOp, moving: list[bool], fixed: list[bool]
    ) -> tuple[list[Value], Forward]:
        """Parameters of a loop region with tangents inserted after each group."""
        inner = Forward(b)
        made = b.params_like(region.params)
        params = [made[p] for p in region.params]
        carried = [made[p] for p in op.carried_in(region)]
        consts = [made[p] for p in op.consts_in(region)]
        groups: list[Value] = params[: op.own]
        for values, flags in ((carried, moving), (consts, fixed)):
            tangents = [Value(v.type) for v, f in zip(values, flags, strict=True) if f]
            inner._enter([v for v, f in zip(values, flags, strict=True) if f], tangents)
            groups += [*values, *tangents]
        b.params[:] = groups
        return params, inner

    def _body(self, op: RegionOp, moving: list[bool], fixed: list[bool]) -> Function:
        region = op.body
        b = Builder(region.name)
        params, inner = self._bind(b, region, op, moving, fixed)
        results = inner.run(region, params)
        if region.diverges:
            return b.build([])
        out = [inner.dense(r) for r, m in zip(results, moving, strict=True) if m]
        return b.build([*results, *out])

    def _test(
        self, op: RegionOp, region: Function, moving: list[bool], fixed: list[bool]
    ) -> Function:
        b = Builder(region.name)
        params, _ = self._bind(b, region, op, moving, fixed)
        return b.build(b.inline(region, params))

    def branch(self, instr: Instr, operands: list[Value], mapping: dict[Value, Value]) -> None:
        """Operands become the predicate, what is given, their tangents."""
        _, _, args = RegionOp(instr).split(operands)
        active = [v in self.tangents for v in args]
        sides = []
        for region in instr.regions:
            b = Builder(region.name, instr.loc)
            made = b.params_like(region.params)
            params = [made[p] for p in region.params]
            inner = Forward(b)
            for p, a in zip(params, active, strict=True):
                if a:
                    inner.tangents[p] = b.param(p.type)
            sides.append((b, inner, inner.run(region, params), region.diverges))
        joined = [
            any(s[2][k] in s[1].tangents for s in sides if not s[3])
            for k in range(len(instr.results))
        ]
        regions = []
        for b, inner, results, diverges in sides:
            out = [] if diverges else [inner.dense(r) for r, j in zip(results, joined) if j]
            regions.append(b.build([*results, *out]))
        tangents = [self.tangents[v] for v in args if v in self.tangents]
        attrs = dict(instr.attrs)
        if all(s[3] for s in sides):
            joined = [False] * len(instr.results)
        new = self.b.append(instr.prim, [*operands, *tangents], attrs, tuple(regions), instr.loc)
        count = len(instr.results)
        mapping.update(zip(instr.results, new.results[:count], strict=True))
        self._enter([r for r, j in zip(new.results, joined) if j], new.results[count:])
