"""What is still needed of memory before it changes: saved where that is less than a copy of it all.

An element, a row or a window that was read and is used later is the value of that moment. As long
as nothing changes, it is computed where it is used; before an update it is computed and kept: one
element in a scalar, anything else in memory of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from tracejit.ir.core import Value, uses
from tracejit.ir.extent import evaluate
from tracejit.passes.storage import Storage

if TYPE_CHECKING:
    from tracejit.passes.body import Body

#: Stands for the unknown number behind a symbolic extent when sizes are compared.
_TYPICAL_EXTENT = 256
_WHY = "read after an update"


def deferred(body: Body, storage: Storage) -> list[Value]:
    """Inlined tensors made before now that read ``storage`` and are used directly after now."""
    held = set(storage.values)
    found: dict[Value, None] = {}
    for instr in body.function.instrs[body.t + 1 :]:
        if any(r in body.inlining.inlined for r in instr.results) and not any(
            body.live.live_after(r, body.t) for r in instr.results
        ):
            continue
        for v in uses(instr):
            before = body.live.position.get(v, body.t) < body.t
            if not before or v in found or v not in body.inlining.inlined:
                continue
            if held.intersection(body.inlining.leaves(v)):
                found[v] = None
    return list(found)


def before_overwrite(body: Body, storage: Storage, but: Iterable[Value] = ()) -> None:
    """Save all that is still needed of ``storage``, except ``but``, at this instruction."""
    spared = set(but)
    for value in deferred(body, storage):
        _save(body, value, storage)
    for value in body.busy(storage, spared):
        _save(body, value, storage)


def vacate(
    body: Body, storage: Storage, but: Collection[Value], operands: Collection[Value] = ()
) -> bool:
    """Whether nothing is needed of ``storage`` besides ``but``, what little there was being saved.

    ``but`` may not be needed after this instruction; ``operands`` are what it reads itself.
    """
    if any(_used_after(body, v) for v in but):
        return False
    later = deferred(body, storage)
    other = [v for v in storage.values if v not in but]
    placed = [v for v in other if v in operands or _used_after(body, v)]
    if sum(map(_size, [*later, *placed])) > _size(storage.buffer):
        return False
    for value in [*later, *placed]:
        _save(body, value, storage)
    return not body.busy(storage, but)


def _save(body: Body, value: Value, storage: Storage) -> None:
    """Give ``value``, which is read from ``storage``, a place of its own."""
    if body.is_one_element(value):
        body.hold(value)
        return
    body.materialize(value)
    if body.storage[value] is storage:
        body.detach(value, _WHY)


def _used_after(body: Body, value: Value) -> bool:
    """Whether something after now takes ``value`` itself, not only what was made of it before."""
    if value in body.function.results:
        return True
    later = body.function.instrs[body.t + 1 :]
    return any(value in uses(i) and _alive(body, i.results) for i in later)


def _alive(body: Body, results: Collection[Value]) -> bool:
    inlined = body.inlining.inlined
    return not any(r in inlined for r in results) or any(
        body.live.live_after(r, body.t) for r in results
    )


def _size(value: Value) -> int:
    count = 1
    for dim in value.shape:
        count *= max(1, evaluate(dim, lambda _: _TYPICAL_EXTENT))
    return count
