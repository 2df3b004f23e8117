"""What a record of a structured array holds: numbers, each in its place."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from tracejit.dtypes import is_numeric
from tracejit.records import dataclass


@dataclass(frozen=True)
class RecordNumber:
    """A number in each record: the names on the way to it, where it lies, and its own shape."""

    path: tuple[str, ...]
    offset: int
    dtype: np.dtype[Any]
    shape: tuple[int, ...]


@lru_cache(maxsize=512)
def leaves_of(dtype: np.dtype[Any]) -> tuple[RecordNumber, ...]:
    """The numbers in a record, nested ones too, in the order of the fields."""
    found: list[RecordNumber] = []
    for name in dtype.names or ():
        inner, offset = dtype.fields[name][:2]  # type: ignore[index]
        base, shape = inner.base, inner.shape
        if base.names is not None and not shape:
            found += [
                RecordNumber((name, *x.path), offset + x.offset, x.dtype, x.shape)
                for x in leaves_of(base)
            ]
        elif base.names is None and is_numeric(base):
            found.append(RecordNumber((name,), offset, base, shape))
    return tuple(found)


@lru_cache(maxsize=512)
def has_others(dtype: np.dtype[Any]) -> bool:
    """Whether a record also has what is no number."""
    for name in dtype.names or ():
        inner = dtype.fields[name][0]  # type: ignore[index]
        base, shape = inner.base, inner.shape
        if has_others(base) if base.names is not None and not shape else not is_numeric(base):
            return True
    return False


@dataclass(frozen=True)
class RecordLayout:
    """What the parts of a structured array do not say: its dtype, its rank, whether it is a single
    record, and whether fields are attributes too (``np.recarray``)."""

    dtype: np.dtype[Any]
    rank: int
    is_record: bool = False
    has_attributes: bool = False


def within(x: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        x = x[name]
    return x
