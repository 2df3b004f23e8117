"""`python -m tracejit.bench --first`: what a first call costs in a process of its own.

Each program runs in fresh processes: with an empty cache, with the object code that another process
left in it, and with whole versions. Times are those of the processor in the fastest process, in
milliseconds; importing NumPy is not part of them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tracejit.records import dataclass

#: Programs as scripts: they define ``first``, which makes the call.
PROGRAMS: Mapping[str, str] = {
    "x + 1.0": """
@jit
def f(x): return x + 1.0
x = np.ones(10)
first = lambda: f(x)
""",
    "a loop over time, 2 arrays": """
@jit
def f(a, b, n):
    for t in range(n):
        b[1:-1] = 0.5 * (a[:-2] + a[2:])
        a[1:-1] = 0.5 * (b[:-2] + b[2:])
x, y = np.ones(100), np.ones(100)
first = lambda: f(x, y, 10)
""",
    "gradient of two layers": """
def loss(w1, w2, x, y):
    h = np.tanh(x @ w1)
    p = h @ w2
    return ((p - y) ** 2).mean()
f = jit(value_and_grad(loss, argnums=(0, 1)))
r = np.random.default_rng(0)
w1, w2 = r.normal(size=(8, 16)), r.normal(size=(16, 4))
x, y = r.normal(size=(32, 8)), r.normal(size=(32, 4))
first = lambda: f(w1, w2, x, y)
""",
}
_SCRIPT = """
import json, time
import numpy as np
began = time.process_time()
from tracejit import jit, value_and_grad
imported = time.process_time()
{program}
made = time.process_time()
first()
called = time.process_time()
print(json.dumps([1e3 * (imported - began), 1e3 * (made - imported), 1e3 * (called - made)]))
"""
#: What is in the cache, and the environment that says so.
STATES: Mapping[str, Mapping[str, str]] = {
    "nothing": {"TRACEJIT_CACHE_DIR": ""},
    "object code": {"TRACEJIT_CACHE_VERSIONS": "0"},
    "versions": {"TRACEJIT_CACHE_VERSIONS": "1"},
}
ROUNDS = 7


@dataclass(frozen=True)
class FirstCall:
    """Milliseconds: importing tracejit, decorating, calling."""

    program: str
    cached: str
    imported: float
    decorated: float
    called: float


def measure(name: str, cached: str, folder: Path, rounds: int = ROUNDS) -> FirstCall:
    """The fastest of some processes, after one that fills the cache."""
    environment = {**os.environ, "TRACEJIT_CACHE_DIR": str(folder), **STATES[cached]}
    # Python's own cache is warm, as that of a package that is installed.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    environment["PYTHONPYCACHEPREFIX"] = str(folder / "bytecode")
    script = folder / f"{len(name)}.py"
    script.write_text(_SCRIPT.format(program=PROGRAMS[name]))
    command = [sys.executable, str(script)]
    times: list[list[float]] = []
    for _ in range(rounds + 1):
        run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        times.append(json.loads(run.stdout))
    return FirstCall(name, cached, *map(min, zip(*times[1:], strict=True)))


def show(only: str = "", rounds: int = ROUNDS) -> int:
    """Print the table; 1 where there is no row."""
    names: Sequence[str] = [name for name in PROGRAMS if only in name]
    print(f"{'program':28} {'in the cache':12} {'import':>7} {'@jit':>6} {'call':>7}  ms")
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            for cached in STATES:
                row = measure(name, cached, Path(folder), rounds)
                print(
                    f"{row.program:28} {row.cached:12} {row.imported:7.0f} {row.decorated:6.0f} "
                    f"{row.called:7.0f}",
                    flush=True,
                )
    return 0 if names else 1
