"""Loops at run time: the body is traced until what it carries is steady, then one ``for`` or
``while`` is emitted. An iteration unlike the rest is peeled; a swap of names unrolls its cycle.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from tracejit.errors import StructureError, UnsupportedError
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim, emax, floordiv, mod
from tracejit.ir.types import BOOL, INDEX
from tracejit.trace import containers
from tracejit.trace.convert import UNDEFINED, Site, VarInfo
from tracejit.trace.iteration import Steps, steps_of
from tracejit.trace.loop import (
    UNROLL_LIMIT,
    Attempt,
    Loop,
    at_least_one,
    entry_state,
    restore_state,
    variables,
)
from tracejit.trace.loop_emit import emit
from tracejit.trace.loop_state import (
    Keep,
    Maybe,
    Opened,
    Plan,
    Resized,
    Unbound,
    Unsteady,
    binding,
    first_plan,
    improved,
    opened,
)
from tracejit.trace.raising import Diverged, emit_raise, is_users
from tracejit.trace.session import Frame, Restart, current, where
from tracejit.trace.staging_if import as_test, staged_if
from tracejit.trace.values import Array

_ATTEMPTS = 12
_CYCLE_LIMIT = 4


def staged_for(
    ops: Any,
    iterable: Any,
    body_fn: Callable[[Any], Any],
    get_state: Callable[[], tuple[Any, ...]],
    set_state: Callable[[tuple[Any, ...]], None],
    names: tuple[VarInfo, ...],
    site: Site,
    extra: Callable[[], Any] | None,
) -> None:
    """A ``for`` statement."""
    session = current()
    steps = steps_of(iterable)
    key = (site.filename, site.line, site.segment)
    if steps is None or (
        isinstance(steps.trip, int) and (steps.trip <= 1 or key in session.unroll)
    ):
        items = iterable if steps is None else map(steps.item, range(max(int(steps.trip), 0)))  # type: ignore[arg-type]
        plain_for(ops, iter(items), body_fn, get_state, set_state, names, extra)
        return
    loop = Loop(
        session, steps.trip, _body_of(steps, body_fn), extra, get_state, set_state, names, key
    )
    run(loop)


def _body_of(steps: Steps, body_fn: Callable[[Any], Any]) -> Callable[[Dim], None]:
    def body(i: Dim) -> None:
        body_fn(steps.item(i))

    return body


def plain_for(
    ops: Any,
    items: Any,
    body_fn: Callable[[Any], Any],
    get_state: Callable[[], tuple[Any, ...]],
    set_state: Callable[[tuple[Any, ...]], None],
    names: tuple[VarInfo, ...],
    extra: Callable[[], Any] | None,
) -> None:
    """A loop that Python itself goes through; a run-time ``break`` nests the rest in branches."""
    for item in items:
        body_fn(item)
        if extra is None:
            continue
        test = as_test(extra())
        if isinstance(test, bool):
            if not test:
                return
            continue
        staged_if(
            test,
            lambda: plain_for(ops, items, body_fn, get_state, set_state, names, extra),
            lambda: None,
            get_state,
            set_state,
            names,
        )
        return


def staged_while(
    ops: Any,
    test_fn: Callable[[], Any],
    body_fn: Callable[[], Any],
    get_state: Callable[[], tuple[Any, ...]],
    set_state: Callable[[tuple[Any, ...]], None],
    names: tuple[VarInfo, ...],
    site: Site,
) -> None:
    """A ``while`` statement."""
    session = current()
    key = (site.filename, site.line, site.segment)
    if key in session.unroll:
        _plain_while(test_fn, body_fn)
        return
    loop = Loop(session, None, lambda _: body_fn(), test_fn, get_state, set_state, names, key)
    run(loop)


def _plain_while(test_fn: Callable[[], Any], body_fn: Callable[[], Any]) -> None:
    for _ in range(UNROLL_LIMIT):
        test = as_test(test_fn())
        if not isinstance(test, bool):
            raise UnsupportedError(f"{where()}: the test of an unrolled loop must be known")
        if not test:
            return
        body_fn()
    raise UnsupportedError(f"{where()}: a loop needs more than {UNROLL_LIMIT} unrolled turns")


def loop_over(ops: Any, iterable: Any, body_fn: Callable[[Any], Any], state: list[Any]) -> None:
    """A loop of the tracer's own (``sum`` over an array)."""
    names = tuple(VarInfo(f"item {k}", True, True) for k in range(len(state)))
    site = Site(where(), 0, "", "")

    def set_state(values: tuple[Any, ...]) -> None:
        state[:] = values

    staged_for(ops, iterable, body_fn, lambda: tuple(state), set_state, names, site, None)


# One loop -----------------------------------------------------------------------------------------


