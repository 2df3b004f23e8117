"""`python -m demo`: run the three parts with progress, then a table of ratios.

Exits with 1 when a part's own check fails, so that a script notices.
"""

from __future__ import annotations

import sys
import time

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from demo import digits, fractal, photo
from demo.report import OUTPUT, Result

PARTS = (
    ("digits   training a network", digits),
    ("photo    smoothing in place", photo),
    ("fractal  a while per pixel", fractal),
)


def duration(value: float) -> str:
    """Seconds in the unit that leaves one to three digits before the point."""
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if value >= scale:
            return f"{value / scale:.3g} {unit}"
    return f"{value / 1e-9:.3g} ns"


def run_parts(console: Console) -> list[Result]:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    results = []
    with Progress(*columns, console=console) as progress:
        tasks = [progress.add_task(title, total=part.STEPS, start=False) for title, part in PARTS]
        for task, (_, part) in zip(tasks, PARTS, strict=True):
            progress.start_task(task)
            results.append(part.run(lambda task=task: progress.advance(task)))
            progress.update(task, completed=part.STEPS)
    return results


def table(results: list[Result]) -> Table:
    drawn = Table(title="times per call, medians of interleaved calls on this machine")
    for heading in ("program", "against", "its time", "tracejit", "ratio", "first call", "check"):
        drawn.add_column(heading, justify="left" if heading in ("program", "check") else "right")
    for r in results:
        drawn.add_row(
            r.name,
            r.baseline,
            duration(r.baseline_time),
            duration(r.compiled_time),
            f"{r.ratio:.3g}x",
            duration(r.first_call),
            f"[{'green' if r.ok else 'bold red'}]{r.check}[/]",
        )
    return drawn


def main() -> int:
    start = time.perf_counter()
    console = Console()
    OUTPUT.mkdir(exist_ok=True)
    results = run_parts(console)
    console.print(table(results))
    names = ", ".join(sorted(path.name for path in OUTPUT.glob("*.png")))
    console.print(f"pictures in {OUTPUT}: {names}", soft_wrap=True)
    console.print(f"{time.perf_counter() - start:.0f} s in all")
    return 0 if all(r.ok for r in results) else 1


if __name__ == "__main__":
    sys.exit(main())
