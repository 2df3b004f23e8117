"""Measurements as a terminal table, as JSON and as a plot."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tracejit import get_num_threads
from tracejit.bench.contenders import COPY
from tracejit.bench.elementary import has_wide_registers, processor
from tracejit.bench.timing import Measurement

NO_GOALS: Mapping[str, float] = {}
UNITS = (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6), ("ns", 1e-9))


def duration(value: float) -> str:
    """Seconds in the largest unit that leaves a digit before the point."""
    for unit, scale in UNITS:
        if value >= scale:
            return f"{value / scale:.3g} {unit}"
    return "-"


def by_row(found: Sequence[Measurement]) -> dict[str, list[Measurement]]:
    rows: dict[str, list[Measurement]] = {}
    for measurement in found:
        rows.setdefault(measurement.row, []).append(measurement)
    return rows


def ratio(measurement: Measurement, rows: dict[str, list[Measurement]]) -> float:
    """How many times faster than the row's baseline, NumPy or plain Python."""
    base = [m for m in rows[measurement.row] if m.contender in ("numpy", "python")]
    return base[0].median / measurement.median if base else float("nan")


def relative(measurement: Measurement, rows: dict[str, list[Measurement]]) -> float:
    """Time relative to the fastest contender that computes the same."""
    ours = ("tracejit", COPY)
    others = [m.median for m in rows[measurement.row] if m.contender not in ours and m.samples]
    return measurement.median / min(others) if others else float("nan")


def table(found: Sequence[Measurement], goals: Mapping[str, float] = NO_GOALS) -> Any:
    """A table of `rich`; ``goals``: by row, what the time relative to the best peer should be."""
    from rich.table import Table

    drawn = Table(title="time per call; ratio: how many times faster than the baseline")
    headings = ["row", "contender", "median", "spread", "ratio", "first call"]
    if goals:
        headings += ["of best peer", "goal"]
    for heading in headings:
        drawn.add_column(heading, justify="left" if heading in ("row", "contender") else "right")
    rows = by_row(found)
    for name, measurements in rows.items():
        for i, m in enumerate(measurements):
            label = name if i == 0 else ""
            if m.problem:
                drawn.add_row(label, m.contender, f"[red]{m.problem}[/]")
                continue
            speed = f"{ratio(m, rows):.2f}x"
            cells = [duration(m.median), f"{m.spread:.0%}", speed, duration(m.first_call)]
            if m.contender == "tracejit" and name in goals:
                cells += against_goal(relative(m, rows), goals[name])
            drawn.add_row(label, m.contender, *cells)
        drawn.add_section()
    return drawn


def against_goal(best: float, goal: float) -> list[str]:
    """The figure, marked where it misses, and the goal."""
    return [f"{best:.2f}" if best <= goal else f"[red]{best:.2f}[/]", f"{goal:.2f}"]


def about() -> dict[str, Any]:
    """The machine and what ran on it."""
    versions = {}
    for name in ("numpy", "numba", "jax", "numexpr", "torch"):
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "machine": platform.machine(),
        "processor": processor(),
        "vectors": "AVX-512" if has_wide_registers() else "256 bits or less",
        "compiled for": os.environ.get("TRACEJIT_CPU", "this processor"),
        "cores": os.cpu_count(),
        "threads": get_num_threads(),
        "python": platform.python_version(),
        **versions,
    }


def means(found: Sequence[Measurement]) -> dict[str, tuple[float, int]]:
    """Geometric mean of the ratios over the rows that each contender ran, and their number."""
    rows = by_row(found)
    ratios: dict[str, list[float]] = {}
    for m in found:
        if not m.problem and m.contender != COPY:
            ratios.setdefault(m.contender, []).append(ratio(m, rows))
    return {name: (float(np.exp(np.mean(np.log(r)))), len(r)) for name, r in ratios.items()}


def write_json(found: Sequence[Measurement], path: Path) -> None:
    entries = [
        {
            "row": m.row,
            "contender": m.contender,
            "median_s": m.median if m.samples else None,
            "spread": m.spread if m.samples else None,
            "first_call_s": m.first_call,
            "samples_s": list(m.samples),
            "problem": m.problem,
        }
        for m in found
    ]
    path.write_text(json.dumps({"about": about(), "measurements": entries}, indent=1) + "\n")


def plot(found: Sequence[Measurement], path: Path) -> None:
    """Horizontal bars of the ratios, rows downwards, one colour per contender."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    rows = by_row(found)
    names = list(rows)
    others = sorted({m.contender for m in found} - {"numpy", "python"})
    figure, axis = plt.subplots(figsize=(8, 0.5 + 0.22 * len(names) * max(1, len(others))))
    height = 0.8 / max(1, len(others))
    for i, contender in enumerate(others):
        points = [
            (names.index(m.row) + i * height, ratio(m, rows))
            for m in found
            if m.contender == contender and not m.problem
        ]
        axis.barh([y for y, _ in points], [x for _, x in points], height, label=contender)
    axis.set_yticks([i + 0.4 - height / 2 for i in range(len(names))], names)
    axis.set_xscale("log")
    axis.axvline(1.0, color="black", linewidth=0.8)
    axis.invert_yaxis()
    axis.set_xlabel("times faster than the baseline")
    axis.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)
