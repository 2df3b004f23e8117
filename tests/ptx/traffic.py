"""`traffic`: what simulated kernels move through global memory.

A request is one access of one warp. It moves the sectors of 32 bytes that its lanes touch.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from tests.ptx.memory_ops import Spaces

WARP, SECTOR = 32, 32


@dataclass
class Traffic:
    """Sectors moved, and how many requests there were of each width in bytes a lane."""

    sectors: int = 0
    widths: Counter[int] = field(default_factory=Counter)

    @property
    def bytes(self) -> int:
        return SECTOR * self.sectors


@contextlib.contextmanager
def traffic() -> Iterator[Traffic]:
    """Counts what is moved in the block."""
    found, place = Traffic(), Spaces.place

    def counted(
        self: Spaces, space: Any, at: Any, address: Any, width: int, lanes: Any, use: str
    ) -> Any:
        if space.name == "global":
            warp = lanes[at] // WARP
            touched = [warp * (1 << 40) + (address + edge) // SECTOR for edge in (0, width - 1)]
            found.sectors += np.unique(np.concatenate(touched)).size
            found.widths[width] += np.unique(warp).size
        return place(self, space, at, address, width, lanes, use)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Spaces, "place", counted)
        yield found
