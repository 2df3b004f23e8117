"""Ranges whose bounds only the run knows, or that are asked about numbers of the run: their items,
slices and methods."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

import numpy as np

from tracejit.dtypes import is_complex, is_float, is_integer
from tracejit.errors import UnsupportedError, all_ask, throw
from tracejit.ir.extent import Dim
from tracejit.trace.control.number_plans import is_any_number
from tracejit.trace.python.builtin_functions import (
    builtin_float,
    builtin_index,
    builtin_int,
    builtin_len,
    builtin_range,
)
from tracejit.trace.python.iterators import builtin_next
from tracejit.trace.python.words import words
from tracejit.trace.session.concretize import BoundMethod
from tracejit.trace.session.registry import CLASS_SEEN, STAND_INS
from tracejit.trace.session.session import current, where
from tracejit.trace.values.all import (
    Array,
    PyScalar,
    Scalar,
    TaggedScalar,
    Tracer,
    as_dim,
    dim_value,
)
from tracejit.trace.values.iterables import Looped, Once
from tracejit.trace.values.ranges import Range
from tracejit.trace.values.tagged import each_kind
from tracejit.trace.views.index_bounds import slice_indices


def _must_hold(test: Any, error: type[Exception], message: str, *payload: Any) -> None:
    if isinstance(test, PyScalar):
        current().check(test.value, error, message, *payload)
    elif not test:
        throw(error(message.format(*payload)))


def is_asked(x: Any, key: Any) -> bool:
    """Whether an item or slice of something is one of a range that only the run knows."""
    if isinstance(x, Range):
        return True
    parts = (key.start, key.stop, key.step) if isinstance(key, slice) else (key,)
    return isinstance(x, range) and any(isinstance(part, Tracer) for part in parts)


def item(r: range | Range, key: Any) -> Any:
    """``r[key]``. IndexError and TypeError as Python's."""
    if isinstance(key, slice):
        return _part(r, key)
    if not isinstance(key, Tracer) and not hasattr(type(key), "__index__"):
        builtins.range(0)[key]  # raises
    if isinstance(key, Scalar) and not is_integer(key.dtype):
        name = key.dtype.type.__name__
        throw(TypeError(f"range indices must be integers or slices, not numpy.{name}"))
    if isinstance(key, PyScalar) and key.kind in ("float", "complex"):
        throw(TypeError(f"range indices must be integers or slices, not {key.kind}"))
    if isinstance(key, Tracer):
        key = builtin_index(key)
    ops, length = current().operators, builtin_len(r)
    ends = ops.compare_one("<", key, 0)
    place = ops.if_expr(ends, lambda: ops.binary("+", key, length), lambda: key, None)
    inside = ops.and_(ops.compare_one(">=", place, 0), lambda: ops.compare_one("<", place, length))
    _must_hold(inside, IndexError, "range object index out of range")
    return ops.binary("+", r.start, ops.binary("*", r.step, place))


def _part(r: range | Range, key: slice) -> Any:
    """A slice, with the bounds that Python's has."""
    begin, step = as_dim(r.start), as_dim(r.step)
    bounds = slice(*map(_bound, (key.start, key.stop, key.step)))
    first, last, by = slice_indices(bounds, as_dim(builtin_len(r)))
    return builtin_range(*map(dim_value, (begin + first * step, begin + last * step, by * step)))


def _bound(x: Any) -> Dim | None:
    try:
        return None if x is None else as_dim(x)
    except TypeError:
        what = "slice indices must be integers or None or have an __index__ method"
        throw(TypeError(what))


def _as_int(x: Any, use: Callable[[Any], Any], otherwise: Any) -> Any:
    """``use`` of the int that equals a number; ``otherwise`` where none of 64 bits does."""
    ops = current().operators
    if not isinstance(x, Tracer):
        whole = _equal_int(x)
        return otherwise if whole is None else use(whole)
    if isinstance(x, TaggedScalar):
        return each_kind(lambda number: _as_int(number, use, otherwise), x)
    dtype = x.read().dtype
    if is_complex(dtype):
        real, imag = ops.getattr(x, "real"), ops.getattr(x, "imag")
        is_real = ops.compare_one("==", imag, 0)
        return ops.if_expr(is_real, lambda: _as_int(real, use, otherwise), lambda: otherwise, None)
    low: Any
    top: Any
    if is_float(dtype):
        number, low, top = builtin_float(x), -(2.0**63), 2.0**63
    elif dtype == np.uint64:
        number, low, top = x, np.uint64(0), np.uint64(2**63)
    else:
        return use(builtin_int(x))
    above = ops.compare_one(">=", number, low)
    fits = ops.and_(above, lambda: ops.compare_one("<", number, top))

    def one() -> Any:
        whole = builtin_int(number)
        same = ops.compare_one("==", whole, number)
        return ops.if_expr(same, lambda: use(whole), lambda: otherwise, None)

    return ops.if_expr(fits, one, lambda: otherwise, None)


