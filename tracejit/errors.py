"""Exceptions that are tracejit's own, and whose exception another one is.

What NumPy or Python would raise is raised as theirs. Code of ours says so where it does that:
``throw`` for an exception of its own making, ``asks`` for functions in which Python or
NumPy are asked what the program would get. Any other exception that starts in our code is a
mistake of ours, and never becomes one of the program.
"""

from __future__ import annotations

import ast
import linecache
import os
from collections.abc import Callable, Mapping
from types import CodeType
from typing import Any, NoReturn, TypeVar

#: Where the files of this package are.
PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep

_Marked = TypeVar("_Marked", bound=Callable[..., Any])


class TracejitError(Exception):
    """Base of the exceptions that only tracejit raises."""


class UnsupportedError(TracejitError, NotImplementedError):
    """Something NumPy or Python can do and tracejit cannot; says where and what to do instead."""


class UnsupportedRecursionError(UnsupportedError):
    """Calls of a function within one another that only run-time values end."""


class UnsupportedTypeError(UnsupportedError, TypeError):
    """An argument of a type or dtype that compiled code does not have."""


class FallbackWarning(UserWarning):
    """A call runs in Python (by ``jit(fallback=True)``, or since memory overlaps); says why."""


class LeakedTracerError(TracejitError):
    """A traced value was used after, or outside, the trace that made it."""


class StructureError(TracejitError, TypeError):
    """Two sides of a staged branch, or two iterations of a loop, disagree in structure."""


class SettingError(TracejitError, ValueError):
    """A variable of the environment says what it cannot; names what it can."""


class InternalError(TracejitError):
    """A broken promise inside tracejit: please report it."""


def raise_at(error: BaseException, filename: str, line: int) -> NoReturn:
    """Raise with a frame in the traceback that shows this line."""
    exec(code_at("raise error from None", filename, line), {"error": error})
    raise error


def code_at(source: str, filename: str, line: int) -> CodeType:
    """Module code of ``source`` whose every instruction is the whole of one line of ``filename``.

    A frame of it in a traceback shows that line, without marks under part of it.
    """
    text = linecache.getline(filename, line).rstrip()
    start, end = len(text) - len(text.lstrip()), len(text.encode())
    tree = ast.parse(source)
    for item in ast.walk(tree):
        if isinstance(item, ast.stmt | ast.expr | ast.excepthandler | ast.arg | ast.keyword):
            item.lineno = item.end_lineno = line
            item.col_offset, item.end_col_offset = start, end
    return compile(tree, filename, "exec")


# Whose exception it is ----------------------------------------------------------------------------

#: Code of ours that asks Python or NumPy for the program, and the errors that answer it.
_ASKING: dict[CodeType, tuple[type[BaseException], ...]] = {}


def throw(error: BaseException, cause: BaseException | None = None) -> NoReturn:
    """Raise what the program would meet without us, too; a cause that it has stays its cause."""
    raise error from (error.__cause__ if cause is None else cause)


def asks(*answers: type[BaseException]) -> Callable[[_Marked], _Marked]:
    """Marks a function, or a class for its methods: what Python and NumPy raise there belongs to
    the program, if it is one of ``answers``."""

    def mark(found: _Marked) -> _Marked:
        members = vars(found).values() if isinstance(found, type) else (found,)
        for member in members:
            function = getattr(member, "fget", None) or getattr(member, "__func__", member)
            code = getattr(getattr(function, "__wrapped__", function), "__code__", None)
            if isinstance(code, CodeType):
                _mark(code, answers)
        return found

    return mark


def all_ask(namespace: Mapping[str, Any], *answers: type[BaseException]) -> None:
    """Mark all functions and classes of a module (its ``globals()``) whose purpose is that."""
    for found in list(namespace.values()):
        if callable(found) and getattr(found, "__module__", "") == namespace["__name__"]:
            asks(*answers)(found)


def _mark(code: CodeType, answers: tuple[type[BaseException], ...]) -> None:
    _ASKING[code] = answers
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            _mark(inner, answers)


def is_for_user(error: BaseException) -> bool:
    """Whether the program would meet this exception without us, too."""
    if isinstance(error, TracejitError | RecursionError | MemoryError):
        return False
    tb = error.__traceback__
    if tb is None:
        return False
    while tb.tb_next is not None:
        tb = tb.tb_next
    code = tb.tb_frame.f_code
    if not isinstance(error, Exception):
        return code is throw.__code__  # others are asked for by the user: Ctrl-C
    if not code.co_filename.startswith(PACKAGE) or code is throw.__code__:
        return True
    return isinstance(error, _ASKING.get(code, ()))
