"""``np.pad``: by values of the array or of the caller, by statistics of an axis, by ramps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tracejit.dtypes import is_integer
from tracejit.errors import UnsupportedError, throw
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.trace.array_api.concatenation import gathered
from tracejit.trace.array_api.creation import asarray
from tracejit.trace.array_api.names import covers
from tracejit.trace.array_api.operands import builder, cast, check_dim, operand, value_of
from tracejit.trace.array_api.ranges import linspace
from tracejit.trace.values.all import Array, as_dim, dim_value, fresh, several
from tracejit.trace.views.broadcast import stretch
from tracejit.versions import PAD_TAKES_DICTS

_STATISTICS: dict[str, Callable[..., Any]] = {
    "maximum": np.amax,
    "minimum": np.amin,
    "mean": np.mean,
    "median": np.median,
}


def _pad_otherwise(x: Any, pairs: list[tuple[Dim, Dim]], mode: Any, given: dict[str, Any]) -> Any:
    """The array with each axis in turn made longer at both ends."""
    allowed = {"linear_ramp": {"end_values"}, "empty": set()}.get(mode, {"stat_length"})
    if mode not in ("linear_ramp", "empty", *_STATISTICS):
        raise UnsupportedError(f"np.pad(mode={mode!r}) is not supported; use one of NumPy's names")
    for name, value in given.items():
        if name not in allowed:
            throw(ValueError(f"unsupported keyword arguments for mode '{mode}': {{'{name}'}}"))
        if name == "stat_length" and value is not None:
            raise UnsupportedError("np.pad(stat_length=); join the statistic of a slice instead")
    ends = _pad_pairs(given.get("end_values", 0), len(pairs))
    for axis, (low, high) in enumerate(pairs):
        line = np.moveaxis(x, axis, 0)
        before = _edge(line, mode, dim_value(low), ends[axis][0], first=True)
        after = _edge(line, mode, dim_value(high), ends[axis][1], first=False)
        x = np.moveaxis(np.concatenate([before, line, after]), 0, axis)
    return x


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


def _pad_pairs(given: Any, rank: int) -> list[tuple[Any, Any]]:
    """NumPy's broadcasting of ``pad_width`` to (before, after) per axis."""
    if isinstance(given, dict) and not PAD_TAKES_DICTS:
        throw(TypeError("`pad_width` must be of integral type."))
    if isinstance(given, dict):
        pairs: list[tuple[Any, Any]] = [(0, 0)] * rank
        for axis, pair in given.items():
            pairs[axis] = tuple(pair) if isinstance(pair, (tuple, list)) else (pair, pair)
        return pairs
    if isinstance(given, Array) and given.ndim:
        given = several(given) if given.ndim == 1 else [several(row) for row in given]
    if not isinstance(given, (tuple, list, np.ndarray)):
        return [(given, given)] * rank
    items = list(given)
    if len(items) == 1 and not isinstance(items[0], (tuple, list, np.ndarray)):
        return [(items[0], items[0])] * rank
    if not isinstance(items[0], (tuple, list, np.ndarray)):
        return [(items[0], items[1])] * rank
    rows = [(i[0], i[-1]) for i in items]
    return rows * rank if len(rows) == 1 else rows


@covers(np.pad)
def pad(array: Any, pad_width: Any, mode: Any = "constant", **kwargs: Any) -> Array:
    """Elements added at the edges, by any of NumPy's named modes."""
    value = value_of(array)
    pairs = [(as_dim(a), as_dim(z)) for a, z in _pad_pairs(pad_width, value.rank)]
    for a, z in pairs:
        for d in (a, z):
            check_dim("ge", d, 0, "ValueError", "index can't contain negative values")
    if mode == "constant":
        fills = _pad_pairs(kwargs.get("constant_values", 0), value.rank)
        return fresh(_pad_constant(value, pairs, fills))
    if callable(mode):
        raise UnsupportedError("np.pad(mode=a function); join the arrays instead")
    if mode not in ("edge", "reflect", "symmetric", "wrap"):
        return _pad_otherwise(asarray(array), pairs, mode, kwargs)  # type: ignore[no-any-return]
    if kwargs:
        raise UnsupportedError(
            f"np.pad(mode={mode!r}, {', '.join(kwargs)}) is not supported; leave these out"
        )
    for axis, (a, z) in enumerate(pairs):
        if (a, z) != (0, 0):
            value = _pad_by_index(value, axis, a, z, mode)
    return fresh(value)


def _pad_constant(x: Value, pairs: list[tuple[Dim, Dim]], fills: list[tuple[Any, Any]]) -> Value:
    b = builder()
    if len({id(f) if not isinstance(f, (int, float)) else f for p in fills for f in p}) == 1:
        shape = tuple(a + d + z for (a, z), d in zip(pairs, x.shape, strict=True))
        fill = cast(operand(fills[0][0]), x.dtype) if fills else None
        lows = [b.index(a) for a, _ in pairs]
        return b.op("pad", x, fill, *lows, shape=shape) if fill is not None else x
    for axis, ((a, z), (fa, fz)) in enumerate(zip(pairs, fills, strict=True)):
        parts = []
        for width, fill in ((a, fa), (None, None), (z, fz)):
            if width is None:
                parts.append(x)
            elif width != 0:
                shape = tuple(width if k == axis else d for k, d in enumerate(x.shape))
                parts.append(stretch(cast(operand(fill), x.dtype), shape))
        x = b.op("concatenate", *parts, axis=axis) if len(parts) > 1 else parts[0]
    return x


def _pad_by_index(x: Value, axis: int, low: Dim, high: Dim, mode: str) -> Value:
    """Padding as a gather along one axis, the source index computed per element."""
    b, n = builder(), x.shape[axis]
    message = f"can't extend empty axis {axis} using modes other than 'constant' or 'empty'"
    check_dim("ge", n, 1, "ValueError", message)
    total = low + n + high
    line = b.op("iota", shape=(total,), axis=0, dtype=np.dtype(np.int64))
    index = b.op("sub", line, stretch(b.index(low), (total,)))

    def each(d: Dim) -> Value:
        return stretch(b.index(d), (total,))

    if mode == "edge":
        index = b.op("minimum", b.op("maximum", index, each(0)), each(n - 1))
    elif mode == "wrap":
        index = b.op("remainder", index, each(n))
    else:
        off = 1 if mode == "reflect" else 0
        period: Dim = 2 * n - 2 * off
        if n == 1 and off:
            period = 1
        elif not isinstance(period, int) and off:
            period = b.op("maximum", b.index(period), b.const(1, "i64")).dim
        index = b.op("remainder", index, each(period))
        mirrored = b.op("sub", each(2 * n - 1 - off), index)
        index = b.op("select", b.op("ge", index, each(n)), mirrored, index)
    return gathered(x, index, axis)
