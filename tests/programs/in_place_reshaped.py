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


def two_of_the_flat(A, c):
    """Two elements in an iteration: where neither was written is known of both shapes."""
    flat = A.reshape(-1)
    for i in range(A.shape[0] - 1):
        flat[i] *= c[i]
        flat[2 * i + 1] *= c[i]
    return A


def windows_of_blocks(A, c):
    """A window of a part under more axes is no window of the part: the block around it is."""
    k = c.shape[0] - 2
    blocks = A.reshape(-1)[1 : 1 + 12 * k].reshape(k, 2, 6)
    for i in range(k):
        blocks[i, :, :4] = c[i] * blocks[i, :, 1:5] + c[i + 1]
    return A


def windows_of_all_blocks(A, c):
    """The same, where the window was taken of all blocks before."""
    k = c.shape[0] - 2
    blocks = A.reshape(-1)[1 : 1 + 12 * k].reshape(k, 2, 6)
    inner, backwards = blocks[:, :, 1:5], blocks[:, :, ::-1]
    for i in range(k):
        inner[i] *= c[i]
        backwards[i, :, 0] += inner[i, :, 1]
    return A


def lines(r: Rng, n: int) -> tuple[np.ndarray, ...]:
    return r.random((n, 13)), r.random(n)


def both(r: Rng, n: int) -> tuple[np.ndarray, ...]:
    return r.random((n, n)), r.random(n * n)


SIZED = (
    (chosen_of_the_flat, both, True),
    (either_of_the_flat, both, True),
    (flat_again_each_time, both, False),  # the gradient asks a mask as large as the array
    (flat_under_rows, both, True),
    (two_of_the_flat, both, True),
)

#: Blocks that are copied, each by itself.
BLOCKS = (windows_of_blocks, windows_of_all_blocks)
