"""``np.pad`` by statistics of an axis, by ramps, and by nothing in particular."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tracejit.dtypes import is_integer
from tracejit.errors import UnsupportedError, throw
from tracejit.ir.extent import Dim
from tracejit.trace.array_api.creation import linspace
from tracejit.trace.values.all import dim_value

_STATISTICS: dict[str, Callable[..., Any]] = {
    "maximum": np.amax,
    "minimum": np.amin,
    "mean": np.mean,
    "median": np.median,
}


def pad_otherwise(x: Any, pairs: list[tuple[Dim, Dim]], mode: Any, given: dict[str, Any]) -> Any:
    """The array with each axis in turn made longer at both ends."""
    allowed = {"linear_ramp": {"end_values"}, "empty": set()}.get(mode, {"stat_length"})
    if mode not in ("linear_ramp", "empty", *_STATISTICS):
        raise UnsupportedError(f"np.pad(mode={mode!r}) is not supported; use one of NumPy's names")
    for name, value in given.items():
        if name not in allowed:
            throw(ValueError(f"unsupported keyword arguments for mode '{mode}': {{'{name}'}}"))
        if name == "stat_length" and value is not None:
            raise UnsupportedError("np.pad(stat_length=); join the statistic of a slice instead")
    ends = _ends(given.get("end_values", 0), len(pairs))
    for axis, (low, high) in enumerate(pairs):
        line = np.moveaxis(x, axis, 0)
        before = _edge(line, mode, dim_value(low), ends[axis][0], first=True)
        after = _edge(line, mode, dim_value(high), ends[axis][1], first=False)
        x = np.moveaxis(np.concatenate([before, line, after]), 0, axis)
    return x


def _ends(given: Any, rank: int) -> list[tuple[Any, Any]]:
    from tracejit.trace.array_api.concatenation import _pad_pairs

    return _pad_pairs(given, rank)


def _edge(line: Any, mode: str, width: Any, end: Any, first: bool) -> Any:
    shape = (width, *line.shape[1:])
    if mode == "empty":
        return np.zeros_like(line, shape=shape)
    if mode == "linear_ramp":
        edge = line[0] if first else line[-1]
        made = linspace(np.zeros_like(edge) + end, edge, width, endpoint=False, dtype=line.dtype)
        return made if first else made[::-1]
    found = _STATISTICS[mode](line, axis=0, keepdims=True)
    if is_integer(line.dtype):
        found = np.round(found)
    return np.broadcast_to(found.astype(line.dtype), shape)
