"""Monte Carlo loops that draw one number at a time.

A generator that is an argument goes on from contender to contender, so what is compared are
estimates; programs that seed NumPy's global generator give every contender the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tracejit.bench.rows import Row

POINTS = 20_000


def circle(rng, n):
    inside = 0
    for _ in range(n):
        x, y = rng.random(), rng.random()
        if x * x + y * y < 1.0:
            inside += 1
    return 4.0 * inside / n


def option(rng, n):
    total = 0.0
    for _ in range(n):
        price = 100.0 * np.exp(0.03 + 0.2 * rng.normal())
        total += max(price - 105.0, 0.0)
    return total / n


def dice(rng, n):
    total = 0
    for _ in range(n):
        total += rng.integers(1, 7) + rng.integers(1, 7)
    return total / n


def queue(rng, n):
    wait = total = 0.0
    for _ in range(n):
        wait = max(wait + rng.exponential(0.5) - rng.exponential(1.0), 0.0)
        total += wait
    return total / n


def circle_seeded(n):
    np.random.seed(1)
    inside = 0
    for _ in range(n):
        x, y = np.random.random(), np.random.random()
        if x * x + y * y < 1.0:
            inside += 1
    return 4.0 * inside / n


def metropolis(n):
    np.random.seed(2)
    x = total = 0.0
    for _ in range(n):
        step = x + np.random.normal(0.0, 1.0)
        if np.log(np.random.random()) < 0.5 * (x * x - step * step):
            x = step
        total += x * x
    return total / n


def compiled(f: Callable[..., Any]) -> Callable[[Any], Callable[..., Any]]:
    return lambda numba: numba.njit(f)


ROWS = [
    *[
        Row(
            f"draws: {f.__name__}",
            lambda rng: (rng, POINTS),
            f,
            {"numba": compiled(f)},
            rtol=0.2,
        )
        for f in (circle, option, dice, queue)
    ],
    *[
        Row(f"draws: {f.__name__}", lambda rng: (POINTS,), f, {"numba": compiled(f)})
        for f in (circle_seeded, metropolis)
    ],
]
