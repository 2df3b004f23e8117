"""Structured arrays as what a program holds and returns: how they are taken apart and put together,
and which may not be returned together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tracejit import trees
from tracejit.errors import UnsupportedError
from tracejit.trace.session.registry import CLASS_SEEN
from tracejit.trace.values.all import Array, Cell
from tracejit.trace.values.structured_arrays import StructuredArray
from tracejit.trace.values.structured_memory import together

trees.register(StructuredArray, lambda x: (x.parts, x.layout), together)
CLASS_SEEN[StructuredArray] = lambda x: (
    np.void if x.layout.is_record else np.recarray if x.layout.has_attributes else np.ndarray
)


def must_stand_alone(structured: Sequence[StructuredArray], arrays: Sequence[Array]) -> None:
    """UnsupportedError where results would share memory that is put together of parts made here."""
    parts = {id(x) for s in structured for x in s.parts}
    owners: dict[int, set[int]] = {}
    for s in {id(s): s for s in structured}.values():
        for x in s.parts:
            if isinstance(x.cell, Cell) and x.cell.arg is None:
                owners.setdefault(id(x.cell), set()).add(id(s))
    for x in arrays:
        if id(x) not in parts and id(x.cell) in owners:
            owners[id(x.cell)].add(id(x))
    if any(len(those) > 1 for those in owners.values()):
        raise UnsupportedError(
            "two results share the memory of a structured array that the function makes: return "
            "one of them, or a copy of the other"
        )
