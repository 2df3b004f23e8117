"""Reverse mode of ``cond``: both sides also yield what their reverse needs; the reverse branches on
the same predicate. A side that always raises has no reverse, so the other's is emitted in line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tracejit.autodiff import storage
from tracejit.autodiff.cut import size
from tracejit.autodiff.linearize import Linearizer, Reverse
from tracejit.autodiff.masking import Mask, flag_of, of_branch
from tracejit.autodiff.regions import (
    Joint,
    NotRestoredError,
    Replay,
    emit_primal,
    joint,
    region_params,
)
from tracejit.autodiff.residuals import Chooser, Residuals
from tracejit.autodiff.settled import Settled
from tracejit.autodiff.storage import Layout
from tracejit.autodiff.tangents import active_results, has_tangent
from tracejit.autodiff.undoing import updated_operand
from tracejit.ir.builder import Builder, rename_type
from tracejit.ir.core import Function, Instr, Value, is_reshape, type_uses, uses
from tracejit.ir.ops.derivatives_linear import is_tape
from tracejit.ir.region_ops import RegionOp
from tracejit.ir.types import BOOL, INDEX, TapeType, TensorType
from tracejit.records import dataclass


@dataclass
class Side:
    """One region with its residuals; ``rows`` are its slots among the shared ones.

    ``undone``: results that the reverse undoes, and the parameters they are updated versions of.
    """

    joint: Joint
    region: Function
    kept: Residuals
    plan: Layout
    rows: dict[int, Value]
    undone: dict[int, int]


def linearize_branch(lin: Linearizer, instr: Instr, mapping: dict[Value, Value]) -> None:
    """Emit the augmented branch and enter its reverse as a step."""
    operands = [mapping.get(v, v) for v in instr.operands]
    lead, _, args = RegionOp(instr).split(operands)
    active = [v in lin.tangents for v in args]
    alive = [r for r in instr.regions if not r.diverges]
    flags = [active_results(r, active) for r in alive]
    moving = [
        r in lin.useful and has_tangent(r) and any(f[k] for f in flags)
        for k, r in enumerate(instr.results)
    ]
    if not any(moving):
        lin.b.clone(instr, mapping)
        return
    undone = _undone(instr, [k for k, r in enumerate(instr.results) if r in lin.undone])
    free = [_is_index(a) or a in lin.free for a in args]
    guarded = [lin.tangents.get(a) in lin.guarded for a in args]
    doubtful = [r in lin.doubtful for r in instr.results]
    masks = guarded, doubtful
    sides, slots = _sides(instr, args, active, moving, free, undone, lin.settled, masks)
    lin.taped += max(
        sum(map(size, [*s.plan.arrays, *s.plan.indices])) + s.joint.taped for s in sides
    )
    taped = _taped(sides)
    tape = [lin.thread_tape()] if taped else []
    regions = tuple(_forward_side(s, slots, sides, taped) for s in sides)
    new = lin.b.append(instr.prim, [*operands, *tape], {}, regions, instr.loc)
    count = len(instr.results)
    results, rows = list(new.results[:count]), list(new.results[count : count + len(slots)])
    mapping.update(zip(instr.results, results, strict=True))
    if taped:
        lin.tape = new.results[-1]
    linear = [lin.tangent(a) for a in args]
    out = [lin.fresh(r) if m else None for r, m in zip(results, moving, strict=True)]
    lin.steps.append(BranchStep(instr, lead, args, sides, linear, out, results, rows, taped))


def _undone(instr: Instr, wanted: Sequence[int]) -> dict[int, int]:
    """Which of the wanted results are updated versions of a parameter of the sides, and of which.

    A parameter of which two results are versions is left out.
    """
    found: dict[int, int] = {}
    given = RegionOp(instr).given
    for k in wanted:
        earlier = updated_operand(instr, instr.results[k])
        at = given.index(earlier) if earlier in given else -1
        if at >= 0 and at not in found.values():
            found[k] = at
    return found


def _renewed(instr: Instr, result: Value) -> Value | None:
    """The operand that a result is an updated version of, under whatever shape."""
    op = RegionOp(instr)
    if not op.is_branch:
        return instr.operands[0] if is_reshape(instr) else updated_operand(instr, result)
    found = set[int | None]()
    for side in op.yielding:
        if not side.diverges:
            defs = {r: i for i in side.instrs for r in i.results}
            here: Value | None = side.results[instr.results.index(result)]
            while here in defs:
                here = _renewed(defs[here], here)
            found.add(side.params.index(here) if here in side.params else None)
    at = found.pop() if len(found) == 1 else None
    return None if at is None else op.given[at]


def _sides(
    instr: Instr,
    args: Sequence[Value],
    active: list[bool],
    moving: list[bool],
    free: list[bool],
    undone: dict[int, int],
    settled: Settled | None,
    masks: tuple[list[bool], list[bool]],
) -> tuple[list[Side], list[TensorType]]:
    """Both sides with their residuals, and the types of the slots that these share.

    The cotangent of an array that is only updated starts from that of its last version; any other
    is a running sum. What cannot be undone on one side, or is asked for too early, is kept.
    """
    updated = {_renewed(instr, r) for r in instr.results}
    summed = [a and v not in updated for a, v in zip(active, RegionOp(instr).given, strict=True)]
    joints = [
        joint(r, active, moving, summed, undone, free, (), settled, *masks) for r in instr.regions
    ]
    alive = [j for j in joints if not j.diverges]
    undone = {k: at for k, at in undone.items() if all(_ends_at(j, k, at) for j in alive)}
    choosers = [None if j.diverges else _chooser(j, moving, free, undone) for j in joints]
    while True:
        slots: list[TensorType] = []
        sides = [
            _side(j, region, chooser, args, undone, slots)
            for j, region, chooser in zip(joints, instr.regions, choosers, strict=True)
        ]
        if not undone:
            return sides, slots
        rows = [Value(t) for t in slots]
        results, taped = list(instr.results), _taped(sides)
        trial = BranchStep(instr, [], list(args), sides, [], [], results, rows, taped)
        for side, chooser in zip(sides, choosers, strict=True):
            try:
                if chooser is not None:
                    trial.reverse_side(side)
            except NotRestoredError as problem:
                assert chooser is not None
                chooser.learn(problem)
                left = [c.can_undo() for c in choosers if c is not None]
                undone = {k: at for k, at in undone.items() if all(k in ks for ks in left)}
                break
        else:
            return sides, slots


def _taped(sides: Sequence[Side]) -> bool:
    return any(s.joint.uses_tape or s.plan.on_tape for s in sides if not s.joint.diverges)


def _ends_at(j: Joint, k: int, at: int) -> bool:
    found = j.undo(k)
    return found is not None and found[1] is j.params[at]


def _chooser(
    j: Joint, moving: Sequence[bool], free: Sequence[bool], undone: Mapping[int, int]
) -> Chooser:
    ends = [r for r, m in zip(j.results, moving, strict=True) if m]
    needed = [u for v in [*ends, *j.params] for u in type_uses(v.type)]
    have = [p for p, f in zip(j.params, free, strict=True) if f]
    return Chooser(j, have, [(k, j.params[at]) for k, at in undone.items()], needed)


def _side(
    j: Joint,
    region: Function,
    chooser: Chooser | None,
    args: Sequence[Value],
    undone: dict[int, int],
    slots: list[TensorType],
) -> Side:
    if chooser is None:
        return Side(j, region, Residuals([]), Layout([], [], []), {}, {})
    kept = chooser.choose(undone, only=True)
    inside = [v for v in kept.kept if v not in j.params]
    plan = storage.layout(inside, j.params, tape_only=False)
    outer = dict(zip(j.params, args, strict=True))
    rows: dict[int, Value] = {}
    for v in plan.rows:
        type_ = _slot_type(v, outer)
        free = [k for k, t in enumerate(slots) if t == type_ and k not in rows]
        if not free:
            free = [len(slots)]
            slots.append(type_)
        rows[free[0]] = v
    return Side(j, region, kept, plan, rows, undone)


def _slot_type(value: Value, mapping: dict[Value, Value]) -> TensorType:
    """What a branch yields for a kept value: one element is a scalar."""
    type_ = rename_type(value.type, mapping)
    assert isinstance(type_, TensorType)
    return TensorType(type_.dtype, ()) if all(n == 1 for n in type_.shape) else type_


def _is_index(value: Value) -> bool:
    return value.type == INDEX


def _row_type(slot: int, sides: Sequence[Side], params: Sequence[Value]) -> TensorType:
    """A slot's type over a region's own parameters (both sides have the same positions)."""
    owner = next(s for s in sides if slot in s.rows)
    return _slot_type(owner.rows[slot], dict(zip(owner.joint.params, params, strict=True)))


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
    emit_primal(b, j, side.kept.reads(), [*j.results, *side.kept.kept], mapping)
    out = [mapping[r] for r in j.results]
    for k in range(len(slots)):
        if k in side.rows:
            row = mapping[side.rows[k]]
            out.append(b.reshape(row, _slot_type(row, {}).shape))
        else:
            type_ = _row_type(k, sides, params)
            out.append(b.op("empty", shape=type_.shape, dtype=type_.dtype))
    if taped:
        out.append(storage.push(b, mapping[j.tape[1]], side.plan, mapping))
    return b.build(out)


@dataclass
class BranchStep:
    """The reverse branch as a step of the outer function's reverse; ``lead`` decides."""

    instr: Instr
    lead: list[Value]
    args: list[Value]
    sides: list[Side]
    linear: list[Value | None]
    out: list[Value | None]
    results: list[Value]
    rows: list[Value]
    taped: bool

    @property
    def _alive(self) -> list[Side]:
        return [s for s in self.sides if not s.joint.diverges]

    def transpose(self, reverse: Reverse) -> None:
        if all(reverse.cotangent(t) is None for t in self.out) and not self.taped:
            return
        b = reverse.b
        alive = self._alive
        flags = self._flags(reverse)
        made = [self.reverse_side(s, list(flags)) for s in alive]
        positions = sorted({k for _, used in made for k in used})
        functions = tuple(_with_args(f, len(self.linear), positions) for f, _ in made)
        extents = [self.results[k] for k in self._extents()]
        cts = [reverse.sum(t).dense() for t in self.out if t is not None]
        begun, sums = [False] * len(self.linear), []
        for k, (t, s) in enumerate(zip(self.linear, alive[0].joint.sums, strict=True)):
            if t is not None and s is not None:
                begun[k] = reverse.sum(t).begun()
                sums.append(reverse.sum(t).take())
        undone = alive[0].undone
        later = [_as_type(b, self.results[k], self.args[at]) for k, at in undone.items()]
        tape = [reverse.tape] if self.taped and reverse.tape is not None else []
        consts = [self.args[k] for k in positions]
        operands = [*extents, *cts, *flags.values(), *sums, *later, *tape, *self.rows, *consts]
        if len(functions) == 1:
            found = b.inline(functions[0], operands)
        else:
            new = b.append(self.instr.prim, [*self.lead, *operands], {}, functions, self.instr.loc)
            found = new.results
        got = iter(found)
        added = [(k, t, next(got)) for k, t in enumerate(self.linear) if t is not None]
        used = {k: next(got) for k in self._asked()}
        for k, t, ct in added:
            if any(s.joint.used[k] is not False for s in alive):
                reverse.sum(t).add_masked(ct, self._mask(b, k, t, used.get(k)))
            elif begun[k]:
                reverse.sum(t).put_back(ct)
        for at in undone.values():
            earlier = self.args[at]
            reverse.restored[earlier] = _as_type(b, next(got), earlier)
        if self.taped:
            reverse.tape = found[-1]

    def _flags(self, reverse: Reverse) -> dict[int, Value]:
        """Of results whose sides ask for it: whether anything of the cotangent was used."""
        found = {}
        for k, t in enumerate(self.out):
            if t is not None and any(s.joint.marks[k] is not None for s in self._alive):
                flag = flag_of(reverse.b, reverse.sum(t).used())
                if flag is not None:
                    found[k] = flag
        return found

    def _asked(self) -> list[int]:
        """Arguments of which the run says whether a side used anything."""
        places = [k for k, t in enumerate(self.linear) if t is not None and not is_tape(t)]
        return [k for k in places if any(isinstance(s.joint.used[k], Value) for s in self._alive)]

    def _mask(self, b: Builder, k: int, linear: Value, used: Value | None) -> Mask | None:
        """The mask of the cotangent of argument ``k``, where not all of the sides make it."""
        if used is not None:
            return of_branch(used, linear)
        sides = [s.joint.used[k] for s in self.sides]
        if all(sides) or is_tape(linear) or any(s.joint.diverges for s in self.sides):
            return None
        (taken,) = self.lead
        return of_branch(taken if sides[0] else b.op("invert", taken), linear)

    def _extents(self) -> list[int]:
        """Results that are extents of other results."""
        mentioned = {u for r in self.results for u in type_uses(r.type)}
        return [k for k, r in enumerate(self.results) if r in mentioned]

    def reverse_side(self, side: Side, flagged: Sequence[int] = ()) -> tuple[Function, set[int]]:
        """The reverse of one side over all arguments, and which arguments it uses.

        ``flagged``: results with a flag beside their cotangents.
        """
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
        flags = {k: b.param(BOOL) for k in flagged}
        for k, mark in enumerate(j.marks):
            if mark is not None:
                mapping[mark] = flags[k] if k in flags else b.const(True, BOOL.dtype)
        for s in j.sums:
            if s is not None:
                mapping[s] = b.param(rename_type(s.type, mapping))
        undone = {k: j.params[at] for k, at in side.undone.items()}
        later = {k: b.param(rename_type(p.type, mapping)) for k, p in undone.items()}
        for p in undone.values():
            del mapping[p]
        tape = b.param(TapeType()) if self.taped else None
        replay = Replay(b, j, mapping, side.kept.undos)
        for k in range(len(self.rows)):
            row = b.param(_row_type(k, self.sides, params))
            if k in side.rows:
                kept = side.rows[k]
                shape = row.shape if row.rank else (1,) * kept.rank
                mapping[kept] = b.reshape(row, shape)
        if tape is not None:
            mapping[j.tape[1]] = storage.pop(replay, tape, side.plan)
        for k, value in later.items():
            mapping[j.results[k]] = replay.typed(value, j.results[k])
        for ct, param in cts:
            mapping[ct] = replay.typed(param, ct)
        replay.run()
        results = [replay.get(g) for g in j.grads if g is not None]
        for k in self._asked():
            results.append(replay.flag(j.used[k]))
        results += [replay.get(p) for p in undone.values()]
        results += [mapping[j.tape[2]]] if self.taped else []
        used = {u for i in b.instrs for u in uses(i)} | set(results)
        used |= {u for p in b.params for u in type_uses(p.type)}
        used |= {u for p in params if p in used for u in type_uses(p.type)}
        b.params += params
        return b.build(results), {k for k, p in enumerate(params) if p in used}


def _as_type(b: Builder, value: Value, like: Value) -> Value:
    if value.type == like.type:
        return value
    message = "a branch has another shape than its array before it"
    return b.op("cast_shape", value, shape=like.shape, exc="AssertionError", message=message)  # type: ignore[no-any-return]


def _with_args(function: Function, count: int, positions: Sequence[int]) -> Function:
    """Keep only these of the ``count`` arguments at the end of the parameters."""
    split = len(function.params) - count
    params = (*function.params[:split], *(function.params[split + k] for k in positions))
    return Function(function.name, params, function.instrs, function.results)
