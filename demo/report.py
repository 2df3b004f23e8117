"""What every part of the demo hands back, and how a fair time is taken. No drawing here."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OUTPUT = Path(__file__).resolve().parent / "output"

Step = Callable[[], None]
"""Called by a part after each piece of its work, to move its progress bar."""


@dataclass(frozen=True)
class Result:
    """One row of the final table; times in seconds per call."""

    name: str
    baseline: str
    baseline_time: float
    compiled_time: float
    first_call: float
    check: str
    ok: bool

    @property
    def ratio(self) -> float:
        return self.baseline_time / self.compiled_time


def seconds(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def side_by_side(
    baseline: Callable[[], Any], compiled: Callable[[], Any], rounds: int, step: Step
) -> tuple[float, float]:
    """Medians of interleaved calls, so that a busy moment of the machine hits both alike."""
    pairs = []
    for _ in range(rounds):
        pairs.append((seconds(baseline), seconds(compiled)))
        step()
    return tuple(statistics.median(times) for times in zip(*pairs))
