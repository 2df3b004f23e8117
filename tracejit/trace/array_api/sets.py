"""Sets held in arrays: unique and its family, membership, unions and differences. All by sorting.

Sizes of results are known when the sorted arrays have been compared: nothing here asks NumPy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tracejit.dtypes import is_inexact
from tracejit.errors import UnsupportedError, throw
from tracejit.trace.array_api.creation import asarray
from tracejit.trace.array_api.names import covers
from tracejit.trace.array_api.operands import builder, cast, operand, value_of
from tracejit.trace.array_api.promotion import promote
from tracejit.trace.array_api.shapes import atleast_1d
from tracejit.trace.array_api.sorting import positions, sorted_along
from tracejit.trace.array_api.unique_slices import unique_slices
from tracejit.trace.session.session import current
from tracejit.trace.values.all import Array, dim_value, fresh, python_int


def _line(x: Any) -> Any:
    """The elements in one row."""
    return np.ravel(asarray(x))


def _same_dtype(*arrays: Any) -> list[Any]:
    """The elements of each array in one row, all in the dtype that NumPy compares in."""
    inputs = [operand(a) for a in arrays]
    kind = promote(inputs)
    return [np.ravel(fresh(cast(i, kind))) for i in inputs]


def _differs(ordered: Any, equal_nan: bool) -> Any:
    """Which sorted elements are not the one before (the first is not)."""
    later, earlier = ordered[1:], ordered[:-1]
    change = later != earlier
    if equal_nan and is_inexact(ordered.dtype):
        change = change & ~(np.isnan(later) & np.isnan(earlier))
    found = np.ones_like(ordered, bool)
    found[1:] = change
    return found


@covers(np.unique)
def unique(
    ar: Any,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: Any = None,
    *,
    equal_nan: bool = True,
    sorted: bool = True,
) -> Any:
    """Distinct elements in order; where each is first, which each one is, how many there are."""
    x: Any = asarray(ar)
    if axis is not None and x.ndim != 1:
        return unique_slices(x, (return_index, return_inverse, return_counts), axis, equal_nan)
    line = np.ravel(x)
    wanted = (return_index, return_inverse, return_counts)
    if not (return_index or return_inverse):
        ordered, order = sorted_along(line, 0), None
    else:
        order = positions(line, 0, "stable" if return_index else "quicksort")
        ordered = line[order]
    first = _differs(ordered, equal_nan)
    found = [ordered[first], *_extras(first, order, x, wanted)]
    return found[0] if len(found) == 1 else tuple(found)


def _extras(first: Any, order: Any, x: Any, wanted: tuple[bool, bool, bool]) -> list[Any]:
    """The optional answers of ``unique``."""
    return_index, return_inverse, return_counts = wanted
    found = []
    if return_index:
        found.append(order[first])
    if return_inverse:
        inverse = np.empty_like(order)
        np.put_along_axis(inverse, order, np.cumsum(first) - 1, 0)
        found.append(np.reshape(inverse, x.shape))
    if return_counts:
        starts = np.flatnonzero(first)
        found.append(np.diff(starts, append=dim_value(first.dims[0])))
    return found


# NumPy's own result types, whose names stand in a private module.
UniqueAll: Any = type(np.unique_all(np.zeros(1)))
UniqueCounts: Any = type(np.unique_counts(np.zeros(1)))
UniqueInverse: Any = type(np.unique_inverse(np.zeros(1)))


@covers(np.unique_all)
def unique_all(x: Any) -> Any:
    """Distinct elements, first places, inverse and counts; each nan is distinct."""
    return UniqueAll(*unique(x, True, True, True, equal_nan=False))


@covers(np.unique_counts)
def unique_counts(x: Any) -> Any:
    """Distinct elements and how many there are of each."""
    return UniqueCounts(*unique(x, return_counts=True, equal_nan=False))


@covers(np.unique_inverse)
def unique_inverse(x: Any) -> Any:
    """Distinct elements and which of them each element is."""
    return UniqueInverse(*unique(x, return_inverse=True, equal_nan=False))


@covers(np.unique_values)
def unique_values(x: Any) -> Any:
    """Distinct elements."""
    return unique(x, equal_nan=False)


@covers(np.isin)
def isin(
    element: Any,
    test_elements: Any,
    assume_unique: bool = False,
    invert: bool = False,
    *,
    kind: Any = None,
) -> Any:
    """Which elements are among ``test_elements``; nan is not."""
    if kind not in (None, "sort", "table"):
        throw(ValueError(f"Invalid kind: '{kind}'. Please use None, 'sort' or 'table'."))
    shape = asarray(element).shape
    x, tests = _same_dtype(element, test_elements)
    n = tests.dims[0]
    if n == 0:
        found = np.zeros_like(x, bool)
    else:
        ordered = sorted_along(tests, 0)
        found = _among(x, ordered, n)
    return np.reshape(~found if invert else found, shape)


def _among(x: Any, ordered: Any, n: Any) -> Any:
    """Membership by bisection; what may be empty gets one element more, which never counts."""
    place = np.searchsorted(ordered, x)
    if current().ranges.at_least(n, 1):
        return np.take(ordered, place, mode="clip") == x
    more = np.concatenate([ordered, np.zeros_like(x, shape=(1,))])
    return (np.take(more, place, mode="clip") == x) & (place < dim_value(n))


@covers(np.union1d)
def union1d(ar1: Any, ar2: Any) -> Any:
    """Distinct elements of both."""
    return unique(np.concatenate(_same_dtype(ar1, ar2)))


@covers(np.setdiff1d)
def setdiff1d(ar1: Any, ar2: Any, assume_unique: bool = False) -> Any:
    """Distinct elements of the first that are not in the second."""
    x = _line(ar1) if assume_unique else unique(ar1)
    return x[isin(x, ar2 if assume_unique else unique(ar2), invert=True)]


@covers(np.setxor1d)
def setxor1d(ar1: Any, ar2: Any, assume_unique: bool = False) -> Any:
    """Elements that are in one of both only."""
    parts = [_line(a) if assume_unique else unique(a) for a in (ar1, ar2)]
    joined = sorted_along(np.concatenate(_same_dtype(*parts)), 0)
    first = _differs(joined, equal_nan=False)
    last = np.ones_like(first)
    last[:-1] = first[1:]
    return joined[first & last]


@covers(np.intersect1d)
def intersect1d(
    ar1: Any, ar2: Any, assume_unique: bool = False, return_indices: bool = False
) -> Any:
    """Elements that are in both, in order; with ``return_indices`` where they are first."""
    lines: Sequence[Array] = [asarray(a) for a in (ar1, ar2)]
    if not return_indices:
        parts = lines if assume_unique else [unique(a) for a in lines]
        joined = sorted_along(np.concatenate(_same_dtype(*parts)), 0)
        return joined[:-1][joined[1:] == joined[:-1]]
    if assume_unique:
        left, right = (_line(a) for a in lines)
    else:
        left, at_left = unique(lines[0], return_index=True)
        right, at_right = unique(lines[1], return_index=True)
    joined = np.concatenate(_same_dtype(left, right))
    order: Any = positions(joined, 0, "stable")
    ordered = joined[order]
    both = ordered[1:] == ordered[:-1]
    first, second = order[:-1][both], order[1:][both] - dim_value(left.dims[0])
    if not assume_unique:
        first, second = at_left[first], at_right[second]
    return ordered[:-1][both], first, second


@covers(np.trim_zeros)
def trim_zeros(filt: Any, trim: str = "fb", axis: Any = None) -> Any:
    """A line without zeros at its ends."""
    x: Any = atleast_1d(asarray(filt))
    if x.ndim != 1:
        raise UnsupportedError("np.trim_zeros is supported for arrays of one dimension only")
    where_ = np.flatnonzero(x)
    n = dim_value(x.dims[0])
    start = np.min(where_, initial=n) if "f" in trim.lower() else 0
    stop = np.max(where_, initial=-1) + 1 if "b" in trim.lower() else n
    return x[_as_int(start) : _as_int(stop)]


def _as_int(x: Any) -> Any:
    return x if isinstance(x, int) else python_int(builder().convert(value_of(x), "i64"))
