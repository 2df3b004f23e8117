"""Compiled forms of transforms, found again by the function that they are of.

``grad(f)(x)`` makes a transform each time that it runs; what was compiled for it is kept beside
``f``, for as long as ``f`` lives, or while it is among the `LIMIT` used last. A lambda written in a
loop is a new function each time and the same code: it is found by its code where that is all there
is to it.
"""

from __future__ import annotations

import functools
import threading
import weakref
from collections.abc import Callable, Hashable
from types import FunctionType, MethodType
from typing import Any

from tracejit.records import dataclass
from tracejit.trace.session.plain import is_of_library, module_of

#: Compiled transforms that are kept.
LIMIT = 256
#: Those of them that keep what they are of alive: methods, and objects that are called.
LIMIT_ALIVE = 16


@dataclass(frozen=True)
class Identity:
    """What a function is found again by.

    ``anchor``: what has to be alive. ``key``: what else has to be the same. ``like``: makes an
    equal function that does not keep the anchor alive; None where there is no such function.
    """

    anchor: Any
    key: Hashable
    like: Callable[[], Callable[..., Any]] | None


def identity(function: Callable[..., Any]) -> Identity:
    """What a function, a transform of one, or a compiled one is found again by."""
    of = getattr(type(function), "__kept_identity__", None)
    if of is not None:
        found: Identity = of(function)
        return found
    if hasattr(type(function), "__traced_call__") and hasattr(function, "py_func"):
        inner = identity(function.py_func)  # transforms look through ``jit``
        of = getattr(function, "of", None)
        if of is None:
            return inner
        # It is switched off: what is compiled for it is called after it ran in Python.
        return Identity(inner.anchor, ("uncompiled", inner.key), _after(inner.like, of))
    if type(function) is FunctionType:
        return _of_function(function)
    if type(function) is functools.partial:
        key = ("partial", tuple((n, id(v)) for n, v in function.keywords.items()))
        like = functools.partial(
            functools.partial, function.func, *function.args, **function.keywords
        )
        return Identity(function, key, like)
    if type(function) is MethodType:
        return Identity(function.__self__, ("method", id(function.__func__)), None)
    return Identity(function, ("object",), None)


def _after(
    like: Callable[[], Callable[..., Any]] | None, of: Callable[..., Any]
) -> Callable[[], Callable[..., Any]] | None:
    return None if like is None else lambda: of(like())


def _of_function(f: FunctionType) -> Identity:
    parts = (f.__defaults__, f.__kwdefaults__)
    key = ("function", id(f.__code__), id(f.__globals__), *map(id, parts))
    if is_of_library(module_of(f)):  # the tables know the function itself, not a copy
        return Identity(f, key, lambda: f)
    bare = f.__closure__ is None and parts == (None, None) and not f.__dict__
    return Identity(f.__code__ if bare else f, key, functools.partial(_clone, f))


def _clone(f: FunctionType) -> FunctionType:
    """A copy of the code over the same globals and cells."""
    made = FunctionType(
        f.__code__.replace(), f.__globals__, f.__name__, f.__defaults__, f.__closure__
    )
    made.__kwdefaults__ = f.__kwdefaults__
    made.__module__, made.__qualname__, made.__doc__ = f.__module__, f.__qualname__, f.__doc__
    made.__dict__.update(f.__dict__)
    return made


@dataclass(frozen=True, eq=False)
class _Entry:
    anchor: weakref.ref[Any] | None  # None: what was made keeps it alive
    made: Any


_entries: dict[tuple[int, Hashable], _Entry] = {}
_lock = threading.RLock()


def compiled(transform: Any) -> Any:
    """The compiled form of a transform, made when there is none of an equal one.

    ``transform`` has ``function`` and ``of(function)``, and ``__kept_identity__``.
    """
    found = identity(transform)
    place = (id(found.anchor), found.key)
    with _lock:
        entry = _entries.pop(place, None)
        if entry is None:
            _forget()
            entry = _entry(transform, found, place)
        _entries[place] = entry  # the one used last comes last
    return entry.made


def _entry(transform: Any, found: Identity, place: tuple[int, Hashable]) -> _Entry:
    from tracejit.api import jitted_type
    from tracejit.calls.versions import Options

    make = jitted_type()
    if found.like is None:
        return _Entry(None, make(transform, Options()))
    forget = functools.partial(_entries.pop, place, None)  # Python clears a module's names at exit
    anchor = weakref.ref(found.anchor, lambda _: forget())
    return _Entry(anchor, make(found.like(), Options()))


def _forget() -> None:
    """Make room for one more: what was used longest ago goes.

    A collection may run at any allocation and take entries out. Listing keys allocates nothing in
    between; listing items does."""
    for strong, limit in ((False, LIMIT), (True, LIMIT_ALIVE)):
        found = [(p, _entries.get(p)) for p in list(_entries)]
        places = [p for p, e in found if e is not None and (not strong or e.anchor is None)]
        for place in places[: max(0, len(places) - limit + 1)]:
            _entries.pop(place, None)
