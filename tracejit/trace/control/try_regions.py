"""``try`` around code whose exceptions are known at run time only.

A check whose exception a handler catches must not leave the function. It splits what follows: the
rest of the body is traced into one side of a ``cond`` and the handler into the other, and the sides
are joined at the end of the statement. So nothing after the failure is executed, and every name and
array has, in the handler, the value that it had when the check failed.

Splits belong to the innermost statement and to the region in which it began. A branch, loop or
inner ``try`` inside of it catches what an outer one would catch, records which, and hands it on
where it ends (``Escape``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import field, replace
from functools import partial
from typing import Any

from tracejit.dtypes import kind_of
from tracejit.errors import UnsupportedError, is_for_user, throw
from tracejit.ir.core import Loc, Value
from tracejit.records import dataclass
from tracejit.trace.control.branch import join_sides, trace_side
from tracejit.trace.control.edges import TracedSide
from tracejit.trace.convert import UNDEFINED, VarInfo
from tracejit.trace.session.concretize import mark, shown_later, split_marks
from tracejit.trace.session.exceptions import holds_later
from tracejit.trace.session.frames import Frame, Payload, TraceBuilder
from tracejit.trace.session.marks import MARK
from tracejit.trace.session.raising import CHECKED_AT, Diverged, emit_raise
from tracejit.trace.session.session import Session, exception_class, user_location, where
from tracejit.trace.values import containers
from tracejit.trace.values.all import PyScalar, Scalar, lift
from tracejit.trace.values.maybe_unbound import MaybeUnbound

Thunk = Callable[[], Any]
#: Checks that one ``try`` may split at: each nests what follows one level deeper.
LIMIT = 40
#: What only our 64-bit integers raise, and no handler of the program is meant for.
_OURS = "Python int too large to convert to C long"


@dataclass(frozen=True)
class State:
    """The names that a statement may write, and after them what an ``Escape`` keeps (``code_at``:
    where its code is)."""

    get: Callable[[], tuple[Any, ...]]
    set: Callable[[tuple[Any, ...]], None]
    names: tuple[VarInfo, ...]
    code_at: int | None = None

    def join(self, session: Session, pred: Value, then: TracedSide, other: TracedSide) -> None:
        """One ``cond`` of two sides."""
        gone = [self._escaped(side) for side in (then, other)]
        left, alive = (then, other) if gone[0] else (other, then)
        definite: list[int] = []
        if gone[0] != gone[1] and not alive.raised:
            pairs = enumerate(zip(left.state, alive.state, strict=True))
            definite = [k for k, (a, b) in pairs if a is UNDEFINED and _is_definite(b)]
        join_sides(session, pred, then, other, self.set, self.names)
        found = self.get() if definite else ()
        for k in definite:
            if isinstance(found[k], MaybeUnbound):
                found[k].definite = True

    def _escaped(self, side: TracedSide) -> bool:
        if side.raised or self.code_at is None:
            return False
        code = side.state[self.code_at]
        return isinstance(code, int) and code != 0

    def alive(self, *, all_names: bool) -> State:
        """For a region that is run again: what it reads (or all names) is live at its end."""
        names = (replace(n, live_out=n.live_out or n.live_in or all_names) for n in self.names)
        return State(self.get, self.set, tuple(names), self.code_at)


def _is_definite(x: Any) -> bool:
    return x.definite if isinstance(x, MaybeUnbound) else x is not UNDEFINED


def _known(x: Any) -> Any:
    return x.value if isinstance(x, MaybeUnbound) and x.definite else x


@dataclass(frozen=True)
class Handler:
    """An ``except``. ``keeps``: it uses the exception itself. ``kinds``: what it matches."""

    matches: Callable[[type[BaseException]], bool]
    run: Callable[[BaseException], None]
    keeps: bool
    kinds: Callable[[], tuple[type, ...]]


@dataclass(frozen=True)
class SplitCheck:
    """A check at which the body was split."""

    ok: Value
    handler: Handler
    error: Callable[[], BaseException]
    state: tuple[Any, ...]


@dataclass(eq=False)
class TryRegion:
    """A ``try`` under way: it splits at checks that its handlers catch."""

    session: Session
    handlers: tuple[Handler, ...]
    state: State
    within: Callable[[Thunk], None]
    splits: list[SplitCheck] = field(default_factory=list)
    depth: int = 0

    def __post_init__(self) -> None:
        self.depth = len(self.session.frames)

    @property
    def keeps(self) -> bool:
        return any(h.keeps for h in self.handlers)

    def handler_of(self, kind: type[BaseException]) -> Handler | None:
        return next((h for h in self.handlers if h.matches(kind)), None)

    def catches(self, kind: type[BaseException]) -> bool:
        return self.handler_of(kind) is not None

    def kinds(self) -> tuple[type, ...]:
        """What its handlers match."""
        return tuple(kind for h in self.handlers for kind in h.kinds())

    def described(self) -> tuple[tuple[tuple[type, ...], bool], ...]:
        """What each handler matches, and whether it uses the exception."""
        return tuple((h.kinds(), h.keeps) for h in self.handlers)

    def takes(
        self, ok: Value, exc: type[BaseException] | str, message: str, payload: Payload
    ) -> bool:
        """Whether a check of what this is around is taken over."""
        kind = exception_class(exc) if isinstance(exc, str) else exc
        if message == _OURS:
            return False
        loc = user_location()

        def error() -> BaseException:
            return exception_of(kind, message, payload() if callable(payload) else payload, loc)

        return self.split_at(ok, kind, error)

    def split_at(
        self, ok: Value, kind: type[BaseException], error: Callable[[], BaseException]
    ) -> bool:
        """Split here if this, or a ``try`` around it, catches the exception unless ``ok``."""
        handler = self.handler_of(kind)
        if handler is None:
            return False
        self.split(ok, handler, error)
        return True

    def split(self, ok: Value, handler: Handler, error: Callable[[], BaseException]) -> None:
        """What follows runs only where the check holds."""
        session = self.session
        if len(session.frames) != self.depth + len(self.splits):
            raise UnsupportedError(
                f"{where()}: this may raise an exception that a `try` around it catches, which "
                "cannot be compiled here; test for it before, or write out the loop"
            )
        if len(self.splits) == LIMIT:
            raise UnsupportedError(
                f"{where()}: more than {LIMIT} operations in one `try` may raise what it catches; "
                "put fewer of them in it, or test before"
            )
        self.splits.append(SplitCheck(ok, handler, error, self.state.get()))
        # Code that has asked for the builder before the check must go on after it.
        outer, builder = session.frame, session.frame.builder
        outer.builder = TraceBuilder("rest", session.literals)
        outer.builder.swap(builder)
        session.frames.append(Frame("branch", builder, len(session.frames)))

    def close(self, complete: Thunk) -> None:
        """End the body with ``complete``, then join each rest with the handler of its check."""
        if not self.splits:
            complete()
            return
        raised = False
        try:
            complete()
        except BaseException as error:
            if not isinstance(error, Diverged) and not is_for_user(error):
                self.abandon()
                raise
            emit_raise(self.session, error)
            raised = True
        try:
            while self.splits:
                raised = self._join(self.splits.pop(), raised)
        except BaseException:
            self.abandon()
            raise
        if raised:
            raise Diverged

    def _join(self, split: SplitCheck, raised: bool) -> bool:
        session, state = self.session, self.state
        end = () if raised else state.get()
        rest = self._left(end, raised)
        state.set(split.state)

        def handle() -> None:
            self.within(partial(handled, split.handler, split.error()))

        failed = trace_side(session, "failed", handle, state.get)
        state.set(split.state)
        try:
            state.join(session, split.ok, rest, failed)
        except Diverged:
            return True
        return False

    def _left(self, end: tuple[Any, ...], raised: bool) -> TracedSide:
        frame = self.session.frames.pop()
        outer, builder = self.session.frame, frame.builder
        frame.builder = TraceBuilder("", self.session.literals)
        frame.builder.swap(builder)
        builder.swap(outer.builder)
        outer.builder = builder
        final = self.session.leave(frame)
        return TracedSide(self.session, frame, end, None, final, raised, containers.leave(frame))

    def abandon(self) -> None:
        """The trace goes elsewhere: leave the regions that were split off."""
        while self.splits:
            self.splits.pop()
            self._left((), True)


def handled(handler: Handler, error: BaseException) -> None:
    """Run a handler while its exception is the current one, as a bare ``raise`` needs."""
    try:
        throw(error)
    except BaseException as current_error:
        handler.run(current_error)


def complete(region: TryRegion, error: BaseException | None, orelse: Thunk | None) -> None:
    """What ends a body: ``else``, the handler of what it certainly raised, or that exception."""
    if error is None:
        if orelse is not None:
            region.within(orelse)
        return
    handler = None if isinstance(error, Diverged) else region.handler_of(type(error))
    if handler is None:
        throw(error)
    region.within(partial(handled, handler, error))


def exception_of(
    kind: type[BaseException], message: str, payload: Sequence[Value], loc: Loc | None
) -> BaseException:
    """What a check raises where it fails."""
    made = kind(message.format(*map(_Later, payload)))
    setattr(made, CHECKED_AT, loc)
    return made


class _Later:
    """A value of a message that is made while tracing."""

    def __init__(self, value: Value) -> None:
        kinds = {"b": "bool", "i": "int", "f": "float", "c": "complex"}
        kind = kinds.get(kind_of(value.dtype))
        wide = value.dtype.itemsize == 8 or kind_of(value.dtype) in "bc"
        self.value: Any = PyScalar(kind, value) if kind and wide else Scalar(value)  # type: ignore[arg-type]

    def __format__(self, spec: str) -> str:
        return shown_later(self.value, spec)


# Regions inside of a ``try`` ----------------------------------------------------------------------


class Escape:
    """Which exception, if any, left a region for a ``try`` around it. 0: none.

    ``slots``: numbers of its message, where the ``try`` may ask for that.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.code: Any = 0
        self.errors: list[BaseException] = []
        self._known: dict[Any, int] = {}
        self.state: State
        kept = any(region.keeps for region in session.catching)
        self.slots: list[Any] = [0, 0, 0, 0.0, 0.0] if kept else []
        around = session.catching[-1]
        self.handler = Handler(around.catches, self.note, False, around.kinds)

    def note(self, error: BaseException) -> None:
        """This exception is under way."""
        text = re.sub(f"{MARK}[0-9]+{MARK}", MARK, _text(error))
        key = (type(error), text, getattr(error, CHECKED_AT, None))
        if key not in self._known:
            self.errors.append(error)
            self._known[key] = len(self.errors)
        self.code = self._known[key]
        for place, (value, _) in zip(*self._places(error), strict=False):
            self.slots[place] = value

    def _places(self, error: BaseException) -> tuple[list[int], list[Any]]:
        """A slot for each traced number of a message, in order; empty where there are too few."""
        values = split_marks(_text(error))[1::2]
        free = {"int": [2, 1, 0], "float": [4, 3]} if self.slots else {}
        places = [
            free[x.kind].pop() for x, _ in values if isinstance(x, PyScalar) and free.get(x.kind)
        ]
        return (places, values) if len(places) == len(values) else ([], [])

    def extended(self, state: State) -> State:
        """The names of a statement, the code and the slots."""
        count = len(self.slots)
        self.state = state

        def set_state(values: tuple[Any, ...]) -> None:
            state.set(values[: len(values) - 1 - count])
            self.code = values[len(values) - 1 - count]
            self.slots[:] = values[len(values) - count :]

        own = [VarInfo("an exception", True, True)]
        own += [VarInfo("the message of an exception", True, True)] * count
        names = (*state.names, *own)
        at = len(state.names)
        return State(lambda: (*state.get(), self.code, *self.slots), set_state, names, at)

    def none(self) -> Any:
        """Whether nothing escaped so far."""
        if isinstance(self.code, int):
            return self.code == 0
        return PyScalar("bool", self._compared("eq", 0))

    def deliver(self) -> None:
        """In the region around: raise what escaped, for the ``try`` there."""
        if isinstance(self.code, int):
            if self.code:
                throw(self._shown(self.errors[self.code - 1]))
            return
        for k, error in enumerate(self.errors, 1):
            ok = self._compared("ne", k)
            self.session.catching[-1].split_at(ok, type(error), partial(self._shown, error))
        self.state.set(tuple(map(_known, self.state.get())))

    def _compared(self, op: str, k: int) -> Value:
        b = self.session.b
        found: Value = b.op(op, lift(self.code).value, b.const(k, "i64"))
        return found

    def _shown(self, error: BaseException) -> BaseException:
        """The exception, its message made of values that are known here."""
        if self.slots and holds_later(error):
            raise UnsupportedError(
                f"{where()}: {type(error).__name__} that is raised in a loop or branch of the "
                "`try` cannot carry values of it; put them in variables before the `raise`"
            )
        parts = split_marks(_text(error))
        if len(parts) == 1:
            return error
        places, values = self._places(error)
        shown = copy(error)
        if places and error.args == (_text(error),):
            parts[1::2] = [
                mark(self.slots[k], how) for k, (_, how) in zip(places, values, strict=True)
            ]
            shown.args = ("".join(parts),)
        else:
            shown.args = (_Lost(),)
        return shown


def _text(error: BaseException) -> str:
    """The message, where there is one as the program wrote it (``KeyError`` shows its ``repr``)."""
    args = error.args
    return args[0] if len(args) == 1 and type(args[0]) is str else str(error)


class _Lost:
    """The message of an exception from an inner region, made of values that are gone."""

    def __str__(self) -> str:
        raise UnsupportedError(
            f"{where()}: the message of an exception that was raised in a loop or branch of the "
            "`try` is not known here; write one of your own"
        )

    __repr__ = __str__
