"""Items of ranges: of one with bounds that only the run knows, and places that it decides."""

from __future__ import annotations

from typing import Any

from tracejit.errors import UnsupportedError, all_ask, throw
from tracejit.trace.control.number_plans import is_any_number
from tracejit.trace.session.session import current, where
from tracejit.trace.values.all import PyScalar, dim_value
from tracejit.trace.values.iterables import Range


def _length(r: range | Range) -> Any:
    return dim_value(r.steps().trip) if isinstance(r, Range) else len(r)


def _must_hold(test: Any, error: type[Exception], message: str) -> None:
    if isinstance(test, PyScalar):
        current().check(test.value, error, message)
    elif not test:
        throw(error(message))


def item(r: Range, key: Any) -> Any:
    """``r[key]``. IndexError as Python's."""
    if isinstance(key, slice):
        raise UnsupportedError(
            f"{where()}: a slice of a range whose length is known at run time only: write the "
            "range that it is, or slice np.arange"
        )
    ops, length = current().operators, _length(r)
    ends = ops.compare_one("<", key, 0)
    place = ops.if_expr(ends, lambda: ops.binary("+", key, length), lambda: key, None)
    inside = ops.and_(ops.compare_one(">=", place, 0), lambda: ops.compare_one("<", place, length))
    _must_hold(inside, IndexError, "range object index out of range")
    return ops.binary("+", r.start, ops.binary("*", r.step, place))


def contains(r: range | Range, x: Any) -> Any:
    """``x in r``, for a number."""
    if not is_any_number(x):
        return False
    ops = current().operators
    off = ops.binary("-", x, r.start)
    place = ops.binary("//", off, r.step)
    return ops.and_(
        ops.compare_one("==", ops.binary("%", off, r.step), 0),
        lambda: ops.compare_one(">=", place, 0),
        lambda: ops.compare_one("<", place, _length(r)),
    )


def same(a: Any, b: Any) -> Any:
    """``a == b``: the same items. NotImplemented where neither range is of the run."""
    if not (isinstance(a, Range) or isinstance(b, Range)):
        return NotImplemented
    if not (isinstance(a, range | Range) and isinstance(b, range | Range)):
        return False
    ops, length = current().operators, _length(a)

    def of_some() -> Any:
        begin = ops.compare_one("==", a.start, b.start)
        one = ops.compare_one("==", length, 1)
        return ops.and_(begin, lambda: ops.or_(one, lambda: ops.compare_one("==", a.step, b.step)))

    alike = ops.compare_one("==", length, _length(b))
    return ops.and_(alike, lambda: ops.or_(ops.compare_one("==", length, 0), of_some))


all_ask(globals(), IndexError)
