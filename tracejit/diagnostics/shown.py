"""All that a run of a call shows, and runs that begin alike.

A call of the interpreter or of native code gives results or an exception, leaves arrays as it wrote
them, and prints. Generators of random numbers are as they were before it, and are put back.
"""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tracejit.diagnostics.repeated import repeated
from tracejit.diagnostics.replay import Recorded
from tracejit.dtypes import finfo, is_inexact
from tracejit.ir.core import Function
from tracejit.ir.interpret.interpreter import interpret
from tracejit.passes.runner import bits
from tracejit.records import dataclass

#: How far apart results may be, in units of rounding of the largest.
_UNITS = 1024
_NUMBER = re.compile(r"[-+]?\d+\.?\d*(?:[eE][-+]?\d+)?|nan|inf")

Run = Callable[[list[Any]], Sequence[Any]]


@dataclass(frozen=True)
class Shown:
    """``results``: none where it ends in ``error``, a type and a text. ``left``: its parameters
    afterwards. ``printed``: a text for each ``print``."""

    results: tuple[Any, ...]
    error: tuple[str, str] | None
    left: tuple[Any, ...]
    printed: tuple[str, ...]

    def same_bits(self, other: Shown) -> bool:
        """Whether nothing differs."""
        return (self.error, self.printed) == (other.error, other.printed) and all(
            tuple(map(bits, mine)) == tuple(map(bits, theirs))
            for mine, theirs in ((self.results, other.results), (self.left, other.left))
        )


class Runs:
    """Runs of one traced call."""

    def __init__(self, seen: Recorded) -> None:
        self.seen = seen
        self.places = {k: at for at, k in enumerate(seen.numbers) if k >= 0}

    def of(self, run: Run) -> Shown:
        """What a run shows; it gets arrays of its own, and writes to them."""
        params = self.seen.function.params
        arrays = [np.array(x, dtype=p.dtype) for x, p in zip(self.seen.args, params, strict=True)]
        lines = _Lines()
        results: tuple[Any, ...] = ()
        error = None
        try:
            with repeated(self.seen.function, self.seen.leaves), contextlib.redirect_stdout(lines):
                results = tuple(map(np.asarray, run(arrays)))
        except Exception as raised:
            error = type(raised).__name__, str(raised)
        return Shown(results, error, tuple(arrays), tuple(lines.texts))

    def interpreted(self, function: Function) -> Shown:
        """What a function of the IR shows."""

        def run(arrays: list[Any]) -> Sequence[Any]:
            def write_back(k: int, array: Any) -> None:
                arrays[self.places[k]][...] = array

            return interpret(function, arrays, write_back=write_back)

        return self.of(run)


class _Lines(io.StringIO):
    """A stream that keeps each text that is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def write(self, text: str, /) -> int:
        if text:
            self.texts.append(text)
        return len(text)


def close(got: Any, want: Any) -> bool:
    """Whether arrays agree but for rounding."""
    if got.shape != want.shape or not is_inexact(want.dtype):
        return bool(np.array_equal(got, want))
    limit = np.max(np.abs(want), initial=0.0, where=np.isfinite(want))
    rounding = float(finfo(want.dtype).eps) * _UNITS
    return bool(np.allclose(got, want, rtol=rounding, atol=rounding * limit, equal_nan=True))


def close_texts(got: str, want: str) -> bool:
    """Whether texts agree but for rounding of the numbers in them."""
    if _NUMBER.split(got) != _NUMBER.split(want):
        return False
    pairs = zip(_NUMBER.findall(got), _NUMBER.findall(want), strict=True)
    return all(np.isclose(float(x), float(y), rtol=1e-4, equal_nan=True) for x, y in pairs)
