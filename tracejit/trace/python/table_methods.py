"""What Python does with dicts and sets of which the run decides the keys (see ``values/tables``).

A plain dict or set becomes one where a key is put there that only the run knows. Where one is only
looked for, its numbers are a constant table.
"""

from __future__ import annotations

import builtins
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

import numpy as np

from tracejit.errors import UnsupportedError, throw
from tracejit.ir.extent import Dim
from tracejit.records import dataclass
from tracejit.trace.python.keys import comparable, has_traced
from tracejit.trace.python.table_views import TableView, as_list, length
from tracejit.trace.session.session import current, where
from tracejit.trace.values import containers, table_buffers, table_forms, table_keys, tables
from tracejit.trace.values.all import PyScalar, Tracer
from tracejit.trace.values.caller_lists import table_of_dict
from tracejit.trace.values.dynamic_list import is_grown
from tracejit.trace.values.entries import (
    is_table,
    is_view,
    put_table,
    refuse,
    table_in,
)
from tracejit.trace.values.iterables import Looped
from tracejit.trace.values.table_buffers import TableBuffer

_CLASSES = (dict, defaultdict, Counter, OrderedDict)
_NOT_GIVEN = object()
#: Up to this many keys that are known are compared one by one.
_FEW = 16


def must_be_plain(what: str, *operands: Any) -> None:
    """UnsupportedError where Python would look into what stands for all entries."""
    if any(map(is_view, operands)):
        refuse(what)


def is_python(owner: Any) -> bool:
    """Whether an object is a dict or set of Python's own, or one that the run decides."""
    return type(owner) in (*_CLASSES, set)


def is_asked(x: Any, key: Any) -> bool:
    """Whether the run decides which entry of a dict or set a key means."""
    return is_view(x) or (type(x) in (*_CLASSES, set) and has_traced(key))


def is_few(x: Any) -> bool:
    """Whether the keys of a plain dict or set are so few that each is compared."""
    return isinstance(x, dict | set) and len(x) <= _FEW


# Looking for a key --------------------------------------------------------------------------------


@dataclass
class Lookup:
    """Where a key is in a table, if it is there."""

    table: TableBuffer
    found: table_keys.KeyPlace

    @property
    def is_there(self) -> Any:
        there = self.found.there
        return there if isinstance(there, bool) else PyScalar("bool", there)

    def value(self) -> Any:
        return tables.value_at(self.table, self.found.place.dim)

    def value_or(self, other: Callable[[], Any]) -> Any:
        """The value of the entry, or what ``other`` gives or raises."""
        return current().operators.if_expr(self.is_there, self.value, other, None)

    def must_be_there(self, key: Any) -> None:
        """KeyError where the key is not there."""
        missing = current().operators.not_(self.is_there)
        current().operators.if_expr(missing, lambda: missing_key(key), lambda: None, None)


class Nowhere:
    """Of a key in what is empty."""

    is_there = False

    def value_or(self, other: Callable[[], Any]) -> Any:
        """What ``other`` gives or raises."""
        return other()

    def must_be_there(self, key: Any) -> None:
        """KeyError."""
        missing_key(key)


def missing_key(key: Any) -> NoReturn:
    throw(KeyError(key))


def find(x: Any, key: Any) -> Lookup | None:
    """A key in a dict or set. None where a table cannot hold what is in it."""
    if not is_table(x) and _holds_lists(x):
        become_table(x)
    table = table_in(x) if is_table(x) else table_of_dict(x)
    table = _known_table(x, key) if table is None else table
    return None if table is None else Lookup(table, table_keys.find(table, key))


def _holds_lists(x: Any) -> bool:
    """Whether values of a plain dict are lists that can be there by reference."""
    if type(x) not in _CLASSES or current().outside.path_of(x) or current().outside.is_outside(x):
        return False
    values = list(x.values())
    return any(map(table_forms.has_list, values)) and table_forms.are_keyed(x)


def become_table(x: Any) -> None:
    """Make a plain dict or set, about to be changed, one of which the run decides the keys."""
    current().outside.whole(x)
    keys, values = table_forms.entries_of(x)
    form = table_forms.form_of_entries(keys, values)
    containers.touch(current(), x)  # before the lists in it
    put_table(x, tables.as_table(x, form))


def _known_table(x: Any, key: Any) -> TableBuffer | None:
    """The entries of a plain dict or set whose keys may equal a key, as a table."""
    session = current()
    session.outside.whole(x)
    found = [k for k in x if comparable(key, k)]
    values = [session.operators.getitem(x, k) if isinstance(x, dict) else () for k in found]
    keys = _of_one_kind(found)
    nothing = all(v is None for v in values) or not isinstance(x, dict)
    if not keys or not (nothing or table_forms.are_values(values)):
        return None
    form = table_forms.form_of_entries(keys, [()] if nothing else values)
    return tables.as_table(dict(zip(keys, values, strict=True)), form)


