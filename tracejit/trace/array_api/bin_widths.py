"""How many bins ``np.histogram`` makes when it is told a rule by name.

The rules are NumPy's; the count is known at run time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tracejit.dtypes import is_integer
from tracejit.errors import UnsupportedError, throw
from tracejit.trace.array_api.creation import asarray
from tracejit.trace.array_api.operands import builder, value_of
from tracejit.trace.values.all import PyScalar, dim_value

_Rule = Callable[[Any, Any], Any]


def _sturges(x: Any, n: Any) -> Any:
    return np.ptp(x) / (np.log2(n) + 1.0)


def _square_root(x: Any, n: Any) -> Any:
    return np.ptp(x) / np.sqrt(n)


def _scott(x: Any, n: Any) -> Any:
    return np.power(24.0 * np.pi**0.5 / n, 1.0 / 3.0) * np.std(x)


def _freedman_diaconis(x: Any, n: Any) -> Any:
    high, low = np.percentile(x, [75, 25])
    return 2.0 * np.subtract(high, low) * np.power(n, -1.0 / 3.0)


def _doane(x: Any, n: Any) -> Any:
    spread = np.std(x)
    scale = np.sqrt(6.0 * (n - 2) / ((n + 1.0) * (n + 3)))
    skew = np.mean(np.power((x - np.mean(x)) / np.where(spread > 0, spread, 1.0), 3))
    width = np.ptp(x) / (1.0 + np.log2(n) + np.log2(1.0 + np.absolute(skew) / scale))
    return np.where(np.logical_and(n > 2, spread > 0), width, 0.0)


def _automatic(x: Any, n: Any) -> Any:
    wide = np.maximum(_freedman_diaconis(x, n), _square_root(x, n) / 2)
    return np.minimum(wide, _sturges(x, n))


_RULES: dict[str, _Rule] = {
    "auto": _automatic,
    "doane": _doane,
    "fd": _freedman_diaconis,
    "rice": lambda x, n: np.ptp(x) / (2.0 * np.power(n, 1.0 / 3)),
    "scott": _scott,
    "sqrt": _square_root,
    "sturges": _sturges,
}


def bins_by_rule(x: Any, rule: str, outer: tuple[Any, Any], weighted: bool, ranged: bool) -> Any:
    """The number of bins between the ``outer`` edges for the elements of a line."""
    if rule == "stone":
        raise UnsupportedError("np.histogram(bins='stone'); use another rule, or give a number")
    if rule not in _RULES:
        throw(ValueError(f"{rule!r} is not a valid estimator for `bins`"))
    if weighted:
        throw(
            TypeError(
                "Automated estimation of the number of bins is not supported for weighted data"
            )
        )
    first, last = outer
    if ranged:
        x = x[(x >= first) & (x <= last)]
    count = dim_value(x.dims[0])
    if isinstance(count, int) and not count:
        return 1
    n: Any = asarray(np.maximum(count, 1)).astype(float)[()]
    whole: Any = np.concatenate([x, np.zeros_like(x, shape=(1,))])  # one element where none is
    width = _RULES[rule](whole[: n.astype(int)], n)
    if is_integer(x.dtype):
        width = np.where(np.logical_and(width > 0, width < 1), 1.0, width)
    span = np.subtract(last, first)
    some = np.logical_and(width > 0, np.greater(asarray(count), 0))
    bins = np.where(some, np.ceil(span / np.where(some, width, 1.0)), 1.0)
    return PyScalar("int", builder().convert(value_of(bins), "i64"))
