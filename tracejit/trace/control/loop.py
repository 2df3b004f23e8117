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
from tracejit.trace.control.branch import as_test, staged_if
from tracejit.trace.control.carried_permutation import Swapped
from tracejit.trace.control.escape import CarriedByValue, alone
from tracejit.trace.control.fixpoint import Escapes, Growing, NotConverged, Resized, TextGrows
from tracejit.trace.control.held_contents import make_hold, refers
from tracejit.trace.control.loop_attempt import (
    UNROLL_LIMIT,
    StagedLoop,
    UnrolledCode,
    at_least_one,
    entry_state,
    restore_state,
)
from tracejit.trace.control.loop_emit import emit
from tracejit.trace.control.loop_fixpoint import ATTEMPTS, steady_plans
from tracejit.trace.convert import Site, VarInfo
from tracejit.trace.session.frames import Restart
from tracejit.trace.session.session import current, where
from tracejit.trace.session.tracer import Steps
from tracejit.trace.values.all import dim_value
from tracejit.trace.values.caller_lists import FEW, SOME, release, table_of
from tracejit.trace.values.chosen_constants import united
from tracejit.trace.values.dynamic_list import is_grown, is_ref, length_of, refuse
from tracejit.trace.values.entries import is_table, table_in
from tracejit.trace.values.iterables import ReadAgain, as_met, iterated, steps_of


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
    key = site.key
    steps = steps_of(as_met(iterable, key))
    table = None
    if steps is None and _goes_on_rolled(iterable, key):
        table = table_of(iterable)
    if steps is None and type(iterable) is str and session.loop_is(key, "rolled"):
        steps = _characters(ops, iterable)
    if table is not None:
        steps = table.steps()
        session.kept_rolled.setdefault(key)
    if steps is None or (
        isinstance(steps.trip, int) and (steps.trip <= 1 or session.loop_is(key, "unroll"))
    ):
        items = iterable if steps is None else map(steps.item, range(max(int(steps.trip), 0)))  # type: ignore[arg-type]
        code = None
        if not session.loop_is(key, "rolled"):
            if steps is not None and session.loop_is(key, "unroll"):
                code = UnrolledCode(session, key)
            elif steps is None and type(iterable) in (list, str) and len(iterable) >= SOME:
                code = UnrolledCode(session, key, lambda: _may_be_rolled(iterable))
        plain_for(ops, iterated(items, key), body_fn, get_state, set_state, names, extra, code)
        return
    if session.loop_is(key, "rolled"):
        session.kept_rolled.setdefault(key)
    body = _body_of(ops, steps, body_fn, extra)
    loop = StagedLoop(session, steps.trip, body, extra, get_state, set_state, names, key)
    loop.exact = session.loop_is(key, "exact")
    held = [(x, is_ref(x), counted(x)) for x in steps.sources]
    run(loop)
    if any(_is_changed(loop, *x) for x in held):
        refuse("a change, in a loop over it,")
    if table is not None:
        release(iterable)


def _is_changed(loop: StagedLoop, x: Any, was_ref: bool, before: Any) -> bool:
    """Whether a container has other items after a loop over it. One that became a list of a heap
    there, as the loop may return it, does where the loop changes that list or the heap."""
    if is_ref(x) and not was_ref:
        return any(box is x or box is x[0].heap.rows for box in loop.boxes)
    return bool(counted(x) != before)


def _goes_on_rolled(x: Any, key: Any) -> bool:
    """Whether a loop over a list is one of the run: over many items, or over much code each."""
    loop_is = current().loop_is
    return (
        type(x) is list and not loop_is(key, "unroll") and (len(x) > FEW or loop_is(key, "rolled"))
    )


def _may_be_rolled(x: list[Any] | str) -> bool:
    """Whether a loop over a list or text that Python goes through can be one of the run."""
    return united(*x) is not None if isinstance(x, str) else table_of(x) is not None


def _characters(ops: Any, text: str) -> Steps:
    return Steps(len(text), lambda i: ops.getitem(text, dim_value(i)))


def counted(x: Any) -> Any:
    """What shows how many items a container has; of a list that a heap holds, the heap's lists."""
    if isinstance(x, ReadAgain):
        return x.now()
    if is_ref(x):
        return x[0].heap.rows[0].columns
    if is_table(x):
        return x, table_in(x).count
    return length_of(x) if is_grown(x) else len(x)


def _body_of(
    ops: Any, steps: Steps, body_fn: Callable[[Any], Any], extra: Callable[[], Any] | None
) -> Callable[[Dim], None]:
    after = steps.after

    def body(i: Dim) -> None:
        body_fn(steps.item(i))
        if after is not None:
            ops.if_expr(True if extra is None else extra(), after, lambda: None, None)

    return body


