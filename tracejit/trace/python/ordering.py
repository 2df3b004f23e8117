"""``sorted``, and what lists ask of the order or equality of their items: numbers, or tuples."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

import numpy as np

from tracejit.dtypes import is_inexact
from tracejit.errors import UnsupportedError, all_ask, throw
from tracejit.ir.core import Value
from tracejit.trace.control.branch import bool_of
from tracejit.trace.control.loop_attempt import UNROLL_LIMIT
from tracejit.trace.python.dynamic_list_methods import list_of, without
from tracejit.trace.python.words import words
from tracejit.trace.session.session import current, where
from tracejit.trace.values import number_tags
from tracejit.trace.values.all import Array, PyScalar, Tracer, as_dim, dim_value, fresh, name_of
from tracejit.trace.values.dynamic_list import (
    ListBuffer,
    array_of,
    by_value,
    form_of,
    is_grown,
    item_at,
    numbers_of,
    parts_of,
    refuse,
    replace_items,
    run_of,
    run_of_items,
    share_rows,
)
from tracejit.trace.values.iterables import steps_of
from tracejit.trace.values.list_kinds import Kind, by_part
from tracejit.trace.values.marked_texts import is_text
from tracejit.trace.values.scalar_join import is_number
from tracejit.trace.views.broadcast import match_shape

_NAN = "sorted() of numbers with a nan among them, which Python leaves in an order of its own"


def builtin_sorted(iterable: Any, /, *, key: Any = None, reverse: Any = False) -> Any:
    """Stable, as Python's: of what the run knows by the order of the keys as arrays."""
    items = _listed(iterable)
    operators = current().operators
    keys = items if key is None else _mapped(key, items)
    if not is_grown(items) and not any(map(_is_traced, keys)):
        places = builtins.sorted(range(len(items)), key=keys.__getitem__, reverse=reverse)
        return [items[k] for k in places]
    run, order = _run(items), _order(_run(keys), bool(reverse))
    b = current().b
    columns = [b.op("gather", c, order, axes=(0,)) for c in parts_of(run)]
    found = ListBuffer(columns, run.count, run.form)
    if is_grown(items) or not isinstance(found.count, int) or found.count > UNROLL_LIMIT:
        return operators.made([found])
    return [item_at(found, k) for k in range(found.count)]


def _listed(iterable: Any) -> list[Any]:
    """The items; one run for those of an array or iterator, if there are many."""
    steps = steps_of(iterable)
    if isinstance(iterable, Array) and iterable.ndim == 1 and not _is_short(steps):
        return list_of(iterable, False)
    rows = isinstance(iterable, Array) and iterable.ndim > 1
    if is_grown(iterable):
        share_rows(run_of(iterable))
    if steps is None or is_grown(iterable) or _is_short(steps) or rows:
        return list(by_value(iterable))
    out: list[Any] = current().operators.made([])
    _append_each(iterable, out, lambda item: item)
    return out


def builtin_list(iterable: Any = (), /) -> Any:
    found = _listed(iterable)
    return current().operators.made(found) if is_grown(found) else found


def same_items(left: Any, right: Any) -> Any:
    """``==`` of two things, of which one is a list whose length the run says."""
    if type(left) is not list or type(right) is not list:
        return False
    if not left or not right:
        other = run_of(left or right)
        return current().operators.compare_one("==", dim_value(other.count), 0)
    if form_of(left) is None or form_of(right) is None:
        raise UnsupportedError(
            f"{where()}: a comparison of lists of which not all items are numbers of one kind"
        )
    mine, theirs = (array_of(_run(x)) for x in (left, right))
    if mine.shape[1:] != theirs.shape[1:]:
        return False
    operators = current().operators
    counts = [dim_value(x.shape[0]) for x in (mine, theirs)]

    def all_same() -> Any:
        equal: Any = fresh(mine) == fresh(match_shape(theirs, mine.shape, "lists of one length"))
        return bool_of(name_of(np.all)(equal))

    return operators.if_expr(operators.compare_one("==", *counts), all_same, lambda: False, None)


def is_long(x: Array) -> bool:
    """Whether the elements of a vector are listed at run time."""
    return x.ndim == 1 and not _is_short(steps_of(x))


def _is_short(steps: Any) -> bool:
    return steps is not None and isinstance(steps.trip, int) and steps.trip <= UNROLL_LIMIT


def _append_each(items: Any, out: list[Any], make: Callable[[Any], Any]) -> None:
    operators = current().operators
    operators.loop_over(items, lambda item: operators.call(out.append, make(item)), [])


def _mapped(key: Any, items: list[Any]) -> list[Any]:
    operators = current().operators
    if not is_grown(items):
        return [operators.call(key, item) for item in items]
    out: list[Any] = operators.made([])
    _append_each(items, out, lambda item: operators.call(key, item))
    return out


def _is_traced(x: Any) -> bool:
    return isinstance(x, Tracer) or (isinstance(x, tuple | list) and any(map(_is_traced, x)))


def _run(items: list[Any]) -> ListBuffer:
    """Items as columns."""
    if is_grown(items):
        return run_of(items)
    form = form_of(items)
    if form is None or any(k.shape is not None for k in form[0]):
        raise UnsupportedError(
            f"{where()}: sorted() of what are not numbers of one kind, or tuples of them; sort "
            "their places by a key, or use np.argsort"
        )
    return run_of_items(items, form)


def _must_be_numbers(run: ListBuffer) -> None:
    if any(k.shape is not None for k in run.form[0]):
        refuse("a comparison of the arrays in it, or a search,")


