"""Reverse mode of ``for`` and ``while``: an augmented forward loop that keeps what the loop which
runs backwards (``reverse_loops.py``) reads and cannot have otherwise."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from tracejit.autodiff import storage
from tracejit.autodiff.cut import size
from tracejit.autodiff.linearize import Linearizer
from tracejit.autodiff.regions import (
    NotRestoredError,
    NotSettledError,
    emit_primal,
    joint,
)
from tracejit.autodiff.residuals import Chooser, Residuals
from tracejit.autodiff.reverse_loops import DifferentiatedLoop, LoopStep, ReverseBody, trip_dim
from tracejit.autodiff.settled import Settled, settled_reads
from tracejit.autodiff.storage import Layout
from tracejit.autodiff.tangents import active_carried
from tracejit.autodiff.undoing import blocked
from tracejit.autodiff.usefulness import useful_results
from tracejit.ir.builder import Builder
from tracejit.ir.core import Function, Instr, Value, type_uses
from tracejit.ir.extent import TYPICAL_EXTENT, emax, typical
from tracejit.ir.region_ops import RegionOp
from tracejit.ir.types import INDEX, TapeType
from tracejit.records import dataclass

#: Nothing larger than this being kept, there is nothing to gain by undoing more.
_FEW_BYTES = 16


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
    guarded = [lin.tangents.get(v) in lin.guarded for v in args]
    doubtful = [r in lin.doubtful for r in instr.results]
    nest = TangentLoop(instr, args, moving, op.split(flags)[2], guarded, doubtful)
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
    """A loop to linearize, with what of it has tangents.

    ``guarded``: operands whose cotangents' masks matter; ``doubtful``: results that the run may
    leave out.
    """

    instr: Instr
    args: list[Value]
    moving: list[bool]
    fixed: list[bool]
    guarded: list[bool]
    doubtful: list[bool]


Linearized = tuple[DifferentiatedLoop, Residuals, Layout, ReverseBody]


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
    _, begun, consts = op.split(nest.guarded)
    guarded = op.flags(begun, consts)
    # An iteration that chooses leaves out what came into it.
    doubtful = [d or g for d, g in zip(nest.doubtful, begun, strict=True)]
    carried = range(op.count)
    j = joint(op.body, active, moving, summed, undone, free, carried, settled, guarded, doubtful)
    loop = DifferentiatedLoop(instr, nest.args, moving, fixed, list(consts), j)
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
    stores = [Value(storage.row_type(v, trip_dim(loop, trip), mapping)) for v in plan.rows]
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
