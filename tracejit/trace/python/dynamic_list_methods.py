"""What Python does with lists of which the run decides how long they are (see ``dynamic_list``)."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tracejit.dtypes import kind_of
from tracejit.errors import throw
from tracejit.ir.extent import Dim
from tracejit.trace.control.generated import Generated
from tracejit.trace.convert.operators import SAYS_HOW_MANY
from tracejit.trace.python import iterators_in_python
from tracejit.trace.session.session import current
from tracejit.trace.values import containers, list_rows
from tracejit.trace.values.all import (
    KIND_DTYPE,
    Array,
    Tracer,
    as_dim,
    dim_value,
    fresh,
    name_of,
)
from tracejit.trace.values.dynamic_list import (
    ListBuffer,
    appended,
    by_value,
    converted,
    extended,
    form_of,
    form_with,
    is_grown,
    is_ref,
    item_at,
    length_of,
    made_longer,
    refuse,
    replace_items,
    run_of,
    run_of_items,
    share_rows,
    window,
    with_item,
)
from tracejit.trace.values.list_kinds import Kind
from tracejit.trace.values.ranges import Range
from tracejit.trace.values.run_tuples import RunTuple
from tracejit.trace.views.index_bounds import slice_bounds, slice_start

# Items --------------------------------------------------------------------------------------------


def place(i: Any, count: Dim, message: str = "list index out of range") -> Dim:
    """An index as one from the start; IndexError where there is no such item."""
    dim = as_dim(i)
    session = current()
    ranges = session.ranges
    if count == 0 and isinstance(count, int):
        throw(IndexError(message))
    if ranges.at_least(dim, 0) and ranges.at_least(count, dim + 1):
        return dim
    b = session.b
    value, size = b.index(dim), b.index(count)
    ok = b.op("bitwise_and", b.op("lt", value, size), b.op("ge", value, b.index(-count)))
    session.check(ok, IndexError, message)
    if ranges.at_least(dim, 0):
        return dim
    if ranges.at_least(-1, dim):
        return dim + count
    negative = b.op("lt", value, b.const(0, "i64"))
    return b.op("select", negative, b.op("add", value, size), value).dim  # type: ignore[no-any-return]


def getitem(x: list[Any], key: Any) -> Any:
    run = run_of(x)
    if _is_part(x, key):
        return [window(run, *slice_bounds(key, run.count))]
    at = place(key, run.count, f"{type(x).__name__} index out of range")
    return list_rows.note(item_at(run, at), x, at)


def setitem(x: list[Any], key: Any, value: Any) -> None:
    if _is_part(x, key):
        _set_part(x, key, value)
        return
    run = run_of(x)
    at = place(key, run.count, _no_place(x))
    row = list_rows.found(x)
    if row is not None:
        list_rows.write_item(row, at, value)
        return
    if is_ref(x):
        x[0].heap.put(x[0].number, at, value)
        return
    replace_items(x, with_item(run, at, value))


def delitem(x: list[Any], key: Any) -> None:
    run = run_of(x)
    if _is_part(x, key):
        start, step, n = slice_bounds(key, run.count)
        if step != 1:
            refuse("deletion of a part with a step")
        rest = window(run, start + n, 1, run.count - start - n)
        replace_items(x, extended(window(run, 0, 1, start), rest))
        return
    at = place(key, run.count, _no_place(x))
    replace_items(x, without(run, at))


def _is_part(x: Any, key: Any) -> bool:
    """Whether a key means several items; TypeError where it is none of a deque."""
    if isinstance(key, slice) and type(x) is not list:
        throw(TypeError("sequence index must be integer, not 'slice'"))
    return isinstance(key, slice)


def _no_place(x: Any) -> str:
    """What is said where an item is put beyond the end."""
    return "list assignment index out of range" if type(x) is list else "deque index out of range"


def _set_part(x: list[Any], key: slice, value: Any) -> None:
    """``x[a:b] = value``: other items, perhaps more or fewer, or with a step as many."""
    session = current()
    items: list[Any] = session.operators.call(list, value)
    run = run_of(x)
    form = form_of(x, items)
    if form is None or (not items and form != run.form):
        refuse("an assignment to a part, of items of unlike kinds,")
    run, new = converted(run, form), converted(run_of_items(items, form), form)
    if key.step is not None and as_dim(key.step) != 1:
        refuse("an assignment to a part with a step")
    (_, _, n), start = slice_bounds(key, run.count), slice_start(key.start, run.count)
    rest = window(run, start + n, 1, run.count - start - n)
    replace_items(x, extended(extended(window(run, 0, 1, start), new), rest))


def without(run: ListBuffer, at: Dim) -> ListBuffer:
    """All items but one."""
    if at == run.count - 1:
        return ListBuffer(run.columns, at, run.form, run.first)
    before = window(run, 0, 1, at)
    return extended(before, window(run, at + 1, 1, run.count - at - 1))


def unpacked(x: list[Any], n: int) -> tuple[Any, ...]:
    """Exactly ``n`` items; ValueError as Python."""
    run = run_of(x)
    session = current()
    b = session.b
    count = b.index(run.count)
    message = f"not enough values to unpack (expected {n}, got {{0}})"
    session.check(b.op("ge", count, b.const(n, "i64")), ValueError, message, count)
    got, known = (", got {0}", [count]) if SAYS_HOW_MANY else ("", [])
    many = f"too many values to unpack (expected {n}{got})"
    session.check(b.op("le", count, b.const(n, "i64")), ValueError, many, *known)
    return tuple(list_rows.note(item_at(run, k), x, k) for k in range(n))


def unpacked_around(x: list[Any], n: int, star: int) -> tuple[Any, ...]:
    """``n`` items and, between the first ``star`` and the others, the list of all that are left."""
    run = run_of(x)
    session = current()
    b = session.b
    count = b.index(run.count)
    message = f"not enough values to unpack (expected at least {n}, got {{0}})"
    session.check(b.op("ge", count, b.const(n, "i64")), ValueError, message, count)
    after = run.count - (n - star)
    rest = window(run, star, 1, run.count - n)
    places = [*range(star), *(after + k for k in range(n - star))]
    items = [list_rows.note(item_at(run, at), x, at) for at in places]
    return (*items[:star], [rest], *items[star:])


# Methods ------------------------------------------------------------------------------------------


def method(x: list[Any], name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A method of a grown list."""
    found = _METHODS.get(name)
    if found is None or kwargs:
        refuse(f"the method {name!r}")
    getattr([], name)  # an attribute that lists do not have is the program's error
    return found(x, *args)


