"""Loops and branches as functions, under JAX's names, for those who prefer them.

They are written as a user would write them: plain Python loops, compiled where they are compiled.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar, TypeVarTuple

import numpy as np

from tracejit import trees
from tracejit.errors import throw

C = TypeVar("C")
R = TypeVar("R")
Ts = TypeVarTuple("Ts")


def fori_loop(
    lower: int,
    upper: int,
    body_fun: Callable[[Any, C], C],
    init_val: C,
    *,
    unroll: int | bool | None = None,
) -> C:
    """``body_fun(i, value)`` for i from ``lower`` to ``upper - 1``; the last value.

    A plain ``for`` does the same. ``value`` may be an array or a container; its kind stays.
    ``unroll`` is JAX's, and changes nothing: LLVM decides which loops are unrolled.

        total = fori_loop(0, 4, lambda i, total: total + i, 0.0)
        assert total == 6.0
    """
    value = init_val
    for i in range(lower, upper):
        value = body_fun(i, value)
    return value


def while_loop(cond_fun: Callable[[C], Any], body_fun: Callable[[C], C], init_val: C) -> C:
    """``value = body_fun(value)`` while ``cond_fun(value)``; the last value.

    A plain ``while`` does the same. ``value`` may be an array or a container; its kind stays.

        power = while_loop(lambda p: p < 100, lambda p: p * 2, 1)
        assert power == 128
    """
    value = init_val
    while cond_fun(value):
        value = body_fun(value)
    return value


def cond(
    pred: Any, true_fun: Callable[[*Ts], R], false_fun: Callable[[*Ts], R], *operands: *Ts
) -> R:
    """``true_fun(*operands)`` if ``pred``, else ``false_fun(*operands)``.

    A plain ``if`` does the same. Both sides give the same kind of result: StructureError otherwise.

        x = -2.0
        size = cond(x > 0, lambda x: x, lambda x: -x, x)
        assert size == 2.0
    """
    if pred:
        return true_fun(*operands)
    return false_fun(*operands)


def switch(index: Any, branches: Sequence[Callable[[*Ts], R]], *operands: *Ts) -> R:
    """``branches[index](*operands)``, the index clamped to those that there are.

    All branches give the same kind of result: StructureError otherwise.

        y = switch(1, [np.sin, np.cos, np.tan], 0.0)
        assert y == 1.0
    """
    if len(branches) == 1:
        return branches[0](*operands)
    if index <= 0:
        return branches[0](*operands)
    return switch(index - 1, branches[1:], *operands)


def _length(xs: Any, length: int | None) -> int:
    """How many steps a scan has."""
    sizes = [len(x) for x in trees.leaves_of(xs) if x is not None]
    if length is not None:
        sizes.append(length)
    if not sizes:
        throw(ValueError("scan: xs has no arrays, so length has to say how many steps there are"))
    for size in sizes:
        if size != sizes[0]:
            throw(ValueError(f"scan: {sizes[0]} and {size} steps"))
    return sizes[0]


def _item(xs: Any, i: Any) -> Any:
    return trees.map_leaves(lambda x: None if x is None else x[i], xs)


def _stores(y: Any, count: int) -> Any:
    """Arrays for ``count`` results like ``y``."""
    leaves = [None if v is None else np.asarray(v) for v in trees.leaves_of(y)]
    return [None if v is None else np.zeros((count, *v.shape), v.dtype) for v in leaves]


def _put(stores: Any, i: Any, y: Any) -> None:
    for store, value in zip(stores, trees.leaves_of(y), strict=True):
        if store is not None:
            store[i] = value


def _restored(y: Any, stores: Any) -> Any:
    return trees.unflatten(trees.flatten(y)[1], stores)


def scan(
    f: Callable[[C, Any], tuple[C, Any]],
    init: C,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: int | bool = 1,
) -> tuple[C, Any]:
    """``carry, y = f(carry, x)`` for each x along the first axis of ``xs``; the last carry, and the
    ys as arrays.

    ``xs``: an array or a container of them; None with ``length``, the number of steps. ``reverse``:
    from the last x to the first, each y where its x was. ``unroll`` is JAX's, and changes nothing:
    LLVM decides which loops are unrolled. ValueError where there is no step.

        last, sums = scan(lambda total, x: (total + x, total + x), 0.0, np.arange(4.0))
        assert last == 6.0
        assert sums.tolist() == [0.0, 1.0, 3.0, 6.0]
    """
    count = _length(xs, length)
    if count == 0:
        throw(ValueError("scan over nothing: there is no y to say what the results are like"))
    start = count - 1 if reverse else 0
    carry, y = f(init, _item(xs, start))
    stores = _stores(y, count)
    _put(stores, start, y)
    for k in range(1, count):
        i = count - 1 - k if reverse else k
        carry, step = f(carry, _item(xs, i))
        _put(stores, i, step)
    return carry, _restored(y, stores)


def map(f: Callable[[Any], Any], xs: Any) -> Any:
    """``f`` of each x along the first axis of ``xs``, one after another; the results as arrays.

    As ``scan`` without a carry. ValueError where there is no x.

        rows = tracejit.map(lambda row: row / row.sum(), np.ones((2, 4)))
        assert rows.tolist() == [[0.25] * 4] * 2
    """
    return scan(lambda carry, x: (carry, f(x)), 0, xs)[1]
