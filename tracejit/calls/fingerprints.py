"""What a function, class or value is, as a digest that is the same in every process.

Two functions of one fingerprint have the same code at the same lines of the same file, and the same
defaults; two classes, the same methods and plain attributes, their bases too. What a function reads
outside of itself is not part of it: guards are about that. What belongs to Python and to libraries
that tracejit knows is named only; their versions are part of ``environment``.
"""

from __future__ import annotations

import functools
import hashlib
import os
import pickle
import platform
import sys
from collections import ChainMap, deque
from collections.abc import Iterable, Sequence
from contextvars import ContextVar
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from types import (
    BuiltinFunctionType,
    CodeType,
    FunctionType,
    GetSetDescriptorType,
    MappingProxyType,
    MemberDescriptorType,
    MethodDescriptorType,
    MethodType,
    ModuleType,
    SimpleNamespace,
    WrapperDescriptorType,
)
from typing import Any

import numpy as np

from tracejit import trees
from tracejit.ir.arguments import StaticArg
from tracejit.trace.guards.guard_equality import is_by_kind
from tracejit.trace.session.plain import is_of_library, module_of

#: Of a class: what says nothing about what its objects do, or is found in another way.
_NOT_OF_CLASS = {
    "__abstractmethods__", "__annotations__", "__dataclass_fields__", "__dataclass_params__",
    "__dict__", "__doc__", "__firstlineno__", "__match_args__", "__module__", "__orig_bases__",
    "__parameters__", "__static_attributes__", "__weakref__", "_abc_impl",
}  # fmt: skip


#: Where ufuncs are from, which do not say it.
_UFUNCS = ("numpy", "scipy.special")
#: Of a class: a class statement made it, or a call of ``type``.
_MADE_BY_CODE = 1 << 9


#: Functions and methods that are not written in Python, and slots.
_IN_C = (
    BuiltinFunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodDescriptorType,
    WrapperDescriptorType,
)
#: What is in these is read item by item, or attribute by attribute, and guarded then.
_SEEN_INTO = (
    list, tuple, dict, set, frozenset, deque, ChainMap, MappingProxyType, SimpleNamespace,
    ContextVar, np.ndarray,
)  # fmt: skip


def is_seen_into(x: Any) -> bool:
    """Whether what a program reads of an object is seen: its parts are looked at one by one."""
    return isinstance(x, (*_SEEN_INTO, ModuleType)) or is_by_kind(type(x))


class Unstorable(Exception):  # noqa: N818  (nothing failed: the version stays in this process)
    """What cannot be found again in another process, or not be told from something else."""


def named(module: str, name: str) -> Any:
    """What a module that is imported has under a qualified name; None if nothing."""
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = None if found is None else getattr(found, part, None)
    return found.fget if isinstance(found, property) else found


def is_library(x: Any) -> bool:
    """Whether a function, class or module is Python's or that of a library that is known.

    An object of somebody's own class is not, whatever ``functools.update_wrapper`` gave it.
    """
    if isinstance(x, type) and x.__module__ == "builtins" and x.__flags__ & _MADE_BY_CODE:
        return False  # made by exec in a namespace without a name
    if isinstance(x, ModuleType):
        return _of_library(x.__name__)
    if isinstance(x, FunctionType):
        return _of_library(module_of(x))
    of_class = isinstance(x, type) or (
        _of_library(type(x).__module__) and not _is_ours(type(x).__module__)
    )
    return of_class and _of_library(getattr(x, "__module__", None))


def _of_library(name: Any) -> bool:
    return is_of_library(str(name or ""))


def _is_ours(name: str) -> bool:
    return name.split(".")[0] == "tracejit"


