"""``copy`` and ``dataclasses`` on what holds traced values: new containers, objects and storage."""

from __future__ import annotations

import copy
import dataclasses
from collections import deque
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from tracejit.errors import throw
from tracejit.trace.control.objects import made_object
from tracejit.trace.python import dynamic_list_methods
from tracejit.trace.session.plain import PLAIN
from tracejit.trace.session.registry import METHODS
from tracejit.trace.session.session import current
from tracejit.trace.values import containers
from tracejit.trace.values.all import Array, Tracer
from tracejit.trace.values.captured_arrays import hidden_array
from tracejit.trace.values.dunder_methods import method_of
from tracejit.trace.values.dynamic_list import is_grown
from tracejit.trace.values.entries import is_table
from tracejit.trace.values.made_objects import is_instance
from tracejit.trace.values.reach import attributes

_NOTHING = object()
_ATOMS = (Tracer, type, ModuleType, *PLAIN)


def builtin_deepcopy(x: Any, memo: Any = None) -> Any:
    """``copy.deepcopy``: what is in several places stays one object."""
    memo = {} if memo is None else memo
    found = memo.get(id(x), _NOTHING)
    if found is not _NOTHING:
        return found
    made = _deep(x, memo)
    if made is not x:
        memo[id(x)] = made
        memo.setdefault(id(memo), []).append(x)  # alive, so that its id stays its own
    return made


def _deep(x: Any, memo: dict[Any, Any]) -> Any:
    session = current()
    if isinstance(x, Array | np.ndarray):
        return _array(x)
    if isinstance(x, _ATOMS):
        return x
    own = method_of(x, "__deepcopy__")
    if own is not None:
        return session.operators.call(own, memo)
    if is_table(x):
        return containers.made(session, copy.copy(x))
    if type(x) in (list, dict):
        return _container(x, memo)
    if type(x) in (tuple, set, frozenset, deque) or hasattr(x, "_fields"):
        session.outside.whole(x)
        return _sequence(x, [builtin_deepcopy(i, memo) for i in x])
    if _has_attributes(x):
        made = memo[id(x)] = _like(x)
        read = session.operators.getattr
        return _filled(made, {n: builtin_deepcopy(read(x, n), memo) for n in attributes(x)})
    return copy.deepcopy(x, memo)


def _has_attributes(x: Any) -> bool:
    """Whether attributes are all that an object of the user's is."""
    slots = any("__slots__" in base.__dict__ for base in type(x).__mro__)
    kind: Any = type(x)
    plain = kind.__reduce_ex__ is object.__reduce_ex__ and kind.__reduce__ is object.__reduce__
    return plain and (is_instance(x) or (slots and method_of(x, "__init__") is not None))


def _like(x: Any) -> Any:
    return made_object(current(), type(x), {})


def _filled(made: Any, found: dict[str, Any]) -> Any:
    for name, value in found.items():
        object.__setattr__(made, name, value)
    return made


def _array(x: Any) -> Any:
    return METHODS["copy"](x if isinstance(x, Array) else hidden_array(x), order="K")


def _container(x: Any, memo: dict[Any, Any]) -> Any:
    """A list or dict, which may hold itself."""
    session = current()
    session.outside.whole(x)
    made: Any = containers.made(session, type(x)())
    memo[id(x)] = made
    if isinstance(x, dict):
        made.update({k: builtin_deepcopy(session.operators.getitem(x, k), memo) for k in x})
    else:
        made += [builtin_deepcopy(i, memo) for i in x]
    return made


def _sequence(x: Any, items: list[Any]) -> Any:
    """As ``x``, of other items; ``x`` itself where they are the same."""
    if isinstance(x, tuple | frozenset) and all(a is b for a, b in zip(items, x, strict=True)):
        return x
    if isinstance(x, deque):
        return containers.made(current(), deque(items, x.maxlen))
    made = type(x)(*items) if hasattr(x, "_fields") else type(x)(items)
    return containers.made(current(), made)


def builtin_copy(x: Any) -> Any:
    """``copy.copy``."""
    if is_grown(x):
        return dynamic_list_methods.copy(x)
    session = current()
    if isinstance(x, Array | np.ndarray):
        return _array(x)
    own = None if isinstance(x, Tracer) else method_of(x, "__copy__")
    if own is not None:
        return session.operators.call(own)
    if isinstance(x, _ATOMS):
        return x
    if _has_attributes(x):
        read = session.operators.getattr
        return _filled(_like(x), {name: read(x, name) for name in attributes(x)})
    session.outside.whole(x)
    return copy.copy(x)


# Dataclasses --------------------------------------------------------------------------------------


def _taken_apart(x: Any, of_fields: Callable[[list[tuple[str, Any]]], Any]) -> Any:
    """The nested form of a record, as ``dataclasses`` makes it."""
    read = current().operators.getattr
    if dataclasses.is_dataclass(x) and not isinstance(x, type):
        names = [field.name for field in dataclasses.fields(x)]
        return of_fields([(n, _taken_apart(read(x, n), of_fields)) for n in names])
    if isinstance(x, list | tuple):
        current().outside.whole(x)
        items = [_taken_apart(i, of_fields) for i in x]
        made = type(x)(*items) if hasattr(x, "_fields") else type(x)(items)
        return containers.made(current(), made)
    if isinstance(x, dict):
        pairs = [(k, _taken_apart(current().operators.getitem(x, k), of_fields)) for k in x]
        return containers.made(current(), type(x)(pairs))
    return builtin_deepcopy(x)


def _must_be_record(x: Any, name: str) -> None:
    if not dataclasses.is_dataclass(x) or isinstance(x, type):
        throw(TypeError(f"{name}() should be called on dataclass instances"))


def builtin_asdict(x: Any, *, dict_factory: Any = dict) -> Any:
    """``dataclasses.asdict``."""
    _must_be_record(x, "asdict")
    call = current().operators.call
    return _taken_apart(x, lambda pairs: call(dict_factory, pairs))


def builtin_astuple(x: Any, *, tuple_factory: Any = tuple) -> Any:
    """``dataclasses.astuple``."""
    _must_be_record(x, "astuple")
    call = current().operators.call
    return _taken_apart(x, lambda pairs: call(tuple_factory, [value for _, value in pairs]))


def builtin_replace(x: Any, /, **changes: Any) -> Any:
    """``dataclasses.replace``: the class is called as the program calls it."""
    _must_be_record(x, "replace")
    operators = current().operators
    for field in x.__dataclass_fields__.values():
        if field.init and field.name not in changes and hasattr(x, field.name):
            changes[field.name] = operators.getattr(x, field.name)
        elif not field.init and field.name in changes:
            return dataclasses.replace(x, **changes)  # raises
    return operators.call(type(x), **changes)


COPYING: dict[Any, Callable[..., Any]] = {
    copy.copy: builtin_copy,
    copy.deepcopy: builtin_deepcopy,
    dataclasses.asdict: builtin_asdict,
    dataclasses.astuple: builtin_astuple,
    dataclasses.replace: builtin_replace,
}
