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
from tracejit.ir.types import INDEX, TensorType, dense_buffer
from tracejit.lower.body import Body
from tracejit.lower.overwriting import before_overwrite, vacate
from tracejit.lower.storage import (
    Storage,
    has_turns,
    held_by,
    in_step,
    may_fail,
    turns,
    updated_from,
    writes,
    written_args,
)
from tracejit.records import dataclass

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


@dataclass
class Carry:
    """One carried position: its operand, and its storage when it is updated in place."""

    init: Value
    inside: Storage | None = None


def _movable(body: Body, instr: Instr, init: Value, result: Value) -> Storage | None:
    """The operand's storage when the instruction may take it over and leave ``result`` in it."""
    storage = body.storage.get(init)
    if storage is None or not storage.writable or storage.values[init] is not storage.buffer:
        return None
    if not _unseen(body, instr, storage) and not _kept_in_step(instr, storage, result):
        return None
    if instr.operands.count(init) != 1:
        return None
    return storage if vacate(body, storage, init, instr.operands) else None


def _unseen(body: Body, instr: Instr, storage: Storage) -> bool:
    """Whether nobody can see what the instruction does to a caller's array until it is due."""
    return storage.arg is None or not (may_fail(instr) or body.exposed(storage))


def _kept_in_step(instr: Instr, storage: Storage, result: Value) -> bool:
    """Whether a caller's array holds ``result`` by the instruction's own ``write_back``."""
    assert storage.arg is not None
    if storage.arg not in written_args(instr):
        return False
    k = instr.results.index(result)
    return all(
        r.diverges or in_step(r, r.results[k], storage.arg) for r in RegionOp(instr).yielding
    )


def _inside(storage: Storage) -> Storage:
    return Storage(storage.buffer, "pinned", storage.arg)


def _take_over(body: Body, instr: Instr, init: Value, result: Value) -> Storage:
    """Memory that starts as ``init`` and that the instruction updates in place."""
    body.buffer(init)
    storage = _movable(body, instr, init, result)
    if storage is None:
        wanted = body.wanted(result)
        if wanted is not None and not _unseen(body, instr, wanted):
            wanted = None
        storage = wanted or body.fresh(body.type(init))
        body.note_copy(init, "updated by a loop or branch while still needed outside")
        body.copy_into(storage.buffer, init)
        return storage
    body.storage.pop(init, None)
    storage.values.clear()
    return storage


def _carries(body: Body, instr: Instr) -> list[Carry]:
    carries = []
    for k, init in enumerate(RegionOp(instr).inits):
        carry = Carry(init)
        if is_array(init) and updated_from(instr, instr.results[k]) is not None:
            carry.inside = _inside_of_carry(body, instr, init, instr.results[k])
        carries.append(carry)
    return carries


def _inside_of_carry(body: Body, instr: Instr, init: Value, result: Value) -> Storage:
    outer = _take_over(body, instr, init, result)
    body.place(result, outer)
    return _inside(outer)


def _nested(body: Body, function: Function, scope: Scope, instr: Instr) -> Body:
    depth = body.depth + instr.has(Trait.LOOP)
    inner = Body(function, scope, body.notes, depth)
    inner.args = {k: Storage(s.buffer, "pinned", k) for k, s in body.args.items()}
    inner.exposed_after = {k for k, s in body.args.items() if not _unseen(body, instr, s)}
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


def _bind_carried(inner: Body, params: Sequence[Value], carries: Sequence[Carry]) -> None:
    """Parameters of the region for what is carried; scalars first, types may mention them."""
    scope = inner.scope
    lead = list(scope.b.params)
    for param in params:
        if not is_array(param):
            inner.scalars[param] = scope.own(scope.b.param(param.type, param.hint))
            lead.append(inner.scalars[param])
    for param, carry in zip(params, carries, strict=True):
        if not is_array(param):
            continue
        if carry.inside is not None:
            storage = _shared(inner, Storage(carry.inside.buffer, "pinned", carry.inside.arg))
            inner.place(param, storage)
            continue
        local = inner.type(param)
        type_ = dense_buffer(TensorType(local.dtype, tuple(scope.dim(d) for d in local.shape)))
        storage = Storage(scope.own(scope.b.param(type_)), "owned")
        lead.append(storage.buffer)
        inner.owned.append(storage)
        inner.place(param, storage)
    scope.b.params[:] = [*lead, *[p for p in scope.b.params if p not in lead]]


