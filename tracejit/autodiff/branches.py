"""Reverse mode of ``cond``: both sides also yield what their reverse needs; the reverse branches on
the same predicate. A side that always raises has no reverse, so the other's is emitted in line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tracejit.autodiff import storage
from tracejit.autodiff.linearize import Linearizer, Reverse
from tracejit.autodiff.regions import Joint, Replay, emit_primal, joint, region_params
from tracejit.autodiff.residuals import Chooser, Residuals
from tracejit.autodiff.storage import Layout
from tracejit.autodiff.tangents import active_results, has_tangent
from tracejit.ir.builder import Builder, rename_type
from tracejit.ir.core import Function, Instr, Value, type_uses, uses
from tracejit.ir.ops.derivatives_linear import is_tape
from tracejit.ir.types import INDEX, TapeType, TensorType


@dataclass
class Side:
    """One region with its residuals; ``rows`` are its slots among the shared ones."""

    joint: Joint
    region: Function
    kept: Residuals
    plan: Layout
    rows: dict[int, Value]


def linearize_cond(lin: Linearizer, instr: Instr, mapping: dict[Value, Value]) -> None:
    """Emit the augmented branch and enter its reverse as a step."""
    args = [mapping.get(v, v) for v in instr.operands]
    active = [v in lin.tangents for v in args[1:]]
    alive = [r for r in instr.regions if not r.diverges]
    flags = [active_results(r, active) for r in alive]
    moving = [has_tangent(r) and any(f[k] for f in flags) for k, r in enumerate(instr.results)]
    if not any(moving):
        lin.b.clone(instr, mapping)
        return
    slots: list[TensorType] = []
    sides = [_side(r, args[1:], active, moving, slots) for r in instr.regions]
    taped = any(s.joint.uses_tape or s.plan.on_tape for s in sides if not s.joint.diverges)
    tape = [lin.thread_tape()] if taped else []
    regions = tuple(_forward_side(s, slots, sides, taped) for s in sides)
    new = lin.b.append("cond", [*args, *tape], dict(instr.attrs), regions, instr.loc)
    count = len(instr.results)
    results, rows = list(new.results[:count]), list(new.results[count : count + len(slots)])
    mapping.update(zip(instr.results, results, strict=True))
    if taped:
        lin.tape = new.results[-1]
    linear = [lin.tangent(a) for a in args[1:]]
    out = [lin.fresh(r) if m else None for r, m in zip(results, moving, strict=True)]
    lin.steps.append(CondStep(instr, args, sides, linear, out, results, rows, taped))


def _side(
    region: Function,
    args: Sequence[Value],
    active: list[bool],
    moving: list[bool],
    slots: list[TensorType],
) -> Side:
    j = joint(region, active, moving, active)
    if region.diverges:
        return Side(j, region, Residuals([]), Layout([], [], []), {})
    ends = [r for r, m in zip(j.results, moving, strict=True) if m]
    needed = [u for v in [*ends, *j.params] for u in type_uses(v.type)]
    kept = Chooser(j, [p for p in j.params if _is_index(p)], [], needed).choose()
    inside = [v for v in kept.kept if v not in j.params]
    plan = storage.layout(inside, j.params, tape_only=False)
    outer = dict(zip(j.params, args, strict=True))
    rows: dict[int, Value] = {}
    for v in plan.rows:
        type_ = rename_type(v.type, outer)
        assert isinstance(type_, TensorType)
        free = [k for k, t in enumerate(slots) if t == type_ and k not in rows]
        if not free:
            free = [len(slots)]
            slots.append(type_)
        rows[free[0]] = v
    return Side(j, region, kept, plan, rows)


def _is_index(value: Value) -> bool:
    return value.type == INDEX


def _row_type(slot: int, sides: Sequence[Side], params: Sequence[Value]) -> TensorType:
    """A slot's type over a region's own parameters (both sides have the same positions)."""
    owner = next(s for s in sides if slot in s.rows)
    type_ = rename_type(owner.rows[slot].type, dict(zip(owner.joint.params, params, strict=True)))
    assert isinstance(type_, TensorType)
    return type_


def _forward_side(
    side: Side, slots: Sequence[TensorType], sides: Sequence[Side], taped: bool
) -> Function:
    j = side.joint
    b = Builder(j.name)
    mapping = b.params_like(j.params)
    params = list(b.params)
    if taped:
        mapping[j.tape[0]] = b.param(TapeType())
    if side.region.diverges:
        b.inline(side.region, params)
        return b.build([])
    emit_primal(b, j, {}, [*j.results, *side.kept.kept], mapping)
    out = [mapping[r] for r in j.results]
    for k in range(len(slots)):
        if k in side.rows:
            out.append(mapping[side.rows[k]])
        else:
            type_ = _row_type(k, sides, params)
            out.append(b.op("empty", shape=type_.shape, dtype=type_.dtype))
    if taped:
        out.append(storage.push(b, mapping[j.tape[1]], side.plan, mapping))
    return b.build(out)


@dataclass
class CondStep:
    """The reverse branch as a step of the outer function's reverse."""

    instr: Instr
    args: list[Value]
    sides: list[Side]
    linear: list[Value | None]
    out: list[Value | None]
    results: list[Value]
    rows: list[Value]
    taped: bool

    def transpose(self, reverse: Reverse) -> None:
        if all(reverse.cotangent(t) is None for t in self.out) and not self.taped:
            return
        b = reverse.b
        alive = [s for s in self.sides if not s.joint.diverges]
        made = [self._reverse_side(s) for s in alive]
        positions = sorted({k for _, used in made for k in used})
        functions = tuple(_with_args(f, len(self.linear), positions) for f, _ in made)
        extents = [self.results[k] for k in self._extents()]
        cts = [reverse.sum(t).dense() for t in self.out if t is not None]
        summed = [t for t in self.linear if t is not None]
        sums = [reverse.sum(t).take() for t in summed if not is_tape(t)]
        tape = [reverse.tape] if self.taped and reverse.tape is not None else []
        consts = [self.args[1 + k] for k in positions]
        operands = [*extents, *cts, *sums, *tape, *self.rows, *consts]
        if len(functions) == 1:
            found = b.inline(functions[0], operands)
        else:
            new = b.append("cond", [self.args[0], *operands], {}, functions, self.instr.loc)
            found = new.results
        for t, total in zip(summed, found, strict=False):
            reverse.sum(t).add(total)
        if self.taped:
            reverse.tape = found[-1]

    def _extents(self) -> list[int]:
        """Results that are extents of other results."""
        mentioned = {u for r in self.results for u in type_uses(r.type)}
        return [k for k, r in enumerate(self.results) if r in mentioned]

    def _reverse_side(self, side: Side) -> tuple[Function, set[int]]:
        """The reverse of one side over all arguments, and which arguments it uses."""
        j = side.joint
        b = Builder(f"{j.name}_reverse")
        mapping = region_params(j.params)
        params = [mapping[p] for p in j.params]
        extents = self._extents()
        ends = {j.results[k]: b.param(self.results[k].type) for k in extents}
        for inner, outer in ends.items():
            if inner.expr is None:
                mapping.setdefault(inner, outer)
        outside = {**ends, **mapping}
        cts = [
            (ct, b.param(rename_type(r.type, outside)))
            for r, ct in zip(j.results, j.cts, strict=True)
            if ct is not None
        ]
        for s in j.sums:
            if s is not None:
                mapping[s] = b.param(rename_type(s.type, mapping))
        tape = b.param(TapeType()) if self.taped else None
        replay = Replay(b, j, mapping, {})
        for k in range(len(self.rows)):
            row = b.param(_row_type(k, self.sides, params))
            if k in side.rows:
                mapping[side.rows[k]] = row
        if tape is not None:
            mapping[j.tape[1]] = storage.pop(replay, tape, side.plan)
        for ct, param in cts:
            mapping[ct] = replay.typed(param, ct)
        replay.run()
        results = [replay.get(g) for g in j.grads if g is not None]
        results += [mapping[j.tape[2]]] if self.taped else []
        used = {u for i in b.instrs for u in uses(i)} | set(results)
        used |= {u for p in b.params for u in type_uses(p.type)}
        used |= {u for p in params if p in used for u in type_uses(p.type)}
        b.params += params
        return b.build(results), {k for k, p in enumerate(params) if p in used}


def _with_args(function: Function, count: int, positions: Sequence[int]) -> Function:
    """Keep only these of the ``count`` arguments at the end of the parameters."""
    split = len(function.params) - count
    params = (*function.params[:split], *(function.params[split + k] for k in positions))
    return Function(function.name, params, function.instrs, function.results)
