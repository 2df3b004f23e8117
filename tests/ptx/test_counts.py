"""Why programs wait and run on one thread. How often they do: `test_programs_on_device.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("cupy")

from tests.programs import all_programs
from tests.ptx.counts import explained
from tests.ptx.fake_device import fake_device
from tracejit import jit


@pytest.mark.parametrize("name", ["lu_pivoted", "last_index_wins"])
def test_each_wait_and_each_kernel_of_one_thread_has_its_reason(name: str) -> None:
    (program,) = [p for p in all_programs.ALL if p.name == name]
    found, waited, alone = explained(program)
    assert (waited.total(), alone.total()) == (found.waits, found.one_thread)
    assert all([*waited, *alone])


REASONS: dict[str, Callable[[np.ndarray], Any]] = {
    "a branch depends on it": lambda x: x + 1 if x.sum() > 0 else x,
    "how often a loop goes round depends on it": lambda x: _steps(x, int(x[0])),
    "the size of an array depends on it": lambda x: x[x > 0],
    "it is a result": lambda x: float(x.sum()),
    "whether something is raised depends on it": lambda x: x[np.array([0, 1]) * int(x[0])],
}


def _steps(x: np.ndarray, n: int) -> np.ndarray:
    for _ in range(n):
        x = x + 1
    return x


@pytest.mark.parametrize("why", REASONS)
def test_why_a_call_waits(why: str) -> None:
    with fake_device() as gpu:
        text = jit(REASONS[why]).explain(gpu.put(np.ones(3, np.int64)))
    assert f"waits for the GPU: {why}" in text
