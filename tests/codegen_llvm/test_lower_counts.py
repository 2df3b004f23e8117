"""Counts and sums of narrow integers in fewer bits: no chunk overflows, and vectors are filled."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tracejit import jit


def hits(x: Any) -> Any:
    return np.count_nonzero(x)


def three_at_once(x: Any) -> Any:
    return np.sum(x > 0), np.sum(x < 0), x.max()


def total(x: Any) -> Any:
    return x.sum()


def beside_wide_ones(x: Any) -> Any:
    return np.count_nonzero(x), x.astype(np.int64).max()


#: What is computed; the dtype; what vectors hold its sum, if it has fewer bits.
CASES: list[tuple[Callable[..., Any], str, str]] = [
    (hits, "?", "i16"),
    (hits, "f4", "i32"),
    (hits, "i8", ""),
    (three_at_once, "i1", "i16"),
    (total, "?", "i16"),
    (total, "u1", "i32"),
    (total, "i2", "i32"),
    (total, "i4", ""),
    (beside_wide_ones, "u1", ""),
]


@pytest.mark.parametrize(("f", "code", "bits"), CASES)
def test_no_chunk_overflows(f: Callable[..., Any], code: str, bits: str) -> None:
    """Elements are as large as they can be, and as small; lengths are about those of chunks."""
    fast = jit(f, shapes="dynamic")
    dtype = np.dtype(code)
    ends = [1] if dtype.kind in "bf" else [np.iinfo(dtype).min, np.iinfo(dtype).max]
    for end in ends:
        for n in (1, 300, (1 << 14) - 1, 1 << 14, (1 << 15) + 1, (1 << 17) + 5):
            x = np.full(n, end, dtype)
            np.testing.assert_array_equal(fast(x), f(x))
    mixed = (np.random.default_rng(1).random(70_000) * 3 - 1).astype(dtype)
    np.testing.assert_array_equal(fast(mixed[::3]), f(mixed[::3]))
    text = "".join(fast.inspect_llvm().values())
    assert set(re.findall(r"phi <\d+ x (i16|i32)>", text)) == {bits} - {""}


def test_short_rows_stay_as_they_are() -> None:
    x = np.ones((3, 100), bool)
    fast = jit(lambda x: np.count_nonzero(x, axis=1))
    np.testing.assert_array_equal(fast(x), [100, 100, 100])
    assert " x i16>" not in "".join(fast.inspect_llvm().values())
