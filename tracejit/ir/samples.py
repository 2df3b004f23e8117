"""Where a row is tested, as a column of the row: no test has a list of rows of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any

import numpy as np

from tracejit.records import dataclass

#: A row that is a function of NumPy's and not exact: its error and NumPy's together.
ROUNDED = 6.0


@dataclass(frozen=True, kw_only=True)
class Samples:
    """The domain of an elementwise row. Every test feeds it the edge values of each dtype besides.

    ``dtypes``: operands that have a dtype of their own, by position.
    ``where(*operands)``: the combinations of edge values for which NumPy defines the result.
    ``smooth``: intervals in which derivatives are smooth and well conditioned, one for each operand
    or one for all; ``smooth_in``: the kinds of dtypes for which they are taken.
    ``ulps``: how far from NumPy's a result may be (0: the same bits); ``complex_ulps``: of complex
    operands. ``reach(want, *operands)``: what an error beyond that is relative to, where NumPy's
    own formula cancels; complex results are near relative to ``complex_reach``, their modulus.
    ``exact(mp, *operands)``: the true value, by the module ``mpmath``, or the name of its function
    there. The row is held to 2 ulp over all
    finite inputs, ``interval`` most densely, and ``periodic`` rows next to multiples of pi/2.
    """

    dtypes: Mapping[int, np.dtype[Any]] = field(default_factory=dict)
    where: Callable[..., Any] | None = None
    smooth: tuple[tuple[float, float], ...] = ((-1.2, 1.2),)
    smooth_in: str = "fc"
    ulps: float = 0.0
    complex_ulps: float | None = None
    reach: Callable[..., Any] | None = None
    complex_reach: Callable[..., Any] | None = None
    exact: Callable[..., Any] | str | None = None
    interval: tuple[float, float] = (-12.0, 12.0)
    periodic: bool = False

    def smooth_of(self, operand: int) -> tuple[float, float]:
        """The smooth interval of one operand."""
        return self.smooth[operand if len(self.smooth) > 1 else 0]


#: A row that is exact, and smooth everywhere.
EVERYWHERE = Samples()
