"""Results of a call, put together in Python from those of the core and the caller's arguments."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from tracejit import trees
from tracejit.dtypes import is_complex
from tracejit.ir.arguments import KIND_TYPE
from tracejit.ir.results import (
    ArgOut,
    ArrayOut,
    CallerOut,
    CopyOut,
    Extents,
    HeapOut,
    ListOut,
    MadeOut,
    ObjectOut,
    Out,
    PartOut,
    PythonOut,
    Ref,
    RefOut,
    SameOut,
    ScalarOut,
    SelectOut,
    StaticOut,
    TableOut,
    TreeOut,
    ViewOut,
)


class Boxes(Protocol):
    """What becomes of a result of the run, which is an array or a NumPy scalar."""

    def array(self, x: Any) -> Any:
        """A new array."""

    def scalar(self, x: Any) -> Any:
        """What NumPy has a scalar for."""

    def items(self, x: Any) -> np.ndarray[Any, Any]:
        """The elements of an array, on the host."""


class HostBoxes:
    """Results as NumPy has them."""

    def array(self, x: Any) -> Any:
        return np.asarray(x)

    def scalar(self, x: Any) -> Any:
        return np.asarray(x)[()]

    def items(self, x: Any) -> np.ndarray[Any, Any]:
        return np.asarray(x)


_ALL = slice(None)


class Rebuilder:
    """Makes results of IR results and of what the caller has. One object is made once.

    ``array(k)`` is argument array k; ``containers``: those of the caller, by path; ``boxes``: what
    arrays and scalars of the run become.
    """

    def __init__(
        self,
        results: Sequence[Any],
        array: Callable[[int], Any],
        containers: Mapping[tuple[Any, ...], Any],
        boxes: Boxes,
    ) -> None:
        self.boxes = boxes
        self.results = results
        self.array = array
        self.containers = containers
        self._arrays: dict[int, Any] = {}
        self._views: dict[int, Any] = {}
        self._trees: dict[int, Any] = {}
        self._new: dict[CopyOut | ObjectOut | TableOut, Any] = {}
        self._lists: dict[tuple[HeapOut, int], list[Any]] = {}

    def tree(self, outs: Sequence[Out], tree: Any) -> Any:
        """The container or leaf of this structure."""
        leaves: list[Any] = []
        for out in outs:
            leaves.append(leaves[out.leaf] if isinstance(out, SameOut) else self._leaf(out))
        found = trees.unflatten(tree, leaves)
        if any(isinstance(out, ListOut | RefOut | TableOut) for out in outs):
            _spread(found)
        return found

    def _leaf(self, out: Out) -> Any:
        results = self.results
        if isinstance(out, ArrayOut):
            if out.index not in self._arrays:
                self._arrays[out.index] = self.boxes.array(results[out.index])
            return self._arrays[out.index]
        if isinstance(out, ScalarOut):
            return self.boxes.scalar(results[out.index])
        if isinstance(out, PythonOut):
            return KIND_TYPE[out.kind](np.asarray(results[out.index]).item())
        if isinstance(out, ListOut):
            return self._run(out)
        if isinstance(out, RefOut):
            return _Items(self._list(out.heap, int(results[out.index])))
        if isinstance(out, TableOut):
            return self._table(out)
        if isinstance(out, ArgOut):
            return self.array(out.arg)
        if isinstance(out, SelectOut):
            return self._leaf(out.then if bool(results[out.index]) else out.other)
        if isinstance(out, MadeOut):
            return self.tree(out.outs, out.tree)
        if isinstance(out, ViewOut):
            if id(out) not in self._views:
                self._views[id(out)] = self._view(out)
            return self._views[id(out)]
        if isinstance(out, CallerOut):
            return self.containers[out.path]
        if isinstance(out, TreeOut):
            if out.number not in self._trees:
                self._trees[out.number] = self.tree(out.outs, out.tree)
            return self._trees[out.number]
        if isinstance(out, CopyOut):
            if out not in self._new:
                self._new[out] = copy.copy(out.value)
            return self._new[out]
        if isinstance(out, ObjectOut):
            return self._object(out)
        assert isinstance(out, StaticOut)
        return out.value

    def _object(self, out: ObjectOut) -> Any:
        if out not in self._new:
            made: Any = object.__new__(out.kind)
            self._new[out] = made
            vars(made).update(self.tree(out.outs, out.tree))
        return self._new[out]

    def _run(self, out: ListOut, which: slice = _ALL) -> _Items:
        columns = [self._part(part, which) for part in out.parts]
        if out.make is None:
            return _Items(columns[0])
        return _Items(map(out.make, zip(*columns, strict=True)))

    def _list(self, heap: HeapOut, number: int) -> list[Any]:
        """A list of a heap, made once."""
        found = self._lists.get((heap, number))
        if found is None:
            start, count = self.boxes.items(self.results[heap.rows])[number, :2].tolist()
            found = self._lists[heap, number] = []
            if count and heap.items is not None:
                found += self._run(heap.items, slice(start, start + count))
        return found

    def _part(self, out: PartOut, which: slice) -> list[Any]:
        column = self.boxes.items(self.results[out.column])[which]
        if out.heap is not None:
            return [self._list(out.heap, n) for n in column.tolist()]
        if out.items is np.ndarray:
            return [row.copy() for row in column]  # with memory of its own
        if out.tag is None:
            found = _of_kind(column.ravel(), out.kinds[0])
        else:
            tags = self.boxes.items(self.results[out.tag])[which].ravel()
            flat = column.ravel()
            each = [iter(_of_kind(flat[tags == k], kind)) for k, kind in enumerate(out.kinds)]
            found = [next(each[tag]) for tag in tags.tolist()]
        if out.items is None:
            return found
        n = column.shape[1]
        return [found[k * n : (k + 1) * n] for k in range(len(column))]

    def _table(self, out: TableOut) -> Any:
        keys = self._leaf(out.keys)
        if not out.is_set:
            values = self._leaf(out.values)
            every = [None] * len(keys) if values is None else values
            return _Pairs(zip(keys, every, strict=True))
        if out not in self._new:
            self._new[out] = set(keys)
        return self._new[out]

    def _view(self, out: ViewOut) -> Any:
        view = self._leaf(out.base)
        layers = list(out.layers)
        while layers:
            diagonal = _diagonal(view, layers[:2], self.results)
            if diagonal is not None:
                view = diagonal
                del layers[:2]
            else:
                view = apply_layer(view, layers.pop(0), self.results)
        return view


def _of_kind(numbers: np.ndarray[Any, Any], kind: str | np.dtype[Any]) -> list[Any]:
    """Numbers that are of a kind, as such."""
    dtype = np.dtype(KIND_TYPE[kind]) if isinstance(kind, str) else kind
    if is_complex(numbers.dtype) and not is_complex(dtype):
        numbers = numbers.real
    numbers = numbers.astype(dtype, copy=False)
    return numbers.tolist() if isinstance(kind, str) else list(numbers)


class _Items(list[Any]):
    """Items that a list around this holds instead of it."""


class _Pairs(list[Any]):
    """Entries that a dict around this holds instead of it: of nan there may be several."""


def _spread(x: Any) -> None:
    """In place, the items of runs for the runs in the lists of a new container."""
    if isinstance(x, list | tuple | deque):
        children: Any = [item for item in x if not isinstance(item, _Items)]
    elif isinstance(x, dict):
        if trees.Entries in x:
            for key, value in x.pop(trees.Entries):
                x[key] = value
        children = x.values()
    else:
        children = trees.children(x).values() if trees.is_record(x) else ()
    for child in children:
        _spread(child)
    if isinstance(x, list | deque) and len(children) < len(x):
        items = (
            x[0]
            if len(x) == 1
            else [i for item in x for i in (item if isinstance(item, _Items) else [item])]
        )
        x.clear()
        x.extend(items)


def _numbers(extents: Extents, results: Sequence[Any]) -> list[int]:
    return [int(results[e.index]) if isinstance(e, Ref) else e for e in extents]


def _diagonal(x: Any, layers: Sequence[tuple[Any, ...]], results: Sequence[Any]) -> Any:
    """Two axes merged and then sliced where the merged array would be a copy: a line through the
    two axes. None for what is not that."""
    if [layer[0] for layer in layers] != ["reshape", "slice"]:
        return None
    shape = _numbers(layers[0][1], results)
    if x.ndim < 2 or shape != [*x.shape[:-2], x.shape[-2] * x.shape[-1]]:
        return None
    starts, steps, counts = (_numbers(part, results) for part in layers[1][1:])
    n, cols = counts[-1], x.shape[-1]
    if not all(counts) or 0 in steps or x.strides[-2] == cols * x.strides[-1]:
        return None
    ends = divmod(starts[-1], cols), divmod(starts[-1] + steps[-1] * (n - 1), cols)
    moves = [divmod(b - a, max(n - 1, 1)) for a, b in zip(*ends, strict=True)]
    if any(rest for _, rest in moves):
        return None
    corner = (slice(k, None) for k in ends[0])
    first = x[(*map(_slice, starts[:-1], steps[:-1], counts[:-1]), *corner)]
    step = sum(move * s for (move, _), s in zip(moves, x.strides[-2:], strict=True))
    strides = [*first.strides[:-2], step]
    return np.lib.stride_tricks.as_strided(first, counts, strides)


def apply_layer(x: Any, layer: tuple[Any, ...], results: Sequence[Any]) -> Any:
    """A real NumPy view for one described layer."""
    name, *args = layer

    def numbers(extents: Extents) -> list[int]:
        return _numbers(extents, results)

    if name == "slice":
        # The dots keep an array where there is no axis.
        return _sliced(x, *map(numbers, args))
    if name == "transpose":
        return x.transpose(args[0])
    if name == "reshape":
        return x.reshape(numbers(args[0]))
    if name == "broadcast":
        inner = [1] * len(args[0])
        for axis, n in zip(args[1], x.shape, strict=True):
            inner[axis] = n
        return np.broadcast_to(x.reshape(inner), numbers(args[0]))
    if name in ("real", "imag"):
        return getattr(x, name)
    if name == "bitcast":
        return x.view(args[0])
    if name == "read_only":
        locked = x.view()
        locked.flags.writeable = False
        return locked
    axes = args[0]
    rest = [a for a in range(x.ndim) if a not in axes]
    return np.transpose(x, (*axes, *rest))[tuple(results[i] for i in args[1])]


def _sliced(x: Any, starts: list[int], steps: list[int], shape: list[int]) -> Any:
    steps = [t if n > 1 else t or 1 for t, n in zip(steps, shape, strict=True)]
    if 0 not in steps:
        return x[(*map(_slice, starts, steps, shape), ...)]
    first = x[tuple(slice(s, None) for s in starts)]
    strides = [s * t for s, t in zip(x.strides, steps, strict=True)]
    return np.lib.stride_tricks.as_strided(first, shape, strides, writeable=False)


def _slice(start: int, step: int, n: int) -> slice:
    stop = start + step * n
    return slice(start, None if stop < 0 else stop, step) if n else slice(0, 0)
