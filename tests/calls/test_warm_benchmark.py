"""No row of the benchmark of calls takes the slow path."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.calls.warm import NATIVE
from tracejit.bench import calls as bench

ROWS = bench.load(Path(__file__).resolve().parents[2] / "benchmarks")


@NATIVE
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name.replace(" ", "_"))
def test_no_call_of_the_benchmark_is_slow(row: Any) -> None:
    assert bench.cost(row, number=3, rounds=1).slow == 0
