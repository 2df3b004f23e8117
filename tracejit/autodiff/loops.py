"""Reverse mode of ``for`` and ``while``: an augmented forward loop, and a loop that runs backwards.

The reverse loop carries, in this order: extents that change from iteration to iteration,
cotangents of carried values, sums of cotangents of loop constants, arrays being undone, the tape.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from functools import cached_property

from tracejit.autodiff import storage
from tracejit.autodiff.cut import size
from tracejit.autodiff.linearize import Linearizer, Reverse
from tracejit.autodiff.regions import (
    Joint,
    NotRestoredError,
    NotSettledError,
    Replay,
    emit_primal,
    joint,
    region_params,
)
from tracejit.autodiff.residuals import Chooser, Residuals
from tracejit.autodiff.settled import Settled, settled_reads
from tracejit.autodiff.storage import Layout
from tracejit.autodiff.tangents import active_carried
from tracejit.autodiff.undoing import blocked
from tracejit.autodiff.usefulness import useful_results
from tracejit.ir.builder import Builder, rename_type
from tracejit.ir.core import Function, Instr, Value, instr_effect, type_uses, uses
from tracejit.ir.extent import TYPICAL_EXTENT, Dim, emax, typical
from tracejit.ir.region_ops import RegionOp
from tracejit.ir.types import INDEX, TapeType
from tracejit.records import dataclass

#: Nothing larger than this being kept, there is nothing to gain by undoing more.
_FEW_BYTES = 16


@dataclass
class DifferentiatedLoop:
    """One loop while it is differentiated; ``args`` are its operands in the outer function."""

    instr: Instr
    args: list[Value]
    moving: list[bool]
    fixed: list[bool]
    joint: Joint

    @cached_property
    def op(self) -> RegionOp:
        return RegionOp(self.instr)

    @property
    def count(self) -> int:
        return self.op.count

    @property
    def first(self) -> int:
        """Where carried operands begin, and carried parameters of the body."""
        assert self.op.first == self.op.own
        return self.op.first

    @property
    def counted(self) -> bool:
        """Whether the number of trips is known on entry: the iteration number is at hand."""
        return self.op.trip is not None

    @property
    def carried(self) -> list[Value]:
        """Carried parameters of the joint body."""
        return self.op.split(self.joint.params)[1]

    @property
    def consts(self) -> list[Value]:
        """Constant parameters of the joint body."""
        return self.op.split(self.joint.params)[2]

    @property
    def const_args(self) -> list[Value]:
        return self.op.split(self.args)[2]

    @property
    def changing_extents(self) -> list[int]:
        """Carried positions that are extents in the type of another carried value."""
        mentioned = {u for p in self.carried for u in type_uses(p.type)}
        return [k for k, p in enumerate(self.carried) if p in mentioned]


def linearize_loop(lin: Linearizer, instr: Instr, mapping: dict[Value, Value]) -> None:
    """Emit the augmented forward loop and enter its reverse as a step."""
    args = [mapping.get(v, v) for v in instr.operands]
    op, flags = RegionOp(instr), [v in lin.tangents for v in args]
    active, body = active_carried(instr, flags), op.body
    moving = [a and u for a, u in zip(active, useful_results(instr, lin.useful), strict=True)]
    _, inits, _ = op.split(args)
    if body.diverges or not any(moving):
        lin.b.clone(instr, mapping)
        for init, result in zip(inits, instr.results, strict=True):
            if body.diverges and init in lin.tangents:  # results exist only after no iteration
                lin.tangents[mapping[result]] = lin.tangents[init]
        return
    undone = {k for k, r in enumerate(instr.results) if r in lin.undone}
    nest = TangentLoop(instr, args, moving, op.split(flags)[2])
    loop, choice, plan, reverse = _of_nest(nest, undone, lin.settled)
    lin.taped += _trips(loop) * (sum(map(size, [*plan.arrays, *plan.indices])) + loop.joint.taped)
    inner_tape = loop.joint.uses_tape or plan.on_tape
    results, stores, trips = _forward(lin, loop, choice, plan, inner_tape)
    mapping.update(zip(instr.results, results, strict=True))
    linear = [lin.tangent(a) for a in args]
    out = [lin.fresh(r) if m else None for r, m in zip(results, moving, strict=True)]
    lin.steps.append(
        LoopStep(loop, choice, reverse, linear, out, results, stores, trips, inner_tape)
    )


@dataclass
class TangentLoop:
    """A loop to linearize, with what of it has tangents."""

    instr: Instr
    args: list[Value]
    moving: list[bool]
    fixed: list[bool]


Linearized = tuple[DifferentiatedLoop, Residuals, Layout, "ReverseBody"]


def _of_nest(nest: TangentLoop, undone: set[int], around: Settled | None) -> Linearized:
    """The loop linearized; the outermost one of a nest with nothing put back of the arrays in
    which it reads what is settled, where that keeps less."""
    found = _cheapest(nest, undone, around)
    settled = settled_reads(nest.instr) if around is None else Settled()
    if settled.arrays:
        with contextlib.suppress(NotSettledError):
            other = _linearized(nest, undone | settled.arrays, settled)
            if _bytes(other) < _bytes(found):
                return other
    return found


def _bytes(linearized: Linearized) -> int:
    loop, choice, *_ = linearized
    return _trips(loop) * (choice.cost + loop.joint.taped)


def _trips(loop: DifferentiatedLoop) -> int:
    return max(1, typical(loop.args[0].dim)) if loop.counted else TYPICAL_EXTENT


def _cheapest(nest: TangentLoop, undone: set[int], settled: Settled | None) -> Linearized:
    """The loop linearized; with loops and branches inside undone too where that keeps less.

    ``undone``: results that the loop around wants to be undone.
    """
    found = _linearized(nest, undone, settled)
    loop, choice, *_ = found
    more = blocked(nest.instr.regions[-1], loop.joint.not_undone(range(loop.count))) - undone
    if more and any(size(v) > _FEW_BYTES for v in choice.kept):
        other = _linearized(nest, undone | more, settled)
        if other[1].cost < choice.cost:
            return other
    return found


def _linearized(nest: TangentLoop, undone: set[int], settled: Settled | None) -> Linearized:
    instr, moving, fixed = nest.instr, nest.moving, nest.fixed
    op, still = RegionOp(instr), [False] * len(moving)
    active, summed = op.flags(moving, fixed), op.flags(still, fixed)
    free = [*[True] * op.own, *still, *[True] * len(fixed)]
    j = joint(op.body, active, moving, summed, undone, free, range(op.count), settled)
    loop = DifferentiatedLoop(instr, nest.args, moving, fixed, j)
    return (loop, *_choose(loop, undone))


def _choose(loop: DifferentiatedLoop, undone: set[int]) -> tuple[Residuals, Layout, ReverseBody]:
    """Residuals, their places, and the reverse body; retried when a version comes too late."""
    j = loop.joint
    extents = loop.changing_extents
    steady = [loop.carried[k] for k in extents if j.results[k] is loop.carried[k]]
    free = [*j.params[: loop.first], *loop.consts, *steady]
    needed = [loop.carried[k] for k in extents]
    ends = [r for r, ct in zip(j.results, j.cts, strict=True) if ct is not None]
    needed += [u for v in [*ends, *loop.carried] for u in type_uses(v.type)]
    chooser = Chooser(j, free, list(enumerate(loop.carried)), needed)
    while True:
        choice = chooser.choose(undone)
        plan = storage.layout(choice.kept, loop.consts, tape_only=not loop.counted)
        try:
            return choice, plan, ReverseBody(loop, choice, plan)
        except NotRestoredError as problem:
            chooser.learn(problem)


def _forward(
    lin: Linearizer, loop: DifferentiatedLoop, choice: Residuals, plan: Layout, taped: bool
) -> tuple[list[Value], list[Value], Value]:
    """Emit the loop that saves; its own results, the stores, and the number of trips."""
    b, instr = lin.b, loop.instr
    consts = dict(zip(loop.consts, loop.const_args, strict=True))
    trips = b.index(emax(loop.args[0].dim, 0)) if loop.counted else b.const(0, "i64")
    stores = []
    for v in plan.rows:
        type_ = storage.row_type(v, trips.dim, consts)
        stores.append(b.op("empty", shape=type_.shape, dtype=type_.dtype))
    extra = [*stores, *([lin.thread_tape()] if taped else []), *([] if loop.counted else [trips])]
    body, trip_const = _forward_body(loop, choice, plan, taped)
    first, count = loop.first, loop.count
    operands = [*loop.args[: first + count], *extra, *loop.const_args]
    operands += [trips] if trip_const else []
    regions = [body] if loop.counted else [_test(loop, extra), body]
    carried = count + len(extra)
    new = b.append(instr.prim, operands, {"carried": carried}, tuple(regions), instr.loc)
    out = list(new.results)
    if taped:
        lin.tape = out[count + len(stores)]
    return out[:count], out[count : count + len(stores)], trips if loop.counted else out[-1]


def _forward_body(
    loop: DifferentiatedLoop, choice: Residuals, plan: Layout, taped: bool
) -> tuple[Function, bool]:
    j = loop.joint
    b = Builder(j.name)
    mapping = b.params_like(j.params)
    split = loop.first + loop.count
    params, consts = b.params[:split], b.params[split:]
    # The stores' first extent is the number of trips, which the body knows as one more constant.
    trip = Value(INDEX)
    stores = [Value(storage.row_type(v, _trip_dim(loop, trip), mapping)) for v in plan.rows]
    tape = [Value(TapeType())] if taped else []
    counter = [] if loop.counted else [Value(INDEX)]
    trip_const = [trip] if stores and trip in type_uses(stores[0].type) else []
    b.params[:] = [*params, *stores, *tape, *counter, *consts, *trip_const]
    if taped:
        mapping[j.tape[0]] = tape[0]
    emit_primal(b, j, choice.reads(), [*j.results, *choice.kept], mapping)
    out = [mapping[r] for r in j.results]
    for store, v in zip(stores, plan.rows, strict=True):
        out.append(storage.put_row(b, store, mapping[v], params[0]))
    if taped:
        out.append(storage.push(b, mapping[j.tape[1]], plan, mapping))
    out += [b.op("add", c, b.const(1, "i64")) for c in counter]
    return b.build(out), bool(trip_const)


def _trip_dim(loop: DifferentiatedLoop, trip: Value) -> Dim:
    """The number of trips inside a body: known, or its parameter ``trip``."""
    n = loop.args[0].dim if loop.counted else 0
    return max(n, 0) if isinstance(n, int) else trip.dim


def _test(loop: DifferentiatedLoop, extra: Sequence[Value]) -> Function:
    region = loop.op.test
    assert region is not None
    b = Builder(region.name)
    made = b.params_like(region.params)
    params = [made[p] for p in region.params]
    b.params[:] = [
        *params[: loop.count],
        *(Value(TapeType() if isinstance(v.type, TapeType) else v.type) for v in extra),
        *params[loop.count :],
    ]
    return b.build(b.inline(region, params))


class ReverseBody:
    """The body of the reverse loop and what its operands stand for."""

    def __init__(self, loop: DifferentiatedLoop, choice: Residuals, plan: Layout) -> None:
        j = loop.joint
        self.loop, self.choice, self.plan = loop, choice, plan
        self.b = Builder(f"{j.name}_reverse")
        self.taped = j.uses_tape or plan.on_tape
        self.extents = loop.changing_extents
        self.active = [k for k, m in enumerate(loop.moving) if m]
        self.step, self.trip = Value(INDEX), Value(INDEX)
        made = region_params([*[loop.carried[k] for k in self.extents], *loop.consts])
        self.consts = {p: made[p] for p in loop.consts}
        self.ends = {loop.carried[k]: made[loop.carried[k]] for k in self.extents}
        outside = {**self.consts, **self.ends}
        self.cts = [Value(rename_type(loop.carried[k].type, outside)) for k in self.active]
        summed = [p for p, f in zip(loop.consts, loop.fixed, strict=True) if f]
        self.sums = [Value(rename_type(p.type, outside)) for p in summed]
        self.undone = [Value(rename_type(loop.carried[k].type, outside)) for k in choice.undone]
        self.tape = [Value(TapeType())] if self.taped else []
        trip = _trip_dim(loop, self.trip)
        self.stores = [Value(storage.row_type(v, trip, self.consts)) for v in plan.rows]
        self._finish(self._emit())

    def _at_hand(self) -> Replay:
        """A replay that knows what the parameters stand for and has loaded what was kept."""
        loop, j, b = self.loop, self.loop.joint, self.b
        mapping = dict(self.consts)
        for k in self.extents:
            if j.results[k].expr is None:
                mapping.setdefault(j.results[k], self.ends[loop.carried[k]])
        if loop.counted:
            last = b.index(_trip_dim(loop, self.trip) - 1)
            mapping[j.params[0]] = b.op("sub", last, self.step)
        replay = Replay(b, j, mapping, self.choice.undos)
        for v, store in zip(self.plan.rows, self.stores, strict=True):
            mapping[v] = storage.get_row(b, store, mapping[j.params[0]])
        if self.taped:
            mapping[j.tape[1]] = storage.pop(replay, self.tape[0], self.plan)
        for k, value in zip(self.choice.undone, self.undone, strict=True):
            mapping[j.results[k]] = replay.typed(value, j.results[k])
        for k, ct in zip(self.active, self.cts, strict=True):
            end = j.cts[k]
            assert end is not None
            mapping[end] = replay.typed(ct, end)
        mapping.update(zip((s for s in j.sums if s is not None), self.sums, strict=True))
        return replay

    def _emit(self) -> list[Value]:
        """The reverse code; what the iteration yields."""
        loop, j, replay = self.loop, self.loop.joint, self._at_hand()
        replay.run()
        results = [replay.get(loop.carried[k]) for k in self.extents]
        start = loop.first + loop.count
        places = [loop.first + k for k in self.active]
        places += [start + k for k, f in enumerate(loop.fixed) if f]
        for k in places:
            grad = j.grads[k]
            assert grad is not None
            results.append(replay.typed(replay.get(grad), j.params[k]))
        results += [replay.get(loop.carried[k]) for k in self.choice.undone]
        return [*results, replay.mapping[j.tape[2]]] if self.taped else results

    def _finish(self, results: list[Value]) -> None:
        """Order the parameters; constants that nothing uses are not operands."""
        ends = [self.ends[self.loop.carried[k]] for k in self.extents]
        carried = [*ends, *self.cts, *self.sums, *self.undone, *self.tape]
        used = {u for i in self.b.instrs for u in uses(i)} | set(results)
        used |= {u for v in [*carried, *self.stores] for u in type_uses(v.type)}
        consts = [self.consts[p] for p in self.loop.consts]
        for _ in range(2):  # a used constant's extents are used
            used |= {u for p in consts if p in used for u in type_uses(p.type)}
        self.const_positions = [k for k, p in enumerate(consts) if p in used]
        self.uses_trip = self.trip in used
        trips = [self.trip] if self.uses_trip else []
        rest = [consts[k] for k in self.const_positions]
        self.b.params[:] = [self.step, *carried, *self.stores, *trips, *rest]
        self.carried = len(carried)
        self.function = self.b.build(results)


@dataclass
class LoopStep:
    """The reverse loop as a step of the outer function's reverse."""

    loop: DifferentiatedLoop
    choice: Residuals
    body: ReverseBody
    linear: list[Value | None]  # tangents of the loop's operands
    out: list[Value | None]  # tangents of its results
    results: list[Value]
    stores: list[Value]
    trips: Value
    taped: bool

    def _extent(self, k: int) -> Value:
        """A carried extent after the loop: types name one that never changes by what came in."""
        steady = self.loop.joint.results[k] is self.loop.carried[k]
        return self.loop.args[self.loop.first + k] if steady else self.results[k]

    def transpose(self, reverse: Reverse) -> None:
        arrived = any(reverse.cotangent(t) is not None for t in self.out)
        if not arrived and not self.taped:
            return
        b, loop, body = reverse.b, self.loop, self.body
        extents = [self._extent(k) for k in body.extents]
        cts = [reverse.sum(t).dense() for t in self.out if t is not None]
        start = loop.first + loop.count
        fixed = [t for t in self.linear[start:] if t is not None]
        sums = [reverse.sum(t).take() for t in fixed]
        undone = [self.results[k] for k in self.choice.undone]
        tape = [reverse.tape] if self.taped and reverse.tape is not None else []
        carried = [*extents, *cts, *sums, *undone, *tape]
        consts = [loop.const_args[k] for k in body.const_positions]
        trips = [self.trips] if body.uses_trip else []
        operands = [self.trips, *carried, *self.stores, *trips, *consts]
        used = self._used(reverse)
        if used is None:
            new = self._loop(b, operands)
        else:
            new = self._unless_zero(b, used, operands)
        got = iter(new.results[len(extents) :])
        active = [k for k, m in enumerate(loop.moving) if m]
        for k, ct in zip(active, got, strict=False):
            t = self.linear[loop.first + k]
            if t is not None:
                reverse.sum(t).add(_as_type(b, ct, t))
        for t, total in zip(fixed, got, strict=False):
            reverse.sum(t).add(total)
        for k, array in zip(self.choice.undone, got, strict=False):
            init = loop.args[loop.first + k]
            reverse.restored[init] = _as_type(b, array, init)
        if self.taped:
            reverse.tape = new.results[-1]

    def _loop(self, b: Builder, operands: Sequence[Value]) -> Instr:
        attrs, regions = {"carried": self.body.carried}, (self.body.function,)
        return b.append("for", operands, attrs, regions, self.loop.instr.loc)

    def _used(self, reverse: Reverse) -> Value | None:
        """A bool scalar: false where branches left out all that the loop makes, which then has a
        reverse that adds nothing. None: not known, or the reverse does more than add."""
        body = self.body
        if self.taped or body.extents or self.choice.undone or not _quiet(body.function):
            return None
        found: list[Value] = []
        for t in self.out:
            here = [] if t is None else reverse.sum(t).used()
            if here is None:
                return None
            found += here
        if not found:
            return None
        one, *rest = dict.fromkeys(found)
        for other in rest:
            one = reverse.b.op("bitwise_or", one, other)
        return one

    def _unless_zero(self, b: Builder, used: Value, operands: Sequence[Value]) -> Instr:
        """The reverse loop where ``used``; else what it carries is as before."""
        given = list(dict.fromkeys(operands))
        run, skip = Builder(f"{self.body.b.name}_used"), Builder(f"{self.body.b.name}_unused")
        made, kept = run.params_like(given), skip.params_like(given)
        loop = self._loop(run, [made[v] for v in operands])
        carried = [kept[v] for v in operands[1 : 1 + self.body.carried]]
        sides = (run.build(loop.results), skip.build(carried))
        return b.append("cond", [used, *given], {"idle": True}, sides, self.loop.instr.loc)


def _quiet(function: Function) -> bool:
    return all(instr_effect(i) != "ordered" for i in function.instrs)


def _as_type(b: Builder, value: Value, like: Value) -> Value:
    if value.type == like.type:
        return value
    message = "a carried extent differs from its saved value"
    return b.op("cast_shape", value, shape=like.shape, exc="AssertionError", message=message)  # type: ignore[no-any-return]