def _shared(inner: Body, storage: Storage) -> Storage:
    """Memory of the body around, known here also as the argument or the home that it is."""
    if storage.arg is not None:
        inner.args[storage.arg] = storage
    inner.homes = [storage if s.buffer is storage.buffer else s for s in inner.homes]
    return storage


def _carried_order(carries: Sequence[Carry]) -> list[int]:
    """Positions that are carried as values, scalars first, in the order of the parameters."""
    scalars = [k for k, c in enumerate(carries) if not is_array(c.init)]
    arrays = [k for k, c in enumerate(carries) if is_array(c.init) and c.inside is None]
    return scalars + arrays


def _inits(body: Body, instr: Instr, carries: Sequence[Carry]) -> list[Value]:
    out = []
    for k in _carried_order(carries):
        init = carries[k].init
        out.append(_moved_in(body, instr, init) if is_array(init) else body.scalar(init))
    return [body.scope.use(v) for v in out]


def _moved_in(body: Body, instr: Instr, init: Value) -> Value:
    if body.live.live_after(init, body.t) or instr.operands.count(init) > 1:
        return _copy_in(body, init)
    storage = body.storage.get(init)
    if storage is not None and body.busy(storage, [init], at=True):
        return _copy_in(body, init)
    return body.take(init)


def _copy_in(body: Body, init: Value) -> Value:
    storage = body.fresh(body.type(init))
    body.note_copy(init, "a loop starts from it while it is still needed")
    body.copy_into(storage.buffer, init)
    body.owned.remove(storage)
    return storage.buffer


def _yields(inner: Body, carries: Sequence[Carry], params: Sequence[Storage | None]) -> list[Value]:
    """Results of the body, in carried order; in-place ones are left in their storage."""
    function = inner.function
    inner.t = len(function.instrs) - 1
    for k, home in enumerate(params):
        if home is not None:
            inner.ensure_in(function.results[k], home)
    out = []
    order = _carried_order(carries)
    for n, k in enumerate(order):
        result = function.results[k]
        if not is_array(result):
            out.append(inner.scalar(result))
            continue
        again = any(function.results[later] is result for later in order[n + 1 :])
        out.append(_take_result(inner, result, again))
    inner.t = len(function.instrs)
    inner.release()
    return [inner.scope.use(v) for v in out]


def _take_result(inner: Body, result: Value, again: bool) -> Value:
    """An owned buffer of a result, a copy of its own when the result is yielded ``again``."""
    if not again:
        return inner.take(result)
    storage = inner.fresh(inner.type(result))
    inner.note_copy(result, "yielded twice")
    inner.copy_into(storage.buffer, result)
    inner.owned.remove(storage)
    return storage.buffer


def _homes(inner: Body, params: Sequence[Value], carries: Sequence[Carry]) -> list[Storage | None]:
    return [
        inner.storage[p] if c.inside is not None else None
        for p, c in zip(params, carries, strict=True)
    ]


def _bind_results(body: Body, instr: Instr, carries: Sequence[Carry], out: Sequence[Value]) -> None:
    for k, value in zip(_carried_order(carries), out, strict=True):
        result = instr.results[k]
        if not is_array(result):
            body.scalars[result] = body.scope.own(value)
            continue
        storage = Storage(body.scope.own(value), "owned")
        body.owned.append(storage)
        body.place(result, storage)


def _store_operands(body: Body, instr: Instr) -> None:
    for v in instr.operands:
        if is_array(v):
            body.buffer(v)


def _lower_for(body: Body, instr: Instr, run: Run) -> None:
    op, (function,) = RegionOp(instr), instr.regions
    _store_operands(body, instr)
    trip = body.scope.use(body.scalar(instr.operands[0]))
    carries = _carries(body, instr)
    scope = body.scope.child("body")
    inner = _nested(body, function, scope, instr)
    inner.scalars[function.params[0]] = scope.own(scope.b.param(INDEX, "i"))
    for param, operand in op.constants(function):
        _bind_constant(body, inner, param, operand)
    params = op.carried_in(function)
    _bind_carried(inner, params, carries)
    homes = _homes(inner, params, carries)
    _run_region(inner, homes, run)
    inits = _inits(body, instr, carries)
    results = [] if function.diverges else _yields(inner, carries, homes)
    region = scope.b.build(results)
    operands = [trip, *inits, *scope.outer_operands()]
    out = body.scope.b.append("for", operands, {"carried": len(inits)}, (region,), instr.loc)
    _bind_results(body, instr, carries, out.results)


