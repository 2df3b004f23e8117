"""What functions name that run as they are: nothing sees what such a function calls, so what its
code names is looked at before it runs.

The names are those of global and enclosing variables and of what is imported, with the attributes
that follow (``time.time``), and those of the user's functions that are found so.
"""

from __future__ import annotations

import builtins
import dis
import inspect
import sys
from collections.abc import Iterator
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any, Final

from tracejit.errors import UnsupportedError
from tracejit.trace.convert.same_code import codes_in
from tracejit.trace.session.pure import is_pure, is_pure_class
from tracejit.trace.session.unsupported import must_be_pure
from tracejit.trace.values.dunder_methods import convertible

_FUNCTIONS: Final = (FunctionType, MethodType, BuiltinFunctionType)
_UNKNOWN: Final = object()


def refuse_effects(function: FunctionType, seen: set[int] | None = None) -> None:
    """Raise for the first thing that ``function`` names and that is not pure."""
    seen = set() if seen is None else seen
    if id(function.__code__) in seen:
        return
    seen.add(id(function.__code__))
    cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
    for code in codes_in(function.__code__):
        for found, is_called in _named(code, function.__globals__, cells):
            _look_at(function, found, is_called, seen)


def _look_at(function: FunctionType, found: Any, is_called: bool, seen: set[int]) -> None:
    users = found.__func__ if isinstance(found, MethodType) else found
    if isinstance(users, FunctionType) and convertible(users):
        refuse_effects(users, seen)
        return
    if isinstance(found, type):
        pure = not is_called or not inspect.isclass(found) or is_pure_class(found)
    else:
        pure = not isinstance(found, _FUNCTIONS) or is_pure(found)
    if not pure:
        try:
            must_be_pure(found)
        except UnsupportedError as error:
            line, _, text = str(error).partition(": ")
            raise UnsupportedError(
                f"{line}: {function.__qualname__}, whose source is not compiled: {text}"
            ) from None


def _named(
    code: CodeType, namespace: dict[str, Any], cells: dict[str, Any]
) -> Iterator[tuple[Any, bool]]:
    """What the code names, and whether it is called there."""
    modules: dict[str, Any] = {}
    found: Any = _UNKNOWN
    imported: Any = _UNKNOWN
    called = False
    for how, name, shown in (*_steps(code), ("", "", "")):
        if how in ("LOAD_ATTR", "LOAD_METHOD") and found is not _UNKNOWN:
            found = _attribute(found, name)
            called = how == "LOAD_METHOD" or "NULL" in shown
            continue
        if how in ("CACHE", "PUSH_NULL", "EXTENDED_ARG"):
            called = called or how == "PUSH_NULL"
            continue
        if found is not _UNKNOWN:
            yield found, called
        found, called = _UNKNOWN, False
        if how == "IMPORT_NAME":
            imported = sys.modules.get(name, _UNKNOWN)
        elif how == "IMPORT_FROM":
            modules["from"] = _attribute(imported, name)
        elif how.startswith("STORE_") and imported is not _UNKNOWN:
            modules[name] = modules.pop("from", imported)
        elif how in ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF", "LOAD_FAST", "LOAD_FAST_CHECK"):
            found = _variable(how, name, modules, namespace, cells)
            called = "NULL" in shown
            imported = _UNKNOWN


def _steps(code: CodeType) -> Iterator[tuple[str, Any, str]]:
    """Instructions by name, with what they name and how that is shown, as Python 3.11 has them.

    Since 3.13 one may move two variables (``STORE_FAST_LOAD_FAST``), since 3.14 one may borrow.
    """
    for instr in dis.get_instructions(code):
        how = instr.opname.replace("_BORROW", "")
        if isinstance(instr.argval, tuple) and how.count("_FAST") == 2:
            parts = how.removesuffix("_FAST").split("_FAST_")
            yield from ((f"{part}_FAST", name, "") for part, name in zip(parts, instr.argval))
        else:
            yield how, instr.argval, instr.argrepr


def _variable(
    how: str, name: str, modules: dict[str, Any], namespace: dict[str, Any], cells: dict[str, Any]
) -> Any:
    if name in modules:
        return modules[name]
    if how == "LOAD_DEREF":
        try:
            return cells[name].cell_contents
        except (KeyError, ValueError):
            return _UNKNOWN
    if how.startswith("LOAD_FAST"):
        return _UNKNOWN
    return namespace.get(name, getattr(builtins, name, _UNKNOWN))


def _attribute(obj: Any, name: str) -> Any:
    """An attribute of a module, or of something whose class does not make it up."""
    if isinstance(obj, ModuleType):
        return getattr(obj, name, _UNKNOWN)
    found = inspect.getattr_static(obj, name, _UNKNOWN)
    if found is _UNKNOWN or isinstance(found, property):
        return _UNKNOWN
    return getattr(obj, name, _UNKNOWN)
