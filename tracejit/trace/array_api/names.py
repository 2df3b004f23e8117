"""How implementations of NumPy's functions and methods enter the tables of the registry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from tracejit.errors import UnsupportedError
from tracejit.trace.session.registry import METHODS, NAMES, SCALAR_METHODS

__all__ = ["METHODS", "NAMES", "SCALAR_METHODS", "covers", "method", "unsupported"]

_F = TypeVar("_F", bound=Callable[..., Any])


def covers(*functions: object, method: bool | str = False) -> Callable[[_F], _F]:
    """Enter an implementation for ``functions``; ``method`` also as array and scalar method."""

    def enter(implementation: _F) -> _F:
        for function in functions:
            NAMES[function] = implementation
        if method:
            name = method if isinstance(method, str) else getattr(functions[0], "__name__", "")
            METHODS[name] = SCALAR_METHODS[name] = implementation
        return implementation

    return enter


def method(name: str) -> Callable[[_F], _F]:
    """Enter an implementation as the array and scalar method ``name`` only."""

    def enter(implementation: _F) -> _F:
        METHODS[name] = SCALAR_METHODS[name] = implementation
        return implementation

    return enter


def unsupported(function: str, instead: str = "", **arguments: tuple[object, object]) -> None:
    """Raise UnsupportedError for each argument ``name=(given, default)`` that was given."""
    for name, (given, default) in arguments.items():
        if given is not default and not (type(given) is type(default) and given == default):
            hint = f"; {instead}" if instead else ""
            raise UnsupportedError(f"{function}: argument {name}= is not supported{hint}")
