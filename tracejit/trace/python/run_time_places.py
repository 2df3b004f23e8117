"""Items of ordinary lists and tuples at places that only the run knows.

Reading one takes it from a table of all items. Writing one makes the list one whose items are a
buffer (``ListBuffer``), also before the loop or branch around. Where the items are not numbers or
tuples of such, the caller has to do without (None, False); also where few are read that are of
several kinds, and the counter of a loop says where.
"""

from __future__ import annotations

from typing import Any

from tracejit.dtypes import is_integer
from tracejit.ir import extent as ex
from tracejit.ir.extent import Dim
from tracejit.trace.python.dynamic_list_methods import getitem, place, setitem
from tracejit.trace.session.session import current
from tracejit.trace.values import containers
from tracejit.trace.values.all import (
    Array,
    PyScalar,
    Scalar,
    Tracer,
    as_dim,
    dim_value,
    python_int,
)
from tracejit.trace.values.caller_lists import table_of
from tracejit.trace.values.chosen_constants import (
    ChosenConstant,
    any_chosen,
    is_choice,
    place_among,
    united,
)
from tracejit.trace.values.dynamic_list import (
    become_buffer,
    converted,
    form_of,
    is_grown,
    item_at,
    laid_out,
    refuse,
    repeated,
    run_of,
    run_of_items,
)
from tracejit.trace.values.list_heap_sites import by_reference

#: What to do where arrays at a place that the run knows are not known to have one shape.
INSTEAD_OF_UNLIKE = (
    "give the arrays one dtype and shape (known as one: np.stack them, or shapes='auto'), or write "
    "a branch for each"
)

#: A list of more items than this becomes a buffer when one is read, if the run makes them.
_FEW = 64
#: Of so many arrays or fewer one is chosen by branches, where it lies: it may be written.
_CHOSEN = 4


def is_place(x: Any) -> bool:
    """Whether a traced value can be an index of a list."""
    if isinstance(x, PyScalar):
        return x.kind in ("int", "bool")
    return isinstance(x, Scalar) and is_integer(x.dtype)


def is_part(key: Any) -> bool:
    """Whether the run decides which slice of a list is meant."""
    return isinstance(key, slice) and any(map(is_place, (key.start, key.stop, key.step)))


def item(ops: Any, x: list[Any] | tuple[Any, ...], key: Any) -> Any:
    """``x[key]``; None where a table cannot hold the items, and for few that are of several kinds
    where a loop can be unrolled instead."""
    if not is_place(key):
        return None
    session = current()
    if type(x) is list and any(type(i) is list for i in x):
        table = table_of(x)
        if table is not None:
            return _noted(item_at(table, place(key, table.count)), key)
    items = _items(ops, x)
    kind = type(x).__name__ if type(x) in (list, tuple) else "tuple"
    if _are_storages(items) and not any(_loops_of(key)):
        at = place(key, len(items), f"{kind} index out of range")
        return _chosen(ops, items, dim_value(at))
    if items and all(map(is_choice, items)):
        choices = united(*items)
        if choices is not None and not _unrolls(key):
            at = place(key, len(items), f"{kind} index out of range")
            return _constant_at(items, choices, at)
    form = form_of(items)
    tagged = form is not None and any(k.is_tagged for k in form[0])
    if form is None or (tagged and len(items) <= _FEW and _unrolls(key)):
        return None  # and each item is of its own kind
    inside = session.outside.path_of(x) is None
    shared = any(k.lists is not None for k in form[0]) and inside
    rows = any(k.row for k in form[0]) and inside
    if rows and len({id(i) for i in items}) < len(items):
        rows = False  # one list in several places
    many = len(items) > _FEW and any(map(_is_traced, items))
    if (many or rows or shared) and type(x) is list and not session.outside.is_outside(x):
        become_buffer(x, form)
        return _noted(getitem(x, key), key)
    run = laid_out(items, form)
    return _noted(item_at(run, place(key, run.count, f"{kind} index out of range")), key)


def character(text: str | bytes, key: Any) -> Any:
    """``text[key]``; None where it is no place, or the characters are of too many kinds."""
    if not is_place(key) or not text:
        return None
    if isinstance(text, bytes):
        form = form_of(text)
        assert form is not None
        return item_at(laid_out(text, form), place(key, len(text), "index out of range"))
    choices = united(*text) if is_choice(text) else None
    if choices is None:
        return None
    return _constant_at(list(text), choices, place(key, len(text), "string index out of range"))


