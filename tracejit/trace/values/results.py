"""What a traced function returns, leaf by leaf, in terms of ``outs``."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import starmap
from typing import Any

import numpy as np

from tracejit import trees
from tracejit.errors import UnsupportedError
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.ir.results import (
    ArgOut,
    ArrayOut,
    CallerOut,
    ContainerChange,
    CopyOut,
    Extents,
    HeapOut,
    JoinOut,
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
    TextOut,
    TreeOut,
    ViewOut,
)
from tracejit.trace.session.frames import SharedResults
from tracejit.trace.session.session import current
from tracejit.trace.session.shown_texts import SliceBounds, TextOfValues
from tracejit.trace.values.all import (
    Array,
    Cell,
    IntOrFloat,
    IntOrScalar,
    MixedScalar,
    PyScalar,
    Scalar,
    Select,
    TaggedScalar,
    Tracer,
)
from tracejit.trace.values.chosen_constants import ChosenConstant
from tracejit.trace.values.dynamic_list import ListBuffer, is_ref, parts_of
from tracejit.trace.values.entries import is_table, table_in
from tracejit.trace.values.grown_texts import GrownText
from tracejit.trace.values.list_heap_sites import heap_at
from tracejit.trace.values.list_heaps import CallersLists, Heap
from tracejit.trace.values.list_kinds import Kind, by_part
from tracejit.trace.values.made_objects import made_attributes
from tracejit.trace.values.marked_texts import apart, is_marked
from tracejit.trace.values.maybe_unbound import MaybeNone, bound_value
from tracejit.trace.values.ranges import Range
from tracejit.trace.values.table_buffers import TableBuffer, listed
from tracejit.trace.values.table_forms import NOTHING
from tracejit.trace.values.tagged import by_kind
from tracejit.trace.values.text_kinds import TextKind
from tracejit.trace.values.view_transforms import (
    Bitcast,
    Broadcast,
    Gather,
    Layer,
    Part,
    ReadOnly,
    Regroup,
    Reshape,
    Slice,
    Transpose,
    Windows,
)


class Describer:
    """Collects the IR results that some leaves need; ``arrays``: all that leave the trace.
    ``check``: raises for objects that must not leave it, as results or in what they change.
    ``exact``: whose storage they share must be known."""

    def __init__(
        self,
        arrays: Sequence[Array],
        check: Callable[[Sequence[Any]], object],
        *,
        exact: bool = True,
    ) -> None:
        self._check = check
        self._shared = _shared_cells(arrays)
        if exact:
            _must_be_known(arrays)
        self._arrays: dict[int, tuple[Array, Out]] = {}
        self.values: list[Value] = []
        self._index: dict[tuple[Value, str], int] = {}
        self._storage: dict[Any, tuple[Cell, int]] = {}
        self._objects: dict[int, int] = {}
        self._new: dict[int, CopyOut | ObjectOut | TableOut] = {}
        self._heaps: dict[int, HeapOut] = {}
        self._kept: list[Any] = []
        self.leaves: list[Out] = []

    def need(self, value: Value, kind: str = "") -> int:
        """The number of an IR result; ``kind``: it comes back as a Python number."""
        if (value, kind) not in self._index:
            self._index[value, kind] = len(self.values)
            self.values.append(value)
        return self._index[value, kind]

    def describe_all(self, leaves: Sequence[Any]) -> list[Out]:
        """Descriptions of result leaves; the same array object twice stays one object."""
        for leaf in leaves:
            if isinstance(leaf, Array) and id(leaf) in self._objects:
                self.leaves.append(SameOut(self._objects[id(leaf)]))
                continue
            if isinstance(leaf, Array):
                self._objects[id(leaf)] = len(self.leaves)
                self._kept.append(leaf)
            self.leaves.append(self.describe(leaf))
        return self.leaves

    def describe(self, leaf: Any) -> Out:
        """The description of one leaf."""
        if isinstance(leaf, str) and is_marked(leaf):
            return self._text(leaf)
        if isinstance(leaf, slice | Range):
            parts = (leaf.start, leaf.stop, leaf.step)
            if any(isinstance(x, Tracer) for x in parts):
                return self._bounds(SliceBounds(range if isinstance(leaf, Range) else slice, parts))
        if isinstance(leaf, MaybeNone):
            leaves, tree = trees.flatten(leaf.value, current().outside.apart)
            made = MadeOut(tree, tuple(self.describe(bound_value(x)) for x in leaves))
            return SelectOut(self.need(leaf.flag), made, StaticOut(None))
        if isinstance(leaf, IntOrFloat | IntOrScalar):
            return self.describe(by_kind(leaf))
        if isinstance(leaf, PyScalar):
            return PythonOut(self.need(leaf.value, leaf.kind), leaf.kind)
        if isinstance(leaf, TaggedScalar):
            *most, found = map(self.describe, leaf.alternatives)
            for flag, other in zip(reversed(leaf.flags), reversed(most), strict=True):
                found = SelectOut(self.need(flag), other, found)
            return found
        if isinstance(leaf, ChosenConstant):
            *choices, of_each = map(self._choice, leaf.choices)
            for flag, choice in zip(reversed(leaf.flags), reversed(choices), strict=True):
                of_each = SelectOut(self.need(flag), choice, of_each)
            return of_each
        if isinstance(leaf, MixedScalar):
            k = self.need(leaf.value)
            return SelectOut(self.need(leaf.python), PythonOut(k, leaf.kind), ScalarOut(k))
        if isinstance(leaf, Scalar):
            return ScalarOut(self.need(leaf.value))
        if isinstance(leaf, Array):
            if id(leaf) not in self._arrays:
                self._arrays[id(leaf)] = (leaf, self._array(leaf))
            return self._arrays[id(leaf)][1]
        if isinstance(leaf, ListBuffer):
            kinds, make = leaf.form
            given = current().given_to_list
            if given is not None and any(k.shape is not None for k in kinds):
                raise UnsupportedError(given.replace("changed", "returned"))
            return self._list(parts_of(leaf), kinds, make)
        if is_ref(leaf):
            heap = self._heap(leaf[0].heap)
            return RefOut(self.need(leaf[0].number), heap)
        if isinstance(leaf, TableBuffer):
            return TableOut(*self._entries(leaf))
        if isinstance(leaf, set) and is_table(leaf):
            if id(leaf) not in self._new:
                self._new[id(leaf)] = TableOut(*self._entries(table_in(leaf)), is_set=True)
            return self._new[id(leaf)]
        outside = current().outside
        path = outside.path_of(leaf)
        if path is not None:
            return CallerOut(path)
        number = outside.number_of(leaf)
        if number is None:
            self._check([leaf])
            outside.pin(leaf)
            return self._static(leaf)
        leaves, tree = _inside(leaf)
        outs = tuple(self.describe(bound_value(x)) for x in leaves)
        return TreeOut(number, tree, outs)

    def _choice(self, x: Any) -> Out:
        """A constant that the run may choose."""
        return self._text(x) if is_marked(x) else StaticOut(x)

    def _text(self, text: str) -> TextOut:
        """A text with values of the run in it."""
        between, values = apart(text)
        return TextOut(TextOfValues(between), tuple(map(self._shown, values)))

    def _bounds(self, x: SliceBounds) -> MadeOut:
        """A slice or range of values of the run, made when the call ends."""
        tree = trees.flatten(x, lambda part: part is not x)[1]
        return MadeOut(tree, tuple(map(self._shown, x.values)))

    def _shown(self, x: Any) -> Out:
        """What a text shows, which nobody else has."""
        if isinstance(x, GrownText):
            items = self.describe(x.items)
            assert isinstance(items, ListOut)
            return JoinOut(items, x.between, x.backwards)
        return ArrayOut(self.need(x.read())) if isinstance(x, Array) else self.describe(x)

    def _list(self, columns: Sequence[Value], kinds: Iterable[Kind], make: Any) -> ListOut:
        return ListOut(tuple(starmap(self._part, by_part(kinds, columns))), make)

    def _heap(self, heap: Heap) -> HeapOut:
        """The lists of a heap, each of which is made once."""
        heap.must_change()
        if id(heap) not in self._heaps:
            rows = self.need(parts_of(heap.rows[0])[0])
            lent = tuple(group.lent for group in heap.callers if group.lent is not None)
            found = self._heaps[id(heap)] = HeapOut(rows, lent=lent)
            if heap.form is not None:
                found.items = self._list(heap.pool[0].columns, *heap.form)
        return self._heaps[id(heap)]

    def lists_of(self, heap: Heap, group: CallersLists) -> ListOut:
        """What each of the lists holds that a heap has of a container of the caller's."""
        contents = dataclasses.replace(self._heap(heap), lent=())
        numbers = self.need(group.numbers())
        return ListOut((PartOut(numbers, ("int",), heap=contents),), None)

    def _entries(self, table: TableBuffer) -> tuple[Out, Out]:
        keys = self.describe(listed(table, "keys")[0])
        if table.form.values == NOTHING:
            return keys, StaticOut(None)
        return keys, self.describe(listed(table, "values")[0])

    def _static(self, leaf: Any) -> Out:
        """What was made while tracing, and could be changed, is made anew in each call."""
        attributes = made_attributes(leaf)
        if attributes is None:
            if not isinstance(leaf, set | bytearray) or current().outside.is_outside(leaf):
                return StaticOut(leaf)
            return self._new.setdefault(id(leaf), CopyOut(leaf))
        if id(leaf) not in self._new:
            found = self._new[id(leaf)] = ObjectOut(type(leaf))
            leaves, found.tree = trees.flatten(attributes, current().outside.apart)
            found.outs = tuple(self.describe(bound_value(x)) for x in leaves)
        return self._new[id(leaf)]

    def _part(self, kind: Kind, columns: Sequence[Value]) -> PartOut:
        first = len(self.values)
        if isinstance(kind, TextKind):
            self.values.append(columns[0])
            texts = [
                (TextOfValues(between), tuple(starmap(self._part, rows)))
                for between, rows in kind.by_text(columns[1:])
            ]
            return PartOut(first, ("text",), texts=tuple(texts))
        self.values += columns
        items = list if kind.row else None if kind.shape is None else np.ndarray
        heap = None
        if kind.lists is not None:
            items, heap = None, self._heap(heap_at(kind.lists.site))
        return PartOut(first, kind.kinds, first + 1 if kind.is_tagged else None, items, heap)

    def _array(self, x: Array) -> Out:
        cell = x.cell
        if isinstance(cell, Select):
            pred = self.need(cell.pred)
            return self._layered(
                SelectOut(pred, self.describe(cell.then), self.describe(cell.other)),
                x.layers,
            )
        if cell.arg is not None:
            arg, below = _window(x) or (cell.arg, 0)
            return self._layered(ArgOut(arg), x.layers[below:])
        if id(cell) in self._shared and x.layers:
            whole = self._array_of(cell, (), current().read_cell(cell))
            return self._layered(whole, x.layers)
        return self._array_of(cell, x.layers, x.read())

    def _array_of(self, cell: Cell, layers: tuple[Layer, ...], value: Value) -> ArrayOut:
        """A new array for each storage, also where several hold one value (a copy, say)."""
        found = self._storage.get((id(cell), layers))
        if found is None:
            index = len(self.values)
            self.values.append(value)
            self._index.setdefault((value, ""), index)
            found = self._storage[id(cell), layers] = (cell, index)
        return ArrayOut(found[1])

    def _layered(self, base: Out, layers: tuple[Layer, ...]) -> Out:
        if not layers:
            return base
        return ViewOut(base, tuple(self._layer(layer) for layer in layers))

    def _layer(self, layer: Layer) -> tuple[Any, ...]:
        if isinstance(layer, Slice):
            parts = (layer.starts, layer.steps, layer.shape)
            return ("slice", *(self._extents(p) for p in parts))
        if isinstance(layer, Transpose):
            return ("transpose", layer.perm)
        if isinstance(layer, Reshape):
            return ("reshape", self._extents(layer.shape))
        if isinstance(layer, Windows):
            return ("windows", layer.axis, self._extents(layer.shape))
        if isinstance(layer, Broadcast):
            return ("broadcast", self._extents(layer.shape), layer.axes)
        if isinstance(layer, Part):
            return (layer.which,)
        if isinstance(layer, ReadOnly):
            return ("read_only",)
        if isinstance(layer, Bitcast | Regroup):
            return ("bitcast", layer.dtype)
        assert isinstance(layer, Gather)
        return ("gather", layer.axes, tuple(self.need(i) for i in layer.index))

    def _extents(self, dims: tuple[Dim, ...]) -> Extents:
        b = current().b
        return tuple(d if isinstance(d, int) else Ref(self.need(b.index(d))) for d in dims)


