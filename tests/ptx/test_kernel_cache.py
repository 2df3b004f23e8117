"""Kernels on disk: made once, not taken when they are damaged or another device's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("cupy")

from tests.ptx.fake_device import FakeDriver, fake_device
from tracejit import jit
from tracejit.codegen_llvm.engine import shared_engine
from tracejit.codegen_llvm.object_cache import DiskCache
from tracejit.device import kernel_cache


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DiskCache:
    found = DiskCache(tmp_path / "objects")
    monkeypatch.setattr(shared_engine(), "cache", found)
    return found


def assembled(before: Callable[[FakeDriver], None] = lambda gpu: None, **options: Any) -> int:
    """How many kernels a call in a new process would assemble."""
    with fake_device() as gpu:
        before(gpu)
        got = gpu.get(jit(lambda x: x * 2.0 + 1.0, **options)(gpu.put(np.arange(5.0))))
        np.testing.assert_array_equal(got, np.arange(5.0) * 2 + 1)
        return gpu.counts.calls["assemble"]


def other_kind(gpu: FakeDriver) -> None:
    gpu.kind = "sm_90 and a newer driver"


def test_kernels_are_made_once(files: DiskCache, monkeypatch: pytest.MonkeyPatch) -> None:
    assert assembled(cache=False) == 1
    assert assembled() == 1, "it was not kept"

    def compiled(*_: Any) -> str:
        raise AssertionError("LLVM is asked again")

    with monkeypatch.context() as m:
        m.setattr(kernel_cache, "compile_ptx", compiled)
        assert assembled() == 0
        assert assembled(other_kind) == 1, "another device or driver: PTX is the same"


def test_damaged_files_are_not_used(files: DiskCache) -> None:
    assert assembled() == 1
    for entry in files.entries():
        entry.path.write_bytes(entry.path.read_bytes()[:-3] + b"???")
    assert assembled() == 1
    assert assembled() == 0


def test_what_the_driver_refuses_is_made_again(
    files: DiskCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Machine code that a key says is right, and is not: of a driver with the same number, say."""
    with monkeypatch.context() as m:
        m.setattr(FakeDriver, "kind_of_device", lambda gpu: "one name for all")
        assert assembled() == 1
        assert assembled(other_kind) == 1
        assert assembled(other_kind) == 0
