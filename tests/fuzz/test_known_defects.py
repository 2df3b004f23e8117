"""Programs whose answer is known to be wrong; once one is right, its test says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tracejit import jit


def caller_sees_later_write(x: Any, n: int) -> Any:
    for i in range(n):
        x[i] = 7
        if i > 0:
            x = x + 1
    return x, x


def alias_sees_later_write(x: Any, n: int) -> Any:
    y = x * 1.5
    old = y
    for i in range(n):
        y[i] = 7
        if i > 0:
            y = y + 1
    return y, old


@pytest.mark.xfail(
    strict=True,
    reason="a loop that writes through a name and then may bind it to fresh storage carries the "
    "name by value: writes of later iterations miss the storage that others still see",
)
@pytest.mark.parametrize("function", [caller_sees_later_write, alias_sees_later_write])
def test_writes_before_a_rebinding(function: Callable[..., Any]) -> None:
    ours, theirs = np.arange(4.0), np.arange(4.0)
    got, want = jit(function)(ours, 3), function(theirs, 3)
    np.testing.assert_array_equal(ours, theirs)
    for g, w in zip(got, want, strict=True):
        np.testing.assert_array_equal(g, w)
