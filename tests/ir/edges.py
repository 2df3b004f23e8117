"""Edge values of each dtype: where zeros have signs, integers wrap, and floats end."""

from __future__ import annotations

from typing import Any

import numpy as np


def edges(dtype: np.dtype[Any]) -> Any:
    """A line of values; complex ones pair every real edge with some."""
    if dtype.kind == "b":
        return np.array([True, False])
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        numbers: list[Any] = [0, 1, 2, 3, 7, info.max, info.max - 1, info.min, info.min + 1]
        return np.array(numbers + ([-1, -2, -7] if dtype.kind == "i" else []), dtype)
    real = np.dtype(f"f{dtype.itemsize // (2 if dtype.kind == 'c' else 1)}")
    info = np.finfo(real)
    numbers = [0.0, 1.0, 0.5, 2.0, 2.5, 3.0, 1.5, 100.0, info.max, info.tiny, np.inf]
    numbers += [info.smallest_subnormal, info.eps]
    line = np.array([*numbers, *(-x for x in numbers), np.nan], real)
    if dtype.kind == "f":
        return line
    parts = line[[0, 1, 4, 10, 13, 14, 17, -1]]
    return np.array([complex(a, b) for a in parts for b in parts], dtype)