def run(loop: Loop) -> None:
    """Stage the loop: find a steady plan, or peel an iteration and stage the rest."""
    go: bool | Value = True
    if loop.trip is None:
        assert loop.test is not None
        go = as_test(loop.test())
        if go is False:
            return
    entry = entry_state(loop)
    try:
        plans, attempt, entry = _steady(loop, entry)
    except Swapped as swap:
        restore_state(loop, entry)
        _unroll_cycle(loop, swap.cycle)
        return
    except Unsteady as reason:
        restore_state(loop, entry)
        _unsteady(loop, reason, go)
        return
    if not loop.peeled and _hazard(attempt):
        _peel(loop, go)
        return
    emit(loop, plans, attempt, entry, go)


def _steady(loop: Loop, entry: list[Any]) -> tuple[list[Plan], Attempt, list[Any]]:
    """Trace the body until its plans fit. Unsteady when none do."""
    plans = [_first(info, x) for info, x in zip(variables(loop), entry, strict=True)]
    for _ in range(_ATTEMPTS):
        attempt = _attempt(loop, plans, entry)
        found = [obj for obj, _ in attempt.frame.containers.values()]
        new_boxes = [o for o in found if not any(o is b for b in loop.boxes)]
        if new_boxes:
            if loop.may_unroll and any(_resized(attempt, o) for o in new_boxes):
                raise Restart(loop.key, "a list changes its length in a loop")
            loop.boxes.extend(new_boxes)
            extra = [containers.snapshot(b) for b in new_boxes]
            entry = [*entry, *extra]
            plans = [*plans, *(first_plan(x) for x in extra)]
            continue
        if loop.test is None and not attempt.raised:
            cycle = find_swap(attempt.start, attempt.end)
            if cycle > 1 and all(isinstance(p, Keep) for p in _moved(plans, attempt)):
                raise Swapped(cycle)
        better = plans if attempt.raised else _all_better(loop, plans, entry, attempt)
        if better == plans:
            return plans, attempt, entry
        plans = better
    raise Unsteady("what the loop carries never settles")


def _moved(plans: Sequence[Plan], attempt: Attempt) -> list[Plan]:
    """Plans of the array names that an iteration binds to other storage."""
    return [
        plan
        for plan, start, end in zip(plans, attempt.start, attempt.end, strict=True)
        if isinstance(start, Array) and isinstance(end, Array) and binding(start) != binding(end)
    ]


def _resized(attempt: Attempt, obj: Any) -> bool:
    _, now = attempt.boxes_final[id(obj)]
    return len(now) != len(obj)


def _first(info: VarInfo, x: Any) -> Plan:
    if not info.live_in:
        return Keep() if info.live_out else Unbound()
    return first_plan(x)


def _all_better(
    loop: Loop, plans: Sequence[Plan], entry: Sequence[Any], attempt: Attempt
) -> list[Plan]:
    return [
        _better(loop, info, plan, before, start, end, attempt.frame)
        for info, plan, before, start, end in zip(
            variables(loop), plans, entry, attempt.start, attempt.end, strict=True
        )
    ]


def _better(
    loop: Loop, info: VarInfo, plan: Plan, entry: Any, start: Any, end: Any, frame: Frame
) -> Plan:
    if isinstance(plan, Unbound) or end is UNDEFINED:
        return plan
    new = improved(plan, entry, start, end, frame, info.name)
    unbound = entry is UNDEFINED and not loop.runs and info.kind not in ("flag", "return_value")
    if unbound and not isinstance(new, Maybe | Keep):
        return Maybe(info.name, new)
    return new


def _attempt(loop: Loop, plans: Sequence[Plan], entry: Sequence[Any]) -> Attempt:
    session = loop.session
    out = Opened()
    raised = False
    again: Value | None = None
    end: list[Any] = []
    with session.region("loop", "body") as frame:
        counter, go = Value(INDEX, "i"), Value(BOOL, "go")
        if loop.trip is not None:
            session.ranges.bound(counter, 0, loop.trip - 1)
        start = [opened(p, x, out) for p, x in zip(plans, entry, strict=True)]
        frame.own = {counter, go, *out.values}
        if loop.may_unroll or loop.trip is None:
            for value in (counter, *out.values):
                session.loop_of[value] = loop.key
        restore_state(loop, start)
        for box in loop.boxes:
            frame.containers[id(box)] = (box, containers.snapshot(box))
        try:
            loop.body(counter.dim + loop.first)
            if loop.test is not None:
                again = _test_value(loop)
            end = entry_state(loop)
        except Exception as error:
            if not isinstance(error, Diverged) and not is_users(error):
                raise
            emit_raise(session, error)
            raised = True
    final = session.leave(frame)
    boxes = containers.leave(frame)
    attempt = Attempt(frame, counter, go, again, out, start, end, final, raised, boxes)
    restore_state(loop, entry)
    return attempt


