"""A row of a chain for arguments that overlap in memory as those of an earlier call did.

Entries behind it get, after the arguments, the storages that these are windows of, and the numbers
that say where the windows begin.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NoReturn

import numpy as np

from tracejit.abi import capi
from tracejit.python_entry import callable as native
from tracejit.python_entry.portable import Miss
from tracejit.records import dataclass

NDArray = np.ndarray[Any, Any]
_ORDERED = capi.C_CONTIGUOUS | capi.ALIGNED


@dataclass(frozen=True)
class SharedStorage:
    """A C-ordered array, ``offset`` bytes from the first element of the first argument array.

    ``member``: the number of an argument that lies in it, and whose owner keeps its memory.
    """

    member: int
    offset: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    writeable: bool


class SharingRow:
    """Of calls with ``count`` leaves, of which ``arrays`` (by number) lie like these, in memory of
    ``owners`` that lie like these."""

    def __init__(
        self,
        count: int,
        arrays: Mapping[int, NDArray],
        owners: Mapping[int, NDArray],
        storages: Sequence[SharedStorage],
        numbers: Sequence[int],
        row: Any,
    ) -> None:
        self.row = row
        self._storages = storages
        self._first = next(iter(arrays))
        start = _address(arrays[self._first])
        self._count, self._arrays = count, len(arrays)
        self._words = [w for k in arrays for w in _described(k, arrays[k], owners[k], start)]
        self._numbers = tuple(numbers)

    @property
    def entry_address(self) -> int:
        return native.boxing_symbols()["tj_share"]

    @cached_property
    def env_address(self) -> int:
        pointers = ctypes.c_void_p
        self._checks = (ctypes.c_int64 * len(self._words))(*self._words)
        self._blocks = [_storage_words(s) for s in self._storages]
        places = [ctypes.addressof(block) for block in self._blocks]
        self._places = (pointers * max(1, len(places)))(*places)
        self._objects = (pointers * max(1, len(self._numbers)))(*map(id, self._numbers))
        self._rows = (pointers * 4)(self.row.entry_address, self.row.env_address)
        self._env = (ctypes.c_int64 * 9)(
            self._count,
            self._first,
            ctypes.addressof(self._checks),
            self._arrays,
            ctypes.addressof(self._places),
            len(self._storages),
            ctypes.addressof(self._objects),
            len(self._numbers),
            ctypes.addressof(self._rows),
        )
        return ctypes.addressof(self._env)

    @property
    def portable(self) -> SharingRow:
        return self

    def call(self, arguments: Sequence[Any]) -> NoReturn:
        """In plain Python such calls are found by the slow path."""
        raise Miss


def owner_of(x: NDArray) -> NDArray | None:
    """The array that owns the memory; None where that is something else."""
    while x.base is not None:
        if type(x.base) is not np.ndarray:
            return None
        x = x.base
    return x


def _address(x: NDArray) -> int:
    found: int = x.__array_interface__["data"][0]
    return found


def _described(k: int, x: NDArray, owner: NDArray, start: int) -> Iterator[int]:
    yield from (k, capi.WRITEABLE if x.flags.writeable else 0)
    for array in (x, owner):
        num = array.dtype.num
        yield from (_address(array) - start, num, capi.TWIN_NUMBERS.get(num, num), array.ndim)
        yield from array.shape
        yield from array.strides


def _storage_words(storage: SharedStorage) -> Any:
    flags = _ORDERED | (capi.WRITEABLE if storage.writeable else 0)
    shape = storage.shape
    words = (storage.member, storage.offset, id(storage.dtype), flags, len(shape), *shape)
    return (ctypes.c_int64 * len(words))(*words)
