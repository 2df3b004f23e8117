"""Lowering ``for``, ``while`` and ``cond``: what is carried as a value, a pointer, or in place.

A carried array whose body result is an updated version of its parameter stays where it is: the
loop does not carry it at all. Any other carried array is an owned dense buffer whose pointer is
carried; each iteration frees what it replaces.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tracejit.ir.core import Function, Instr, Value, is_array
from tracejit.ir.ops.recursion import turned
from tracejit.ir.region_ops import RegionOp
from tracejit.ir.regions import Scope, unify
from tracejit.ir.traits import Trait
from tracejit.ir.types import INDEX, TensorType
from tracejit.lower.body import Body
from tracejit.lower.carries import (
    Carry,
    bind_carried,
    bind_results,
    carries_of,
    homes_of,
    initial_values,
    is_unseen,
    movable_storage,
    pinned,
    share_storage,
    storage_inside,
    yielded,
)
from tracejit.lower.overwriting import before_overwrite
from tracejit.lower.storage import (
    Storage,
    has_turns,
    held_by,
    turns,
    updated_from,
    writes,
    written_args,
)

Run = Callable[[Body], None]


def lower_control(body: Body, instr: Instr, run: Run) -> None:
    """Emit one structured instruction; ``run`` lowers the instructions of a nested body."""
    written = {body.args[k] for k in set(written_args(instr))}
    for storage in dict.fromkeys([*written, *(body.homes if turns(instr) else ())]):
        _clear(body, instr, storage)
    _RULES[instr.name](body, instr, run)


def _clear(body: Body, instr: Instr, storage: Storage) -> None:
    """Move what lives where a region writes (a caller's array, or what calls have in turn), unless
    it goes in by carry.

    A branch may also read it as it came in: there it is run once.
    """
    before_overwrite(body, storage, instr.operands)
    op = RegionOp(instr)
    into = op.inits if op.is_loop else instr.operands
    needed = body.busy(storage, at=True)
    carried = [v for v in needed if v in into and storage.values[v] is storage.buffer]
    stays = carried[0] if len(carried) == 1 and instr.operands.count(carried[0]) == 1 else None
    for v in needed:
        if v is not stays or body.live.live_after(v, body.t):
            word = "loop" if op.is_loop else "branch"
            body.detach(v, f"the {word} writes the memory it lives in")


def _nested(body: Body, function: Function, scope: Scope, instr: Instr) -> Body:
    depth = body.depth + instr.has(Trait.LOOP)
    inner = Body(function, scope, body.notes, depth)
    inner.args = {k: Storage(s.buffer, "pinned", k) for k, s in body.args.items()}
    inner.exposed_after = {k for k, s in body.args.items() if not is_unseen(body, instr, s)}
    inner.homes = [
        Storage(s.buffer, "pinned") if s.arg is None else inner.args[s.arg] for s in body.homes
    ]
    return inner


def _bind_constant(body: Body, inner: Body, param: Value, operand: Value) -> None:
    if not is_array(operand):
        inner.scalars[param] = body.scalar(operand)
        return
    buffer, home = body.buffer(operand), body.storage[operand]
    if home.arg is not None and home.arg in writes(inner.function):
        inner.place(param, inner.args[home.arg], buffer)
    elif home in body.homes and has_turns(inner.function):
        inner.place(param, inner.homes[body.homes.index(home)], buffer)
    else:
        inner.place(param, Storage(buffer, "borrowed"))


def _store_operands(body: Body, instr: Instr) -> None:
    for v in instr.operands:
        if is_array(v):
            body.buffer(v)


def _lower_for(body: Body, instr: Instr, run: Run) -> None:
    op, (function,) = RegionOp(instr), instr.regions
    _store_operands(body, instr)
    trip = body.scope.use(body.scalar(instr.operands[0]))
    carries = carries_of(body, instr)
    scope = body.scope.child("body")
    inner = _nested(body, function, scope, instr)
    inner.scalars[function.params[0]] = scope.own(scope.b.param(INDEX, "i"))
    for param, operand in op.constants(function):
        _bind_constant(body, inner, param, operand)
    params = op.carried_in(function)
    bind_carried(inner, params, carries)
    homes = homes_of(inner, params, carries)
    _run_region(inner, homes, run)
    inits = initial_values(body, instr, carries)
    results = [] if function.diverges else yielded(inner, carries, homes)
    region = scope.b.build(results)
    operands = [trip, *inits, *scope.outer_operands()]
    out = body.scope.b.append("for", operands, {"carried": len(inits)}, (region,), instr.loc)
    bind_results(body, instr, carries, out.results)


def _run_region(inner: Body, homes: Sequence[Storage | None], run: Run) -> None:
    for result, home in zip(inner.function.results, homes, strict=False):
        if home is not None:
            inner.want(result, home)
    run(inner)


def _lower_while(body: Body, instr: Instr, run: Run) -> None:
    op, (test_fn, body_fn) = RegionOp(instr), instr.regions
    _store_operands(body, instr)
    carries = carries_of(body, instr)
    sides = []
    for function, name in ((test_fn, "test"), (body_fn, "body")):
        scope = body.scope.child(name)
        inner = _nested(body, function, scope, instr)
        for param, operand in op.constants(function):
            _bind_constant(body, inner, param, operand)
        params = op.carried_in(function)
        bind_carried(inner, params, carries)
        if name == "test":
            _borrow_all(inner)
        sides.append((inner, homes_of(inner, params, carries)))
    (test, _), (step, homes) = sides
    run(test)
    test_out = [] if test_fn.diverges else [test.scope.use(test.scalar(test_fn.results[0]))]
    test.t = len(test_fn.instrs)
    test.release()
    _run_region(step, homes, run)
    inits = initial_values(body, instr, carries)
    results = [] if body_fn.diverges else yielded(step, carries, homes)
    captured = unify((len(inits), len(inits)), (test.scope, step.scope))
    regions = (test.scope.b.build(test_out), step.scope.b.build(results))
    operands = [*inits, *[body.scope.use(v) for v in captured]]
    out = body.scope.b.append("while", operands, {"carried": len(inits)}, regions, instr.loc)
    bind_results(body, instr, carries, out.results)


def _borrow_all(inner: Body) -> None:
    """A loop test only looks at what is carried."""
    for storage in inner.owned:
        storage.mode = "borrowed"
    inner.owned.clear()


def _lower_cond(body: Body, instr: Instr, run: Run) -> None:
    _store_operands(body, instr)
    pred = body.scope.use(body.scalar(instr.operands[0]))
    carries = [_branch_carry(body, instr, r) for r in instr.results]
    given = [v for v in RegionOp(instr).given if _given(body, instr, v)]
    inners = []
    for function, name in zip(instr.regions, ("then", "else"), strict=True):
        inner = _nested(body, function, body.scope.child(name), instr)
        homes: list[Storage | None] = [None] * len(carries)
        for param, operand in RegionOp(instr).constants(function):
            owners = [
                k for k, c in enumerate(carries) if c.inside is not None and c.init is operand
            ]
            if owners:
                inside = carries[owners[0]].inside
                assert inside is not None
                home = share_storage(inner, Storage(inside.buffer, "pinned", inside.arg))
                inner.place(param, home)
                homes[owners[0]] = home
            elif operand in given:
                _give(inner, param, body.buffer(operand))
            else:
                _bind_constant(body, inner, param, operand)
        _run_region(inner, [] if function.diverges else homes, run)
        inners.append((inner, homes))
    built = []
    for inner, homes in inners:
        built.append([] if inner.function.diverges else yielded(inner, carries, homes))
    for v in given:
        body.owned.remove(body.storage.pop(v))
    captured = unify([0] * len(inners), [inner.scope for inner, _ in inners])
    regions = tuple(inner.scope.b.build(out) for (inner, _), out in zip(inners, built, strict=True))
    operands = [pred, *[body.scope.use(v) for v in captured]]
    attrs = {} if not all(f.diverges for f in instr.regions) else {"types": _divergent(instr)}
    out = body.scope.b.append("cond", operands, attrs, regions, instr.loc)
    if not all(f.diverges for f in instr.regions):
        bind_results(body, instr, carries, out.results)


def _given(body: Body, instr: Instr, operand: Value) -> bool:
    """Whether a branch may have an operand's memory: each side then yields or frees it."""
    storage = body.storage.get(operand)
    if storage is None or storage not in body.owned or instr.operands.count(operand) > 1:
        return False
    if storage.values[operand] is not storage.buffer or body.live.live_after(operand, body.t):
        return False
    if body.busy(storage, [operand], at=True):
        return False
    k = RegionOp(instr).given.index(operand)
    return any(
        held_by(side, result) is side.params[k] for side in instr.regions for result in side.results
    )


def _give(inner: Body, param: Value, buffer: Value) -> None:
    storage = Storage(buffer, "owned")
    inner.owned.append(storage)
    inner.place(param, storage)


def _divergent(instr: Instr) -> tuple[TensorType, ...]:
    assert not instr.results, "a cond whose sides both diverge has no results"
    return ()


def _branch_carry(body: Body, instr: Instr, result: Value) -> Carry:
    """A result of a branch; in place when it is an updated version of one dying operand."""
    if not is_array(result):
        return Carry(result)
    source = updated_from(instr, result)
    if source is None or source.type != result.type:
        return Carry(result)
    held = body.storage.get(source)  # None: another result has taken it over
    if held is None or held in [body.storage.get(r) for r in instr.results]:
        return Carry(result)
    storage = movable_storage(body, instr, source, result)
    if storage is None:
        return Carry(result)
    storage.values.clear()
    body.storage.pop(source, None)
    body.place(result, storage)
    return Carry(source, pinned(storage))


def _lower_recursion(body: Body, instr: Instr, run: Run) -> None:
    """Scalars in and out. What calls have in turn has a home, in which each finds and leaves it;
    other memory is only read."""
    (function,), count, arrays = instr.regions, instr.attrs["args"], turned(instr)
    outer = len(instr.operands) - len(arrays)
    _store_operands(body, instr)
    args = [body.scope.use(body.scalar(v)) for v in instr.operands[:count]]
    carries = [Carry(v, storage_inside(body, instr, v, r)) for v, r in arrays]
    scope = body.scope.child("recursion")
    inner = _nested(body, function, scope, instr)
    for param in function.params[:count]:
        inner.scalars[param] = scope.own(scope.b.param(param.type, param.hint))
    fixed = slice(count, outer)
    for param, operand in zip(function.params[fixed], instr.operands[fixed], strict=True):
        _bind_constant(body, inner, param, operand)
    bind_carried(inner, function.params[outer:], carries)
    inner.homes = [inner.storage[p] for p in function.params[outer:]]
    scalars = len(instr.results) - len(arrays)
    homes = [*[None] * scalars, *inner.homes]
    _run_region(inner, homes, run)
    every = [*map(Carry, instr.results[:scalars]), *carries]
    results = [] if function.diverges else yielded(inner, every, homes)
    region = scope.b.build(results)
    operands = [*args, *scope.outer_operands()]
    attrs = {"args": count, "types": instr.attrs["types"]}
    out = body.scope.b.append("recursion", operands, attrs, (region,), instr.loc)
    for result, value in zip(instr.results, out.results, strict=False):
        body.scalars[result] = body.scope.own(value)


_RULES: dict[str, Callable[[Body, Instr, Run], None]] = {
    "for": _lower_for,
    "while": _lower_while,
    "cond": _lower_cond,
    "recursion": _lower_recursion,
}
