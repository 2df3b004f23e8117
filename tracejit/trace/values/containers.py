"""Lists, dicts, objects changed while a branch or loop is traced: put back, joined, or refused."""

from __future__ import annotations

import copy
import sys
from typing import Any

from tracejit.errors import UnsupportedError
from tracejit.trace.session.frames import EVERY_LIST, Frame, Restart
from tracejit.trace.session.session import Session, current, where
from tracejit.trace.values.program_names import known_objects
from tracejit.trace.values.reach import is_stateful, restore, snapshot

__all__ = ["restore", "snapshot"]


def touch(session: Session, obj: Any, before: Any = None) -> None:
    """A container is about to be changed, or was from ``before``: each region under way, of those
    inside of the one that made it, remembers what it held."""
    kept = session.kept.get(id(obj))
    if kept is not None and kept[0] is obj:
        lendable = session.lendable.get(id(obj))
        if session.may_lend(lendable):
            raise Restart(lendable, "lists", kept[1])
        if not session.loop_is(*EVERY_LIST):
            raise Restart(*EVERY_LIST, kept[1])
        raise UnsupportedError(kept[1])
    for frame in session.frames[made_at(session, obj) + 1 :]:
        _remember(frame, obj, before)


def touch_attributes(session: Session, obj: Any, name: str, before: Any = None) -> None:
    """An attribute of an object that was made inside is about to be set or deleted, or was."""
    must_not_be_chosen(session, obj, name)
    # Regions around the one that made an object need not give it back what it held.
    made_in = session.made[id(obj)][1] if id(obj) in session.made else None
    frames = session.frames
    first = frames.index(made_in) + 1 if made_in in frames else 1
    inner = frames[max(first, 1) :]
    if inner and not hasattr(obj, "__dict__"):
        raise UnsupportedError(
            f"{where()}: attribute {name!r} of an object with __slots__ is set in a loop or "
            "branch that is decided at run time; remove __slots__, or use a local variable"
        )
    for frame in inner:
        _remember(frame, vars(obj), before)


def must_not_be_chosen(session: Session, obj: Any, name: str) -> None:
    """Before an attribute is set: UnsupportedError where the run decides of which object."""
    if id(obj) in session.chosen:
        raise UnsupportedError(
            f"{where()}: attribute {name!r} of an object that a branch may have chosen is set: "
            "whether that changes another object, too, is known at run time only; set it before "
            "the branch, or make a new object"
        )


def _remember(frame: Frame, obj: Any, before: Any) -> None:
    if id(obj) not in frame.containers:
        frame.containers[id(obj)] = (obj, snapshot(obj) if before is None else before)


def made(session: Session, obj: Any) -> Any:
    """Note that the innermost region under way has made an object, if that may change."""
    if is_stateful(obj):
        session.frame.made[id(obj)] = obj
    return obj


def made_by_call(session: Session, found: Any) -> Any:
    """The result of a call. What nobody else refers to, the call has made."""
    if is_stateful(found) and sys.getrefcount(found) <= _UNSHARED:
        session.frame.made[id(found)] = found
    return found


def made_at(session: Session, obj: Any) -> int:
    """How deep the region is that made an object; 0 where that is not known."""
    return next((f.depth for f in reversed(session.frames) if id(obj) in f.made), 0)


def is_made(session: Session, obj: Any) -> bool:
    """Whether a region under way is known to have made an object."""
    return id(obj) in session.made or any(id(obj) in f.made for f in session.frames)


def is_made_here(session: Session, obj: Any) -> bool:
    """Whether it was the innermost region."""
    if id(obj) in session.made:
        return session.made[id(obj)][1] is session.frame
    return id(obj) in session.frame.made


def like(x: Any, items: Any) -> Any:
    """A list, deque, dict or set of the class of ``x``, with other items."""
    if type(x) in (list, dict):
        return items
    found = copy.copy(x)  # of a class of the program's, its attributes as well
    restore(found, items)
    return found


def copied(x: Any) -> Any:
    """Containers anew, with the same items."""
    if type(x) in (list, tuple):
        return type(x)(map(copied, x))
    return {k: copied(v) for k, v in x.items()} if type(x) is dict else x


