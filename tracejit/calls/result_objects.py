"""Results of a call, put together in Python from those of the core and the caller's arguments."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np

from tracejit import trees
from tracejit.ir.arguments import KIND_TYPE
from tracejit.ir.results import (
    ArgOut,
    ArrayOut,
    CallerOut,
    CopyOut,
    Extents,
    JoinOut,
    Lent,
    ListOut,
    MadeOut,
    ObjectOut,
    Out,
    PythonOut,
    Ref,
    RefOut,
    SameOut,
    ScalarOut,
    SelectOut,
    StaticOut,
    TableOut,
    TextOut,
    TreeOut,
    ViewOut,
)
from tracejit.python_entry.lists import Lists, joined
from tracejit.trace.session.plain import hold_attributes


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


class Rebuilder:
    """Makes results of IR results and of what the caller has. One object is made once.

    ``array(k)`` is argument array k; ``containers``: those of the caller, by path; ``boxes``: what
    arrays and scalars of the run become; ``lent``: lists of the caller's.
    """

    def __init__(
        self,
        results: Sequence[Any],
        array: Callable[[int], Any],
        containers: Mapping[tuple[Any, ...], Any],
        boxes: Boxes,
        lent: Mapping[Lent, Sequence[list[Any]]] = MappingProxyType({}),
    ) -> None:
        self.boxes = boxes
        self.results = results
        self.array = array
        self.containers = containers
        self.lent = lent
        #: What was made, by its out or its kind and number.
        self._once: dict[Any, Any] = {}

    @cached_property
    def lists(self) -> Lists:
        """What makes lists, dicts and sets of the run."""
        return Lists(lambda k: self.boxes.items(self.results[k]), self.lent)

    def tree(self, outs: Sequence[Out], tree: Any) -> Any:
        """The container or leaf of this structure."""
        found = trees.unflatten(tree, self.leaves(outs))
        if not _RUNS.isdisjoint(map(type, outs)):
            _spread(found)
        return found

    def leaves(self, outs: Sequence[Out]) -> list[Any]:
        """What stands at the leaves of a structure."""
        found: list[Any] = []
        for out in outs:
            again = type(out) is SameOut
            found.append(found[out.leaf] if again else _MAKE[type(out)](self, out))  # type: ignore[union-attr]
        return found

    def _leaf(self, out: Out) -> Any:
        return _MAKE[type(out)](self, out)

    def _array(self, out: ArrayOut) -> Any:
        found = self._once.get(out.index)
        if found is None:
            found = self._once[out.index] = self.boxes.array(self.results[out.index])
        return found

    def _scalar(self, out: ScalarOut) -> Any:
        return self.boxes.scalar(self.results[out.index])

    def _python(self, out: PythonOut) -> Any:
        return KIND_TYPE[out.kind](np.asarray(self.results[out.index]).item())

    def _every(self, out: ListOut) -> trees.Run:
        return trees.Run(self.lists.items(out))

    def _numbered(self, out: RefOut) -> list[Any]:
        return self.lists.numbered(out.heap, int(self.results[out.index]))

    def _argument(self, out: ArgOut) -> Any:
        return self.array(out.arg)

    def _select(self, out: SelectOut) -> Any:
        return self._leaf(out.then if bool(self.results[out.index]) else out.other)

    def _made(self, out: MadeOut) -> Any:
        return self.tree(out.outs, out.tree)

    def _text(self, out: TextOut) -> str:
        return out.make(*map(self._leaf, out.outs))

    def _joined(self, out: JoinOut) -> str:
        return joined(out, self.lists.items(out.items))

    def _view_once(self, out: ViewOut) -> Any:
        key = ViewOut, id(out)
        if key not in self._once:
            self._once[key] = self._view(out)
        return self._once[key]

    def _caller(self, out: CallerOut) -> Any:
        return self.containers[out.path]

    def _shared(self, out: TreeOut) -> Any:
        key = TreeOut, out.number
        if key not in self._once:
            self._once[key] = self.tree(out.outs, out.tree)
        return self._once[key]

    def _copy(self, out: CopyOut) -> Any:
        if out not in self._once:
            self._once[out] = copy.copy(out.value)
        return self._once[out]

    def _static(self, out: StaticOut) -> Any:
        return out.value

    def _object(self, out: ObjectOut) -> Any:
        if out not in self._once:
            made: Any = object.__new__(out.kind)
            self._once[out] = made
            hold_attributes(made, self.tree(out.outs, out.tree))
        return self._once[out]

    def _table(self, out: TableOut) -> Any:
        if not out.is_set:
            return _Pairs(self.lists.table(out).items())
        if out not in self._once:
            self._once[out] = self.lists.table(out)
        return self._once[out]

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


#: How an out is made, by its class. ``SameOut`` is told by its place.
_MAKE: dict[type, Callable[[Rebuilder, Any], Any]] = {
    ArrayOut: Rebuilder._array,
    ScalarOut: Rebuilder._scalar,
    PythonOut: Rebuilder._python,
    ListOut: Rebuilder._every,
    RefOut: Rebuilder._numbered,
    TableOut: Rebuilder._table,
    ArgOut: Rebuilder._argument,
    ViewOut: Rebuilder._view_once,
    SelectOut: Rebuilder._select,
    MadeOut: Rebuilder._made,
    TextOut: Rebuilder._text,
    JoinOut: Rebuilder._joined,
    CallerOut: Rebuilder._caller,
    TreeOut: Rebuilder._shared,
    StaticOut: Rebuilder._static,
    CopyOut: Rebuilder._copy,
    ObjectOut: Rebuilder._object,
}
#: Outs that make runs of items, for lists around them to take in.
_RUNS = {ListOut, TableOut}


class Recipe:
    """How a structure of outs is put together, of which a call has only the making left."""

    def __init__(self, outs: Sequence[Out], tree: Any) -> None:
        self.outs, self.tree = tuple(outs), tree
        self._alone = _RUNS.isdisjoint(map(type, outs))
        self._leaf = self._alone and trees.is_leaf(tree)
        self._items = trees.is_list_of_leaves(tree)

    def make(self, rebuilder: Rebuilder) -> Any:
        """The container or leaf."""
        if self._items:
            leaves = rebuilder.leaves(self.outs)
            return leaves if self._alone else _with_runs(leaves)
        if self._leaf:
            return _MAKE[type(self.outs[0])](rebuilder, self.outs[0])
        return rebuilder.tree(self.outs, self.tree)


class _Pairs(list[Any]):
    """Entries that a dict around this holds instead of it: of nan there may be several."""


def _with_runs(items: list[Any]) -> list[Any]:
    """A list of these, with the items of runs for the runs."""
    found: list[Any] = []
    for item in items:
        if isinstance(item, trees.Run):
            found += item
        else:
            found.append(item)
    return found


def _spread(x: Any) -> None:
    """In place, the items of runs for the runs in the lists of a new container."""
    if isinstance(x, list | tuple | deque):
        children: Any = [item for item in x if not isinstance(item, trees.Run)]
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
        items = _with_runs(list(x))
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
    if name == "windows":
        strides = (*x.strides, x.strides[args[0]])
        return np.lib.stride_tricks.as_strided(x, numbers(args[1]), strides)
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
