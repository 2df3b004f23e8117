"""Generators of the trace: who goes through one is given to it, and runs where it yields.

``for v in g: body`` runs the generator, and the body at each of its ``yield``; so loops and
branches of the generator are loops and branches of the run, around the body. Loops inside carry
what the body binds. Where Python asks for items one by one (``next``), Python's own generator gives
them while tracing, as far as what it decides is known then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from tracejit.errors import UnsupportedError
from tracejit.trace.control.nonlocals import Captured
from tracejit.trace.control.watched import must_not_advance
from tracejit.trace.convert import VarInfo
from tracejit.trace.session.frames import Frame, Restart
from tracejit.trace.session.session import current, where

Put = Callable[[Any], Any]
Give = Callable[[Put], Any]


class Generated:
    """The generator that a call of a generator function gives.

    ``give`` runs it to its end with what is called for each item, and says whether no more are
    wanted; None where it cannot be turned inside out, and ``why``. ``items`` makes Python's own."""

    def __init__(
        self, name: str, give: Give | None, items: Callable[[], Iterator[Any]], why: str = ""
    ) -> None:
        self.name = name
        self.why = why
        self.give = give
        self.items = items
        self.made_in = current().frame
        self.key = ("generator", name, where())
        self.spent = give is None or current().loop_is(self.key, "unroll")
        self.begun: Iterator[Any] | None = None
        #: Whether closing it at a ``yield`` runs something, and whether a name may still hold it.
        self.cleans_up = self.is_kept = False
        self.result: Any = None
        #: The region in which all of it was gone through.
        self.over_in: Frame | None = None

    @property
    def is_whole(self) -> bool:
        """Whether it can be run from its beginning."""
        return self.begun is None and not self.spent

    @property
    def is_over(self) -> bool:
        """Whether it surely is at its end."""
        return any(frame is self.over_in for frame in current().frames)

    def run(self, put: Put, to_the_end: bool) -> None:
        """All of it, or ``to_the_end`` not, until no more is wanted."""
        assert self.give is not None
        self.spend()
        self.result = self.give(put)
        if to_the_end:
            self.over_in = current().frame

    def spend(self) -> None:
        """It is about to be run: nothing may run it again, nor a loop do so at each turn."""
        self.spent = True
        frames = current().frames
        inner = frames[frames.index(self.made_in) + 1 :] if self.made_in in frames else frames
        if any(frame.kind == "loop" for frame in inner):
            current().unroll_or_refuse(
                inner,
                f"{where()}: the generator {self.name} is gone through in each turn of a loop, but "
                "was made before it, and is at its end after the first; make it in the loop",
            )

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        if self.is_over:
            raise StopIteration
        return self._advanced(next)

    def send(self, value: Any) -> Any:
        return self._advanced(lambda begun: begun.send(value))

    def close(self) -> None:
        if self.begun is not None:
            self._advanced(lambda begun: begun.close())
        self.spent, self.over_in = True, current().frame

    def _advanced(self, advance: Callable[[Any], Any]) -> Any:
        """What Python's own generator gives, which begins where it is first asked."""
        session = current()
        if self.begun is None:
            if self.spent and self.give is not None and not session.loop_is(self.key, "unroll"):
                raise Restart(self.key, "unroll", self.refusal())
            self.begun = self.items()
            session.made[id(self.begun)] = (self.begun, self.made_in)
        must_not_advance(session, self.begun)
        try:
            return advance(self.begun)
        except UnsupportedError as error:
            if self.give is None and self.why:
                text = f"{where()}: the generator {self.name} runs while tracing, as {self.why}"
                raise UnsupportedError(text) from error
            raise

    def refusal(self) -> str:
        return (
            f"{where()}: items of the generator {self.name} are taken in more than one place, and "
            "the run decides what it does between; go through all of it in one for statement"
        )

    def __repr__(self) -> str:
        return f"<generator object {self.name}>"


def go_through(
    ops: Any,
    items: Generated,
    body_fn: Callable[[Any], Any],
    get_state: Callable[[], tuple[Any, ...]],
    set_state: Callable[[tuple[Any, ...]], None],
    names: tuple[VarInfo, ...],
    extra: Callable[[], Any] | None,
) -> None:
    """``for item in items: body``."""
    if items.is_over:
        return
    if extra is not None and items.cleans_up and items.is_kept:
        raise UnsupportedError(
            f"{where()}: a loop leaves the generator {items.name} before its end, and what it has "
            "in `finally` or `with` would run when the last name lets go of it; call "
            f"{items.name}() in the for statement"
        )
    held = None
    if names:
        carried = tuple(replace(v, live_out=v.live_out or v.live_in) for v in names)
        held = Captured(ops.session, get_state, set_state, carried, "outside of the generator")

    def put(item: Any) -> Any:
        """The body. Its own statements carry what it binds."""
        outer = held is not None and held.is_resting
        if held is not None:
            held.is_resting = True
        try:
            with _run_to_the_end(False):
                body_fn(item)
                return False if extra is None else ops.not_(extra())
        finally:
            if held is not None:
                held.is_resting = outer

    try:
        with _run_to_the_end(extra is None):
            items.run(put, extra is None)
    finally:
        if held is not None:
            held.end()


@contextmanager
def _run_to_the_end(is_so: bool) -> Iterator[None]:
    session = current()
    outer, session.to_the_end = session.to_the_end, is_so
    try:
        yield
    finally:
        session.to_the_end = outer
