"""Arguments that stand for others in compiled code: copies of byte-swapped and misaligned arrays,
which it cannot read where they lie, and plain views of memory maps.

What was written to copies is copied back. Arrays that share memory get copies that share memory in
the same way. What is returned of either, or as a view of it, becomes the caller's array or a view
of that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from threading import local
from typing import Any

import numpy as np

from tracejit import trees
from tracejit.calls.argument_types import alias_groups
from tracejit.calls.array_copies import copy_of
from tracejit.calls.overlap import NDArray, Sharer, address
from tracejit.calls.placement import Placement
from tracejit.dtypes import as_dtype, memory_dtype
from tracejit.ir.arguments import ArgType, ArrayArg, ScalarArg
from tracejit.trace.session.stride_classes import is_native
from tracejit.trace.values import structured_memory
from tracejit.trace.values.exporters import plain_array


class _Standing(local):
    copies: Mapping[int, NDArray] = {}  # of a thread in which no such call is under way


_standing = _Standing()


def standing() -> Mapping[int, NDArray]:
    """The caller's arrays by the id of the copy that stands for each in the call under way."""
    return _standing.copies


class NativeLeaves:
    """The leaves of a call as compiled code takes them. Unshareable: memory is shared in a way
    that copies cannot have."""

    def __init__(
        self,
        leaves: Sequence[Any],
        args: Sequence[ArgType],
        placement: Placement | None = None,
    ) -> None:
        self.given = leaves
        self.placement = placement or Placement(list(leaves))
        self.leaves = list(leaves)
        self._count = len(self.leaves)
        self.copied: dict[int, NDArray] = {}
        self.viewed: dict[int, NDArray] = {}
        self._storages: list[tuple[NDArray, NDArray]] = []
        self.viewed.update(self.placement.originals)
        arrays = [k for k, arg in enumerate(args) if isinstance(arg, ArrayArg)]
        for k in arrays:
            if type(leaves[k]) is not np.ndarray and is_native(leaves[k]):
                self.viewed[k] = leaves[k]
                self.leaves[k] = plain_array(leaves[k])
        if not all(is_native(leaves[k]) for k in arrays):
            self._copy(arrays, leaves)
        for k, (leaf, arg) in enumerate(zip(leaves, args, strict=True)):
            of_numpy = isinstance(arg, ScalarArg) and arg.kind is None and arg.source is None
            if of_numpy and not leaf.dtype.isnative:
                self.leaves[k] = leaf.dtype.newbyteorder("=").type(leaf)

    def _copy(self, arrays: Sequence[int], leaves: Sequence[Any]) -> None:
        groups, overlap = alias_groups(leaves)
        if overlap:
            self._copy_shared(leaves)
        made: dict[int, NDArray] = {}
        for k in arrays:
            x = leaves[k]
            if k not in self.copied and not is_native(x):
                copy = made.setdefault(groups[k], copy_of(x))
                self._replace(k, x, copy.view())

    def _copy_shared(self, leaves: Sequence[Any]) -> None:
        """Copies of whole storages of which some member is foreign, and views into them."""
        sharing = Sharer().share(leaves)
        inside: dict[int, list[int]] = {}
        for k, window in sharing.windows:
            inside.setdefault(window.storage - self._count, []).append(k)
        for s, members in inside.items():
            if all(is_native(leaves[k]) for k in members):
                continue
            storage = sharing.storages[s]
            copy = np.array(storage, dtype=storage.dtype.newbyteorder("="), order="C")
            self._storages.append((storage, copy))
            for k in members:
                x = leaves[k]
                offset = address(x) - address(storage)
                dtype = x.dtype.newbyteorder("=")
                self._replace(k, x, np.ndarray(x.shape, dtype, copy, offset, x.strides))

    def _replace(self, k: int, original: NDArray, copy: NDArray) -> None:
        copy.flags.writeable = original.flags.writeable
        self.copied[k] = original
        self.leaves[k] = copy

    @property
    def device(self) -> int | None:
        """The GPU that the call runs on."""
        return self.placement.device

    def copy_back(self, writes: Sequence[int]) -> None:
        """Give the caller's arrays what was written; a write beyond the leaves is to a storage."""
        self.placement.copy_back(writes)
        shared = any(k >= self._count for k in writes)
        for k, original in self.copied.items():
            if (shared or k in writes) and original.flags.writeable:
                original[...] = self.leaves[k]

    @property
    def stands(self) -> bool:
        """Whether something stands for an argument."""
        return bool(self.copied or self.viewed)

    @property
    def swapped(self) -> bool:
        """Whether the bytes of some array are in another order."""
        return any(not x.dtype.isnative for x in self.copied.values())

    @contextmanager
    def standing(self) -> Iterator[None]:
        """While native code runs: what the copies stand for, see ``standing``."""
        before = standing()
        _standing.copies = self._known()
        try:
            yield
        finally:
            _standing.copies = before

    def standing_parts(self) -> AbstractContextManager[None]:
        """While results are made: structured arrays are put together of the caller's own parts."""
        return structured_memory.standing(self._known()) if self.stands else nullcontext()

    def _known(self) -> dict[int, NDArray]:
        return {id(self.leaves[k]): x for k, x in {**self.copied, **self.viewed}.items()}

    def originals(self, result: Any) -> Any:
        """A result with the caller's arrays instead of their copies."""
        if not self.stands:
            return result
        known = self._known()
        return trees.map_leaves(lambda x: known.get(id(x), self._moved(x)), result)

    def _moved(self, x: Any) -> Any:
        """A view of the copy of a storage as a view of the storage itself."""
        for storage, copy in self._storages if type(x) is np.ndarray else ():
            offset = address(x) - address(copy)
            if np.may_share_memory(x, copy):
                return as_dtype(
                    np.asarray(_Elsewhere(x, address(storage) + offset, storage)), x.dtype
                )
        return x


class _Elsewhere:
    """A view like another, of memory laid out alike, as NumPy's array interface."""

    def __init__(self, like: NDArray, where: int, storage: NDArray) -> None:
        self.storage = storage
        dtype = like.dtype if storage.dtype.isnative else like.dtype.newbyteorder()
        self.__array_interface__ = {
            "data": (where, not like.flags.writeable),
            "shape": like.shape,
            "strides": like.strides,
            "typestr": memory_dtype(dtype).str,
            "version": 3,
        }
