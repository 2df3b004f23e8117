"""Where calls leave tracejit: exceptions lose our frames and keep the user's."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from types import TracebackType
from typing import Any

from tracejit.errors import PACKAGE, TracejitError, code_at

#: Exceptions that our own code raises about what it is given; others are our mistakes.
_ABOUT_THE_PROGRAM = (TracejitError, TypeError, ValueError, ArithmeticError)
_SOURCE = """
def outermost(*args, **kwargs):
    try:
        return call(*args, **kwargs)
    except Exception as error:
        raise trimmed(error)
"""


def boundary(
    function: Callable[..., Any],
    call: Callable[..., Any],
    trim: Callable[[Exception], Exception] | None = None,
    line: int | None = None,
) -> Callable[..., Any]:
    """``call`` with trimmed exceptions, in a frame that tracebacks show as ``function`` itself, at
    its first line or another of its file."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    filename = "<tracejit>" if code is None else code.co_filename
    line = line or (1 if code is None else code.co_firstlineno)
    made: dict[str, Any] = {"call": call, "trimmed": trim or trimmed}
    exec(code_at(_SOURCE, filename, line), made)
    outermost: Callable[..., Any] = made["outermost"]
    if code is not None:
        outermost.__code__ = outermost.__code__.replace(co_name=code.co_name)
    return outermost


def trimmed(error: Exception) -> Exception:
    """The same exception without our frames, unless it is our own mistake or all are asked for.

    The first frame is the boundary's own, which Python adds again.
    """
    if os.environ.get("TRACEJIT_FULL_TRACEBACK", "") not in ("", "0"):
        return error
    entries: list[TracebackType] = []
    tb = error.__traceback__
    while tb is not None:
        entries.append(tb)
        tb = tb.tb_next
    if entries and _is_ours(entries[-1]) and not isinstance(error, _ABOUT_THE_PROGRAM):
        return error
    kept: TracebackType | None = None
    for entry in reversed(entries[1:]):
        if not _is_ours(entry):
            kept = TracebackType(kept, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
    error.__suppress_context__ = True
    return error.with_traceback(kept)


def _is_ours(tb: TracebackType) -> bool:
    return tb.tb_frame.f_code.co_filename.startswith((PACKAGE, "<tracejit>"))
