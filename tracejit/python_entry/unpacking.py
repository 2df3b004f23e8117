"""A row of a chain that takes containers apart: entries behind it see the leaves.

`unpacking_text.py` walks tuples, lists, dicts and the attributes of objects natively, as far as
their classes, sizes and keys (with their order) are those that the code was compiled for, and what
can be changed among them is not in two places.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from tracejit.abi import Container, Packed, Structure
from tracejit.abi.packing import as_array, as_rows
from tracejit.python_entry import callable as native
from tracejit.python_entry.portable import Miss

_KINDS = {"tuple": 1, "list": 2, "dict": 3, "record": 4}
_PACKED = {1: 5, 2: 6}
_DTYPES = np.dtype(np.float64), np.dtype(np.int64), np.dtype(np.complex128)
_PLAIN: dict[str, type] = {"tuple": tuple, "list": list, "dict": dict}
#: Keys of which another object may be the same key, and whose comparison runs no Python code.
_COMPARED = (str, int, bytes)


class Unpacking:
    """Takes arguments of these structures (leaves are numbered), and calls rows on the leaves.

    ``finish(answer, *arguments)`` makes the result, where there is such a thing, and
    ``failed(exception, *arguments)`` is told of what a row raises.
    """

    def __init__(
        self,
        structures: Sequence[Structure],
        count: int,
        rows: Sequence[Any],
        finish: Callable[..., Any] | None = None,
        failed: Callable[..., None] | None = None,
    ) -> None:
        self.structures = structures
        self.count = count
        self.rows = tuple(rows)
        self.finish = finish
        self.failed = failed
        #: Whether native code needs ``finish``, too.
        self.finishes = finish is not None
        self._objects: list[Any] = []  # what words point to
        self._changeable = 0  # lists, dicts and objects taken apart so far

    @property
    def entry_address(self) -> int:
        return native.boxing_symbols()["tj_unpack"]

    @cached_property
    def env_address(self) -> int:
        words = [word for s in self.structures for word in self._words(s)]
        self._program = (ctypes.c_int64 * max(1, len(words)))(*words)
        addresses = [a for r in self.rows for a in (r.entry_address, r.env_address)]
        self._rows = (ctypes.c_int64 * (len(addresses) + 2))(*addresses)
        self._env = (ctypes.c_int64 * 7)(
            len(self.structures),
            ctypes.addressof(self._program),
            self.count,
            ctypes.addressof(self._rows),
            id(self.finish) if self.finishes else 0,
            self._changeable,
            0 if self.failed is None else id(self.failed),
        )
        return ctypes.addressof(self._env)

    def _words(self, structure: Structure) -> Iterator[int]:
        if isinstance(structure, int):
            yield from (0, structure)
            return
        if isinstance(structure, Packed):
            yield from (_PACKED[len(structure.leaves)], id(list), structure.leaves[0])
            yield from self._noted()
            yield from map(id, _DTYPES)
            yield native.many_symbols()["tj_numbers_into"]
            return
        assert isinstance(structure, Container)
        kind = class_of(structure)
        self._objects.append(kind)
        yield from (_KINDS[structure.kind], id(kind), len(structure.children))
        if structure.kind != "tuple":
            yield from self._noted()
        for k, child in enumerate(structure.children):
            if structure.keys:
                key = structure.keys[k]
                self._objects.append(key)
                yield from (id(key), int(type(key) in _COMPARED))
            yield from self._words(child)

    def _noted(self) -> tuple[int, int]:
        """Where what can be changed and was met before stands, and where another is noted."""
        first = self.count + 1
        self._changeable += 1
        return first, first + self._changeable - 1

    @property
    def portable(self) -> Unpacking:
        return self

    def call(self, arguments: Sequence[Any]) -> Any:
        """The same in plain Python."""
        leaves: list[Any] = [None] * self.count
        if len(arguments) != len(self.structures):
            raise Miss
        met: list[Any] = []
        for argument, structure in zip(arguments, self.structures, strict=True):
            take(argument, structure, leaves, met)
        for row in self.rows:
            try:
                answer = row.portable.call(leaves)
            except Miss:
                continue
            except BaseException as error:
                if self.failed is not None:
                    self.failed(error, *arguments)
                raise
            return answer if self.finish is None else self.finish(answer, *arguments)
        raise Miss


def class_of(structure: Container) -> type:
    """The class of which an object must be."""
    return structure.cls if structure.cls is not None else _PLAIN[structure.kind]


def take(x: Any, structure: Structure, leaves: list[Any], met: list[Any]) -> None:
    """Put the leaves of ``x`` in their places, and what can be changed into ``met``. Miss: it is of
    another structure, or was met before."""
    if isinstance(structure, int):
        leaves[structure] = x
        return
    if isinstance(structure, Packed):
        _take_packed(x, structure, leaves, met)
        return
    assert isinstance(structure, Container)
    if type(x) is not class_of(structure):
        raise Miss
    if structure.kind != "tuple":
        _meet(x, met)
    items: Any = vars(x) if structure.kind == "record" else x
    if len(items) != len(structure.children):
        raise Miss
    if structure.kind in ("dict", "record"):
        if not all(map(_same_key, items, structure.keys)):
            raise Miss
        items = items.values()
    for item, child in zip(items, structure.children, strict=True):
        take(item, child, leaves, met)


def _meet(x: Any, met: list[Any]) -> None:
    if any(x is other for other in met):
        raise Miss
    met.append(x)


def _take_packed(x: Any, structure: Packed, leaves: list[Any], met: list[Any]) -> None:
    if type(x) is not list or not x:
        raise Miss
    _meet(x, met)
    if len(structure.leaves) == 1:
        arrays: Any = (as_array(x),)
    else:
        arrays = as_rows(x)
        for row in x:
            _meet(row, met)
    if arrays is None or arrays[0] is None:
        raise Miss
    for k, array in zip(structure.leaves, arrays, strict=True):
        leaves[k] = array


def _same_key(key: Any, wanted: Any) -> bool:
    if key is wanted:
        return True
    return type(key) is type(wanted) and type(key) in _COMPARED and key == wanted
