"""``operator.itemgetter``, ``attrgetter`` and ``methodcaller``, as a program would write them."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any

from tracejit.trace.session.registry import STAND_INS
from tracejit.trace.session.session import current


def getter(f: Any) -> Callable[..., Any] | None:
    """What stands for one of the three; None for another function."""
    found = _OF_CLASS.get(type(f))
    if found is None:
        return None
    made, given = f.__reduce__()
    named = made.keywords if isinstance(made, functools.partial) else {}
    first = made.args if isinstance(made, functools.partial) else ()

    def call(*args: Any, **kwargs: Any) -> Any:
        if len(args) != 1 or kwargs:
            return f(*args, **kwargs)  # raises what Python says
        return found(args[0], *first, *given, **named)

    return call


def _items(obj: Any, *keys: Any) -> Any:
    found = tuple(current().operators.getitem(obj, key) for key in keys)
    return found if len(keys) > 1 else found[0]


def _attributes(obj: Any, *names: str) -> Any:
    read = current().operators.getattr
    found = tuple(functools.reduce(read, name.split("."), obj) for name in names)
    return found if len(names) > 1 else found[0]


def _method(obj: Any, name: str, *args: Any, **kwargs: Any) -> Any:
    ops = current().operators
    return ops.call(ops.getattr(obj, name), *args, **kwargs)


_OF_CLASS: dict[type, Callable[..., Any]] = {
    operator.itemgetter: _items,
    operator.attrgetter: _attributes,
    operator.methodcaller: _method,
}
#: Whose calls show what they read.
GETTERS = tuple(_OF_CLASS)
STAND_INS.append(getter)
