"""Arguments that compiled code cannot read where they lie: byte-swapped and misaligned arrays.

They are copied, and what was written is copied back. Arrays that share memory get copies that share
memory in the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tracejit import trees
from tracejit.overlap import NDArray, Sharer, address
from tracejit.specialize import ArrayKey, LeafKey, ScalarKey, alias_groups, is_native, is_source


class NativeLeaves:
    """The leaves of a call as compiled code takes them. Unshareable: memory is shared in a way
    that copies cannot have."""

    def __init__(self, leaves: Sequence[Any], keys: Sequence[LeafKey]) -> None:
        self.leaves = list(leaves)
        self._count = len(self.leaves)
        self.copied: dict[int, NDArray] = {}
        pairs = list(zip(leaves, keys, strict=True))
        arrays = [k for k, (x, key) in enumerate(pairs) if isinstance(key, ArrayKey)]
        if not all(is_native(leaves[k]) for k in arrays):
            self._copy(arrays, leaves)
        for k, (leaf, key) in enumerate(pairs):
            swapped = isinstance(key, ScalarKey) and key.kind is None and not is_source(leaf)
            if swapped and not leaf.dtype.isnative:
                self.leaves[k] = leaf.dtype.newbyteorder("=").type(leaf)

    def _copy(self, arrays: Sequence[int], leaves: Sequence[Any]) -> None:
        groups, overlap = alias_groups(leaves)
        if overlap:
            self._copy_shared(leaves)
        made: dict[int, NDArray] = {}
        for k in arrays:
            x = leaves[k]
            if k not in self.copied and not is_native(x):
                native = x.dtype.newbyteorder("=")
                copy = made.setdefault(groups[k], np.array(x, dtype=native, order="K"))
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
            for k in members:
                x = leaves[k]
                offset = address(x) - address(storage)
                dtype = x.dtype.newbyteorder("=")
                self._replace(k, x, np.ndarray(x.shape, dtype, copy, offset, x.strides))

    def _replace(self, k: int, original: NDArray, copy: NDArray) -> None:
        copy.flags.writeable = original.flags.writeable
        self.copied[k] = original
        self.leaves[k] = copy

    def copy_back(self, writes: Sequence[int]) -> None:
        """Give the caller's arrays what was written; a write beyond the leaves is to a storage."""
        shared = any(k >= self._count for k in writes)
        for k, original in self.copied.items():
            if (shared or k in writes) and original.flags.writeable:
                original[...] = self.leaves[k]

    def originals(self, result: Any) -> Any:
        """A result with the caller's arrays instead of their copies."""
        if not self.copied:
            return result
        known = {id(self.leaves[k]): x for k, x in self.copied.items()}
        return trees.map_leaves(lambda x: known.get(id(x), x), result)
