"""What a loop or branch carries: which of it is updated in place, what goes into the region and
what comes out of it.
"""

from __future__ import annotations

from collections.abc import Sequence

from tracejit.ir.core import Instr, Value, is_array
from tracejit.ir.extent import Dim, Extent
from tracejit.ir.region_ops import RegionOp
from tracejit.ir.types import INDEX, BufferType, TensorType, dense_buffer
from tracejit.lower.body import Body
from tracejit.lower.overwriting import vacate
from tracejit.lower.storage import Storage, in_step, may_fail, updated_from, written_args
from tracejit.records import dataclass


@dataclass
class Carry:
    """One carried position: its operand, and its storage when it is updated in place."""

    init: Value
    inside: Storage | None = None


def movable_storage(body: Body, instr: Instr, init: Value, result: Value) -> Storage | None:
    """The operand's storage when the instruction may take it over and leave ``result`` in it."""
    storage = body.storage.get(init)
    if storage is None or not storage.writable or not _is_all_of(body, init, storage):
        return None
    if not is_unseen(body, instr, storage) and not _kept_in_step(instr, storage, result):
        return None
    if instr.operands.count(init) != 1:
        return None
    return storage if vacate(body, storage, init, instr.operands) else None


def _is_all_of(body: Body, value: Value, storage: Storage) -> bool:
    """Whether a tensor is all of its memory, under the shape that this was made with."""
    given, whole = storage.values[value], storage.buffer
    if given is whole:
        return True
    return body.is_whole(value) and _shape(body, given) == _shape(body, whole)


def _shape(body: Body, buffer: Value) -> list[Dim]:
    assert isinstance(buffer.type, BufferType)
    return [body.scope.dim(d) for d in buffer.type.shape]


def is_unseen(body: Body, instr: Instr, storage: Storage) -> bool:
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


def pinned(storage: Storage) -> Storage:
    return Storage(storage.buffer, "pinned", storage.arg)


def _take_over(body: Body, instr: Instr, init: Value, result: Value) -> Storage:
    """Memory that starts as ``init`` and that the instruction updates in place."""
    body.buffer(init)
    storage = movable_storage(body, instr, init, result)
    if storage is None:
        wanted = body.wanted(result)
        if wanted is not None and not is_unseen(body, instr, wanted):
            wanted = None
        storage = wanted or body.fresh(body.type(init))
        body.note_copy(init, "updated by a loop or branch while still needed outside")
        body.copy_into(storage.buffer, init)
        return storage
    body.storage.pop(init, None)
    storage.values.clear()
    return storage


def carries_of(body: Body, instr: Instr) -> list[Carry]:
    carries = []
    for k, init in enumerate(RegionOp(instr).inits):
        carry = Carry(init)
        if is_array(init) and updated_from(instr, instr.results[k]) is not None:
            carry.inside = storage_inside(body, instr, init, instr.results[k])
        carries.append(carry)
    return carries


def storage_inside(body: Body, instr: Instr, init: Value, result: Value) -> Storage:
    outer = _take_over(body, instr, init, result)
    body.place(result, outer)
    return pinned(outer)


def bind_carried(inner: Body, params: Sequence[Value], carries: Sequence[Carry]) -> None:
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
            storage = share_storage(inner, Storage(carry.inside.buffer, "pinned", carry.inside.arg))
            inner.place(param, storage)
            continue
        local = inner.type(param)
        type_ = dense_buffer(TensorType(local.dtype, tuple(scope.dim(d) for d in local.shape)))
        storage = Storage(scope.own(scope.b.param(type_)), "owned")
        lead.append(storage.buffer)
        inner.owned.append(storage)
        inner.place(param, storage)
    scope.b.params[:] = [*lead, *[p for p in scope.b.params if p not in lead]]


def share_storage(inner: Body, storage: Storage) -> Storage:
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


def initial_values(body: Body, instr: Instr, carries: Sequence[Carry]) -> list[Value]:
    out = []
    for k in _carried_order(carries):
        init = carries[k].init
        out.append(_moved_in(body, instr, init) if is_array(init) else _scalar_here(body, init))
    return [body.scope.use(v) for v in out]


def _scalar_here(body: Body, value: Value) -> Value:
    """A scalar that is carried. Types of buffers say an extent from outside by what it is made of
    (``n + 3``), so what is carried beside them must, too."""
    found, scope = body.scalar(value), body.scope
    if found.type != INDEX or not isinstance(found.expr, Extent) or found in scope.local:
        return found
    return found if scope.parent is None else scope.index(found.expr)


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


def yielded(inner: Body, carries: Sequence[Carry], params: Sequence[Storage | None]) -> list[Value]:
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
            out.append(_scalar_here(inner, result))
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


def homes_of(
    inner: Body, params: Sequence[Value], carries: Sequence[Carry]
) -> list[Storage | None]:
    return [
        inner.storage[p] if c.inside is not None else None
        for p, c in zip(params, carries, strict=True)
    ]


def bind_results(body: Body, instr: Instr, carries: Sequence[Carry], out: Sequence[Value]) -> None:
    for k, value in zip(_carried_order(carries), out, strict=True):
        result = instr.results[k]
        if not is_array(result):
            body.scalars[result] = body.scope.own(value)
            continue
        storage = Storage(body.scope.own(value), "owned")
        body.owned.append(storage)
        body.place(result, storage)
