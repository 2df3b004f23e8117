"""Lowering one instruction that is not structured control flow: a small function per kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tracejit.ir.core import Constant, Instr, Value, is_array
from tracejit.ir.ops.extern import reference
from tracejit.ir.ops.recursion import turned
from tracejit.ir.regions import Scope
from tracejit.ir.traits import Trait
from tracejit.ir.types import BufferType, dense_strides
from tracejit.lower import loop_nests, masked_loops
from tracejit.lower.body import Body
from tracejit.lower.contraction import lower_dot
from tracejit.lower.element import Index, Puller
from tracejit.lower.extreme_places import arg_reduce
from tracejit.lower.fusion import CAST_SHAPE
from tracejit.lower.overwriting import before_overwrite, vacate
from tracejit.lower.storage import Storage
from tracejit.lower.tables import find_key, key_slots


def lower_instr(body: Body, instr: Instr) -> None:
    """Emit what one instruction needs now; inlined tensors need nothing."""
    if instr.prim is CAST_SHAPE:
        _check_shape(body, instr)
    if instr.results and all(r in body.inlining.inlined for r in instr.results):
        return
    rule = _BY_NAME.get(instr.name) or _BY_KIND.get(instr.prim.kind)
    if rule is None:
        raise NotImplementedError(f"no lowering for {instr.name}")
    rule(body, instr)


def _constant(body: Body, instr: Instr) -> None:
    value: Constant = instr.attrs["value"]
    if instr.result.rank == 0:
        body.scalars[instr.result] = body.scope.literal(value)
        return
    buffer = body.scope.own(body.scope.b.op("const_buffer", value=value))
    body.place(instr.result, Storage(buffer, "borrowed"))


def _elementwise(body: Body, instr: Instr) -> None:
    if is_array(instr.results[0]):
        for r in instr.results:
            body.materialize(r)
        return
    _on_scalars(body, instr)


def _on_scalars(body: Body, instr: Instr) -> None:
    scalars = [body.scalar(v) for v in instr.operands]
    out = body.scope.op(instr.name, *scalars, loc=instr.loc, **instr.attrs)
    for r, s in zip(instr.results, out if isinstance(out, tuple) else (out,), strict=True):
        body.scalars[r] = s


def _index_map(body: Body, instr: Instr) -> None:
    result = instr.result
    if result.rank == 0:
        _scalar_read(body, result)
    else:
        body.materialize(result)


def _copy(body: Body, instr: Instr) -> None:
    if instr.result.rank == 0:
        _scalar_read(body, instr.result)
    else:
        body.detach(instr.result, "asked for")


def _check_shape(body: Body, instr: Instr) -> None:
    scope = body.scope
    pairs = zip(instr.operands[0].shape, instr.attrs["shape"], strict=True)
    for have, want in ((body.dim(h), body.dim(w)) for h, w in pairs):
        if have != want:
            same = scope.op("eq", scope.index(have), scope.index(want))
            attrs = {"exc": instr.attrs["exc"], "message": instr.attrs["message"]}
            scope.op("check", same, loc=instr.loc, **attrs)


def _scalar_read(body: Body, result: Value) -> None:
    """One element of a stored tensor, as a host scalar (unless an update was ahead of it)."""
    if result not in body.early:
        body.hold(result)


def _create(body: Body, instr: Instr) -> None:
    body.materialize(instr.result)


def _empty(body: Body, instr: Instr) -> None:
    if instr.result.rank:
        wanted = body.wanted(instr.result)
        body.place(instr.result, wanted or body.fresh(body.type(instr.result)))
    else:
        zero = body.scope.b.const(0, instr.result.dtype)
        body.scalars[instr.result] = body.scope.own(zero)


def _update(body: Body, instr: Instr) -> None:
    """In place in the operand's memory, which is saved or copied first where it is still needed."""
    x, result = instr.operands[0], instr.result
    storage, buffer = _update_target(body, instr)
    build = _update_kernel(body, instr, buffer)
    kernel, p = body.scope.child("kernel"), body.puller()
    written = build(p, kernel)
    if not _reads_allowed(body, p, storage, buffer, written, instr):
        for v in instr.operands[1:]:
            if is_array(v):
                _separate(body, v, storage)
        kernel = body.scope.child("kernel")
        build(body.puller(), kernel)
    body.launch(kernel)
    _leave(body, storage, x)
    body.place(result, storage, buffer)


