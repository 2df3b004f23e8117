"""What names of the program, in the functions that are being traced, are bound to."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterable, Iterator, Mapping
from types import FrameType, FunctionType
from typing import Any

from tracejit.errors import PACKAGE
from tracejit.trace.session.plain import convertible
from tracejit.trace.session.session import NUMPY, Session
from tracejit.trace.session.tracer import Conditional, Tracer
from tracejit.trace.values.reach import captured, is_stateful, parts

#: How names begin that are no names of the program's (``convert.scope.GENERATED``).
_GENERATED = "_tj_"


def held_by_caller(session: Session, obj: Any, box: Any) -> bool:
    """Whether the caller has something that a list or dict was put into, but for ``box``."""
    return any(x is obj for x in all_in(x for x in session.outside.holders() if x is not box))


def known_elsewhere(
    session: Session, obj: Any, name: str, anew: frozenset[str] = frozenset()
) -> bool:
    """Whether the program knows a list or dict by another name than this, of the function that is
    being traced, as well: one of a function that has called it among them. ``anew``: names of that
    function that are about to be bound to something else."""
    if session.outside.path_of(obj) is not None or session.outside.is_outside(obj):
        return True
    return any(x is obj for x in all_in(_bound(session, name, anew)))


def known_objects(session: Session, *, everywhere: bool = False) -> set[int]:
    """The objects that names of the program are bound to, and all that is in them, by identity.
    ``everywhere``: also in what the trace has put into the caller's objects."""
    found = [*_bound(session), *(session.outside.holders() if everywhere else ())]
    return {id(x) for x in all_in(found)}


def _bound(
    session: Session, name: str | None = None, anew: frozenset[str] = frozenset()
) -> Iterator[Any]:
    """What is bound to names, except ``name`` in the function that is being traced; of what is
    bound to ``anew`` there what it holds."""
    for frame, variables in _frames(session):
        for key, value in variables.items():
            if key in anew and key != name:
                yield from parts(value) if is_stateful(value) else ()
            elif key != name and not key.startswith(_GENERATED):
                yield value
        # Others are variables of this function's own.
        outer = frame.f_code.co_freevars
        name, anew = name if name in outer else None, anew.intersection(outer)


def _frames(session: Session) -> Iterator[tuple[FrameType, Mapping[str, Any]]]:
    """The program's functions under way in the trace, the last to be called first."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code is not session.entry:
        if not frame.f_code.co_filename.startswith((PACKAGE, NUMPY)):
            yield frame, frame.f_locals
        frame = frame.f_back


def all_in(objects: Iterable[Any]) -> Iterator[Any]:
    """Objects, and all that they hold or refer to and that may change."""
    seen: set[int] = set()
    stack = [objects]
    while stack:
        for x in stack.pop():
            if isinstance(x, Conditional):
                stack.append((x.value,))
            elif id(x) not in seen and (is_stateful(x) or _is_iterable_of_ours(x)):
                seen.add(id(x))
                yield x
                stack.append(_parts(x))


def _parts(x: Any) -> Iterable[Any]:
    """What an object holds or refers to; an iterator, what it takes items of as well."""
    if isinstance(x, FunctionType) and not convertible(x):
        return captured(x)
    if hasattr(type(x), "__next__") or _is_iterable_of_ours(x):
        return [*parts(x), *gc.get_referents(x)]
    return parts(x)


def _is_iterable_of_ours(x: Any) -> bool:
    kind = type(x)
    ours = kind.__module__.startswith("tracejit.") and not isinstance(x, Tracer)
    return ours and hasattr(kind, "__iter__")
