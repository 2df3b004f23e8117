"""Views that a call returns, as native code makes them: offset, extents and strides.

Layers over an argument or a result of the core are put together into one ``StridedView``. What only
the run decides (whether merged axes lie one behind the other, gathered axes) is left to
``calls/result_objects.py``, which makes such views with NumPy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tracejit import abi
from tracejit.dtypes import is_complex, part_of
from tracejit.ir.results import (
    ArgOut,
    ArrayOut,
    Extents,
    Ref,
    ViewOut,
)
from tracejit.records import dataclass

Exprs = tuple[abi.Expr, ...]


@dataclass(frozen=True)
class StridedView:
    """A view of what ``source`` makes, as its ``base``.

    ``offset`` (bytes from its first element), ``shape`` and ``strides`` (bytes) may look at results
    of the core. Writeable where it and its source are. ``dense``: elements lie one behind the other
    in C order.
    """

    source: ArgOut | ArrayOut
    dtype: np.dtype[Any]
    shape: Exprs
    strides: Exprs
    offset: abi.Expr = 0
    writeable: bool = True
    dense: bool = False


def strided(
    out: ViewOut, params: Sequence[abi.Param], results: Sequence[abi.Result]
) -> StridedView | None:
    """The view as an entry makes it; None where only the run says how. ``params``: all of them."""
    view: StridedView | None = None
    if isinstance(out.base, ArgOut):
        view = _argument(out.base, params[out.base.arg])
    elif isinstance(out.base, ArrayOut):
        view = _result(out.base, results[out.base.index])
    for layer in out.layers:
        if view is None:
            return None
        view = _LAYERS[layer[0]](view, *layer[1:])
    return view


def _argument(source: ArgOut, param: abi.Param) -> StridedView | None:
    if not isinstance(param, abi.ArrayParam):
        return None
    k, axes = source.arg, range(len(param.shape))
    shape = tuple(abi.AxisLength(k, a) if d is None else d for a, d in enumerate(param.shape))
    strides = tuple(abi.Stride(k, a) for a in axes)
    return StridedView(source, param.dtype, shape, strides, dense=param.strides == "C")


def _result(source: ArrayOut, result: abi.Result) -> StridedView | None:
    if not isinstance(result, abi.ArrayResult):
        return None
    shape = tuple(
        abi.ResultExtent(source.index, axis) if d is None else d
        for axis, d in enumerate(result.shape)
    )
    strides = _dense(shape, result.dtype.itemsize)
    return StridedView(source, result.dtype, shape, strides, dense=True)


def _numbers(extents: Extents) -> Exprs:
    return tuple(abi.ResultOf(e.index) if isinstance(e, Ref) else e for e in extents)


def _slice(
    view: StridedView, starts: Extents, steps: Extents, shape: Extents
) -> StridedView | None:
    if 0 in steps:
        return None
    first, every, counts = _numbers(starts), _numbers(steps), _numbers(shape)
    offset, strides = view.offset, []
    for start, step, n, stride in zip(first, every, counts, view.strides, strict=True):
        some = _product("min", n, 1)  # NumPy: an empty slice begins at 0, and its step is 1
        offset = _sum(offset, _product("mul", _product("mul", start, some), stride))
        move = _sum(1, _product("mul", some, _sum(step, -1)))
        strides.append(_product("mul", move, stride))
    rest = zip(first[1:], steps[1:], counts[1:], view.shape[1:], strict=True)
    whole = all((s, t, n) == (0, 1, old) for s, t, n, old in rest)
    dense = view.dense and whole and (not steps or steps[0] == 1)
    return replace(view, shape=counts, strides=tuple(strides), offset=offset, dense=dense)


def _transpose(view: StridedView, perm: Sequence[int]) -> StridedView:
    return replace(
        view,
        shape=tuple(view.shape[a] for a in perm),
        strides=tuple(view.strides[a] for a in perm),
        dense=view.dense and list(perm) == sorted(perm),
    )


def _reshape(view: StridedView, shape: Extents) -> StridedView | None:
    new = _numbers(shape)
    if view.dense:
        return replace(view, shape=new, strides=_dense(new, view.dtype.itemsize))
    old = [(n, s) for n, s in zip(view.shape, view.strides, strict=True) if n != 1]
    if [n for n in new if n != 1] != [n for n, _ in old]:
        return None
    strides: list[abi.Expr] = []
    for n in reversed(new):  # an axis of one element: as long as what lies inside of it
        inner = _product("mul", strides[0], new[len(new) - len(strides)]) if strides else None
        last = old[-1][1] if old and inner is None else view.dtype.itemsize
        strides.insert(0, old.pop()[1] if n != 1 else last if inner is None else inner)
    return replace(view, shape=new, strides=tuple(strides))


def _broadcast(view: StridedView, shape: Extents, axes: Sequence[int]) -> StridedView:
    new = _numbers(shape)
    strides: list[abi.Expr] = [0] * len(new)
    for axis, n, stride in zip(axes, view.shape, view.strides, strict=True):
        several = _product("min", _product("max", _sum(n, -1), 0), 1)  # an axis of 1 is stretched
        strides[axis] = _product("mul", stride, several)
    return replace(view, shape=new, strides=tuple(strides), writeable=False, dense=False)


def _windows(view: StridedView, axis: int, shape: Extents) -> StridedView:
    strides = (*view.strides, view.strides[axis])
    return replace(view, shape=_numbers(shape), strides=strides, dense=False)


def _part(view: StridedView, which: str) -> StridedView | None:
    if not is_complex(view.dtype):
        return None
    real = part_of(view.dtype)
    offset = _sum(view.offset, real.itemsize if which == "imag" else 0)
    return replace(view, dtype=real, offset=offset, dense=False)


def _bitcast(view: StridedView, dtype: Any) -> StridedView | None:
    new, size = np.dtype(dtype), view.dtype.itemsize
    if new.itemsize == size:
        return replace(view, dtype=new)
    if size % new.itemsize or not view.dense or not view.shape:
        return None
    *lead, n = view.shape
    shape = (*lead, _product("mul", n, size // new.itemsize))
    return replace(view, dtype=new, shape=shape, strides=(*view.strides[:-1], new.itemsize))


def _read_only(view: StridedView) -> StridedView:
    return replace(view, writeable=False)


def _gather(*_: Any) -> None:
    """Only the run says where such a view begins."""


_LAYERS: dict[str, Callable[..., StridedView | None]] = {
    "slice": _slice,
    "transpose": _transpose,
    "reshape": _reshape,
    "windows": _windows,
    "broadcast": _broadcast,
    "real": lambda view: _part(view, "real"),
    "imag": lambda view: _part(view, "imag"),
    "bitcast": _bitcast,
    "read_only": _read_only,
    "gather": _gather,
}


def _dense(shape: Exprs, itemsize: int) -> Exprs:
    """C-order strides, as NumPy has them: an empty axis does not make the others zero."""
    strides: list[abi.Expr] = []
    running: abi.Expr = itemsize
    for n in reversed(shape):
        strides.insert(0, running)
        running = _product("mul", running, _product("max", n, 1))
    return tuple(strides)


def _product(op: Any, a: abi.Expr, b: abi.Expr) -> abi.Expr:
    """``a op b``, known numbers put together."""
    if isinstance(a, int) and isinstance(b, int):
        return {"mul": a * b, "min": min(a, b), "max": max(a, b)}[op]
    if op == "mul" and 0 in (a, b):
        return 0
    if op == "mul" and 1 in (a, b):
        return b if a == 1 else a
    return abi.BinOp(op, a, b)


def _sum(a: abi.Expr, b: abi.Expr) -> abi.Expr:
    if isinstance(a, int) and isinstance(b, int):
        return a + b
    if 0 in (a, b):
        return b if a == 0 else a
    return abi.BinOp("add", a, b)