def _leave(body: Body, storage: Storage, but: Value | None = None) -> None:
    """Forget what was in memory that has changed and is not read any more, and ``but``."""
    for v in list(storage.values):
        if v is but or not body.live.live_after(v, body.t):
            storage.values.pop(v)
            body.storage.pop(v, None)


def _update_target(body: Body, instr: Instr) -> tuple[Storage, Value]:
    """Memory that holds the operand's contents and may be overwritten at this instruction, and the
    buffer over it that has the operand's shape."""
    x, result = instr.operands[0], instr.result
    body.as_reshape(x)
    storage = body.storage.get(x)
    if storage is None:
        storage = body.wanted(result) or body.wanted(x) or body.fresh(body.type(x))
        body.copy_into(storage.buffer, x)
        return storage, storage.buffer
    if storage.writable and body.is_whole(x) and not body.exposed(storage):
        buffer = storage.values[x]
        if body.wants.get(result) is storage:
            before_overwrite(body, storage)
            return storage, buffer
        if vacate(body, storage, x):
            return storage, buffer
    target = body.wanted(result) or body.fresh(body.type(x))
    body.note_copy(x, "updated while its old contents are still needed")
    body.copy_into(target.buffer, x)
    return target, target.buffer


_UPDATES = {
    "put_slice": loop_nests.put_slice,
    "add_slice": loop_nests.add_slice,
    "scatter": loop_nests.scatter,
}


def _update_kernel(body: Body, instr: Instr, dest: Value) -> Callable[[Puller, Scope], Index]:
    nest = _UPDATES[instr.name]
    return lambda p, kernel: nest(p, kernel, instr, dest)


def _reads_allowed(
    body: Body, p: Puller, storage: Storage, buffer: Value, written: Index, instr: Instr
) -> bool:
    if all(n == 1 for n in p.shape(instr.operands[1])):
        return True  # one element is read before it is written
    if instr.has(Trait.WINDOW):
        return body.pointwise(p, storage, written, buffer)
    return not any(body.storage.get(v) is storage for v in p.reads)


def _separate(body: Body, value: Value, storage: Storage) -> None:
    """Compute an update's operand before the update, away from the memory it changes."""
    if not any(body.storage.get(leaf) is storage for leaf in body.inlining.leaves(value)):
        return
    body.materialize(value)
    if body.storage[value] is storage:
        body.detach(value, "an update reads its own memory elsewhere")


def _reduction(body: Body, instr: Instr) -> None:
    result = instr.result
    if _selected(body, instr):
        return
    is_arg = instr.has(Trait.FINDS_PLACE)
    if result.rank == 0:
        point = (
            (lambda p, k: [arg_reduce(p, k, instr, ())])
            if is_arg
            else (lambda p, k: [loop_nests.reduce_scalar(p, k, instr)])
        )
        body.scalars[result] = body.run(point)[0]
        return
    shape = body.type(result).shape

    def build(p: Puller, kernel: Scope, dest: Value) -> None:
        if is_arg:
            element = lambda idx, s: arg_reduce(p, s, instr, idx)  # noqa: E731
            loop_nests.fill(p, kernel, dest, shape, element)
        else:
            loop_nests.reduce_into(p, kernel, instr, dest)

    body.compute(result, build, reuse=False)


def _selected(body: Body, instr: Instr) -> bool:
    """Reduce selected elements where they are; True unless there are none that have no memory."""
    (x,) = instr.operands
    found = masked_loops.selections(body.inlining, x)
    mask = masked_loops.common_mask(body.inlining, x) if found else None
    if mask is None:
        for selection in found:
            body.materialize(selection.results[1])
        return False
    count = body.scalars[found[0].results[0]]
    cost = masked_loops.element_cost(body.inlining, x)
    body.scalars[instr.result] = body.run(
        lambda p, k: [masked_loops.reduce_selected(p, k, instr, mask, count, cost)]
    )[0]
    return True


