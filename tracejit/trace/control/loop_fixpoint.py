"""Traces of a loop's body until the plans of what it carries fit what an iteration leaves."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import repeat
from operator import is_not
from typing import Any

from tracejit.trace.control.array_plans import ArrayPlan
from tracejit.trace.control.carried_permutation import Swapped, find_swap
from tracejit.trace.control.choices import binding
from tracejit.trace.control.fixpoint import (
    Ending,
    Escapes,
    Growing,
    NotConverged,
    Resized,
    first_plan,
    slot_plan,
    structure_plan,
)
from tracejit.trace.control.list_plans import ListPlan, list_plan
from tracejit.trace.control.loop_attempt import Attempt, StagedLoop, variables
from tracejit.trace.control.loop_trace import trace_body
from tracejit.trace.control.meeting import Ends
from tracejit.trace.control.number_plans import Number
from tracejit.trace.control.plans import BindingPlan, Invariant, Maybe, Unbound
from tracejit.trace.control.settled_plans import Recall, attempt_memory
from tracejit.trace.convert import RETURNED, UNDEFINED, VarInfo
from tracejit.trace.session.frames import Restart
from tracejit.trace.values import containers
from tracejit.trace.values.all import Array
from tracejit.trace.values.dynamic_list import is_grown
from tracejit.trace.values.entries import is_table
from tracejit.trace.values.program_names import all_in
from tracejit.trace.values.table_forms import TableForm

ATTEMPTS = 12


def steady_plans(
    loop: StagedLoop, entry: list[Any]
) -> tuple[list[BindingPlan], Attempt, list[Any]]:
    """Trace the body until its plans fit. NotConverged when none do."""
    recall = Recall(loop)
    boxes = recall.boxes()
    loop.boxes.extend(boxes)
    entry = [*entry, *map(containers.snapshot, boxes)]
    plans = [_first(loop, info, x) for info, x in zip(variables(loop), entry, strict=True)]
    plans[len(plans) - len(loop.boxes) :] = _plans_of_boxes(loop, loop.boxes, entry)
    plans = recall.plans(entry, plans)
    for _ in range(ATTEMPTS):
        with attempt_memory(loop):
            attempt = trace_body(loop, plans, entry)
        asked, loop.wider = loop.wider, {}
        found = [obj for obj, _ in attempt.frame.containers.values()]
        new_boxes = [o for o in found if not any(o is b for b in loop.boxes)]
        if new_boxes:
            resized = [o for o in new_boxes if _resized(attempt, o)]
            grows = not resized or any(_grows(attempt, o) for o in resized)
            if not grows and loop.unrolls_for_lists():
                raise Restart(loop.key, "unroll", "a list changes its length in a loop")
            loop.boxes.extend(new_boxes)
            extra = [containers.snapshot(b) for b in new_boxes]
            entry = [*entry, *extra]
            if not (asked or attempt.raised):
                _grow_at_once(loop, plans, entry, attempt, len(extra))
            loop.changed |= {id(b) for b in new_boxes if _is_changed(attempt, b)}
            plans = [*plans, *_plans_of_boxes(loop, new_boxes, extra)]
            continue
        if loop.test is None and not (attempt.raised or asked) and "cycle" not in loop.key:
            cycle = find_swap(attempt.start, attempt.end)
            if cycle > 1 and all(isinstance(p, Invariant) for p in _moved(plans, attempt)):
                raise Swapped(cycle)
        better = _better_than(loop, plans, entry, attempt, asked)
        if better is None:
            loop.asked |= {variables(loop)[k].name for k in asked}
            loop.inside = {}
            continue
        slots = [] if attempt.raised or not loop.exact else _new_slots(loop, plans, attempt, entry)
        if slots:
            entry = [*([UNDEFINED] * len(slots)), *entry]
            plans = [*slots, *better]
            continue
        if better == plans and not attempt.steady:
            continue
        if better == plans:
            recall.settled(entry, better)
            return better, attempt, entry
        plans = better
    raise NotConverged("what the loop carries never settles")


def _plans_of_boxes(
    loop: StagedLoop, boxes: Sequence[Any], entry: Sequence[Any]
) -> list[BindingPlan]:
    """First plans of the last of ``entry``, what boxes hold. The items of a list that is known to
    change are carried at once."""
    names = [info.shown for info in variables(loop)[len(variables(loop)) - len(boxes) :]]
    plans: list[BindingPlan] = []
    for name, box, x in zip(names, boxes, entry[len(entry) - len(boxes) :], strict=True):
        items = list_plan(x[0]) if type(x) is list and len(x) == 1 else None
        if id(box) in loop.changed and isinstance(items, ListPlan):
            plans.append(structure_plan(name, x, {0: items}, loop.key, None, x))
        else:
            plans.append(first_plan(x))
    return plans


def _moved(plans: Sequence[BindingPlan], attempt: Attempt) -> list[BindingPlan]:
    """Plans of the array names that an iteration binds to other storage."""
    return [
        plan
        for plan, start, end in zip(plans, attempt.start, attempt.end, strict=True)
        if isinstance(start, Array) and isinstance(end, Array) and binding(start) != binding(end)
    ]


def _resized(attempt: Attempt, obj: Any) -> bool:
    _, now = attempt.boxes_final[id(obj)]
    return len(now) != len(obj)


def _is_changed(attempt: Attempt, obj: Any) -> bool:
    """Whether a list holds other items at the end of the body."""
    now = attempt.boxes_final[id(obj)][1]
    return len(now) != len(obj) or any(map(is_not, now, obj))


def _grows(attempt: Attempt, obj: Any) -> bool:
    """Whether the run decides how long a list is at the end of the body."""
    now = attempt.boxes_final[id(obj)][1]
    return is_grown(now) or is_table(now)


def _first(loop: StagedLoop, info: VarInfo, x: Any) -> BindingPlan:
    if x is False and info.name == RETURNED and loop.session.to_the_end:
        return Invariant()  # until the generator itself is seen to return
    if not info.live_in:
        return first_plan(x) if info.live_out else Unbound()
    return first_plan(x)


def _ending(
    loop: StagedLoop, plans: Sequence[BindingPlan], attempt: Attempt, entry: Sequence[Any]
) -> Ending:
    ends = attempt.start, attempt.end
    how = loop.exact, loop.peeled, *ends, loop.key, loop.unrolls_for_lists()
    names = _bound_anew(loop, plans, attempt, entry)
    return Ending(
        attempt.frame,
        attempt.storage,
        *how,
        before=frozenset(map(id, all_in(entry))),
        anew=names,
        left=attempt.left,
    )


def _bound_anew(
    loop: StagedLoop, plans: Sequence[BindingPlan], attempt: Attempt, entry: Sequence[Any]
) -> frozenset[str]:
    """Names that an iteration binds, each to something else than any other before the loop."""
    several = Counter(map(id, entry))
    return frozenset(
        info.name
        for info, plan, x, start, end in zip(
            variables(loop), plans, entry, attempt.start, attempt.end, strict=False
        )
        if several[id(x)] == 1 and not (isinstance(plan, Invariant) and start is end)
    )


def _new_slots(
    loop: StagedLoop, plans: Sequence[BindingPlan], attempt: Attempt, entry: Sequence[Any]
) -> list[BindingPlan]:
    """Plans of slots that the last trace was the first to need."""
    contents = attempt.storage.contents()
    if contents is None:
        raise NotConverged("array names that share their storage")
    at = _ending(loop, plans, attempt, entry)
    new = [name for name in contents if name not in loop.slots]
    loop.slots[:0] = new
    if new:
        loop.same = []
    return [slot_plan(None, contents[name], at, name) for name in new]


def _better_than(
    loop: StagedLoop,
    plans: list[BindingPlan],
    entry: Sequence[Any],
    attempt: Attempt,
    asked: Mapping[int, Any],
) -> list[BindingPlan] | None:
    """Plans that fit the attempt's end, too. None where it was made with numbers converted as loops
    inside ``asked`` for, and its end does not say that they are so."""
    if attempt.raised:
        return None if asked else plans
    try:
        better = _all_better(loop, plans, entry, attempt)
    except (NotConverged, Escapes):
        if asked:
            return None
        raise
    return better if all(better[k] == Number(kind) for k, kind in asked.items()) else None


def _all_better(
    loop: StagedLoop, plans: Sequence[BindingPlan], entry: Sequence[Any], attempt: Attempt
) -> list[BindingPlan]:
    at = _ending(loop, plans, attempt, entry)
    rows = list(zip(variables(loop), plans, entry, attempt.start, attempt.end, strict=True))
    try:
        names = len(rows) - len(loop.boxes)
        boxes = [*repeat(None, names), *loop.boxes]
        better = [
            _better(loop, *row, replace(at, box=box)) for row, box in zip(rows, boxes, strict=True)
        ]
    except (NotConverged, Escapes):
        if not at.growing:
            raise
        # What is wrong with another may be otherwise when these hold what the run decides.
    if not at.growing:
        return better
    # Numbers first: what they settle on is what the list or dict holds.
    numbers = [_better(loop, *row, at) if isinstance(row[1], Number) else row[1] for row in rows]
    if numbers != list(plans):
        return numbers
    raise _all_growing(loop, entry, at.growing)


def _grow_at_once(
    loop: StagedLoop,
    plans: Sequence[BindingPlan],
    entry: Sequence[Any],
    attempt: Attempt,
    new: int,
) -> None:
    """Growing where lists that a trace found to change, the last ``new`` of the loop's boxes, have
    other lengths at its end, or hold what the run decides, and its numbers have settled."""
    at = _ending(loop, plans, attempt, entry)
    boxes = [
        row for row in zip(loop.boxes[-new:], entry[-new:], strict=True) if type(row[0]) is list
    ]
    rolled = not loop.unrolls_for_lists()
    grown = [(b, x) for b, x in boxes if _grows(attempt, b) or (rolled and _resized(attempt, b))]
    rows = zip(variables(loop), plans, entry, attempt.start, attempt.end, strict=False)
    try:
        settled = all(_better(loop, *r, at) == r[1] for r in rows if isinstance(r[1], Number))
        for box, x in grown if settled else ():
            ends = Ends(x, x, attempt.boxes_final[id(box)][1])
            replace(at, box=box).structures("list", Invariant(), ends)
    except (NotConverged, Escapes):
        return  # which may be otherwise once the boxes are carried
    if at.growing:
        raise _all_growing(loop, entry, at.growing)


def _all_growing(loop: StagedLoop, entry: Sequence[Any], growing: Sequence[Growing]) -> Resized:
    held = entry[len(entry) - len(loop.boxes) :]
    for found in growing:
        found.entry = next(
            (box for box, x in zip(loop.boxes, held, strict=True) if x is found.entry), found.entry
        )
    first, *others = growing
    if type(first.entry) not in (list, deque) and not isinstance(first.target, TableForm):
        return Resized(*first.args)  # a class of the program's
    first.others = [x for x in others if type(x.entry) in (list, deque)]
    return first


def _better(
    loop: StagedLoop, info: VarInfo, plan: BindingPlan, entry: Any, start: Any, end: Any, at: Ending
) -> BindingPlan:
    told = info.kind in ("flag", "return_value")  # which another flag says whether to read
    if isinstance(plan, Unbound) or (end is UNDEFINED and (told or isinstance(plan, Invariant))):
        return plan
    if isinstance(plan, ArrayPlan) and plan.slot is not None:
        return plan if end is UNDEFINED else slot_plan(plan, end, at, plan.slot)
    new = at.met(info.shown, plan, Ends(entry, start, end))
    unbound = entry is UNDEFINED and not loop.runs and not told
    return Maybe(info.name, new) if unbound and not isinstance(new, Maybe) else new
