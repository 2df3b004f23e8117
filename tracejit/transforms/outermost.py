"""Functions that a user calls: what they raise shows them, and nothing that is inside of them.

Keywords that they do not have are refused here, so that their signatures, which type checkers read,
name every option that there is.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Collection
from typing import Any, TypeVar

from tracejit.calls.tracebacks import boundary, trimmed
from tracejit.errors import throw
from tracejit.trace.session.session import active

_F = TypeVar("_F", bound=Callable[..., Any])


def outermost(function: _F) -> _F:
    """Decorates a public function: one frame of it is left in tracebacks, which shows its name and
    parameters. All are there while a function is traced, and where all are asked for."""
    parameters = inspect.signature(function).parameters
    call: Callable[..., Any] = function
    if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        call = _of_known_options(function, parameters.keys())
    made: Any = boundary(function, call, _left, line=function.__code__.co_firstlineno + 1)
    functools.update_wrapper(made, function)
    return made  # type: ignore[no-any-return]


def _of_known_options(function: Callable[..., Any], known: Collection[str]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        others = {name: value for name, value in kwargs.items() if name not in known}
        if others:
            from tracejit.options import refuse

            refuse(function, others)
        if kwargs and not args and function.__code__.co_varnames[0] == "fun" not in kwargs:
            name = function.__name__
            options = ", ".join(f"{option}=..." for option in kwargs)
            throw(
                TypeError(
                    f"{name} is given no function: write {name}(f, {options}), or, as a decorator, "
                    f"@functools.partial({name}, {options})"
                )
            )
        return function(*args, **kwargs)

    return call


def _left(error: Exception) -> Exception:
    return error if active() else trimmed(error)