def _scan(body: Body, instr: Instr) -> None:
    def build(p: Puller, kernel: Scope, dest: Value) -> None:
        loop_nests.scan_into(p, kernel, instr, dest)

    body.compute(instr.result, build, reuse=False)


def _nonzero(body: Body, instr: Instr) -> None:
    mask, *known = instr.operands
    body.scalars[instr.results[0]] = _counted(body, mask, known)
    lines = [body.fresh(body.type(r)) for r in instr.results[1:]]

    def build(p: Puller, kernel: Scope) -> list[Value]:
        def write(k: Value, idx: Index, s: Scope) -> None:
            for storage, i in zip(lines, idx, strict=True):
                loop_nests.store(s, storage.buffer, s.index(i), (k.dim,))

        masked_loops.fill_true(p, kernel, mask, write)
        return []

    body.run(build)
    for r, storage in zip(instr.results[1:], lines, strict=True):
        body.place(r, storage)


def _counted(body: Body, mask: Value, known: Sequence[Value]) -> Value:
    """How many elements a mask selects."""
    if known:
        return body.scalar(known[0])
    return body.run(lambda p, k: [masked_loops.count_true(p, k, mask)])[0]


def _compress(body: Body, instr: Instr) -> None:
    mask = instr.operands[1]
    count, result = instr.results
    body.scalars[count] = _counted(body, mask, instr.operands[2:])
    if result not in body.inlining.inlined and body.live.live_after(result, body.t):
        masked_loops.fill_selection(body, instr)


def _recur(body: Body, instr: Instr) -> None:
    """What the call has in turn is in its home, where it may change, and is back there after."""
    arrays = turned(instr)
    body.t -= 1  # until all are in place, each is needed
    for (taken, _), home in zip(arrays, body.homes, strict=True):
        body.ensure_in(taken, home)
    body.t += 1
    for home in body.homes:
        before_overwrite(body, home)
    attrs = {k: v for k, v in instr.attrs.items() if k != "arrays"}
    count = len(instr.operands) - len(arrays)
    scalars = [body.scope.use(body.scalar(v)) for v in instr.operands[:count]]
    out = body.scope.b.append("recur", scalars, attrs, (), instr.loc)
    for r, s in zip(instr.results, out.results, strict=False):
        body.scalars[r] = body.scope.own(s)
    for (_, given), home in zip(arrays, body.homes, strict=True):
        _leave(body, home)
        body.place(given, home)


def _effect(body: Body, instr: Instr) -> None:
    """``raise``, ``check`` and ``print`` on scalars (and dense buffers for ``print``)."""
    operands = [_argument(body, v) for v in instr.operands]
    body.scope.op(instr.name, *operands, loc=instr.loc, **instr.attrs)


def _argument(body: Body, value: Value) -> Value:
    return _dense_buffer(body, value) if is_array(value) else body.scalar(value)


def _dense_buffer(body: Body, value: Value) -> Value:
    buffer = body.buffer(value)
    return buffer if body.dense(buffer) else body.detach(value, "must be contiguous").buffer


def _host_call(body: Body, instr: Instr) -> None:
    _call(body, instr, instr.attrs["fn"], [_argument(body, v) for v in instr.operands])


def _extern(body: Body, instr: Instr) -> None:
    function, extents = reference(instr)
    packed = [_packed(body, v) for v in instr.operands]
    pairs = zip(instr.operands, packed, strict=True)
    operands = [_argument(body, v) if p is None else p.buffer for v, p in pairs]
    _call(body, instr, function, [*operands, *(body.scope.index(body.dim(d)) for d in extents)])
    for temp in packed:
        if temp is not None:
            body.owned.remove(temp)
            body.scope.op("free", temp.buffer)


