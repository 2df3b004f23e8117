"""Calls with structured arrays that are like an earlier one: its version is called at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tracejit.calls.overlap_cache import MISSED
from tracejit.trace.values.record_layouts import leaves_of
from tracejit.trace.values.structured_memory import address, is_structured, parts_of_array

if TYPE_CHECKING:
    from tracejit.calls.versions import Version

_KEPT = 64
_ALIGNED = 15


class StructuredCalls:
    """What earlier calls with structured and other plain positional arguments called.

    The version checks its own arguments, but not that the parts of records lie apart: that holds
    for the parts of one array, and calls with two that may meet are not kept.
    """

    def __init__(self, miss: type[Exception]) -> None:
        self._known: dict[Any, Version] = {}
        self._miss = miss

    def remember(self, args: Sequence[Any], leaves: int, version: Version) -> None:
        """Note what a call of so many leaves was answered with: where these are what ``call`` finds
        in the positional arguments."""
        count = sum(len(leaves_of(x.dtype)) if is_structured(x) else 1 for x in args)
        key = _key(args) if count == leaves else None
        if key is not None:
            if len(self._known) >= _KEPT:
                self._known.clear()
            self._known[key] = version

    def clear(self) -> None:
        """Forget all of it."""
        self._known.clear()

    def call(self, args: Sequence[Any]) -> Any:
        """The result of a call that is like an earlier one, else ``MISSED``."""
        key = _key(args) if self._known else None
        version = None if key is None else self._known.get(key)
        if version is None or not (version.alive and version.preconditions.hold()):
            return MISSED
        leaves: list[Any] = []
        for x in args:
            if is_structured(x):
                leaves += parts_of_array(x)
            else:
                leaves.append(x)
        call: Callable[..., Any] = version.call
        try:
            return call(*leaves)
        except self._miss:
            return MISSED


def _key(args: Sequence[Any]) -> Any:
    """What the version was chosen for, beside what it checks; None for other calls than these."""
    found: list[Any] = []
    structured: list[Any] = []
    for x in args:
        kind = type(x)
        if is_structured(x):
            structured.append(x)
            places = (x.strides, address(x) & _ALIGNED, x.flags.writeable)
            found.append((kind, x.dtype, min(x.size, 2), *places))
        elif kind is np.ndarray:
            found.append((x.dtype, x.ndim))
        elif kind in (bool, int):
            found.append((kind, x))
        elif kind in (float, complex):
            found.append(kind)
        else:
            return None
    pairs = ((x, y) for k, x in enumerate(structured) for y in structured[:k])
    if not structured or any(np.may_share_memory(x, y) for x, y in pairs):
        return None
    return tuple(found)
