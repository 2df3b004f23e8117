"""Calls with ``*a`` where only the run knows how many items ``a`` has."""

from __future__ import annotations

import builtins
import inspect
import re
from collections.abc import Callable, Sequence
from types import FunctionType, MethodType
from typing import Any

import numpy as np

from tracejit.errors import UnsupportedError, all_ask
from tracejit.trace.control.generated import Generated
from tracejit.trace.python import dynamic_list_methods, library_in_python
from tracejit.trace.python.builtin_functions import sized_by_the_run
from tracejit.trace.python.distinct import Distinct
from tracejit.trace.session.plain import is_of_program
from tracejit.trace.session.session import current, where
from tracejit.trace.values.all import Array, as_dim
from tracejit.trace.values.captured_arrays import seen
from tracejit.trace.values.dynamic_list import form_of, is_grown, length_of
from tracejit.trace.values.entries import is_view
from tracejit.trace.values.kinds import type_of
from tracejit.trace.values.run_tuples import RunTuple

#: Of a call what comes before each argument ("*", "**", a name or nothing), and the argument.
Pieces = Sequence[tuple[str, Any]]


def is_of_run(value: Any) -> bool:
    """Whether only the run knows how many arguments ``*value`` is."""
    if is_grown(value):
        return not isinstance(length_of(value), int)
    return type(value) in (Distinct, RunTuple) or is_view(value) or sized_by_the_run(value)


def gone_through(ops: Any, value: Any) -> Any:
    """What ``*value`` means: the list of a generator."""
    value = seen(value)
    return ops.call(list, value) if isinstance(value, Generated) and value.is_whole else value


def called(ops: Any, f: Any, pieces: Pieces) -> Any:
    """The result of such a call. UnsupportedError where it needs to be known how many there are."""
    given = [(key, value) for key, value in pieces if key in ("", "*")]
    named = {key: value for key, value in pieces if key not in ("", "*")}
    stars = [value for key, value in given if key == "*"]
    if (f is builtins.max or f is builtins.min) and named.keys() <= {"key"}:
        return _extremum(ops, f, given, named)
    if f is builtins.print and named.keys() <= {"sep", "end"}:
        lists = tuple([x] if key == "" else _listed(ops, x) for key, x in given)
        sep, end = named.get("sep"), named.get("end")
        words = " " if sep is None else sep, "\n" if end is None else end
        return ops.converted(library_in_python.print_each)(lists, *words)
    few = _how_many(f, named) if len(stars) == 1 and "**" not in named else None
    if few is None or few < len(given) - 1:
        raise UnsupportedError(
            f"{where()}: {getattr(f, '__name__', 'f')}(*a) where only the run knows how many items "
            "a has: pass a itself, or the items by number (a[0], a[1])"
        )
    args: list[Any] = []
    for key, x in given:
        if key == "":
            args.append(x)
        else:
            args += _exactly(ops, f, _listed(ops, x), few - len(given) + 1, len(given) - 1, named)
    return ops.call(f, *args, **named)


def _listed(ops: Any, value: Any) -> Any:
    return value if isinstance(value, Array) or is_grown(value) else ops.call(list, value)


def _extremum(ops: Any, f: Any, given: Pieces, named: dict[str, Any]) -> Any:
    """``max(*a, b)`` as that of a list of them: TypeError where there is one, or none."""
    items: list[Any] = ops.made([])
    for key, x in given:
        if key == "":
            ops.call(items.append, x)
        else:
            ops.call(items.extend, _listed(ops, x))
    if not is_grown(items):
        return ops.call(f, *items, **named)
    form = form_of(items)
    if form is None or form[1] is not None or any(k.shape is not None for k in form[0]):
        raise UnsupportedError(
            f"{where()}: {f.__name__}(*a) of what are no numbers, where only the run knows how "
            f"many there are: use {f.__name__}(a)"
        )
    known = [x for key, x in given if key == ""]
    _must_not_be(length_of(items), 0, f"{f.__name__} expected at least 1 argument, got 0")
    if len(known) < 2:
        kind = type_of(known[0] if known else dynamic_list_methods.getitem(items, 0))
        shown = kind.__name__ if kind.__module__ == "builtins" else f"numpy.{kind.__name__}"
        _must_not_be(length_of(items), 1, f"'{shown}' object is not iterable")
    return ops.call(f, items, **named)


def _must_not_be(count: Any, number: int, message: str) -> None:
    session = current()
    b = session.b
    if not session.ranges.at_least(count, number + 1):
        session.check(b.op("ne", b.index(count), b.const(number, "i64")), TypeError, message)


def _how_many(f: Any, named: dict[str, Any]) -> int | None:
    """The number of positional arguments that a function takes; None where it may be several."""
    if isinstance(f, np.ufunc):
        return None if named else f.nin
    program = isinstance(f, type) and is_of_program(f.__module__)
    if not (program or isinstance(f, FunctionType | MethodType)):
        return None
    try:
        signature = inspect.signature(f, follow_wrapped=False)
    except (TypeError, ValueError):
        return None
    found = 0
    for p in signature.parameters.values():
        if p.kind is p.VAR_POSITIONAL:
            return None
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) and p.name not in named:
            if p.default is not p.empty:
                return None
            found += 1
    return found


def _exactly(
    ops: Any, f: Callable[..., Any], items: Any, n: int, others: int, named: dict[str, Any]
) -> list[Any]:
    """``n`` items; TypeError as Python's call with another number of arguments."""
    session = current()
    b = session.b
    count = as_dim(ops.call(len, items))
    for k in range(n):
        _must_not_be(count, k, _refused(f, others + k, named))
    most = n + isinstance(f, np.ufunc)  # one more would be where the result goes
    if most > n:
        _must_not_be(count, most, _refused(f, others + most, named))
    fits = b.op("le", b.index(count), b.const(most, "i64"))
    text = _refused(f, others + most + 1, named).replace("{", "{{").replace("}", "}}")
    number = re.search(r"but (\d+) were", text)
    shown = int(number[1]) if number else 0  # which counts ``self``
    text = text.replace(f"but {shown} were", "but {0} were")
    session.check(fits, TypeError, text, b.index(count + (shown - most - 1)))
    return [ops.getitem(items, k) for k in range(n)]


def _refused(f: Callable[..., Any], count: int, named: dict[str, Any]) -> str:
    """What Python says of a call with a wrong number of arguments."""
    example = 1.0 if isinstance(f, np.ufunc) else None
    try:
        f(*[example] * count, **dict.fromkeys(named))
    except TypeError as error:
        return str(error)
    return f"{getattr(f, '__name__', 'a call')}() takes another number of arguments"


all_ask(globals(), TypeError, ValueError, IndexError)
