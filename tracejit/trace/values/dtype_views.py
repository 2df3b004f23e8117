"""Elements of the last axis as elements of another size: ``x.view(dtype)`` where the sizes differ.

Memory is little-endian. Complex numbers are pairs of floats; other elements go through unsigned
integers of their size.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tracejit.dtypes import is_complex, part_of, unsigned_like
from tracejit.ir import extent as ex
from tracejit.ir.builder import Builder
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim

DType = np.dtype[Any]


def regrouped(b: Builder, x: Value, dtype: DType) -> Value:
    """The memory of ``x``, rows of its last axis, as elements of ``dtype``."""
    if is_complex(x.dtype):
        parts = [b.op(which, x) for which in ("real", "imag")]
        x = _interleaved(b, parts)
    if x.dtype == dtype:
        return x
    if not is_complex(dtype):
        return _resized(b, x, dtype)
    pairs = _grouped(b, regrouped(b, x, part_of(dtype)), 2)
    return b.op("complex", _member(b, pairs, 0), _member(b, pairs, 1))  # type: ignore[no-any-return]


def _resized(b: Builder, x: Value, dtype: DType) -> Value:
    have, want = x.dtype.itemsize, dtype.itemsize
    x = _bits(b, x)
    wide = np.dtype(f"u{want}")
    if have > want:
        steps = [b.const(8 * want * k, x.dtype) for k in range(have // want)]
        parts = [b.op("shift_right", x, b.broadcast(s, x.shape, ())) for s in steps]
        x = _interleaved(b, [b.convert(p, wide) for p in parts])
    elif have < want:
        groups = _grouped(b, b.convert(x, wide), want // have)
        members = [_member(b, groups, k) for k in range(want // have)]
        x = members[0]
        for k, member in enumerate(members[1:], 1):
            shift = b.broadcast(b.const(8 * have * k, wide), member.shape, ())
            x = b.op("bitwise_or", x, b.op("shift_left", member, shift))
    return x if dtype == wide else b.op("bitcast", x, dtype=dtype)


def _bits(b: Builder, x: Value) -> Value:
    """The elements as unsigned integers."""
    kind = unsigned_like(x.dtype)
    return x if x.dtype == kind else b.op("bitcast", x, dtype=kind)


def _interleaved(b: Builder, parts: Sequence[Value]) -> Value:
    """Element by element from each part in turn."""
    *lead, n = parts[0].shape
    rank = len(lead) + 1
    columns: list[Value] = [b.broadcast(p, [*lead, n, 1], tuple(range(rank))) for p in parts]
    joined = b.op("concatenate", *columns, axis=rank)
    return b.reshape(joined, (*lead, n * len(parts)))


def _grouped(b: Builder, x: Value, count: int) -> Value:
    *lead, n = x.shape
    return b.reshape(x, (*lead, ex.floordiv(n, count), count))


def _member(b: Builder, groups: Value, k: int) -> Value:
    """Member ``k`` of each group along the last axis."""
    rank = groups.rank - 1
    starts: list[Dim] = [*[0] * rank, k]
    steps: list[Dim] = [1] * (rank + 1)
    picked = b.slice(groups, starts, (*groups.shape[:-1], 1), steps)
    return b.reshape(picked, groups.shape[:-1])
