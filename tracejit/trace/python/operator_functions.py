"""The functions of ``operator``, as a program would write them."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from types import BuiltinFunctionType
from typing import Any

from tracejit.trace.convert.symbols import AUGMENTED, BINARY, COMPARED, UNARY
from tracejit.trace.python import library_in_python
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


# Functions of operators ---------------------------------------------------------------------------


def _in_python(ours: Callable[..., Any]) -> Callable[..., Any]:
    return lambda ops, *args: ops.converted(ours)(*args)


#: How many arguments each takes, and what it is of the operators and these.
_FUNCTIONS: dict[Any, tuple[int, Callable[..., Any]]] = {
    operator.concat: (2, lambda ops, a, b: ops.binary("+", a, b)),
    operator.iconcat: (2, lambda ops, a, b: ops.augassign("+=", a, b)),
    operator.is_: (2, lambda ops, a, b: ops.is_(a, b)),
    operator.is_not: (2, lambda ops, a, b: ops.not_(ops.is_(a, b))),
    operator.not_: (1, lambda ops, a: ops.not_(a)),
    operator.truth: (1, lambda ops, a: ops.truth(a)),
    operator.inv: (1, lambda ops, a: ops.unary("~", a)),
    operator.abs: (1, lambda ops, a: ops.call(abs, a)),
    operator.contains: (2, lambda ops, a, b: ops.contains(b, a)),
    operator.getitem: (2, lambda ops, a, b: ops.getitem(a, b)),
    operator.setitem: (3, lambda ops, a, b, c: ops.setitem(a, b, c)),
    operator.delitem: (2, lambda ops, a, b: ops.delitem(a, b)),
    operator.indexOf: (2, _in_python(library_in_python.index_of)),
    operator.countOf: (2, _in_python(library_in_python.count_of)),
}


def _of_symbols(table: dict[str, Any], count: int, how: Callable[[str], Any]) -> None:
    for symbol, function in table.items():
        if isinstance(function, BuiltinFunctionType) and function.__module__ == "_operator":
            _FUNCTIONS.setdefault(function, (count, how(symbol)))


_of_symbols(BINARY, 2, lambda symbol: lambda ops, a, b: ops.binary(symbol, a, b))
_of_symbols(AUGMENTED, 2, lambda symbol: lambda ops, a, b: ops.augassign(symbol, a, b))
_of_symbols(COMPARED, 2, lambda symbol: lambda ops, a, b: ops.compare_one(symbol, a, b))
_of_symbols(UNARY, 1, lambda symbol: lambda ops, a: ops.unary(symbol, a))


def written_out(f: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Callable[..., Any] | None:
    """What a function of ``operator`` does with these arguments, given the operators first; None
    for another function, and for what Python refuses."""
    if type(f) is not BuiltinFunctionType or f.__module__ != "_operator" or kwargs:
        return None
    count, found = _FUNCTIONS.get(f, (-1, None))
    return found if count == len(args) else None
