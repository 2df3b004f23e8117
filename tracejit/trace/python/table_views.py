"""Keys, values and items of dicts of which the run decides the keys, and who goes through them."""

from __future__ import annotations

import builtins
import functools
import itertools
import math
import operator
from typing import Any, NoReturn

import numpy as np

from tracejit.dtypes import is_inexact
from tracejit.errors import UnsupportedError
from tracejit.ir.extent import Dim
from tracejit.trace.session.registry import CLASS_SEEN, TABLE_VIEWS
from tracejit.trace.session.session import current, where
from tracejit.trace.session.tracer import Steps
from tracejit.trace.values import tables
from tracejit.trace.values.all import dim_value
from tracejit.trace.values.entries import OfEntries, is_table, is_view, refuse, table_in
from tracejit.trace.values.iterables import Looped
from tracejit.trace.values.run_tuples import RunTuple
from tracejit.trace.values.table_buffers import TableBuffer, entry_count, listed, places


def length(x: Any) -> Any:
    return dim_value(entry_count(table_in(x)))


class TableView(Looped, OfEntries):
    """The keys, values or items of a dict, as they are when each is reached."""

    def __init__(self, owner: Any, which: str) -> None:
        self.owner = owner
        self.which = self.name = which

    def __getattr__(self, name: str) -> NoReturn:
        getattr(getattr({}, self.which)(), name)  # what there is not is the program's error
        refuse(f"the attribute {name!r} of the {self.which}")

    def __bool__(self) -> bool:
        refuse("the truth of the keys, values or items")

    def steps(self) -> Steps:
        first = table_in(self.owner)
        order = places(first)

        count = entry_count(first)

        def at(i: Dim) -> Dim:
            if order is None:
                return i
            b = current().b
            found: Dim = b.reshape(b.slice(order, (i,), (1,)), ()).dim
            return found

        def item(i: Dim) -> Any:
            place = at(i)
            must_be_same_keys(self.owner, first, place)
            table = table_in(self.owner)
            if self.which == "keys":
                return tables.key_at(table, place)
            value = tables.value_at(table, place)
            return value if self.which == "values" else (tables.key_at(table, place), value)

        return Steps(
            count, item, lambda: must_be_same_keys(self.owner, first, at(count - 1)), (), self.owner
        )

    def listed(self) -> list[Any]:
        made: list[Any] = current().operators.made(listed(table_in(self.owner), self.which))
        return made


def must_be_same_keys(x: Any, before: TableBuffer, place: Dim) -> None:
    """RuntimeError where a dict that is gone through has other keys than at first, as far as the
    entry at a place shows. (Python may go on, over which keys it does not say.)"""
    now = table_in(x)
    session = current()
    b = session.b
    message = "dictionary changed size during iteration"
    for mine, theirs in ((now.used, before.used), (now.count, before.count)):
        if mine != theirs:
            same = b.op("eq", b.index(mine), b.index(theirs))
            session.check(same, RuntimeError, message)
        message = "dictionary keys changed during iteration"
    if now.form.removes and now is not before:  # entries that come may have moved the others
        for columns in zip(now.key_columns, before.key_columns, strict=True):
            pair = [b.reshape(b.slice(c, (place,), (1,)), ()) for c in columns]
            same = b.op("eq", *pair)
            if is_inexact(columns[0].dtype):
                nans = (b.op("ne", key, key) for key in pair)
                same = b.op("bitwise_or", same, b.op("bitwise_and", *nans))
            session.check(same, RuntimeError, message)


def view_of(x: Any) -> TableView:
    """What a ``for`` statement goes over."""
    if isinstance(x, set):
        raise UnsupportedError(
            f"{where()}: the order of a set is known at run time only: go through sorted(s), or "
            "use a dict (dict.fromkeys), whose keys are in the order in which they came"
        )
    return TableView(x, "keys")


def as_list(x: Any, *, ordered: bool = True) -> Any:
    """What stands for a tuple of the run, a table or a view of one where a list of its items does.
    ``ordered``: in which order they are can be seen."""
    if isinstance(x, RunTuple):
        return x.items
    if isinstance(x, TableView):
        return x.listed()
    if not is_table(x):
        return x
    return (view_of(x) if ordered else TableView(x, "keys")).listed()


def given_to(f: Any, x: Any, has_key: bool) -> Any:
    """What stands for a table or a view of one where a function of Python's goes through it."""
    if f is builtins.set and isinstance(x, set):
        return x
    if not _goes_through(f):
        if is_view(x):
            refuse(f"{getattr(f, '__name__', type(f).__name__)}()")
        return x
    if isinstance(x, RunTuple) and f is not builtins.tuple:
        return x.items
    extremum = f in (builtins.min, builtins.max)
    if extremum and isinstance(x, dict) and is_table(x):
        return TableView(x, "keys")
    if extremum and isinstance(x, TableView):
        return x
    if (
        any(f is lazy for lazy in _ONE_BY_ONE)
        and not isinstance(x, set)
        and (is_table(x) or is_view(x))
    ):
        return x if is_view(x) else TableView(x, "keys")
    if has_key or not isinstance(x, set):
        return as_list(x)
    exact = (extremum or f is builtins.sum) and _is_exact(x)
    return as_list(x, ordered=not (f is builtins.sorted or exact))


#: What goes through what it is given.
_GOING_THROUGH = (
    *(builtins.list, builtins.tuple, builtins.sorted, builtins.sum, builtins.min, builtins.max),
    *(builtins.any, builtins.all, builtins.enumerate, builtins.zip, builtins.map, builtins.filter),
    *(builtins.reversed, builtins.set, builtins.frozenset, functools.reduce, np.fromiter),
    *(math.fsum, math.prod, math.dist),
)


#: What does so one by one, as it is asked: a change meanwhile is seen.
_ONE_BY_ONE = (
    *(builtins.enumerate, builtins.zip, builtins.map, builtins.filter, builtins.reversed),
    *(itertools.filterfalse, itertools.takewhile, itertools.dropwhile, itertools.starmap),
    *(itertools.islice, itertools.pairwise, itertools.compress, itertools.groupby),
)


def _goes_through(f: Any) -> bool:
    return (
        any(f is known for known in _GOING_THROUGH) or getattr(f, "__module__", "") == "itertools"
    )


def by_keys(f: Any, args: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
    """Keywords of ``sorted``, ``min`` or ``max``: keys are not alike, so they order the items of a
    dict, and no values are compared."""
    ordering = any(f is known for known in (builtins.sorted, builtins.min, builtins.max))
    if not ordering or len(args) != 1 or kwargs.get("key") is not None:
        return kwargs
    (x,) = args
    if not isinstance(x, TableView) or x.which != "items" or not _is_exact(x.owner):
        return kwargs
    return {**kwargs, "key": operator.itemgetter(0)}


def _is_exact(x: Any) -> bool:
    """Whether no item can be nan."""
    return is_table(x) and not any(is_inexact(k.dtype) for k in table_in(x).form.keys[0])


TABLE_VIEWS.append(view_of)
CLASS_SEEN[TableView] = lambda x: type(getattr({}, x.which)())
