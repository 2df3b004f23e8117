"""Random programs through `jit` on cupy arrays, on a device that is not there.

    python -m tests.ptx.fuzz_on_device --first 0 --count 500

prints a line for each difference from NumPy, and how many programs there were. Sums have another
order on a GPU, so floats agree relative to the largest of a leaf.
"""

from __future__ import annotations

import argparse
import warnings
from collections import Counter
from typing import Any

import numpy as np

from tests.fuzz.choose import seeded
from tests.fuzz.program import program
from tests.programs.program import Outcome, run
from tests.ptx.device_calls import run_on
from tests.ptx.fake_device import fake_device
from tracejit import jit, trees
from tracejit.errors import TracejitError

#: Relative to the largest magnitude of a leaf, by the bytes of a real part.
_CLOSE = {2: 1e-2, 4: 1e-4, 8: 1e-9}


def from_seed(seed: int) -> str:
    """The outcome for the program of a seed, in a word. AssertionError: it differs from NumPy."""
    made = program(seeded(seed))
    if _is_read_only(made.arguments()):
        return "read-only"
    function = made.function()
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        want = run(function, made.arguments())
        arrays = any(isinstance(x, np.ndarray) for x in trees.leaves_of(made.arguments()))
        with fake_device() as gpu:
            fast = jit(function, shapes=made.policy, target=None if arrays else "cuda")
            got = run_on(gpu, fast, made.arguments(), want)
            assert gpu.error is None, f"{gpu.error}\n{made}"
            if isinstance(got.raised, TracejitError):
                return "refused"
            if type(got.raised).__name__ == "CUDARuntimeError":
                return "in Python"  # by cupy, which has no device
            problem = difference(got, want)
            assert not problem, f"{problem}\n{made}"
    return "compiled"


def _is_read_only(args: tuple[Any, ...]) -> bool:
    """Whether an argument cannot be written to; cupy has no such arrays."""
    return any(isinstance(x, np.ndarray) and not x.flags.writeable for x in args)


def difference(got: Outcome, want: Outcome) -> str:
    """What differs first, or nothing."""
    if type(got.raised) is not type(want.raised):
        return f"raised {got.raised!r}, NumPy {want.raised!r}"
    parts = [("argument", got.arguments, want.arguments), ("result", got.results, want.results)]
    for what, left, right in parts:
        if len(left) != len(right):
            return f"{len(left)} {what}s, not {len(right)}"
        for k, (a, b) in enumerate(zip(left, right, strict=True)):
            if not close(a, b):
                return f"{what} {k} is {a!r}, not {b!r}"
    return ""


def close(a: Any, b: Any) -> bool:
    """The same dtype, shape and, but for the order of sums, values."""
    x, y = np.asarray(a), np.asarray(b)
    if x.dtype != y.dtype or x.shape != y.shape:
        return False
    if x.dtype.kind not in "fc":
        return bool(np.array_equal(x, y))
    size = x.real.dtype.itemsize
    known = np.abs(y[np.isfinite(y)])
    scale = float(known.max()) if known.size else 0.0
    bound = _CLOSE[size]
    return bool(np.allclose(x, y, rtol=bound, atol=bound * scale, equal_nan=True))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=500)
    chosen = parser.parse_args()
    counts: Counter[str] = Counter()
    for seed in range(chosen.first, chosen.first + chosen.count):
        print(f"seed {seed}", end="\r", flush=True)
        try:
            counts[from_seed(seed)] += 1
        except Exception as error:
            counts["difference"] += 1
            print(f"seed {seed}: {type(error).__name__}: {error}")
    print(dict(counts))
    return counts["difference"]


if __name__ == "__main__":
    raise SystemExit(main())
