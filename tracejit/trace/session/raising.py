"""Exceptions of the traced program become ``raise`` instructions; ours pass through."""

from __future__ import annotations

import re
from typing import Any

from tracejit.errors import PACKAGE, is_for_user
from tracejit.ir.core import Loc
from tracejit.ir.exceptions import ExceptionName
from tracejit.trace.session.concretize import with_payload
from tracejit.trace.session.exceptions import CHECKED_AT as CHECKED_AT
from tracejit.trace.session.exceptions import CarryPayload, is_plain, named
from tracejit.trace.session.session import NUMPY, Session

#: Since 3.14 Python names the class of what it cannot hash twice, first as it is.
_HASHED = re.compile(r"'tracejit\.[\w.]+'(?= as a .*\(unhashable type: ('.*')\))")


class Diverged(Exception):  # noqa: N818
    """The region being traced has already ended in ``raise``."""


def emit_raise(session: Session, error: BaseException) -> None:
    """End the innermost region with this exception."""
    if isinstance(error, Diverged):
        return
    say_as_python(error)
    note_unbound(session, error)
    left = _left(session, error)
    if left is None:
        return
    error = left
    keeps = session.has_changes()
    if keeps:
        session.outside.keep_changes()
    b = session.b
    payload: list[Any] = []
    if is_plain(error):
        message, name = _template(error.args[0], payload), session.exception_name(type(error))
    else:
        name, message, again, carried = named(error, payload)
        name = ExceptionName(name, again)
        if carried:
            b.op("host_call", *carried, loc=raised_at(error), fn=CarryPayload(), types=())
    name = session.outside.carrying(name) if keeps else name
    b.op("raise", *payload, loc=raised_at(error), exc=name, message=message)


def say_as_python(error: BaseException) -> None:
    """Let a message of Python's name the class that a tracer stands for, not the tracer's."""
    if type(error) is TypeError and error.args and isinstance(error.args[0], str):
        error.args = (_HASHED.sub(r"\1", error.args[0]), *error.args[1:])


def _left(session: Session, error: BaseException) -> BaseException | None:
    """What leaves the ``with`` statements under way when an exception does; None if these end the
    region themselves."""
    held = session.leaving
    try:
        for k in reversed(range(len(held))):
            session.leaving = held[:k]
            try:
                held[k](error)
            except Diverged:
                return None
            except BaseException as other:
                if not is_for_user(other):
                    raise
                error = other
    finally:
        session.leaving = held
    return error


def note_unbound(session: Session, error: BaseException) -> None:
    """What holds while a ``NameError`` does: the global or enclosing variable does not exist."""
    name, tb = getattr(error, "name", None), error.__traceback__
    if type(error) is not NameError or not isinstance(name, str) or tb is None:
        return
    while tb.tb_next is not None:
        tb = tb.tb_next
    namespace = tb.tb_frame.f_globals
    _, namespace = session.operators.namespaces.get(id(namespace), (None, namespace))
    session.outside.missing_name(name, namespace)
    for cell in session.operators.cells_named(name):
        session.outside.missing_cell(name, cell)


def raised_at(error: BaseException) -> Loc | None:
    """The innermost line of the user's that an exception went through.

    One that a check of compiled code raised, and a ``try`` caught, comes from the check's line.
    """
    found: Loc | None = getattr(error, CHECKED_AT, None)
    if found is not None:
        return found
    tb = error.__traceback__
    while tb is not None:
        code = tb.tb_frame.f_code
        if not code.co_filename.startswith((PACKAGE, NUMPY, "<")):
            found = Loc(code.co_filename, tb.tb_lineno, code.co_name)
        tb = tb.tb_next
    return found


def _template(text: str, payload: list[Any]) -> str:
    """A message as a format string; traced parts go to ``payload``."""
    escaped = text.replace("{", "{{").replace("}", "}}")
    return with_payload(escaped, payload)
