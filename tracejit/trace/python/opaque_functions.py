"""Functions whose source cannot be read: they run as they are, on what they would read outside.

Such a function (from ``exec``, typed at a prompt, or a generator) goes through NumPy's protocols,
so nothing tells what it reads. What it *could* read is looked at before it runs: the names in its
code, in its global and enclosing variables and in attributes of what it finds there.
"""

from __future__ import annotations

import builtins
import dis
import inspect
from collections.abc import Callable, Container
from functools import partial
from types import CellType, CodeType, FunctionType, ModuleType
from typing import Any, Protocol

import numpy as np

from tracejit.errors import UnsupportedError
from tracejit.trace.control.watched import watching
from tracejit.trace.convert.same_code import codes_in
from tracejit.trace.guards.conditions import IsBound
from tracejit.trace.guards.guard_equality import objects_in
from tracejit.trace.guards.paths import EnclosingVariable, GlobalVariable
from tracejit.trace.python.named_effects import refuse_effects
from tracejit.trace.session.plain import is_of_library, is_plain_value, module_of
from tracejit.trace.session.session import Session
from tracejit.trace.values.all import Tracer

_STORES = ("STORE_GLOBAL", "DELETE_GLOBAL", "STORE_DEREF", "DELETE_DEREF")
_DEPTH = 4
#: An attribute of what stands for a function that runs as it is.
AS_IT_IS = "__runs_as_it_is__"


class Caller(Protocol):
    """What calls functions while they are traced; ``namespaces``: those made of others, by id."""

    session: Session
    namespaces: dict[int, tuple[dict[str, Any], dict[str, Any]]]

    def call(self, fn: Any, /, *args: Any, **kwargs: Any) -> Any: ...


def stand_in(ops: Caller, function: FunctionType) -> Callable[..., Any]:
    """``function`` with what it reads outside seen by the trace: arrays are traced, functions are
    called through ``ops``, and the rest is guarded.

    Raises UnsupportedError where it would set a global or enclosing variable.
    """
    if id(function.__globals__) in ops.namespaces:
        return function  # defined inside of such a function
    codes = list(codes_in(function.__code__))
    _refuse_stores(function, codes)
    _refuse_classes(function, codes)
    refuse_effects(function)
    reader = Reader(ops, _names_in_reach(function))
    namespace = dict(function.__globals__)
    ops.namespaces[id(namespace)] = (namespace, function.__globals__)
    made: list[FunctionType] = []
    read: dict[str, Any] = {}

    def run(*args: Any, **kwargs: Any) -> Any:
        if not made:
            cells = reader.cells(function)
            copy = FunctionType(
                function.__code__, namespace, function.__name__, function.__defaults__, cells
            )
            copy.__kwdefaults__ = function.__kwdefaults__
            made.append(copy)
            read.update(reader.globals(function.__globals__))
            namespace.update(_questions(ops, reader.names - function.__globals__.keys()) | read)
        for used in (*args, *kwargs.values()):
            reader.outside.pin(used)
            reader.attributes(used, _DEPTH)
        with watching(f"{function.__name__}()", *args, *kwargs.values(), function, *read.values()):
            return made[0](*args, **kwargs)

    setattr(run, AS_IT_IS, True)
    return run


def _refuse_stores(function: FunctionType, codes: list[CodeType]) -> None:
    for code in codes:
        for instr in dis.get_instructions(code):
            outer = "GLOBAL" in instr.opname or instr.argval in function.__code__.co_freevars
            if instr.opname in _STORES and outer:
                raise UnsupportedError(
                    f"{function.__qualname__}: the global or closure variable {instr.argval!r} "
                    "would be set once, when compiling; return the value instead, or keep it in an "
                    "array that is passed in"
                )


