"""Rows of plain loops that add in order what is dear to compute, as Numba's users write them."""

from __future__ import annotations

import math

import numpy as np

from tracejit.bench import Row


def entropy(x):
    s = 0.0
    for i in range(x.shape[0]):
        s -= x[i] * np.log(x[i])
    return s


def poisson(count, rate):
    s = 0.0
    for i in range(count.shape[0]):
        s += count[i] * np.log(rate[i]) - rate[i] - math.lgamma(count[i] + 1.0)
    return s


def smoothed(x):
    """Each step hands on what it made: only tanh is done apart."""
    level = 0.0
    for i in range(x.shape[0]):
        level = 0.9 * level + 0.1 * np.tanh(x[i])
    return level


def transform(x, at):
    out = np.empty(at.shape[0])
    for k in range(at.shape[0]):
        s = 0.0
        for i in range(x.shape[0]):
            s += np.cos(at[k] * x[i])
        out[k] = s
    return out


def of_numba(function):
    return {"numba": lambda numba: numba.njit(function)}


ROWS = (
    Row("loop: entropy, 200k", lambda rng: (rng.random(200_000),), entropy, of_numba(entropy)),
    Row(
        "loop: Poisson likelihood, 50k",
        lambda rng: (rng.integers(0, 40, 50_000).astype("f8"), 1.0 + 40.0 * rng.random(50_000)),
        poisson,
        of_numba(poisson),
    ),
    Row(
        "loop: smoothed tanh, 100k",
        lambda rng: (rng.random(100_000),),
        smoothed,
        of_numba(smoothed),
    ),
    Row(
        "loop: sums of cosines, 2000 x 50",
        lambda rng: (rng.random(2000), 100.0 * rng.random(50)),
        transform,
        of_numba(transform),
        rtol=1e-11,
    ),
)