def _equal_int(x: Any) -> int | None:
    """The int of 64 bits that equals a number that is known."""
    try:
        whole = int(x.real)
    except (ValueError, OverflowError):  # nan and infinities
        return None
    return whole if whole == x and -(2**63) <= whole < 2**63 else None


def _place(r: range | Range, whole: Any) -> Any:
    """Where an int stands among the items, if it is one."""
    ops = current().operators
    return ops.binary("//", ops.binary("-", whole, r.start), r.step)


def contains(r: range | Range, x: Any) -> Any:
    """``x in r``: of numbers those that equal an item."""
    if not is_any_number(x):
        return False
    ops = current().operators

    def is_item(whole: Any) -> Any:
        off, place = ops.binary("-", whole, r.start), _place(r, whole)
        return ops.and_(
            ops.compare_one("==", ops.binary("%", off, r.step), 0),
            lambda: ops.compare_one(">=", place, 0),
            lambda: ops.compare_one("<", place, builtin_len(r)),
        )

    return _as_int(x, is_item, False)


def index(r: range | Range, value: Any) -> Any:
    """``r.index(value)``."""
    ints = isinstance(value, int) or (isinstance(value, PyScalar) and value.kind in ("int", "bool"))
    text, *named = words(value, builtins.range(0).index, 5 if ints else 0.5)
    if isinstance(value, Tracer) and named:
        named = [value.read()]
    _must_hold(contains(r, value), ValueError, text, *named)
    return _as_int(value, lambda whole: _place(r, whole), 0)


def count(r: range | Range, value: Any) -> Any:
    """``r.count(value)``."""
    return builtin_int(contains(r, value))


def attribute(x: Looped, name: str) -> Any:
    """An attribute of a range, or of an iterator that is looped over at run time."""
    if isinstance(x, Range) and name in ("start", "stop", "step"):
        return getattr(x, name)
    if isinstance(x, Range) and name in _METHODS:
        return BoundMethod(x, _METHODS[name])
    if isinstance(x, Once) and name == "__next__":
        return BoundMethod(x, builtin_next)
    if isinstance(x, Once) and name == "__iter__":
        return BoundMethod(x, lambda x: x)
    known = CLASS_SEEN.get(type(x))
    shown = getattr(x, "name", "iterator") if known is None else known(x).__name__
    if not hasattr(iter(()) if known is None else known(x), name):
        throw(AttributeError(f"'{shown}' object has no attribute '{name}'"))
    raise UnsupportedError(
        f"{where()}: .{name} of a {shown} of which only the run knows how long it is: use it in a "
        "for statement, or make a list of it"
    )


def _method(of_one: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    def method(r: range | Range, *args: Any) -> Any:
        if len(args) != 1:
            getattr(builtins.range(0), of_one.__name__)(*(0 for _ in args))  # raises
        return of_one(r, *args)

    method.__name__ = of_one.__name__
    return method


_METHODS: dict[str, Callable[..., Any]] = {
    "index": _method(index),
    "count": _method(count),
    "__getitem__": item,
    "__contains__": contains,
    "__len__": builtin_len,
}


def of_known(f: Any) -> Callable[..., Any] | None:
    """What stands for a method of a range that is known: it may be asked about what is not."""
    owner = getattr(f, "__self__", None)
    if type(owner) is not range or f.__name__ not in _METHODS:
        return None

    def call(*args: Any) -> Any:
        traced = any(isinstance(x, Tracer) for x in args)
        return _METHODS[f.__name__](owner, *args) if traced else f(*args)

    return call


STAND_INS.append(of_known)


def same(a: Any, b: Any) -> Any:
    """``a == b``: the same items. NotImplemented where neither range is of the run."""
    numpys = any(isinstance(x, Array | Scalar | np.ndarray | np.generic) for x in (a, b))
    if numpys or not (isinstance(a, Range) or isinstance(b, Range)):
        return NotImplemented
    if not (isinstance(a, range | Range) and isinstance(b, range | Range)):
        return False
    ops, length = current().operators, builtin_len(a)

    def of_some() -> Any:
        begin = ops.compare_one("==", a.start, b.start)
        one = ops.compare_one("==", length, 1)
        return ops.and_(begin, lambda: ops.or_(one, lambda: ops.compare_one("==", a.step, b.step)))

    alike = ops.compare_one("==", length, builtin_len(b))
    return ops.and_(alike, lambda: ops.or_(ops.compare_one("==", length, 0), of_some))


all_ask(globals(), IndexError, TypeError, ValueError, AttributeError)
