"""Objects of a version in a form that another process reads: what lives there anyhow is named.

A function, class, module or namespace is written as the way to it. Reading goes that way and
compares fingerprints, so that what is found does what the one that was written did.
"""

from __future__ import annotations

import functools
import io
import pickle
import sys
from collections import deque
from collections.abc import Sequence
from enum import Enum
from types import (
    BuiltinFunctionType,
    CellType,
    FunctionType,
    MappingProxyType,
    MethodType,
    ModuleType,
)
from typing import Any

import numpy as np

from tracejit import trees
from tracejit.calls.fingerprints import Fingerprint, Unstorable, fingerprint, is_library, named
from tracejit.trace.guards.conditions import IsDefined, Known
from tracejit.trace.guards.paths import GlobalVariable
from tracejit.trace.session.plain import PLAIN

#: What the ways to objects begin with: numbers, since a text may be such an object itself.
_KNOWN, _ROOT, _PART, _CELL, _NAMED, _NAMESPACE, _MODULE, _WITHIN, _MEMBER, _GLOBALS = range(10)


#: Containers that a program may change.
_CHANGING = (dict, list, set, bytearray, deque)


class Stale(Exception):  # noqa: N818  (nothing failed: the version is for something else)
    """What is found is not what was written."""


def _is_single(x: Any) -> bool:
    """Whether there is one such object only, whoever makes it."""
    return x is None or type(x) is bool or (type(x) is int and -5 <= x <= 256)


def functions_in(root: Any) -> list[FunctionType]:
    """The functions that a callable consists of, in an order that does not change."""
    found: list[FunctionType] = []
    seen: set[int] = set()
    stack = [root]
    while stack:
        x = stack.pop()
        if id(x) in seen:
            continue
        seen.add(id(x))
        if isinstance(x, FunctionType):
            found.append(x)
            stack += [x.__wrapped__] if hasattr(x, "__wrapped__") else []
        elif isinstance(x, functools.partial):
            stack.append(x.func)
        elif isinstance(x, MethodType):
            stack.append(x.__func__)
        elif hasattr(x, "py_func"):
            stack.append(x.py_func)
        elif hasattr(type(x), "__traced_call__") and hasattr(x, "__dict__"):
            stack += list(vars(x).values())
    return found


def _proxy(x: dict[Any, Any]) -> MappingProxyType[Any, Any]:
    return MappingProxyType(x)


def _structure(kinds: tuple[type, ...], data: bytes) -> Any:
    trees.register_again(kinds)
    return pickle.loads(data)


