"""On which device a call runs, and what its leaves are there.

A call with cupy arrays runs where they are. What the rest of a call sees are arrays that stand for
them (see `device_arrays`).
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import field
from typing import Any, Literal, TypeAlias

import numpy as np

from tracejit.calls.argument_types import alias_groups
from tracejit.calls.array_copies import copy_of
from tracejit.device_arrays import device_of, is_cupy_array, is_foreign, stand_in
from tracejit.errors import UnsupportedTypeError
from tracejit.ir import types
from tracejit.records import dataclass

#: Of what looks into calls.
ON_THE_CPU = "check_nan, debug and profiles are of calls on the CPU: pass cupy.asnumpy(x)"
NDArray: TypeAlias = "np.ndarray[Any, Any]"
Math: TypeAlias = types.Math
#: Where a function runs; None: where its arguments are.
Target = Literal["cpu", "cuda"] | None


@dataclass
class Placement:
    """The leaves of a call; ``device``: the GPU it runs on, None for the CPU. ``originals``: what
    the caller gave, by number, where the leaf stands for it. ``copied``: by number, a
    native twin of the caller's NumPy array, and the cupy array that lies as it does."""

    leaves: list[Any]
    device: int | None = None
    originals: dict[int, Any] = field(default_factory=dict)
    copied: dict[int, tuple[NDArray, Any]] = field(default_factory=dict)

    def copy_back(self, writes: Sequence[int]) -> None:
        """Give the caller's NumPy arrays what was written to their copies; a write beyond the
        leaves may be to any."""
        if not self.copied:
            return
        from tracejit.device import transfers
        from tracejit.device.driver import driver

        every = any(k >= len(self.leaves) for k in writes)
        for k, (twin, copy) in self.copied.items():
            original = self.originals[k]
            if (every or k in writes) and original.flags.writeable:
                transfers.download(driver(), twin, transfers.start_of(copy))
                original[...] = twin


def placed(
    leaves: Sequence[Any],
    target: Target,
    name: Callable[[int], str],
    not_passed: Callable[[], Container[int]],
) -> Placement:
    """Where a call runs; ``name``: what leaf k is called in the program; ``not_passed``:
    which leaves stand for lists of numbers, or are defaults.

    TypeError: arrays are in several places. UnsupportedTypeError: an array cannot be read there.
    """
    if target == "cpu":
        return Placement(list(leaves))
    arrays = {k: x for k, x in enumerate(leaves) if is_cupy_array(x) or is_foreign(x)}
    if not arrays and target is None:
        return Placement(list(leaves))
    found = Placement(list(leaves))
    for k, x in arrays.items():
        _stand(found, k, x, x if is_cupy_array(x) else _wrapped(x))
    devices = {k: device_of(found.leaves[k]) for k in arrays}
    for k, device in devices.items():
        first = next(iter(devices))
        if device != devices[first]:
            raise TypeError(
                f"{name(first)} is on GPU {devices[first]}, {name(k)} on GPU {device}: "
                "a call runs on one GPU"
            )
    found.device = next(iter(devices.values())) if devices else _current()
    on_host = {k: x for k, x in enumerate(leaves) if isinstance(x, np.ndarray)}
    if on_host:
        others = not_passed()
        on_host = {k: x for k, x in on_host.items() if k not in others}
    if on_host and target is None:
        first, other = next(iter(arrays)), next(iter(on_host))
        raise TypeError(
            f"{name(other)} is a NumPy array, {name(first)} is on GPU {found.device}: "
            f"pass cupy.asarray({name(other)})"
        )
    _copy_in(found, on_host, name)
    return found


def _stand(found: Placement, k: int, original: Any, array: Any) -> None:
    standing = stand_in(array)
    if any(s % standing.itemsize for s, n in zip(array.strides, array.shape) if n > 1):
        raise UnsupportedTypeError(
            "an array on a GPU has strides that are no multiple of its itemsize: pass a copy"
        )
    found.leaves[k] = standing
    found.originals[k] = original


def _copy_in(found: Placement, arrays: Mapping[int, NDArray], name: Callable[[int], str]) -> None:
    """Copies on the device that lie there as the NumPy arrays lie here."""
    groups, overlap = alias_groups([arrays.get(k) for k in range(len(found.leaves))])
    if overlap:
        names = " or ".join(map(name, arrays))
        raise TypeError(f"NumPy arrays share memory: pass {names} as views of one cupy array")
    made: dict[int, tuple[NDArray, Any]] = {}
    for k, x in arrays.items():
        if groups[k] not in made:
            made[groups[k]] = _copy(x)
        twin, copy = made[groups[k]]
        found.copied[k] = twin, copy
        _stand(found, k, x, copy.view())
        if not x.flags.writeable:
            found.leaves[k].flags.writeable = False


def _copy(x: NDArray) -> tuple[NDArray, Any]:
    from tracejit.device import transfers
    from tracejit.device.driver import driver

    twin = copy_of(x)
    return twin, transfers.like(driver(), twin)


def _wrapped(x: Any) -> Any:
    from tracejit.device.driver import driver

    return driver().wrap(x)


def _current() -> int:
    from tracejit.device.driver import driver

    return driver().device()
