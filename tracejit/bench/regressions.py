"""`python -m tracejit.bench --compare OLD.json`: what became slower since another run.

A machine is never as fast twice, so what is compared is the time relative to the baseline of the
same run (NumPy or Python). The interval is that of 95 % of bootstrap samples: medians of samples
drawn again, with replacement, from both runs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tracejit.bench.timing import Measurement
from tracejit.records import dataclass

_DRAWS = 2000
#: A change is told when the whole interval is beyond this.
CLEAR = 0.05


@dataclass(frozen=True)
class Change:
    """Time relative to the baseline, now over then, with its interval; above one is slower."""

    row: str
    ratio: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        """``slower`` or ``faster`` where that is clear, else empty."""
        if self.low > 1.0 + CLEAR:
            return "slower"
        return "faster" if self.high < 1.0 - CLEAR else ""


def read(path: Path) -> list[Measurement]:
    """The measurements that `--json` wrote."""
    entries: list[dict[str, Any]] = json.loads(path.read_text())["measurements"]
    return [
        Measurement(
            e["row"], e["contender"], e["first_call_s"], tuple(e["samples_s"]), e["problem"]
        )
        for e in entries
    ]


def changes(now: Sequence[Measurement], then: Sequence[Measurement]) -> list[Change]:
    """A change for each row that both runs have with the same baseline, in the order of now."""
    rng = np.random.default_rng(0)
    new, old = _by_row(now), _by_row(then)
    found = []
    for row, contenders in new.items():
        base = _baseline(contenders)
        pairs = [(c.get("tracejit"), c.get(base)) for c in (contenders, old.get(row, {}))]
        samples = [m.samples for pair in pairs for m in pair if m is not None]
        if base == "" or len(samples) < 4 or not all(samples):
            continue
        ours, theirs, before, theirs_before = (_medians(rng, s) for s in samples)
        drawn = (ours / theirs) / (before / theirs_before)
        a, b, c, d = (float(np.median(s)) for s in samples)
        low, high = np.percentile(drawn, [2.5, 97.5])
        found.append(Change(row, (a / b) / (c / d), float(low), float(high)))
    return found


def _by_row(found: Sequence[Measurement]) -> dict[str, dict[str, Measurement]]:
    rows: dict[str, dict[str, Measurement]] = {}
    for m in found:
        rows.setdefault(m.row, {})[m.contender] = m
    return rows


def _baseline(contenders: Mapping[str, Measurement]) -> str:
    return next((name for name in ("numpy", "python") if name in contenders), "")


def _medians(rng: np.random.Generator, samples: Sequence[float]) -> Any:
    """Medians of samples drawn again."""
    drawn = rng.choice(np.asarray(samples), (_DRAWS, len(samples)))
    return np.median(drawn, axis=1)


def table(found: Sequence[Change]) -> str:
    """Markdown, what became slower first."""
    lines = ["| row | now / then | 95 % | |", "|---|---|---|---|"]
    for c in sorted(found, key=lambda c: -c.ratio):
        lines.append(f"| {c.row} | {c.ratio:.2f} | {c.low:.2f} to {c.high:.2f} | {c.verdict} |")
    slower = sum(c.verdict == "slower" for c in found)
    faster = sum(c.verdict == "faster" for c in found)
    return "\n".join([*lines, "", f"{len(found)} rows: {slower} slower, {faster} faster"])
