"""Address spaces of the simulated device: regions with guard zones, checked loads and stores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tests.ptx.parse import PtxError

Ints = NDArray[np.int64]

GUARD = 256
_WRITTEN, _CONSTANT = 1, 2
# Generic addresses: global memory is itself, the other spaces have windows of their own.
WINDOWS = {"shared": 1 << 44, "local": 1 << 45}
WINDOW_SIZE = 1 << 32


@dataclass
class Region:
    name: str
    start: int
    size: int
    writable: bool = True
    #: By byte, in one launch: written, and met by ld.global.nc. None: neither yet.
    marks: NDArray[np.uint8] | None = None

    def mark(self, address: Ints, width: int, bit: int) -> bool:
        """Note what is done to bytes; whether some byte was met in the other way, too."""
        if self.marks is None:
            self.marks = np.zeros(self.size, np.uint8)
        at = np.add.outer(address - self.start, np.arange(width)).ravel()
        self.marks[at] |= bit
        return bool((self.marks[at] == _WRITTEN | _CONSTANT).any())


class Space:
    """Bytes of one address space: `owners` copies (blocks, lanes) of the same layout.

    Undefined contents are 0xFF: nan as a float, far out of range as an index.
    """

    def __init__(self, name: str, owners: int = 1) -> None:
        self.name = name
        self.owners = owners
        self.regions: list[Region] = []
        self.size = GUARD
        self.bytes = np.zeros(0, np.uint8)
        self._starts: Ints = np.zeros(0, np.int64)
        self._ends: Ints = np.zeros(0, np.int64)

    def allocate(self, name: str, size: int, align: int = 256, *, writable: bool = True) -> int:
        """A new region's address. The zone before and after it is never readable."""
        start = -(-self.size // align) * align
        self.regions.append(Region(name, start, size, writable))
        self.size = -(-(start + size + GUARD) // 16) * 16
        if self.owners == 1:
            self._grow(self.size)
        self._starts = np.array([r.start for r in self.regions], np.int64)
        self._ends = np.array([r.start + r.size for r in self.regions], np.int64)
        return start

    def _grow(self, size: int) -> None:
        if size > len(self.bytes):
            grown = np.full(max(size, 2 * len(self.bytes)), 0xFF, np.uint8)
            grown[: len(self.bytes)] = self.bytes
            self.bytes = grown

    def commit(self) -> None:
        """Makes the bytes of every owner, once the layout is known."""
        self.bytes = np.full(self.owners * self.size, 0xFF, np.uint8)

    def fill(self, start: int, data: bytes) -> None:
        self.bytes[start : start + len(data)] = np.frombuffer(data, np.uint8)

    def place(self, address: Ints, width: int, owner: Ints, use: str) -> Ints:
        """Byte positions for accesses of `width` bytes; `use` is 'read', 'constant' or 'write'."""
        bad = np.flatnonzero(address % width)
        if bad.size:
            raise AccessError(f"misaligned {self.name} access of {width} bytes", bad, address)
        which = np.searchsorted(self._starts, address, side="right") - 1
        if not self.regions:
            raise AccessError(f"{self.name} access, and none was allocated", np.array([0]), address)
        inside = (which >= 0) & (address + width <= self._ends[which])
        bad = np.flatnonzero(~inside)
        if bad.size:
            near = self.regions[max(int(which[bad[0]]), 0)]
            text = (
                f"out-of-bounds {self.name} {use} of {width} bytes; nearest: "
                f"{near.name} at {near.start:#x}, {near.size} bytes"
            )
            raise AccessError(text, bad, address)
        if use != "read":
            self._note(which, use, address, width)
        return owner * self.size + address if self.owners > 1 else address

    def _note(self, which: Ints, use: str, address: Ints, width: int) -> None:
        for number in np.unique(which):
            region = self.regions[int(number)]
            if use == "write" and not region.writable:
                text = f"write to read-only {self.name} {region.name}"
                raise AccessError(text, np.array([0]), address)
            bit = _WRITTEN if use == "write" else _CONSTANT
            if self.owners == 1 and region.mark(address[which == number], width, bit):
                text = f"{region.name} is written and also read by ld.global.nc in one launch"
                raise AccessError(text, np.array([0]), address)


class AccessError(PtxError):
    """A bad access: `which` are the positions (within the access) of the offending lanes."""

    def __init__(self, text: str, which: Ints, address: Ints) -> None:
        first = int(which[0])
        super().__init__(f"{text}; address {int(address[first]):#x}")
        self.first = first


class Device:
    """Global memory that outlives launches: put arrays in, get them back."""

    def __init__(self) -> None:
        self.memory = Space("global")

    def put(self, array: NDArray[np.generic], name: str = "array", *, writable: bool = True) -> int:
        """Copies `array` (C order) to the device and returns its address."""
        data = np.ascontiguousarray(array).tobytes()
        address = self.memory.allocate(name, len(data), writable=writable)
        self.memory.fill(address, data)
        return address

    def empty(self, count: int, dtype: np.dtype | str, name: str = "array") -> int:
        """Room for `count` elements with undefined contents (all bits set)."""
        return self.memory.allocate(name, count * np.dtype(dtype).itemsize)

    def get(self, address: int, shape: int | tuple[int, ...], dtype: np.dtype | str) -> NDArray:
        """A copy of the array at `address`, which must lie within one region."""
        count = int(np.prod(shape))
        size = count * np.dtype(dtype).itemsize
        if not any(
            r.start <= address and address + size <= r.start + r.size for r in self.memory.regions
        ):
            raise PtxError(f"no region holds {size} bytes at {address:#x}")
        data = self.memory.bytes[address : address + size].copy()
        return data.view(dtype).reshape(shape)
