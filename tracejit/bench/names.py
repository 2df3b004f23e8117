"""`python -m tracejit.bench --names`: every NumPy name that is supported, against NumPy.

python -m tracejit.bench --names                        all, with what is slower listed last
python -m tracejit.bench --names -k linalg --rounds 9
python -m tracejit.bench --names --dtypes float64 --json names.json      every figure of one dtype

Names stand in `benchmarks/names.py` with the expression that is timed. Each is compiled for
float32, float64 and int64 and called on 100, 10 thousand and 1 million elements, in a process for
each dtype, in turn with NumPy. Both have one thread, and times are those of the processor, which
other work on the machine changes little.
"""

from __future__ import annotations

import ast
import json
import linecache
import os
import subprocess
import sys
import time
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from tracejit.bench.rows import module_at
from tracejit.bench.timing import difference
from tracejit.dtypes import is_integer
from tracejit.records import dataclass

SIZES = (100, 10_000, 1_000_000)
DTYPES = ("float64", "float32", "int64")
#: Below this ratio a name is listed.
ENOUGH = 0.95
ROUNDS = 9
_SAMPLE_SECONDS = 3e-4
_MOST_SECONDS = 0.5
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "TRACEJIT_NUM_THREADS": "1"}
#: What a sum of a million float32 in another order may differ by, relative to the largest value.
_RTOL = {"float64": 1e-7, "float32": 2e-3, "int64": 1e-7}


@dataclass(frozen=True)
class NameTiming:
    """Seconds of a call, medians; `problem` where it was not timed."""

    name: str
    dtype: str
    size: int
    numpy: float = float("nan")
    tracejit: float = float("nan")
    problem: str = ""

    @property
    def ratio(self) -> float:
        """How many times faster than NumPy."""
        return self.numpy / self.tracejit


def given(size: int, dtype: str) -> dict[str, Any]:
    """What expressions may name; arrays have `size` elements where nothing else is said."""
    rng = np.random.default_rng(0)
    side = round(size**0.5)
    small = min(side, 200)
    whole = is_integer(np.dtype(dtype))

    def numbers(shape: int | tuple[int, ...]) -> Any:
        if whole:
            return rng.integers(1, 100, shape).astype(dtype)
        return rng.uniform(0.1, 0.9, shape).astype(dtype)

    x, square = numbers(size), numbers((small, small))
    return {
        "x": x,
        "y": numbers(size),
        "w": numbers(size) + np.asarray(1, dtype),  # above one
        "z": numbers(size) - numbers(size),  # of both signs
        "s": np.sort(x),
        "v": numbers(9),  # short
        "b": rng.random(size) < 0.5,
        "i": rng.integers(0, size, size),
        "h": rng.integers(0, 100, size),  # small counts
        "u": rng.integers(0, 256, size).astype(np.uint8),
        "A": numbers((side, side)),
        "B": numbers((side, side)),
        "P": numbers((size, 3)),
        "Q": numbers((size, 3)),
        "S": (square + square.T + 200 * np.eye(small)).astype(dtype),  # at most 200 x 200
        "T": numbers((small, small)),
        "r": numbers(small),
        "n": size,
        "m": side,
    }


def program(name: str, text: str) -> tuple[Callable[..., Any], list[str]]:
    """A function of the names in an expression, or in statements of which the last is one."""
    *before, last = text.split("; ")
    used = {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}
    params = [p for p in given(4, "float64") if p in used]
    lines = [f"def f({', '.join(params)}):", *[f"    {x}" for x in before], f"    return {last}"]
    source = "\n".join(lines) + "\n"
    file = f"<{name}>"
    linecache.cache[file] = (len(source), None, source.splitlines(True), file)
    space: dict[str, Any] = {"np": np}
    exec(compile(source, file, "exec"), space)
    return space["f"], params


def cpu_seconds(function: Callable[..., Any], args: Sequence[Any], repeat: int) -> float:
    start = time.process_time()
    for _ in range(repeat):
        function(*args)
    return (time.process_time() - start) / repeat


def measure(
    name: str,
    text: str,
    dtype: str,
    values: Mapping[int, Mapping[str, Any]],
    rounds: int,
    unordered: Container[str] = (),
) -> Iterator[NameTiming]:
    """A timing for each size; none where NumPy has no loop for the dtype. Values are compared,
    but for names that are ``unordered``."""
    from tracejit import jit

    plain, params = program(name, text)
    compiled = jit(plain)
    for size, known in values.items():
        args = [known[p] for p in params]
        try:
            expected = plain(*args)
        except (TypeError, ValueError, np.linalg.LinAlgError):
            return
        try:
            found = compiled(*args)
            wrong = "" if name in unordered else difference(found, expected, _RTOL[dtype])
        except Exception as error:  # one name that fails is a row of the table
            wrong = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        if wrong:
            yield NameTiming(name, dtype, size, problem=wrong[:100])
            continue
        yield NameTiming(name, dtype, size, *_medians([plain, compiled], args, rounds))


