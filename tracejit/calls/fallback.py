"""``jit(fallback=True)``: which calls run in Python, and the one warning about it.

Only what tracejit cannot compile falls back. What NumPy or the program would raise is raised.
A function that runs in Python has its loops compiled one by one (see ``regions``).
"""

from __future__ import annotations

import os
import traceback
import warnings
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from types import CodeType
from typing import Any, Protocol

from tracejit.calls.log import log
from tracejit.errors import (
    PACKAGE,
    FallbackWarning,
    StructureError,
    UnsupportedError,
)
from tracejit.records import dataclass

# Not LeakedTracerError: what holds a value of the trace then is no longer what it was.
_NOT_COMPILED = (UnsupportedError, StructureError)
#: Refused sizes of one kind of arguments after which the others are not tried.
LIMIT = 8


@dataclass(frozen=True)
class Reason:
    """Why something is not compiled, and the user's line."""

    text: str
    filename: str
    line: int

    def __str__(self) -> str:
        return f"{os.path.basename(self.filename)}:{self.line}: {self.text}"


class Refused(Exception):  # noqa: N818  (the call goes to plain Python, nothing failed)
    """A call that cannot be compiled."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(str(reason))
        self.reason = reason


class InPython(Protocol):
    """How a function is called that is not compiled as a whole."""

    call: Callable[..., Any]

    @property
    def native(self) -> int: ...
    def told(self, reason: str) -> str: ...


class Fallback:
    """What one function could not be compiled for. ``calls``: how many calls ran in Python.

    ``in_python``: makes how it is called then, once that is needed.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        enabled: bool,
        in_python: Callable[[], InPython] | None = None,
    ) -> None:
        self.function = function
        # A transform has no form in plain NumPy to run instead.
        self.enabled = enabled and not hasattr(type(function), "__traced_call__")
        self.calls = 0
        self.reason: str | None = None
        self._in_python = in_python
        self._made: dict[str, InPython] = {}
        self._known: dict[Hashable, dict[tuple[int, ...], Reason]] = {}

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """What cannot be compiled inside becomes ``Refused``."""
        try:
            yield
        except _NOT_COMPILED as error:
            if not self.enabled:
                raise
            refused = Refused(self._reason(error))
        else:
            return
        raise refused  # outside of `except`: the frames that failed need not live on

    @contextmanager
    def refusing_family(self, family: Hashable, sizes: tuple[int, ...]) -> Iterator[None]:
        """``refusing`` for arguments of one kind; what was refused before is so at once."""
        known = self._known.get(family, {})
        reason = known.get(sizes)
        if reason is None and len(known) >= LIMIT:
            reason = next(iter(known.values()))
        if reason is not None:
            raise Refused(reason)
        try:
            with self.refusing():
                yield
        except Refused as refused:
            self._known.setdefault(family, {})[sizes] = refused.reason
            raise

    def run(self, reason: Reason, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """The call in Python. Of the first one a warning tells, when it is known what ran how."""
        self.calls += 1
        log("fallback", self.function, f"runs in Python: {reason}")
        parts = self.parts
        call = self.function if parts is None else parts.call
        if self.reason is not None:
            return call(*args, **kwargs)
        self.reason = str(reason)
        try:
            return call(*args, **kwargs)
        finally:
            self._warn(reason)

    @property
    def parts(self) -> InPython | None:
        """The function as it runs in Python; None if that is the function itself."""
        if self._in_python is None or not self.enabled:
            return None
        if not self._made:
            self._made.setdefault("parts", self._in_python())  # of two threads the first one's
        return self._made["parts"]

    @property
    def native_loops(self) -> int:
        """How many loops of calls in Python ran compiled."""
        return sum(parts.native for parts in self._made.values())

    def _warn(self, reason: Reason) -> None:
        name = getattr(self.function, "__qualname__", repr(self.function))
        how = f"is not compiled and runs in Python: {reason}"
        message = f"{name} {how if self.parts is None else self.parts.told(str(reason))}"
        warnings.warn_explicit(message, FallbackWarning, reason.filename, reason.line, registry={})

    def clear(self) -> None:
        """Try everything again."""
        self._known.clear()
        self._made.clear()

    def _reason(self, error: Exception) -> Reason:
        """The user's innermost line, or the function's own."""
        text = _without_place(str(error))
        for frame in reversed(traceback.extract_tb(error.__traceback__)):
            if not frame.filename.startswith((PACKAGE, "<")) and frame.lineno is not None:
                return Reason(text, frame.filename, frame.lineno)
        code: CodeType | None = getattr(self.function, "__code__", None)
        if code is None:
            return Reason(text, "<unknown>", 1)
        return Reason(text, code.co_filename, code.co_firstlineno)


def _without_place(message: str) -> str:
    """The message without the ``file:line:`` that it may begin with."""
    head, separator, rest = message.partition(": ")
    _, colon, line = head.rpartition(":")
    return rest if separator and colon and line.isdigit() else message
