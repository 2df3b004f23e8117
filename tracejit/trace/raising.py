"""Exceptions of the traced program become ``raise`` instructions; ours pass through."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from tracejit.errors import TracejitError
from tracejit.trace.session import PACKAGE, Session

_IR = os.path.join(PACKAGE, "ir") + os.sep


class Diverged(Exception):
    """The region being traced has already ended in ``raise``."""


def is_users(error: BaseException) -> bool:
    """Whether the program would raise this too (not a mistake inside tracejit)."""
    if isinstance(error, TracejitError | RecursionError | MemoryError):
        return False
    if not isinstance(error, Exception):
        return False
    tb = error.__traceback__
    last = ""
    while tb is not None:
        last = tb.tb_frame.f_code.co_filename
        tb = tb.tb_next
    if isinstance(error, AssertionError | AttributeError | NameError | KeyError):
        inside = last.startswith(PACKAGE) and not last.endswith(_DELIBERATE)
        return not inside
    return not last.startswith(_IR)


_DELIBERATE = ("operators.py", "values.py", "definedness.py", "session.py", "calls.py", "views.py")


def emit_raise(session: Session, error: BaseException) -> None:
    """End the innermost region with this exception."""
    if isinstance(error, Diverged):
        return
    b = session.b
    payload: list[Any] = []
    message = message_of(error, payload)
    b.op("raise", *payload, exc=session.exception_name(type(error)), message=message)


def message_of(error: BaseException, payload: list[Any]) -> str:
    """The message as a format string; traced parts go to ``payload``."""
    from tracejit.trace.values import Array, Tracer

    if isinstance(error, np.exceptions.AxisError) or len(error.args) != 1:
        text = str(error) if len(error.args) != 0 else ""
        return text.replace("{", "{{").replace("}", "}}")
    (arg,) = error.args
    if isinstance(arg, Tracer) and not isinstance(arg, Array):
        payload.append(arg.read())  # type: ignore[attr-defined]
        return "{0}"
    return str(arg).replace("{", "{{").replace("}", "}}")