def _test_value(loop: Loop) -> Value:
    assert loop.test is not None
    test = as_test(loop.test())
    return loop.session.b.const(test, "bool") if isinstance(test, bool) else test


# Iterations unlike the rest -----------------------------------------------------------------------


def _unsteady(loop: Loop, reason: Unsteady, go: bool | Value) -> None:
    if isinstance(reason, Resized) and loop.may_unroll:
        raise Restart(loop.key, "a list changes its length in a loop")
    if loop.peeled:
        if loop.may_unroll:
            raise Restart(loop.key, str(reason))
        raise StructureError(
            f"{where()}: {str(reason)!r} changes its kind from one iteration to the next; "
            "give it one dtype, rank and structure before the loop"
        )
    _peel(loop, go)


def _peel(loop: Loop, go: bool | Value) -> None:
    """The first iteration by itself, then the loop over the rest."""
    session = loop.session
    rest = Loop(
        session,
        None if loop.trip is None else loop.trip - 1,
        loop.body, loop.test, loop.get_state, loop.set_state, loop.names, loop.key,
        loop.first + 1,
        True,
    )  # fmt: skip

    def first_and_rest() -> None:
        loop.body(loop.first)
        if loop.trip is not None and loop.test is not None:
            test = as_test(loop.test())
            if isinstance(test, bool):
                if test:
                    run(rest)
                return
            staged_if(
                test, lambda: run(rest), lambda: None, loop.get_state, loop.set_state, loop.names
            )
            return
        run(rest)

    pred: bool | Value = go
    if loop.trip is not None:
        pred = at_least_one(loop)
    if pred is True:
        first_and_rest()
        return
    if pred is False:
        return
    staged_if(pred, first_and_rest, lambda: None, loop.get_state, loop.set_state, loop.names)


def _hazard(attempt: Attempt) -> bool:
    """Whether the first iteration's arrays are seen elsewhere while their carried copies, or they
    themselves, are written."""
    if attempt.raised:
        return False
    for cell, placeholder, entry in attempt.opened.cells:
        if entry is None:
            continue
        written = cell.value is not placeholder
        shared = getattr(entry.cell, "arg", None) is not None or entry.cell.depth >= 0
        if written and shared:
            return True
        if entry.cell in attempt.final and _changed(attempt, entry.cell):
            return True
    return False


def _changed(attempt: Attempt, cell: Any) -> bool:
    return attempt.final[cell] is not attempt.frame.placeholders.get(cell)


# Swaps --------------------------------------------------------------------------------------------


class Swapped(Exception):  # noqa: N818
    """Array names are permuted by each iteration; after ``cycle`` they are where they were."""

    def __init__(self, cycle: int) -> None:
        super().__init__(cycle)
        self.cycle = cycle


def find_swap(entry: Sequence[Any], end: Sequence[Any]) -> int:
    """Length of the permutation of array bindings from entry to end (1: none)."""
    before = {binding(x): k for k, x in enumerate(entry) if isinstance(x, Array)}
    moves: dict[int, int] = {}
    for k, x in enumerate(end):
        if isinstance(x, Array) and isinstance(entry[k], Array):
            source = before.get(binding(x))
            if source is not None and source != k:
                moves[k] = source
    if not moves or set(moves) != set(moves.values()):
        return 1
    order, at = 1, dict(moves)
    while any(k != v for k, v in at.items()) and order <= _CYCLE_LIMIT:
        at = {k: moves[v] for k, v in at.items()}
        order += 1
    return order if order <= _CYCLE_LIMIT else 1


def _unroll_cycle(loop: Loop, cycle: int) -> None:
    """``cycle`` iterations per turn, then the rest one by one."""
    session = loop.session
    assert loop.trip is not None

    def several(i: Dim) -> None:
        for k in range(cycle):
            loop.body(i * cycle + k)

    trip = loop.trip if session.ranges.at_least(loop.trip, 0) else emax(loop.trip, 0)
    turns = floordiv(trip, cycle)
    left = mod(trip, cycle)
    still_read = tuple(replace(v, live_out=v.live_in or v.live_out) for v in loop.names)
    inner = Loop(
        session, turns, several, None, loop.get_state, loop.set_state, still_read,
        (*loop.key, "cycle"), 0, loop.peeled,
    )  # fmt: skip
    run(inner)
    base = turns * cycle

    def rest(k: int) -> None:
        if k >= cycle - 1:
            return
        if isinstance(left, int):
            if left > k:
                loop.body(base + k)
                rest(k + 1)
            return
        b = session.b
        more = b.op("gt", b.index(left), b.const(k, "i64"))

        def one_more() -> None:
            loop.body(base + k)
            rest(k + 1)

        staged_if(more, one_more, lambda: None, loop.get_state, loop.set_state, loop.names)

    rest(0)
