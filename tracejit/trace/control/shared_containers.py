"""Lists and dicts that several variables of a loop hold when an iteration ends.

A loop carries each variable by itself. A list that two of them hold is therefore one of a heap from
there on, so that both are the same number. What no heap can hold must not be changed any more: that
is refused when it is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

from tracejit.records import dataclass
from tracejit.trace.control.held_contents import common_target, is_held, make_hold, refers
from tracejit.trace.control.loop_attempt import StagedLoop, variables
from tracejit.trace.control.objects import is_object, parts_of
from tracejit.trace.convert import UNDEFINED
from tracejit.trace.session.session import current
from tracejit.trace.values import containers
from tracejit.trace.values.dynamic_list import is_grown, is_ref
from tracejit.trace.values.entries import is_table
from tracejit.trace.values.list_references import put_where_lists_are, refer
from tracejit.trace.values.program_names import known_elsewhere


@dataclass(frozen=True)
class HeldAt:
    """Where a variable of a loop holds something: which one, and the keys that lead there."""

    variable: int
    path: tuple[Any, ...]

    def found(self, state: Sequence[Any]) -> Any:
        """UNDEFINED where the variable holds something of another structure."""
        return _part_at(state[self.variable], self.path)


@dataclass(frozen=True, eq=False)
class Before:
    """What was there before the loop, and is held elsewhere."""

    value: Any

    def found(self, state: Sequence[Any]) -> Any:
        return self.value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Before) and self.value is other.value

    def __hash__(self) -> int:
        return id(self.value)


def share(
    loop: StagedLoop, entry: Sequence[Any], start: Sequence[Any], end: Sequence[Any]
) -> list[list[HeldAt | Before]]:
    """At the end of an iteration: lists that several variables hold become ones of a heap, as does
    what a variable is bound to that began with one, or with what refers to such. The places of
    what else several variables hold."""
    for k, (first, before, now) in enumerate(zip(entry, start, end, strict=True)):
        if is_ref(first) and type(now) is list:
            refer(now, first[0].heap)
        box = k - len(loop.slots) - len(loop.names)
        _hold_alike(before, loop.boxes[box] if box >= 0 else now)
    places: dict[int, list[HeldAt | Before]] = {}
    found: dict[int, Any] = {}
    bound: set[int] = set()
    unsure: set[int] = set()
    session = current()
    rows = enumerate(zip(variables(loop), start, end, strict=True))
    for k, (info, before, now) in rows:
        if not (info.live_in or info.live_out) or now is UNDEFINED:
            continue
        # Of a list that the loop changes there are the contents here, which are no list of it.
        of_box = k >= len(loop.slots) + len(loop.names)
        for path, x in _held(now, ()):
            if of_box and not path:
                continue
            at_start = _is_at(before, path, x)
            for key, one in containers.stands_for(session, x).items():
                places.setdefault(key, []).append(HeldAt(k, path))
                found[key] = one
                if one is not x:
                    unsure.add(key)
                if not at_start:
                    bound.add(key)
    for key in bound:
        holder = variables(loop)[next(p.variable for p in places[key] if isinstance(p, HeldAt))]
        if not containers.is_made_here(session, found[key]) and known_elsewhere(
            session, found[key], holder.name
        ):
            places[key].append(Before(found[key]))
    several = [key for key in places if key in bound and len(places[key]) > 1]
    left = (k for k in several if k in unsure or not put_where_lists_are(found[k]))
    return list({tuple(places[k]): places[k] for k in left}.values())


def _hold_alike(before: Any, now: Any) -> None:
    """Lists that heaps hold when the iteration ends are put there by its body: what was a list or
    dict that refers to such is one again."""
    if before is now or is_ref(before) or not isinstance(now, type(before)):
        return
    if isinstance(now, set):  # which holds no lists
        return
    if is_grown(before) or is_table(before):
        target = common_target(before, now)
        if target is None or not refers(target) or not is_held(before, target):
            return
        if not is_held(now, target):
            make_hold(now, target)
    elif isinstance(now, list | tuple | dict) or is_object(now):
        mine, others = parts_of(before), parts_of(now)
        for key in mine.keys() & others.keys():
            _hold_alike(mine[key], others[key])


def mark(loop: StagedLoop, state: Sequence[Any]) -> None:
    """Of what several variables hold none may be changed through one of them."""
    for places in loop.same:
        held = [place.found(state) for place in places]
        for k, x in enumerate(held):
            for other in held[k + 1 :]:
                if not (x is other or x is UNDEFINED or other is UNDEFINED):
                    containers.joined(current(), x, (other, other))


def _is_at(before: Any, path: tuple[Any, ...], x: Any) -> bool:
    """Whether a variable held the same object there when the iteration began."""
    return _part_at(before, path) is x


def _part_at(x: Any, path: tuple[Any, ...]) -> Any:
    """What a container holds at a path, UNDEFINED where it has no such place."""
    for key in path:
        if not (isinstance(x, list | tuple | deque | dict) or is_object(x)):
            return UNDEFINED
        x = parts_of(x).get(key, UNDEFINED)
    return x


def _held(x: Any, path: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Lists, deques, dicts and sets in a binding, and where."""
    if is_ref(x):
        return
    if isinstance(x, list | deque | dict | set):
        yield path, x
    plain = isinstance(x, list | tuple | deque | dict) and not (is_grown(x) or is_table(x))
    if plain or is_object(x):
        for key, part in parts_of(x).items():
            yield from _held(part, (*path, key))
