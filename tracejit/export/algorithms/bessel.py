"""Modified Bessel functions of the first kind by their series, of which no term is negative.

Reference: NIST DLMF 10.25.2.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = Any


def bessel_i(x: Array, n: int) -> Array:
    """The function of order ``n``, element by element."""
    flat = np.atleast_1d(x).ravel().astype(np.float64)
    made = np.empty_like(flat)
    for k in range(flat.size):
        made[k] = _value(flat[k], n)
    return made.reshape(x.shape).astype(x.dtype)


def _value(x: Array, n: int) -> Array:
    half = 0.5 * x
    term = 1.0 + 0.0 * x
    for k in range(1, n + 1):
        term *= half / k
    total, k = term, 0
    while np.abs(total) < np.inf and np.abs(term) > 1e-17 * np.abs(total):
        k += 1
        term *= (half / k) * (half / (k + n))
        total += term
    return total
