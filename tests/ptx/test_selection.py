"""What a mask selects, put side by side by the blocks of a grid: NumPy's elements, in its order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("cupy")

from tests.ptx.fake_device import fake_device
from tracejit import jit
from tracejit.ir.program import kernels
from tracejit.lower.expand_masked import plain
from tracejit.lower.parallel import Kernel


def positive(x: Any) -> Any:
    return x[x > 0]


def places(x: Any) -> Any:
    return np.nonzero(x > 0)[0]


def rows(x: Any) -> Any:
    return x.reshape(-1, 3)[x[: len(x) // 3] > 0]


def line(n: int) -> np.ndarray:
    return np.random.default_rng(n).normal(size=n)


@pytest.mark.parametrize("function", [positive, places, rows])
def test_blocks_select(function: Callable[..., Any]) -> None:
    with fake_device() as gpu:
        fast = jit(function, shapes="dynamic")
        # Less than a warp, a block, some blocks, and a part of the loop that is not full.
        for x in (line(3), line(258), np.ones(600), -np.ones(600), line(3600)):
            np.testing.assert_array_equal(gpu.get(fast(gpu.put(x))), function(x))
        assert gpu.counts.launches["place"] == 5
        assert gpu.counts.launches["counts"] == 1, "one block has none before it"
        assert gpu.error is None


def kept(x: Any) -> Any:
    """What is selected is read again by the iterations that follow."""
    k = 0
    for i in range(len(x)):
        if x[i] > x[k]:
            x[k] = x[i]
            k += 1
    return x


def twice(x: Any) -> Any:
    """Two places at a time."""
    out = np.zeros(2 * len(x))
    k = 0
    for i in range(len(x)):
        if x[i] > 0:
            out[k] = x[i]
            k += 2
    return out


@pytest.mark.parametrize("function", [kept, twice])
def test_other_loops_keep_their_order(function: Callable[..., Any]) -> None:
    from tracejit.lower.outline import outline

    made = jit(function)._dispatcher.version_for(line(40)).artefacts
    roles = [
        phase.role
        for k in kernels(outline(plain(made.program)).host)
        for phase in Kernel(k.regions[0], k.attrs.get("aliases", ())).phases()
    ]
    assert "serial" in roles
    assert "compact" not in roles
