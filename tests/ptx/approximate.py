"""The approximate instructions of PTX, of float32: values, and how far off the ISA lets them be.

A GPU has bits of its own, which nothing states. Here a result is the one nearest to the exact
value, and under `moved(by)` one that is off by so much of what the ISA (9.1, 9.7.3) allows. So what
holds for `moved(-1)`, `moved(1)` and a few random ones does not rest on a kind simulator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.ptx.parse import PtxError

Array = NDArray[Any]

F32 = np.dtype(np.float32)


def _ulps(count: int) -> Callable[[Array, Array], Array]:
    most = 2.0**127  # above, one is as large
    return lambda x, y: count * np.spacing(np.minimum(np.abs(y), most).astype(F32)).astype(float)


def _log(x: Array, y: Array) -> Array:
    """Absolute between 1/2 and 2, relative beyond."""
    return 2.0**-22 * np.where((x > 0.5) & (x < 2.0), 1.0, np.abs(y))


def _turns(x: Array, y: Array) -> Array:
    """Nothing is said of arguments beyond 100 pi."""
    a = np.abs(x)
    return np.where(a <= 2 * np.pi, 2.0**-20.5, np.where(a <= 100 * np.pi, 2.0**-14.7, np.nan))


@dataclass(frozen=True)
class Approximation:
    """The function, and how far off the result y for x may be."""

    function: Callable[[Array], Array]
    error: Callable[[Array, Array], Array]


APPROXIMATIONS = {
    "ex2": Approximation(np.exp2, _ulps(2)),
    "lg2": Approximation(np.log2, _log),
    "sin": Approximation(np.sin, _turns),
    "cos": Approximation(np.cos, _turns),
    "rcp": Approximation(lambda x: 1.0 / x, _ulps(1)),
    "sqrt": Approximation(np.sqrt, lambda x, y: 2.0**-23 * y),
    "rsqrt": Approximation(lambda x: 1.0 / np.sqrt(x), lambda x, y: 2.0**-22.9 * y),
    "tanh": Approximation(np.tanh, lambda x, y: 2.0**-11 * np.abs(y)),
}
_by: float | np.random.Generator = 0.0


@contextmanager
def moved(by: float | np.random.Generator) -> Iterator[None]:
    """While active, results are off by `by` (-1 to 1, or random) times what is allowed."""
    global _by
    saved, _by = _by, by
    try:
        yield
    finally:
        _by = saved


def approximate(name: str, modifiers: tuple[str, ...], x: Array) -> Array:
    """What `name.approx` gives. `.ftz` takes numbers below the normal ones for zeros."""
    if x.dtype != F32:
        raise PtxError(f"{name}.approx of {x.dtype} is not modelled")
    flush = _flushed if "ftz" in modifiers else lambda a: a
    wide = flush(x).astype(np.float64)
    of = APPROXIMATIONS[name]
    with np.errstate(all="ignore"):
        y = of.function(wide)
    by = _by if isinstance(_by, float | int) else _by.uniform(-1.0, 1.0, y.shape)
    stated = (wide == 0) | ~np.isfinite(wide) | ~np.isfinite(y)  # in the tables of the ISA
    with np.errstate(all="ignore"):
        return flush(np.where(stated, y, y + by * of.error(wide, y)).astype(F32))


def _flushed(x: Array) -> Array:
    return np.where(np.abs(x) < np.finfo(F32).tiny, np.copysign(F32.type(0), x), x)
