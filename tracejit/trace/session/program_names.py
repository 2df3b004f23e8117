"""What names of the program, in the functions that are being traced, are bound to."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from types import FrameType
from typing import Any

from tracejit import trees
from tracejit.errors import PACKAGE
from tracejit.trace.session.plain import own_attributes
from tracejit.trace.session.session import NUMPY, Session


def held_by_caller(session: Session, obj: Any, box: Any) -> bool:
    """Whether the caller has something that a list or dict was put into, but for ``box``."""
    return any(x is not box and _holds(x, obj) for x in session.outside.holders())


def known_elsewhere(session: Session, obj: Any, name: str) -> bool:
    """Whether the program knows a list or dict by another name than this as well."""
    if session.outside.path_of(obj) is not None or session.outside.is_outside(obj):
        return True
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if not frame.f_code.co_filename.startswith((PACKAGE, NUMPY)):
            for key, value in frame.f_locals.items():
                if key != name and not key.startswith("_tj_") and _holds(value, obj):
                    return True
        frame = frame.f_back
    return False


def known_objects(session: Session, *, everywhere: bool = False) -> set[int]:
    """The objects that names of the program are bound to, what these hold, and all that is in
    lists, tuples, dicts and records there, by identity. ``everywhere``: also in objects that the
    trace has made, and what it has put into the caller's."""
    found: set[int] = set()
    stack: list[Any] = [*session.outside.holders()] if everywhere else []
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if not frame.f_code.co_filename.startswith((PACKAGE, NUMPY)):
            for key, value in frame.f_locals.items():
                if not key.startswith("_tj_"):
                    found.add(id(value))
                    stack += _parts(value)
        frame = frame.f_back
    while stack:
        value = stack.pop()
        if id(value) not in found:
            found.add(id(value))
            inside = isinstance(value, list | tuple | dict) or trees.is_record(value)
            if inside or (everywhere and id(value) in session.made):
                stack += _parts(value)
    return found


def _parts(value: Any) -> Iterable[Any]:
    if isinstance(value, list | tuple | dict):
        return value.values() if isinstance(value, dict) else value
    if isinstance(value, type):
        return ()
    held = trees.children(value) if trees.is_record(value) else own_attributes(value)
    return held.values()


def _holds(value: Any, obj: Any) -> bool:
    return value is obj or any(x is obj for x in _parts(value))
