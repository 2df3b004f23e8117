"""``ufunc.at``: unbuffered updates at index arrays, one after another."""

from __future__ import annotations

from typing import Any

import numpy as np
from tracejit.errors import UnsupportedError


def scatter_at(ufunc: np.ufunc, a: Any, indices: Any, b: Any = None) -> None:
    """``ufunc.at(a, indices, b)``."""
    raise UnsupportedError(f"np.{ufunc.__name__}.at is not supported yet")