class VersionPickler(pickle.Pickler):
    """``root``: the function that is compiled. ``known``: objects that guards lead to, which the
    reader has by number."""

    def __init__(self, file: io.BytesIO, root: Any, known: Sequence[Any]) -> None:
        super().__init__(file, protocol=5)
        self._root = root
        self._functions = functions_in(root)
        self._known: dict[int, int] = {}
        self._objects = known
        for k, x in enumerate(known):
            if not _is_single(x):
                self._known.setdefault(id(x), k)

    def persistent_id(self, x: Any) -> Any:
        """The way to an object; None where it is written by value."""
        found = self._known.get(id(x))
        if found is not None:
            return _KNOWN, found
        if x is self._root:
            return (_ROOT,)
        kind = type(x)
        if kind is dict:
            name = x.get("__name__")
            module = sys.modules.get(name) if isinstance(name, str) else None
            return (_NAMESPACE, name) if vars(module or object) is x else self._globals(x)
        if isinstance(x, Enum) and kind.__members__.get(x.name) is x:
            return _MEMBER, kind, x.name
        if kind is CellType:
            return (_CELL, *self._owner(x))
        if isinstance(x, ModuleType):
            if sys.modules.get(x.__name__) is not x:
                raise Unstorable(f"module {x.__name__}, which cannot be imported")
            return _MODULE, x.__name__
        if kind is FunctionType or (isinstance(x, type) and not is_library(x)):
            return self._way_to(x)
        if isinstance(x, np.ndarray) or kind is object or kind.__module__ == "tracejit.api":
            raise Unstorable(f"a {kind.__name__}, which is found in no way that is known")
        if not is_library(kind) and not isinstance(x, (*PLAIN, Enum, type, BuiltinFunctionType)):
            raise Unstorable(f"an object of {kind.__qualname__}")
        return None

    def reducer_override(self, x: Any) -> Any:
        """Attributes of instructions are views of dicts, which do not travel by themselves. What a
        guard looks into is the very object, and no copy of it."""
        if type(x) is MappingProxyType:
            return _proxy, (dict(x),)
        if isinstance(x, trees.PyTreeDef) and (kinds := trees.registered_in(x)):
            names = sorted(kinds, key=lambda kind: kind.__qualname__)
            return _structure, (tuple(names), pickle.dumps(x))
        space = x.namespace if isinstance(x, GlobalVariable | IsDefined) else None
        held = x.value if isinstance(x, Known) else space
        if isinstance(held, _CHANGING) and self.persistent_id(held) is None:
            raise Unstorable(f"a {type(held).__name__}, which is found in no way that is known")
        return NotImplemented

    def _globals(self, x: dict[str, Any]) -> tuple[int, Any] | None:
        """The way to a namespace that is no module's (what ``exec`` got)."""
        known = [f for k in self._objects for f in functions_in(k)]
        for function in (*self._functions, *known):
            if function.__globals__ is x:
                return _GLOBALS, function
        return None

    def _way_to(self, x: Any) -> tuple[Any, ...] | None:
        for k, function in enumerate(self._functions):
            if function is x:
                return _PART, k
        for k, known in enumerate(self._objects):
            for j, function in enumerate(functions_in(known)):
                if function is x:
                    return _WITHIN, k, j
        if named(x.__module__, x.__qualname__) is not x:
            raise Unstorable(f"{x.__qualname__}, which {x.__module__} does not have by that name")
        if is_library(x):
            return None
        return _NAMED, x.__module__, x.__qualname__, fingerprint(x)

    def _owner(self, cell: CellType) -> tuple[Any, int]:
        """A function that has the cell, and which of its cells it is."""
        known = [f for x in self._objects for f in functions_in(x)]
        for function in (*self._functions, *known):
            for k, own in enumerate(function.__closure__ or ()):
                if own is cell:
                    return function, k
        raise Unstorable("a variable of a function that is found in no way that is known")


class VersionUnpickler(pickle.Unpickler):
    """Reads what a ``VersionPickler`` wrote. Raises Stale."""

    def __init__(self, file: io.BytesIO, root: Any, known: Sequence[Any]) -> None:
        super().__init__(file)
        self._root = root
        self._objects = known

    def persistent_load(self, way: Any) -> Any:
        kind, *rest = way
        if kind == _KNOWN:
            return self._objects[rest[0]]
        if kind == _ROOT:
            return self._root
        if kind == _PART:
            return functions_in(self._root)[rest[0]]
        if kind == _WITHIN:
            return functions_in(self._objects[rest[0]])[rest[1]]
        if kind == _CELL:
            function, number = rest
            return function.__closure__[number]
        if kind == _MEMBER:
            return rest[0][rest[1]]
        if kind == _GLOBALS:
            return rest[0].__globals__
        if kind == _NAMED:
            module, name, print_ = rest
            found = named(module, name)
            if found is None or fingerprint(found) != print_:
                raise Stale(f"{module}.{name}")
            return found
        module = sys.modules.get(rest[0])
        if module is None:
            raise Stale(f"module {rest[0]}, which is not imported")
        return vars(module) if kind == _NAMESPACE else module


def written(x: Any, root: Any, known: Sequence[Any] = ()) -> bytes:
    """An object for ``read``. Raises Unstorable."""
    file = io.BytesIO()
    try:
        VersionPickler(file, root, known).dump(x)
    except (pickle.PicklingError, TypeError, AttributeError, RecursionError) as error:
        raise Unstorable(str(error)) from None
    return file.getvalue()


#: What reading raises where something that was written is not there any more; a RuntimeError is
#: said of a class of containers that nobody has registered.
_UNREADABLE = (
    pickle.UnpicklingError,
    AttributeError,
    ImportError,
    LookupError,
    TypeError,
    RuntimeError,
)


def read(data: bytes, root: Any, known: Sequence[Any] = ()) -> Any:
    """The object again. Raises Stale where something is not what it was."""
    try:
        return VersionUnpickler(io.BytesIO(data), root, known).load()
    except _UNREADABLE as error:
        raise Stale(str(error)) from None


def covered(prints: Fingerprint) -> set[int]:
    """The ids of functions whose code is part of a fingerprint."""
    return {id(function) for function in prints.functions}