def _of_one_kind(keys: list[Any]) -> list[Any]:
    """Keys that compare as they do, as numbers of one kind; none where no kind has all exactly."""
    columns = list(zip(*(k if type(k) is tuple else (k,) for k in keys), strict=True))
    kinds: list[type] = []
    for column in columns:
        kind = next((k for k in (int, float) if all(_is_exactly(k, x) for x in column)), None)
        if kind is None:
            return []
        kinds.append(kind)
    made = []
    for key in keys:
        parts = key if type(key) is tuple else (key,)
        new = tuple(kind(part) for kind, part in zip(kinds, parts, strict=True))
        made.append(new if type(key) is tuple else new[0])
    return made


def _is_exactly(kind: type, x: Any) -> bool:
    """Whether a number is equal to one of a kind, as a column holds it. That of nan is none."""
    if isinstance(x, complex | np.complexfloating):
        return False
    if x != x:
        return kind is float
    try:
        return bool(-(2**63) <= x < 2**63 and int(x) == x) if kind is int else bool(float(x) == x)
    except OverflowError:
        return False


# Dicts --------------------------------------------------------------------------------------------


def getitem(x: Any, key: Any) -> Any:
    """``x[key]``; NotImplemented where a table cannot hold what is in a plain dict."""
    found = _find_or_empty(x, key)
    if found is None:
        return NotImplemented
    if type(x) is Counter:
        return found.value_or(lambda: 0)
    if type(x) is defaultdict and x.default_factory is not None:
        return setdefault(x, key, lambda: current().operators.call(x.default_factory))
    return found.value_or(lambda: missing_key(key))


def item_to_change(x: Any, key: Any) -> Any:
    """``x[key]`` where another value is about to be put there: what a ``defaultdict`` puts there
    itself may be of another kind then."""
    if type(x) is not defaultdict or x.default_factory is None:
        return getitem(x, key)
    found = _find_or_empty(x, key)
    if found is None:
        return NotImplemented
    return found.value_or(lambda: current().operators.call(x.default_factory))


def _find_or_empty(x: Any, key: Any) -> Lookup | Nowhere | None:
    if not is_table(x) and not x:
        table_forms.must_hash(key)
        return Nowhere()
    return find(x, key)


def setitem(x: Any, key: Any, value: Any) -> None:
    """``x[key] = value``."""
    put(x, key, value)


def put(x: Any, key: Any, value: Any) -> None:
    """An entry for a dict; of a set with None as its value."""
    _changes(x)
    if type(value) is tuple and not value:
        refuse("an empty tuple as a value")
    value = () if value is None else value
    if is_table(x):
        table = table_in(x)
    else:
        current().outside.whole(x)
        keys, values = table_forms.entries_of(x)
        form = table_forms.form_of_entries([*keys, key], [*values, value])
        table = tables.as_table(x, form)
    put_table(x, tables.with_item(table, key, value))


def _changes(x: Any) -> None:
    session = current()
    if session.outside.is_outside(x):
        raise UnsupportedError(
            f"{where()}: a {type(x).__name__} that is not an argument would be changed once, "
            f"when compiling; {session.outside.instead_of_change(x)}"
        )
    containers.must_be_known(session, x)
    containers.touch(session, x)


def delitem(x: Any, key: Any) -> None:
    found = _removed(x, key)
    if type(x) is not Counter:
        found.must_be_there(key)
    _drop(x, key)


def _removed(x: Any, key: Any) -> Lookup | Nowhere:
    """A key that is about to go, in a dict or set that is a table from here on."""
    _changes(x)
    if not is_table(x) and not x:
        table_forms.must_hash(key)
        return Nowhere()
    if not is_table(x):
        become_table(x)
    found = find(x, key)
    assert found is not None
    return found


def _drop(x: Any, key: Any) -> None:
    """Without the entry of a key, if there is one."""
    if not is_table(x):
        return
    table = tables.removing(table_in(x))
    found = table_keys.find(table, key)
    if found.there is False:
        return

    def without() -> TableBuffer:
        slot = found.slot if found.slot is not None else tables.slot_of(table, key)
        return tables.without(table, found.place, slot)

    if found.there is True:
        put_table(x, without())
        return
    put_table(x, table_buffers.either(found.there, table.form, without, lambda: table))


def contains(x: Any, key: Any) -> Any:
    """``key in x``; NotImplemented where a table cannot hold what is in a plain dict."""
    if isinstance(x, TableView):
        if x.which != "keys":
            refuse("a search in the values or items")
        x = x.owner
    if isinstance(x, set) and isinstance(key, set) and is_table(x):
        return False  # Python looks for a frozenset
    found = _find_or_empty(x, key)
    return NotImplemented if found is None else found.is_there


def setdefault(x: Any, key: Any, make: Callable[[], Any]) -> Any:
    found = _find_or_empty(x, key)
    if found is None:
        refuse("setdefault()")
    value = found.value_or(make)
    put(x, key, value)
    return value


# Methods ------------------------------------------------------------------------------------------


