"""What a version found outside: when it is still the same, and which methods Python calls on it."""

from __future__ import annotations

import re
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from tracejit.trace.values import Tracer

PLAIN = (bool, int, float, complex, str, bytes, type(None), np.generic)
LIBRARY = ("numpy", "math", "cmath", "builtins", "tracejit", "typing", "functools", "operator")


def contents(x: Any) -> Any:
    """A copy of containers all the way down."""
    if type(x) is dict:
        return {k: contents(v) for k, v in x.items()}
    return type(x)(map(contents, x)) if type(x) in (list, tuple, set) else x


def objects_in(x: Any) -> list[Any]:
    """What is in a container, containers inside of it too."""
    if not isinstance(x, list | tuple | dict | set):
        return []
    items = list(x.values()) if isinstance(x, dict) else list(x)
    return [*items, *(o for i in items for o in objects_in(i))]


def same_contents(held: Any, now: Any) -> bool:
    if held is now:
        return type(now) not in (list, dict, set)
    if type(held) is not type(now):
        return False
    if type(held) is dict:
        same_keys = list(held) == list(now)
        return same_keys and all(same_contents(v, now[k]) for k, v in held.items())
    if type(held) in (list, tuple):
        same_length = len(held) == len(now)
        return same_length and all(map(same_contents, held, now))
    if type(held) is set:
        return bool(held == now)
    return isinstance(held, PLAIN) and same_value(held, now)


def is_plain_value(x: Any) -> bool:
    """Whether a guard compares it by type and value: a scalar, a text, None."""
    return isinstance(x, PLAIN)


def same_value(a: Any, b: Any) -> bool:
    """Equal scalars of one type (nan equals nan, 0.0 is not -0.0)."""
    return type(a) is type(b) and (a == b or a != a) and repr(a) == repr(b)


_PLAIN_OBJECTS = (ModuleType, type, FunctionType, np.ndarray, Tracer)
#: Methods that Python calls by itself. (Those that ``dataclass`` writes do not count.)
ASKED = re.findall(
    r"\w+",
    """
    __len__ __contains__ __iter__ __bool__ __int__ __float__ __complex__ __index__ __eq__ __ne__
    __lt__ __le__ __gt__ __ge__ __enter__ __exit__
""",
)
#: Those among them that compute with the arrays that an object holds.
ARITHMETIC = re.findall(
    r"\w+",
    """
    __array__ __array_ufunc__ __array_function__ __neg__ __pos__ __abs__ __invert__ __round__
    __add__ __sub__ __mul__ __matmul__ __truediv__ __floordiv__ __mod__ __divmod__ __pow__
    __lshift__ __rshift__ __and__ __or__ __xor__ __radd__ __rsub__ __rmul__ __rmatmul__
    __rtruediv__ __rfloordiv__ __rmod__ __rpow__ __rand__ __ror__ __rxor__ __rlshift__ __rrshift__
""",
)


def has_methods(cls: type, names: list[str]) -> bool:
    """Whether a class of the user's defines one of these methods in Python."""
    if issubclass(cls, _PLAIN_OBJECTS) or cls.__module__.split(".")[0] in LIBRARY:
        return False
    found = (vars(base).get(name) for base in cls.__mro__ for name in names)
    return any(isinstance(f, FunctionType) and f.__code__.co_filename != "<string>" for f in found)
