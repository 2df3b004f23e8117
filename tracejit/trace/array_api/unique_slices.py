"""``np.unique`` along an axis: slices in the order of their elements, equal ones once."""

from __future__ import annotations

from typing import Any

import numpy as np

from tracejit.dtypes import is_inexact
from tracejit.trace.array_api.operands import axis_of, builder
from tracejit.trace.values.all import dim_value, fresh


def unique_slices(x: Any, wanted: tuple[bool, bool, bool], axis: Any, equal_nan: bool) -> Any:
    """The distinct slices; first place, inverse and counts where ``wanted``."""
    k = axis_of(axis, x.ndim)
    lines = np.moveaxis(x, k, 0)
    count = lines.shape[0]
    rows = np.reshape(lines, (count, -1))
    backwards: Any = rows.T[::-1]  # the first element decides, then the second
    order: Any = fresh(builder().op("lexsort", backwards.read()))
    ordered = rows[order]
    change = ordered[1:] != ordered[:-1]
    if equal_nan and is_inexact(x.dtype):
        change = change & ~(np.isnan(ordered[1:]) & np.isnan(ordered[:-1]))
    first: Any = np.ones_like(order, bool)
    first[1:] = np.any(change, axis=1)
    found = [np.moveaxis(lines[order[first]], 0, k)]
    return_index, return_inverse, return_counts = wanted
    if return_index:
        found.append(order[first])
    if return_inverse:
        inverse: Any = np.empty_like(order)
        inverse[order] = np.cumsum(first) - 1
        found.append(inverse)
    if return_counts:
        starts = np.flatnonzero(first)
        found.append(np.diff(starts, append=dim_value(first.dims[0])))
    return found[0] if len(found) == 1 else tuple(found)
