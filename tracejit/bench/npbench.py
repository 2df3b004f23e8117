"""NPBench (github.com/spcl/npbench): its NumPy programs as they are, against `jit` of the same.

python -m tracejit.bench --npbench CHECKOUT --preset S

Each program runs in a process of its own, NumPy and tracejit in turn, on fresh arguments each time.
Results and changed arguments are compared after the first call, which is timed apart. BLAS gets one
thread, and times are CPU times, which other work on the machine changes little; where
OPENBLAS_NUM_THREADS or TRACEJIT_NUM_THREADS is set to something else, they are wall times.
"""

from __future__ import annotations

import copy
import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from tracejit.dtypes import is_float
from tracejit.records import dataclass

#: NPBench's own tolerances are of this kind.
_RTOL, _ATOL = 1e-4, 1e-6
#: Values may differ by this many times what moving the arguments by one unit in the last place
#: does to NumPy's own.
_NUDGES = 10


_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "TRACEJIT_NUM_THREADS": "1"}


def clock() -> float:
    """Seconds, of this process where it has one thread."""
    alone = all(os.environ.get(k) == v for k, v in _ONE_THREAD.items())
    return time.process_time() if alone else time.perf_counter()


@dataclass(frozen=True)
class Outcome:
    """One program. Times in seconds; `problem` when it failed or gave other values."""

    name: str
    numpy: float = float("nan")
    tracejit: float = float("nan")
    first_call: float = float("nan")
    chaotic: bool = False
    problem: str = ""

    @property
    def ratio(self) -> float:
        """How many times faster than NumPy."""
        return self.numpy / self.tracejit


#: Sizes of data that each program has.
PRESETS = ("S", "M", "L", "paper")


class BenchProgram:
    """A program of a checkout with the data of a preset."""

    def __init__(self, checkout: Path, name: str, preset: str) -> None:
        sys.path.insert(0, str(checkout))
        about = json.loads((checkout / "bench_info" / f"{name}.json").read_text())["benchmark"]
        place = f"npbench.benchmarks.{about['relative_path'].replace('/', '.')}"
        base = f"{place}.{about['module_name']}"
        self.about = about
        self.data: dict[str, Any] = dict(about["parameters"][preset])
        init = about.get("init")
        if init:
            make = getattr(importlib.import_module(base), init["func_name"])
            made = make(*[self.data[a] for a in init["input_args"]])
            names = init["output_args"]
            self.data.update(zip(names, (made,) if len(names) == 1 else made))
        self._base = base
        self.numpy: Callable[..., Any] = self._version("numpy")

    def _version(self, framework: str) -> Any:
        module = importlib.import_module(f"{self._base}_{framework}")
        return getattr(module, self.about["func_name"])

    def theirs(self, framework: str) -> Callable[..., Any] | None:
        """The checkout's own version for another framework, if it has one and that is here."""
        try:
            found: Callable[..., Any] = self._version(framework)
        except ImportError:
            return None
        return found

    def run(
        self, function: Callable[..., Any], change: Callable[[Any], Any] = copy.deepcopy
    ) -> tuple[float, list[Any]]:
        """Seconds, and all that the call gives: results, then the arguments it may change."""
        args = [change(self.data[a]) for a in self.about["input_args"]]
        start = clock()
        result = function(*args)
        spent = clock() - start
        results = [] if result is None else result if isinstance(result, tuple | list) else [result]
        written = self.about.get("output_args", [])
        changed = [a for n, a in zip(self.about["input_args"], args) if n in written]
        return spent, [np.array(r) for r in (*results, *changed)]


def nudged(value: Any) -> Any:
    """A copy with every inexact number moved to its neighbour."""
    if isinstance(value, np.ndarray) and is_float(value.dtype):
        return np.nextafter(value, np.array(np.inf, value.dtype))
    return copy.deepcopy(value)


def difference(got: Sequence[Any], want: Sequence[Any]) -> str:
    """What is wrong with the values, in a few words; empty when nothing is."""
    if len(got) != len(want):
        return f"{len(got)} results, expected {len(want)}"
    for x, y in zip(got, want):
        if (x.shape, x.dtype) != (y.shape, y.dtype):
            return f"{x.dtype}{list(x.shape)}, expected {y.dtype}{list(y.shape)}"
        if not np.allclose(x, y, rtol=_RTOL, atol=_ATOL, equal_nan=True):
            return f"values differ by {np.nanmax(np.abs(x - y)):.1e}"
    return ""


def within(got: Sequence[Any], want: Sequence[Any], moved: Sequence[Any]) -> bool:
    """Whether values differ no more than NumPy's do when the arguments move by one unit."""
    return len(got) == len(want) and all(
        x.shape == y.shape
        and np.abs(x - y).max(initial=0) <= _NUDGES * np.abs(z - y).max(initial=0)
        for x, y, z in zip(got, want, moved)
    )