def lent_changes(describer: Describer, heap: Heap) -> Iterator[ContainerChange]:
    """What becomes of the caller's lists that a heap has."""
    tree = trees.flatten([None])[1]
    for group in heap.callers if heap.is_changed else ():
        if group.lent is None:
            continue
        if group.lent.but:
            outs = (describer.lists_of(heap, group),)
            yield ContainerChange(group.lent.path, None, tree, outs, group.lent)
        else:  # one list, which gets its items as any other does
            items = heap.items(current().b.index(group.start))
            yield ContainerChange(group.lent.path, None, tree, (describer.describe(items),))


def _window(x: Array) -> tuple[int, int] | None:
    """The argument, a window of shared storage, that an array is or is a view of (at best the
    object itself), and how many of its layers are those of the argument."""
    found = [
        (len(w.layers), w is x, k)
        for w, k in current().windows
        if w.cell is x.cell and w.layers == x.layers[: len(w.layers)]
    ]
    if not found:
        return None
    depth, _, arg = max(found, key=lambda f: f[:2])
    return arg, depth


def _inside(container: Any) -> tuple[list[Any], Any]:
    """Leaves and structure of a container that is itself described as one object."""
    outside = current().outside
    return trees.flatten(container, lambda x: x is not container and outside.apart(x))


def _must_be_known(arrays: Sequence[Array]) -> None:
    """Where a loop carried by value what may be one storage, the caller could tell."""
    if current().results_by_value:
        return
    leaving = {id(x.cell) for x in arrays if isinstance(x.cell, Cell)}
    for x in arrays:
        for cell in (x.cell,) if isinstance(x.cell, Cell) else ():
            for link in cell.links:
                if any(c.arg is not None or id(c) in leaving for c in link.others(cell)):
                    why = "a loop decides which array a result is, or is a view of"
                    raise SharedResults(link.key, "exact", why)


def _shared_cells(arrays: Sequence[Array]) -> set[int]:
    """Storages that several of these arrays are views of."""
    seen: set[int] = set()
    shared: set[int] = set()
    for array in {id(x): x for x in arrays}.values():
        if isinstance(array.cell, Cell):
            (shared if id(array.cell) in seen else seen).add(id(array.cell))
    return shared
