"""The script for a real GPU, on the device of the tests: a dry run of each step."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("cupy")

from tests.bench.test_npbench import checkout  # noqa: F401  (a fixture)
from tests.ptx import on_device


def test_dry_run(
    tmp_path: Path,
    checkout: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NPBENCH", str(checkout))
    out = tmp_path / "found.json"
    chosen = ["var rows", "selected", "argmax", "exp f4", "1 launch", "2 launches", "heat_1d"]
    chosen += ["doubled", "product f4", "solve f8", "eigh f8", "fft f4", "unique f4"]
    on_device.main(["--fake", "--out", str(out), *chosen])
    found = json.loads(out.read_text())
    assert [*found] == [*on_device.STEPS]
    assert all(not step["wrong"] and not step["left"] for step in found.values()), found
    assert {i for step in found.values() for i in step["items"]} == {*chosen}
    assert found["kernels"]["items"]["selected"]["gigabytes_a_second"] > 0


def test_what_is_wrong_is_told_and_the_rest_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """One process ends in an item, another one has no time for its last."""
    ended = [
        [{"start": "a"}, {"item": "a", "n": 1}, {"start": "b"}],
        [{"start": "c"}, {"item": "c", "error": "CudaError: 700"}],
        [],
    ]
    commands: list[Any] = []

    def lines(command: Any, seconds: float) -> Any:
        commands.append(command[4:])
        return ended.pop(0)

    monkeypatch.setattr(on_device, "_lines", lines)
    found = on_device.done("calls", False, ["a", "b", "c", "d"], 100)
    assert commands == [["calls", *"abcd"], ["calls", "c", "d"], ["calls", "d"]]
    assert found["wrong"] == ["b", "c"]
    assert found["left"] == ["d"]
    assert found["items"]["a"] == {"n": 1}


def test_it_takes_under_six_minutes() -> None:
    assert sum(limit for limit, _, _ in on_device.STEPS.values()) < 360
