"""A loop statement being staged, and one trace of its body."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import Any

from tracejit.ir.core import Loc, Value
from tracejit.ir.extent import Dim
from tracejit.ir.roots import walk
from tracejit.records import dataclass
from tracejit.trace.control.carried_storage import EndStorage, SlotName
from tracejit.trace.control.plans import Placeholders
from tracejit.trace.convert import UNDEFINED, VarInfo
from tracejit.trace.session.frames import Frame, Restart
from tracejit.trace.session.session import Session
from tracejit.trace.values import containers

#: Loops are unrolled up to this many turns, and while that makes no more than so many instructions,
#: unless there is no other way.
UNROLL_LIMIT = 64
UNROLLED_CODE = 400


@dataclass(eq=False)
class StagedLoop:
    """A loop statement being staged. ``body`` gets the iteration number (None for ``while``);
    ``test`` says whether to go on (None: the trip count alone decides). ``exact``: arrays are
    carried with the storage that they are bound to; ``slots`` is what iterations made of it.
    ``alone``: names of arrays that nobody else sees when the loop begins. ``wider``: kinds that
    loops inside found for variables of this one (by place), which the next attempt has;
    ``same``: places of
    what several variables hold at the end of an iteration (see ``shared_containers``).
    ``asked``: variables for which that was done. ``inside``: what loops in the body settled on in
    the last attempt; ``place``: which execution of which loop it is there (see
    ``settled_plans``). ``changed``: containers, by identity, that iterations change for certain."""

    session: Session
    trip: Dim | None
    body: Callable[[Dim], None]
    test: Callable[[], Any] | None
    get_state: Callable[[], tuple[Any, ...]]
    set_state: Callable[[tuple[Any, ...]], None]
    names: tuple[VarInfo, ...]
    key: Any
    first: int = 0
    peeled: bool = False
    exact: bool = False
    boxes: list[Any] = field(default_factory=list)
    slots: list[SlotName] = field(default_factory=list)
    alone: frozenset[str] = frozenset()
    grown: int = 0
    wider: dict[int, Any] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)
    inside: Mapping[Any, Any] = field(default_factory=dict)
    same: list[Any] = field(default_factory=list)
    place: Any = None
    changed: set[int] = field(default_factory=set)

    @property
    def runs(self) -> bool:
        """Whether at least one iteration is proved."""
        return self.trip is not None and self.session.ranges.at_least(self.trip, 1)

    @property
    def may_unroll(self) -> bool:
        return isinstance(self.trip, int) and self.trip + self.first <= UNROLL_LIMIT

    def unrolls_for_lists(self) -> bool:
        """Whether to unroll because the body makes a list longer or shorter: its length stays known
        then. A loop that is too much code so stays one."""
        return self.may_unroll and not self.session.loop_is(self.key, "rolled")


class UnrolledCode:
    """How much code a loop that is unrolled makes. Where it is too much, the trace begins again
    with one loop, if it ``may`` be one; where that is refused, it is unrolled whatever it makes.
    ``trip``: how many iterations there are, if they are alike: two of them tell then."""

    def __init__(
        self, session: Session, key: Any, may: Callable[[], bool] = lambda: True, trip: int = 0
    ) -> None:
        self.session = session
        self.key = key
        self.may = may
        self.trip = trip
        self.done = self.total = 0
        self.mark()

    def mark(self) -> None:
        """What the next iteration makes begins here."""
        self.builder = self.session.frame.builder
        self.at = len(self.builder.instrs)

    def add(self) -> None:
        """An iteration has ended."""
        builder = self.session.frame.builder
        at = self.at if builder is self.builder else 0
        made = sum(1 for _ in walk(builder.instrs[at:]))
        self.total += made
        self.done += 1
        left = max(self.trip - self.done, 0) if self.done > 1 else 0
        if self.total + made * left > UNROLLED_CODE and self.may():
            raise Restart(self.key, "rolled", "an unrolled loop is too much code")
        self.mark()


@dataclass(eq=False)
class Attempt:
    """One trace of the body. ``left``: of an end that was put in another form, by identity, what it
    is in the program. ``steady``: the same variables hold one thing at its end as did at its
    start."""

    frame: Frame
    counter: Value
    go: Value
    again: Value | None
    opened: Placeholders
    start: list[Any]
    end: list[Any]
    final: dict[Any, Value]
    raised: bool
    boxes_final: dict[int, tuple[Any, Any]]
    storage: EndStorage
    refusals: list[tuple[Exception, Loc | None]] = field(default_factory=list)
    left: Mapping[int, Any] = field(default_factory=dict)
    steady: bool = True


# Variables of a loop are its slots, its names and the containers that it changes, in this order ---


def entry_state(loop: StagedLoop) -> list[Any]:
    boxes = (containers.snapshot(b) for b in loop.boxes)
    return [*([UNDEFINED] * len(loop.slots)), *loop.get_state(), *boxes]


def restore_state(loop: StagedLoop, entry: Sequence[Any]) -> None:
    first, last = len(loop.slots), len(loop.slots) + len(loop.names)
    loop.set_state(tuple(entry[first:last]))
    for box, contents in zip(loop.boxes, entry[last:], strict=False):
        containers.restore(box, contents)


def variables(loop: StagedLoop) -> list[VarInfo]:
    kinds = [type(b).__name__ for b in loop.boxes]
    boxes = [f"{kind} {k}" if kinds.count(kind) > 1 else kind for k, kind in enumerate(kinds)]
    return [
        *(VarInfo(s.name, False, True) for s in loop.slots),
        *loop.names,
        *(VarInfo(name, True, True) for name in boxes),
    ]


def at_least_one(loop: StagedLoop) -> bool | Value:
    assert loop.trip is not None
    if loop.runs:
        return True
    if loop.session.ranges.at_least(0, loop.trip):
        return False
    b = loop.session.b
    return b.op("ge", b.index(loop.trip), b.const(1, "i64"))  # type: ignore[no-any-return]