def _medians(functions: Sequence[Callable[..., Any]], args: Sequence[Any], rounds: int) -> Any:
    """Seconds of a call of each, in turn; of slow ones fewer rounds."""
    once = [cpu_seconds(f, args, 1) for f in functions]
    repeats = [max(1, int(_SAMPLE_SECONDS / max(1e-7, t))) for t in once]
    rounds = max(3, min(rounds, int(_MOST_SECONDS / sum(once))))
    samples: list[list[float]] = [[] for _ in functions]
    for _ in range(rounds):
        for found, function, repeat in zip(samples, functions, repeats, strict=True):
            found.append(cpu_seconds(function, args, repeat))
    return (float(np.median(s)) for s in samples)


def load(path: Path, table: str = "NAMES") -> dict[str, str]:
    """The tables of a name in every python file of a folder, or in one file, together."""
    files = sorted(path.glob("*.py")) if path.is_dir() else [path]
    found: dict[str, str] = {}
    for file in files:
        found.update(getattr(module_at(file), table, {}))
    return found


def timings(
    path: Path, text: str, rounds: int, dtypes: Sequence[str] = DTYPES
) -> Iterator[NameTiming]:
    """Every name that contains `text`, at each dtype and size."""
    environment = {**os.environ, **_ONE_THREAD}
    for dtype in dtypes:
        command = [sys.executable, "-m", __name__, str(path), dtype, text, str(rounds)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as run:
            assert run.stdout is not None
            for line in run.stdout:
                yield NameTiming(**json.loads(line))
        if run.returncode:
            raise RuntimeError(f"measuring {dtype} failed")


def table(found: Sequence[NameTiming], explained: Mapping[str, str]) -> str:
    """Markdown: the names with a ratio below `ENOUGH` and why; what failed; a summary."""
    lines = []
    for name in dict.fromkeys(t.name for t in found):
        slow = [t for t in found if t.name == name and t.ratio < ENOUGH]
        if slow:
            cells = ", ".join(f"{t.ratio:.2f} ({t.dtype}, {t.size:,})" for t in slow)
            lines.append(f"| `{name}` | {cells} | {explained.get(name, '')} |")
    if lines:
        lines = ["| name | times NumPy's speed | why |", "|---|---|---|", *lines, ""]
    failed = [t for t in found if t.problem]
    lines += [f"{t.name} ({t.dtype}, {t.size:,}): {t.problem}" for t in failed]
    good = [t for t in found if not t.problem]
    names = len({t.name for t in found})
    if good:
        below = sum(t.ratio < ENOUGH for t in good)
        mean = float(np.exp(np.mean([np.log(t.ratio) for t in good])))
        lines.append(
            f"{len(good)} timings of {names} names: {mean:.2f} times NumPy (geometric mean), "
            f"{below} below {ENOUGH}"
        )
    return "\n".join(lines)


def show(
    path: Path, text: str, rounds: int, json_file: Path | None, dtypes: Sequence[str] = DTYPES
) -> int:
    """Print the table; 1 when there is no such name, or one gave other values."""
    explained = load(path, "EXPLAINED")
    found = []
    for timing in timings(path, text, rounds, dtypes):
        found.append(timing)
        if sys.stderr.isatty():
            print(f"\r{timing.dtype} {timing.name:40}", end="", file=sys.stderr)
    if sys.stderr.isatty():
        print(f"\r{'':60}\r", end="", file=sys.stderr)
    print(table(found, explained))
    if json_file:
        json_file.write_text(json.dumps([asdict(f) for f in found], indent=1) + "\n")
    return 1 if not found or any(t.problem for t in found) else 0


def main() -> None:
    """One dtype in this process, a line of JSON for each name and size."""
    path, dtype, text, rounds = sys.argv[1:]
    values = {size: given(size, dtype) for size in SIZES}
    unordered = load(Path(path), "UNORDERED")
    with np.errstate(all="ignore"):
        for name, expression in load(Path(path)).items():
            if text in name:
                row = (name, expression, dtype, values, int(rounds), unordered)
                for timing in measure(*row):
                    print(json.dumps(asdict(timing)), flush=True)


if __name__ == "__main__":
    main()
