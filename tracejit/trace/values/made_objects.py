"""Objects of the program's own classes, and those of them that the trace made."""

from __future__ import annotations

from types import FunctionType, ModuleType
from typing import Any

from tracejit.trace.session.plain import held_attributes, is_of_program, slots_of
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


def is_slotted(x: Any) -> bool:
    """An instance of a class of the user's that holds its attributes in slots."""
    if isinstance(x, Tracer | type | BaseException | dict | list | tuple):
        return False
    return bool(slots_of(type(x))) and is_of_program(type(x).__module__)


def made_attributes(x: Any) -> dict[str, Any] | None:
    """The attributes of an object that the program made of a plain class of its own; None of
    anything else."""
    found = current().made.get(id(x))
    if found is None or found[0] is not x or not (is_instance(x) or is_slotted(x)):
        return None
    cls: Any = type(x)
    if cls.__new__ is not object.__new__:
        return None
    attributes: dict[str, Any] = held_attributes(x) if slots_of(cls) else vars(x)
    return attributes
