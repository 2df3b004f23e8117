"""What loops inside of a loop settled on in the last attempt at it, where the next attempt begins.

Each attempt at a loop traces the loops in its body anew. If those began from nothing each time, the
work would double with every depth. Plans only widen from one attempt to the next, so what the last
attempt found is not too wide for this one. It holds for one execution of one loop: another call
of the same code may have other types.

Only what does not speak of values of the earlier attempt is recalled: kinds of numbers, which
extents change, which containers. A list that the attempt around makes anew, and the loop fills, is
known by its place among what that has made. It holds at once what the run decided the last time:
a wider form than it needs is no harm to a list without items.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import field, replace
from typing import Any

from tracejit.records import dataclass
from tracejit.trace.control.array_plans import ArrayPlan, ViewPlan
from tracejit.trace.control.chosen_plans import ChosenPlan
from tracejit.trace.control.fixpoint import first_plan
from tracejit.trace.control.held_contents import make_hold
from tracejit.trace.control.list_plans import ListPlan
from tracejit.trace.control.loop_attempt import StagedLoop
from tracejit.trace.control.number_plans import Number, Tagged
from tracejit.trace.control.objects import has_parts, read_parts
from tracejit.trace.control.plans import (
    BindingPlan,
    Invariant,
    KnownValue,
    Maybe,
    Older,
    Structure,
    Unbound,
    maker_of,
)
from tracejit.trace.convert import UNDEFINED
from tracejit.trace.session.frames import Frame
from tracejit.trace.session.session import user_lines
from tracejit.trace.values import containers
from tracejit.trace.values.all import Array
from tracejit.trace.values.dynamic_list import ListBuffer
from tracejit.trace.values.list_kinds import ElementKinds
from tracejit.trace.views.parameters import sliced_first, view_numbers
from tracejit.trace.views.views import writeability


@dataclass(frozen=True, eq=False)
class FilledBox:
    """A container that a loop changes. ``older``: no region under way has made it. ``made``: the
    region that did, by depth, and its place among what that has made; None where loops put it
    together. ``form``: what a list without items holds."""

    obj: Any
    older: bool
    made: tuple[int, int] | None
    form: ElementKinds | None

    def now(self, loop: StagedLoop) -> Any:
        """The container in this attempt; None where it is not known."""
        if self.older or _is_made(loop, self.obj):
            return self.obj
        if self.made is None:
            return None
        depth, place = self.made
        frames = loop.session.frames
        made = _made_by(loop, frames[depth]) if depth < len(frames) else []
        x = made[place] if place < len(made) else None
        return x if self.form is not None and x == [] else None


@dataclass(frozen=True)
class Found:
    """The first and the last plan of each variable of a loop, the containers it changes, and what
    loops inside of it settled on."""

    first: tuple[BindingPlan, ...]
    last: tuple[BindingPlan, ...]
    boxes: tuple[FilledBox, ...]
    inside: Mapping[Any, Found]


@dataclass(eq=False)
class SettledPlans:
    """Of one attempt at a loop: what loops in it settle on, and what they did the last time."""

    before: Mapping[Any, Found]
    now: dict[Any, Found] = field(default_factory=dict)
    counts: Counter[Any] = field(default_factory=Counter)

    def place(self, loop: StagedLoop) -> Any:
        """Which execution of which loop this is, by the lines that led to it."""
        place = (loop.key, loop.first, loop.peeled, loop.exact, user_lines())
        self.counts[place] += 1
        return place, self.counts[place]


class Recall:
    """What is known of one execution of a loop inside of an attempt at another."""

    def __init__(self, loop: StagedLoop) -> None:
        self.loop = loop
        self.memory: SettledPlans | None = (
            loop.session.memories[-1] if loop.session.memories else None
        )
        if loop.place is None or loop.place[0] != loop.exact:
            loop.place = loop.exact, None if self.memory is None else self.memory.place(loop)
        self.place = loop.place[1]
        #: Lists that hold what they did the last time.
        self.filled: set[int] = set()
        self.found = None if self.memory is None else self.memory.before.get(self.place)
        if self.found is not None:
            loop.inside = self.found.inside

    def boxes(self) -> list[Any]:
        """Containers that the loop changed the last time, where all of them are still there."""
        if self.found is None or self.loop.boxes or self.loop.slots:
            return []
        rows = [(box, box.now(self.loop)) for box in self.found.boxes]
        if any(x is None for _, x in rows):
            return []
        for box, x in rows:
            if box.form is not None and x == []:
                make_hold(x, box.form)
                self.filled.add(id(x))
        return [x for _, x in rows]

    def plans(self, entry: Sequence[Any], plans: Sequence[BindingPlan]) -> list[BindingPlan]:
        """First plans, with what the last attempt found where it began likewise."""
        found = self.found
        if found is None or len(found.first) != len(plans):
            return list(plans)
        rows = list(zip(plans, found.first, found.last, entry, strict=True))
        if any(isinstance(p, Unbound) != isinstance(last, Unbound) for p, _, last, _ in rows):
            return list(plans)
        found_plans = [
            (_again(q, x) or p) if first == first_plan(x) else p for p, first, q, x in rows
        ]
        return self._of_heaps(found.last, entry, found_plans)

    def _of_heaps(
        self, last: Sequence[BindingPlan], entry: Sequence[Any], plans: list[BindingPlan]
    ) -> list[BindingPlan]:
        """With the plans of what heaps hold, which are there in each attempt, and of lists that are
        filled (of another list it is not known)."""
        heaps = self.loop.session.heaps.values()
        held = {id(x) for heap in heaps for x in (heap.rows, heap.pool)} | self.filled
        first = len(plans) - len(self.loop.boxes)
        for k, box in enumerate(self.loop.boxes, first):
            plan, items = last[k], entry[k]
            if id(box) in held and isinstance(plan, Structure) and len(items) == 1:
                (part,) = plan.parts
                if isinstance(part, ListPlan) and part.holds(items[0]):
                    containers.touch(self.loop.session, box)  # for the loops around
                    plans[k] = replace(plan, like=items, older=Older())
        return plans

    def settled(self, entry: Sequence[Any], plans: Sequence[BindingPlan]) -> None:
        """The loop has settled on these plans."""
        loop = self.loop
        if self.memory is None or loop.slots:
            return
        held = entry[len(entry) - len(loop.boxes) :]
        boxes = tuple(
            FilledBox(box, not _is_made(loop, box), _made_in(loop, box), _form_to_fill(box, x))
            for box, x in zip(loop.boxes, held, strict=True)
        )
        first = tuple(map(first_plan, entry))
        self.memory.now[self.place] = Found(first, tuple(plans), boxes, loop.inside)


@contextmanager
def attempt_memory(loop: StagedLoop) -> Iterator[None]:
    """While the body of ``loop`` is traced: its loops recall the last attempt, for the next one."""
    memory = SettledPlans(loop.inside)
    loop.session.memories.append(memory)
    try:
        yield
    finally:
        loop.session.memories.pop()
    loop.inside = memory.now


def _is_made(loop: StagedLoop, box: Any) -> bool:
    return any(frame.made.get(id(box)) is box for frame in loop.session.frames)


def _made_in(loop: StagedLoop, box: Any) -> tuple[int, int] | None:
    """The region under way that made a container, and its place among what that has made."""
    for depth, frame in enumerate(loop.session.frames):
        if frame.made.get(id(box)) is box:
            places = (k for k, x in enumerate(_made_by(loop, frame)) if x is box)
            return next(((depth, k) for k in places), None)
    return None


def _made_by(loop: StagedLoop, frame: Frame) -> list[Any]:
    """What the program's code in a region has made, in order, without what loops put together."""
    put_together = loop.session.put_together
    return [x for key, x in frame.made.items() if key not in put_together]