def _constant_at(items: list[Any], choices: tuple[Any, ...], at: Dim) -> ChosenConstant:
    """One of a list's texts, each of which may be one that the run chooses itself."""
    b, chosen = current().b, any_chosen(*items)
    if len(choices) == len(items) and not chosen:
        return ChosenConstant(choices, b.index(at))
    numbers = [
        python_int(place_among(x, choices)) if any_chosen(x) else choices.index(x) for x in items
    ]
    form = form_of(numbers)
    assert form is not None
    return ChosenConstant(choices, b.convert(item_at(laid_out(numbers, form), at).read(), "i64"))


def _are_storages(items: list[Any]) -> bool:
    """Whether items are few arrays of which one can be chosen, to be written, too."""
    if not 1 < len(items) <= _CHOSEN or not all(isinstance(x, Array) for x in items):
        return False
    return len({(x.dtype, x.ndim) for x in items}) == 1 and items[0].ndim > 0


def _chosen(ops: Any, items: list[Any], at: Any) -> Any:
    """The array at a place that is one, by branches."""
    first, *rest = items
    if not rest:
        return first
    here = ops.compare_one("==", at, 0)
    return ops.if_expr(here, lambda: first, lambda: _chosen(ops, rest, at - 1), None)


def _is_traced(x: Any) -> bool:
    return any(map(_is_traced, x)) if type(x) in (tuple, list) else isinstance(x, Tracer)


def _items(ops: Any, x: Any) -> list[Any]:
    """All items; those of a list from outside as the run finds them."""
    outside = current().outside
    if not outside.is_outside(x):
        return list(x)
    outside.whole(x)
    return [ops.getitem(x, k) for k in range(len(x))]


def _loops_of(key: Any) -> list[Any]:
    """The loops whose counters decide a place, among others that are None."""
    loop_of = current().loop_of
    return [loop_of.get(leaf) for leaf in ex.leaves(as_dim(key))]  # type: ignore[arg-type]


def _unrolls(key: Any) -> bool:
    """Whether a loop is to be unrolled whose counter decides a place."""
    session = current()
    loops = [loop for loop in _loops_of(key) if loop is not None]
    return any(not session.loop_is(loop, "rolled") for loop in loops)


def _noted(found: Any, key: Any) -> Any:
    """An item, of which the loop's counter decides which it is."""
    session = current()
    for loop in _loops_of(key):
        if loop is not None:
            session.kept_rolled.setdefault(loop)
            for part in found if type(found) is tuple else (found,):
                if type(part) is list:
                    continue
                session.loop_of.setdefault(part.read(), loop)
    return found


def store(x: list[Any], key: Any, value: Any) -> bool:
    """``x[key] = value``; False where a buffer cannot hold the items."""
    if is_part(key) and can_be_buffer(x):
        setitem(x, key, value)
        return True
    if not is_place(key) or not x:
        return False
    form = form_of(x, [value])
    if form is None:
        return False
    become_buffer(x, form)
    setitem(x, key, value)
    _note_loops(key)
    return True


def _note_loops(key: Any) -> None:
    session = current()
    for leaf in ex.leaves(as_dim(key)):
        loop = session.loop_of.get(leaf)  # type: ignore[arg-type]
        if loop is not None:
            session.kept_rolled.setdefault(loop)


def can_be_buffer(x: list[Any]) -> bool:
    """Make the items a buffer if one can hold them; whether it does."""
    if not is_grown(x):
        form = form_of(x)
        if form is None:
            return False
        become_buffer(x, form)
    return True


def part(x: list[Any], key: slice) -> list[Any] | None:
    """``x[a:b]``; None where a table cannot hold the items."""
    form = form_of(x)
    if form is None:
        return None
    found: list[Any] = getitem([run_of_items(x, form)], key)
    return found


def times(x: list[Any], n: Any) -> list[Any] | None:
    """``x * n``, of many items, or as many as the run says; None where Python makes the list."""
    grown = is_grown(x)
    if not is_place(n) and not (type(n) is int and (grown or len(x) * n > _FEW)):
        return None
    form = run_of(x).form if grown else form_of(x)
    if form is None:
        return None
    if any(k.row for k in form[0]):
        form = by_reference(form, every=True)
    if any(k.shape is not None and k.lists is None for k in form[0]):
        if grown:
            refuse("the operator *, of arrays or lists,")
        return None  # one array or list in many places
    session = current()
    count = as_dim(n)
    if not session.ranges.at_least(count, 0):
        count = ex.emax(count, 0)
    run = converted(run_of(x), form) if grown else laid_out(x, form)
    made: list[Any] = containers.made(session, [repeated(run, count)])
    return made
