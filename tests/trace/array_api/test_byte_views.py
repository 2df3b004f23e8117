"""``x.view(dtype)`` where the sizes differ: read, written through, returned, differentiated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tracejit

Y = np.arange(12.0).reshape(3, 4) / 7
BYTES = np.arange(48, dtype=np.uint8).reshape(2, 24)
CALLS: list[tuple[Callable[[Any], Any], np.ndarray]] = [
    (lambda x: (x + 1).view(np.uint8) + 0, Y),
    (lambda x: (x + 1).view(np.int16) + 0, Y),
    (lambda x: (x + 1).view(np.complex128) + 0, Y),
    (lambda x: (x + 1).view(np.float64) + 0, Y + 1j),
    (lambda x: (x + 1).view(np.complex64) + 0, Y),
    (lambda x: (x + 1).view(np.float32) + 0, BYTES),
    (lambda x: (x + 1).view(np.uint64)[::2] + 0, BYTES),
    (lambda x: x.view(np.uint32)[:, ::2], Y),
    (lambda x: x.view(np.uint8).reshape(-1), Y),
    (lambda x: x[1:].view(np.complex128).real, Y),
    (lambda x: x[0, 0].view(np.int64), Y),
]


@pytest.mark.parametrize("shapes", ["static", "dynamic"])
@pytest.mark.parametrize("number", range(len(CALLS)))
def test_read(number: int, shapes: Any) -> None:
    call, x = CALLS[number]
    found, want = tracejit.jit(call, shapes=shapes)(x), call(x)
    assert found.dtype == want.dtype
    np.testing.assert_array_equal(found, want)


def into_bytes(x: np.ndarray) -> np.ndarray:
    view = x.view(np.uint8)
    view[0, :3] = 255
    return x


def into_parts(x: np.ndarray) -> np.ndarray:
    x.view(np.float64)[:, ::2] = 7.0
    return x


def into_pairs(x: np.ndarray) -> np.ndarray:
    x.view(np.complex128)[1, 0] = 1 + 2j
    return x


@pytest.mark.parametrize(("call", "x"), [(into_bytes, Y), (into_parts, Y + 1j), (into_pairs, Y)])
def test_written_through(call: Callable[[Any], Any], x: np.ndarray) -> None:
    mine, theirs = x.copy(), x.copy()
    assert tracejit.jit(call)(mine) is mine
    np.testing.assert_array_equal(mine, call(theirs))


@pytest.mark.parametrize(
    "call",
    [
        lambda x: x[:, ::2].view(np.uint8),
        lambda x: x.T.view(np.uint8),
        lambda x: x[:, :3].copy().view(np.complex128),
        lambda x: x.sum(keepdims=True).reshape(()).view(np.uint8),
    ],
)
def test_errors(call: Callable[[Any], Any]) -> None:
    with pytest.raises(ValueError) as plain:
        call(Y)
    with pytest.raises(ValueError) as ours:
        tracejit.jit(call)(Y)
    assert str(ours.value) == str(plain.value)


def test_derivative_of_pairs() -> None:
    tracejit.check_grads(lambda x: np.abs(x.view(np.complex128)).sum(), (Y + 1,))
