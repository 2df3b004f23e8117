"""Dicts that are made at once, of keys that only the run knows: displays, calls, comprehensions."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

from tracejit.dtypes import is_inexact
from tracejit.trace.control.watched import as_is
from tracejit.trace.python.keys import has_traced
from tracejit.trace.python.library_in_python import same_dict
from tracejit.trace.python.table_methods import (
    count_each,
    each,
    is_of_the_run,
    put,
    update,
)
from tracejit.trace.python.table_views import as_list
from tracejit.trace.session.session import current
from tracejit.trace.values import containers
from tracejit.trace.values.dynamic_list import is_grown
from tracejit.trace.values.entries import is_table, put_table, table_in
from tracejit.trace.values.table_forms import NOTHING


def dict_of(items: list[Any]) -> Any:
    """The dict of pairs, as a comprehension makes it."""
    if not is_grown(items) and not any(has_traced(pair[0]) for pair in items):
        return dict(items)
    return _filled({}, items)


def joined(parts: list[Any]) -> Any:
    """The dict of dicts and pairs, the last of each key."""
    made: Any = containers.made(current(), {})
    for part in parts:
        pairs = part if type(part) is dict else dict([part]) if not has_traced(part[0]) else [part]
        if is_table(made) or is_table(pairs) or type(pairs) is list:
            update(made, pairs)
        else:
            made.update(pairs)
    return made


def _filled(made: Any, items: Any) -> Any:
    containers.made(current(), made)
    update(made, items)
    return made


def _are_of_the_run(items: Any) -> bool:
    """Whether only the run knows the first parts of pairs, or how many there are."""
    if type(items) in (list, tuple) and not is_grown(items):
        return any(type(p) in (list, tuple) and len(p) == 2 and has_traced(p[0]) for p in items)
    return is_of_the_run(items)


def builtin_dict(*given: Any, **more: Any) -> Any:
    """``dict(...)``."""
    if len(given) == 1 and is_table(given[0]):
        made: Any = containers.made(current(), {})
        put_table(made, table_in(given[0]))
        update(made, (), **more)
        return made
    given = tuple(map(_taken, given))
    if len(given) == 1 and _are_of_the_run(given[0]):
        made = _filled({}, given[0])
        update(made, (), **more)
        return made
    return as_is(dict, given, more)


def _taken(items: Any) -> Any:
    """What an iterator of Python's gives, as a list; other things as they are."""
    return list(items) if hasattr(items, "__next__") else items


def counter(*given: Any, **more: Any) -> Any:
    """``collections.Counter(...)``."""
    given = tuple(map(_taken, given))
    items = given[0] if given else ()
    traced = type(items) in (list, tuple) and not is_grown(items) and any(map(has_traced, items))
    if len(given) == 1 and not more and (traced or is_of_the_run(items)):
        made = containers.made(current(), Counter())
        count_each(made, items)
        return made
    return as_is(Counter, given, more)


def from_keys(items: Any, value: Any = None, /) -> Any:
    """``dict.fromkeys``."""
    items = _taken(items)
    traced = type(items) in (list, tuple) and not is_grown(items) and any(map(has_traced, items))
    if not traced and not is_of_the_run(items):
        return as_is(dict.fromkeys, (items, value), {})
    made = containers.made(current(), {})
    each(as_list(items), lambda item: put(made, item, value))
    return made


def united(left: Any, right: Any) -> Any:
    """``left | right``; NotImplemented where neither is a dict of the run, or one is no dict."""
    if not (type(left) is dict and type(right) is dict and (is_table(left) or is_table(right))):
        return NotImplemented
    return joined([dict(left), dict(right)])


def same(left: Any, right: Any) -> Any:
    """``left == right``, as ``united``. Not where there may be a nan, which is one object in both
    or not."""
    tables = [x for x in (left, right) if type(x) in (dict, defaultdict) and is_table(x)]
    if not tables or not (type(left) in _UNORDERED and type(right) in _UNORDERED):
        return NotImplemented
    forms = [table_in(x).form for x in tables]
    kinds = [k for form in forms for k in (*form.keys[0], *form.values[0])]
    is_exact = all(k.shape is None and not is_inexact(k.dtype) for k in kinds)
    if left is right or not is_exact or any(form.values == NOTHING for form in forms):
        return True if left is right else NotImplemented
    return current().operators.converted(same_dict)(left, right)


_UNORDERED = (dict, defaultdict)
DICTS: dict[Any, Callable[..., Any]] = {
    dict: builtin_dict,
    Counter: counter,
    dict.fromkeys: from_keys,
}
