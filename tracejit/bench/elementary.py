"""Elementary functions: nanoseconds per element at AVX2 and at AVX-512, NumPy and peers beside.

python -m tracejit.bench --elementary                     all functions, both targets
python -m tracejit.bench --elementary -k sin --rounds 9

Each target runs in a process of its own: `TRACEJIT_CPU` says what tracejit compiles for, and NumPy
is told to leave the same instructions alone. Arrays fit into the second cache, so that memory is
not what is measured. Contenders run in turn, and medians are shown of the time that the processor
spent, which other work on the machine changes little.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from tracejit.records import dataclass

Array = np.ndarray[Any, Any]

ELEMENTS = 8192
_SAMPLE_SECONDS = 1e-3
#: By target: what NumPy must not use.
TARGETS = {"x86-64-v3": "X86_V4 AVX512_ICL AVX512_SPR", "x86-64-v4": ""}


@dataclass(frozen=True)
class Case:
    """A function of one or two arrays, uniform in `low` to `high` (the second in `second`).

    `text` is the expression of `x` and `y` where it is not one call of a NumPy function.
    """

    name: str
    low: float
    high: float
    second: tuple[float, float] | None = None
    text: str = ""

    def operands(self, dtype: Any) -> tuple[Array, ...]:
        rng = np.random.default_rng(0)
        x = rng.uniform(self.low, self.high, ELEMENTS).astype(dtype)
        if self.second is None:
            return (x,)
        return x, rng.uniform(*self.second, ELEMENTS).astype(dtype)

    def function(self) -> Callable[..., Any]:
        """`f(x, out)` or `f(x, y, out)` in plain NumPy."""
        names = "x" if self.second is None else "x, y"
        body = f"out[:] = {self.text}" if self.text else f"np.{self.name}({names}, out=out)"
        space: dict[str, Any] = {"np": np}
        source = f"def f({names}, out):\n    {body}\n"
        file = f"<{self.name}>"
        exec(compile(source, file, "exec"), space)
        import linecache

        linecache.cache[file] = (len(source), None, source.splitlines(True), file)
        made: Callable[..., Any] = space["f"]
        return made


CASES = (
    Case("exp", -20, 20),
    Case("exp2", -20, 20),
    Case("expm1", -5, 5),
    Case("log", 0.01, 100),
    Case("log2", 0.01, 100),
    Case("log10", 0.01, 100),
    Case("log1p", -0.9, 10),
    Case("sin", -30, 30),
    Case("cos", -30, 30),
    Case("tan", -30, 30),
    Case("arcsin", -1, 1),
    Case("arccos", -1, 1),
    Case("arctan", -5, 5),
    Case("sinh", -5, 5),
    Case("cosh", -5, 5),
    Case("tanh", -3, 3),
    Case("arcsinh", -5, 5),
    Case("arccosh", 1, 9),
    Case("arctanh", -1, 1),
    Case("cbrt", -9, 9),
    Case("sqrt", 0, 9),
    Case("hypot", -9, 9, (-9, 9)),
    Case("arctan2", -9, 9, (-9, 9)),
    Case("power", 0.1, 9, (-5, 5)),
    Case("logaddexp", -9, 9, (-9, 9)),
    Case("x**2", -9, 9, text="x ** 2"),
    Case("x**3", -9, 9, text="x ** 3"),
    Case("x**4", -9, 9, text="x ** 4"),
    Case("x**-2", 0.1, 9, text="x ** -2"),
    Case("x**0.5", 0, 9, text="x ** 0.5"),
    Case("x**1.5", 0, 9, text="x ** 1.5"),
    Case("x**-0.5", 0.1, 9, text="x ** -0.5"),
    Case("floor_divide", -90, 90, (0.5, 9)),
    Case("remainder", -90, 90, (0.5, 9)),
    Case("fmod", -90, 90, (0.5, 9)),
    Case("x//3", -90, 90, text="x // 3"),
    Case("x%3", -90, 90, text="x % 3"),
    Case("x%1", -90, 90, text="x % 1"),
)


@dataclass(frozen=True)
class Timing:
    """Median nanoseconds per element by contender."""

    name: str
    dtype: str
    target: str
    nanoseconds: dict[str, float]

    @property
    def ratio(self) -> float:
        """Time relative to the fastest other contender; below one is faster."""
        others = [v for k, v in self.nanoseconds.items() if k != "tracejit"]
        return self.nanoseconds["tracejit"] / min(others)


def contenders(case: Case, operands: Sequence[Array]) -> dict[str, Callable[[], Any]]:
    """Calls without arguments, by name; each writes into an array of its own."""
    from tracejit import jit

    plain = case.function()
    compiled = jit(plain)
    outs = [np.empty_like(operands[0]) for _ in range(2)]
    found: dict[str, Callable[[], Any]] = {
        "tracejit": lambda: compiled(*operands, outs[0]),
        "numpy": lambda: plain(*operands, outs[1]),
    }
    for call in found.values():
        call()
    if not np.allclose(outs[0], outs[1], rtol=1e-5, equal_nan=True):
        raise ValueError(f"{case.name}: values differ")
    return found


def measure(case: Case, dtype: str, target: str, rounds: int) -> Timing:
    """All contenders in turn."""
    calls = contenders(case, case.operands(dtype))
    repeats, samples = {}, {name: list[float]() for name in calls}
    for name, call in calls.items():
        start = time.process_time()
        call()
        repeats[name] = max(1, int(_SAMPLE_SECONDS / (time.process_time() - start)))
    for _ in range(rounds):
        for name, call in calls.items():
            start = time.process_time()
            for _ in range(repeats[name]):
                call()
            spent = (time.process_time() - start) / repeats[name]
            samples[name].append(spent / ELEMENTS * 1e9)
    medians = {name: float(np.median(s)) for name, s in samples.items()}
    return Timing(case.name, dtype, target, medians)


def timings(text: str, rounds: int) -> Iterator[Timing]:
    """Every function whose name contains `text`, on each target that this machine can run."""
    for target, without in TARGETS.items():
        if target.endswith("v4") and not has_wide_registers():
            continue
        environment = {**os.environ, "TRACEJIT_CPU": target}
        if without:
            environment["NPY_DISABLE_CPU_FEATURES"] = without
        command = [sys.executable, "-m", __name__, target, text, str(rounds)]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                yield Timing(**json.loads(line))
            assert process.stderr is not None
            errors = process.stderr.read()
        if process.returncode:
            raise RuntimeError(f"measuring {target} failed:\n{errors}")


def has_wide_registers() -> bool:
    """Whether this machine has AVX-512."""
    from tracejit.codegen_llvm.engine import Engine

    return Engine().has_wide_registers


def processor() -> str:
    """The model name of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    return next((x.split(":")[1].strip() for x in lines if x.startswith("model name")), "unknown")


