"""Stacks of matrices, one matrix at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np


def each_matrix(
    one: Callable[..., Any], arrays: Sequence[Any], results: Sequence[tuple[Any, Sequence[Any]]]
) -> tuple[Any, ...]:
    """What ``one`` gives for each matrix of the stacks; ``results``: dtype and shape of each result
    of one matrix."""
    lead = arrays[0].shape[:-2]
    if not lead:
        return tuple(one(*arrays))
    count = math.prod(lead)
    flat = [x.reshape((count, *x.shape[-2:])) for x in arrays]
    made = [np.empty((count, *shape), dtype) for dtype, shape in results]
    for t in range(count):
        for whole, part in zip(made, one(*[x[t] for x in flat]), strict=True):
            whole[t] = part
    return tuple(x.reshape((*lead, *x.shape[1:])) for x in made)
