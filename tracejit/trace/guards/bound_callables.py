"""What a callable holds: a bound method its object, a partial function its arguments.

A call of one uses these without reading an attribute of it.
"""

from __future__ import annotations

from functools import partial
from types import BuiltinMethodType, FunctionType, MethodType, MethodWrapperType, ModuleType
from typing import Any

from tracejit.trace.convert import is_converted
from tracejit.trace.guards.conditions import IsBound
from tracejit.trace.guards.guard_equality import objects_in
from tracejit.trace.values.reach import holds_traced

_BOUND = (MethodType, BuiltinMethodType, MethodWrapperType)


def known_by(function: Any) -> Any:
    """What is outside of the trace where a function is that the caller knows: of a bound method its
    object; None for a partial function that the trace made."""
    owner = getattr(function, "__self__", function)
    return None if isinstance(owner, partial) and holds_traced(owner) else owner


def owner_of(f: Any) -> Any:
    """The object of a bound method, None for what is none."""
    owner = f.__self__ if isinstance(f, _BOUND) else None
    return None if isinstance(owner, ModuleType | type) else owner


def held_by(value: Any) -> list[Any]:
    """What a bound method, function, partial function or container has in it."""
    if isinstance(value, MethodType | BuiltinMethodType):
        return [value.__self__]
    if isinstance(value, FunctionType):
        if is_converted(value):
            return []
        cells = value.__closure__ or ()
        return [c.cell_contents for c in cells if IsBound(c)() and c.cell_contents is not value]
    if isinstance(value, partial):
        return [value.func, *value.args, *value.keywords.values()]
    return objects_in(value)
