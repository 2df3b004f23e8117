"""``reduce``, ``accumulate``, ``reduceat``, ``outer`` and ``at`` of the ufuncs of `vectorize`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tracejit.numba_compat import operands as op


class Folds:
    """The methods of ufuncs of two operands. Subclasses say which loop inputs take."""

    __name__: str
    nin: int
    identity: Any
    reorderable: bool

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError

    def _loop(self, inputs: Sequence[Any], kwargs: dict[str, Any]) -> op.Dtypes:
        raise NotImplementedError

    def _loop_jit(self, loop: Callable[..., Any]) -> Any:
        raise NotImplementedError

    def outer(self, a: Any, b: Any, /, **kwargs: Any) -> Any:
        """The function of every pair of an element of ``a`` and one of ``b``."""
        self._binary("outer")
        first, second = np.asanyarray(a), np.asanyarray(b)
        return self(first.reshape(first.shape + (1,) * second.ndim), second, **kwargs)

    def reduce(
        self,
        array: Any,
        axis: Any = 0,
        dtype: Any = None,
        out: Any = None,
        keepdims: bool = False,
        initial: Any = None,
        where: Any = True,
    ) -> Any:
        """The function applied along axes, one element after another."""
        x, kind = self._folded(array, dtype, "reduce")
        axes = self._axes(axis, x.ndim)
        start = self.identity if initial is None else initial
        if where is not True and start is None:
            raise ValueError(
                f"reduction operation '{self.__name__}' does not have an identity, so to use a "
                "where mask one has to specify 'initial'"
            )
        order = (*axes, *(k for k in range(x.ndim) if k not in axes))
        rest = tuple(x.shape[k] for k in order[len(axes) :])

        def lines(y: Any) -> Any:
            return np.transpose(y, order).reshape(_size(x.shape, axes), _size(rest))

        found = self._folded_lines(lines(x), lines(np.broadcast_to(where, x.shape)), start, kind)
        found = found.reshape(rest)
        if keepdims:
            found = np.expand_dims(found, axes)
        return _delivered(found, out)

    def _axes(self, axis: Any, rank: int) -> tuple[int, ...]:
        if axis is None:
            axis = tuple(range(rank))
        axes = np.lib.array_utils.normalize_axis_tuple(axis, rank) if rank else ()
        if len(axes) > 1 and not self.reorderable:
            raise ValueError(
                f"reduction operation '{self.__name__}' is not reorderable, so at most one axis "
                "may be specified"
            )
        return tuple(sorted(axes))

    def _folded_lines(self, lines: Any, mask: Any, start: Any, kind: np.dtype[Any]) -> Any:
        """Lines folded into the first, or into ``start``."""
        if start is None:
            if not lines.shape[0]:
                raise ValueError(
                    f"zero-size array to reduction operation {self.__name__} which has no identity"
                )
            found, lines, mask = lines[0].astype(kind), lines[1:], mask[1:]
        else:
            found = np.full(lines.shape[1:], start, kind)
        self._loop_jit(_fold)(lines.astype(kind), mask, found)
        return found

    def accumulate(self, array: Any, axis: int = 0, dtype: Any = None, out: Any = None) -> Any:
        """All partial results of `reduce` along one axis."""
        x, kind = self._folded(array, dtype, "accumulate")
        lines = np.array(np.moveaxis(x, axis, 0), kind, order="C")
        flat = lines.reshape(lines.shape[0], -1)
        self._loop_jit(_accumulate)(flat)
        found = np.moveaxis(lines, 0, axis)
        return _delivered(np.ascontiguousarray(found), out)

    def reduceat(
        self, array: Any, indices: Any, axis: int = 0, dtype: Any = None, out: Any = None
    ) -> Any:
        """`reduce` of the parts that begin at each index."""
        x, _ = self._folded(array, dtype, "reduceat")
        at = np.asarray(indices, np.intp)
        lines = np.moveaxis(x, axis, 0)
        if at.size and not (at.min() >= 0 and at.max() < len(lines)):
            raise IndexError(f"index out-of-bounds in {self.__name__}.reduceat")
        ends = [*at[1:], len(lines)]
        parts = [
            self.reduce(lines[a : max(b, a + 1)], 0, dtype) for a, b in zip(at, ends, strict=True)
        ]
        found = np.moveaxis(np.asarray(parts), 0, axis)
        return _delivered(found, out)

    def at(self, a: Any, indices: Any, b: Any = None, /) -> None:
        """``a[indices] = f(a[indices], b)``, once for each index, repeated ones too."""
        if (b is None) != (self.nin == 1):
            raise ValueError(f"{self.__name__}.at takes {self.nin} operands")
        places = np.arange(a.size).reshape(a.shape)[indices].reshape(-1)
        values = a.reshape(-1) if a.flags.c_contiguous else np.array(a).reshape(-1)
        inputs = [values] if b is None else [values, np.asarray(b)]
        loop = self._loop(inputs, {})
        held = values.astype(loop[0])
        given: list[Any] = []
        if b is not None:
            shape = np.shape(np.arange(a.size).reshape(a.shape)[indices])
            given = [np.array(np.broadcast_to(b, shape), loop[1]).reshape(-1)]
        kinds = loop if b is not None else (loop[0], loop[-1])
        run = self._loop_jit(_at_two if b is not None else _at_one)
        run(held, places, *given)
        a[...] = held.astype(kinds[-1]).reshape(a.shape)

    def _binary(self, method: str) -> None:
        if self.nin != 2:
            raise ValueError(f"{method} only supported for binary functions")

    def _folded(self, array: Any, dtype: Any, method: str) -> tuple[Any, np.dtype[Any]]:
        """The array, and the dtype of a loop whose results are its operands."""
        self._binary(method)
        x = np.asarray(array)
        have = x.dtype if dtype is None else np.dtype(dtype)
        sample = np.ones((), have)
        kind = self._loop([sample, sample], {})[-1]
        sample = np.ones((), kind)
        if self._loop([sample, sample], {})[-1] != kind:
            raise TypeError(f"the resolved dtypes are not compatible with {self.__name__}.{method}")
        return x, kind


def _delivered(found: Any, out: Any) -> Any:
    if out is None:
        return found[()]
    return op.copied_out(found, out[0] if isinstance(out, tuple) else out, "same_kind")


def _size(shape: Sequence[int], axes: Sequence[int] | None = None) -> int:
    return math.prod(shape if axes is None else [shape[a] for a in axes])


def _fold(f: Any, lines: Any, mask: Any, found: Any) -> None:
    for i in range(lines.shape[0]):
        for j in range(lines.shape[1]):
            if mask[i, j]:
                found[j] = f(found[j], lines[i, j])


def _accumulate(f: Any, lines: Any) -> None:
    for i in range(1, lines.shape[0]):
        for j in range(lines.shape[1]):
            lines[i, j] = f(lines[i - 1, j], lines[i, j])


def _at_one(f: Any, values: Any, places: Any) -> None:
    for k in range(places.shape[0]):
        values[places[k]] = f(values[places[k]])


def _at_two(f: Any, values: Any, places: Any, given: Any) -> None:
    for k in range(places.shape[0]):
        values[places[k]] = f(values[places[k]], given[k])
