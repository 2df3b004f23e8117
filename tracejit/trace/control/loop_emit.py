"""Emits the ``for`` or ``while`` of a loop whose body has been traced to a steady state."""

from __future__ import annotations

from collections.abc import Sequence
from operator import is_not
from typing import Any

from tracejit.errors import UnsupportedError
from tracejit.ir.core import Value
from tracejit.trace.control.escape import CarriedByValue
from tracejit.trace.control.loop_attempt import (
    Attempt,
    StagedLoop,
    at_least_one,
    restore_state,
    variables,
)
from tracejit.trace.control.plans import Arrivals, BindingPlan, Results
from tracejit.trace.control.shared_containers import mark
from tracejit.trace.convert import UNDEFINED, VarInfo
from tracejit.trace.session.raising import Diverged
from tracejit.trace.session.regions import Carried, diverged, emit_for, emit_while
from tracejit.trace.session.session import Session, where
from tracejit.trace.values import containers
from tracejit.trace.values.all import Array, Cell, Select


def emit(
    loop: StagedLoop,
    plans: Sequence[BindingPlan],
    attempt: Attempt,
    entry: Sequence[Any],
    go: bool | Value,
) -> None:
    session = loop.session
    session.settle(attempt.refusals)
    plans = list(plans)
    sharing = CarriedByValue(loop, attempt, entry)
    sharing.must_not_be_kept()
    moved = sharing.moved()
    values = _carried(loop, plans, attempt, entry)
    cells = [
        (cell, Carried(p, attempt.frame.touched[cell], attempt.final[cell]))
        for cell, p in attempt.frame.placeholders.items()
    ]
    every = [*values, *(c for _, c in cells)]
    builder = attempt.frame.builder
    counted = loop.test is None or _goes_on(loop, attempt)
    if counted:
        assert loop.trip is not None
        trip = session.b.index(loop.trip)
        results = emit_for(trip, builder, attempt.counter, every)
    else:
        results, every = _emit_while(loop, attempt, every, go)
    changed = [_differs(c, builder) or c.placeholder in moved for c in every]
    if attempt.raised and loop.runs and counted:
        session.b.op("raise", exc="AssertionError", message="not reached")
        raise Diverged
    given = Results(results[: len(values)], changed[: len(values)], runs=loop.runs)
    state = _after(loop, plans, entry, given)
    mark(loop, state)
    restore_state(loop, [_or_entry(loop, go, x, old) for x, old in zip(state, entry, strict=True)])
    if not attempt.raised:
        sharing.link(state)
    for (cell, c), result in zip(
        cells, results[len(values) : len(values) + len(cells)], strict=True
    ):
        if _differs(c, builder):
            session.replace(cell, result)
    for box in loop.boxes:
        containers.touch(session, box)


def _goes_on(loop: StagedLoop, attempt: Attempt) -> bool:
    """Whether a test beside the count of turns always holds: nothing ends the loop early."""
    if loop.trip is None or attempt.raised or attempt.again is None:
        return False
    return bool(loop.session.literal(attempt.again))


def _differs(c: Carried, builder: Any) -> bool:
    return c.end is not c.placeholder and not diverged(builder)


def _after(
    loop: StagedLoop, plans: Sequence[BindingPlan], entry: Sequence[Any], given: Arrivals
) -> list[Any]:
    state: list[Any] = []
    for info, plan, x in zip(variables(loop), plans, entry, strict=True):
        got = plan.rebuild(x, given)
        state.append(got if info.live_out else UNDEFINED if info.live_in else got)
    return state


def _or_entry(loop: StagedLoop, go: bool | Value, x: Any, old: Any) -> Any:
    """After no iteration at all, a name is still bound to the caller's array."""
    if not isinstance(x, Array) or not isinstance(old, Array) or x.cell is old.cell:
        return x
    ran = go if loop.trip is None else at_least_one(loop)
    if isinstance(ran, bool) or getattr(old.cell, "arg", None) is None or x.layers:
        return x
    if not isinstance(x.cell, Cell):
        return x
    return Array(Select(ran, x, old, x.cell.value))


def _carried(
    loop: StagedLoop, plans: list[BindingPlan], attempt: Attempt, entry: Sequence[Any]
) -> list[Carried]:
    """Placeholders with entry and end values; variables that zero trips leave unbound get a
    flag (which the body itself never reads)."""
    session = loop.session
    starts: list[Value] = []
    for info, plan, x in zip(variables(loop), plans, entry, strict=True):
        starts.extend(plan.flatten(x if _needed(loop, info, x) else UNDEFINED))
    ends: list[Value] = []
    if not attempt.raised:
        session.frames.append(attempt.frame)
        saved = {cell: cell.value for cell in attempt.final}
        for cell, value in attempt.final.items():
            cell.value = value
        held = _in_heaps(session)
        for plan, x in zip(plans, attempt.end, strict=True):
            ends.extend(plan.flatten(x, attempt.storage))
        session.frames.pop()
        if any(map(is_not, held, _in_heaps(session))):  # the body is over: that would be lost
            raise UnsupportedError(
                f"{where()}: a list or dict of lists is bound to a name in a loop, and refers to "
                "its lists otherwise before: copy it before the loop ([list(row) for row in x])"
            )
        for cell, value in saved.items():
            cell.value = value
        _first_read_here(attempt)
    else:
        ends = list(attempt.opened.values)
    return [Carried(p, s, e) for p, s, e in zip(attempt.opened.values, starts, ends, strict=True)]


def _in_heaps(session: Session) -> list[Any]:
    """What the lists of all heaps are and hold."""
    heaps = session.heaps.values()
    return [part for heap in heaps for part in (*heap.rows, *heap.pool)]


def _first_read_here(attempt: Attempt) -> None:
    """What the body binds but never reads is first read when its end value is taken."""
    for cell, before in attempt.frame.touched.items():
        if cell not in attempt.final:
            attempt.final[cell] = cell.value
            cell.value = before


def _needed(loop: StagedLoop, info: VarInfo, x: Any) -> bool:
    """Whether the value at entry can be seen in or after the loop."""
    return info.live_in or x is not UNDEFINED


def _emit_while(
    loop: StagedLoop, attempt: Attempt, every: list[Carried], go: bool | Value
) -> tuple[list[Value], list[Carried]]:
    """A loop with a test: ``go`` is carried; with a trip count the counter is too."""
    session = loop.session
    b = session.b
    builder = attempt.frame.builder
    start: Value = b.const(go, "bool") if isinstance(go, bool) else go
    again = attempt.again
    extra: list[Carried] = []
    if loop.trip is not None:
        b = session.b
        entered = at_least_one(loop)
        start = b.const(entered, "bool") if isinstance(entered, bool) else entered
        if not attempt.raised:
            session.frames.append(attempt.frame)
            inner = session.b
            following = inner.op("add", attempt.counter, inner.const(1, "i64"))
            more = inner.op("lt", following, inner.index(loop.trip))
            assert again is not None
            again = inner.op("bitwise_and", more, again)
            session.frames.pop()
        else:
            following = attempt.counter
        zero = session.b.const(0, "i64")
        extra = [Carried(attempt.counter, zero, following)]
    flag = Carried(attempt.go, start, attempt.go if again is None else again)
    results = emit_while(builder, flag, [*every, *extra])
    return results[: len(every)], every