def _order(keys: ListBuffer, reverse: bool) -> Value:
    """The places of the items in order, equal ones as they stand."""
    _must_be_numbers(keys)
    session = current()
    parts = list(by_part(keys.form[0], parts_of(keys)))
    for kind, numbers in parts:
        _must_have_order(keys, kind, numbers)
    columns: list[Any] = [fresh(numbers[0]) for _, numbers in parts]
    for column in columns:
        if is_inexact(column.dtype):
            fine = session.b.op("invert", name_of(np.any)(name_of(np.isnan)(column)).read())
            session.check(fine, ValueError, _NAN)
    if reverse:
        columns = [c[::-1] for c in columns]
    if len(columns) == 1:
        order: Any = name_of(np.argsort)(columns[0], kind="stable")
    else:
        order = name_of(np.lexsort)(tuple(reversed(columns)))
    if reverse:
        order = (columns[0].shape[0] - 1 - order)[::-1]
    found: Value = order.read()
    return found


def _must_have_order(keys: ListBuffer, kind: Kind, numbers: list[Value]) -> None:
    """TypeError at run time where Python's complex numbers are compared; NumPy's have an order."""
    if not any(isinstance(k, str) and k == "complex" for k in kind.kinds):
        return
    if keys.form[1] is not None or not all(isinstance(k, str) for k in kind.kinds):
        refuse("an order of complex numbers of Python's, in tuples or among NumPy's,")
    session = current()
    b = session.b
    fine = b.op("lt", b.index(keys.count), b.index(2))
    if kind.is_tagged:
        tag = number_tags.tag_of("complex", kind.kinds)
        some: Any = name_of(np.any)(fresh(numbers[1]) == np.uint8(tag))
        fine = b.op("bitwise_or", fine, b.op("invert", some.read()))
    message = "'<' not supported between instances of 'complex' and 'complex'"
    session.check(fine, TypeError, message)


# Methods of lists ---------------------------------------------------------------------------------


def sort(x: list[Any], *, key: Any = None, reverse: Any = False) -> None:
    found = builtin_sorted(x, key=key, reverse=reverse)
    if is_grown(found):
        replace_items(x, run_of(found))
    else:
        x[:] = found


def _same(x: list[Any], value: Any) -> list[Any] | Array:
    """Whether each item equals a value."""
    operators = current().operators
    if is_grown(x):
        run = run_of(x)
        if not (is_text(value) and run.form[0][0].kinds == ("text",)):
            _must_be_numbers(run)
        if not run.form[1] and is_number(value):
            found: Array = fresh(numbers_of(run)) == value
            return found
        out: list[Any] = operators.made([])
        _append_each(x, out, lambda item: bool_of(operators.compare_one("==", item, value)))
        return fresh(numbers_of(run_of(out))) if is_grown(out) else out
    return [bool_of(item is value or operators.compare_one("==", item, value)) for item in x]


def index(x: list[Any], value: Any, start: Any = 0, stop: Any = None) -> Any:
    if not isinstance(start, int) or start or stop is not None:
        raise UnsupportedError(f"{where()}: index() of a list from a place on; use a loop")
    session, same = current(), _same(x, value)
    operators = session.operators
    if isinstance(same, Array):
        session.check(name_of(np.any)(same).read(), ValueError, *_missing(value))
        return operators.call(int, name_of(np.argmax)(same))
    place: Any = -1
    for k in reversed(range(len(same))):
        place = operators.if_expr(same[k], lambda k=k: k, lambda place=place: place, None)
    found = operators.compare_one(">=", place, 0)
    if found is False:
        throw(ValueError(words(value, [].index, 0.5)[0].format(repr(value))))
    if found is not True:
        session.check(found.read(), ValueError, *_missing(value))
    return place


def holds(x: list[Any], value: Any) -> Any:
    """``value in x`` of a grown list."""
    same = _same(x, value)
    if isinstance(same, Array):
        return bool_of(name_of(np.any)(same))
    return current().operators.or_(False, *(lambda each=each: each for each in same))


def remove(x: list[Any], value: Any, /) -> None:
    """Without the first item that equals a value."""
    if not is_grown(x):
        form = form_of(x)
        if form is None:
            raise UnsupportedError(
                f"{where()}: remove() of a list of which not all items are numbers of one kind: "
                "make another list of the items that stay"
            )
        replace_items(x, run_of_items(list(x), form))
    session, same = current(), _same(x, value)
    assert isinstance(same, Array)
    found = name_of(np.any)(same).read()
    session.check(found, ValueError, "list.remove(x): x not in list")
    replace_items(x, without(run_of(x), as_dim(name_of(np.argmax)(same))))


def _missing(value: Any) -> tuple[Any, ...]:
    """What ``index`` says of a value that is not there."""
    if isinstance(value, PyScalar):
        return words(value.read(), [].index, 0.5)
    shown = "the value" if _is_traced(value) else repr(value)
    text, *_ = words(value, [].index, 0.5)
    return (text.replace("{0}", shown.replace("{", "{{").replace("}", "}}")),)


def count(x: list[Any], value: Any, /) -> Any:
    operators, same = current().operators, _same(x, value)
    if isinstance(same, Array):
        return operators.call(int, name_of(np.count_nonzero)(same))
    total: Any = 0
    for each in same:
        total = operators.if_expr(each, lambda t=total: t + 1, lambda t=total: t, None)
    return total


LIST_METHODS: dict[str, Callable[..., Any]] = {
    "sort": sort,
    "index": index,
    "count": count,
    "remove": remove,
}
ORDERING: dict[Any, Callable[..., Any]] = {
    builtins.sorted: builtin_sorted,
    builtins.list: builtin_list,
}


all_ask(globals(), TypeError, ValueError, ArithmeticError)
