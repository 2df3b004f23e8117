"""Numbers in globals, enclosing variables and attributes that change from call to call.

Each is a constant of the first version. One that has changed is a run-time value from then on, as
extents and integers among the arguments are; where code does not compile so, as its structure
depends on the number, it stays a constant, and each of its values has a version.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np


class OutsideNumbers:
    """What is known of them for one function, by name (``self.t``)."""

    def __init__(self) -> None:
        self._changed: dict[str, bool] = {}
        self._constant: set[str] = set()

    def note(self, changed: Mapping[str, Any]) -> bool:
        """These numbers are others than those that a version was compiled for; whether some of them
        are run-time values from now on."""
        for name, value in changed.items():
            self._changed.setdefault(name, isinstance(value, int | np.integer))
        return not changed.keys() <= self._constant

    def attempts(self) -> Iterator[frozenset[str]]:
        """Which to make run-time values: all that changed, else those that are no integers (which
        decide structure more often), else none."""
        names = frozenset(self._changed) - self._constant
        floats = frozenset(n for n in names if not self._changed[n])
        yield from dict.fromkeys([names, floats, frozenset()])

    def compiled_with(self, run_time_globals: frozenset[str]) -> None:
        """Code compiles with these, so it was the others that it did not compile with."""
        self._constant |= self._changed.keys() - run_time_globals

    def clear(self) -> None:
        """Forget all of it."""
        self._changed.clear()
        self._constant.clear()