def append(x: list[Any], item: Any) -> None:
    if is_ref(x):
        x[0].heap.append(x[0].number, item)
        return
    replace_items(x, appended(run_of(x), item))


def extend(x: list[Any], items: Any) -> None:
    """Also of what the run says how long it is; ``x`` may be an ordinary list then."""
    if isinstance(items, Generated) and items.is_whole:
        current().operators.call(iterators_in_python.extended, x, items)
        return
    if is_grown(items):
        run_of(items)
        form = form_of(x, items)
        if form is None:
            refuse("items of unlike kinds")
        more = run_of_items(list(items), form)
        if is_ref(x):
            x[0].heap.must_hold(form)
            x[0].heap.extend(x[0].number, converted(more, x[0].heap.form))
            return
        replace_items(x, made_longer(run_of_items(list(x), form), more))
        return
    operators = current().operators
    operators.loop_over(items, lambda item: operators.call(x.append, item), [])


def pop(x: list[Any], index: Any = -1) -> Any:
    session = current()
    run = run_of(x)
    b = session.b
    if run.count == 0 and isinstance(run.count, int):
        throw(IndexError("pop from empty list"))
    some = b.op("gt", b.index(run.count), b.const(0, "i64"))
    session.check(some, IndexError, "pop from empty list")
    at = run.count - 1 if _is(index, -1) else place(index, run.count, "pop index out of range")
    item = item_at(run, at)
    if is_ref(x) and _is(index, -1):
        x[0].heap.shorten(x[0].number, at)
    else:
        replace_items(x, without(run, at))
    return item


