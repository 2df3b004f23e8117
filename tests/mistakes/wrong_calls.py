"""Rows of wrong calls: each is a call, and what it says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Wrong:
    """One row: a call that raises; ``says`` are words of the message, ``do`` what to write."""

    problem: str
    kind: type[Exception]
    says: str
    do: str
    call: Callable[[], Any]


WRONG: list[Wrong] = []


def wrong(problem: str, kind: type[Exception], says: str, do: str) -> Callable[[Any], Any]:
    def enter(call: Any) -> Any:
        WRONG.append(Wrong(problem, kind, says, do, call))
        return call

    return enter


def loss(x: Any) -> Any:
    return np.sum(x**2)


def weighted(w: Any, x: Any) -> Any:
    return np.sum(w * x)


def twice(x: Any) -> Any:
    return x * 2.0
