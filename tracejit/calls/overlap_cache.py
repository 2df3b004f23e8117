"""Calls with overlapping arguments that lie as in an earlier call.

The first ways for arguments to lie have native rows; the others are found by their layout.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tracejit.calls.chains import ChainRow
from tracejit.calls.overlap import KEPT, Plan, address, layout_of

if TYPE_CHECKING:
    from tracejit.calls.versions import Version

#: Ways for arguments to lie that have native rows, for one function.
NATIVE = 16
_PLAIN = (bool, int, float, complex)
MISSED = object()


class NativeSharings:
    """Rows for calls whose arguments overlap as those of earlier calls did."""

    def __init__(self) -> None:
        self._known: dict[Any, tuple[Version, ChainRow]] = {}

    def note(self, structure: Any, leaves: Sequence[Any], version: Version, plan: Plan) -> bool:
        """A version answered leaves that lie like this; whether there is a row more now."""
        from tracejit.python_entry.sharing import SharedStorage, SharingRow, owner_of

        arrays = {k: x for k, x in enumerate(leaves) if type(x) is np.ndarray and x.size}
        owners = {k: owner for k, x in arrays.items() if (owner := owner_of(x)) is not None}
        key = structure, version, layout_of(arrays, address(next(iter(arrays.values()))))
        self._known = {k: known for k, known in self._known.items() if known[0].alive}
        if len(owners) < len(arrays) or key in self._known or len(self._known) >= NATIVE:
            return False
        storages = [
            SharedStorage(s.places[0][0], at, s.shape, s.dtype, s.writeable)
            for at, s in plan.storages
        ]
        row = SharingRow(len(leaves), arrays, owners, storages, plan.numbers, version.chained)
        self._known[key] = (version, ChainRow(structure, row, version.needs_call))
        return True

    def rows(self) -> list[ChainRow]:
        return [row for version, row in self._known.values() if version.alive]

    def clear(self) -> None:
        """Forget all of it."""
        self._known.clear()


class OverlapCache:
    """What earlier calls with plain positional arguments called, by how these lie in memory."""

    def __init__(self, miss: type[Exception]) -> None:
        self._known: dict[Any, tuple[Version, Plan]] = {}
        self._miss = miss

    def remember(self, args: Sequence[Any], version: Version, plan: Plan) -> None:
        """Note what a call was answered with."""
        key = _key(args)
        if key is not None:
            if len(self._known) >= KEPT:
                self._known.clear()
            self._known[key] = (version, plan)

    def clear(self) -> None:
        """Forget all of it."""
        self._known.clear()

    def call(self, args: Sequence[Any]) -> Any:
        """The result of a call that is like an earlier one, else ``MISSED``."""
        key = _key(args) if self._known else None
        found = None if key is None else self._known.get(key)
        if found is None:
            return MISSED
        version, plan = found
        if not (version.alive and version.preconditions.hold()):
            return MISSED
        arrays = {k: x for k, x in enumerate(args) if type(x) is np.ndarray and x.size}
        first = address(next(iter(arrays.values())))
        call: Callable[..., Any] = version.call
        try:
            return call(*args, *plan.made(arrays, first), *plan.numbers)
        except self._miss:
            return MISSED


def _key(args: Sequence[Any]) -> Any:
    """All that decides the answer: None for arguments that are not plain."""
    arrays: dict[int, Any] = {}
    others: list[Any] = []
    for k, x in enumerate(args):
        if type(x) is np.ndarray:
            if x.size:
                arrays[k] = x
            else:
                others.append((x.shape, x.strides, x.dtype, x.flags.writeable))
        elif type(x) in _PLAIN:
            others.append((type(x), x if type(x) in (bool, int) else None))
        else:
            return None
    if len(arrays) < 2:
        return None
    return layout_of(arrays, address(next(iter(arrays.values())))), *others
