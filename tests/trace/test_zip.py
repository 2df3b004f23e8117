"""``zip``, ``enumerate`` and ``reversed``: strict lengths, and loops that are not unrolled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tracejit import jit

Function = Callable[..., Any]


def writes_pairs(a: Any, b: Any) -> Any:
    for k, (_, v) in enumerate(zip(a, b, strict=True)):
        a[k] = v * 10
    return a


def lists_pairs(a: Any, b: Any) -> Any:
    return [u + v for u, v in zip(a, b, strict=True)]


def adds_products(a: Any, b: Any) -> Any:
    total = 0.0
    for i, j in zip(range(len(a)), range(1, len(b)), strict=True):
        total += a[i] * b[j]
    return total


def outcome(function: Function, n: int, m: int) -> Any:
    a, b = np.arange(float(n)), np.arange(float(m)) + 1
    try:
        result = repr(function(a, b))
    except ValueError as error:
        result = str(error)
    return result, a.tolist()


@pytest.mark.parametrize("function", [writes_pairs, lists_pairs, adds_products])
def test_strict_zip(function: Function) -> None:
    """A difference shows after the last pair, as in Python; sizes become symbols on the way."""
    compiled = jit(function)
    for n, m in ((3, 3), (3, 4), (4, 3), (5, 5), (6, 6), (6, 4), (4, 5), (7, 7)):
        assert outcome(compiled, n, m) == outcome(function, n, m)


def backwards(a: Any) -> Any:
    total = 0.0
    for i in reversed(range(1, len(a), 2)):
        if a[i] < 2:
            break
        total = total * 0.5 + a[i]
    return total


def in_pairs(a: Any) -> Any:
    total = 0.0
    for i, j in zip(range(len(a)), range(1, len(a))):
        total = total * 0.5 + a[i] * a[j]
    return total


def numbered(a: Any) -> Any:
    total = 0.0
    for k, i in enumerate(range(len(a) - 1, 0, -1)):
        total = total * 0.5 + a[i] * k
    return total


@pytest.mark.parametrize("function", [backwards, in_pairs, numbered])
def test_loops_over_ranges_are_not_unrolled(function: Function) -> None:
    compiled = jit(function)
    for n in (3, 8, 100_000):
        a = np.arange(float(n))
        assert compiled(a) == function(a)
    assert len(jit(function).inspect_ir(np.ones(100_000))) < 4000


def consumed(a: Any) -> Any:
    parts = [a, a * 2, a * 3]
    last, first = reversed(range(2))
    total = sum(parts[k].sum() for k in reversed(range(3))) + last - first
    for k, i in zip(range(3), range(2, -1, -1)):
        total = total * 2 + parts[i].sum() + len(parts[k])
    return (
        total,
        list(reversed(range(3))),
        dict(zip(range(2), range(2))),
        [*enumerate(range(2), 1)],
        np.array(list(reversed(range(4)))),
        max(reversed(range(4))),
    )


def test_ranges_consumed_while_compiling() -> None:
    x = np.arange(3.0)
    assert repr(jit(consumed)(x)) == repr(consumed(x))
