"""``getattr``, ``hasattr``, ``setattr``, ``delattr`` and ``vars``: as the statements do it."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from functools import partial
from types import MethodWrapperType, WrapperDescriptorType
from typing import Any

from tracejit.trace.session.registry import STAND_INS
from tracejit.trace.session.session import current
from tracejit.trace.session.tracer import Tracer


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


def plain_access(f: Any) -> Callable[..., Any] | None:
    """What stands for ``object.__setattr__`` and its kin, also of ``super()``."""
    bound = isinstance(f, MethodWrapperType)
    if not (bound or isinstance(f, WrapperDescriptorType)):
        return None
    name = f.__name__
    if f.__objclass__ is not object or name not in _PLAIN:
        return None
    if bound and (isinstance(f.__self__, Tracer) or not hasattr(f.__self__, "__dict__")):
        return None
    ops = current().operators
    access = {
        "__getattribute__": ops.plain_getattr,
        "__setattr__": ops.plain_setattr,
        "__delattr__": ops.delattr,
    }[name]
    return partial(access, f.__self__) if bound else access


_PLAIN = ("__getattribute__", "__setattr__", "__delattr__")
STAND_INS.append(plain_access)

ATTRIBUTES: dict[Any, Callable[..., Any]] = {
    builtins.getattr: builtin_getattr,
    builtins.hasattr: builtin_hasattr,
    builtins.setattr: builtin_setattr,
    builtins.delattr: builtin_delattr,
    builtins.vars: builtin_vars,
}
