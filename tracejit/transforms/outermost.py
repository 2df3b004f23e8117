"""Functions that a user calls: what they raise shows them, and nothing that is inside of them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from tracejit.calls.tracebacks import boundary, trimmed
from tracejit.trace.session.session import active

_F = TypeVar("_F", bound=Callable[..., Any])


def outermost(function: _F) -> _F:
    """Decorates a public function: one frame of it is left in tracebacks, which shows its name and
    parameters. All are there while a function is traced, and where all are asked for."""
    made: Any = boundary(function, function, _left, line=function.__code__.co_firstlineno + 1)
    functools.update_wrapper(made, function)
    return made  # type: ignore[no-any-return]


def _left(error: Exception) -> Exception:
    return error if active() else trimmed(error)
