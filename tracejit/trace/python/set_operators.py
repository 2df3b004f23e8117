"""``a | b``, ``a <= b`` and the methods like them, of sets of which the run decides the items.

No order of items shows in them. Items that may be nan are refused: a nan is in both sets if it is
one object there. So are sets whose items are of two kinds: nothing says which of 1 and 1.0 stays.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tracejit.dtypes import is_inexact
from tracejit.errors import UnsupportedError
from tracejit.trace.python import sets_in_python as python
from tracejit.trace.python.distinct import Distinct
from tracejit.trace.python.table_methods import SET_METHODS, become_table
from tracejit.trace.python.table_views import TableView, length
from tracejit.trace.session.session import current, where
from tracejit.trace.values import containers, table_forms
from tracejit.trace.values.entries import is_table, put_table, table_in

#: The methods that make another set, by their operators; and those that change one.
_MAKING = {
    "|": "union", "&": "intersection", "-": "difference", "^": "symmetric_difference",
}  # fmt: skip
_CHANGING = {
    "|=": "update", "&=": "intersection_update", "-=": "difference_update",
    "^=": "symmetric_difference_update",
}  # fmt: skip


def binary(symbol: str, left: Any, right: Any) -> Any:
    """``left | right`` and so on; NotImplemented where neither is a set of the run, or one is no
    set."""
    if symbol not in _MAKING or not _are_sets(left, right):
        return NotImplemented
    return _made(_MAKING[symbol], left, (right,))


def in_place(op: str, target: Any, value: Any) -> Any:
    """``target |= value`` and so on; NotImplemented as ``binary`` says."""
    if op not in _CHANGING or type(target) is not set or not _are_sets(target, value):
        return NotImplemented
    change(_CHANGING[op], target, (value,))
    return target


def compared(symbol: str, left: Any, right: Any) -> Any:
    """``left <= right`` and so on; NotImplemented as ``binary`` says."""
    if not _are_sets(left, right):
        return NotImplemented
    if symbol in (">", ">="):
        return compared("<" if symbol == ">" else "<=", right, left)
    operators = current().operators
    if symbol == "!=":
        return operators.not_(compared("==", left, right))
    inside = _ask(python.are_in, left, right)
    if symbol == "<=":
        return inside
    sizes = _size(left), _size(right)
    return operators.and_(inside, lambda: operators.compare_one(symbol, *sizes))


def change(name: str, made: Any, others: tuple[Any, ...]) -> None:
    """A method that changes a set."""
    for other in others:
        if not is_table(made):
            become_table(made)
        _must_be_alike(made, other)
        if name == "update":
            _do(python.put_all, made, _items(other))
        elif name == "difference_update":
            _do(python.take_all, made, _items(other))
        elif name == "intersection_update":
            _do(python.keep, made, _items(made), _set_of(other))
        else:
            _do(python.put_or_take, made, _items(_set_of(other)), _copy(made))


def _maker(name: str) -> Callable[..., Any]:
    return lambda x, *others: _made(name, x, others)


def _changer(name: str) -> Callable[..., Any]:
    return lambda x, *others: change(name, x, others)


def _made(name: str, x: Any, others: tuple[Any, ...]) -> Any:
    made = _copy(x)
    changing = {v: _CHANGING[f"{k}="] for k, v in _MAKING.items()}
    change(changing[name], made, others)
    return made


def _are_sets(*given: Any) -> bool:
    """Whether they are sets that this knows, and one of them is of the run."""
    if not any(type(x) is set and is_table(x) for x in given):
        return False
    if all(type(x) in (set, frozenset, Distinct) for x in given):
        return not any(type(x) is frozenset for x in given[:1])
    return False


def _do(f: Callable[..., None], made: Any, *given: Any) -> None:
    current().operators.call(f, made, *given)


def _ask(f: Callable[..., Any], x: Any, other: Any) -> Any:
    other = _set_of(other)
    _must_be_alike(x, other)
    _must_be_alike(other, x)
    return current().operators.call(f, _items(x), other)


def _items(x: Any) -> Any:
    """The items of a set as a list; what else is gone through as it is."""
    if is_table(x):
        return TableView(x, "keys").listed()
    return list(x) if type(x) in (set, frozenset) else x


def _set_of(x: Any) -> Any:
    """A set of what is gone through."""
    if type(x) in (set, frozenset, Distinct):
        return x
    made = containers.made(current(), set())
    _do(python.put_all, made, _items(x))
    return made


def _size(x: Any) -> Any:
    return length(x) if is_table(x) else current().operators.call(len, x)


def _copy(x: Any) -> Any:
    made: Any = containers.made(current(), set())
    if is_table(x):
        put_table(made, table_in(x))
    elif type(x) is Distinct:
        _do(python.put_all, made, x)
    else:
        made |= x
    return made


def _must_be_alike(x: Any, other: Any) -> None:
    """UnsupportedError where an item may be nan, or equal to one of another kind."""
    forms = [table_in(s).form.keys for s in (x, other) if type(s) is set and is_table(s)]
    plain = [s for s in (x, other) if type(s) in (set, frozenset) and not is_table(s)]
    kinds = {k for form in forms for k in form[0]}
    if any(is_inexact(k.dtype) for k in kinds):
        raise UnsupportedError(
            f"{where()}: sets of floats that are known at run time only are put together or "
            "compared, and a nan is in both of them if it is one object there; convert the items "
            "(int(v)), or use np.union1d, np.intersect1d and np.setdiff1d of arrays"
        )
    for s in plain:  # refuses items of several kinds
        forms += [table_forms.form_of_entries(list(s), [()]).keys] if s else []
    if any(form != forms[0] for form in forms):
        raise UnsupportedError(
            f"{where()}: sets of items of several kinds are put together or compared, one of them "
            "known at run time only; convert the items (int(v))"
        )


def _is_disjoint(x: Any, other: Any, /) -> Any:
    return _ask(python.are_not_in, x, other)


def _is_subset(x: Any, other: Any, /) -> Any:
    return _ask(python.are_in, x, other)


def _is_superset(x: Any, other: Any, /) -> Any:
    return _ask(python.are_in, _set_of(other), x)


_ASKING: dict[str, Callable[..., Any]] = {
    "isdisjoint": _is_disjoint, "issubset": _is_subset, "issuperset": _is_superset,
}  # fmt: skip
SET_METHODS.update(_ASKING)
SET_METHODS.update({name: _maker(name) for name in _MAKING.values()})
SET_METHODS.update({name: _changer(name) for name in _CHANGING.values() if name != "update"})
