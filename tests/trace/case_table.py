"""The table of functions for the converter's tests, each with the arguments to call it with.

Every function is run as it is and converted; results, exceptions and mutations must agree. They
live outside the test modules because pytest rewrites the assertions of those.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

CASES: list[tuple[Callable[..., Any], list[tuple[Any, ...]]]] = []
INTS = [(-2,), (0,), (1,), (2,), (3,), (7,)]
PAIRS = [(a, b) for a in (-1, 0, 1, 2, 5) for b in (0, 1, 3)]
LISTS = [([],), ([1],), ([1, 2, 3],), ([0, 5, -1, 4],)]


def case(*arguments: Any) -> Callable[[Any], Any]:
    """Enters a function with the arguments of each call."""

    def add(fn: Any) -> Any:
        CASES.append((fn, list(arguments)))
        return fn

    return add
