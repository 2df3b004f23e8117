"""Objects of the user's classes as containers of attributes, beside tuples, lists and dicts."""

from __future__ import annotations

from collections import deque
from types import FunctionType, ModuleType
from typing import Any

from tracejit.errors import UnsupportedError
from tracejit.trace.session.plain import held_attributes, hold_attributes
from tracejit.trace.session.session import Session, current, where
from tracejit.trace.values import containers
from tracejit.trace.values.all import Tracer
from tracejit.trace.values.list_kinds import share_all
from tracejit.trace.values.made_objects import is_instance, is_slotted
from tracejit.trace.values.ranges import Range
from tracejit.trace.values.reach import snapshot
from tracejit.trace.values.structured_arrays import StructuredArray

_MANY = 10_000
_WITH_PARTS = (tuple, list, deque, dict, set, StructuredArray, range, Range, slice)


def is_object(x: Any) -> bool:
    """An instance of the user's whose attributes are its structure: not one in a circle."""
    return (is_instance(x) or is_slotted(x)) and not refers_to_itself(x)


def refers_to_itself(x: Any) -> bool:
    """Whether an object can be reached from what it holds, or that is too much to tell."""
    seen: dict[int, Any] = {}
    container = isinstance(x, _WITH_PARTS)
    stack = list((parts_of(x) if container else held_attributes(x)).values())
    while stack:
        part = stack.pop()
        if part is x or len(seen) > _MANY:
            return True
        if id(part) in seen or isinstance(part, Tracer | type | ModuleType | FunctionType):
            continue
        seen[id(part)] = part
        if isinstance(part, list | tuple | dict):
            stack += part.values() if isinstance(part, dict) else part
        else:
            stack += held_attributes(part).values()
    return False


def made_object(session: Session, cls: type, attributes: dict[str, Any]) -> Any:
    """An object with these attributes; its ``__init__`` does not run."""
    made: Any = object.__new__(cls)
    hold_attributes(made, attributes)
    session.made[id(made)] = (made, session.frame)
    return made


def is_older(session: Session, x: Any) -> bool:
    """Whether an object, list or dict was there before the branch that has just been traced."""
    found = session.made.get(id(x))
    if found is None and isinstance(x, list | deque | dict | set):
        return session.outside.keeps(x) or containers.is_made(session, x)
    return found is None or found[1] in session.frames


def choose_among(session: Session, made: Any, *objects: Any) -> None:
    """Which of some objects ``made`` stands for is known at run time only: none may be changed from
    here on, nor what they may stand for."""
    containers.joined(session, made, objects)
    session.chosen.update(containers.stands_for(session, made))


def read_parts(x: Any) -> dict[Any, Any]:
    """``parts_of``, as they are in each call: what an object from outside has is read."""
    session = current()
    if not (session.outside.is_outside(x) and is_object(x)):
        return parts_of(x)
    names = held_attributes(x)
    session.outside.just_these(x, names)
    return {name: session.operators.plain_getattr(x, name) for name in names}


def has_parts(x: Any) -> bool:
    """Whether something is a structure: what ``parts_of`` knows the parts of."""
    return isinstance(x, _WITH_PARTS) or is_object(x)


def parts_of(x: Any) -> dict[Any, Any]:
    """Items of a container, or attributes of an object, by place, key or name."""
    if isinstance(x, dict):
        return x
    if isinstance(x, set):
        found: dict[Any, Any] = snapshot(x)
        return found
    if isinstance(x, StructuredArray):
        return dict(enumerate(x.parts))
    if isinstance(x, range | Range | slice):
        return {"start": x.start, "stop": x.stop, "step": x.step}
    if isinstance(x, tuple | list | deque):
        if id(x) in current().rows:
            reason = (
                f"{where()}: a row of a list of lists is kept by a loop or branch that is decided "
                "at run time: index it anew (g[i][j]), copy it (list(row)), or use an array"
            )
            share_all(reason)
            raise UnsupportedError(reason)
        return dict(enumerate(x))
    if not is_object(x):
        return {}
    return held_attributes(x) if is_slotted(x) else vars(x)
