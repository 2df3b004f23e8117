"""That the fake device finds what a GPU would: host code that is wrong in one way at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

pytest.importorskip("cupy")

from tests.ptx.fake_device import FakeDriver, fake_device
from tests.ptx.parse import PtxError
from tracejit import jit
from tracejit.device import host_text
from tracejit.device.driver import CudaError
from tracejit.device.host_function import HostFunction


@pytest.fixture
def gpu() -> Iterator[FakeDriver]:
    with fake_device() as driver:
        yield driver


def first(x: Any) -> Any:
    y = np.exp(x)
    return float(y[0])


def test_a_wait_that_is_missing(gpu: FakeDriver, monkeypatch: Any) -> None:
    x = gpu.put(np.zeros(3))
    assert jit(lambda x: first(x))(x) == 1.0
    monkeypatch.setattr(HostFunction, "wait", lambda self, what, instr: None)
    assert jit(lambda x: first(x))(x) != 1.0


def test_another_stream(gpu: FakeDriver, monkeypatch: Any) -> None:
    right = HostFunction.drive

    def wrong(self: Any, call: str, *rest: Any, **more: Any) -> None:
        right(self, call.replace("%stream", "null"), *rest, **more)

    monkeypatch.setattr(HostFunction, "drive", wrong)
    x = gpu.put(np.zeros(3))
    for function, what in ((first, "in kernel"), (lambda x: print(x), "in a copy for print")):
        with pytest.raises(CudaError, match=what) as caught:
            jit(lambda x, function=function: function(x))(x)
        assert "another stream" in str(caught.value.__cause__)
        gpu.recover()


def test_memory_that_is_freed_too_early(gpu: FakeDriver, monkeypatch: Any) -> None:
    """A kernel that reads what was freed before it is done ends the call."""

    def f(x: Any) -> Any:
        return np.cumsum(x)[::-1] * np.cumsum(x)

    x = gpu.put(np.arange(4.0))
    np.testing.assert_array_equal(gpu.get(jit(lambda x: f(x))(x)), [0, 3, 3, 0])
    right = HostFunction.allocate

    def dangling(self: Any, size: Any) -> Any:
        made = right(self, size)
        self.release(made)
        return made

    monkeypatch.setattr(HostFunction, "allocate", dangling)
    monkeypatch.setitem(host_text.RULES, "free", lambda f, instr: None)
    with pytest.raises(PtxError, match="out-of-bounds global"):
        gpu.get(jit(lambda x: f(x))(x))


def test_a_library_sees_what_is_queued_and_its_answer_is_queued(gpu: FakeDriver) -> None:
    x = gpu.put(np.array([1.0, 0.0]))
    y = jit(lambda x: np.sort(np.exp(x)))(x)
    assert gpu.counts.waits == 0
    (answer,) = np.frombuffer(gpu.memory_space.inside(y.data.ptr, 8).tobytes())
    assert np.isnan(answer), "not there yet"
    np.testing.assert_array_equal(gpu.get(y), [1.0, np.e])
