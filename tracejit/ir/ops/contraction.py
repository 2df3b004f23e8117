"""``dot``: the one contraction, a batched product of two tensors summed over paired axes."""

from __future__ import annotations

from typing import Any

import numpy as np

from tracejit.dtypes import is_narrow
from tracejit.ir.core import Primitive, row
from tracejit.ir.ops.derivatives_linear import dot_side, linear, maps
from tracejit.ir.ops.rules import (
    Attrs,
    Operands,
    Regions,
    arity,
    axes_in_range,
    require,
    same_dtype,
)
from tracejit.ir.types import TensorType, Type

Pairs = tuple[tuple[int, ...], tuple[int, ...]]


def free_axes(rank: int, contract: tuple[int, ...], batch: tuple[int, ...]) -> list[int]:
    """Axes that are neither contracted nor batched, in order."""
    return [a for a in range(rank) if a not in contract and a not in batch]


def _dot(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    arity(operands, 2)
    a, b = operands
    contract, batch = attrs["contract"], attrs["batch"]
    for x, c, n in ((a, contract[0], batch[0]), (b, contract[1], batch[1])):
        axes_in_range((*c, *n), x.rank)
    for pairs in (contract, batch):
        require(len(pairs[0]) == len(pairs[1]), "axes do not pair up", pairs)
        for i, j in zip(*pairs, strict=True):
            require(a.shape[i] == b.shape[j], "paired extents differ", a.type, b.type, (i, j))
    shape = [a.shape[i] for i in batch[0]]
    shape += [a.shape[i] for i in free_axes(a.rank, contract[0], batch[0])]
    shape += [b.shape[i] for i in free_axes(b.rank, contract[1], batch[1])]
    dtype = same_dtype(operands)
    require(not is_narrow(dtype), "products are summed in a wider format", dtype)
    return (TensorType(dtype, tuple(shape)),)


def _eval_dot(a: Any, b: Any, *, contract: Pairs, batch: Pairs) -> Any:
    a, b = np.asarray(a), np.asarray(b)
    free_a = free_axes(a.ndim, contract[0], batch[0])
    free_b = free_axes(b.ndim, contract[1], batch[1])
    nb = [a.shape[i] for i in batch[0]]
    k = int(np.prod([a.shape[i] for i in contract[0]], dtype=int))
    m = [a.shape[i] for i in free_a]
    n = [b.shape[i] for i in free_b]
    left = np.transpose(a, [*batch[0], *free_a, *contract[0]])
    right = np.transpose(b, [*batch[1], *contract[1], *free_b])
    out = np.matmul(
        left.reshape([*nb, int(np.prod(m, dtype=int)), k]),
        right.reshape([*nb, k, int(np.prod(n, dtype=int))]),
    )
    return out.reshape([*nb, *m, *n])


row(
    Primitive(
        "dot",
        "contraction",
        _dot,
        _eval_dot,
        **linear((0,), (1,), maps(dot_side(0), dot_side(1))),
        doc="Axes: batch, then free axes of a, then free axes of b; contract and batch pair axes.",
    )
)
