"""Names while a function is traced: variables, outer and global ones, what is imported."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.util import resolve_name
from typing import Any

from tracejit.errors import UnsupportedError
from tracejit.trace.convert import Env, Operators
from tracejit.trace.guards.conditions import Known
from tracejit.trace.guards.paths import EnclosingVariable, GlobalVariable, ImportedModule
from tracejit.trace.session.plain import is_of_library
from tracejit.trace.session.session import Session, where
from tracejit.trace.values.maybe_unbound import MaybeUnbound

Thunk = Callable[[], Any]


class StagedNames(Operators):
    """What is read from the program's namespaces."""

    session: Session
    namespaces: dict[int, tuple[dict[str, Any], dict[str, Any]]]

    def load(self, read: Thunk, name: str, is_captured: bool = False) -> Any:
        value = super().load(read, name, is_captured)
        return value.value_or_raise(name) if isinstance(value, MaybeUnbound) else value

    def load_enclosing(self, name: str, value: Any) -> Any:
        unsure = isinstance(value, MaybeUnbound)
        return value.value_or_raise(name, is_free=True) if unsure else value

    def load_global(self, name: str, value: Any, env: Env) -> Any:
        found = GlobalVariable(env.globals, name)
        return self.session.outside.read(value, found, name, env.globals)

    def imported(self, value: Any, module: str, attribute: str, level: int, env: Env) -> Any:
        if level:
            package = env.globals.get("__package__") or env.globals["__name__"]
            module = resolve_name("." * level + module, package)
        owner = sys.modules.get(module)
        if owner is None or is_of_library(module):
            return value
        outside = self.session.outside
        outside.read(owner, ImportedModule(module), module, sys.modules)
        return outside.attribute(owner, attribute, value) if attribute else value

    def namespace(self, env: Env) -> dict[str, Any]:
        found: dict[str, Any] = self.session.outside.read(
            env.globals, Known(env.globals), "globals()", env
        )
        return found

    def load_free(self, name: str, value: Any, env: Env) -> Any:
        cell = env.cells.get(name)
        if cell is None:
            return value
        return self.session.outside.read(value, EnclosingVariable(cell), name, cell)

    def store_outer(self, name: str, value: Any, env: Env) -> Any:
        raise UnsupportedError(
            f"{where()}: the global or closure variable {name!r} would be set once, when "
            "compiling; return the value instead, or keep it in an array that is passed in"
        )
