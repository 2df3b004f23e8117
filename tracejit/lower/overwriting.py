"""What is still needed of memory before it changes: saved where that is less than a copy of it all.

An element, a row or a window that was read and is used later is the value of that moment. As long
as nothing changes, it is computed where it is used; before an update it is computed and kept: one
element in a scalar, anything else in memory of its own. What is read from an old version after the
update is read before it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from tracejit.ir.core import Instr, Value, uses
from tracejit.ir.extent import typical
from tracejit.lower.fusion import can_inline
from tracejit.lower.storage import Storage

if TYPE_CHECKING:
    from tracejit.lower.body import Body

_WHY = "read after an update"


def deferred(body: Body, storage: Storage) -> list[Value]:
    """Inlined tensors made before now that read ``storage`` and are used directly after now."""
    inlined, position = body.inlining.inlined, body.live.position
    stack = [v for v in storage.values if v not in inlined]
    readers: set[Value] = set()
    while stack:
        for _, instr in body.users.get(v := stack.pop(), ()):
            made = [r for r in instr.results if r in inlined and r not in readers]
            if v in instr.operands:
                readers.update(made)
                stack.extend(made)
    found = []
    for v in readers:
        users = _users(body, v) if position.get(v, body.t) < body.t else []
        if users:
            t, first = users[0]
            found.append((t, list(uses(first)).index(v), v))
    return [v for *_, v in sorted(found, key=lambda place: place[:2])]


def before_overwrite(body: Body, storage: Storage, but: Iterable[Value] = ()) -> None:
    """Save all that is still needed of ``storage``, except ``but``, at this instruction."""
    for value in _least(body, deferred(body, storage)):
        _save(body, value, storage)
    for value in _least(body, body.busy(storage, set(but))):
        _save(body, value, storage)


def vacate(body: Body, storage: Storage, but: Value, operands: Collection[Value] = ()) -> bool:
    """Whether nothing is needed of ``storage`` after now, what little there was being saved.

    ``but`` is what it holds as a whole; ``operands`` are what this instruction reads itself.
    """
    other = [v for v in storage.values if v is not but]
    placed = [v for v in other if v in operands or _used_after(body, v)]
    whole = [but] if _used_after(body, but) else []
    needed = _least(body, [*deferred(body, storage), *placed, *whole], operands)
    if but in needed or sum(map(_size, needed)) > _size(storage.buffer):
        return False
    for value in needed:
        _save(body, value, storage)
    return not body.busy(storage, [] if but in operands else [but])


def _least(body: Body, values: Iterable[Value], operands: Collection[Value] = ()) -> list[Value]:
    """Values, or what is made of them later where that is less and can be made now."""
    found: dict[Value, None] = {}
    known: dict[Value, list[Value]] = {}
    for v in values:
        found.update(dict.fromkeys([v] if v in operands else _made_of(body, v, known)))
    return list(found)


def _made_of(body: Body, value: Value, known: dict[Value, list[Value]]) -> list[Value]:
    """``known``: what was found of other values."""
    if value not in known:
        known[value] = [value]
        found: dict[Value, None] = {}
        users = [] if value in body.function.results else [i for _, i in _users(body, value)]
        for instr in users:
            if not _possible_now(body, instr, value):
                return known[value]
            found.update(dict.fromkeys(_made_of(body, instr.result, known)))
        if users and sum(map(_size, found)) < _size(value):
            known[value] = list(found)
    return known[value]


def _possible_now(body: Body, instr: Instr, but: Value) -> bool:
    """Whether a later instruction can be computed here, ``but`` being known.

    What may end the call before it is a check of its indices, perhaps.
    """
    if not can_inline(instr) or len(instr.results) != 1 or instr.result in body.wants:
        return False
    position = body.live.position
    if body.may_fail_between(body.t, position[instr.result]):
        return False
    known = [
        v in body.scalars if v.rank == 0 else position.get(v, -1) < body.t
        for v in uses(instr)
        if v is not but
    ]
    return all(known)


def _save(body: Body, value: Value, storage: Storage) -> None:
    """Give ``value``, which is read from ``storage``, a place of its own."""
    body.compute_now(value)
    if value.rank == 0 or body.is_one_element(value):
        body.hold(value)
        return
    body.materialize(value)
    if body.storage[value] is storage:
        body.detach(value, _WHY)


def _used_after(body: Body, value: Value) -> bool:
    """Whether something after now takes ``value`` itself, not only what was made of it before."""
    return value in body.function.results or bool(_users(body, value))


def _users(body: Body, value: Value) -> list[tuple[int, Instr]]:
    """Instructions after now that take ``value``, and where they are."""
    later = ((t, i) for t, i in body.users.get(value, ()) if t > body.t)
    return [(t, i) for t, i in later if _alive(body, i)]


def _alive(body: Body, instr: Instr) -> bool:
    """Whether an instruction after now is still to be computed, and is wanted."""
    results = instr.results
    if results and all(r in body.early for r in results):
        return False
    inlined = any(r in body.inlining.inlined for r in results)
    return not inlined or any(body.live.live_after(r, body.t) for r in results)


def _size(value: Value) -> int:
    count = 1
    for dim in value.shape:
        count *= max(1, typical(dim))
    return count
