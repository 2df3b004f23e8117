"""What a trace takes as it is: plain values, and libraries whose code is not the program's."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Mapping
from contextlib import suppress
from enum import Enum
from types import FunctionType, MemberDescriptorType
from typing import Any

import numpy as np

from tracejit.errors import asks

#: Values that are told apart by type and value.
PLAIN = (bool, int, float, complex, str, bytes, type(None), np.generic)
HEAP_TYPE = 1 << 9  # a flag of classes that are not written in C
#: Modules of which functions and classes are not the program's.
PLAIN_MODULES = {"numpy", "tracejit", "optree", "builtins", "math", "cmath", "typing", "scipy"}
#: Modules of libraries that the user has said are traced through (``trace_through``).
TRACED_THROUGH: set[str] = set()
#: Modules of ours that are written as a program would be, and converted like one.
CONVERTED = {
    "tracejit.export.algorithms.bessel",
    "tracejit.export.algorithms.fourier",
    "tracejit.export.algorithms.least_squares",
    "tracejit.export.algorithms.linear_systems",
    "tracejit.export.algorithms.orthogonal",
    "tracejit.export.algorithms.sorting",
    "tracejit.export.algorithms.spectral",
    "tracejit.export.algorithms.stacks",
    "tracejit.trace.python.distinct",
    "tracejit.trace.python.iterators_in_python",
    "tracejit.trace.python.library_in_python",
    "tracejit.trace.values.run_tuples",
    "tracejit.trace.python.sets_in_python",
    "tracejit.transforms.structured",
}


def is_of_program(module: str) -> bool:
    """Whether the classes of a module are the program's, or are written as if they were."""
    return module in CONVERTED or not is_plain_module(module)


def is_plain_value(x: Any) -> bool:
    """Whether a guard compares it by type and value: a scalar, a text, None."""
    return isinstance(x, PLAIN)


def module_of(x: Any) -> str:
    """The module that a function or class is of; "" where none is known.

    ``functools.wraps`` gives a program's function the module of what it is around, so a function
    is of the module whose globals it has, if that is not a library's: a decorator may be one's.
    What ``exec`` made in a namespace without a name says that it is of ``builtins``, and is not.
    """
    module = getattr(x, "__module__", None)
    if isinstance(x, FunctionType):
        own = x.__globals__.get("__name__")
        if isinstance(own, str) and not is_of_library(own):
            return own
    made = isinstance(x, FunctionType) or (isinstance(x, type) and x.__flags__ & HEAP_TYPE)
    return module if isinstance(module, str) and not (made and module == "builtins") else ""


def is_plain_module(module: str) -> bool:
    """Whether what a module holds is in the tables, or is used as it is: NumPy's, ours."""
    return module.split(".")[0] in PLAIN_MODULES and not is_traced_through(module)


def is_of_library(module: str) -> bool:
    """Whether a module is Python's own, or one that is known: its code is not the program's."""
    root = module.split(".")[0]
    known = root in PLAIN_MODULES or root in sys.stdlib_module_names - {"__main__", "test"}
    return known and not is_traced_through(module)


def is_traced_through(module: str) -> bool:
    """Whether the user has said that a module, or the package that it is in, is traced through."""
    if not TRACED_THROUGH:
        return False
    parts = module.split(".")
    return any(".".join(parts[: k + 1]) in TRACED_THROUGH for k in range(len(parts)))


class Missing(Enum):
    """What a class does not hold."""

    ABSENT = "absent"


def class_attribute(cls: type, name: str, absent: Any = None) -> Any:
    """What a class or the first of its bases that has it holds under ``name``, else ``absent``."""
    for base in cls.__mro__:
        if name in base.__dict__:
            return base.__dict__[name]
    return absent


def own_attributes(obj: Any) -> Mapping[str, Any]:
    """What an instance itself holds, whatever the program's ``__getattribute__`` would say."""
    try:
        held: Mapping[str, Any] = object.__getattribute__(obj, "__dict__")
    except AttributeError:
        return {}
    return held


_slots: weakref.WeakKeyDictionary[type, tuple[str, ...]] = weakref.WeakKeyDictionary()


def slots_of(cls: type) -> tuple[str, ...]:
    """The names of the slots of a class of Python's and of its bases."""
    known = _slots.get(cls)
    if known is None:
        known = _slots[cls] = tuple(
            name
            for base in cls.__mro__
            if "__slots__" in base.__dict__
            for name, held in base.__dict__.items()
            if isinstance(held, MemberDescriptorType)
        )
    return known


def held_attributes(obj: Any) -> dict[str, Any]:
    """What an instance holds, in its dict and in slots."""
    found = {}
    for name in slots_of(type(obj)):
        with suppress(AttributeError):
            found[name] = object.__getattribute__(obj, name)
    return {**found, **own_attributes(obj)}


def hold_attributes(obj: Any, attributes: Mapping[str, Any]) -> None:
    """Let an instance hold these attributes and no others."""
    slots = slots_of(type(obj))
    for name in held_attributes(obj).keys() - attributes.keys():
        object.__delattr__(obj, name)
    for name, value in attributes.items():
        if name in slots:
            object.__setattr__(obj, name, value)
        else:
            object.__getattribute__(obj, "__dict__")[name] = value


def goes_before(found: Any) -> bool:
    """Whether what a class holds under a name goes before what an instance holds: a property, or
    another descriptor that is told what is set."""
    return hasattr(type(found), "__set__") or hasattr(type(found), "__delete__")


def convertible(f: FunctionType) -> bool:
    """Whether a function is the user's (so that its source is converted)."""
    name = module_of(f)
    if name.startswith("numpy.polynomial."):
        return True  # loops over coefficients, in terms of names that are in the tables
    if name in CONVERTED or not is_of_library(name):
        return True
    return sys.modules.get(name) is None and not is_plain_module(name)


def own_method(cls: type, name: str) -> FunctionType | None:
    """The user's own method of a class, if Python finds that."""
    if not cls.__flags__ & HEAP_TYPE:
        return None
    found = class_attribute(cls, name)
    return found if isinstance(found, FunctionType) and convertible(found) else None


@asks(Exception)
def plain_attribute(obj: Any, name: str) -> Any:
    """An attribute, without asking the program's ``__getattribute__`` or ``__getattr__``."""
    asks = any(own_method(type(obj), by) is not None for by in ("__getattribute__", "__getattr__"))
    if not asks:
        return getattr(obj, name)
    return (type if isinstance(obj, type) else object).__getattribute__(obj, name)


@asks(Exception)
def put_attribute(obj: Any, name: str, value: Any) -> None:
    """Set an attribute, without asking the program's ``__setattr__``."""
    if own_method(type(obj), "__setattr__") is None:
        setattr(obj, name, value)
    else:
        object.__setattr__(obj, name, value)