def leave(frame: Frame) -> dict[int, tuple[Any, Any]]:
    """Put back what the frame's region changed; what it had made of each container."""
    current().outside.must_be_as_met()
    for attributes, before in frame.attributes:
        same = attributes.keys() == before.keys() and all(
            attributes[k] is before[k] for k in before
        )
        if not same and id(attributes) not in frame.containers:
            raise UnsupportedError(
                f"{where()}: attributes of an object are set in a loop or branch that is decided "
                "at run time by a method that is not compiled (a generator, __enter__, __exit__, "
                "or one called by a library); set them in an ordinary method"
            )
    final = {key: (obj, snapshot(obj)) for key, (obj, _) in frame.containers.items()}
    for obj, before in frame.containers.values():
        restore(obj, before)
    return final


# Which of two containers a name is bound to -------------------------------------------------------


def joined(session: Session, made: Any, sides: tuple[Any, ...], loop: Any = None) -> Any:
    """Note that a container stands for one or the other of some, which the program knows too, and
    so for what they stand for. ``loop``: the key of the loop that made it, whose lists may be
    shared instead."""
    every = {key: x for side in sides for key, x in stands_for(session, side).items()}
    session.unsure.append((made, *every.values()))
    if loop is not None:
        session.unsure_in_loops[id(made)] = loop
    return made


def put_together(session: Session, obj: Any) -> Any:
    """Note that a loop has made a list or dict (or tuple) for a name that iterations bind."""
    if isinstance(obj, list | dict):
        session.put_together[id(obj)] = obj
    return made(session, obj)


def must_be_told_apart(session: Session, left: Any, right: Any) -> None:
    """UnsupportedError where the run decides whether two lists, dicts or objects are one."""
    if left is right:
        return
    known = stands_for(session, left).keys(), stands_for(session, right).keys()
    loops = session.put_together.keys() | session.chosen
    bound = not loops.isdisjoint(known[0] | known[1])
    if known[0] & known[1] or (bound and type(left) is type(right)):
        raise UnsupportedError(
            f"{where()}: whether two names mean one {type(left).__name__} is decided at run "
            "time, and asked by `is`: keep a flag that says it"
        )


def stands_for(session: Session, x: Any) -> dict[int, Any]:
    """What a container may be, itself among it, by identity."""
    found = {id(x): x}
    for made, *sides in session.unsure:
        if made is x:
            found.update((id(side), side) for side in sides)
    return found


def is_unsure(session: Session, obj: Any) -> bool:
    """Whether a container may be another, or another may be it."""
    return any(obj is x for every in session.unsure for x in every)


def must_be_known(session: Session, obj: Any) -> None:
    """Before a change: UnsupportedError where the run decides which container it is of."""
    known: set[int] | None = None
    for made, *sides in session.unsure:
        mine = obj is made
        if not mine and any(obj is side for side in sides):
            mine = _references(made) > _OF_A_ROW + _noted(session, made)
            if not mine:
                known = known_objects(session, everywhere=True) if known is None else known
                mine = id(made) in known
        if mine:
            kind = type(obj).__name__
            reason = (
                f"{where()}: which {kind} a name is bound to is decided at run time, and a {kind} "
                "that it may be is changed: change each in a branch of its own, or copy it"
            )
            key = session.unsure_in_loops.get(id(made))
            if key is not None and type(made) is list and not session.loop_is(key, "shared"):
                raise Restart(key, "shared", reason, session.outside.lending((obj, *sides)))
            for x in (obj, *sides):
                session.outside.lend_list(session.outside.path_of(x) or ())
            raise UnsupportedError(reason)


def _noted(session: Session, made: Any) -> int:
    """How often the trace itself refers to what a branch or loop made, beside the list of these."""
    key = id(made)
    return sum(key in f.made for f in session.frames) + (key in session.put_together)


def _references(found: Any) -> int:
    return sys.getrefcount(found)


def _of_a_row() -> int:
    """How many there are to the first of a row that a loop is at, if nobody else has it."""
    rows: list[tuple[Any, Any]] = [([], None)]
    return next(_references(made) for made, *_ in rows)


def _count(session: Any, found: Any) -> int:
    return sys.getrefcount(found)


def _unshared() -> int:
    """How many references there are, in a function that is given it, to what a caller has bound to
    one name."""
    found: list[Any] = []
    return _count(None, found)


_UNSHARED = _unshared()
_OF_A_ROW = _of_a_row()