def method(x: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A method of a dict or set; NotImplemented where the run decides nothing about it."""
    asked = is_table(x) or (type(x) in (*_CLASSES, set) and args and has_traced(args[0]))
    many = name == "update" and args and is_of_the_run(args[0])
    if isinstance(x, set) and name in SET_METHODS:
        many = many or any(is_table(a) for a in args)
    if not asked and not many:
        return NotImplemented
    methods = SET_METHODS if isinstance(x, set) else _METHODS
    found = methods.get(name)
    if found is None:
        if is_table(x):
            getattr(type(x)(), name)  # an attribute that there is not is the program's error
            refuse(f"the method {name!r}")
        return NotImplemented
    return found(x, *args, **kwargs)


def is_of_the_run(items: Any) -> bool:
    return is_table(items) or is_grown(items) or isinstance(items, Looped | Tracer)


def _get(x: Any, key: Any, default: Any = None, /) -> Any:
    found = _find_or_empty(x, key)
    return NotImplemented if found is None else found.value_or(lambda: default)


def _pop(x: Any, key: Any, default: Any = _NOT_GIVEN, /) -> Any:
    found = _removed(x, key)
    if default is _NOT_GIVEN:
        value = found.value_or(lambda: missing_key(key))
    else:
        value = found.value_or(lambda: default)
    _drop(x, key)
    return value


def _popitem(x: Any, *last: Any, **given: Any) -> Any:
    if last or given:
        getattr(type(x)([(0, 0)]), "popitem")(*last, **given)  # noqa: B009
    at_end = all((*last, *given.values()))
    _changes(x)
    table = table_in(x)
    session = current()
    b = session.b
    some = b.op("gt", b.index(table.used), b.const(0, "i64"))
    session.operators.if_expr(
        session.operators.not_(PyScalar("bool", some)),
        lambda: throw(KeyError("popitem(): dictionary is empty")),
        lambda: None,
        None,
    )
    order = table_buffers.places(table)
    place: Dim = table.count - 1 if at_end else 0
    if order is not None:
        at = table.used - 1 if at_end else 0
        place = b.reshape(b.slice(order, (at,), (1,)), ()).dim
    key, value = tables.key_at(table, place), tables.value_at(table, place)
    _drop(x, key)
    return key, value


def _clear(x: Any) -> None:
    _changes(x)
    put_table(x, table_buffers.empty_table(table_in(x).form))


def _copy(x: Any) -> Any:
    made = type(x)(x.default_factory) if type(x) is defaultdict else type(x)()
    put_table(made, table_in(x))
    return containers.made(current(), made)


def update(x: Any, items: Any = (), /, **more: Any) -> None:
    operators = current().operators
    if type(x) is Counter:
        if more:
            refuse("update() by keywords")
        count_each(x, items)
        return
    if isinstance(items, dict):
        items = TableView(items, "items") if is_table(items) else list(items.items())
    each(items, lambda pair: operators.setitem(x, *operators.unpack(pair, 2, None)))
    for name, value in more.items():
        operators.setitem(x, name, value)


def count_each(x: Any, items: Any) -> None:
    """The items are counted."""
    if isinstance(items, dict):
        refuse("update() of a Counter by a dict")
    operators = current().operators

    def one(item: Any) -> None:
        operators.setitem(x, item, operators.getitem(x, item) + 1)

    each(as_list(items), one)


def _most_common(x: Any, n: Any = None) -> Any:
    operators = current().operators
    items = TableView(x, "items").listed()
    ranked = operators.call(builtins.sorted, items, key=lambda item: item[1], reverse=True)
    return ranked if n is None else operators.getitem(ranked, slice(None, n))


def each(items: Any, do: Callable[[Any], None]) -> None:
    current().operators.loop_over(items, do, [])


def _add(x: Any, item: Any, /) -> None:
    put(x, item, None)


def _discard(x: Any, item: Any, /) -> None:
    _removed(x, item)
    _drop(x, item)


def _add_all(x: Any, *many: Iterable[Any]) -> None:
    for items in many:
        each(as_list(items, ordered=False), lambda item: _add(x, item))


_METHODS: dict[str, Callable[..., Any]] = {
    "get": _get,
    "setdefault": lambda x, key, default=None, /: setdefault(x, key, lambda: default),
    "pop": _pop,
    "popitem": _popitem,
    "clear": _clear,
    "copy": _copy,
    "update": update,
    "keys": lambda x: TableView(x, "keys"),
    "values": lambda x: TableView(x, "values"),
    "items": lambda x: TableView(x, "items"),
    "__getitem__": lambda x, key, /: getitem(x, key),
    "__contains__": lambda x, key, /: contains(x, key),
    "__setitem__": setitem,
    "most_common": _most_common,
    "__len__": length,
}
SET_METHODS: dict[str, Callable[..., Any]] = {
    "add": _add,
    "discard": _discard,
    "remove": delitem,
    "clear": _clear,
    "copy": _copy,
    "update": _add_all,
    "__contains__": lambda x, key, /: contains(x, key),
    "__len__": length,
}
