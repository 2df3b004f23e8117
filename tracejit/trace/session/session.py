"""The trace under way: where instructions go, what is known, which storage has been written."""

from __future__ import annotations

import builtins
import functools
import os
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

import tracejit.ir.ops  # noqa: F401  (enters the op table)
from tracejit.errors import (
    PACKAGE,
    InternalError,
    LeakedTracerError,
    UnsupportedError,
    raise_at,
    throw,
)
from tracejit.ir.core import Constant, Loc, Value
from tracejit.ir.exceptions import ExceptionName
from tracejit.ir.extent import Dim
from tracejit.ir.facts import IntegerFacts
from tracejit.trace.session.assumption_sets import TraceAssumptions
from tracejit.trace.session.frames import (
    Catching,
    Frame,
    FrameKind,
    Restart,
    RestartKind,
    TraceBuilder,
)
from tracejit.trace.session.marks import as_fields

if TYPE_CHECKING:
    from tracejit.trace.session.storage import Cell

NUMPY = os.path.dirname(os.path.abspath(np.__file__))


class Session:
    """One trace from start to end."""

    def __init__(
        self,
        name: str = "f",
        loops: frozenset[Any] = frozenset(),
        assumptions: TraceAssumptions | None = None,
        run_time_globals: frozenset[str] = frozenset(),
    ) -> None:
        self.literals: dict[Value, Constant] = {}
        self.frames: list[Frame] = [Frame("root", TraceBuilder(name, self.literals), 0)]
        self.ranges = IntegerFacts()
        self.loops = loops
        self.assumptions = assumptions or TraceAssumptions()
        self.loop_of: dict[Value, Any] = {}
        #: Lists that are items by value, by identity, and why they must not be changed.
        self.kept: dict[int, tuple[Any, str]] = {}
        #: Where an array of the caller's has become an item of a list by value.
        self.given_to_list: str | None = None
        #: Lists that are rows of lists of lists, by identity (see ``values.list_rows``).
        self.rows: dict[int, Any] = {}
        #: What holds lists that are items of lists and dicts, by where they became such.
        self.heaps: dict[Any, Any] = {}
        #: Why rows cannot be written, if they cannot; the regions in which some were.
        self.rows_shared: str | None = None
        self.rows_written: list[Frame] = []
        #: Loops whose counter is a place in a list, or that are too much code if unrolled: they are
        #: unrolled only if there is no other way.
        self.kept_rolled: dict[Any, None] = {}
        #: Comprehensions over known numbers whose items the run decides, by key and lines.
        self.of_the_run: set[Any] = set()
        self.memory: dict[Any, Any] = {}
        self.hidden: dict[Any, Any] = {}
        #: Names of numbers outside of the trace that change from call to call.
        self.run_time_globals = run_time_globals
        self.first_hidden = 0
        #: Arguments that are windows of shared storage, and their leaf numbers.
        self.windows: list[tuple[Any, int]] = []
        #: Arrays found outside that are leaves, with their traced form, by identity.
        self.overlapping_globals: dict[int, tuple[Any, Any]] = {}
        self.outside: Any = None
        #: How NumPy treats errors where the call was made; while tracing it is silent.
        self.errors: Any = current().errors if active() else np.geterr()
        self.operators: Any = None
        #: The function of the package in which the program's begin.
        self.entry: CodeType | None = None
        #: Containers that stand for one of two others, with these (see ``containers``).
        self.unsure: list[tuple[Any, ...]] = []
        #: Of those that a loop made, by identity, its key.
        self.unsure_in_loops: dict[int, Any] = {}
        #: Lists and dicts that loops have put together, for a name that they bind anew: which
        #: object of Python's each is, the run decides.
        self.put_together: dict[int, Any] = {}
        #: Lists that are arguments, with their items as the run reads them (``caller_lists``).
        self.caller_lists: dict[int, tuple[Any, Any]] = {}
        #: Of lists that must not be changed, by identity: what names them as ones to lend.
        self.lendable: dict[int, Any] = {}
        #: Of lists of lists that arrays came in for: each level's heap, and which of its lists.
        self.passed_in: dict[int, Any] = {}
        #: Objects of the user's classes, with the frame in which they were made, by identity.
        self.made: dict[int, tuple[Any, Frame]] = {}
        #: Iterators of Python's, by identity, and the keys under which they may be of the run.
        self.followable: dict[int, tuple[Any, Any]] = {}
        #: Objects that a branch may have chosen: what is set in one would not show in the other.
        self.chosen: dict[int, Any] = {}
        #: Numbers of which nothing but the truth is known.
        self.truths: dict[Value, bool] = {}
        #: Of values that are the inverse of one: that one.
        self.inverses: dict[Value, Value] = {}
        #: The `try` statements under way, innermost last (see ``try_regions``).
        self.catching: list[Catching] = []
        #: What the `with` statements under way do where an exception leaves them, innermost last.
        self.leaving: list[Callable[[BaseException], None]] = []
        #: What a check raises instead, while some values are converted (see ``casting``).
        self.failing: tuple[type[BaseException], str] | None = None
        #: The calls under way of each function, by its code (see ``recursion``).
        self.calls: dict[Any, list[Any]] = {}
        #: How many calls of each function there were, by its code.
        self.call_counts: Counter[Any] = Counter()
        #: What calls inside of calls gave, by the region that they are in and all that they saw.
        self.repeated: dict[Any, Any] = {}
        #: The recursions of the run under way, innermost last.
        self.recursions: list[Any] = []
        #: Weak references to the variables that calls may rebind (see ``nonlocals``).
        self.captured: list[Any] = []
        #: Whether the innermost generator under way is run to its end, whatever its items do.
        self.to_the_end = False
        #: What is refused unless a loop's body is traced again, and how many bodies are traced.
        self.refusals: list[tuple[Exception, Loc | None]] = []
        self.attempts = 0
        #: What loops in the attempts under way settled on, innermost last (see ``settled_plans``).
        self.memories: list[Any] = []
        #: What an attempt at a loop opened numbers as, until it settles: the loop, which of its
        #: variables it is, and the number before the loop.
        self.provisional: dict[Value, tuple[Any, int, Any]] = {}
        #: Functions under way that run as they are, and see the items of lists as Python has them.
        self.as_they_are = 0
        #: How many times derivatives will be taken of what is traced: rules matter to that order.
        self.orders = 0
        #: Whether results may lie in storage of their own where a loop decides whose they share.
        self.results_by_value = False
        #: Whether functions of ``math`` give what NumPy gives, where Python's raise.
        self.numpy_errors = False
        self.shown: list[Any] = []
        self.shown_at: list[Loc | None] = []
        self.over = False

    def loop_is(self, key: Any, how: RestartKind) -> bool:
        """Whether an earlier trace found that the loop (or code) at ``key`` must be so."""
        return (key, how) in self.loops

    def may_lend(self, key: Any) -> bool:
        """Whether the trace may begin again with lists of the caller's lent (``lent_lists``)."""
        return not (key is None or self.loop_is(key, "lists") or self.loop_is(key, "unroll"))

    # Where instructions go ------------------------------------------------------------------------

    @property
    def frame(self) -> Frame:
        return self.frames[-1]

    @property
    def b(self) -> TraceBuilder:
        """The innermost builder, its location set to the user's line."""
        if self.over:
            raise LeakedTracerError("a traced value was used after its trace had ended")
        builder = self.frames[-1].builder
        builder.loc = self.loc
        return builder

    @property
    def loc(self) -> Loc | None:
        """The innermost line of the call stack that is neither ours nor NumPy's."""
        return user_location()

    def truth_of(self, test: Value) -> bool | None:
        """Whether a bool is known to hold, or not to, here."""
        found = self.truths.get(test)
        if found is None and test in self.inverses:
            inverse = self.truths.get(self.inverses[test])
            return None if inverse is None else not inverse
        return found

    def inverted(self, test: Value) -> Value:
        """The inverse of a bool; of an inverse the bool itself."""
        if test in self.inverses:
            return self.inverses[test]
        made: Value = self.b.op("invert", test)
        self.inverses[made] = test
        return made

    @contextmanager
    def assumed(self, test: Value, truth: bool) -> Iterator[None]:
        """Inside, the truth of a value is known: on one side of a branch that it decides."""
        if test in self.inverses:
            test, truth = self.inverses[test], not truth
        before = self.truths.get(test)
        self.truths[test] = truth
        try:
            yield
        finally:
            del self.truths[test]
            if before is not None:
                self.truths[test] = before

    @contextmanager
    def region(self, kind: FrameKind, name: str) -> Iterator[Frame]:
        """Trace into a new frame; ``leave`` then gives storage back what it held before."""
        frame = Frame(kind, TraceBuilder(name, self.literals), len(self.frames))
        found = [vars(obj) for obj, _ in self.made.values() if hasattr(obj, "__dict__")]
        frame.attributes = [(attributes, dict(attributes)) for attributes in found]
        self.frames.append(frame)
        try:
            yield frame
        finally:
            if self.frames.pop() is not frame:
                raise InternalError("frames were left out of order")

    # Storage --------------------------------------------------------------------------------------

    def read_cell(self, cell: Cell) -> Value:
        """The current contents of a cell; a loop body sees its own placeholder of an outer cell."""
        self._enter(cell, reading=True)
        return cell.value

    def write_cell(self, cell: Cell, value: Value) -> None:
        """Replace the contents; an argument's are written back to the caller's array."""
        self._enter(cell, reading=False)
        cell.value = value
        if cell.arg is not None:
            self.b.op("write_back", value, arg=cell.arg)

    def replace(self, cell: Cell, value: Value) -> None:
        """New contents that inner regions computed (and wrote back already)."""
        self._enter(cell, reading=False)
        cell.value = value

    def _enter(self, cell: Cell, *, reading: bool) -> None:
        for k in range(cell.depth + 1, len(self.frames)):
            frame = self.frames[k]
            if cell in frame.touched:
                continue
            if frame.kind in ("loop", "recursion"):
                frame.touched[cell] = cell.value
                placeholder = Value(cell.value.type, cell.value.hint)
                frame.placeholders[cell] = placeholder
                cell.value = placeholder
            elif not reading:
                inner = (f.touched[cell] for f in self.frames[k + 1 :] if cell in f.touched)
                frame.touched[cell] = next(inner, cell.value)

    def leave(self, frame: Frame) -> dict[Cell, Value]:
        """Give touched cells back their values from before the frame; their values at its end."""
        final = {cell: cell.value for cell in frame.touched}
        for cell, value in frame.touched.items():
            cell.value = value
        return final

    # What is known --------------------------------------------------------------------------------

    def literal(self, value: Value) -> Any | None:
        """The NumPy array behind a constant, else None."""
        if isinstance(value.expr, int):
            return np.asarray(value.expr, np.int64)
        constant = self.literals.get(value)
        return None if constant is None else constant.array

    def check(
        self, ok: Value, exc: type[BaseException] | str, message: str, *payload: Value | Dim
    ) -> None:
        """Raise ``exc(message.format(*payload))`` at run time unless ``ok``; at once if known."""
        known = self.literal(ok)
        if known is not None and bool(known):
            return
        if self.failing is not None:
            exc, message, payload = *self.failing, ()
        b = self.b
        values = [p if isinstance(p, Value) else b.index(p) for p in payload]
        message = as_fields(message, self.shown, b, values)
        if known is not None:
            found = [self.literal(v) for v in values]
            if all(v is not None for v in found):
                self.fail(exc, message.format(*(v.item() for v in found if v is not None)))
        if self.catching and self.catching[-1].takes(ok, exc, message, values):
            return
        if self.leaving:
            kind = exception_class(exc) if isinstance(exc, str) else exc
            self.operators.check_and_leave(ok, kind, message, values)
            return
        self.emit_check(ok, self.exception_name(exc), message, *values)

    def emit_check(self, ok: Value, name: str, message: str, *payload: Value) -> None:
        """The check itself; where it fails, what the caller's objects then hold is kept."""
        if self.has_changes():
            self.outside.check_and_keep(ok, name, message, payload)
        else:
            self.b.op("check", ok, *payload, exc=name, message=message)

    def has_changes(self) -> bool:
        """Whether lists, dicts or attributes of the caller are changed, which a failure keeps."""
        return self.outside is not None and self.outside.has_changes()

    def fail(self, exc: type[BaseException] | str, message: str) -> None:
        """Raise now, as the traced program would."""
        if isinstance(exc, str):
            exc = exception_class(exc)
        throw(exc(message))

    def refuse_later(self, error: Exception) -> None:
        """Raise now; in a loop's body only once what the loop carries is settled, as the next
        trace of the body may not have this."""
        if not self.attempts:
            raise error
        self.refusals.append((error, self.loc))

    def unroll_or_refuse(self, inner: Sequence[Frame], reason: str) -> NoReturn:
        """Something happens in the regions ``inner`` that is right only once: begin again with the
        first of them unrolled if all are loops of few turns, else it is refused."""
        if inner and all(frame.unroll is not None for frame in inner):
            raise Restart(inner[0].unroll, "unroll", reason)
        raise UnsupportedError(reason)

    def settle(self, refusals: Sequence[tuple[Exception, Loc | None]]) -> None:
        """What was refused in a body is refused now, or with the loop around it."""
        if refusals and not self.attempts:
            error, loc = refusals[0]
            if loc is None:
                raise error
            raise_at(error, loc.filename, loc.line)
        self.refusals.extend(refusals)

    def exception_name(self, exc: type[BaseException] | str) -> str:
        """The name under which an exception type is known in the IR."""
        if isinstance(exc, str):
            return exc
        for base in exc.__mro__:
            places = (builtins, np.linalg, np.exceptions)
            named = any(getattr(p, base.__name__, None) is base for p in places)
            if named and (base is exc or exc.__module__.split(".")[0] == "numpy"):
                return str(base.__name__)
        return ExceptionName(f"{exc.__module__}.{exc.__qualname__}", exc)

    def require_equal(self, a: Dim, b: Dim, exc: type[BaseException], message: str) -> None:
        """Two extents must be equal: known, refuted at once, or checked at run time."""
        known = self.ranges.equal(a, b)
        if known is False:
            throw(exc(message))
        if known is None:
            same = self.b.op("eq", self.b.index(a), self.b.index(b))
            self.check(same, exc, message.replace("{", "{{").replace("}", "}}"))

    def remembered(self, key: Any) -> Any:
        """What a dominating region already established under ``key``, else None."""
        for frame in self.frames:
            if key in frame.checked:
                return frame.checked[key]
        return None

    def remember(self, key: Any, fact: Any) -> None:
        self.frame.checked[key] = fact


