"""One trace of a loop's body: what it binds, what it writes, and whether it raises."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tracejit.errors import is_for_user
from tracejit.ir.core import Value
from tracejit.ir.types import BOOL, INDEX
from tracejit.trace.control.branch import as_test
from tracejit.trace.control.carried_storage import EndStorage
from tracejit.trace.control.loop_attempt import (
    Attempt,
    StagedLoop,
    entry_state,
    restore_state,
    variables,
)
from tracejit.trace.control.number_plans import Number
from tracejit.trace.control.objects import is_object
from tracejit.trace.control.plans import BindingPlan, Placeholders
from tracejit.trace.control.shared_containers import mark, share
from tracejit.trace.session.frames import Frame
from tracejit.trace.session.raising import Diverged, emit_raise
from tracejit.trace.values import containers
from tracejit.trace.values.dynamic_list import alike


def trace_body(loop: StagedLoop, plans: Sequence[BindingPlan], entry: Sequence[Any]) -> Attempt:
    """The body traced under its plans; names and containers are as before afterwards."""
    session = loop.session
    before = len(session.refusals)
    session.attempts += 1
    try:
        attempt = _traced(loop, plans, entry)
        attempt.refusals = session.refusals[before:]
    finally:
        session.attempts -= 1
        del session.refusals[before:]
    return attempt


def _traced(loop: StagedLoop, plans: Sequence[BindingPlan], entry: Sequence[Any]) -> Attempt:
    session = loop.session
    out = Placeholders()
    raised = False
    again: Value | None = None
    end: list[Any] = []
    left: list[Any] = []
    same: list[Any] = []
    with session.region("loop", "body") as frame:
        frame.unroll = loop.key if loop.may_unroll else None
        counter, go = Value(INDEX, "i"), Value(BOOL, "go")
        if loop.trip is not None:
            session.ranges.bound(counter, 0, loop.trip - 1)
        start = [p.rebuild(x, out) for p, x in zip(plans, entry, strict=True)]
        for cell, *_ in out.cells:
            cell.carried = loop.key
        for k, (plan, x) in enumerate(zip(plans, start, strict=True)):
            if isinstance(plan, Number):
                session.provisional[x.read()] = (loop, k, entry[k])
        frame.own = {counter, go, *out.values}
        if loop.may_unroll or loop.trip is None:
            for value in (counter, *out.values):
                session.loop_of[value] = loop.key
        restore_state(loop, start)
        loop_start = start
        start = list(map(_kept, start, entry))
        mark(loop, loop_start)
        for box in loop.boxes:
            frame.containers[id(box)] = (box, containers.snapshot(box))
        try:
            loop.body(counter.dim + loop.first)
            if loop.test is not None:
                again = _test_value(loop)
            same = share(loop, entry, loop_start, entry_state(loop))
            left = entry_state(loop)
            end = [alike(x, y) for x, y in zip(entry, left, strict=True)]
        except BaseException as error:
            if not isinstance(error, Diverged) and not is_for_user(error):
                raise
            emit_raise(session, error)
            raised = True
    storage = _storage(loop, start, end, frame)
    final = session.leave(frame)
    boxes = containers.leave(frame)
    attempt = Attempt(frame, counter, go, again, out, start, end, final, raised, boxes, storage)
    attempt.left = {id(x): y for x, y in zip(end, left, strict=True) if x is not y}
    attempt.steady = raised or same == loop.same
    loop.same = loop.same if raised else same
    restore_state(loop, entry)
    return attempt


def _kept(start: Any, entry: Any) -> Any:
    """What a name is bound to at the start, as it was: the body may change a list of the loop's.

    What is the same object as before the loop stays that object, in a list or dict, too."""
    if start is entry:
        return start
    kind = type(start)
    if kind is type(entry) and kind in (list, tuple) and len(start) == len(entry):
        return kind(map(_kept, start, entry))
    if kind is dict and type(entry) is dict:
        return {k: _kept(x, entry.get(k)) for k, x in start.items()}
    return containers.copied(start)


def _storage(loop: StagedLoop, start: list[Any], end: list[Any], frame: Frame) -> EndStorage:
    """Who holds what at the end of the body; the slots' ends are filled in."""
    rows = list(zip(variables(loop), start, end, strict=True)) if end else []
    kept = [
        (v.name, x)
        for v, before, x in rows[len(loop.slots) :]
        if (v.live_in or v.live_out) and not (x is before and is_object(x))
    ]
    storage = EndStorage(kept, frame.depth)
    contents = storage.contents() or {}
    if end:
        end[: len(loop.slots)] = [
            contents.get(name, x) for name, x in zip(loop.slots, start, strict=False)
        ]
    return storage


def _test_value(loop: StagedLoop) -> Value:
    assert loop.test is not None
    test = as_test(loop.test())
    return loop.session.b.const(test, "bool") if isinstance(test, bool) else test