def _questions(ops: Caller, names: Container[str]) -> dict[str, Any]:
    """What Python's questions about types stand for: traced values are what they are in Python."""

    def asked(question: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return ops.call(question, *(type if a is kinds else a for a in args), **kwargs)

    kinds = partial(asked, type)
    found = {name: partial(asked, vars(builtins)[name]) for name in ("isinstance", "issubclass")}
    return {name: made for name, made in {**found, "type": kinds}.items() if name in names}


def _refuse_classes(function: FunctionType, codes: list[CodeType]) -> None:
    """Patterns of classes, and `__class__`, ask traced values themselves what they are."""
    for code in codes:
        named = "__class__" in code.co_names
        if named or any(i.opname == "MATCH_CLASS" for i in dis.get_instructions(code)):
            raise UnsupportedError(
                f"{function.__qualname__}: its source cannot be read, so `__class__` and patterns "
                "of classes would see traced values: put it in a file, or ask isinstance()"
            )


class Reader:
    """Reads what a function can reach, where one of ``names`` says how. ``whole``: of an object,
    all attributes of its own too."""

    def __init__(self, ops: Caller, names: set[str], *, whole: bool = True) -> None:
        self.whole = whole
        self.ops = ops
        self.outside = ops.session.outside
        self.names = names
        self.seen: dict[int, Any] = {}

    def globals(self, namespace: dict[str, Any]) -> dict[str, Any]:
        """The global variables that are named."""
        found = sorted(self.names & namespace.keys())
        return {n: self.read(GlobalVariable(namespace, n), n, namespace) for n in found}

    def cells(self, function: FunctionType) -> tuple[CellType, ...]:
        """The enclosing variables; those of the trace itself are shared with it."""
        found = []
        for name, cell in zip(
            function.__code__.co_freevars, function.__closure__ or (), strict=True
        ):
            try:
                value = cell.cell_contents
            except ValueError:
                self.outside.missing_cell(name, cell)
                found.append(cell)
                continue
            now = self.read(EnclosingVariable(cell), name, cell)
            found.append(cell if now is value else CellType(now))
        return tuple(found)

    def read(self, getter: Callable[[], Any], name: str, owner: Any) -> Any:
        """One variable: guarded with what can be reached from it, or what stands for it."""
        value = self.outside.read(getter(), getter, name, owner)
        self.outside.pin(value)
        if isinstance(value, FunctionType) or hasattr(type(value), "__traced_call__"):
            return partial(self.ops.call, value)
        self.reachable(value, _DEPTH)
        return value

    def reachable(self, value: Any, depth: int) -> None:
        """Guards what is in a container or an object. The contents of arrays found there are
        constants of the trace, so they are guarded too."""
        self.outside.whole(value)
        for item in objects_in(value):
            self.held(item, depth - 1)
        self.attributes(value, depth)

    def attributes(self, obj: Any, depth: int) -> None:
        """Guards the attributes of an object found outside: all of its own, since a method may read
        them, and those named of its class."""
        plain = isinstance(obj, Tracer | np.ndarray | FunctionType) or is_plain_value(obj)
        if depth == 0 or plain or not self.outside.is_outside(obj) or id(obj) in self.seen:
            return
        self.seen[id(obj)] = obj
        whole = self.whole and not isinstance(obj, ModuleType | type)
        own = builtins.getattr(obj, "__dict__", {}).keys() if whole else ()
        for name in sorted({*own, *self.names}):
            held = inspect.getattr_static(obj, name, _NOTHING)
            if held is _NOTHING:
                continue
            if isinstance(held, property | staticmethod | classmethod):
                held = held.fget if isinstance(held, property) else held.__func__
            if isinstance(held, FunctionType):
                if name not in own:
                    self.outside.member(obj if isinstance(obj, type) else type(obj), name)
                self.globals_of(held, depth)
            elif not (callable(held) or hasattr(type(held), "__get__")):
                self.outside.attribute(obj, name, held, traced=False)
                self.held(held, depth - 1)

    def held(self, value: Any, depth: int) -> None:
        """Guards what Python reads while tracing."""
        if isinstance(value, np.ndarray):
            self.outside.constant(value)
        else:
            self.reachable(value, depth)

    def globals_of(self, method: FunctionType, depth: int) -> None:
        """Guards the global and enclosing variables that a method reads, which Python calls by
        itself, and what it is made of."""
        if id(method) in self.seen or depth == 0:
            return
        self.seen[id(method)] = method
        self.outside.code(method)
        self.outside.defaults(method)
        namespace = method.__globals__
        names = _names_of(method)
        for name in sorted(names & namespace.keys()):
            self._variable(GlobalVariable(namespace, name), name, namespace, depth)
        for name, cell in zip(method.__code__.co_freevars, method.__closure__ or (), strict=True):
            if IsBound(cell)():
                self._variable(EnclosingVariable(cell), name, cell, depth)

    def _variable(self, getter: Callable[[], Any], name: str, owner: Any, depth: int) -> None:
        value = getter()
        self.outside.read(value, getter, name, owner, traced=False)
        if isinstance(value, FunctionType):
            self.globals_of(value, depth - 1)
        else:
            self.held(value, depth - 1)


def _names_of(function: FunctionType) -> set[str]:
    return {name for code in codes_in(function.__code__) for name in code.co_names}


def _names_in_reach(function: FunctionType) -> set[str]:
    """The names in the code of a function, and in that of methods and functions that it may call
    as they are."""
    found: set[str] = set()
    seen: dict[int, Any] = {}
    stack: list[Any] = [function]
    while stack and len(seen) < _MANY:
        x = stack.pop()
        if id(x) in seen:
            continue
        seen[id(x)] = x
        if isinstance(x, FunctionType):
            found |= _names_of(x)
            cells = x.__closure__ or ()
            stack += [cell.cell_contents for cell in cells if IsBound(cell)()]
            stack += [x.__globals__[name] for name in _names_of(x) & x.__globals__.keys()]
        elif not (isinstance(x, Tracer | np.ndarray | ModuleType) or is_plain_value(x)):
            kind = x if isinstance(x, type) else type(x)
            for cls in kind.__mro__:
                members = vars(cls).values() if not is_of_library(module_of(cls)) else ()
                plain = [m.fget if isinstance(m, property) else m for m in members]
                stack += [getattr(m, "__func__", m) for m in plain if _is_function(m)]
    return found


def _is_function(x: Any) -> bool:
    return isinstance(x, FunctionType | staticmethod | classmethod)


#: How many objects are looked at for the names in their methods.
_MANY = 1000
_NOTHING = object()