def _packed(body: Body, value: Value) -> Storage | None:
    """A copy of an array whose elements do not lie in C order: libraries take those only."""
    if not is_array(value):
        return None
    type_ = body.buffer(value).type
    assert isinstance(type_, BufferType)
    if type_.strides == dense_strides(type_.dtype, type_.shape):
        return None
    storage = body.fresh(body.type(value))
    body.note_copy(value, "a library needs its elements next to each other")
    body.copy_into(storage.buffer, value)
    return storage


def _call(
    body: Body, instr: Instr, function: Callable[..., object], operands: Sequence[Value]
) -> None:
    """Array results are written into memory that is given; scalars come back as results."""
    dests = [_dest(body, instr, r) for r in instr.results if is_array(r)]
    scalar_types = tuple(r.type for r in instr.results if not is_array(r))
    order = tuple(is_array(r) for r in instr.results)
    out = body.scope.b.append(
        "host_call",
        [*map(body.scope.use, operands), *[s.buffer for s in dests]],
        {"fn": function, "types": scalar_types, "inputs": len(operands), "order": order},
        loc=instr.loc,
    )
    scalars, arrays = iter(out.results), iter(dests)
    for r in instr.results:
        if is_array(r):
            body.place(r, next(arrays))
        else:
            body.scalars[r] = body.scope.own(next(scalars))


def _dest(body: Body, instr: Instr, result: Value) -> Storage:
    """Where a call writes a result. What may raise leaves the memory of others as it was."""
    wanted = body.wanted(result) if instr.prim.external else None
    if wanted is not None and body.dense(wanted.buffer):
        return wanted
    return body.fresh(body.type(result))


def _write_back(body: Body, instr: Instr) -> None:
    (value,), storage = instr.operands, body.args[instr.attrs["arg"]]
    if is_array(value):
        body.ensure_in(value, storage)
        return

    def build(p: Puller, kernel: Scope) -> list[Value]:
        loop_nests.store(kernel, storage.buffer, kernel.use(body.scalar(value)), ())
        return []

    body.run(build)


def _tape(body: Body, instr: Instr) -> None:
    body.scalars[instr.result] = body.scope.op("tape")


def _push(body: Body, instr: Instr) -> None:
    operands = [_argument(body, v) for v in instr.operands]
    body.scalars[instr.result] = body.scope.op("tape_push", *operands)


def _pop(body: Body, instr: Instr) -> None:
    tape, values = instr.results[0], instr.results[1:]
    arrays = [r for r in values if is_array(r)]
    dests = [body.fresh(body.type(r)) for r in arrays]
    out = body.scope.b.append(
        "tape_pop",
        [body.scope.use(body.scalar(instr.operands[0])), *[s.buffer for s in dests]],
        {
            "types": tuple(r.type for r in values if not is_array(r)),
            "order": tuple(is_array(r) for r in values),
        },
    )
    scalars = iter(out.results)
    body.scalars[tape] = body.scope.own(next(scalars))
    for r in values:
        if not is_array(r):
            body.scalars[r] = body.scope.own(next(scalars))
    for r, storage in zip(arrays, dests, strict=True):
        body.place(r, storage)


def _dot(body: Body, instr: Instr) -> None:
    lower_dot(body, instr)


_BY_KIND: dict[str, Callable[[Body, Instr], None]] = {
    "create": _create,
    "elementwise": _elementwise,
    "index_map": _index_map,
    "update": _update,
    "reduction": _reduction,
    "scan": _scan,
    "contraction": _dot,
    "extern": _extern,
}
_BY_NAME: dict[str, Callable[[Body, Instr], None]] = {
    "constant": _constant,
    "empty": _empty,
    "copy": _copy,
    "compress": _compress,
    "nonzero": _nonzero,
    "find_key": find_key,
    "key_slots": key_slots,
    "recur": _recur,
    "raise": _effect,
    "check": _effect,
    "print": _effect,
    "host_call": _host_call,
    "write_back": _write_back,
    "tape": _tape,
    "push": _push,
    "pop": _pop,
}
