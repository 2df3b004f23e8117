"""What can be reached from an object, and what each object held at some time.

Any object has a state that another program could write down: the items of a container, its
attributes, or what it is pickled as. Nothing here knows of regions.
"""

from __future__ import annotations

import array
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from types import (
    BuiltinFunctionType,
    FunctionType,
    GeneratorType,
    MappingProxyType,
    MethodType,
    ModuleType,
)
from typing import Any

import numpy as np

from tracejit.trace.session.plain import PLAIN, convertible
from tracejit.trace.session.tracer import Tracer
from tracejit.trace.values.entries import is_table, put_table, table_in
from tracejit.trees import Entries

_MANY = 10_000
#: Containers whose items a loop or branch can carry.
CARRIED = (list, dict, set, deque)
_WITHOUT_STATE = (*PLAIN, Tracer, type, ModuleType, np.ndarray, np.dtype, np.ufunc, slice, range)


def snapshot(obj: Any) -> Any:
    """What a container holds: a list of its items, or a dict; of a set, its items as the keys."""
    if isinstance(obj, dict):
        return dict(obj)
    if is_table(obj):
        return {Entries: table_in(obj)}
    return dict.fromkeys(_ordered(obj)) if isinstance(obj, set) else list(obj)


def _ordered(items: set[Any]) -> list[Any]:
    """The items of a set, in one order for equal sets where they are plain."""
    if all(isinstance(x, PLAIN) for x in items):
        return sorted(items, key=lambda x: (type(x).__name__, repr(x)))
    return list(items)


def restore(obj: Any, contents: Any) -> None:
    """Make a container hold what it did when ``contents`` was taken."""
    if isinstance(obj, dict | set) and Entries in contents:
        put_table(obj, contents[Entries])
    elif isinstance(obj, dict | set):
        obj.clear()
        obj.update(contents)
    elif isinstance(obj, deque):
        obj.clear()
        obj.extend(contents)
    else:
        obj[:] = contents


def is_stateful(x: Any) -> bool:
    """Whether an object may hold other things later than it does now, itself or what it holds."""
    kind = type(x)
    return not isinstance(x, _WITHOUT_STATE) and not kind.__module__.startswith("tracejit.")


def is_iterator(x: Any) -> bool:
    """Whether taking an item changes it, in a way that cannot be undone."""
    return hasattr(type(x), "__next__") and is_stateful(x)


def parts(x: Any) -> Iterable[Any]:
    """What an object holds or refers to."""
    if isinstance(x, dict):
        yield from x.values()
    elif isinstance(x, list | tuple | set | frozenset | deque):
        yield from x
    elif isinstance(x, FunctionType):
        yield from _variables(x)
    elif isinstance(x, MethodType | BuiltinFunctionType):
        yield x.__self__
    elif isinstance(x, partial):
        yield from (x.func, *x.args, *x.keywords.values())
    elif isinstance(x, GeneratorType):
        yield from () if x.gi_frame is None else x.gi_frame.f_locals.values()
    yield from attributes(x).values()


def _variables(f: FunctionType) -> Iterator[Any]:
    """What a function of the user's keeps."""
    if convertible(f):
        yield from (*(f.__defaults__ or ()), *(f.__kwdefaults__ or {}).values())
        yield from captured(f)


def captured(f: FunctionType) -> Iterator[Any]:
    """The variables of functions around one, as far as they are bound."""
    for cell in f.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # not bound yet
            continue


def attributes(x: Any) -> dict[str, Any]:
    """The attributes of an instance, those in slots too."""
    held = getattr(x, "__dict__", None)  # anything, where a class has a ``__getattr__``
    found = dict(held) if isinstance(held, dict | MappingProxyType) else {}
    for base in type(x).__mro__:
        slots = base.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            member = base.__dict__.get(name)
            if hasattr(type(member), "__get__") and name not in ("__dict__", "__weakref__"):
                held = getattr(x, name, _NOTHING)
                if held is not _NOTHING:
                    found[name] = held
    return found


