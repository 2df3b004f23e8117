"""Which lists, dicts and sets of the run an entry makes itself, and what it writes for them: the
words that ``runs_text`` reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from tracejit import abi
from tracejit.ir.results import (
    ArrayOut,
    HeapOut,
    ListOut,
    Out,
    PartOut,
    RefOut,
    StaticOut,
    TableOut,
    every_part,
)
from tracejit.python_entry.entry_writer import Writer
from tracejit.python_entry.runs_text import PART_WORDS, WORDS_BEFORE
from tracejit.python_entry.text_writer import TextWriter, is_native_text

RUNS = (ListOut, RefOut, TableOut)
_NUMBER, _ROW, _ARRAY, _LIST, _TEXT = range(5)
_AROUND: dict[type | None, int] = {None: 0, tuple: 1, list: 2}
#: Python's numbers, by kind and how the core stores them.
_PYTHONS = {
    ("int", np.dtype(np.int64)): 0,
    ("float", np.dtype(np.float64)): 1,
    ("complex", np.dtype(np.complex128)): 2,
    ("bool", np.dtype(bool)): 3,
}
_NUMPYS, _TAGGED = 4, 5
#: Python's numbers by their kinds, and how numbers of several kinds are stored.
_KINDS = {"int": 0, "float": 1, "complex": 2, "bool": 3}
_STORED = {np.dtype(np.int64): 0, np.dtype(np.float64): 1, np.dtype(np.complex128): 2}
#: The most kinds of which a number may be one.
_MOST = 8


def is_native_run(out: Out, results: Sequence[abi.Result]) -> bool:
    """Whether an entry makes a list, dict or set of the run."""
    if isinstance(out, RefOut):
        return _is_native_heap(out.heap, results, set())
    if isinstance(out, ListOut):
        return _is_native_list(out, results, set())
    if not isinstance(out, TableOut) or not isinstance(out.keys, ListOut):
        return False
    nothing = isinstance(out.values, StaticOut) and out.values.value is None
    lists = [out.keys] if nothing else [out.keys, out.values]
    return all(isinstance(x, ListOut) and _is_native_list(x, results, set()) for x in lists)


def _is_native_list(out: ListOut, results: Sequence[abi.Result], met: set[int]) -> bool:
    return out.make in _AROUND and all(_is_native_part(part, results, met) for part in out.parts)


def _is_native_part(part: PartOut, results: Sequence[abi.Result], met: set[int]) -> bool:
    stored = results[part.column]
    if not isinstance(stored, abi.ArrayResult):
        return False
    if part.texts:
        rows = ((make, x) for make, parts in part.texts for x in parts)
        return all(is_native_text(make) and _is_native_part(x, results, met) for make, x in rows)
    if part.heap is not None:
        return _is_native_heap(part.heap, results, met)
    return part.items is np.ndarray or _number_kind(part, stored.dtype) is not None


def _is_native_heap(heap: HeapOut, results: Sequence[abi.Result], met: set[int]) -> bool:
    if id(heap) in met:
        return True
    met.add(id(heap))
    if heap.lent or not isinstance(results[heap.rows], abi.ArrayResult):
        return False
    return heap.items is None or _is_native_list(heap.items, results, met)


def _number_kind(part: PartOut, dtype: np.dtype[Any]) -> int | None:
    """The word that says what numbers are; None where they are converted in another way."""
    if part.tag is not None:
        known = len(part.kinds) <= _MOST and all(isinstance(k, str) for k in part.kinds)
        if not known or dtype not in _STORED:
            return None
        each = (_KINDS[str(kind)] << 16 + 4 * tag for tag, kind in enumerate(part.kinds))
        return _TAGGED + (_STORED[dtype] << 8) + sum(each)
    (kind,) = part.kinds if len(part.kinds) == 1 else (None,)
    if isinstance(kind, np.dtype):
        return _NUMPYS if kind == dtype else None
    return None if kind is None else _PYTHONS.get((kind, dtype))


def arrays_needed(outs: Sequence[Out]) -> set[int]:
    """The results that become arrays, or that arrays are views of. Of others only the memory is
    read."""
    return {out.index for out in every_part(outs) if isinstance(out, ArrayOut)}


def number_part(kind: str, dtype: np.dtype[Any], at: str) -> list[str] | None:
    """The words of a number of Python's that is stored somewhere; None of one that is converted."""
    number = _PYTHONS.get((kind, dtype))
    if number is None:
        return None
    numbers = "i64 0", f"i64 {dtype.itemsize}", f"i64 {number}"
    return [f"i64 {_NUMBER}", f"ptr {at}", *numbers, *["ptr null"] * 3]