def table(found: Sequence[Timing]) -> str:
    """A Markdown table: a row for each function, tracejit / NumPy in each cell."""
    columns = [(t, d) for t in TARGETS for d in ("float64", "float32")]
    columns = [c for c in columns if any((f.target, f.dtype) == c for f in found)]
    lines = [
        "| function | " + " | ".join(f"{t} {d}" for t, d in columns) + " |",
        "|---|" + "---:|" * len(columns),
    ]
    by_place = {(f.name, f.target, f.dtype): f for f in found}
    for name in dict.fromkeys(f.name for f in found):
        cells = []
        for place in columns:
            timing = by_place[name, *place]
            ours, theirs = timing.nanoseconds["tracejit"], timing.nanoseconds["numpy"]
            mark = " !" if timing.ratio > 1.0 else ""
            cells.append(f"{ours:.2f} / {theirs:.2f}{mark}")
        lines.append(f"| `{name}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def show(text: str, rounds: int, json_file: Path | None) -> int:
    """Print the table; 1 when no function has such a name."""
    found = []
    for timing in timings(text, rounds):
        found.append(timing)
        if sys.stderr.isatty():
            print(f"\r{timing.target} {timing.dtype} {timing.name:20}", end="", file=sys.stderr)
    if sys.stderr.isatty():
        print(f"\r{'':60}\r", end="", file=sys.stderr)
    print(f"{processor()}; nanoseconds per element, tracejit / NumPy {np.__version__}\n")
    print(table(found))
    if json_file:
        json_file.write_text(json.dumps([asdict(f) for f in found], indent=1) + "\n")
    return 0 if found else 1


def main() -> None:
    """One target in this process, a line of JSON for each function and dtype."""
    target, text, rounds = sys.argv[1:]
    with np.errstate(all="ignore"):
        for case in CASES:
            if text in case.name:
                for dtype in ("float64", "float32"):
                    timing = measure(case, dtype, target, int(rounds))
                    print(json.dumps(asdict(timing)), flush=True)


if __name__ == "__main__":
    main()