def plain_for(
    ops: Any,
    items: Any,
    body_fn: Callable[[Any], Any],
    get_state: Callable[[], tuple[Any, ...]],
    set_state: Callable[[tuple[Any, ...]], None],
    names: tuple[VarInfo, ...],
    extra: Callable[[], Any] | None,
    code: UnrolledCode | None = None,
) -> None:
    """A loop that Python itself goes through; a run-time ``break`` nests the rest in branches."""
    if code is not None:
        code.mark()
    for item in items:
        body_fn(item)
        if code is not None:
            code.add()
        if extra is None:
            continue
        test = as_test(extra())
        if isinstance(test, bool):
            if not test:
                return
            continue
        staged_if(
            test,
            lambda: plain_for(ops, items, body_fn, get_state, set_state, names, extra, code),
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
    key = site.key
    if session.loop_is(key, "unroll"):
        _plain_while(test_fn, body_fn, key)
        return
    loop = StagedLoop(session, None, lambda _: body_fn(), test_fn, get_state, set_state, names, key)
    loop.exact = session.loop_is(key, "exact")
    run(loop)


def _plain_while(test_fn: Callable[[], Any], body_fn: Callable[[], Any], key: Any) -> None:
    reason = f"{where()}: a loop needs more than {UNROLL_LIMIT} unrolled turns"
    for _ in range(UNROLL_LIMIT):
        test = as_test(test_fn())
        if not isinstance(test, bool):
            reason = f"{where()}: the test of an unrolled loop must be known"
            break
        if not test:
            return
        body_fn()
    if current().loop_is(key, "rolled"):
        raise UnsupportedError(reason)
    raise Restart(key, "rolled", reason)


def loop_over(ops: Any, iterable: Any, body_fn: Callable[[Any], Any], state: list[Any]) -> None:
    """A loop of the tracer's own (``sum`` over an array)."""
    names = tuple(VarInfo(f"item {k}", True, True) for k in range(len(state)))
    site = Site(where(), 0, "", "")

    def set_state(values: tuple[Any, ...]) -> None:
        state[:] = values

    staged_for(ops, iterable, body_fn, lambda: tuple(state), set_state, names, site, None)


# One loop -----------------------------------------------------------------------------------------


def run(loop: StagedLoop) -> None:
    """Stage the loop: find a steady plan, or peel an iteration and stage the rest."""
    loop.alone = alone(loop)
    go: bool | Value = True
    if loop.trip is None:
        assert loop.test is not None
        go = as_test(loop.test())
        if go is False:
            return
    _run(loop, go)


def _run(loop: StagedLoop, go: bool | Value) -> None:
    entry = entry_state(loop)
    try:
        plans, attempt, entry = steady_plans(loop, entry)
    except Swapped as swap:
        _give_up(loop, entry)
        _unroll_cycle(loop, swap.cycle)
        return
    except Escapes:
        _give_up(loop, entry)
        _run_exactly(loop, go)
        return
    except Growing as found:
        _give_up(loop, entry)
        if found.target is None or refers(found.target):
            loop.boxes.clear()  # lists in it are references from here on, which do not change
        _grow(loop, found)
        _run(loop, go)
        return
    except NotConverged as reason:
        _give_up(loop, entry)
        _unsteady(loop, reason, go)
        return
    clash = "" if attempt.raised or loop.exact else CarriedByValue(loop, attempt, entry).clash()
    if clash == "first":
        _peel(loop, go)
        return
    if clash:
        _run_exactly(loop, go)
        return
    emit(loop, plans, attempt, entry, go)


def _grow(loop: StagedLoop, found: Growing) -> None:
    """Before the loop, make a list one of which the run decides how long it is."""
    if not (found.proved or is_grown(found.entry)) and loop.unrolls_for_lists():
        raise Restart(loop.key, "unroll", "a list changes its length in a loop")
    loop.grown += 1
    if loop.grown > ATTEMPTS:
        raise StructureError(f"{where()}: a list changes what it holds in a loop")
    make_hold(found.entry, found.target)
    loop.changed.add(id(found.entry))
    for other in found.others:  # what is left is found again by the next attempt
        certain = other.proved or is_grown(other.entry) or not loop.may_unroll
        if certain and other.is_as_found():
            make_hold(other.entry, other.target)
            loop.changed.add(id(other.entry))


def _give_up(loop: StagedLoop, entry: Sequence[Any]) -> None:
    loop.slots.clear()
    loop.same = []  # it counts variables, which are others from here on
    restore_state(loop, entry)


def _run_exactly(loop: StagedLoop, go: bool | Value) -> None:
    loop.exact = True
    loop.boxes.clear()
    loop.same = []
    _run(loop, go)


# Iterations unlike the rest -----------------------------------------------------------------------


def _unsteady(loop: StagedLoop, reason: NotConverged, go: bool | Value) -> None:
    if isinstance(reason, Resized) and loop.unrolls_for_lists():
        raise Restart(loop.key, "unroll", "a list changes its length in a loop")
    known = loop.trip is None and go is True and loop.first < UNROLL_LIMIT
    if loop.peeled and not known:
        if loop.may_unroll:
            raise Restart(loop.key, "unroll", str(reason))
        if isinstance(reason, Resized):
            loop.session.outside.lend_list(loop.session.outside.path_of(reason.entry) or ())
            raise StructureError(
                f"{where()}: {str(reason)!r} changes its length in a loop that is decided at run "
                "time: write into an array of fixed size and count"
            )
        if isinstance(reason, TextGrows):
            raise StructureError(
                f"{where()}: the text {str(reason)!r} is made anew of itself in a loop that is "
                "decided at run time, which may make it longer at one end (r += part): append its "
                "parts to a list, and join that"
            )
        raise StructureError(
            f"{where()}: {str(reason)!r} changes its kind from one iteration to the next; "
            "give it one dtype, rank and structure before the loop"
        )
    _peel(loop, go)


def _peel(loop: StagedLoop, go: bool | Value) -> None:
    """The first iteration by itself, then the loop over the rest."""
    session = loop.session
    rest = StagedLoop(
        session,
        None if loop.trip is None else loop.trip - 1,
        loop.body, loop.test, loop.get_state, loop.set_state, loop.names, loop.key,
        loop.first + 1,
        True,
        loop.exact,
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


# Swaps --------------------------------------------------------------------------------------------


def _unroll_cycle(loop: StagedLoop, cycle: int) -> None:
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
    inner = StagedLoop(
        session, turns, several, None, loop.get_state, loop.set_state, still_read,
        (*loop.key, "cycle"), 0, loop.peeled, loop.exact,
    )  # fmt: skip
    inner.exact = inner.exact or session.loop_is(inner.key, "exact")
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
