"""`tracejit.bench.compare`: a user's own function, compiled and not, side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import optree

from tracejit.bench.rows import Row
from tracejit.bench.show import duration
from tracejit.bench.timing import Measurement, copied, measure
from tracejit.records import dataclass


@dataclass(frozen=True)
class Comparison:
    """Measurements of one function: the function itself first, then tracejit, then peers."""

    measurements: tuple[Measurement, ...]

    @property
    def speedup(self) -> float:
        """How many times faster than the function itself; nan where the values differ."""
        found = {m.contender: m.median for m in self.measurements}
        return found["python"] / found["tracejit"]

    def __str__(self) -> str:
        lines = [f"{'':10} {'median':>9} {'spread':>7} {'times faster':>13} {'first call':>11}"]
        base = self.measurements[0].median
        for m in sorted(self.measurements, key=lambda m: m.contender != "python"):
            if m.problem:
                lines.append(f"{m.contender:10} {m.problem}")
                continue
            times = f"{duration(m.median):>9} {m.spread:>7.0%} {base / m.median:>13.2f}"
            lines.append(f"{m.contender:10} {times} {duration(m.first_call):>11}")
        return "\n".join(lines)


def compare(
    f: Callable[..., Any],
    args: Sequence[Any],
    *,
    peers: Sequence[str] = (),
    rounds: int = 25,
    rtol: float = 1e-9,
) -> Comparison:
    """Time ``f(*args)`` as Python and NumPy run it and as `jit(f)` does, in turn.

    ``f``: a function, or what `jit` made of one. ``args``: its arguments; where the function writes
    to them, each timed call gets copies. ``peers``: "numba", "jax", to time their `njit` and `jit`
    of the same function as well. ``rtol``: how far values may be apart, relative to the largest.

    Values are compared before anything is timed; a difference is a `problem` of the measurement.

    ```python
    from tracejit.bench import compare

    print(compare(lambda x: np.sqrt(x) + 1.0, [np.ones(1000)]))
    ```
    """
    unknown = set(peers) - _MAKERS.keys()
    if unknown:
        raise ValueError(f"no such peer: {', '.join(sorted(unknown))}; known: {', '.join(_MAKERS)}")
    plain = getattr(f, "__wrapped__", f)
    given = tuple(args)
    row = Row(
        getattr(plain, "__name__", "f"),
        lambda rng: given,
        plain,
        {name: _MAKERS[name](plain) for name in peers},
        None if plain is f else lambda: f,
        "python",
        _writes(plain, given),
        rtol,
    )
    found = {m.contender: m for m in measure(row, frozenset(), rounds, lambda: None)}
    return Comparison(
        tuple(found[name] for name in ("python", "tracejit", *peers) if name in found)
    )


def _writes(f: Callable[..., Any], args: tuple[Any, ...]) -> bool:
    """Whether a call changes the arrays among its arguments."""
    scratch = copied(args)
    with np.errstate(all="ignore"):
        f(*scratch)
    pairs = zip(optree.tree_leaves(args), optree.tree_leaves(scratch), strict=True)
    return any(isinstance(a, np.ndarray) and a.tobytes() != b.tobytes() for a, b in pairs)


_MAKERS: dict[str, Callable[[Callable[..., Any]], Callable[[Any], Callable[..., Any]]]] = {
    "numba": lambda f: lambda numba: numba.njit(f),
    "jax": lambda f: lambda jax: jax.jit(f),
}
