"""`python -m tracejit.bench --gradients`: programs and their gradients, in time and memory.

A ratio is the time of value and gradient together over that of the value alone, both compiled and
timed in turn, the fastest of some rounds. Memory is what a call allocates at its peak
(`f.peak_bytes`).
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tracejit.bench.rows import module_at
from tracejit.bench.show import duration
from tracejit.records import dataclass

ROUNDS = 25
SAMPLE_SECONDS = 1e-3


@dataclass(frozen=True)
class GradientRow:
    """A scalar function, its arguments, and those that it is differentiated by; ``jax`` makes the
    same function with that module. ``derivative``: what is timed in place of value and gradient,
    such as a Jacobian; ``jax`` makes that then."""

    name: str
    function: Callable[..., Any]
    setup: Callable[[np.random.Generator], tuple[Any, ...]]
    argnums: int | tuple[int, ...] = 0
    jax: Callable[[Any], Callable[..., Any]] | None = None
    derivative: Callable[..., Any] | None = None

    def differentiated(self) -> Callable[..., Any]:
        from tracejit import value_and_grad

        return self.derivative or value_and_grad(self.function, argnums=self.argnums)


@dataclass(frozen=True)
class GradientCost:
    """Seconds of a call and bytes at its peak, of the value and of value and gradient; seconds of
    the gradient's first call; JAX's seconds of value and gradient, None where it was not run."""

    value: float
    gradient: float
    value_bytes: int
    gradient_bytes: int
    first: float
    jax: float | None
    problem: str = ""

    @property
    def ratio(self) -> float:
        return self.gradient / self.value


def cost(row: GradientRow, rounds: int = ROUNDS) -> GradientCost:
    """Time one row."""
    from tracejit import jit

    args = row.setup(np.random.default_rng(0))
    value = jit(row.function)
    gradient = jit(row.differentiated())
    value(*args)
    start = time.perf_counter()
    found = gradient(*args)
    first = time.perf_counter() - start
    calls: list[Callable[[], Any]] = [lambda: value(*args), lambda: gradient(*args)]
    problem = ""
    if row.jax is not None and importlib.util.find_spec("jax") is not None:
        theirs = _of_jax(row, args)
        problem = _difference(found, theirs())
        calls.append(theirs)
    repeats = [_repeats(call) for call in calls]
    samples: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds):
        for call, repeat, times in zip(calls, repeats, samples, strict=True):
            times.append(_seconds(call, repeat))
    fastest = [min(times) for times in samples]
    return GradientCost(
        fastest[0],
        fastest[1],
        value.peak_bytes(*args),
        gradient.peak_bytes(*args),
        first,
        fastest[2] if len(fastest) > 2 else None,
        problem,
    )


def _of_jax(row: GradientRow, args: tuple[Any, ...]) -> Callable[[], Any]:
    jax = importlib.import_module("jax")
    jax.config.update("jax_enable_x64", True)
    assert row.jax is not None
    function = row.jax(jax)
    # Sizes stay Python's, so that shapes and lengths of loops are known.
    fixed = tuple(k for k, x in enumerate(args) if isinstance(x, int))
    if row.derivative is None:
        function = jax.value_and_grad(function, argnums=row.argnums)
    compiled = jax.jit(function, static_argnums=fixed)
    given = [jax.numpy.asarray(x) if isinstance(x, np.ndarray) else x for x in args]
    return lambda: jax.block_until_ready(compiled(*given))


def _difference(ours: Any, theirs: Any) -> str:
    """Why values or gradients differ; empty where they agree."""
    import optree

    pairs = zip(optree.tree_leaves(ours), optree.tree_leaves(theirs), strict=True)
    for a, b in pairs:
        x, y = np.asarray(a), np.asarray(b)
        if not np.allclose(x, y, rtol=1e-6, atol=1e-9 * max(1.0, float(np.abs(y).max()))):
            return f"differs from JAX by {float(np.abs(x - y).max()):.1e}"
    return ""


def _repeats(call: Callable[[], Any]) -> int:
    return max(1, int(SAMPLE_SECONDS / max(1e-9, min(_seconds(call, 1) for _ in range(3)))))


def _seconds(call: Callable[[], Any], repeat: int) -> float:
    start = time.perf_counter()
    for _ in range(repeat):
        call()
    return (time.perf_counter() - start) / repeat


def load(path: Path) -> list[GradientRow]:
    """The `GRADIENTS` of every python file in a folder, or of one file."""
    files = sorted(path.glob("*.py")) if path.is_dir() else [path]
    return [row for file in files for row in getattr(module_at(file), "GRADIENTS", ())]


_FIRST = """
import sys, time
from pathlib import Path
import numpy as np
from tracejit import jit
from tracejit.bench.gradients import load
path, name, what = sys.argv[1:]
(row,) = [row for row in load(Path(path)) if row.name == name]
function = jit(row.differentiated() if what == "gradient" else row.function)
args = row.setup(np.random.default_rng(0))
start = time.process_time()
function(*args)
print(time.process_time() - start)
"""


def first_call(path: Path, name: str, what: str) -> float:
    """Processor seconds of the first call of a row's "value" or "gradient" (with its value) in a
    process of its own, with nothing in the cache."""
    environment = {**os.environ, "TRACEJIT_CACHE_DIR": ""}
    command = [sys.executable, "-c", _FIRST, str(path), name, what]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return float(run.stdout.split()[-1])


def show_first(path: Path, rows: Sequence[GradientRow], rounds: int) -> int:
    """Print medians of first calls as Markdown; 1 where there is no row."""
    print("| program | first value | first gradient | ratio |")
    print("|---|---|---|---|")
    for row in rows:
        times: dict[str, list[float]] = {"value": [], "gradient": []}
        for _ in range(rounds):
            for what, found in times.items():
                found.append(first_call(path, row.name, what))
        value, gradient = (float(np.median(found)) for found in times.values())
        print(
            f"| {row.name} | {duration(value)} | {duration(gradient)} | {gradient / value:.1f} |",
            flush=True,
        )
    return int(not rows)


def size(count: float) -> str:
    """Bytes in the largest unit that leaves a digit before the point."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= scale:
            return f"{count / scale:.3g} {unit}"
    return f"{count:.0f} B"


def show(rows: Sequence[GradientRow], rounds: int = ROUNDS) -> int:
    """Print the table as Markdown; 1 where there is no row, or one differs from JAX."""
    print(
        "| program | value | gradient | ratio | memory of value | of gradient | first call | JAX |"
    )
    print("|---|---|---|---|---|---|---|---|")
    wrong = not rows
    for row in rows:
        found = cost(row, rounds)
        wrong = wrong or bool(found.problem)
        jax = found.problem or ("" if found.jax is None else duration(found.jax))
        cells = [
            row.name,
            duration(found.value),
            duration(found.gradient),
            f"{found.ratio:.1f}",
            size(found.value_bytes),
            size(found.gradient_bytes),
            duration(found.first),
            jax,
        ]
        print(f"| {' | '.join(cells)} |", flush=True)
    return int(wrong)
