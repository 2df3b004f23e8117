"""Objects of the program's own classes, and those of them that the trace made."""

from __future__ import annotations

from types import FunctionType, ModuleType
from typing import Any

from tracejit.trace.session.plain import is_of_program
from tracejit.trace.session.session import current
from tracejit.trace.session.tracer import Tracer


def is_instance(x: Any) -> bool:
    """An instance of a class of the user's that holds its attributes in a dict."""
    cls = type(x)
    if isinstance(x, Tracer | type | BaseException | dict | list | tuple):
        return False
    if isinstance(x, ModuleType | FunctionType) or not hasattr(x, "__dict__"):
        return False
    return is_of_program(cls.__module__)


def made_attributes(x: Any) -> dict[str, Any] | None:
    """The attributes of an object that the program made of a plain class of its own; None of
    anything else."""
    found = current().made.get(id(x))
    if found is None or found[0] is not x or not is_instance(x):
        return None
    slots = any("__slots__" in c.__dict__ for c in type(x).__mro__[:-1])
    cls: Any = type(x)
    plain = cls.__new__ is object.__new__ and not slots
    attributes: dict[str, Any] = vars(x)
    return attributes if plain else None