class Fingerprint:
    """Takes in values one after another; ``functions`` are those whose code went in."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._met: dict[int, int] = {}
        self._kept: list[Any] = []
        self.functions: list[FunctionType] = []

    def digest(self) -> str:
        """Of all that went in."""
        return self._hash.hexdigest()

    def add(self, x: Any) -> Fingerprint:
        """Take in a value. Raises Unstorable."""
        kind = type(x)
        if x is None or kind in (bool, int, float, complex, str, bytes):
            self._text(kind.__name__, repr(x))
        elif isinstance(x, np.dtype):
            self._text("dtype", x.descr if x.names else x.str)
        elif isinstance(x, np.generic):
            self._text("generic", x.dtype.str, x.tobytes())
        elif id(x) in self._met:
            self._text("again", self._met[id(x)])
        else:
            self._met[id(x)] = len(self._kept)
            self._kept.append(x)
            self._compound(x)
        return self

    def _text(self, *parts: Any) -> None:
        for part in parts:
            data = part if isinstance(part, bytes) else str(part).encode(errors="surrogatepass")
            self._hash.update(b"%d:" % len(data))
            self._hash.update(data)

    def _all(self, name: str, items: Iterable[Any]) -> None:
        listed = list(items)
        self._text(name, len(listed))
        for item in listed:
            self.add(item)

    def _unordered(self, name: str, items: Iterable[Any]) -> None:
        self._text(name, *sorted(Fingerprint().add(x).digest() for x in items))

    def _compound(self, x: Any) -> None:
        kind = type(x)
        if kind in (tuple, list):
            self._all(kind.__name__, x)
        elif kind is dict:
            self._all("dict", (part for item in x.items() for part in item))
        elif kind in (set, frozenset):
            self._unordered(kind.__name__, x)
        elif kind in (slice, range):
            self._all(kind.__name__, (x.start, x.stop, x.step))
        elif kind is CodeType:
            self._code(x)
        elif isinstance(x, StaticArg):
            self._text("static")
            self.add(x.value)
        elif isinstance(x, ModuleType):
            self._text("module", x.__name__)
        elif isinstance(x, type):
            self._class(x)
        elif isinstance(x, Enum):
            self._text("enum", x.name)
            self.add(kind)
            self.add(x.value)
        elif isinstance(x, trees.PyTreeDef):
            self._text("structure", x)
            self._all("nodes", trees.node_types(x))
        elif isinstance(x, FunctionType):
            self._function(x)
        elif kind is property:
            self._all("property", (x.fget, x.fset, x.fdel))
        elif isinstance(x, MethodType):
            self._all("method", (x.__func__, x.__self__))
        elif isinstance(x, functools.partial):
            self._all("partial", (x.func, x.args, x.keywords))
        elif isinstance(x, classmethod | staticmethod):
            self._all(kind.__name__, (x.__func__,))
        elif isinstance(x, (*_IN_C, np.ufunc)) or is_library(x):
            self._named(x)
        elif is_library(kind):
            self._ours(x)
        else:
            raise Unstorable(f"an object of {kind.__qualname__}")

    def _named(self, x: Any) -> None:
        name = getattr(x, "__qualname__", None) or getattr(x, "__name__", None)
        if name is None:
            self._ours(x)
            return
        owner = getattr(x, "__self__", None)
        if owner is not None and not isinstance(owner, ModuleType | type):
            raise Unstorable(f"a method of a {type(owner).__name__}")
        of_class = getattr(x, "__objclass__", owner)  # what is written in C, and slots
        module: Any = getattr(x, "__module__", None) or getattr(of_class, "__module__", None)
        places: Sequence[str] = [module] if isinstance(module, str) else _UFUNCS
        if not any(named(place, name) is x for place in places):
            raise Unstorable(f"{name}, which {places[0]} does not have by that name")
        self._text("named", *places, name)

    def _ours(self, x: Any) -> None:
        """An object of tracejit: a jitted function, a transform, part of a key."""
        kind = type(x)
        if not _is_ours(kind.__module__):
            self._pickled(x)
            return
        self._text("object", kind.__module__, kind.__qualname__)
        if hasattr(x, "py_func"):
            self._all("jitted", (x.py_func, getattr(x, "_options", None)))
        elif is_dataclass(x):
            self._all("fields", (getattr(x, f.name) for f in fields(x) if f.compare))
        elif hasattr(x, "__dict__"):
            self._all("attributes", (part for item in vars(x).items() for part in item))
        else:
            raise Unstorable(f"an object of {kind.__qualname__}")

    def _pickled(self, x: Any) -> None:
        """A value of a library's class (a fraction, a path), of which nobody sees what is read."""
        kind = type(x)
        if isinstance(x, _SEEN_INTO) or callable(x):
            raise Unstorable(f"an object of {kind.__qualname__}")
        try:
            data = pickle.dumps(x, protocol=5)
        except Exception as error:
            raise Unstorable(f"an object of {kind.__qualname__}: {error}") from None
        self._text("pickled", data)

    def _code(self, code: CodeType) -> None:
        self._text("code", code.co_code, code.co_linetable, code.co_exceptiontable)
        self._text(code.co_filename, code.co_qualname, code.co_firstlineno, code.co_flags)
        self._text(code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount)
        self._all("names", (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars))
        self._all("consts", code.co_consts)

    def _function(self, function: FunctionType) -> None:
        if is_library(function):
            self._named(function)
            return
        self.functions.append(function)
        self._text("function", function.__module__, function.__qualname__)
        self.add(function.__code__)
        self._all("defaults", (function.__defaults__, function.__kwdefaults__))

    def _class(self, cls: type) -> None:
        self._text("class", cls.__module__, cls.__qualname__)
        if is_library(cls):
            return
        self._all("bases", cls.__mro__[1:])
        self._text("metaclass", type(cls).__module__, type(cls).__qualname__)
        for name, value in sorted(vars(cls).items()):
            if name not in _NOT_OF_CLASS:
                self._text("member", name)
                self._member(value)

    def _member(self, value: Any) -> None:
        if isinstance(value, property):
            self._all("property", (value.fget, value.fset, value.fdel))
        elif isinstance(value, staticmethod | classmethod):
            self._text(type(value).__name__)
            self.add(value.__func__)
        elif isinstance(value, functools.cached_property):
            self._all("cached_property", (value.func,))
        elif isinstance(value, functools.partialmethod | functools.singledispatchmethod):
            self._text(type(value).__name__)
            self._all("attributes", (part for item in vars(value).items() for part in item))
        elif isinstance(value, GetSetDescriptorType | MemberDescriptorType):
            self._text("descriptor")
        elif (
            isinstance(value, FunctionType | type | Enum)
            or hasattr(value, "py_func")
            or value is None
            or isinstance(value, bool | int | float | complex | str | bytes)
        ):
            self.add(value)
        else:  # where a program reads it, that is guarded
            self._text("other", type(value).__module__, type(value).__qualname__)


def fingerprint(*values: Any) -> str:
    """A digest of values. Raises Unstorable."""
    found = Fingerprint()
    for value in values:
        found.add(value)
    return found.digest()


@functools.cache
def environment() -> str:
    """A digest of all that compiled code depends on besides the program and the processor."""
    scipy = sys.modules.get("scipy")
    parts = (
        sys.version,
        platform.machine(),
        np.__version__,
        trees.VERSION,
        getattr(scipy, "__version__", ""),
        sys.flags.optimize,
        *_own_files(),
    )
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _own_files() -> list[tuple[str, int, int]]:
    """The files of tracejit: names, sizes, times."""
    folder = Path(trees.__file__).parent
    found = []
    stack = [str(folder)]
    while stack:
        with os.scandir(stack.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    if entry.name != "__pycache__":
                        stack.append(entry.path)
                elif entry.name.endswith(".py"):
                    status = entry.stat()
                    found.append((entry.path, status.st_size, status.st_mtime_ns))
    return sorted(found)
