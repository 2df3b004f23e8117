"""Lists, dicts and sets of which the run decides what is in them, made of results in Python: what
the native entry does in ``runs_text``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Any

import numpy as np

from tracejit.dtypes import is_complex
from tracejit.ir.arguments import KIND_TYPE
from tracejit.ir.results import HeapOut, JoinOut, Lent, ListOut, PartOut, TableOut

Column = np.ndarray[Any, Any]
_ALL = slice(None)


class Lists:
    """Makes lists of columns; one that is an item of others once. ``column(k)``: what IR result k
    holds, on the host; ``lent``: lists of the caller's."""

    def __init__(
        self,
        column: Callable[[int], Column],
        lent: Mapping[Lent, Sequence[list[Any]]] = MappingProxyType({}),
    ) -> None:
        self.column = column
        self.lent = lent
        self._once: dict[tuple[HeapOut, int], list[Any]] = {}
        self._of_heaps: dict[HeapOut, list[list[Any]]] = {}

    def items(self, out: ListOut, which: slice = _ALL) -> list[Any]:
        """All items, or some."""
        columns = [self._part(part, which) for part in out.parts]
        if out.make is None:
            return columns[0]
        return list(map(out.make, zip(*columns, strict=True)))

    def numbered(self, heap: HeapOut, number: int) -> list[Any]:
        """A list of a heap, made once."""
        if heap.lent:
            lent = self._lent_of(heap)
            if number < len(lent):
                return lent[number]
        found: list[Any] | None = self._once.get((heap, number))
        if found is None:
            start, count = self.column(heap.rows)[number, :2].tolist()
            found = self._once[heap, number] = []
            if count and heap.items is not None:
                found += self.items(heap.items, slice(start, start + count))
        return found

    def _lent_of(self, heap: HeapOut) -> list[list[Any]]:
        """The first lists of a heap, which are the caller's."""
        found = self._of_heaps.get(heap)
        if found is None:
            found = self._of_heaps[heap] = [x for lent in heap.lent for x in self.lent[lent]]
        return found

    def table(self, out: TableOut) -> Any:
        """A new dict or set."""
        assert isinstance(out.keys, ListOut)
        keys = self.items(out.keys)
        if out.is_set:
            return set(keys)
        values = self.items(out.values) if isinstance(out.values, ListOut) else [None] * len(keys)
        return dict(zip(keys, values, strict=True))

    def _part(self, out: PartOut, which: slice) -> list[Any]:
        column = self.column(out.column)[which]
        if out.heap is not None:
            return [self.numbered(out.heap, n) for n in column.tolist()]
        if out.texts:
            return self._texts(out, column.tolist(), which)
        if out.items is np.ndarray:
            return [row.copy() for row in column]  # with memory of its own
        if out.tag is None:
            found = _of_kind(column, out.kinds[0])
            if isinstance(out.kinds[0], str) or out.items is None:
                return found
        else:
            tags = self.column(out.tag)[which].ravel()
            found = _of_kinds(column.ravel(), tags, out.kinds)
        if out.items is None:
            return found
        n = column.shape[1]
        return [found[k * n : (k + 1) * n] for k in range(len(column))]

    def _texts(self, out: PartOut, places: list[int], which: slice) -> list[str]:
        """Each of the texts that numbers are the places of."""
        values = [[self._part(part, which) for part in parts] for _, parts in out.texts]
        found = []
        for row, place in enumerate(places):
            found.append(out.texts[place][0](*(column[row] for column in values[place])))
        return found


def joined(out: JoinOut, texts: list[str]) -> str:
    """The texts in one."""
    return out.between.join(reversed(texts) if out.backwards else texts)


def _of_kinds(
    numbers: np.ndarray[Any, Any],
    tags: np.ndarray[Any, Any],
    kinds: Sequence[str | np.dtype[Any]],
) -> list[Any]:
    """Numbers of which tags say of which of the kinds each is, as such."""
    places = tags.tolist()
    present = set(places)
    if len(present) == 1:
        return _of_kind(numbers, kinds[places[0]])
    each = {k: iter(_of_kind(numbers[tags == k], kinds[k])) for k in present}
    return [next(each[place]) for place in places]


def _of_kind(numbers: np.ndarray[Any, Any], kind: str | np.dtype[Any]) -> list[Any]:
    """Numbers that are of a kind, as such: of Python's kinds in a list for each row."""
    real, dtype = _conversion(numbers.dtype, kind)
    if real:
        numbers = numbers.real
    if dtype is not None:
        numbers = numbers.astype(dtype)
    return numbers.tolist() if isinstance(kind, str) else list(numbers.flat)


@cache
def _conversion(
    stored: np.dtype[Any], kind: str | np.dtype[Any]
) -> tuple[bool, np.dtype[Any] | None]:
    """Whether numbers of a kind are the real parts of those stored, and what they are made then."""
    dtype = np.dtype(KIND_TYPE[kind]) if isinstance(kind, str) else kind
    real = is_complex(stored) and not is_complex(dtype)
    part = stored.type(0).real.dtype if real else stored
    return real, None if part == dtype else dtype
