"""Where a random program's choices come from: Hypothesis, which shrinks, or a fast seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from hypothesis import strategies as st

T = TypeVar("T")


class Chooser:
    """Small choices, each one integer below a bound; zero is the simplest choice."""

    def __init__(self, below: Callable[[int], int]) -> None:
        self.below = below

    def pick(self, options: Sequence[T]) -> T:
        return options[self.below(len(options))] if len(options) > 1 else options[0]

    def number(self, low: int, high: int) -> int:
        """An integer from low to high, both included; the simplest is low."""
        return low + self.below(high - low + 1)

    def often(self, percent: int) -> bool:
        """True in about so many of a hundred cases; the simplest is False."""
        return self.below(100) >= 100 - percent


def seeded(seed: int) -> Chooser:
    """Choices that the seed decides."""
    rng = random.Random(seed)
    return Chooser(lambda n: rng.randrange(n))


@st.composite
def choosers(draw: Any) -> Chooser:
    """Choices that Hypothesis makes."""
    bounds = {n: st.integers(0, n - 1) for n in range(2, 101)}
    return Chooser(lambda n: draw(bounds[n]) if n > 1 else 0)
