"""Loops and branches that write an array under another shape than it has."""

from __future__ import annotations

import numpy as np

Rng = np.random.Generator


def chosen_of_the_flat(A, c):
    """Written on one side of a branch."""
    flat = A.reshape(-1)
    for i in range(c.shape[0]):
        if c[i] > 0.5:
            flat[i] = c[i] * 2.0
    return A


def either_of_the_flat(A, c):
    """What is written is chosen, and may be what is there."""
    flat = A.reshape(-1)
    for i in range(c.shape[0]):
        flat[i] = c[i] if c[i] > 0.5 else flat[i]
    return A


def flat_again_each_time(A, c):
    """Under both shapes in turn, reshaped in the loop."""
    for i in range(c.shape[0]):
        flat = A.reshape(-1)
        if c[i] > 0.5:
            flat[i] = c[i] * flat[0]
            A[0, 0] += 0.1
    return A


def flat_under_rows(A, c):
    """A reshape of a reshape, in a loop that the run ends."""
    flat, i = A.ravel(), 0
    while i < c.shape[0]:
        rows = flat.reshape(A.shape)
        if c[i] > 0.5:
            rows[0, i % 2] = c[i]
        elif c[i] > 0.2:
            flat[i] *= c[i]
        i += 1
    return A


def both(r: Rng, n: int) -> tuple[np.ndarray, ...]:
    return r.random((n, n)), r.random(n * n)


SIZED = (
    (chosen_of_the_flat, both, True),
    (either_of_the_flat, both, True),
    (flat_again_each_time, both, False),  # the gradient asks a mask as large as the array
    (flat_under_rows, both, True),
)
