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
from types import CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any, Protocol

import numpy as np

from tracejit import trees
from tracejit.errors import UnsupportedError
from tracejit.trace.control.watched import watching
from tracejit.trace.convert.same_code import codes_in
from tracejit.trace.guards.conditions import IsBound
from tracejit.trace.guards.guard_equality import items_in
from tracejit.trace.guards.paths import EnclosingVariable, GlobalVariable
from tracejit.trace.python.named_effects import refuse_effects
from tracejit.trace.session.plain import is_of_library, is_plain_value, module_of, own_attributes
from tracejit.trace.session.session import Session, where
from tracejit.trace.values.all import Tracer
from tracejit.trace.values.dynamic_list import AllItems

_STORES = ("STORE_GLOBAL", "DELETE_GLOBAL", "STORE_DEREF", "DELETE_DEREF")
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
    reader = Reader(
        ops, _names_in_reach(function), f"{function.__qualname__}, whose source cannot be read,"
    )
    namespace = dict(function.__globals__)
    ops.namespaces[id(namespace)] = (namespace, function.__globals__)
    made: list[FunctionType] = []
    read: dict[str, Any] = {}

    def run(*args: Any, **kwargs: Any) -> Any:
        _must_be_as_python_has_it(function, (args, kwargs))
        if not made:
            cells = reader.cells(function)
            copy = FunctionType(
                function.__code__, namespace, function.__name__, function.__defaults__, cells
            )
            copy.__kwdefaults__ = function.__kwdefaults__
            made.append(copy)
            read.update(reader.globals(function.__globals__))
            reader.not_there(function)
            namespace.update(_questions(ops, reader.names - function.__globals__.keys()) | read)
        for used in (*args, *kwargs.values()):
            reader.outside.pin(used)
            reader.guard(used)
        with watching(f"{function.__name__}()", *args, *kwargs.values(), function, *read.values()):
            ops.session.as_they_are += 1
            try:
                return made[0](*args, **kwargs)
            except UnsupportedError as error:
                _say_why(error, function)
                raise
            finally:
                ops.session.as_they_are -= 1

    setattr(run, AS_IT_IS, True)
    return run


def _must_be_as_python_has_it(function: FunctionType, given: Any) -> None:
    """UnsupportedError for a list of which the run decides the length: the function, which nobody
    converts, would see what stands for its items as its one item."""
    if any(isinstance(x, AllItems) for x in trees.leaves_of(given)):
        raise UnsupportedError(
            f"{where()}: {function.__qualname__}, {_NO_SOURCE}, is given a list of which the run "
            "decides the length: pass an array, or put the function in a file"
        )


def _say_why(error: UnsupportedError, function: FunctionType) -> None:
    """Names the function, which runs as it is, in what was refused in it."""
    said = str(error)
    if _NO_SOURCE not in said:
        error.args = (f"{said} ({function.__qualname__}, {_NO_SOURCE}, runs as it is)",)


class _Module:
    """NumPy, as such a function finds it: arrays that it makes to be filled are of the trace."""

    def __init__(self, ops: Caller) -> None:
        object.__setattr__(self, "_Module__ops", ops)

    def __getattr__(self, name: str) -> Any:
        found = getattr(np, name)
        return partial(self.__ops.call, found) if name in _FILLED else found

    def __setattr__(self, name: str, value: Any) -> None:
        raise UnsupportedError(
            f"{where()}: numpy.{name} would be set once, when compiling: set it before the call"
        )