class RunWriter:
    """Writes runs and heaps of one entry. ``data`` and ``dims``: pointer and extents of a result;
    ``keep``: a new reference that the call holds until it ends."""

    def __init__(
        self,
        writer: Writer,
        results: Sequence[abi.Result],
        data: Callable[[int], str],
        dims: Callable[[int], list[str]],
        keep: Callable[[str], None],
    ) -> None:
        self.w = writer
        self.results = results
        self.data = data
        self.dims = dims
        self.keep = keep
        self._heaps: dict[int, str] = {}
        self._texts = TextWriter(writer)

    def made(self, out: Out, number: Callable[[int], str]) -> str:
        """A new reference to what is made, or null. ``number``: the value of a result."""
        w = self.w
        if isinstance(out, RefOut):
            heap = self._heap(out.heap)
            return w.op(f"call ptr @tj_list_of_heap(ptr {heap}, i64 {number(out.index)})")
        if isinstance(out, ListOut):
            return w.op(f"call ptr @tj_list_of(ptr {self._run(out)}, i64 {self.count(out)})")
        assert isinstance(out, TableOut)
        assert isinstance(out.keys, ListOut)
        keys, n = self._run(out.keys), self.count(out.keys)
        if out.is_set:
            return w.op(f"call ptr @tj_set_of(ptr {keys}, i64 {n})")
        values = self._run(out.values) if isinstance(out.values, ListOut) else "null"
        return w.op(f"call ptr @tj_dict_of(ptr {keys}, ptr {values}, i64 {n})")

    def count(self, out: ListOut) -> str:
        """How many items a list has."""
        return self.dims(out.parts[0].column)[0]

    def _run(self, out: ListOut) -> str:
        w = self.w
        block = w.alloca(f"[{WORDS_BEFORE + PART_WORDS * len(out.parts)} x i64]")
        w.store(f"i64 {len(out.parts)}", block, 0)
        w.store(f"i64 {_AROUND[out.make]}", block, 1)
        for k, part in enumerate(out.parts):
            for word, value in enumerate(self.part(part)):
                w.store(value, block, WORDS_BEFORE + PART_WORDS * k + word)
        return block

    def part(self, part: PartOut) -> list[str]:
        """The words of a part of each item."""
        w, result = self.w, self.results[part.column]
        assert isinstance(result, abi.ArrayResult)
        dtype, dims = result.dtype, self.dims(part.column)
        what, kind, width, size = _NUMBER, _number_kind(part, dtype) or 0, "0", str(dtype.itemsize)
        descr = heap = extents = "null"
        if part.texts:
            what, heap = _TEXT, self._table_of_texts(part)
        elif part.heap is not None:
            what, heap = _LIST, self._heap(part.heap)
        elif part.items is list:
            what, width = _ROW, dims[1]
        elif part.items is np.ndarray:
            what, width = _ARRAY, str(len(dims) - 1)
            extents = w.alloca(f"[{max(1, len(dims) - 1)} x i64]")
            for axis, extent in enumerate(dims[1:]):
                w.store(f"i64 {extent}", extents, axis)
                size = w.op(f"mul i64 {size}, {extent}")
        if kind == _NUMPYS or what == _ARRAY:
            descr = w.env_load(dtype)
        elif part.tag is not None:
            descr = self.data(part.tag)
        numbers = f"i64 {width}", f"i64 {size}", f"i64 {kind}"
        pointers = f"ptr {descr}", f"ptr {heap}", f"ptr {extents}"
        return [f"i64 {what}", f"ptr {self.data(part.column)}", *numbers, *pointers]

    def _table_of_texts(self, part: PartOut) -> str:
        """The texts among which numbers are places."""
        table = self.w.alloca(f"[{len(part.texts)} x ptr]")
        for place, (make, parts) in enumerate(part.texts):
            words = self._texts.text(make.between, list(map(self.part, parts)))
            self.w.store(f"ptr {words}", table, place)
        return table

    def _heap(self, heap: HeapOut) -> str:
        """Its words; lists of it may hold lists of it."""
        if id(heap) in self._heaps:
            return self._heaps[id(heap)]
        w = self.w
        block = self._heaps[id(heap)] = w.alloca("[3 x i64]")
        made = w.op(f"call ptr @PyList_New(i64 {self.dims(heap.rows)[0]})")
        self.keep(made)
        w.store(f"ptr {self.data(heap.rows)}", block, 0)
        w.store(f"ptr {made}", block, 1)
        items = "null" if heap.items is None else self._run(heap.items)
        w.store(f"ptr {items}", block, 2)
        return block


def heaps_in(outs: Sequence[Out]) -> Iterator[HeapOut]:
    """The heaps of which outs need lists, each once."""
    every = every_part(outs)
    stack: list[Any] = [out.heap if isinstance(out, RefOut) else out for out in every]
    met: set[int] = set()
    while stack:
        x = stack.pop()
        if isinstance(x, ListOut):
            stack += [part.heap for part in x.parts]
        elif isinstance(x, HeapOut) and id(x) not in met:
            met.add(id(x))
            yield x
            stack.append(x.items)
