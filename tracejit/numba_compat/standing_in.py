"""``import numba`` finds this room, for packages that were written for Numba."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

from tracejit import sources

_ROOM = "tracejit.numba_compat"
#: Modules of Numba's, and what of this room they have (a module of it, or names).
_MODULES: dict[str, str | dict[str, str]] = {
    "numba.types": "types",
    "numba.core.types": "types",
    "numba.typed": "typed",
    "numba.extending": "extending",
    "numba.experimental": "experimental",
    "numba.errors": "errors",
    "numba.core.errors": "errors",
    "numba.core.config": {},
    "numba.core.typing": {"typeof": "types"},
    "numba.core.typing.typeof": {"typeof": "types"},
    "numba.core.registry": {},
    "numba.core.dispatcher": {},
    "numba.misc.special": {"prange": "outside_code", "literal_unroll": "outside_code"},
    "numba.np.linalg": {"_LAPACK": "lapack"},
    "numba.np.numpy_support": {"from_dtype": "types", "as_dtype": "types"},
    "numba.np.ufunc": {},
    "numba.np.ufunc.dufunc": {},
    "numba.np.ufunc.gufunc": {},
    "numba.stencils.stencil": {"stencil": "stencils"},
}


def stand_in() -> None:
    """From now on ``import numba``, and of its modules what this room has, give this room.

    Call it before anything imports Numba: RuntimeError if something has. Numba compiles byte code,
    so packages for it make functions of text and of trees, which have no file: those are kept.
    """
    loaded = sys.modules.get("numba")
    if loaded is not None and loaded.__name__ != _ROOM:
        raise RuntimeError("numba has been imported already: call stand_in() before that")
    sources.keep_compiled()
    room = import_module(_ROOM)
    sys.modules["numba"] = room
    for name, content in _MODULES.items():
        _enter(name, content)
    _made("numba.core.dispatcher").Dispatcher = _type_of_jitted()  # type: ignore[attr-defined]
    classes = {"dufunc": ("DUFunc", "elementwise", "UniversalFunction"),
               "gufunc": ("GUFunc", "generalized", "GeneralizedFunction")}  # fmt: skip
    for module, (name, place, ours) in classes.items():
        setattr(_made(f"numba.np.ufunc.{module}"), name, _found(place, ours))


def _type_of_jitted() -> Any:
    return import_module("tracejit.api").jitted_type()


def _found(module: str, name: str) -> Any:
    return getattr(import_module(f"{_ROOM}.{module}"), name)


def _enter(name: str, content: str | dict[str, str]) -> None:
    if isinstance(content, str):
        _place(name, import_module(f"{_ROOM}.{content}"))
        return
    module = _made(name)
    for member, place in content.items():
        setattr(module, member, _found(place, member))


def _made(name: str) -> ModuleType:
    """A module of this name, a new one where there is none."""
    found = sys.modules.get(name)
    if found is None:
        found = ModuleType(name, f"What stands for {name}.")
        found.__path__ = []
        _place(name, found)
    return found


def _place(name: str, module: ModuleType) -> None:
    parent, _, last = name.rpartition(".")
    sys.modules[name] = module
    if parent != "numba":
        _made(parent)
    setattr(sys.modules[parent], last, module)
