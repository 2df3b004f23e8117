"""``getattr``, ``hasattr``, ``setattr``, ``delattr`` and ``vars``: as the statements do it."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

from tracejit.trace.session.session import current


def builtin_getattr(obj: Any, name: str, *default: Any) -> Any:
    try:
        return current().operators.getattr(obj, name)
    except AttributeError:
        if len(default) != 1:
            raise
        return default[0]


def builtin_hasattr(obj: Any, name: str) -> bool:
    try:
        current().operators.getattr(obj, name)
    except AttributeError:
        return False
    return True


def builtin_setattr(obj: Any, name: str, value: Any) -> None:
    current().operators.setattr(obj, name, value)


def builtin_delattr(obj: Any, name: str) -> None:
    current().operators.delattr(obj, name)


def builtin_vars(*of: Any) -> Any:
    if len(of) != 1 or not builtins.hasattr(of[0], "__dict__"):
        return builtins.vars(*of)
    return current().operators.getattr(of[0], "__dict__")


ATTRIBUTES: dict[Any, Callable[..., Any]] = {
    builtins.getattr: builtin_getattr,
    builtins.hasattr: builtin_hasattr,
    builtins.setattr: builtin_setattr,
    builtins.delattr: builtin_delattr,
    builtins.vars: builtin_vars,
}