def measure(checkout: Path, name: str, preset: str, rounds: int, seconds: float) -> Outcome:
    """One program in this process."""
    from tracejit import jit

    program = BenchProgram(checkout, name, preset)
    compiled = jit(program.numpy)
    _, want = program.run(program.numpy)
    first, got = program.run(compiled)
    problem, chaotic = difference(got, want), False
    if problem:
        chaotic = within(got, want, program.run(program.numpy, nudged)[1])
    if problem and not chaotic:
        return Outcome(name, first_call=first, problem=problem)
    del want, got
    times: tuple[list[float], list[float]] = ([], [])
    functions: tuple[Callable[..., Any], ...] = (program.numpy, compiled)
    start = time.perf_counter()
    while len(times[0]) < rounds and (len(times[0]) < 3 or time.perf_counter() - start < seconds):
        for found, function in zip(times, functions):
            found.append(program.run(function)[0])
    ours, theirs = float(np.median(times[1])), float(np.median(times[0]))
    return Outcome(name, theirs, ours, first, chaotic)


def programs(checkout: Path) -> list[str]:
    """The names of the programs of a checkout."""
    return sorted(file.stem for file in (checkout / "bench_info").glob("*.json"))


def outcomes(
    checkout: Path, preset: str, text: str, rounds: int, seconds: float, limit: float
) -> Iterator[Outcome]:
    """Every program whose name contains `text`, each in a process of its own."""
    names = [name for name in programs(checkout) if text in name]
    environment = {**_ONE_THREAD, **os.environ}
    with TemporaryDirectory() as folder:
        # Python's own cache is warm, as that of a package that is installed.
        cold = bool(environment.pop("PYTHONDONTWRITEBYTECODE", None))
        if cold:
            environment.setdefault("PYTHONPYCACHEPREFIX", folder)
        for name in names:
            command = [sys.executable, "-m", __name__, str(checkout), name, preset]
            command += [str(rounds), str(seconds)]
            if cold:
                _outcome(name, command, environment, limit)
                cold = False
            yield _outcome(name, command, environment, limit)


def _outcome(
    name: str, command: Sequence[str], environment: Mapping[str, str], limit: float
) -> Outcome:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=limit, env=environment
        )
    except subprocess.TimeoutExpired:
        return Outcome(name, problem=f"no end within {limit:.0f} s")
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        last = (done.stderr.strip().splitlines() or ["died"])[-1]
        return Outcome(name, problem=last[:120])
    return Outcome(**json.loads(lines[-1]))


def line(outcome: Outcome) -> str:
    """One row of a Markdown table."""
    if outcome.problem:
        return f"| {outcome.name} | – | – | – | {outcome.problem} |"
    mark = " *" if outcome.chaotic else ""
    times = f"{outcome.numpy * 1e3:.3g} | {outcome.tracejit * 1e3:.3g}"
    return f"| {outcome.name}{mark} | {times} | {outcome.ratio:.2f} | {outcome.first_call:.2f} |"


def summary(found: Sequence[Outcome]) -> str:
    """How many were right, the geometric mean, the slowest and the median first call."""
    good = [o for o in found if not o.problem]
    text = f"{len(good)} of {len(found)} right"
    if good:
        mean = float(np.exp(np.mean([np.log(o.ratio) for o in good])))
        slowest = min(good, key=lambda o: o.ratio)
        first = float(np.median([o.first_call for o in good]))
        text += f"; {mean:.2f} times NumPy (geometric mean), least {slowest.ratio:.2f}"
        text += f" ({slowest.name}); median first call {first:.2f} s"
    return text


def show(checkout: Path, preset: str, text: str, rounds: int, json_file: Path | None) -> int:
    """Print the table of a preset; 1 when some program failed."""
    print("| program | NumPy, ms | tracejit, ms | ratio | first call, s |", flush=True)
    print("|---|---|---|---|---|", flush=True)
    found = []
    for outcome in outcomes(checkout, preset, text, rounds, 6.0, 600.0):
        found.append(outcome)
        print(line(outcome), flush=True)
    print(f"\n{summary(found)}")
    if any(o.chaotic for o in found):
        print("* values differ as NumPy's do when the arguments move by one unit in the last place")
    if json_file:
        json_file.write_text(json.dumps([asdict(o) for o in found], indent=1) + "\n")
    return 1 if not found or any(o.problem for o in found) else 0


if __name__ == "__main__":
    where, which, size, count, most = sys.argv[1:]
    print(json.dumps(asdict(measure(Path(where), which, size, int(count), float(most)))))
