"""Measures the elementary functions: `python -m tests.ir.accuracy` writes the table of
`docs/accuracy.md` to standard output. The values are those of the compiled loops.

python -m tests.ir.accuracy 8000                against mpmath
python -m tests.ir.accuracy --many 10000000     against the C library's 80-bit functions
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import mpmath as mp
import numpy as np

from tests.codegen_llvm.elementwise_loop import compile_loop
from tracejit.ir import ops  # noqa: F401
from tracejit.ir.core import TABLE

Array = np.ndarray[Any, Any]


NAMES = [n for n, p in TABLE.items() if p.samples.exact is not None]


def truth(name: str) -> Callable[..., Any]:
    """The true value of a row, by mpmath."""
    rule = TABLE[name].samples.exact
    assert rule is not None
    return getattr(mp, rule) if isinstance(rule, str) else partial(rule, mp)


def _hard(dtype: Any, count: int) -> Array:
    """Floats nearest to multiples of pi/2, and the float64 closest to one of all."""
    with mp.workdps(60):
        multiples = [float(mp.pi / 2 * k) for k in range(1, count)]
    hardest = 6381956970095103.0 * 2.0**797
    return np.array([*multiples, hardest] if dtype == np.float64 else multiples, dtype)


def inputs(name: str, dtype: Any, count: int, seed: int = 1) -> tuple[Array, ...]:
    """Uniform, near zero, near one, of every magnitude, and hard cases; finite."""
    rng = np.random.default_rng(seed)
    dtype = np.dtype(dtype)
    low, high = TABLE[name].samples.interval
    if high > 100 and dtype == np.float32:
        low, high = low / 8, high / 8
    integer = np.dtype(f"i{dtype.itemsize}")
    every = rng.integers(np.iinfo(integer).min, np.iinfo(integer).max, count, integer).view(dtype)
    parts = [
        rng.uniform(low, high, 2 * count).astype(dtype),
        rng.uniform(-1.5, 1.5, count).astype(dtype),
        (1 + rng.normal(size=count) * 2.0 ** rng.uniform(-40, 0, count)).astype(dtype),
        (rng.normal(size=count) * 2.0 ** rng.uniform(-60, 3, count)).astype(dtype),
        every,
    ]
    if TABLE[name].samples.periodic:
        parts += [_hard(dtype, count // 4), rng.uniform(-1e6, 1e6, count).astype(dtype)]
    x = np.concatenate(parts)
    if TABLE[name].arity == 1:
        return (x[np.isfinite(x)],)
    y = rng.permutation(x)
    if name == "pow":  # exponents for which the result is in range
        top = 1000.0 if dtype == np.float64 else 126.0
        x = np.abs(x)
        with np.errstate(all="ignore"):
            near = (rng.uniform(-1, 1, x.size) * top / np.log2(x)).astype(dtype)
        y = np.where(rng.random(x.size) < 0.7, near, y)
    keep = np.isfinite(x) & np.isfinite(y)
    return x[keep], y[keep]


def ulps(name: str, got: Array, xs: tuple[Array, ...]) -> Array:
    """Error in units in the last place of the exact result, nan where that is not a real float."""
    info = np.finfo(got.dtype)
    digits, least = info.nmant, int(info.minexp) - info.nmant
    out = np.full(got.shape, np.nan)
    reference = truth(name)
    with mp.workprec(140):
        for k in range(got.size):
            try:
                exact = reference(*(x[k] for x in xs))
            except (ValueError, ZeroDivisionError):
                continue
            if not isinstance(exact, mp.mpf) or not mp.isfinite(exact) or exact == 0:
                continue
            if abs(exact) > mp.mpf(float(info.max)) or not np.isfinite(got[k]):
                rounds_up = abs(exact) >= mp.mpf(2) ** int(info.maxexp) * (1 - mp.mpf(2) ** -digits)
                out[k] = 0.0 if np.isinf(got[k]) and rounds_up else np.inf
                continue
            exponent = mp.frexp(exact)[1] - 1
            unit = mp.mpf(2) ** max(exponent - digits, least)
            out[k] = float(abs(mp.mpf(float(got[k])) - exact) / unit)
    return out


def ufunc(name: str) -> Any:
    """NumPy's function, None where it has none."""
    return getattr(np, {"pow": "power"}.get(name, name), None)


def worst_of_many(name: str, dtype: Any, count: int) -> tuple[float, tuple[float, ...], int]:
    """As `worst` on at least `count` inputs, against functions of 64 bits of precision.

    Those are right to about a thousandth of a unit of float64.
    """
    reference = ufunc(name)
    loop = compile_loop(TABLE[name].lower, [dtype] * reference.nin)
    info = np.finfo(dtype)
    most, total, seed = -1.0, 0, 100
    where: tuple[float, ...] = ()
    while total < count:
        seed += 1
        xs = inputs(name, dtype, 40000, seed)
        got = loop(*xs)
        with np.errstate(all="ignore"):
            exact = reference(*(x.astype(np.longdouble) for x in xs))
            exponent = np.frexp(exact)[1] - 1
            unit = np.ldexp(np.longdouble(1), np.maximum(exponent, info.minexp) - info.nmant)
            error = np.abs(got.astype(np.longdouble) - exact) / unit
        counted = np.isfinite(exact) & np.isfinite(got) & (exact != 0)
        total += int(counted.sum())
        error = np.where(counted, error, -1.0)
        k = int(np.argmax(error))
        if error[k] > most:
            most, where = float(error[k]), tuple(float(x[k]) for x in xs)
    return most, where, total


def worst(name: str, dtype: Any, count: int) -> tuple[float, tuple[float, ...], int]:
    """Largest error, where it is, and how many inputs had a finite exact result."""
    xs = inputs(name, dtype, count)
    got = compile_loop(TABLE[name].lower, [dtype] * len(xs))(*xs)
    error = ulps(name, got, xs)
    k = int(np.nanargmax(error))
    return float(error[k]), tuple(float(x[k]) for x in xs), int(np.sum(~np.isnan(error)))


def main(count: int, measure: Callable[..., Any], names: Sequence[str]) -> None:
    print("| function | float32: max ulp | at | float64: max ulp | at | inputs |")
    print("|---|---:|---|---:|---|---:|")
    for name in names:
        cells, total = [], 0
        for dtype in (np.float32, np.float64):
            error, where, n = measure(name, dtype, count)
            total += n
            cells += [f"{error:.2f}", ", ".join(f"{v:.9g}" for v in where)]
        print(f"| {name} | {' | '.join(cells)} | {total} |", flush=True)


if __name__ == "__main__":
    number = int(sys.argv[-1]) if len(sys.argv) > 1 else 4000
    if "--many" in sys.argv:
        main(number, worst_of_many, [n for n in NAMES if ufunc(n)])
    else:
        main(number, worst, NAMES)
