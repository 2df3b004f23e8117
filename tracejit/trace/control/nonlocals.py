"""Variables that code elsewhere rebinds: functions through ``nonlocal``, and the body of a ``for``
statement, which runs where its generator yields.

Any call (or ``yield``) may write them, so every branch, loop and ``try`` carries those of the
functions under way (and of those whose inner functions are still around).
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tracejit.trace.control.try_regions import State
from tracejit.trace.convert import VarInfo
from tracejit.trace.session.frames import Frame
from tracejit.trace.session.session import Session


class Captured:
    """The captured variables of one call of a function. The call and its inner functions hold it,
    the session does not: what nobody can read any more is not carried."""

    def __init__(
        self,
        session: Session,
        get: Callable[[], tuple[Any, ...]],
        set_: Callable[[tuple[Any, ...]], None],
        names: tuple[VarInfo, ...],
        where: str = "nonlocal",
    ) -> None:
        #: While it rests, what runs is the code that the variables belong to.
        self.is_resting = False
        self.get = get
        self.set = set_
        self.frame: Frame = session.frame
        taken = {info.name for other in alive(session) for info in other.names}
        self.names: tuple[VarInfo, ...] = tuple(
            replace(info, name=_unlike(info.name, where, taken)) for info in names
        )
        self.is_over = False
        session.captured.append(weakref.ref(self))

    def end(self) -> None:
        """Nothing elsewhere writes them any more, whoever still holds this."""
        self.is_over = True


def _unlike(name: str, where: str, taken: set[str]) -> str:
    """A name that no local variable has, nor another call of the function."""
    found, k = f"{name} ({where})", 1
    while found in taken:
        k += 1
        found = f"{name} ({where} {k})"
    return found


def alive(session: Session) -> list[Captured]:
    """All that can still be read; what a region made that was left since is dropped."""
    found = [c for c in (ref() for ref in session.captured) if c is not None and not c.is_over]
    found = [c for c in found if any(c.frame is frame for frame in session.frames)]
    session.captured[:] = [weakref.ref(c) for c in found]
    return found


def with_captured(session: Session, state: State) -> State:
    """The names of a statement, and those that calls in it may write."""
    known = {id(info) for info in state.names}
    added = [c for c in alive(session) if not c.is_resting and id(c.names[0]) not in known]
    if not added:
        return state
    count = len(state.names)

    def get() -> tuple[Any, ...]:
        return (*state.get(), *(x for c in added for x in c.get()))

    def set_state(values: tuple[Any, ...]) -> None:
        state.set(values[:count])
        at = count
        for c in added:
            c.set(values[at : at + len(c.names)])
            at += len(c.names)

    names = (*state.names, *(info for c in added for info in c.names))
    return State(get, set_state, names, state.code_at)