def _form_to_fill(box: Any, held: Any) -> ElementKinds | None:
    """What a list without items holds, where no shape in it is of the attempt around."""
    if type(box) is not list or len(held) != 1 or type(held[0]) is not ListBuffer:
        return None
    run = held[0]
    known = all(type(n) is int for kind in run.form[0] for n in kind.shape or ())
    return run.form if known and run.count == 0 else None


def _again(plan: BindingPlan, x: Any) -> BindingPlan | None:
    """The plan for a binding at entry now; None where it speaks of the earlier trace."""
    if isinstance(plan, Number | Tagged):
        return plan
    if isinstance(plan, KnownValue):
        return plan if x is UNDEFINED or plan.is_value(x) else None
    if isinstance(plan, ChosenPlan):
        return plan if x is UNDEFINED or plan.has(x) else None
    if isinstance(plan, Maybe):
        inner = _again(plan.plan, plan.inner(x))
        return None if inner is None else Maybe(plan.name, inner, plan.none)
    if isinstance(plan, Structure):
        return _structure(plan, x)
    if not isinstance(x, Array):
        return None
    if isinstance(plan, ArrayPlan) and plan.slot is None:
        if plan.dtype != x.dtype or len(plan.dims) != x.ndim:
            return None
        dims = tuple(None if d is None else n for d, n in zip(plan.dims, x.dims, strict=True))
        writeable = writeability(x) if plan.writeable is not None else None
        return ArrayPlan(x.dtype, dims, None, plan.order, writeable)
    if isinstance(plan, ViewPlan):
        numbers = view_numbers(sliced_first(x) if plan.sliced else x)
        if len(numbers) != len(plan.numbers):
            return None
        moved = zip(plan.numbers, numbers, strict=True)
        return ViewPlan(tuple(None if d is None else n for d, n in moved), plan.sliced)
    return None


def _structure(plan: Structure, x: Any) -> BindingPlan | None:
    if not has_parts(x) or maker_of(x) != plan.make:
        return None
    items = read_parts(x)
    if tuple(items) != plan.keys:
        return None
    parts = []
    for part, item in zip(plan.parts, items.values(), strict=True):
        again = part if isinstance(part, Invariant) else _again(part, item)
        if again is None:
            return None
        parts.append(again)
    return replace(plan, parts=tuple(parts), like=x, older=Older())
