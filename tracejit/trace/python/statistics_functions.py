"""``statistics`` on numbers of the run.

What sums fractions is a call of Python's own out of the compiled code, with no derivative: no sum
of floats has the same bits. What sorts or counts is Python's source, or what stands for it,
converted like the program's.
"""

from __future__ import annotations

import builtins
import statistics
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tracejit.errors import UnsupportedError, all_ask
from tracejit.ir.types import TensorType, dtype_of
from tracejit.records import dataclass
from tracejit.trace.control.watched import as_is
from tracejit.trace.python import library_in_python
from tracejit.trace.python.distinct import Distinct
from tracejit.trace.python.dynamic_list_methods import as_array
from tracejit.trace.python.opaque_calls import contains_tracer
from tracejit.trace.session.host_calls import host_call
from tracejit.trace.session.registry import NAMES
from tracejit.trace.session.session import current, where
from tracejit.trace.values.all import Array, Scalar
from tracejit.trace.values.dynamic_list import is_grown, item_at, length_of, run_of
from tracejit.trace.values.entries import is_table, is_view
from tracejit.trace.values.iterables import Looped
from tracejit.trace.values.kinds import type_of
from tracejit.trace.values.python_scalars import made

#: Those that are called as they are, and what NumPy has for each.
_NEAREST: dict[Any, str] = {
    statistics.mean: "np.mean(x)",
    statistics.fmean: "np.mean(x)",
    statistics.pstdev: "np.std(x)",
    statistics.stdev: "np.std(x, ddof=1)",
    statistics.pvariance: "np.var(x)",
    statistics.variance: "np.var(x, ddof=1)",
    statistics.harmonic_mean: "len(x) / np.sum(1 / x)",
    statistics.geometric_mean: "np.exp(np.mean(np.log(x)))",
    statistics.correlation: "np.corrcoef(x, y)[0, 1]",
    statistics.covariance: "np.cov(x, y)[0, 1]",
}
#: Of these a float comes of ints, too.
_FLOATS = ("fmean", "pstdev", "stdev", "geometric_mean", "correlation", "covariance")
_OF_TWO = ("correlation", "covariance")
_RAISED = (statistics.StatisticsError, ValueError, OverflowError, ZeroDivisionError)


@dataclass(frozen=True)
class OfStatistics:
    """A function of ``statistics``, of lists: of Python's numbers where ``is_python``."""

    name: str
    is_python: tuple[bool, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "__qualname__", self.name)
        object.__setattr__(self, "__module__", "statistics")

    def __call__(self, *arrays: Any) -> Any:
        rows = zip(map(np.asarray, arrays), self.is_python, strict=True)
        lists = [x.tolist() if is_python else builtins.list(x) for x, is_python in rows]
        return np.float64(getattr(statistics, self.name)(*lists))


def _listed(data: Any) -> Any:
    """An array of one axis, or a list of what is gone through; else as it is."""
    if isinstance(data, Array) or type(data) in (list, tuple):
        return data
    iterated = isinstance(data, Looped | Iterator) or type(data) is Distinct
    if iterated or is_table(data) or is_view(data):
        return current().operators.call(builtins.list, data)
    return data


def _is_of_run(data: Any) -> bool:
    return is_grown(data) or contains_tracer(data)


def _item_type(data: Any) -> type | None:
    """The class of the items; None where they are of several, or none are known."""
    if isinstance(data, Array):
        return data.dtype.type if data.ndim == 1 else None
    if is_grown(data):
        return type_of(item_at(run_of(data), 0)) if length_of(data) != 0 else None
    if not isinstance(data, list | tuple):
        return None
    found = {type_of(x) for x in data if not (type(x) is int and abs(x) < 2**53)}
    return found.pop() if len(found) == 1 else None


def _some(kind: Any) -> list[Any]:
    """A few numbers of a class."""
    return [kind(1), kind(2), kind(4)]


def _called(theirs: Callable[..., Any]) -> Callable[..., Any]:
    name = theirs.__name__

    def call(*data: Any, **kwargs: Any) -> Any:
        lists = [_listed(x) for x in data]
        if not any(map(_is_of_run, (*lists, *kwargs.values()))):
            return as_is(theirs, tuple(lists), kwargs)
        kinds = [_item_type(x) for x in lists]
        takes = (float, np.floating, int, np.integer) if name in _FLOATS else (float, np.floating)
        fit = all(kind is not None and issubclass(kind, takes) for kind in kinds)
        if kwargs or not fit or len(lists) != (2 if name in _OF_TWO else 1):
            nearest = "np.average(x, weights=w)" if "weights" in kwargs else _NEAREST[theirs]
            raise UnsupportedError(
                f"{where()}: statistics.{name} of numbers of the run takes floats of one kind, and "
                f"nothing else: use {nearest}, or convert them with float()"
            )
        values = [(as_array(x) if is_grown(x) else NAMES[np.asarray](x)).read() for x in lists]
        called = OfStatistics(name, tuple(kind in (float, int) for kind in kinds))
        (found,) = host_call(called, values, [TensorType(dtype_of("f8"), ())], _RAISED)
        result: Any = type(theirs(*map(_some, kinds)))
        if result is float:
            return made("float", found)
        return Scalar(current().b.convert(found, dtype_of(np.dtype(result))))

    return call


def _converted(theirs: Callable[..., Any], ours: Callable[..., Any]) -> Callable[..., Any]:
    def call(data: Any, *args: Any, **kwargs: Any) -> Any:
        data = _listed(data)
        if not any(map(_is_of_run, (data, *args, *kwargs.values()))):
            return as_is(theirs, (data, *args), kwargs)
        return current().operators.converted(ours)(data, *args, **kwargs)

    return call


_SORTING = (statistics.median, statistics.median_low, statistics.median_high, statistics.quantiles)
STATISTICS: dict[Any, Callable[..., Any]] = {
    **{theirs: _called(theirs) for theirs in _NEAREST},
    **{theirs: _converted(theirs, theirs) for theirs in _SORTING},
    statistics.mode: _converted(statistics.mode, library_in_python.mode),
    statistics.multimode: _converted(statistics.multimode, library_in_python.multimode),
}


all_ask(globals(), TypeError, ValueError, ArithmeticError)
