"""`python -m tracejit.bench --calls`: what a warm call costs, by how arguments and results travel.

The functions do next to nothing, so that the time is that of the call. The last column says how
many of the timed calls took the slow path (`f.stats().slow_calls`).
"""

from __future__ import annotations

import timeit
from collections.abc import Callable, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any

from tracejit.bench.rows import module_at
from tracejit.records import dataclass

CALLS = 500
ROUNDS = 15


@dataclass(frozen=True)
class CallRow:
    """``function(*args, **kwargs)`` once compiled; ``goal`` in microseconds. ``anew``: what makes
    further arguments, at each call."""

    name: str
    function: Callable[..., Any]
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    goal: float | None = None
    anew: tuple[Callable[[], Any], ...] = ()


@dataclass(frozen=True)
class Cost:
    """Microseconds a call in the fastest round, NumPy's beside it, and the share of slow calls."""

    call: CallRow
    time: float
    plain: float
    slow: float


def cost(call: CallRow, number: int = CALLS, rounds: int = ROUNDS) -> Cost:
    """Time one row, interleaved with the function in Python."""
    from tracejit import jit

    f = jit(call.function)
    args, kwargs = call.args, call.kwargs
    for _ in range(20):
        f(*args, *(make() for make in call.anew), **kwargs)
    listed = [f"args[{k}]" for k in range(len(args))]
    listed += [f"anew[{k}]()" for k in range(len(call.anew))]
    given = ", ".join(listed + [f"{n}={n}" for n in kwargs])
    ours, python = (
        timeit.Timer(f"f({given})", globals={"f": g, "args": args, "anew": call.anew, **kwargs})
        for g in (f, call.function)
    )
    before = f.stats().slow_calls
    pairs = [(ours.timeit(number), python.timeit(number)) for _ in range(rounds)]
    slow = (f.stats().slow_calls - before) / (rounds * number)
    time, plain = (1e6 * min(times) / number for times in zip(*pairs, strict=True))
    return Cost(call, time, plain, slow)


def load(path: Path) -> list[CallRow]:
    """The `CALLS` of every python file in a folder, or of one file."""
    files = sorted(path.glob("*.py")) if path.is_dir() else [path]
    return [call for file in files for call in getattr(module_at(file), "CALLS", ())]


def show(rows: Sequence[CallRow]) -> int:
    """Print the table; 1 where there is no row."""
    print(f"{'call':32} {'µs':>7} {'goal':>6} {'Python':>7} {'slow':>6}")
    for row in rows:
        found = cost(row)
        goal = "" if row.goal is None else f"{row.goal:.2f}"
        print(
            f"{row.name:32} {found.time:7.2f} {goal:>6} {found.plain:7.2f} {found.slow:6.0%}",
            flush=True,
        )
    return 0 if rows else 1
