"""Exceptions that are tracejit's own. What NumPy or Python would raise is raised as theirs."""

from __future__ import annotations

import ast
import linecache
from types import CodeType
from typing import NoReturn


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
