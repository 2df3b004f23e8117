"""What is read of objects by methods that Python calls by itself, where code that is not compiled
is given them.

``str(a)``, ``a in items`` and ``set(items)`` run ``__str__``, ``__eq__`` and ``__hash__`` of the
program's while it is traced, and nothing tells what those read. What they *could* read of an object
that was found outside is guarded: the attributes that the methods name, and the globals.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from tracejit.trace.convert.same_code import codes_in
from tracejit.trace.guards.guard_equality import items_in
from tracejit.trace.python.opaque_functions import Caller, Reader
from tracejit.trace.session.plain import PLAIN, class_attribute
from tracejit.trace.values.all import Tracer
from tracejit.trace.values.dunder_methods import convertible

#: Methods that Python calls by itself on objects that it is given.
_BY_ITSELF = (
    "__repr__", "__str__", "__format__", "__bytes__", "__hash__", "__eq__", "__ne__", "__lt__",
    "__le__", "__gt__", "__ge__", "__bool__", "__len__", "__contains__", "__getitem__", "__iter__",
    "__index__", "__int__", "__float__", "__complex__", "__reversed__", "__round__", "__abs__",
)  # fmt: skip
_OTHERS = (*PLAIN, Tracer, np.ndarray, FunctionType, ModuleType, type)


def guard_what_methods_read(ops: Caller, *values: Any) -> None:
    """Guard what Python may read of objects among ``values``, containers of them too."""
    outside = ops.session.outside
    for x in _objects(values):
        methods = _methods(type(x)) if outside.is_outside(x) else {}
        if not methods:
            continue
        what = f"{type(x).__qualname__}.{next(iter(methods))}, which Python calls by itself,"
        reader = Reader(ops, _names(type(x), methods.values()), what, whole=False)
        for name, method in methods.items():
            outside.member(type(x), name)
            reader.guard(method)
        reader.guard(x)


def _objects(values: Iterable[Any]) -> Iterator[Any]:
    """Values, and what containers among them hold."""
    pending, seen = list(values), set()
    while pending:
        x = pending.pop()
        if isinstance(x, _OTHERS) or id(x) in seen:
            continue
        seen.add(id(x))
        pending += [*x.keys(), *items_in(x)] if isinstance(x, dict) else items_in(x)
        pending += x if isinstance(x, frozenset) else ()
        yield x


def _methods(cls: type) -> dict[str, FunctionType]:
    """Those of the program's that Python calls by itself."""
    found = {name: inspect.unwrap(class_attribute(cls, name)) for name in _BY_ITSELF}
    return {n: f for n, f in found.items() if isinstance(f, FunctionType) and convertible(f)}


def _names(cls: type, methods: Iterable[FunctionType]) -> set[str]:
    """All names in some methods, and in what they name of the class."""
    found: set[str] = set()
    stack = list(methods)
    while stack:
        for code in codes_in(stack.pop().__code__):
            for name in set(code.co_names) - found:
                found.add(name)
                held = class_attribute(cls, name)
                held = held.fget if isinstance(held, property) else getattr(held, "__func__", held)
                stack += [held] if isinstance(held, FunctionType) else []
    return found
