"""Calls with cupy arrays of the same shapes and strides as in an earlier call.

All that such a call is asked has the same answers, except where memory lies and what numbers are:
those are put into the slots of the earlier call.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tracejit import abi
from tracejit.calls.overlap_cache import MISSED
from tracejit.device_arrays import is_cupy_array

if TYPE_CHECKING:
    from tracejit.calls.versions import Version
    from tracejit.device.entry import DeviceEntry

#: Kinds of calls that one function remembers.
KEPT = 256
_WORDS: dict[str, Any] = {
    "bool": ctypes.c_int64,
    "int": ctypes.c_int64,
    "float": ctypes.c_double,
}
_NUMBERS = (bool, int, float)


class DeviceCalls:
    """What earlier calls with plain positional arguments called."""

    def __init__(self) -> None:
        self._known: dict[Any, list[_Warm]] = {}
        self._count = 0
        self._array: type | None = None

    def remember(self, args: Sequence[Any], leaves: Sequence[Any], version: Version) -> None:
        """Note what answered a call; ``leaves``: what stood for its arguments."""
        self._array = next((type(x) for x in args if is_cupy_array(x)), None)
        key = self._key(args)
        warm = None if key is None else _Warm.of(args, leaves, version)
        if warm is None:
            return
        if self._count >= KEPT:
            self.clear()
        self._known.setdefault(key, []).insert(0, warm)
        self._count += 1

    def clear(self) -> None:
        """Forget all of it."""
        self._known.clear()
        self._count = 0

    def call(self, args: Sequence[Any]) -> Any:
        """The result of a call that is like an earlier one, else ``MISSED``."""
        if not self._known:
            return MISSED
        for warm in self._known.get(self._key(args), ()):
            if warm.takes(args):
                return warm.call(args)
        return MISSED

    def _key(self, args: Sequence[Any]) -> Any:
        """All that decides the answer but numbers and addresses: None for other arguments."""
        found: list[Any] = []
        for x in args:
            kind = type(x)
            if kind is self._array:
                found.append((x.shape, x.strides, x.dtype, x.data.device_id))
            elif kind in _NUMBERS:
                found.append(kind)
            else:
                return None
        return tuple(found)


class _Warm:
    """A version, and the slots of a call of it."""

    def __init__(self, version: Version, entry: DeviceEntry, slots: Any) -> None:
        self._version = version
        self._entry = entry
        self._slots = bytes(slots)
        self._type = type(slots)
        self._pointers: list[tuple[int, int]] = []
        self._numbers: list[tuple[int, int, Any]] = []
        self._fixed: list[tuple[int, Any]] = []
        #: Where the bytes of an array begin and end, from its first element.
        self._spans: dict[int, tuple[int, int]] = {}

    @classmethod
    def of(cls, args: Sequence[Any], leaves: Sequence[Any], version: Version) -> _Warm | None:
        """None where a call depends on more than its arguments' numbers and addresses."""
        from tracejit.device.compile import DeviceSpecialisation  # with which comes all of lowering

        made = version.call
        if not isinstance(made, DeviceSpecialisation) or version.needs_call:
            return None
        signature, entry = made.signature, made.portable
        outside = any(not isinstance(h.param, abi.IdentityParam) for h in signature.hidden)
        if outside or signature.rollback is not None or version.assumptions.sites:
            return None
        warm = cls(version, entry, entry.slots_of(leaves))
        for k, (param, at) in enumerate(zip(signature.params, entry.layout.params)):
            if isinstance(param, abi.ArrayParam):
                assert at.data is not None
                warm._pointers.append((k, at.data))
                warm._spans[k] = _span(args[k])
            elif isinstance(param, abi.ScalarParam) and param.kind in _WORDS:
                assert at.data is not None
                warm._numbers.append((k, at.data, _WORDS[param.kind]))
            elif isinstance(param, abi.IdentityParam | abi.EqualParam):
                warm._fixed.append((k, param.value))
            else:
                return None
        for guard in signature.guards:
            if isinstance(guard.left, abi.ScalarOf):
                if guard.relation != "eq" or not isinstance(guard.right, int):
                    return None
                warm._fixed.append((guard.left.param, guard.right))
        return warm

    def takes(self, args: Sequence[Any]) -> bool:
        """Whether it is for arguments of its kind."""
        if any(args[k] != value for k, value in self._fixed):
            return False
        signature = self._entry.signature
        for a, b in signature.identical:
            if args[a].data.ptr != args[b].data.ptr:
                return False
        for a, b in signature.disjoint:
            (low, high), at = self._spans[a], args[a].data.ptr
            (first, last), other = self._spans[b], args[b].data.ptr
            if at + low < other + last and other + first < at + high:
                return False
        version = self._version
        if any(kind is ctypes.c_int64 and not _fits(args[k]) for k, _, kind in self._numbers):
            return False
        return version.alive and version.preconditions.hold()

    def call(self, args: Sequence[Any]) -> Any:
        slots = self._type.from_buffer_copy(self._slots)
        for k, at in self._pointers:
            slots[at] = args[k].data.ptr
        for k, at, kind in self._numbers:
            kind.from_buffer(slots, 8 * at).value = args[k]
        return self._entry.run(slots, args)


def _fits(x: int) -> bool:
    return -(2**63) <= x < 2**63


def _span(x: Any) -> tuple[int, int]:
    low, high = 0, x.itemsize if x.size else 0
    for n, stride in zip(x.shape, x.strides, strict=True):
        low += min(0, stride * (n - 1))
        high += max(0, stride * (n - 1))
    return (low, high) if x.size else (0, 0)
