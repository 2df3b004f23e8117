"""How a row is timed: values first, then interleaved samples, the first call kept apart.

Everything runs in one process and in turn, so that a busy moment of the machine or a drop of its
clock hits all contenders alike. A sample is many calls when calls are short.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, cast

import numpy as np
import optree

from tracejit.bench.contenders import Contender, contenders, copying
from tracejit.bench.rows import Arguments, Row
from tracejit.records import dataclass

SAMPLE_SECONDS = 2e-3
#: ``cpu``: that of all threads of the process, which other work on the machine changes little.
CLOCKS: dict[str, Callable[[], float]] = {"wall": time.perf_counter, "cpu": time.process_time}


@dataclass(frozen=True)
class Measurement:
    """One contender on one row. Times in seconds per call; `problem` when it was not timed."""

    row: str
    contender: str
    first_call: float
    samples: tuple[float, ...] = ()
    problem: str = ""

    @property
    def median(self) -> float:
        return float(np.median(self.samples)) if self.samples else float("nan")

    @property
    def spread(self) -> float:
        """Half the distance between the quartiles, relative to the median."""
        if not self.samples:
            return float("nan")
        low, high = np.percentile(self.samples, [25, 75])
        return float(high - low) / 2 / self.median


@dataclass(frozen=True)
class Ready:
    """A contender whose values were found right, with its own arguments and calls a sample."""

    contender: Contender
    args: Arguments
    first_call: float
    repeat: int
    writes: bool
    clock: Callable[[], float] = time.perf_counter

    def sample(self) -> float:
        """Seconds per call; copies for a program that writes are made outside the clock."""
        call, wait, args = self.contender.call, self.contender.wait, self.args
        if self.writes:
            args = copied(args)
        start = self.clock()
        for _ in range(self.repeat):
            result = call(*args)
        wait(result)
        return (self.clock() - start) / self.repeat


def copied(args: Arguments) -> Arguments:
    """Copies of the arrays among the leaves; their own `copy` or `clone`, whichever they have."""

    def one(leaf: Any) -> Any:
        copy = getattr(leaf, "copy", None) or getattr(leaf, "clone", None)
        return copy() if copy is not None and hasattr(leaf, "dtype") else leaf

    fresh: Any = optree.tree_map(one, cast(Any, args))
    return tuple(fresh)


def difference(actual: Any, expected: Any, rtol: float) -> str:
    """Why two results differ; empty if they agree."""
    left, right = optree.tree_leaves(actual), optree.tree_leaves(expected)
    if len(left) != len(right):
        return f"{len(left)} results, expected {len(right)}"
    for a, b in zip(left, right):
        x, y = np.asarray(a), np.asarray(b)
        if x.shape != y.shape:
            return f"shape {x.shape}, expected {y.shape}"
        scale = float(np.abs(y).max()) if y.size else 0.0
        if not np.allclose(x, y, rtol=rtol, atol=rtol * scale, equal_nan=True):
            return f"values differ by {float(np.abs(x - y).max()):.1e}"
    return ""


def prepare(
    row: Row,
    contender: Contender,
    args: Arguments,
    expected: Any,
    clock: Callable[[], float] = time.perf_counter,
) -> Ready | Measurement:
    """The first call, the check of its values, and how many calls make a sample."""
    own = contender.accept(args)
    scratch = copied(own)
    start = time.perf_counter()
    try:
        result = contender.wait(contender.call(*scratch))
    except Exception as error:
        first_line = str(error).splitlines()[0] if str(error) else ""
        return Measurement(
            row.name, contender.name, 0.0, problem=f"{type(error).__name__}: {first_line}"
        )
    first_call = time.perf_counter() - start
    seen = (result, scratch) if row.writes else result
    problem = difference(seen, expected, row.rtol)
    if problem:
        return Measurement(row.name, contender.name, first_call, problem=problem)
    once = Ready(contender, own, first_call, 1, row.writes)
    quickest = min(once.sample() for _ in range(3))
    repeat = 1 if row.writes else max(1, int(SAMPLE_SECONDS / quickest))
    return Ready(contender, own, first_call, repeat, row.writes, clock)


def measure(
    row: Row, only: frozenset[str], rounds: int, step: Callable[[], None], clock: str = "wall"
) -> Iterator[Measurement]:
    """All contenders of one row by one of `CLOCKS`; `step` is called after each round."""
    args = row.setup(np.random.default_rng(0))
    scratch = copied(args)
    with np.errstate(all="ignore"):
        result = row.numpy(*scratch)
    expected = (result, scratch) if row.writes else result
    ready = []
    for contender in contenders(row, only):
        prepared = prepare(row, contender, args, expected, CLOCKS[clock])
        if isinstance(prepared, Measurement):
            yield prepared
        else:
            ready.append(prepared)
    if row.streams:
        copy = copying((args, result))
        copy.call()
        quickest = min(Ready(copy, (), 0.0, 1, False).sample() for _ in range(3))
        repeat = max(1, int(SAMPLE_SECONDS / quickest))
        ready.append(Ready(copy, (), quickest, repeat, False, CLOCKS[clock]))
    samples: list[list[float]] = [[] for _ in ready]
    for _ in range(rounds):
        for found, one in zip(samples, ready):
            found.append(one.sample())
        step()
    for found, one in zip(samples, ready):
        yield Measurement(row.name, one.contender.name, one.first_call, tuple(found))