_LOCAL = threading.local()


def current() -> Session:
    """The session of the innermost trace on this thread; LeakedTracerError outside of traces."""
    stack = getattr(_LOCAL, "stack", None)
    if not stack:
        raise LeakedTracerError(
            "a traced value was used outside of the trace that made it: traced values live only "
            "while the function is being compiled; return them instead of storing them"
        )
    return stack[-1]  # type: ignore[no-any-return]


def active() -> bool:
    """Whether a trace is under way on this thread."""
    return bool(getattr(_LOCAL, "stack", None))


def nested() -> bool:
    """Whether a trace is under way within another."""
    return len(getattr(_LOCAL, "stack", ())) > 1


@contextmanager
def session_scope(session: Session) -> Iterator[Session]:
    """Make ``session`` the current one of this thread."""
    stack = _LOCAL.__dict__.setdefault("stack", [])
    stack.append(session)
    try:
        yield session
    finally:
        stack.pop()
        session.over = True


def exception_class(name: str) -> type[BaseException]:
    """A builtin exception or one of ``numpy.linalg``, by name."""
    found = getattr(builtins, name, None) or getattr(np.linalg, name)
    assert isinstance(found, type)
    assert issubclass(found, BaseException)
    return found


_SCIPY = os.path.join(os.path.dirname(NUMPY), "scipy") + os.sep
_LIBRARIES = (PACKAGE, NUMPY, _SCIPY, "<frozen", "<__array_function__")


_STANDARD = os.path.dirname(os.path.abspath(os.__file__)) + os.sep
_INSTALLED = (_STANDARD + "site-packages", _STANDARD + "dist-packages", _STANDARD + "test")


@functools.lru_cache(4096)
def _is_library(filename: str) -> bool:
    """Whether a file is of this package, NumPy or the standard library."""
    standard = filename.startswith(_STANDARD) and not filename.startswith(_INSTALLED)
    return standard or filename.startswith(_LIBRARIES)


def user_location() -> Loc | None:
    """The innermost stack frame outside of this package, NumPy and the standard library."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and _is_library(frame.f_code.co_filename):
        frame = frame.f_back
    if frame is None:
        return None
    return Loc(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)


def user_lines() -> tuple[tuple[CodeType, int], ...]:
    """The lines of user code that the trace is at, innermost first."""
    found = []
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if not frame.f_code.co_filename.startswith(_LIBRARIES):
            found.append((frame.f_code, frame.f_lineno))
        frame = frame.f_back
    return tuple(found)


def where() -> str:
    """``file:line`` of the user's code, for messages."""
    loc = user_location()
    return "?" if loc is None else loc.shown