def _run_region(inner: Body, homes: Sequence[Storage | None], run: Run) -> None:
    for result, home in zip(inner.function.results, homes, strict=False):
        if home is not None:
            inner.want(result, home)
    run(inner)


def _lower_while(body: Body, instr: Instr, run: Run) -> None:
    op, (test_fn, body_fn) = RegionOp(instr), instr.regions
    _store_operands(body, instr)
    carries = _carries(body, instr)
    sides = []
    for function, name in ((test_fn, "test"), (body_fn, "body")):
        scope = body.scope.child(name)
        inner = _nested(body, function, scope, instr)
        for param, operand in op.constants(function):
            _bind_constant(body, inner, param, operand)
        params = op.carried_in(function)
        _bind_carried(inner, params, carries)
        if name == "test":
            _borrow_all(inner)
        sides.append((inner, _homes(inner, params, carries)))
    (test, _), (step, homes) = sides
    run(test)
    test_out = [] if test_fn.diverges else [test.scope.use(test.scalar(test_fn.results[0]))]
    test.t = len(test_fn.instrs)
    test.release()
    _run_region(step, homes, run)
    inits = _inits(body, instr, carries)
    results = [] if body_fn.diverges else _yields(step, carries, homes)
    captured = unify((len(inits), len(inits)), (test.scope, step.scope))
    regions = (test.scope.b.build(test_out), step.scope.b.build(results))
    operands = [*inits, *[body.scope.use(v) for v in captured]]
    out = body.scope.b.append("while", operands, {"carried": len(inits)}, regions, instr.loc)
    _bind_results(body, instr, carries, out.results)


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
                home = _shared(inner, Storage(inside.buffer, "pinned", inside.arg))
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
        built.append([] if inner.function.diverges else _yields(inner, carries, homes))
    for v in given:
        body.owned.remove(body.storage.pop(v))
    captured = unify([0] * len(inners), [inner.scope for inner, _ in inners])
    regions = tuple(inner.scope.b.build(out) for (inner, _), out in zip(inners, built, strict=True))
    operands = [pred, *[body.scope.use(v) for v in captured]]
    attrs = {} if not all(f.diverges for f in instr.regions) else {"types": _divergent(instr)}
    out = body.scope.b.append("cond", operands, attrs, regions, instr.loc)
    if not all(f.diverges for f in instr.regions):
        _bind_results(body, instr, carries, out.results)


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
    storage = _movable(body, instr, source, result)
    if storage is None:
        return Carry(result)
    storage.values.clear()
    body.storage.pop(source, None)
    body.place(result, storage)
    return Carry(source, _inside(storage))


def _lower_recursion(body: Body, instr: Instr, run: Run) -> None:
    """Scalars in and out. What calls have in turn has a home, in which each finds and leaves it;
    other memory is only read."""
    (function,), count, arrays = instr.regions, instr.attrs["args"], turned(instr)
    outer = len(instr.operands) - len(arrays)
    _store_operands(body, instr)
    args = [body.scope.use(body.scalar(v)) for v in instr.operands[:count]]
    carries = [Carry(v, _inside_of_carry(body, instr, v, r)) for v, r in arrays]
    scope = body.scope.child("recursion")
    inner = _nested(body, function, scope, instr)
    for param in function.params[:count]:
        inner.scalars[param] = scope.own(scope.b.param(param.type, param.hint))
    fixed = slice(count, outer)
    for param, operand in zip(function.params[fixed], instr.operands[fixed], strict=True):
        _bind_constant(body, inner, param, operand)
    _bind_carried(inner, function.params[outer:], carries)
    inner.homes = [inner.storage[p] for p in function.params[outer:]]
    scalars = len(instr.results) - len(arrays)
    homes = [*[None] * scalars, *inner.homes]
    _run_region(inner, homes, run)
    every = [*map(Carry, instr.results[:scalars]), *carries]
    results = [] if function.diverges else _yields(inner, every, homes)
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
