"""``axis=``, ``axes=`` and ``keepdims=`` of generalised ufuncs: core axes are moved to the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tracejit.records import dataclass


@dataclass(frozen=True)
class Moves:
    """Inputs with their core axes last, and where those of each result go (None: they stay)."""

    arrays: list[Any]
    targets: list[tuple[int, ...] | None]
    kept: tuple[int, ...] | None

    def result(self, k: int, out: Any) -> Any:
        """An array given for result ``k``, with its core axes last; None for None."""
        if out is None:
            return None
        if self.kept is not None:
            return np.squeeze(out, self.kept)
        axes = self.targets[k]
        return out if axes is None else np.moveaxis(out, axes, range(-len(axes), 0))


def moved_inputs(layout: Any, arrays: Sequence[Any], options: dict[str, Any]) -> Moves:
    """Inputs as the loop takes them. Raises TypeError and ValueError as NumPy does."""
    ranks = [len(names) for names in (*layout.inputs, *layout.results)]
    keepdims = options.get("keepdims", False)
    if "axis" in options:
        if "axes" in options:
            raise TypeError("cannot specify both 'axis' and 'axes'")
        axis = options["axis"]
        if any(r > 1 for r in ranks):
            raise TypeError("axis can only be used with a single shared core dimension")
        entries: Any = [(axis,) if r else () for r in ranks]
    elif "axes" in options:
        entries = _entries(options["axes"], ranks)
    else:
        entries = [None] * len(ranks)
    moved = [
        x if e is None or not e else np.moveaxis(x, e, range(-len(e), 0))
        for x, e in zip(arrays, entries, strict=False)
    ]
    kept = None
    if keepdims:
        if any(ranks[len(arrays) :]):
            raise TypeError("keepdims needs results without core dimensions")
        first = entries[0] if entries[0] is not None else tuple(range(-ranks[0], 0))
        kept = tuple(first)
    return Moves(moved, list(entries[len(arrays) :]), kept)


def _entries(axes: Any, ranks: Sequence[int]) -> list[tuple[int, ...]]:
    """One tuple of axes for each operand; results without core axes may be left out."""
    if not isinstance(axes, list):
        raise TypeError("axes should be a list")
    found = [(e,) if isinstance(e, int) else tuple(e) for e in axes]
    while len(found) < len(ranks) and ranks[len(found)] == 0:
        found.append(())
    if len(found) != len(ranks):
        raise ValueError(f"axes should be a list with an entry for all {len(ranks)} operands")
    for k, (entry, rank) in enumerate(zip(found, ranks, strict=True)):
        if len(entry) != rank:
            raise ValueError(f"axes item {k} should be a tuple with {rank} elements")
    return found


def moved_back(moves: Moves, k: int, result: Any) -> Any:
    """A result with its core axes where the caller wants them."""
    if moves.kept is not None:
        return np.expand_dims(result, moves.kept)
    axes = moves.targets[k]
    return result if not axes else np.moveaxis(result, range(-len(axes), 0), axes)