def _is(index: Any, number: int) -> bool:
    return not isinstance(index, Tracer) and index == number


def items_of_known(x: list[Any]) -> Iterator[Any]:
    """The items of a list of which it is known how many there are, one by one."""
    count = length_of(x)
    if not isinstance(count, int):
        refuse("a comprehension or *")
    run = run_of(x)
    return _as_they_are(x, [item_at(run, k) for k in range(count)], list(by_value(x)))


def _as_they_are(x: list[Any], items: list[Any], held: list[Any]) -> Iterator[Any]:
    for item in items:
        if is_ref(x) or x != held:
            refuse("a change, in a comprehension over it,")
        yield item


def insert(x: list[Any], index: Any, item: Any) -> None:
    run = run_of(x)
    run = converted(run, form_with(run, item))
    at = slice_start(index, run.count)
    found = run_of_items([window(run, 0, 1, at), item], run.form)
    replace_items(x, extended(found, window(run, at, 1, run.count - at)))


def clear(x: list[Any]) -> None:
    if is_ref(x):
        x[0].heap.shorten(x[0].number, 0)
        return
    run = run_of(x)
    replace_items(x, ListBuffer(run.columns, 0, run.form))


def reverse(x: list[Any]) -> None:
    run = run_of(x)
    replace_items(x, window(run, run.count - 1, -1, run.count))


def copy(x: list[Any]) -> list[Any]:
    share_rows(run_of(x))
    made: list[Any] = containers.made(current(), list(by_value(x)))
    return made


_METHODS: dict[str, Callable[..., Any]] = {
    "append": append,
    "extend": extend,
    "pop": pop,
    "insert": insert,
    "clear": clear,
    "reverse": reverse,
    "copy": copy,
}


# Functions ----------------------------------------------------------------------------------------


def as_array(x: list[Any]) -> Array:
    """``np.array`` of the list."""
    return fresh(list_rows.whole(x))


def arrays_inside(x: Any) -> Any:
    """Arrays for what NumPy would make arrays of by its items, which only the run numbers: lists,
    also in lists, and ranges."""
    if isinstance(x, Range):
        return x.__traced_array__()
    if is_grown(x):
        return as_array(x)
    if isinstance(x, RunTuple):
        return as_array(x.items)
    if type(x) in (list, tuple) and any(isinstance(i, list | tuple | Range | RunTuple) for i in x):
        return type(x)(map(arrays_inside, x))
    return x


def list_of(x: Array, is_python: bool) -> list[Any]:
    """The list of the elements of an array of one axis: Python's numbers, or NumPy's."""
    kinds = {"b": "bool", "i": "int", "u": "int", "f": "float", "c": "complex"}
    value = x.read()
    if is_python:
        kind: Any = kinds[kind_of(x.dtype)]
        if x.dtype == np.uint64:
            fits = name_of(np.all)(name_of(np.less)(x, 2**63)).read()
            current().check(fits, OverflowError, "Python int too large to convert to C long")
        value = current().b.convert(value, KIND_DTYPE[kind])
    else:
        kind = x.dtype
    made: list[Any] = containers.made(
        current(), [ListBuffer([value], x.dims[0], ((Kind(kind),), None))]
    )
    return made


def length(x: list[Any]) -> Any:
    return dim_value(length_of(x))


def of_nothing(name: str) -> str:
    """What ``min()`` or ``max()`` of nothing says."""
    try:
        getattr(builtins, name)([])
    except ValueError as error:
        return str(error)
    raise AssertionError(name)