_FILLED = {f"{name}{like}" for name in ("zeros", "ones", "empty", "full") for like in ("", "_like")}


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
    """What Python's questions about types, and about lengths, stand for: traced values are what
    they are in Python."""

    def asked(question: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return ops.call(question, *(type if a is kinds else a for a in args), **kwargs)

    kinds = partial(asked, type)
    found = {
        name: partial(asked, vars(builtins)[name]) for name in ("isinstance", "issubclass", "len")
    }
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
    all attributes of its own too. ``what`` is read so, in the message where that is too much."""

    def __init__(self, ops: Caller, names: set[str], what: str, *, whole: bool = True) -> None:
        self.whole = whole
        self.ops = ops
        self.outside = ops.session.outside
        self.names = names
        self.what = what
        self.seen: dict[int, Any] = {}
        self.pending: list[Any] = []

    def globals(self, namespace: dict[str, Any]) -> dict[str, Any]:
        """The global variables that are named."""
        found = sorted(self.names & namespace.keys())
        return {n: self.read(GlobalVariable(namespace, n), n, namespace) for n in found}

    def not_there(self, function: FunctionType) -> None:
        """The names of global variables that there are none of: built in, or not there at all."""
        namespace = function.__globals__
        for name in sorted(_variables_of(function) - namespace.keys()):
            built_in = GlobalVariable(namespace, name)
            if hasattr(builtins, name):
                self.outside.read(built_in(), built_in, name, namespace, traced=False)
            else:
                self.outside.missing_name(name, namespace)

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
        if value is np:
            self.guard(value)  # what the program has put there
            return _Module(self.ops)
        if any(value is getattr(np, name) for name in _FILLED):
            return partial(self.ops.call, value)
        if isinstance(value, FunctionType) or hasattr(type(value), "__traced_call__"):
            return partial(self.ops.call, value)
        self.guard(value)
        return value

    def guard(self, *values: Any) -> None:
        """Guards what can be reached from values: what containers hold, attributes, what methods
        and functions read and are made of. The contents of arrays found there are constants of the
        trace, so they are guarded too."""
        self.pending += values
        while self.pending:
            x = self.pending.pop()
            if isinstance(x, Tracer) or is_plain_value(x) or id(x) in self.seen:
                continue
            self.seen[id(x)] = x
            if len(self.seen) > _MOST:
                raise UnsupportedError(
                    f"{self.what} runs as it is and may read more than {_MOST:,} objects, each of "
                    "which would be looked at in each call; pass what it reads as arguments"
                )
            self._guard(x)

    def _guard(self, x: Any) -> None:
        if isinstance(x, np.ndarray):
            self.outside.constant(x)
        elif isinstance(x, FunctionType):
            if not is_of_library(module_of(x)):  # what those read is no program's
                self._read_by(x)
        elif isinstance(x, MethodType):
            self.pending += [x.__self__, x.__func__]
        else:
            self.outside.whole(x)
            self.pending += items_in(x)
            self._attributes(x)

    def _attributes(self, obj: Any) -> None:
        """Attributes of an object found outside: all of its own, since a method may read them, and
        of its class those named, and those that Python finds by itself."""
        if not self.outside.is_outside(obj):
            return
        own: Container[str] = ()
        names = set(self.names)
        if not isinstance(obj, ModuleType):
            names |= _found_by_itself(obj if isinstance(obj, type) else type(obj))
        if self.whole and not isinstance(obj, ModuleType | type):
            own = own_attributes(obj).keys()
            names |= set(own)
        for name in sorted(names):
            held = inspect.getattr_static(obj, name, _NOTHING)
            if held is _NOTHING:
                continue
            if isinstance(held, property | staticmethod | classmethod):
                held = held.fget if isinstance(held, property) else held.__func__
            if isinstance(held, FunctionType):
                if name not in own:
                    self.outside.member(obj if isinstance(obj, type) else type(obj), name)
                self.pending.append(held)
            elif not (callable(held) or hasattr(type(held), "__get__")):
                self.outside.attribute(obj, name, held, traced=False)
                self.pending.append(held)

    def _read_by(self, method: FunctionType) -> None:
        """The global and enclosing variables that a method reads, which Python calls by itself, and
        what it is made of."""
        self.outside.code(method)
        self.outside.defaults(method)
        self.not_there(method)
        namespace = method.__globals__
        names = _names_of(method)
        for name in sorted(names & namespace.keys()):
            self._variable(GlobalVariable(namespace, name), name, namespace)
        for name, cell in zip(method.__code__.co_freevars, method.__closure__ or (), strict=True):
            if IsBound(cell)():
                self._variable(EnclosingVariable(cell), name, cell)

    def _variable(self, getter: Callable[[], Any], name: str, owner: Any) -> None:
        value = getter()
        self.outside.read(value, getter, name, owner, traced=False)
        self.pending.append(value)


def _found_by_itself(kind: type) -> set[str]:
    """The names under which Python finds methods of a class of the program's: operators."""
    bases = [base for base in kind.__mro__ if not is_of_library(module_of(base))]
    members = [(name, held) for base in bases for name, held in vars(base).items()]
    return {name for name, held in members if name.startswith("__") and _is_function(held)}


def _variables_of(function: FunctionType) -> set[str]:
    """The names that a function reads as global variables, or what it defines does."""
    return {
        instr.argval
        for code in codes_in(function.__code__)
        for instr in dis.get_instructions(code)
        if instr.opname in ("LOAD_GLOBAL", "LOAD_NAME")
    }


def _names_of(function: FunctionType) -> set[str]:
    return {name for code in codes_in(function.__code__) for name in code.co_names}


def _names_in_reach(function: FunctionType) -> set[str]:
    """The names in the code of a function, and in that of methods and functions that it may call
    as they are."""
    found: set[str] = set()
    seen: dict[int, Any] = {}
    stack: list[Any] = [function]
    while stack:
        x = stack.pop()
        if id(x) in seen:
            continue
        seen[id(x)] = x
        if isinstance(x, FunctionType):
            if is_of_library(module_of(x)):
                continue
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


_NO_SOURCE = "whose source cannot be read: put it in a file"
#: So many objects are looked at, at most, for what a function may read.
_MOST = 10_000
_NOTHING = object()