_NOTHING = object()


def written_down(x: Any) -> Any:
    """The state of an object of the standard library that is no container, None where it does not
    say."""
    if isinstance(x, bytearray | memoryview | array.array):
        return bytes(x)
    if isinstance(x, tuple | frozenset | FunctionType | BuiltinFunctionType | MethodType | partial):
        return None
    kind: Any = type(x)
    if hasattr(kind, "__next__") or kind.__module__.split(".")[0] not in sys.stdlib_module_names:
        return None
    if kind.__reduce__ is object.__reduce__:
        return None
    try:
        return x.__reduce_ex__(4)
    except TypeError:
        return None


class Held:
    """An object and all that it holds now."""

    def __init__(self, obj: Any) -> None:
        self.obj = obj
        self.contents = snapshot(obj) if isinstance(obj, CARRIED) else None
        self.attributes = attributes(obj)
        self.state: Any = None if isinstance(obj, CARRIED) else written_down(obj)

    @property
    def has_new_contents(self) -> bool:
        return self.contents is not None and not same_items(self.contents, snapshot(self.obj))

    @property
    def has_new_state(self) -> bool:
        now = None if self.contents is not None else written_down(self.obj)
        return not _same_state(self.state, now)

    def put_back(self) -> None:
        """Make the object hold again what it held, as far as that can be."""
        obj = self.obj
        if self.contents is not None:
            restore(obj, self.contents)
        elif isinstance(obj, bytearray):
            obj[:] = self.state
        elif isinstance(obj, array.array):
            del obj[:]
            obj.frombytes(self.state)
        for name in self.changed_attributes():
            object.__setattr__(obj, name, self.attributes[name])

    def changed_attributes(self) -> list[str]:
        """Of those that were there: what is added is a cache of a library's, as the methods of the
        user's own classes are compiled."""
        now = attributes(self.obj)
        return [k for k, x in self.attributes.items() if now.get(k, _NOTHING) is not x]


def _same_state(a: Any, b: Any) -> bool:
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(map(_same_state, a, b))
    if isinstance(a, list | dict | set) and type(a) is type(b):
        return same_items(snapshot(a), snapshot(b))
    if a is b or type(a) is not type(b):
        return a is b
    return not isinstance(a, PLAIN) or bool(a == b)


def same_items(a: Any, b: Any) -> bool:
    """Whether two snapshots hold the same objects in the same places."""
    if isinstance(a, dict):
        return same_items(list(a), list(b)) and same_items(list(a.values()), list(b.values()))
    return len(a) == len(b) and all(x is y for x, y in zip(a, b, strict=True))


def reached(roots: Sequence[Any], asked: Callable[[Any, bool | None], bool | None]) -> list[Held]:
    """What can be reached from ``roots`` and may change, as it is now. ``asked(x, inherited)`` says
    whether an object is asked for, given what it said of the one that refers to it (None for
    roots); None: nor is what it refers to."""
    found: list[Held] = []
    seen: dict[int, Any] = {}
    stack: list[tuple[Any, bool | None]] = [(x, None) for x in reversed(roots)]
    while stack:
        x, inherited = stack.pop()
        if id(x) in seen or not is_stateful(x):
            continue
        seen[id(x)] = x
        answer = asked(x, inherited)
        if answer is None:
            continue
        if answer:
            found.append(Held(x))
        stack.extend((part, answer) for part in parts(x))
    return found


def holds_traced(*roots: Any) -> bool:
    """Whether a value of the trace can be reached from an object (among the first many)."""
    seen: dict[int, Any] = {}
    stack = list(roots)
    while stack and len(seen) < _MANY:
        x = stack.pop()
        if isinstance(x, Tracer):
            return True
        if id(x) not in seen and is_stateful(x):
            seen[id(x)] = x
            stack.extend(parts(x))
    return False
