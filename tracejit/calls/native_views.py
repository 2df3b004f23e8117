"""Views that a call returns, as native code makes them: offset, extents and strides.

Layers over an argument or a result of the call are put together into one ``abi.ViewResult``. What
only the run decides (whether merged axes lie one behind the other, gathered axes) is left to
``trace/results.py``, which makes such views with NumPy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tracejit import abi
from tracejit.dtypes import is_complex, part_of
from tracejit.records import dataclass
from tracejit.trace.values.outs import ArgOut, ArrayOut, Extents, Ref, ViewOut

Exprs = tuple[abi.Expr, ...]


@dataclass(frozen=True)
class _View:
    """What is seen through some layers; ``dense``: elements lie one behind the other in C order."""

    dtype: np.dtype[Any]
    shape: Exprs
    strides: Exprs
    offset: abi.Expr = 0
    writeable: bool = True
    dense: bool = False


class ViewMaker:
    """``array(k)``: the parameter of argument array k; ``results``: of the core."""

    def __init__(
        self, array: Callable[[int], abi.ArrayParam | None], results: Sequence[abi.Result]
    ) -> None:
        self.array = array
        self.results = results

    def result(self, out: ViewOut) -> abi.ViewResult | None:
        """The view as the native entry makes it; None where it cannot."""
        if isinstance(out.base, ArgOut):
            source, of_result, view = out.base.arg, False, self._argument(out.base.arg)
        elif isinstance(out.base, ArrayOut):
            source, of_result, view = out.base.index, True, self._result(out.base.index)
        else:
            return None
        for layer in out.layers:
            if view is None:
                return None
            view = _LAYERS[layer[0]](self, view, *layer[1:])
        if view is None:
            return None
        parts = (view.dtype, view.shape, view.strides, view.offset)
        return abi.ViewResult(source, *parts, of_result, view.writeable)

    def _argument(self, k: int) -> _View | None:
        param = self.array(k)
        if param is None:
            return None
        axes = range(len(param.shape))
        shape = tuple(
            abi.AxisLength(k, a) if param.shape[a] is None else param.shape[a] for a in axes
        )
        strides = tuple(abi.Stride(k, a) for a in axes)
        return _View(param.dtype, shape, strides, dense=param.strides == "C")  # type: ignore[arg-type]

    def _result(self, k: int) -> _View | None:
        result = self.results[k]
        if not isinstance(result, abi.ArrayResult):
            return None
        shape = tuple(
            abi.ResultExtent(k, axis) if d is None else d for axis, d in enumerate(result.shape)
        )
        return _View(result.dtype, shape, _dense(shape, result.dtype.itemsize), dense=True)

    def numbers(self, extents: Extents) -> Exprs:
        return tuple(abi.ResultOf(e.index) if isinstance(e, Ref) else e for e in extents)

    # -- layers --------------------------------------------------------------------------------

    def slice(self, view: _View, starts: Extents, steps: Extents, shape: Extents) -> _View | None:
        known = [step for step in steps if isinstance(step, int) and step]
        if len(known) < len(steps):
            return None
        first, counts = self.numbers(starts), self.numbers(shape)
        offset, strides = view.offset, []
        for start, step, n, stride in zip(first, known, counts, view.strides, strict=True):
            some = _product("min", n, 1)  # NumPy: an empty slice begins at 0, and its step is 1
            offset = _sum(offset, _product("mul", _product("mul", start, some), stride))
            move = _sum(1, _product("mul", some, step - 1))
            strides.append(_product("mul", move, stride))
        rest = zip(first[1:], steps[1:], counts[1:], view.shape[1:], strict=True)
        whole = all((s, t, n) == (0, 1, old) for s, t, n, old in rest)
        dense = view.dense and whole and (not steps or steps[0] == 1)
        return replace(view, shape=counts, strides=tuple(strides), offset=offset, dense=dense)

    def transpose(self, view: _View, perm: Sequence[int]) -> _View:
        return replace(
            view,
            shape=tuple(view.shape[a] for a in perm),
            strides=tuple(view.strides[a] for a in perm),
            dense=view.dense and list(perm) == sorted(perm),
        )

    def reshape(self, view: _View, shape: Extents) -> _View | None:
        new = self.numbers(shape)
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

    def broadcast(self, view: _View, shape: Extents, axes: Sequence[int]) -> _View | None:
        new = self.numbers(shape)
        strides: list[abi.Expr] = [0] * len(new)
        for axis, n, stride in zip(axes, view.shape, view.strides, strict=True):
            if n not in (1, new[axis]):
                return None  # only the run says whether it is stretched
            strides[axis] = stride if n == new[axis] else 0
        return replace(view, shape=new, strides=tuple(strides), writeable=False, dense=False)

    def part(self, view: _View, which: str) -> _View | None:
        if not is_complex(view.dtype):
            return None
        real = part_of(view.dtype)
        offset = _sum(view.offset, real.itemsize if which == "imag" else 0)
        return replace(view, dtype=real, offset=offset, dense=False)

    def bitcast(self, view: _View, dtype: Any) -> _View | None:
        same = np.dtype(dtype).itemsize == view.dtype.itemsize
        return replace(view, dtype=np.dtype(dtype)) if same else None

    def read_only(self, view: _View) -> _View:
        return replace(view, writeable=False)

    def gather(self, *_: Any) -> None:
        """Only the run says where such a view begins."""


_LAYERS: dict[str, Callable[..., _View | None]] = {
    "slice": ViewMaker.slice,
    "transpose": ViewMaker.transpose,
    "reshape": ViewMaker.reshape,
    "broadcast": ViewMaker.broadcast,
    "real": lambda maker, view: maker.part(view, "real"),
    "imag": lambda maker, view: maker.part(view, "imag"),
    "bitcast": ViewMaker.bitcast,
    "read_only": ViewMaker.read_only,
    "gather": ViewMaker.gather,
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
