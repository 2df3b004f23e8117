"""When what a version found outside is still the same."""

from __future__ import annotations

import struct
import weakref
from abc import ABCMeta
from collections import ChainMap, UserDict, UserList, deque
from types import MappingProxyType
from typing import Any

import numpy as np

from tracejit.records import dataclass
from tracejit.trace.session.plain import PLAIN, is_of_library, slots_of

#: Containers of the standard library whose methods are not compiled: all of them is looked at.
MAPPINGS = (dict, ChainMap, UserDict, MappingProxyType)
SEQUENCES = (list, tuple, deque, UserList)


@dataclass(frozen=True, eq=False)
class _Snapshot:
    """What a container of a class that is derived from others held."""

    cls: type
    held: Any


def contents(x: Any) -> Any:
    """A copy of containers all the way down."""
    kind = type(x)
    if kind is dict:
        return {k: contents(v) for k, v in x.items()}
    if kind in (list, tuple, set, deque):
        return kind(map(contents, x))
    if isinstance(x, MAPPINGS):
        return _Snapshot(kind, {k: contents(v) for k, v in x.items()})
    if isinstance(x, SEQUENCES):
        return _Snapshot(kind, list(map(contents, x)))
    return _Snapshot(kind, set(x)) if isinstance(x, set) else x


def items_in(x: Any) -> list[Any]:
    """What is in a container."""
    if isinstance(x, MAPPINGS):
        return list(x.values())
    return list(x) if isinstance(x, (*SEQUENCES, set)) else []


def objects_in(x: Any) -> list[Any]:
    """What is in a container, containers inside of it too."""
    items = items_in(x)
    return [*items, *(o for i in items for o in objects_in(i))]


def same_contents(held: Any, now: Any) -> bool:
    if isinstance(held, _Snapshot):
        cls: Any = held.cls
        if type(now) is not cls:
            return False
        kind = type(held.held)
        return same_contents(held.held, dict(now.items()) if kind is dict else kind(now))
    if held is now:
        return type(now) not in (list, dict, set, deque)
    if type(held) is not type(now):
        return False
    if type(held) is dict:
        same_keys = list(held) == list(now)
        return same_keys and all(same_contents(v, now[k]) for k, v in held.items())
    if type(held) in (list, tuple, deque):
        same_length = len(held) == len(now)
        return same_length and all(map(same_contents, held, now))
    if type(held) is set:
        return bool(held == now)
    return isinstance(held, PLAIN) and same_value(held, now)


class _Kind:
    """Anything of a class, in what ``kinds`` gives."""

    def __init__(self, cls: type) -> None:
        self.cls = cls

    def __eq__(self, other: object) -> bool:
        return type(other) is _Kind and other.cls is self.cls

    __hash__ = None  # type: ignore[assignment]


class _Same:
    """One object or, for plain values, equal ones."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        if type(other) is not _Same:
            return False
        a, b = self.value, other.value
        return a is b or (isinstance(a, PLAIN) and same_value(a, b))

    __hash__ = None  # type: ignore[assignment]


def kinds(x: Any, *, numbers: bool) -> Any:
    """What of a container decides the code that uses it: plain values and functions themselves, but
    only the classes of arrays and of the program's objects, and without ``numbers`` of numbers."""
    if type(x) is dict:
        return dict, [(_Same(key), kinds(value, numbers=numbers)) for key, value in x.items()]
    if type(x) in (list, tuple):
        return type(x), [kinds(item, numbers=numbers) for item in x]
    by_kind = type(x) is np.ndarray or is_by_kind(type(x))
    by_kind = by_kind or (not numbers and isinstance(x, int | float | complex | np.number))
    return _Kind(type(x)) if by_kind else _Same(x)


#: Methods that Python calls by itself, on attributes as they are.
_UNSEEN = (
    "__enter__", "__aenter__", "__index__", "__float__", "__int__", "__complex__", "__next__",
    "__getattr__", "__getattribute__", "__setattr__", "__delattr__", "__array_ufunc__",
    "__array_function__",
)  # fmt: skip
#: Room in an object for the references to its attributes and to its weak references.
_LARGEST = object.__basicsize__ + 16
POINTER = struct.calcsize("P")
_by_kind: weakref.WeakKeyDictionary[type, bool] = weakref.WeakKeyDictionary()


def is_by_kind(cls: type) -> bool:
    """Whether objects of a class are told apart by their attributes alone: a class of the program's
    in Python, of which the trace sees what it reads."""
    known = _by_kind.get(cls)
    if known is None:
        known = _by_kind[cls] = _is_by_kind(cls)
    return known


def _is_by_kind(cls: type) -> bool:
    if type(cls) not in (type, ABCMeta) or issubclass(cls, BaseException):
        return False
    if is_of_library(cls.__module__):
        return False
    bases = [base for base in cls.__mro__ if base is not object]
    sizes = [base.__basicsize__ - POINTER * len(slots_of(base)) for base in bases]
    in_python = all(size <= _LARGEST for size in sizes)
    own_dict = any("__dict__" in base.__dict__ for base in bases) or slots_of(cls)
    defined = {name for base in bases for name in base.__dict__}
    return in_python and bool(own_dict) and not defined.intersection(_UNSEEN)


def same_value(a: Any, b: Any) -> bool:
    """Equal scalars of one type (nan equals nan, 0.0 is not -0.0)."""
    return type(a) is type(b) and (a == b or a != a) and repr(a) == repr(b)
